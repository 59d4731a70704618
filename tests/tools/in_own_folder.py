"""A tool in a folder of each process's own, named by its rank: machines whose disks are not shared."""

import os
import sys
from importlib import import_module
from pathlib import Path

from voxlstm.lib.base.errors import run_tool

if __name__ == "__main__":
    _, root, tool, *rest = sys.argv
    os.chdir(Path(root) / os.environ["OMPI_COMM_WORLD_RANK"])
    run_tool(lambda: import_module(f"voxlstm.tools.{tool}").main(rest), together=True)
