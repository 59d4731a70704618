"""A small archive like those of the release."""

import io
import tarfile

import numpy as np

FOLDER, NAME = "ShapeNetVox32", "ShapeNetVox32.tgz"
NOISE = np.random.default_rng(0).bytes(300_000)
CONTENT = {f"{FOLDER}/03001627/a/model.binvox": NOISE, f"{FOLDER}/03001627/b/x": b"small"}


def packed(files=CONTENT, extra=()):
    """Return a .tgz of files and of further `tarfile.TarInfo`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member in extra:
            archive.addfile(member)
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o6777
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


DATA = packed()
