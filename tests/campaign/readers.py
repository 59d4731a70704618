"""The readers of files of unknown origin: for each, good files, how they are damaged, and the call."""

import gzip
import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import numpy as np
from PIL import Image

from tests.base import hostile
from tests.models.tiny import config
from voxlstm.lib.base.config import build, load_yaml, override
from voxlstm.lib.data import binvox, fetch, pictures, views
from voxlstm.lib.evaluation.metrics import SWEEP
from voxlstm.lib.evaluation.predictions import Predictions, open_writer
from voxlstm.lib.geometry import mesh
from voxlstm.lib.geometry.camera import read_viewpoints
from voxlstm.models.network import NetworkConfig
from voxlstm.solvers import checkpoint
from voxlstm.solvers.recipe import Recipe

from . import mutations

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Reader:
    """What is tried of one reader: ``read`` is called with the path of a changed file."""

    suffix: str
    good: list
    read: Callable
    ways: tuple = (mutations.damaged,)
    allowed: tuple = field(default=())  # what it may raise beside UserError


def all_readers(folder):
    """Return the readers by name; good files are made in ``folder``."""
    return {
        "binvox": Reader(".binvox", [binvox.encode(grid) for grid in _grids()], binvox.read, _TEXT),
        "view": Reader(".png", [_picture("PNG", "RGBA", 137)], views.read_rendering, _PNG),
        "picture": Reader(".img", [_picture(*kind) for kind in _PICTURES], pictures.load_picture, _PNG),
        "checkpoint": Reader(".npz", _checkpoints(folder), checkpoint.load, (mutations.damaged, _spoiled)),
        "predictions": Reader(".npz", _predictions(folder), _read_predictions, (mutations.damaged, _spoiled)),
        "definition": Reader(".yaml", _texts("models/*.yaml"), _read_definition, _TEXT),
        "recipe": Reader(".yaml", _texts("solvers/*.yaml"), _read_recipe, _TEXT),
        "metadata": Reader(".txt", [b"120 27 0 0.8 25\n240.5 -3 0 0.9 25\n"], read_viewpoints, _TEXT),
        "mesh": Reader(".obj", [_obj()], mesh.read, _TEXT, allowed=(Exception,)),
        "archive": Reader(".tgz", [_archive()], _unpack, (mutations.damaged, _damaged_inside)),
    }


_TEXT = mutations.damaged, mutations.reworded
_PNG = mutations.damaged, lambda data, generator: mutations.with_png_sums(mutations.damaged(data, generator))
_PICTURES = [
    ("PNG", "RGBA", 40),
    ("PNG", "L", 40),
    ("PNG", "P", 40),
    ("JPEG", "RGB", 40),
    ("WEBP", "RGBA", 40),
    ("TIFF", "RGB", 40),
    ("BMP", "RGB", 40),
    ("GIF", "P", 40),
]


def _grids():
    random = np.random.default_rng(0)
    return [random.random((side,) * 3) < share for side in (1, 3, 16, 32) for share in (0.02, 0.5)]


def _picture(kind, mode, side):
    pixels = np.random.default_rng(1).integers(0, 255, (side, side, 4), np.uint8)
    pixels[side // 4 : side // 2, :, 3] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def _checkpoints(folder):
    weights = {"a.W": np.arange(6, dtype="f4").reshape(2, 3), "a.b": np.zeros(3, "f4")}
    saved = checkpoint.Checkpoint(
        weights,
        {"velocity/a.W": weights["a.W"]},
        3,
        {"next": 1},
        config(3).to_dict(),
        {"rate": 1},
        split="train\ta\tb\n",
    )
    made = []
    for weights_only in (False, True):
        checkpoint.save(folder / "good.npz", saved, weights_only)
        made.append((folder / "good.npz").read_bytes())
    return made


def _predictions(folder):
    with open_writer(folder / "good.npz", SWEEP) as writer:
        for name in "ab":
            writer.add("chair", name, np.eye(8)[:, :, None] * np.ones(8), np.zeros((2, 8, 8, 8), "f4"))
        writer.finish({"views": [1, 2]})
    return [(folder / "good.npz").read_bytes()]


def _spoiled(data, generator):
    entries = hostile.entries_of(io.BytesIO(data))
    victim = generator.randrange(len(entries))
    name, content = entries[victim]
    known = generator.choice(list(hostile.ENTRIES.values()))
    entries[victim] = name, generator.choice((known, mutations.damaged(content, generator)))
    return hostile.archive(entries, generator.choice((0, 8)))


def _read_predictions(path):
    saved = Predictions(path)
    for number in range(len(saved)):
        saved.of_views(number, saved.about["views"])


def _texts(pattern):
    return [path.read_bytes() for path in sorted(ROOT.glob(pattern))]


def _read_definition(path):
    build(NetworkConfig, load_yaml(path), str(path)).to_dict()


def _read_recipe(path):
    Recipe.from_dict(load_yaml(path), str(path)).to_dict()
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    override({}, [f"rate={line}" for line in text.splitlines()[:1]])


def _obj():
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    faces = ("1 2 4 3", "5 7 8 6", "1 5 6 2", "3 4 8 7", "1 3 7 5", "2 6 8 4")
    lines = [f"v {x} {y} {z}" for x, y, z in corners] + [f"f {face}" for face in faces]
    return "\n".join(lines).encode()


def _archive():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in ("a/model.binvox", "b/model.binvox"):
            member = tarfile.TarInfo(f"ShapeNetVox32/{name}")
            member.size, member.pax_headers = 600, {"comment": "x"}
            archive.addfile(member, io.BytesIO(b"abc" * 200))
    return file.getvalue()


def _damaged_inside(data, generator):
    return gzip.compress(mutations.damaged(gzip.decompress(data), generator), 1)


def _unpack(path):
    fetch.unpack(path, "ShapeNetVox32", path.parent)
