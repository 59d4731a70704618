"""The one door to Theano: every other module imports ``theano`` and ``tensor`` from here.

Importing this module chooses Theano's BLAS, the float type and the compile folder, imports Theano
and mends what is known to be broken in the pinned version. What stands in the user's own THEANO_FLAGS
wins; a device asked for there is taken up by `use_device`, which refuses where Theano itself would
log an error and go on on the CPU.
"""
import os
import shlex
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.cache import cache_folder
from ..base.errors import UserError
from . import blas, defects, gpu


def split_flags(text: str) -> dict[str, str]:
    """Return a THEANO_FLAGS string as a dict, by Theano's own rule (commas, shell quotes)."""
    splitter = shlex.shlex(text, posix=True)
    splitter.whitespace, splitter.whitespace_split, splitter.commenters = ",", True, ""
    pairs = (item.strip().partition("=") for item in splitter if item.strip())
    return {name: value for name, _, value in pairs}


def join_flags(flags: Mapping[str, str]) -> str:
    """Return a dict of flags as a THEANO_FLAGS string, the inverse of `split_flags`."""
    return ",".join(f"{name}={shlex.quote(value)}" for name, value in flags.items())


def choose_flags(user: Mapping[str, str], cache: Path) -> tuple[dict[str, str], str]:
    """Return Theano's flags and the device to use.

    Parameters
    ----------
    user : dict
        The user's own flags; they win.
    cache : Path
        Folder for compiled code.

    Returns
    -------
    tuple of (dict, str)
        The flags, always with ``device=cpu`` so that importing Theano starts no GPU, and the
        device that the user's flags ask for.
    """
    flags = {
        "floatX": "float32",
        "base_compiledir": str(cache / "theano"),
        "openmp": "False",  # made the training step slower: its loops are bound by memory
        "dnn.enabled": "False",  # Theano knows cuDNN 5 to 7 only, none of which is had today
        "print_active_device": "False",
        "gcc.cxxflags": "-g0",  # Theano asks for debugging symbols: a third of g++'s time
        "cmodule.age_thresh_use": str(10 * 365 * 24 * 3600),  # never drop compiled code by age
    }
    library = blas.find_scipy_openblas()
    if library is not None:
        flags["blas.ldflags"] = blas.link_flags(library, cache / "blas")
    flags.update(user)
    device = flags.pop("device", "cpu")
    flags["device"] = "cpu"
    return flags, device


def _import_theano():
    flags, device = choose_flags(split_flags(os.environ.get("THEANO_FLAGS", "")), cache_folder())
    os.environ["THEANO_FLAGS"] = join_flags(flags)
    defects.silence_old_numpy_idioms()
    defects.skip_scan_extension()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import theano as module
    defects.keep_modules_of_plain_ops(module)
    defects.fold_constants_in_python(module)
    defects.compile_only_what_pays(module)
    return module, device


theano, _flagged_device = _import_theano()
tensor = theano.tensor
from theano import Variable as Symbol  # noqa: F401  what graphs are made of
from theano.compile.function_module import Function  # noqa: F401

DeviceArray = Any  # pygpu's GpuArray; without a GPU there may be no pygpu


def use_device(name: str | None = None, precision: str = "float32") -> None:
    """Choose where graphs compiled from now on compute; call it before a network is made.

    Parameters
    ----------
    name : str, optional
        ``cpu``, ``cuda``, ``cuda0``, ... or ``opencl0:0``. By default what the user's THEANO_FLAGS
        name, else ``cpu``.
    precision : str
        Of products on a CUDA device: ``float32``, or ``tf32`` with factors of 10 bits, which is
        faster.

    Raises
    ------
    UserError
        When the device cannot be had, saying why. There is no falling back to the CPU.
    """
    name = name or _flagged_device
    if name == device() and precision == gpu.precision():
        return
    if device() != "cpu":
        raise UserError(f"this process computes on {device()} already; start another for {name}")
    if name != "cpu":
        gpu.start(theano, name, precision)
    elif precision != "float32":
        raise UserError(f"{precision} needs a CUDA device; add --device cuda or take --precision float32")


def device() -> str:
    """Return the device in use: ``cpu`` or the name given to `use_device`."""
    return gpu.started(theano) or "cpu"


def precision() -> str:
    """Return the precision of products: ``float32``, or on a CUDA device perhaps ``tf32``."""
    return gpu.precision() if device() != "cpu" else gpu.PRECISIONS[0]


def have_compiler() -> bool:
    """Return whether Theano found a C++ compiler."""
    return bool(theano.config.cxx)
