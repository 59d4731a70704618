"""Write a trained network's weights alone, rounded to float16, and its scores beside them."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import check_apart, check_writable, sha256, write_json
from voxlstm.lib.evaluation import output
from voxlstm.solvers import checkpoint

SCORES = (
    "threshold",
    "resolution",
    "objects",
    "by_views",
    "by_category",
    "baseline",
    "thresholds",
    "sweep",
    "data",
    "split",
    "network",
)


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", metavar="NPZ", type=Path, required=True, help="checkpoint, such as best.npz")
    add(
        "--results",
        metavar="JSON",
        type=Path,
        required=True,
        help="results.json that tools/test_net.py wrote of these weights",
    )
    add(
        "--out",
        metavar="NPZ",
        type=Path,
        required=True,
        help="what to write; the scores go to a .json of the same name",
    )
    add(
        "--trained-on",
        metavar="TEXT",
        help="what to say of the training data, in place of what the checkpoint says",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Write both files; return 0."""
    options = parse_arguments(argv)
    written = options.out.with_suffix(".json")
    check_apart({"--out": options.out, "--out's .json": written}, [options.weights, options.results])
    check_writable(options.out, written)
    trained, results = checkpoint.load(options.weights), output.read_results(options.results)
    digest = sha256(options.weights)
    if results["weights"]["sha256"] != digest:
        raise UserError(
            f"{options.results} holds the scores of other weights than {options.weights};"
            " run tools/test_net.py with these weights"
        )
    extra = trained.without_folder().extra
    if options.trained_on:
        extra["trained_on"] = options.trained_on
    checkpoint.save(options.out, replace(trained, extra=extra), weights_only=True, half=True)
    scores = {name: results[name] for name in SCORES}
    scores["data"] = {name: value for name, value in scores["data"].items() if name != "folder"}
    scores["trained_on"], scores["stored_threshold"] = extra["trained_on"], trained.threshold
    write_json(written, scores)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    run_tool(main)
