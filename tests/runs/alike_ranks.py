"""What each of two processes finds of the other; the first argument says in what they differ."""

import argparse
import sys
from unittest import mock

from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.parallel.group import join
from voxlstm.lib.runs import alike


def version(ranks, root):
    found = {"numpy": f"1.{ranks.rank}", "platform": ranks.rank}  # the platform may differ
    with mock.patch.object(alike, "versions", lambda: found):
        alike.check_alike(ranks, argparse.Namespace())


def code(ranks, root):
    with mock.patch.object(alike, "ROOT", alike.ROOT if ranks.first else alike.ROOT / "tests"):
        alike.check_alike(ranks, argparse.Namespace())


def device(ranks, root):
    alike.check_alike(ranks, argparse.Namespace(device=f"cuda{ranks.rank}", data="data"))


def data(ranks, root):
    """Each looks at a folder of its own, as where a path is on a disk of each machine."""
    items = Index.open(f"{root}/{ranks.rank}", cache=False).items
    alike.check_data(ranks, items)


def main():
    with join() as ranks:
        globals()[sys.argv[1]](ranks, sys.argv[2])
        if ranks.first:
            print("alike")


if __name__ == "__main__":
    run_tool(main, together=True)
