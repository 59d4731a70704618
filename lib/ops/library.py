"""The native library behind the ops: oneDNN, and the C++ of this folder built against it once."""

import ctypes
import hashlib
import importlib.metadata
import os
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..backend import blas, waiting
from ..backend.door import precision, ready, theano
from ..backend.precision import BFLOAT16
from ..base.cache import cache_folder, is_ours, scratch_folder
from ..base.errors import UserError
from ..base.files import write_bytes

FOLDER = Path(__file__).parent
PACKAGES = {"onednn-cpu-gomp": "libdnnl.so.3", "onednn-devel-cpu-gomp": "dnnl.hpp"}
FLAGS = ["-std=c++17", "-O3", "-march=native", "-fopenmp", "-fPIC"]
SWITCH = "VOXLSTM_ONEDNN"


class Unavailable(Exception):
    """Why the native library cannot serve."""


class Role(IntEnum):
    """The operands of a convolution, as ``convolution.h`` numbers them."""

    Y = 0
    X = 1
    W = 2


class Convolution(ctypes.Structure):
    """One convolution y = x * w of the native library; see ``convolution.h``."""

    _fields_ = (
        [(name, ctypes.c_int32) for name in "operand space images x_channels y_channels".split()]  # type: ignore[assignment]
        + [(name, ctypes.c_int32 * 3) for name in ("x", "y", "kernel", "stride", "dilation", "padding")]
        + [(name, ctypes.c_int32) for name in "x_blocked y_blocked bfloat16 flip bias leaky".split()]
        + [("slope", ctypes.c_float), ("strides", ctypes.c_int64 * 5)]
    )


class Grid(ctypes.Structure):
    """A map before pooling; see ``passes.cpp``."""

    _fields_ = [
        (name, ctypes.c_int64)
        for name in ("images", "channels", "rows", "columns", "pad_rows", "pad_columns")
    ]


@lru_cache(maxsize=None)
def load() -> ctypes.CDLL:
    """Return the native library, building it when this machine has not done so yet.

    Raises
    ------
    Unavailable
        When it is switched off, oneDNN or a compiler is missing, or the CPU is not served.
    """
    if os.environ.get(SWITCH) == "0":
        raise Unavailable(f"{SWITCH}=0 switches it off")
    folders = {package: _folder(package, file) for package, file in PACKAGES.items()}
    library, include = folders.values()
    ready()
    path, kept = _built(library, include)
    try:
        native = _opened(path)
    except Unavailable:
        if not kept:
            raise
        path.unlink()  # damaged; the one made anew is another file, so that it is opened anew
        native = _opened(_built(library, include)[0])
    if native.voxlstm_block() == 1:
        raise Unavailable("this CPU has no AVX2, which its convolutions need")
    native.voxlstm_keep_memory()
    waiting.watch(native.voxlstm_crowd)
    return native


def _is_whole(path):
    """Return whether a file is as long as its ELF header says; to load a shorter one ends the process."""
    with open(path, "rb") as file:
        header = file.read(64)
        if len(header) < 64 or not header.startswith(b"\x7fELF\x02\x01"):
            return False
        (start,), (size, count) = struct.unpack_from("<Q", header, 40), struct.unpack_from("<HH", header, 58)
        return start + size * count <= file.seek(0, os.SEEK_END)


def _opened(path):
    if not _is_whole(path):
        raise Unavailable(f"{path.name} is damaged")
    try:
        native = ctypes.CDLL(str(path))
        for name in ("error", "version", "way"):
            getattr(native, f"voxlstm_{name}").restype = ctypes.c_char_p
        for kind in (Convolution, Grid):
            size = getattr(native, f"voxlstm_size_of_{kind.__name__.lower()}")()
            if size != ctypes.sizeof(kind):
                raise Unavailable(
                    f"{path.name} has {size} bytes for a {kind.__name__}, not {ctypes.sizeof(kind)}"
                )
    except (OSError, AttributeError) as error:
        raise Unavailable(f"{path.name} does not load: {error}") from error
    return native


def available() -> tuple[bool, str]:
    """Return whether the oneDNN ops can serve here, and the version or the reason why not.

    Returns
    -------
    tuple of (bool, str)
    """
    try:
        return True, f"oneDNN {load().voxlstm_version().decode()}"
    except Unavailable as reason:
        return False, str(reason)


def check_precision() -> None:
    """Refuse bfloat16 where these ops, which alone have it, cannot serve.

    Raises
    ------
    UserError
    """
    if precision() == BFLOAT16:  # for others the library need not be built yet
        served, reason = available()
        if not served:
            raise UserError(f"bfloat16 is computed by oneDNN, which cannot serve: {reason}")


def call(name: str, *arguments: object) -> None:
    """Call ``voxlstm_<name>``; arrays are passed by their address.

    Raises
    ------
    RuntimeError
        With oneDNN's own words when the call fails.
    """
    native = load()
    if getattr(native, f"voxlstm_{name}")(*map(_argument, arguments)):
        raise RuntimeError(f"oneDNN: {name}: {native.voxlstm_error().decode()}")


def way(convolution: Convolution) -> str:
    """Return how a `Convolution` is computed: by the name of one of ours, or by oneDNN's own.

    Raises
    ------
    RuntimeError
        With oneDNN's own words when it cannot be computed.
    """
    native = load()
    name = native.voxlstm_way(ctypes.byref(convolution)).decode()
    if not name:
        raise RuntimeError(f"oneDNN: way: {native.voxlstm_error().decode()}")
    return name


def _argument(value):
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    if isinstance(value, ctypes.Structure):
        return ctypes.byref(value)
    if isinstance(value, float):
        return ctypes.c_float(value)
    return None if value is None else ctypes.c_int64(value)


def _folder(package, file):
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise Unavailable(f"{package} is not installed (pip install 'voxlstm[fast]')") from None
    for path in files:
        if path.name == file and path.locate().exists():
            return path.locate().resolve().parent
    raise Unavailable(f"{package} is installed without its {file}")


def _built(library, include):
    """Return the library's path, and whether an earlier process has built it."""
    links = [f"-L{library}", "-l:libdnnl.so.3", f"-Wl,-rpath,{library}"]
    compiler = theano.config.cxx
    if not compiler:
        raise Unavailable("there is no C++ compiler (g++)")
    command = [compiler, *FLAGS, f"-I{include}"]
    path = cache_folder("onednn") / f"{_digest(command + links)}.so"
    if path.exists() and is_ours(path):
        return path, True
    with scratch_folder("onednn") as folder, ThreadPoolExecutor() as pool:
        sources = sorted(FOLDER.glob("*.cpp"))
        objects = [str(folder / f"{source.stem}.o") for source in sources]
        steps = [[*command, "-c", str(s), "-o", o] for s, o in zip(sources, objects)]
        list(pool.map(_run, steps))
        _run([compiler, "-shared", "-fopenmp", *objects, *links, "-o", str(folder / path.name)])
        write_bytes(path, (folder / path.name).read_bytes(), 0o700)
    return path, False


def _run(command):
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        raise Unavailable(f"its C++ does not compile: {built.stderr.strip()[:500]}")


def _digest(command):
    # Code for one CPU must not be loaded on another that shares the home directory.
    sources = sorted([*FOLDER.glob("*.cpp"), *FOLDER.glob("*.h")])
    text = "\0".join([*command, blas.cpu_kind(), *(s.read_text(encoding="utf-8") for s in sources)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
