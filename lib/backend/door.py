"""The one door to Theano: every other module imports ``theano`` and ``tensor`` from here.

Importing this module chooses Theano's BLAS, the float type and the compile folder, imports Theano
and mends what is known to be broken in the pinned version. What stands in the user's own THEANO_FLAGS
or configuration files wins; a device asked for there is taken up by `use_device`, which refuses where
Theano itself would log an error and go on on the CPU.
"""

import logging
import os
import shlex
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.cache import cache_folder, check_content, check_usable
from ..base.errors import UserError
from . import blas, defects, gpu, theanorc
from .precision import FLOAT32, check
from .side_by_side import told

MEMORY = "/dev/shm"
COMPILEDIR = "compiledir_%(short_platform)s-%(processor)s-%(python_version)s-%(python_bitwidth)s"


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
        # Code for one CPU must not run on another that shares the home folder.
        "compiledir_format": f"{COMPILEDIR}-{blas.cpu_kind()}",
        "openmp": "False",  # made the training step slower: its loops are bound by memory
        "dnn.enabled": "False",  # Theano knows cuDNN 5 to 7 only, none of which is had today
        "print_active_device": "False",
        "gcc.cxxflags": "-g0",  # Theano asks for debugging symbols: a third of g++'s time
        "cmodule.age_thresh_use": str(10 * 365 * 24 * 3600),  # never drop compiled code by age
    }
    library = blas.find_scipy_openblas()
    if library is not None:
        flags["blas.ldflags"] = blas.link_flags(library, cache / "theano" / "blas")
    flags.update(user)
    device = flags.pop("device", "cpu")
    flags["device"] = "cpu"
    return flags, device


def ready() -> None:
    """Raise UserError where graphs cannot be compiled here: no usable cache, bad settings, no g++.

    Importing Theano is possible all the same, so that the help of every tool is.
    """
    if _problems:
        raise _problems[0]
    # Who gives cxx= wants no compiler.
    if not have_compiler() and "cxx" not in _user:
        raise UserError(
            "there is no C++ compiler, which Theano needs; install g++ (Debian and Ubuntu: apt"
            " install g++) and put it on PATH"
        )
    if have_compiler() and not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        raise UserError(
            "Python.h, which compiled graphs need, is missing; install it (Debian and Ubuntu: apt"
            " install python3-dev)"
        )


def _have_temporary_folder():
    """Put temporary files in memory where no usual place can be written: a container's root may be read-only."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        if os.access(MEMORY, os.W_OK | os.X_OK):
            os.environ["TMPDIR"] = tempfile.tempdir = MEMORY  # g++ looks there too


def _usable_cache():
    _have_temporary_folder()
    try:
        folder = cache_folder()
        compiled = cache_folder("theano")
        check_usable(compiled)
        check_content(compiled)
        return folder
    except UserError as error:
        _problems.append(error)
        temporary = tempfile.TemporaryDirectory(prefix="voxlstm-")
        _kept_to_the_end.append(temporary)
        return Path(temporary.name)


def _user_settings():
    """Return the user's own settings that count: of the configuration files, then of the flags."""
    try:
        try:
            flags = split_flags(os.environ.get("THEANO_FLAGS", ""))
        except ValueError as error:
            raise UserError(f"THEANO_FLAGS cannot be understood ({error}); mend or unset it") from error
        # Theano reads the rest of the files itself.
        given, ours = theanorc.read(theanorc.files()), (*choose_flags({}, _cache)[0], "cxx")
        return {**{name: given[name.lower()] for name in ours if name.lower() in given}, **flags}
    except UserError as error:
        _problems.append(error)
        os.environ["THEANORC"] = os.devnull
        return {}


def _import_theano():
    flags, device = choose_flags(_user, _cache)
    os.environ["THEANO_FLAGS"] = join_flags(flags)
    defects.silence_old_numpy_idioms()
    defects.skip_scan_extension()
    try:
        module = _import_quietly()
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        # What Theano raises for a value that it does not know.
        files = " or ".join(path for path in theanorc.files() if os.path.exists(path))
        where = f"THEANO_FLAGS or {files}" if files else "THEANO_FLAGS"
        said = " ".join(str(error.args[0] if error.args else error).split())
        _problems.append(UserError(f"Theano refuses a setting of {where}: {said}"))
        for name in [name for name in sys.modules if name.partition(".")[0] == "theano"]:
            del sys.modules[name]
        os.environ["THEANORC"] = os.devnull
        os.environ["THEANO_FLAGS"] = join_flags(choose_flags({}, _cache)[0])
        defects.skip_scan_extension()
        module = _import_quietly()
    defects.keep_modules_of_plain_ops(module)
    defects.fold_constants_in_python(module)
    defects.compile_only_what_pays(module)
    return module, device


def _import_quietly():
    logging.getLogger("theano.configdefaults").setLevel(
        logging.ERROR
    )  # `ready` says it where there is no g++
    # Theano takes one number of threads alone; OpenMP's list of them, such as "4,2", stays for OpenMP.
    threads = os.environ.pop("OMP_NUM_THREADS", None)
    first = (threads or "").partition(",")[0].strip()
    if first.isdecimal():
        os.environ["OMP_NUM_THREADS"] = first
    if os.path.expanduser("~") == "~":  # a user whom the system does not know
        os.environ["HOME"] = str(_cache)  # Theano and matplotlib end in a traceback without one
    if not os.access(os.path.expanduser("~"), os.W_OK):  # as under docker run --user
        os.environ.setdefault("MPLCONFIGDIR", str(_cache / "matplotlib"))  # else it warns at length
    try:
        with warnings.catch_warnings(), defects.without_mpi(), told(_cache):
            warnings.simplefilter("ignore")
            import theano as module
    finally:
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = threads
    return module


_on_cpu = {"precision": FLOAT32}
_kept_to_the_end: list[tempfile.TemporaryDirectory] = []
_problems: list[UserError] = []
_cache = _usable_cache()
_user = _user_settings()
theano, _flagged_device = _import_theano()
tensor = theano.tensor
from theano import Variable as Symbol  # noqa: F401  what graphs are made of
from theano.compile.function_module import Function  # noqa: F401

DeviceArray = Any  # pygpu's GpuArray; without a GPU there may be no pygpu


def use_device(name: str | None = None, asked: str = FLOAT32) -> None:
    """Choose where graphs compiled from now on compute; call it before a network is made.

    Parameters
    ----------
    name : str, optional
        ``cpu``, ``cuda``, ``cuda0``, ... or ``opencl0:0``. By default what the user's THEANO_FLAGS
        name, else ``cpu``.
    asked : str
        Of the factors of products: ``float32``, or rounded, which is faster: ``tf32`` (10 bits) on a
        CUDA device, ``bfloat16`` (7 bits) on the CPU.

    Raises
    ------
    UserError
        When the device cannot be had, saying why. There is no falling back to the CPU. Also where
        graphs cannot be compiled, see `ready`.
    """
    ready()
    name = name or _flagged_device
    if name == device() and asked == precision():
        return
    if device() != "cpu":
        raise UserError(f"this process computes on {device()} already; start another for {name}")
    if name != "cpu":
        gpu.start(theano, name, asked)
    else:
        check(asked, name)
        _on_cpu["precision"] = asked


def device() -> str:
    """Return the device in use: ``cpu`` or the name given to `use_device`."""
    return gpu.started() or "cpu"


def precision() -> str:
    """Return the precision of products in use."""
    return gpu.precision() if device() != "cpu" else _on_cpu["precision"]


def have_compiler() -> bool:
    """Return whether Theano found a C++ compiler."""
    return bool(theano.config.cxx)
