"""What a user needs to know about this machine before training on it."""

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from ..backend import blas, precision
from ..base.cores import usable_cores
from ..base.errors import UserError
from ..base.hints import StrPath

PYTHON = (3, 11)
NUMPY = "1.23.5"
THEANO = "1.0.9"
SLOW_SHARE = 0.25  # of the rate that the CPU's vector unit suggests
CLOCK = 2.0e9  # Hz; a low guess of a server's clock under vector load


@dataclass(frozen=True)
class Finding:
    """One line of the report: ``name``, ``value`` and, where it stops training, ``problem``."""

    name: str
    value: str
    problem: str = ""
    warning: str = ""


def check_python(version: Sequence[int | str] = sys.version_info) -> Finding:
    """Find the Python version; only 3.11 runs the pinned packages."""
    value = "{}.{}.{} ({})".format(*version[:3], sys.executable)
    wanted = "{}.{}".format(*PYTHON)
    problem = ""
    if tuple(version[:2]) != PYTHON:
        problem = f"Python {wanted} is needed; install it and run 'make venv' again"
    return Finding("Python", value, problem)


def check_version(package: str, wanted: str) -> Finding:
    """Find a package's version and whether it is the pinned one."""
    try:
        found = metadata.version(package)
    except metadata.PackageNotFoundError:
        return Finding(package, "missing", f"{package} is not installed; run 'make venv'")
    problem = ""
    if found != wanted:
        problem = f"{package} {wanted} is needed, not {found}; run 'make venv' again"
    return Finding(package, found, problem)


