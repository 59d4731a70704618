"""Reconstruct the objects whose pictures come with voxlstm: a mesh of each, a picture and a page of all."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from voxlstm.lib.api import load
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import check_writable, write_bytes
from voxlstm.lib.base.progress import printable, say
from voxlstm.lib.evaluation.demo import demo_cases, write_demo
from voxlstm.lib.evaluation.report.figures import png, result_sheet
from voxlstm.lib.geometry import export
from voxlstm.models.predictor import Predictor
from voxlstm.tools.options import add_device, add_weights
from voxlstm.tools.reconstruct import trained_on


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--out", metavar="DIR", default="demo", help="folder for the files; default: %(default)s")
    add_weights(parser)
    add_device(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the meshes and the page; return 0."""
    options = parse_arguments(argv)
    out = Path(options.out)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is not a folder; give --out another name")
    export.check_name("any.glb")
    check_writable(out / "demo.html")
    net = load(options.weights, options.device)
    network, threshold = net.network, net.threshold
    say("compiling; the first time on a machine takes half a minute")
    cases = demo_cases(Predictor(network), network.config.image, threshold)
    for case in cases:
        last, occupancy = case.rows[-1], case.occupancy[-1]
        path = out / f"{last.category}.glb"
        if occupancy.max() > threshold:
            export.write(path, occupancy, threshold)
            print(f"{path}: IoU {last.iou:.3f} with its true shape")
        else:
            print(f"{path} is not written: nothing is above the threshold {threshold:g}")
    write_bytes(out / "demo.png", png(result_sheet(cases, threshold)))
    write_demo(out / "demo.html", cases, threshold, printable(trained_on(options.weights, net.checkpoint)))
    print(f"{out / 'demo.html'}: open it in a browser and turn them")
    return 0


if __name__ == "__main__":
    run_tool(main)
