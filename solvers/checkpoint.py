"""Checkpoints: one file without pickle that any program with NumPy can read.

A checkpoint is an ``.npz`` archive (a zip of ``.npy`` arrays) with these entries:

``weights/<parameter>``
    Float32, one for each parameter of the network, in C order:

    ===================================  =========================================================
    name                                 layout
    ===================================  =========================================================
    ``encoder.conv1.W`` to ``conv6.W``   (out, in, row, column)
    ``encoder.fc.W``                     (in, out), in flattened from (channel, row, column)
    ``lstm.<gate>.W``                    (in, channel, x, y, z): one matrix a cell; ``<gate>`` is
                                         ``forget``, ``input`` or ``candidate``
    ``lstm.<gate>.U``                    (out, in, x, y, z)
    ``decoder.conv1.W`` to ``conv5.W``   (out, in, x, y, z), applied after unpooling where there
                                         is one
    ``<layer>.b``                        (out,)
    ===================================  =========================================================

    Convolutions are cross-correlations: kernels are not turned over.
``optimiser/<name>``
    Float32, the optimiser's state: ``velocity/<parameter>`` for SGD; ``mean/<parameter>``,
    ``square/<parameter>`` and ``steps`` for Adam. A file made with ``weights_only`` has none.
``split``
    Bytes (uint8): UTF-8 text, a line for each object of the data set that was trained on, ``part``,
    ``synset`` and ``id`` with tabs between them, as `voxlstm.lib.data.splits` writes it. Files of
    older versions have none.
``meta``
    Text (a 0-d unicode array) holding JSON: ``format`` (``"voxlstm checkpoint"``), ``version``,
    ``entries`` (the names of all other entries), ``iteration``, ``random`` (state of whatever
    draws at random, such as the batches), ``network`` and ``recipe`` (the definitions that were
    trained), ``extra`` (the caller's own).

So another framework reads the weights with::

    with numpy.load("last.npz", allow_pickle=False) as file:
        kernel = file["weights/encoder.conv1.W"]
        iteration = json.loads(str(file["meta"]))["iteration"]
"""

import io
import json
import zipfile
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..lib.base.errors import UserError, why
from ..lib.base.files import atomic_path
from ..lib.base.hints import StrPath
from ..lib.base.inputs import regular
from ..lib.base.npz import Damaged, NpzFile
from ..lib.data.split_files import ENCODING

if TYPE_CHECKING:
    from ..models.network import Network

FORMAT = "voxlstm checkpoint"
VERSION = 1

MOST = 2**53  # steps; JSON's numbers are exact up to there


def _is_count(value):
    return type(value) is int and 0 <= value < MOST


def _is_random(value):
    return isinstance(value, dict) and ("next" not in value or _is_count(value["next"]))


def _is_dict(value):
    return isinstance(value, dict)


_META = {
    "iteration": _is_count,
    "random": _is_random,
    "network": _is_dict,
    "recipe": _is_dict,
    "extra": _is_dict,
}


@dataclass(frozen=True)
class Checkpoint:
    """Everything that training needs to go on as if it had not stopped.

    Parameters
    ----------
    weights : mapping of str to ndarray
        The network's parameters.
    optimiser : mapping of str to ndarray
        The optimiser's state; empty in a file of weights only.
    iteration : int
        Steps done.
    random : dict
        State of whatever draws at random, as JSON.
    network, recipe : dict
        The definitions that were trained.
    extra : dict
        The caller's own, as JSON.
    split : str
        Which objects were trained, validated and to be tested on; empty where that is not known.
    version : int
        Of the file format.
    """

    weights: OrderedDict[str, np.ndarray]
    optimiser: OrderedDict[str, np.ndarray] = field(default_factory=OrderedDict)
    iteration: int = 0
    random: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    split: str = ""
    version: int = VERSION

    @property
    def threshold(self) -> float | None:
        """The threshold that was best on the validation objects; None where it was not looked for."""
        best = self.extra.get("best")
        threshold = best.get("threshold") if isinstance(best, dict) else None
        return threshold if type(threshold) is float and 0 < threshold < 1 else None

    @property
    def trained_on(self) -> str:
        """What the network was trained on, in words."""
        return self.extra.get("trained_on", "data that its file does not name")

    def without_folder(self) -> Self:
        """Return it without where the data lay on the machine of its training, for others to read."""
        return replace(self, extra={name: value for name, value in self.extra.items() if name != "data"})


