"""The GPU back end of Theano (libgpuarray): found, started, or refused with the reason."""

import ctypes
import importlib
import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType

from ..base.errors import UserError
from . import defects
from .precision import FLOAT32, TF32, check

# Debian's python3-pygpu; a virtual environment of another Python 3.11 can load it as it is.
SYSTEM_PYGPU = Path("/usr/lib/python3/dist-packages/pygpu")
INSTALL = "install Debian's python3-pygpu and libgpuarray-dev, or use the cuda image"
DEVICE_NAME = re.compile(r"cuda\d*|opencl\d+:\d+")
TF32_SWITCH = "NVIDIA_TF32_OVERRIDE"  # cuBLAS and cuDNN read it when they start
CUDA_LIBRARIES = {
    "libcuda.so": "the NVIDIA driver",
    "libnvrtc.so": "CUDA's run-time compiler",
    "libcublas.so": "cuBLAS",
}
REMEDIES = {  # what errors of libgpuarray, the driver and NVRTC say
    "CUDA_ERROR_NO_DEVICE": "see what nvidia-smi lists, and CUDA_VISIBLE_DEVICES",
    "No cuda device available": "see what nvidia-smi lists and what uses it alone",
    "CUDA_ERROR_INVALID_DEVICE": "nvidia-smi lists the GPUs, and cuda0 is the first",
    "CUDA_ERROR_UNSUPPORTED_PTX_VERSION": "update the driver, which is older than libnvrtc.so",
    "CUDA_ERROR_JIT_COMPILER_NOT_FOUND": "libnvidia-ptxjitcompiler.so.1, a part of the driver, is missing",
    "NVRTC_ERROR_INVALID_OPTION": "libnvrtc.so cannot compile for this GPU; use the NVRTC of a CUDA that can",
    "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE": "put libnvrtc-builtins.so where libnvrtc.so lies",
}


def find_pygpu(folder: Path = SYSTEM_PYGPU) -> ModuleType:
    """Make ``import pygpu`` work where only the system's Python has the package.

    Only this one package is taken from the system's folder, so that no other library there
    replaces a pinned one.

    Raises
    ------
    UserError
        When pygpu is nowhere, or cannot be loaded.
    """
    if "pygpu" not in sys.modules and importlib.util.find_spec("pygpu") is None:
        if not (folder / "__init__.py").is_file():
            raise UserError(f"pygpu is not installed, so no GPU can be used; {INSTALL}")
        spec = importlib.util.spec_from_file_location(
            "pygpu", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None  # a file that ends in .py has one
        sys.modules["pygpu"] = importlib.util.module_from_spec(spec)
        _execute(spec)
    try:
        import pygpu
    except (ImportError, OSError) as error:
        raise UserError(f"pygpu cannot be loaded ({error}); {INSTALL}") from error
    return pygpu


def _execute(spec):
    try:
        spec.loader.exec_module(sys.modules["pygpu"])
    except BaseException as error:
        del sys.modules["pygpu"]
        if isinstance(error, (ImportError, OSError)):
            raise UserError(f"pygpu cannot be loaded ({error}); {INSTALL}") from error
        raise


def start(theano: ModuleType, name: str, precision: str = FLOAT32) -> None:
    """Start the GPU back end on one device and place new shared variables there.

    Parameters
    ----------
    theano : module
    name : str
    precision : str
        Of products of convolutions and matrices: ``float32``, or on a CUDA device ``tf32``.

    Raises
    ------
    UserError
        When the name is not a device's, a library is missing or the device does not start.
    """
    if not DEVICE_NAME.fullmatch(name):
        raise UserError(f"unknown device {name!r}; use cpu, cuda, cuda0, ... or opencl0:0")
    check(precision, name)
    find_pygpu()
    os.environ[TF32_SWITCH] = str(int(precision == TF32))
    if name.startswith("cuda"):
        check_cuda_libraries(name)
    importlib.import_module("theano.gpuarray")
    defects.name_newer_architectures(theano.gpuarray.pygpu)
    defects.mend_scan_on_gpu(theano, name)
    try:
        theano.gpuarray.use(name, force=True)
    except Exception as error:  # pygpu raises its own, unrelated kinds
        words = one_line(error)
        remedies = [remedy for known, remedy in REMEDIES.items() if known in words]
        raise UserError("; ".join([f"the device {name} could not be started: {words}", *remedies])) from error


def check_cuda_libraries(name: str) -> None:
    """Refuse when a library that libgpuarray loads by name is not there."""
    for library, what in CUDA_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError as error:
            raise UserError(
                f"the device {name} cannot be used: {library} ({what}) cannot be loaded; "
                "a machine with an NVIDIA GPU and the cuda image has it, else use --device cpu"
            ) from error


def started() -> str | None:
    """Return the name of the GPU device in use, or None."""
    module = sys.modules.get("theano.gpuarray")
    devices = list(module.init_dev.devmap) if module else []
    return devices[0] if devices else None


def precision() -> str:
    """Return the precision of products on the device in use."""
    return TF32 if os.environ.get(TF32_SWITCH) == "1" else FLOAT32


def one_line(error: BaseException) -> str:
    """Return an exception's message with its blanks and line ends made single blanks.

    Of pygpu's messages, which are bytes with a number, it is the text.
    """
    message = error.args[0] if error.args else ""
    text = message.decode(errors="replace") if isinstance(message, bytes) else str(error)
    return " ".join(text.split()) or type(error).__name__
