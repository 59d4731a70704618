"""cuDNN, called as it is: the dozen functions that convolutions need, declared and loaded here.

Versions 8 and 9 serve. No header and no compiler is needed: the library is looked up when the first
convolution of a graph asks for it.
"""
import ctypes
import importlib.util
import json
import logging
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ...runtime import gpu
from ...runtime.backend import theano
from ...runtime.cache import cache_folder
from ...runtime.errors import UserError
from ...runtime.files import write_text

logger = logging.getLogger(__name__)

NAMES = "libcudnn.so.9", "libcudnn.so.8"
OLDEST = 8000  # the first version with algorithms for TF32 and without Theano's calls
FLOAT = 0
CHANNELS_LAST = 1  # of a filter: (outputs, *kernel, inputs)
CONVOLUTION, CORRELATION = 0, 1  # with the kernel turned over, and without
MATH = {"float32": 3, "tf32": 0}  # CUDNN_FMA_MATH forbids TF32, CUDNN_DEFAULT_MATH permits it
WORKSPACE = 2**30  # bytes: the most that an algorithm may ask for
TRIED = 16  # algorithms asked of one search
FORWARD, TRANSPOSED, KERNEL = "Forward", "BackwardData", "BackwardFilter"
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
def load():
    """Return the library.

    Raises
    ------
    Unavailable
        When there is none, or one of another age.
    """
    library = _find()
    library.cudnnGetErrorString.restype = ctypes.c_char_p
    library.cudnnGetVersion.restype = ctypes.c_size_t
    if library.cudnnGetVersion() < OLDEST:
        raise Unavailable(f"cuDNN {library.cudnnGetVersion()} is too old; 8 and 9 serve")
    return library


def version():
    """Return the version in use, such as ``9.1.0``."""
    number = load().cudnnGetVersion()
    major = 10_000 if number >= 90_000 else 1000
    return f"{number // major}.{number % major // 100}.{number % 100}"


def available():
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


def call(name, *arguments):
    """Call ``cudnn<name>``.

    Raises
    ------
    RuntimeError
        With cuDNN's own words when the call fails.
    """
    library = load()
    status = getattr(library, f"cudnn{name}")(*arguments)
    if status:
        raise Failure(name, status, library.cudnnGetErrorString(status).decode())


class Failure(RuntimeError):
    """A call of cuDNN that failed."""

    def __init__(self, name, status, words):
        super().__init__(f"cuDNN: cudnn{name}: {words} ({status})")
        self.status = status


class Device:
    """cuDNN on the GPU in use: its handle, its stream, the workspace and the algorithms chosen.

    Attributes
    ----------
    context : pygpu context
    """

    def __init__(self):
        self.context = theano.gpuarray.type.get_context(None)
        self._enter, self._exit = _extension("cuda_enter"), _extension("cuda_exit")
        self._handle, stream = ctypes.c_void_p(), _extension("cuda_get_stream")(self.context.ptr)
        with self._current():
            call("Create", ctypes.byref(self._handle))
            call("SetStream", self._handle, ctypes.c_void_p(stream))
        self._workspace = None
        self._path = _algorithms_path(self.context)
        self._chosen = _read_algorithms(self._path)

    @contextmanager
    def _current(self):
        """Make the context that of this thread's calls."""
        self._enter(self.context.ptr)
        try:
            yield
        finally:
            self._exit(self.context.ptr)

    def run(self, call_):
        """Run a `Call` on three device arrays in the order of cuDNN's arguments, the last written."""
        with self._current():
            if call_.plan is None:
                self._choose(call_)
            self._execute(call_, call_.plan)

    def _choose(self, call_):
        """Take the algorithm that was measured before, or measure."""
        known = self._chosen.get(call_.key)
        if known:
            try:
                return self._execute(call_, self._plan(call_, known))
            except Failure as failure:
                logger.warning("a stored choice of algorithm fails and is made anew: %s", failure)
        self._chosen[call_.key] = found = self._search(call_)
        self._plan(call_, found)
        _keep_algorithms(self._path, self._chosen)

    def _plan(self, call_, values):
        call_.plan = Plan(*values)
        call("SetConvolutionMathType", call_.convolution, call_.plan.math)
        return call_.plan

    def _execute(self, call_, plan):
        call(
            f"Convolution{call_.direction}", self._handle, ONE, *call_.operands(), call_.convolution,
            plan.algorithm, self._memory(plan.workspace), ctypes.c_size_t(plan.workspace), ZERO,
            *call_.result(),
        )

    def _memory(self, size):
        if not size:
            return None
        if self._workspace is None or self._workspace.size < size:
            self._workspace = None  # the old one's memory is free for the new one
            self._workspace = theano.gpuarray.pygpu.empty(size, "uint8", context=self.context)
        return ctypes.c_void_p(self._workspace.gpudata)

    def _search(self, call_):
        """Return the fastest of the deterministic algorithms, as measured on the arrays."""
        call("SetConvolutionMathType", call_.convolution, call_.math)
        found, tried = ctypes.c_int(), (Tried * TRIED)()
        call(
            f"FindConvolution{call_.direction}AlgorithmEx", self._handle, *call_.operands(),
            call_.convolution, *call_.result(), TRIED, ctypes.byref(found), tried,
            self._memory(WORKSPACE), ctypes.c_size_t(WORKSPACE),
        )
        self._workspace = None  # the largest is rarely the one that is needed
        for one in tried[: found.value]:  # the fastest first
            fits = one.status == 0 and one.workspace <= WORKSPACE
            if fits and one.determinism == DETERMINISTIC:
                return one.algorithm, one.math, one.workspace
        raise RuntimeError(f"cuDNN has no deterministic algorithm for {call_.key}")