def check_compiler(cxx: str) -> Finding:
    """Find the C++ compiler that Theano uses (``theano.config.cxx``)."""
    remedy = "install g++ (apt install g++) and put it on PATH"
    if not cxx:
        return Finding("compiler", "none", f"there is no C++ compiler; {remedy}")
    try:
        answer = subprocess.run([cxx, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return Finding("compiler", cxx, f"the compiler {cxx} does not run; {remedy}")
    return Finding("compiler", f"{answer.stdout.splitlines()[0]} ({cxx})")


def check_headers() -> Finding:
    """Find Python.h, without which no graph compiles."""
    import sysconfig

    header = Path(sysconfig.get_paths()["include"], "Python.h")
    if header.is_file():
        return Finding("Python headers", str(header.parent))
    return Finding("Python headers", "missing", "Python.h is missing; install it (apt install python3-dev)")


def check_blas(ldflags: str, libraries: list[dict[str, Any]], flags: set[str]) -> list[Finding]:
    """Find which BLAS Theano links and which kernels the loaded ones use.

    Parameters
    ----------
    ldflags : str
        ``theano.config.blas.ldflags``.
    libraries : list of dict
        From `blas.loaded_libraries`.
    flags : set of str
        The CPU's flags.
    """
    if not ldflags:
        problem = "Theano has no BLAS to link; reinstall SciPy's wheel (make venv)"
        return [Finding("BLAS for Theano", "none", problem)]
    findings = [Finding("BLAS for Theano", ldflags)]
    for entry in libraries:
        old = blas.runs_old_kernels(entry) and blas.core_type(flags)
        warning = ""
        if old:
            warning = f"it runs old kernels; set OPENBLAS_CORETYPE={blas.core_type(flags)}"
        value = f"{Path(entry['path']).name}, kernel {entry['core']}, {entry['threads']} threads"
        findings.append(Finding("BLAS loaded", value, warning=warning))
    return findings


def check_rate(
    name: str, product: Callable[[], object], flags: set[str], cores: int, size: int = 2048
) -> Finding:
    """Measure a float32 matrix product.

    Parameters
    ----------
    product : callable
        Computes one product of two ``size`` x ``size`` float32 matrices.
    flags : set of str
        The CPU's flags, for what may be expected.
    cores : int
        Cores that this process may use.

    Returns
    -------
    Finding
        The best of five in GFLOP/s, with a warning where it looks crippled.
    """
    product()
    seconds = min(_time(product) for _ in range(5))
    rate = 2 * size**3 / seconds
    expected = cores * CLOCK * _operations_per_cycle(flags)
    warning = ""
    if rate < SLOW_SHARE * expected:
        warning = (
            f"slow for {cores} cores (over {SLOW_SHARE * expected / 1e9:.0f} expected); is the"
            " machine busy, or the BLAS running old kernels?"
        )
    return Finding(name, f"{rate / 1e9:.0f} GFLOP/s in float32", warning=warning)


def check_cache(folder: StrPath) -> Finding:
    """Find the compile folder, whether it can be written and how much room is there."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        problem = f"{folder} cannot be made ({error.strerror}); set VOXLSTM_CACHE to another folder"
        return Finding("compile folder", str(folder), problem)
    problem = ""
    if not os.access(folder, os.W_OK):
        problem = f"{folder} cannot be written; set VOXLSTM_CACHE to another folder"
    elif free < 200e6:
        problem = f"{folder} has {free / 1e6:.0f} MB left; make room or set VOXLSTM_CACHE"
    return Finding("compile folder", f"{folder} ({free / 1e9:.1f} GB free)", problem)


def check_pygpu() -> Finding:
    """Find pygpu, which only a GPU needs."""
    from ..backend import gpu

    try:
        module = gpu.find_pygpu()
    except UserError:
        return Finding("pygpu", "not installed (only a GPU needs it)")
    return Finding("pygpu", f"{module.__version__} ({Path(str(module.__file__)).parent})")


def check_onednn() -> Finding:
    """Find whether the convolutions run on oneDNN or on Theano's own ops."""
    from .. import ops

    usable, reason = ops.available()
    if not usable:
        return Finding("convolutions", f"Theano's own ({reason})")
    rounded = precision.MULTIPLIES_BFLOAT16 & blas.cpu_flags()
    return Finding("convolutions", "oneDNN, with --precision bfloat16 too" if rounded else "oneDNN")


def check_cudnn() -> Finding:
    """Find whether the convolutions of a CUDA device run on cuDNN or on Theano's own ops."""
    from ..ops.gpu import cudnn

    usable, reason = cudnn.available()
    return Finding("its convolutions", reason if usable else f"Theano's own ({reason})")


def check_everything(device: str | None = None) -> list[Finding]:
    """Return all findings, the cheap ones first; what follows a missing part is left out."""
    findings = [
        check_python(),
        Finding("system", f"{platform.platform()}, {usable_cores()} cores"),
        check_version("Theano-PyMC", THEANO),
        check_version("numpy", NUMPY),
        check_headers(),
    ]
    if any(finding.problem for finding in findings):
        return findings
    from ..backend import door

    pygpu = check_pygpu()  # Theano must find it the first time that it looks for it
    findings.append(check_compiler(door.theano.config.cxx))
    findings.append(check_cache(door.theano.config.compiledir))
    if not any(finding.problem for finding in findings):
        findings += _check_speed(door.theano)
        findings += [check_onednn(), pygpu]
        findings.append(_check_device(door, device))
        if door.device().startswith("cuda"):
            findings.append(check_cudnn())
    return findings


def _check_speed(theano):
    import numpy

    flags, cores = blas.cpu_flags(), usable_cores()
    values = numpy.random.default_rng(0).standard_normal((2048, 2048), dtype=numpy.float32)
    matrix = theano.shared(values)
    product = theano.function([], theano.Out(theano.tensor.dot(matrix, matrix), borrow=True))
    product()  # loads the BLAS that Theano links
    findings = check_blas(theano.config.blas.ldflags, blas.loaded_libraries(), flags)
    findings.append(check_rate("NumPy's product", lambda: values @ values, flags, cores))
    findings.append(check_rate("Theano's product", product, flags, cores))
    return findings


def _check_device(door, name):
    try:
        door.use_device(name)
    except UserError as error:
        return Finding("device", str(name), str(error))
    if door.device() == "cpu":
        return Finding("device", "cpu")
    return Finding("device", f"{door.device()}: {prove_device(door)}")


def prove_device(door: ModuleType) -> str:
    """Run a convolution on the device and on the CPU and return how they compare.

    Raises
    ------
    UserError
        When the two differ by more than float32 rounding explains.
    """
    import numpy

    theano, tensor = door.theano, door.tensor
    random = numpy.random.default_rng(0)
    views = random.random((4, 3, 31, 31), dtype=numpy.float32)
    filters = random.standard_normal((8, 3, 3, 3), dtype=numpy.float32)
    pair = [tensor.tensor4(), tensor.tensor4()]
    shape = filters.shape  # ops of our own ask for it
    output = tensor.nnet.conv2d(*pair, filter_shape=shape, border_mode="half", filter_flip=False)
    on_device = theano.function(pair, output)
    if not any("Gpu" in str(node.op) for node in on_device.maker.fgraph.apply_nodes):
        raise UserError("the convolution was not placed on the device; reinstall pygpu")
    expected = _convolve(views, filters)
    worst = float(abs(on_device(views, filters) - expected).max() / abs(expected).max())
    if not worst < 1e-5:
        raise UserError(f"the device's convolution is wrong: it differs from the CPU by {worst:.1e}")
    return f"a convolution agrees with the CPU to {worst:.1e} of its largest value"


def _convolve(views, filters):
    """Return the "same" cross-correlation of (N, C, H, W) with (O, C, 3, 3) in float64."""
    import numpy

    padded = numpy.pad(views.astype(numpy.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = numpy.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return numpy.einsum("nchwij,ocij->nohw", windows, filters, optimize=True)


def _operations_per_cycle(flags):
    if "avx512f" in flags:
        return 32  # one 16-wide fused multiply-add, as the smaller server cores do
    return 16 if "avx2" in flags else 8


def _time(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
