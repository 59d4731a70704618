"""The readers of files of unknown origin: for each, good files, how they are damaged, and the call."""

import base64
import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import trimesh
from PIL import Image
from scipy.io import savemat
from trimesh.visual import TextureVisuals
from trimesh.visual.material import SimpleMaterial

from tests.base import hostile
from tests.exchange import networks
from tests.models.tiny import config
from voxlstm.lib.base.config import build, load_yaml, override
from voxlstm.lib.data import binvox, fetch, marker, pictures, splits, views
from voxlstm.lib.data.index_cache import IndexCache
from voxlstm.lib.evaluation.metrics import SWEEP
from voxlstm.lib.evaluation.predictions import Predictions, open_writer
from voxlstm.lib.exchange import files
from voxlstm.lib.geometry import reading
from voxlstm.lib.geometry.camera import read_viewpoints
from voxlstm.lib.runs import curves
from voxlstm.lib.runs.run_folder import RunFolder
from voxlstm.models.network import NetworkConfig
from voxlstm.solvers import checkpoint
from voxlstm.solvers.recipe import Recipe

from . import mutations

ROOT = Path(__file__).resolve().parents[2]
_OBJ = b"""mtllib a.mtl
v 0 0 0\nv 0 0 1\nv 0 1 0\nv 0 1 1\nv 1 0 0\nv 1 0 1\nv 1 1 0\nv 1 1 1
vt 0 0\nvn 0 0 1\nusemtl red
f 1 2 4 3\nf 5/1 7/1 8/1 6/1\nf 1/1/1 5/1/1 6/1/1 2/1/1\nf 3//1 4//1 8//1 7//1\nf -8 -6 -2\nf 2 6 8 4
"""
_AC = b"""AC3Db
MATERIAL "red" rgb 1 0 0 amb 1 1 1 emis 0 0 0 spec 0 0 0 shi 10 trans 0
OBJECT world\nkids 1
OBJECT poly\nname "box"\nloc 1 0 0\nnumvert 4\n0 0 0\n1 0 0\n0 1 0\n0 0 1
numsurf 2\nSURF 0x10\nmat 0\nrefs 3\n0 0 0\n1 1 0\n2 0 1\nSURF 0x20\nmat 0\nrefs 3\n0 0 0\n2 1 1\n3 1 0\nkids 0
"""


@dataclass(frozen=True)
class Reader:
    """What is tried of one reader: ``read`` is called with the path of a changed file, of that name."""

    name: str
    good: list
    read: Callable
    ways: tuple = (mutations.damaged,)


def all_readers(folder):
    """Return the readers by name; good files are made in ``folder``."""
    return {
        "binvox": Reader("a.binvox", [binvox.encode(grid) for grid in _grids()], binvox.read, _TEXT),
        "matlab": Reader("a.mat", list(_matlab()), binvox.read),
        "view": Reader("a.png", [_picture("PNG", "RGBA", 137)], views.read_rendering, _PNG),
        "picture": Reader("a.img", _pictures(), pictures.load_picture, _PNG),
        "checkpoint": Reader("a.npz", _checkpoints(folder), checkpoint.load, _NPZ),
        "predictions": Reader("a.npz", _predictions(folder), _read_predictions, _NPZ),
        "definition": Reader("a.yaml", _texts("models/*.yaml"), _read_definition, _TEXT),
        "recipe": Reader("a.yaml", _texts("solvers/*.yaml"), _read_recipe, _TEXT),
        "metadata": Reader("a.txt", [b"120 27 0 0.8 25\n240.5 -3 0 0.9 25\n"], read_viewpoints, _TEXT),
        "ONNX": Reader("a.onnx", _exported(folder, "onnx"), files.read),
        "safetensors": Reader("a.safetensors", _exported(folder, "safetensors", "torch"), files.read, _TEXT),
        "archive": Reader("ShapeNetVox32.tgz", [_archive()], _unpack, (mutations.damaged, _damaged_inside)),
        "listing": Reader("index.json", [_listing(folder)], _read_listing, _TEXT),
        "marker": Reader("dataset.json", [_MARKER], lambda path: marker.read(path.parent), _TEXT),
        "starts": Reader("run.json", [_starts(folder)], _read_starts, _TEXT),
        "curves": Reader("curves.csv", [_CURVES], curves.read, _TEXT),
        "split": Reader("split.txt", [b"train\ta\tb\ntest\ta\tc\n"], splits.read, _TEXT),
        **{f"mesh {kind}": Reader(f"a.{kind}", [data], reading.read, _TEXT) for kind, data in _meshes()},
    }