class Plan:
    """How a convolution is computed."""

    def __init__(self, algorithm, math, workspace):
        self.algorithm, self.math, self.workspace = algorithm, math, workspace


class Call:
    """One convolution with all its sizes; made once and run at every step.

    Parameters
    ----------
    direction : str
        `FORWARD`, `TRANSPOSED` or `KERNEL`.
    x, w, y : tuple of int
        Shapes with the channels last: ``(images, *space, channels)`` and ``(y channels, *kernel,
        x channels)``.
    padding, stride, dilation : sequences of int
    turned : bool
        Whether the kernel is turned over.
    precision : str
        ``float32`` or ``tf32``.
    """

    def __init__(self, direction, x, w, y, padding, stride, dilation, turned, precision):
        self.direction, self.math, self.plan = direction, MATH[precision], None
        sizes = [list(map(int, part)) for part in (x, w, y, padding, stride, dilation)]
        self.key = json.dumps([direction, *sizes, bool(turned), precision])
        self._x, self._w, self._y = _tensor(x), _filter(w), _tensor(y)
        self.convolution = ctypes.c_void_p()
        call("CreateConvolutionDescriptor", ctypes.byref(self.convolution))
        mode = CONVOLUTION if turned else CORRELATION
        numbers = map(_ints, (padding, stride, dilation))
        call("SetConvolutionNdDescriptor", self.convolution, len(x) - 2, *numbers, mode, FLOAT)

    def on(self, x, w, y):
        """Take the arrays of the next run; returns the call itself."""
        self._x_at, self._w_at, self._y_at = (ctypes.c_void_p(a.gpudata) for a in (x, w, y))
        return self

    def operands(self):
        """Return cuDNN's descriptors and addresses of what is read."""
        x, w, y = (self._x, self._x_at), (self._w, self._w_at), (self._y, self._y_at)
        first, second = {FORWARD: (x, w), TRANSPOSED: (w, y), KERNEL: (x, y)}[self.direction]
        return *first, *second

    def result(self):
        """Return cuDNN's descriptor and address of what is written."""
        return {
            FORWARD: (self._y, self._y_at), TRANSPOSED: (self._x, self._x_at),
            KERNEL: (self._w, self._w_at),
        }[self.direction]


ONE, ZERO = (ctypes.byref(ctypes.c_float(value)) for value in (1, 0))


@lru_cache(maxsize=None)
def device():
    """Return cuDNN on the GPU in use."""
    return Device()


def _tensor(shape):
    images, *space, channels = map(int, shape)
    steps, step = [], channels
    for size in reversed(space):
        steps.insert(0, step)
        step *= size
    descriptor = ctypes.c_void_p()
    call("CreateTensorDescriptor", ctypes.byref(descriptor))
    sizes, strides = (images, channels, *space), (step, 1, *steps)
    call("SetTensorNdDescriptor", descriptor, FLOAT, len(shape), _ints(sizes), _ints(strides))
    return descriptor


def _filter(shape):
    outputs, *kernel, inputs = map(int, shape)
    descriptor = ctypes.c_void_p()
    call("CreateFilterDescriptor", ctypes.byref(descriptor))
    sizes = _ints((outputs, inputs, *kernel))
    call("SetFilterNdDescriptor", descriptor, FLOAT, CHANNELS_LAST, len(shape), sizes)
    return descriptor


def _ints(values):
    values = tuple(map(int, values))
    return (ctypes.c_int * len(values))(*values)


def _extension(name):
    """Return a function that libgpuarray gives out for CUDA alone."""
    library = ctypes.CDLL("libgpuarray.so.3")
    library.gpuarray_get_extension.restype = ctypes.c_void_p
    address = library.gpuarray_get_extension(name.encode())
    if not address:
        raise Unavailable(f"libgpuarray has no {name}")
    return ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(address)


def _algorithms_path(context):
    name = "".join(c if c.isalnum() else "_" for c in context.devname.decode())
    return cache_folder() / "cudnn" / f"{name}-{version()}.json"


def _read_algorithms(path):
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {key: list(map(int, (a, math, size))) for key, (a, math, size) in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        logger.warning("%s cannot be used (%s) and is made anew", path, error)
        return {}


def _keep_algorithms(path, chosen):
    try:
        write_text(path, json.dumps(chosen, indent=0, sort_keys=True))
    except (OSError, UserError) as error:
        logger.warning("the choice of algorithms is not kept for the next run: %s", error)
