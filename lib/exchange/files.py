"""Exported files: written whole or not at all, read with every fault in one sentence."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ...models.config import NetworkConfig
from ...solvers.checkpoint import Checkpoint
from ..base.errors import UserError, need, why
from ..base.files import write_bytes
from ..base.hints import StrPath
from ..base.inputs import regular
from .graph import make_model
from .metadata import OPERATORS, OWN, describe, restore
from .weights import to_operators

ENDINGS = {"onnx": ".onnx", "safetensors": ".safetensors", "torch": ".safetensors"}


def format_of(path: StrPath, wanted: str | None = None) -> str:
    """Return the format in which to write a file: the one that is wanted, or its name's.

    Raises
    ------
    UserError
        Where its name has another ending, or an unknown one.
    """
    ending = Path(path).suffix.lower()
    if wanted is None:
        wanted = next((name for name, known in ENDINGS.items() if known == ending), None)
    if wanted is None or ENDINGS[wanted] != ending:
        endings = ENDINGS[wanted] if wanted else " or ".join(sorted(set(ENDINGS.values())))
        raise UserError(f"the name of what is written, {path}, must end in {endings}")
    return wanted


def write(
    path: StrPath,
    saved: Checkpoint,
    source: StrPath,
    form: str = "onnx",
    views: int | None = None,
    half: bool = False,
) -> None:
    """Write a trained network.

    Parameters
    ----------
    path : path-like
    saved : Checkpoint
        Whose weights fit its definition.
    source : path-like
        Its file.
    form : str
        ``"onnx"``: the network itself; ``"safetensors"``: the weights by their names in a checkpoint;
        ``"torch"``: a safetensors file too, of the weights in the form that PyTorch's functions take.
    views : int, optional
        See `make_model`; of ONNX only.
    half : bool
        Whether to round the weights to float16.
    """
    config = NetworkConfig.from_dict(saved.network, str(source))
    metadata = describe(saved, source, OWN if form == "safetensors" else OPERATORS)
    weights = saved.weights if form == "safetensors" else to_operators(saved.weights, config)
    if form == "onnx":
        data = make_model(config, weights, metadata, views, half).SerializeToString()
    else:
        kind = np.float16 if half else np.float32
        arrays = {name: np.ascontiguousarray(value, kind) for name, value in weights.items()}
        data = need("safetensors.numpy", "export").save(arrays, metadata)
    write_bytes(path, data)


def read(path: StrPath) -> Checkpoint:
    """Read a file that `write` wrote.

    Returns
    -------
    Checkpoint
        Bit for bit the weights that were written; float16 becomes float32.

    Raises
    ------
    UserError
        Where the file is missing, damaged, or another program's.
    """
    path = Path(path)
    form = format_of(path)
    try:
        regular(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {why(error)}") from error
    reader = _read_onnx if form == "onnx" else _read_safetensors
    module = need("onnx" if form == "onnx" else "safetensors", "export")
    return restore(*reader(module, path), path)


def _read_onnx(onnx: ModuleType, path: Path) -> tuple[Mapping[str, str], Mapping[str, np.ndarray]]:
    decoding = need("google.protobuf.message", "export").DecodeError
    try:
        model: Any = onnx.load_model(path, load_external_data=False)
        stored = model.graph.initializer
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in stored):
            raise UserError(f"{path} was not written by voxlstm export: its weights are in other files")
        kinds = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
        if any(tensor.data_type not in kinds for tensor in stored):
            raise ValueError
        about = {entry.key: entry.value for entry in model.metadata_props}
        # Protobuf hands out as bytes what is no UTF-8.
        if not all(isinstance(text, str) for text in (*about, *about.values(), *(t.name for t in stored))):
            raise ValueError
        weights = {t.name.removesuffix(".half"): onnx.numpy_helper.to_array(t) for t in stored}
    except (decoding, ValueError, TypeError) as error:
        raise UserError(f"{path} is cut short, damaged or no ONNX file; use another copy of it") from error
    return about, weights


def _read_safetensors(
    safetensors: ModuleType, path: Path
) -> tuple[Mapping[str, str], Mapping[str, np.ndarray]]:
    try:
        with safetensors.safe_open(path, "np") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}
    except (safetensors.SafetensorError, ValueError, TypeError) as error:
        raise UserError(
            f"{path} is cut short, damaged or no safetensors file; use another copy of it"
        ) from error
