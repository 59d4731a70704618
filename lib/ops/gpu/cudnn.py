"""cuDNN, called as it is: the dozen functions that convolutions need, declared and loaded here.

Versions 8 and 9 serve. No header and no compiler is needed: the library is looked up when the first
convolution of a graph asks for it.
"""

import ctypes
import importlib.util
import os
from functools import lru_cache
from math import prod
from pathlib import Path

from ...backend import gpu
from ...backend.cuda_context import current, stream
from ...backend.door import DeviceArray
from . import kernels
from .problem import FORWARD, KERNEL, RESULTS, TRANSPOSED, NoWay, Problem

SWITCH = "VOXLSTM_CUDNN"
NAMES = "libcudnn.so.9", "libcudnn.so.8"
OLDEST = 8000  # the first version with algorithms for TF32 and without Theano's calls
FLOAT = 0
FIRST, LAST = 0, 1  # where a filter's channels are: (outputs, inputs, *kernel) or (..., inputs)
CONVOLUTION, CORRELATION = 0, 1  # with the kernel turned over, and without
MATH = {"float32": 3, "tf32": 0}  # CUDNN_FMA_MATH forbids TF32, CUDNN_DEFAULT_MATH permits it
WORKSPACE = 2**30  # bytes: the most that an algorithm may ask for
TRIED = 16  # algorithms asked of one search
DETERMINISTIC = 1


class Unavailable(Exception):
    """Why cuDNN cannot serve."""


class Tried(ctypes.Structure):
    """One algorithm's result in a search: ``cudnnConvolution...AlgoPerf_t``."""

    _fields_ = [
        ("algorithm", ctypes.c_int),
        ("status", ctypes.c_int),
        ("milliseconds", ctypes.c_float),
        ("workspace", ctypes.c_size_t),
        ("determinism", ctypes.c_int),
        ("math", ctypes.c_int),
        ("reserved", ctypes.c_int * 3),
    ]


@lru_cache(maxsize=None)
def load() -> ctypes.CDLL:
    """Return the library.

    Raises
    ------
    Unavailable
        When there is none, or one of another age.
    """
    if os.environ.get(SWITCH) == "0":
        raise Unavailable(f"{SWITCH}=0 switches it off")
    library = _find()
    library.cudnnGetErrorString.restype = ctypes.c_char_p
    library.cudnnGetVersion.restype = ctypes.c_size_t
    if library.cudnnGetVersion() < OLDEST:
        raise Unavailable(f"cuDNN {library.cudnnGetVersion()} is too old; 8 and 9 serve")
    return library


def version() -> str:
    """Return the version in use, such as ``9.1.0``."""
    number = load().cudnnGetVersion()
    major = 10_000 if number >= 90_000 else 1000
    return f"{number // major}.{number % major // 100}.{number % 100}"


def available() -> tuple[bool, str]:
    """Return whether cuDNN can serve here, and its version or the reason why not.

    Returns
    -------
    tuple of (bool, str)
    """
    try:
        load()
        return True, f"cuDNN {version()}"
    except Unavailable as reason:
        return False, str(reason)


def _find():
    for folder in _wheels():
        # Those of one wheel look for each other by these names.
        for name in ("libcublasLt.so.*", "libcublas.so.*"):
            for path in sorted((folder / "cublas/lib").glob(name)):
                ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
    places = [*NAMES, *(folder / "cudnn/lib" / name for folder in _wheels() for name in NAMES)]
    failures = []
    for place in map(str, places):
        try:
            return ctypes.CDLL(place)
        except OSError as error:
            failures.append(gpu.one_line(error))
    raise Unavailable(f"no cuDNN is found (pip install 'voxlstm[cudnn]'): {failures[-1]}")


def _wheels():
    """Return the folders of NVIDIA's Python packages."""
    spec = importlib.util.find_spec("nvidia")
    return [Path(p) for p in spec.submodule_search_locations] if spec else []


def call(name: str, *arguments: object) -> None:
    """Call ``cudnn<name>``.

    Raises
    ------
    Failure
        With cuDNN's own words.
    """
    library = load()
    status = getattr(library, f"cudnn{name}")(*arguments)
    if status:
        words = library.cudnnGetErrorString(status).decode()
        raise Failure(f"cuDNN: cudnn{name}: {words} ({status})")


class Failure(RuntimeError):
    """A call of cuDNN that failed."""