def save(path: StrPath, checkpoint: Checkpoint, weights_only: bool = False, half: bool = False) -> None:
    """Write a checkpoint atomically: a reader finds the old file or the new one, never a part.

    Parameters
    ----------
    path : path
        Ends in ``.npz``.
    checkpoint : Checkpoint
    weights_only : bool
        Leave out the optimiser's and the random state, and compress: a small file to predict
        with, from which training cannot go on.
    half : bool
        Round the weights to float16, which `load` returns as float32: half the size. Probabilities
        change by less than 0.01.
    """
    if Path(path).suffix != ".npz":
        raise UserError(f"the name of a checkpoint ends in .npz; {path} does not")
    optimiser = {} if weights_only else checkpoint.optimiser
    meta = {"format": FORMAT, "version": VERSION}
    meta.update((name, getattr(checkpoint, name)) for name in _META)
    if weights_only:
        meta["random"] = {}
    arrays = {
        f"weights/{name}": value.astype(np.float16) if half else value
        for name, value in checkpoint.weights.items()
    }
    arrays.update((f"optimiser/{name}", value) for name, value in optimiser.items())
    if checkpoint.split:
        arrays["split"] = np.frombuffer(checkpoint.split.encode(*ENCODING), np.uint8)
    meta["entries"] = list(arrays)
    arrays["meta"] = np.array(json.dumps(meta))
    write = np.savez_compressed if weights_only else np.savez
    # In memory first: a ZipFile that meets a full disk complains once more when it is collected.
    buffer = io.BytesIO()
    write(buffer, **arrays)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load(path: StrPath) -> Checkpoint:
    """Read a checkpoint.

    Returns
    -------
    Checkpoint

    Raises
    ------
    UserError
        When the file is missing, cut short or damaged, was not written by this project, or was
        written by a newer version of it.
    """
    meta, arrays = _read(Path(path))
    weights, optimiser = _part(arrays, "weights/"), _part(arrays, "optimiser/")
    for name, value in weights.items():
        weights[name] = value.astype(np.float32) if value.dtype == np.float16 else value
    check_facts(path, meta)
    if not weights or meta.get("entries") != list(arrays):
        raise UserError(f"{path} is damaged: weights are missing, or entries do not belong")
    values = {name: meta[name] for name in _META}
    if "split" in arrays and arrays["split"].dtype != np.uint8:
        raise UserError(f"{path} is damaged: its 'split' is missing or of the wrong kind")
    split = arrays.get("split", np.empty(0, np.uint8)).tobytes().decode(*ENCODING)
    return Checkpoint(weights=weights, optimiser=optimiser, split=split, version=meta["version"], **values)


def check_facts(path: StrPath, meta: dict[str, Any]) -> None:
    """Refuse, naming the file, what is missing of a checkpoint's plain values or of the wrong kind."""
    for name, right in _META.items():
        if not right(meta.get(name)):
            raise UserError(f"{path} is damaged: its {name!r} is missing or of the wrong kind")


def load_network(path: StrPath) -> tuple["Network", Checkpoint]:
    """Make the network that a checkpoint was trained with, with the trained weights.

    Returns
    -------
    Network, Checkpoint
    """
    checkpoint = load(path)
    return network_of(checkpoint, path), checkpoint


def network_of(checkpoint: Checkpoint, path: StrPath) -> "Network":
    """Make the network of a checkpoint with its weights; errors name its file."""
    # Reading a checkpoint needs no Theano; only making its network does.
    from ..lib.base.config import build
    from ..models.network import Network, NetworkConfig, check_weights

    config = build(NetworkConfig, checkpoint.network, where=str(path))
    check_weights(config, checkpoint.weights, f"the weights in {path}")
    network = Network(config)
    network.set_weights(checkpoint.weights, f"the weights in {path}")
    return network


def _read(path):
    """Return the meta data and all other arrays of a file that is ours and whole."""
    if not path.exists():
        raise UserError(f"there is no checkpoint {path}; check the name")
    try:
        if not zipfile.is_zipfile(regular(path)):
            raise UserError(_not_a_zip(path))
        with NpzFile(path) as file:
            if "meta" not in file.names:
                raise UserError(f"{path} is not a checkpoint of voxlstm: it has no entry 'meta'")
            meta = _parse_meta(path, file.read("meta"))
            arrays = OrderedDict((name, file.read(name)) for name in file.names if name != "meta")
    except OSError as error:
        raise UserError(f"cannot read the checkpoint {path}: {why(error)}") from error
    except Damaged as error:
        raise UserError(f"the checkpoint {path} is damaged ({error}); use another copy of it") from error
    for name, value in arrays.items():
        finite = value.dtype.kind in "fiu" and (not name.startswith("weights/") or np.isfinite(value).all())
        if not finite:
            raise UserError(f"{path} is damaged: {name} is not all finite numbers; use another copy of it")
    return meta, arrays


def _not_a_zip(path):
    with open(path, "rb") as file:
        start = file.read(4)
    if start and not start.startswith(b"PK"):
        return f"{path} is not a checkpoint of voxlstm: it is not an .npz file"
    return f"the checkpoint {path} is cut short; use another copy of it"


def _parse_meta(path, array):
    foreign = UserError(f"{path} is not a checkpoint of voxlstm: its entry 'meta' is another's")
    if array.dtype.kind != "U" or array.shape != ():
        raise foreign
    try:
        meta = json.loads(str(array))
    except (ValueError, RecursionError, SystemError) as error:
        raise foreign from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise foreign
    version = meta.get("version")
    if type(version) is not int or version < 1:
        raise UserError(f"{path} is damaged: its format version is {version!r:.80}")
    if version > VERSION:
        raise UserError(
            f"{path} was written by a newer voxlstm (format {version}; this one reads up to"
            f" {VERSION}); update voxlstm"
        )
    return meta


def _part(arrays, prefix):
    named = [(name, value) for name, value in arrays.items() if name.startswith(prefix)]
    return OrderedDict((name[len(prefix) :], value) for name, value in named)
