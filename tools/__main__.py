"""The command ``voxlstm``: its first argument chooses one of the tools."""

import difflib
import sys
from importlib import import_module, metadata

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.launcher import one_of_several
from voxlstm.lib.base.signals import end_at_once, raise_interrupt

COMMANDS = {  # name: (module of this folder, what it does)
    "train": ("train_net", "train a network"),
    "test": ("test_net", "score a trained network on the held-out part of a data set"),
    "reconstruct": ("reconstruct", "make a 3-D model of pictures"),
    "page": ("page", "make a web page that reconstructs in the browser"),
    "demo": ("demo", "make 3-D models of the pictures that come along, and a page of them"),
    "export": ("export", "write a trained network as ONNX, safetensors or for PyTorch"),
    "import": ("import_weights", "make a checkpoint of what export wrote"),
    "make-dataset": ("make_dataset", "render and voxelise 3-D models, procedural or your own"),
    "gather-models": ("gather_models", "gather free models of Debian packages for make-dataset"),
    "fetch-shapenet": ("fetch_shapenet", "download the paper's data set"),
    "check-setup": ("check_setup", "report on this machine and prove the device"),
    "reproduce": ("reproduce", "data, training of both small networks, report"),
    "ship-weights": ("ship_weights", "write weights alone, rounded, and their scores"),
    "measure-claims": ("measure_claims", "measure the paper's claims with several seeds"),
    "measure-hull": ("measure_hull", "score the classical method, a visual hull"),
    "measure-cells": ("measure_cells", "measure the recurrent cells as a hidden part is first seen"),
}
TOGETHER = "train", "test", "make-dataset", "check-setup"  # that mpirun may start as several processes


def usage() -> str:
    """Return the text of ``voxlstm --help``."""
    lines = [f"  {name:16}{about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: voxlstm COMMAND [OPTIONS]\n",
            *lines,
            "\nvoxlstm COMMAND --help lists the options; voxlstm --version prints the version.",
        ]
    )


def run(name: str = "--help", *arguments: str) -> int | None:
    """Run a command; return its exit status."""
    if name in ("help", "--help", "-h"):
        print(usage())
        return 0
    if name == "--version":
        print("voxlstm", metadata.version("voxlstm"))
        return 0
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        meant = f" (did you mean '{near[0]}'?)" if near else ""
        raise UserError(f"there is no command '{name}'{meant}; take one of {', '.join(COMMANDS)}")
    if one_of_several() and name not in TOGETHER:
        raise UserError(f"'{name}' is for one process; start it without mpirun")
    # The tool shows this name in its help and its errors.
    sys.argv = [f"voxlstm {name}", *arguments]
    # Imported only now: most tools import Theano.
    end_at_once()
    tool = import_module(f"voxlstm.tools.{COMMANDS[name][0]}")
    raise_interrupt()
    return tool.main()


def main() -> None:
    """Run what the command line says."""
    _, *arguments = sys.argv
    sys.argv = ["voxlstm", *arguments]
    # `run` itself knows which commands are for several processes.
    run_tool(lambda: run(*arguments), together=True)


if __name__ == "__main__":
    main()