class Convolution:
    """One convolution in one layout of the maps.

    Parameters
    ----------
    problem : Problem
    last : bool
        Whether cuDNN is given the channels last; else all is transposed on the way in and out.
    """

    def __init__(self, problem: Problem, last: bool) -> None:
        self.direction, self._last, self._math = problem.direction, last, MATH[problem.precision]
        self._shapes = problem.x, problem.w, problem.y
        x, w, y = self._shapes
        self._descriptors = _map(x, last), _filter(w, last), _map(y, last)
        self._convolution = _new("ConvolutionDescriptor")
        mode = CONVOLUTION if problem.turned else CORRELATION
        numbers = map(_ints, (problem.padding, problem.stride, problem.dilation))
        call("SetConvolutionNdDescriptor", self._convolution, len(x) - 2, *numbers, mode, FLOAT)
        self._algorithm: tuple[int, int]  # and the size of its workspace; see `take`

    def search(self, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> list[int]:
        """Take the fastest of cuDNN's deterministic algorithms, as measured on device arrays.

        Returns
        -------
        list of int
            The algorithm, its mathematics and the size of its workspace, for `take`.

        Raises
        ------
        NoWay
            When there is none.
        """
        found, tried = ctypes.c_int(), (Tried * TRIED)()
        arrays = self._in_layout(x, w, y)
        room = kernels.empty((WORKSPACE,), "uint8")
        call("SetConvolutionMathType", self._convolution, self._math)
        with current():
            call(
                f"FindConvolution{self.direction}AlgorithmEx",
                _handle(),
                *self._operands(arrays),
                self._convolution,
                *self._result(arrays),
                TRIED,
                ctypes.byref(found),
                tried,
                ctypes.c_void_p(room.gpudata),
                ctypes.c_size_t(WORKSPACE),
            )
        for one in tried[: found.value]:  # the fastest first
            if one.status == 0 and one.workspace <= WORKSPACE and one.determinism == DETERMINISTIC:
                return self.take(one.algorithm, one.math, one.workspace)
        raise NoWay(f"no deterministic algorithm for {self.direction} of {self._shapes}")

    def take(self, algorithm: int, math: int, workspace: int) -> list[int]:
        """Take an algorithm that `search` has found before, and return it."""
        call("SetConvolutionMathType", self._convolution, math)
        self._algorithm = algorithm, workspace
        return [algorithm, math, workspace]

    def run(self, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> None:
        """Compute one of three device arrays, which have their channels last, from the others."""
        algorithm, size = self._algorithm
        room = kernels.empty((size,), "uint8") if size else None
        place = None if room is None else ctypes.c_void_p(room.gpudata)
        arrays = self._in_layout(x, w, y)
        with current():
            call(
                f"Convolution{self.direction}",
                _handle(),
                ONE,
                *self._operands(arrays),
                self._convolution,
                algorithm,
                place,
                ctypes.c_size_t(size),
                ZERO,
                *self._result(arrays),
            )
        if not self._last:
            result = RESULTS[self.direction]
            count, *inner, channels = self._shapes[result]
            kernels.transpose(arrays[result], (count, channels, prod(inner)), (x, w, y)[result])

    def _in_layout(self, *arrays):
        if self._last:
            return arrays
        made = list(arrays)
        for place, (array, shape) in enumerate(zip(arrays, self._shapes)):
            count, *inner, channels = shape
            made[place] = kernels.empty((array.size,))
            if place != RESULTS[self.direction]:
                kernels.transpose(array, (count, prod(inner), channels), made[place])
        return made

    def _operands(self, arrays):
        """Return cuDNN's descriptors and addresses of what is read, in its order."""
        order = {FORWARD: (0, 1), TRANSPOSED: (1, 2), KERNEL: (0, 2)}[self.direction]
        return [part for place in order for part in self._pair(arrays, place)]

    def _result(self, arrays):
        return self._pair(arrays, RESULTS[self.direction])

    def _pair(self, arrays, place):
        return self._descriptors[place], ctypes.c_void_p(arrays[place].gpudata)


@lru_cache(maxsize=None)
def _handle():
    """Return cuDNN's handle, whose calls go into the stream of all kernels."""
    handle = ctypes.c_void_p()
    with current():
        call("Create", ctypes.byref(handle))
        call("SetStream", handle, stream())
    return handle


ONE, ZERO = (ctypes.byref(ctypes.c_float(value)) for value in (1, 0))


def _new(kind):
    descriptor = ctypes.c_void_p()
    call(f"Create{kind}", ctypes.byref(descriptor))
    return descriptor


def _map(shape, last):
    images, *space, channels = shape
    inner = (channels, *space)
    strides = [channels * prod(space)]
    strides += [1, *_steps(space, channels)] if last else _steps(inner, 1)
    descriptor, sizes = _new("TensorDescriptor"), _ints((images, *inner))
    call("SetTensorNdDescriptor", descriptor, FLOAT, len(shape), sizes, _ints(strides))
    return descriptor


def _filter(shape, last):
    outputs, *kernel, inputs = shape
    descriptor, sizes = _new("FilterDescriptor"), _ints((outputs, inputs, *kernel))
    call("SetFilterNdDescriptor", descriptor, FLOAT, LAST if last else FIRST, len(shape), sizes)
    return descriptor


def _steps(sizes, innermost):
    """Return the elements from one index to the next along each axis."""
    return [innermost * prod(sizes[axis + 1 :]) for axis in range(len(sizes))]


def _ints(values):
    values = tuple(map(int, values))
    return (ctypes.c_int * len(values))(*values)
