"""That processes which do one job together are the same program, told the same, and see the same data."""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..base.inputs import regular
from ..base.program import ROOT, sources
from ..data.shapenet import Item
from ..parallel.group import Alone
from .run_folder import versions

OWN = {"device"}  # options that each process may have its own value of
SAMPLE = 32  # objects whose files are read to know a data set again
START = "start every process with the same options and the same voxlstm"


def check_alike(group: Alone, options: argparse.Namespace) -> None:
    """Refuse processes of other code, versions or options than the first one's.

    Raises
    ------
    UserError
        In every process, naming what differs.
    """
    if group.size == 1:
        return
    given = {f"the option '{name}'": value for name, value in vars(options).items() if name not in OWN}
    found = {f"the version of {name}": value for name, value in versions().items() if name != "platform"}
    group.check_same({**given, **found, "the digest of voxlstm's files": code_digest(ROOT)}, START)


def check_data(group: Alone, items: Sequence[Item]) -> None:
    """Refuse processes that find other files of the objects than the first one, as on a disk of their own.

    Of a sample of the objects, the grid and the first view are read.

    Raises
    ------
    UserError
        In every process, naming one that differs.
    """
    if group.size == 1 or not items:
        return
    digest = hashlib.sha256()
    for item in items[:: -(-len(items) // SAMPLE)]:
        for path in (item.voxels_path, item.view_path(0)):
            digest.update(_content(path))
    found = {"the digest of a sample of the data set's files": digest.hexdigest()}
    group.check_same(found, "give every machine the same data set under the same path")


def code_digest(root: Path) -> str:
    """Return a digest of the program's files below the folder that holds it."""
    return hashlib.sha256("\0".join(sources(root)).encode()).hexdigest()


def _content(path):
    """Return a file's bytes, or in place of them why there are none."""
    try:
        return regular(path).read_bytes()
    except OSError as error:
        return f"{path}: {error.strerror}".encode()