_TEXT = mutations.damaged, mutations.reworded
_PNG = mutations.damaged, lambda data, generator: mutations.with_png_sums(mutations.damaged(data, generator))
_NPZ = mutations.damaged, lambda data, generator: _spoiled(data, generator)
_CURVES = ",".join(curves.FIELDS).encode() + b"\n1,0.5,0.1,,\n2,0.25,0.1,0.5,0.3\n"
_MARKER = b'{"source": "models", "version": 2, "resolution": 32, "added": [{"source": "procedural"}]}'
_KINDS = (
    *(("PNG", mode) for mode in ("RGBA", "L", "P", "I;16")),
    *((kind, "RGBA") for kind in ("WEBP", "TGA", "ICO", "DDS", "SGI", "JPEG2000", "AVIF", "QOI", "ICNS")),
    *((kind, "RGB") for kind in ("JPEG", "MPO", "TIFF", "BMP", "PCX", "PPM", "IM")),
    ("GIF", "P"),
)


def _grids():
    random = np.random.default_rng(0)
    return [random.random((side,) * 3) < share for side in (1, 3, 16, 32) for share in (0.02, 0.5)]


def _matlab():
    for packed in (False, True):
        file = io.BytesIO()
        savemat(file, {"voxels": np.eye(8)[:, :, None] * np.ones(8), "b": "text"}, do_compression=packed)
        yield file.getvalue()


def _picture(kind, mode, side):
    pixels = np.random.default_rng(1).integers(0, 255, (side, side, 4), np.uint8)
    pixels[side // 4 : side // 2, :, 3] = 255
    image, file = Image.fromarray(pixels), io.BytesIO()
    image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
    image.save(file, kind)
    return file.getvalue()


def _pictures():
    Image.init()
    return [_picture(kind, mode, 40) for kind, mode in _KINDS if kind in Image.SAVE]


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


def _exported(folder, *forms):
    network = networks.drawn(config(3))
    source, made = networks.write(network, folder / "exported.npz"), []
    for form in forms:
        path = folder / f"good{files.ENDINGS[form]}"
        files.write(path, networks.checkpoint(network), source, form)
        made.append(path.read_bytes())
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


def _meshes():
    """Yield the suffix and the bytes of a box in each format that is read."""
    box = trimesh.creation.box((1, 2, 3))
    yield from (("obj", _OBJ), ("ac", _AC))
    for kind in ("stl", "off", "ply", "glb"):
        data = box.export(file_type=kind)
        yield kind, data.encode() if isinstance(data, str) else data
    picture = SimpleMaterial(image=Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)))
    box.visual = TextureVisuals(uv=box.vertices[:, :2], material=picture)
    yield "gltf", _in_one_file(box.export(file_type="gltf"))


def _in_one_file(files):
    """Return a glTF file that holds what it names."""
    content = json.loads(files["model.gltf"])
    for entry in content["buffers"] + content["images"]:
        if "uri" in entry:
            data = base64.b64encode(files[entry["uri"]]).decode()
            entry["uri"] = f"data:application/octet-stream;base64,{data}"
    return json.dumps(content).encode()


def _listing(folder):
    cache = IndexCache(folder)
    cache.path = folder / "index.json"
    cache.save({"a/b": (1, 2, ("00.png", "01.png"), ""), "a/c": (3, 4, (), "it is empty")})
    return cache.path.read_bytes()


def _read_listing(path):
    cache = IndexCache(path.parent)
    cache.path = path
    cache.load()


def _starts(folder):
    with RunFolder(folder / "begun") as run:
        run.note_start(data="a", data_digest="b", objects={"train": 3}, split={"name": "c"}, precision="d")
    return (folder / "begun" / "run.json").read_bytes()


def _read_starts(path):
    with RunFolder(path.parent, resume=True) as run:
        run.starts()


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
