"""How fast cuDNN computes each convolution of a training step; needs PyTorch, nothing of this project.

``python3 cudnn_layers.py RESULT.json [SECONDS]`` asks cuDNN for the times of all its algorithms at the
sizes of lstm_3x3x3 with batch 36 and 5 views: each layer in its three directions, two layouts, with
float32 products only and with TF32 allowed. The result is rewritten after each layer. After SECONDS
(default: 120) the script stops with what it has; started again with the same file, it goes on.
"""

import ctypes
import glob
import json
import os
import sys
import time
from math import prod

import torch

BATCH, VIEWS = 36, 5
IMAGES = BATCH * VIEWS
WORKSPACE = 2**30
REQUESTED = 10
DIRECTIONS = ("Forward", "BackwardData", "BackwardFilter")
LAYOUTS = ("NCHW", "NHWC")  # of 3-D maps: NCDHW and NDHWC; their numbers are cuDNN's
MATH = {"float32": 3, "tf32": 0}  # CUDNN_FMA_MATH and CUDNN_DEFAULT_MATH


class Layer:
    """A convolution from x to y; of a transposed one, x is the layer's result.

    Parameters
    ----------
    name : str
    batch, maps_x, maps_y : int
        Samples, and channels of x and of y as computed, with padding.
    size_x : int
        Cells a side of x.
    kernel, stride, axes : int
        The padding is half the kernel.
    useful : int, optional
        The product of the channels without padding.
    directions : tuple of str
        Those that a training step needs.
    """

    def __init__(
        self,
        name,
        batch,
        maps_x,
        maps_y,
        size_x,
        kernel,
        stride=1,
        axes=3,
        useful=None,
        directions=DIRECTIONS,
    ):
        self.name, self.directions = name, directions
        self.axes, self.kernel, self.stride = axes, kernel, stride
        size_y = (size_x + 2 * (kernel // 2) - kernel) // stride + 1
        self.x = (batch, maps_x, *[size_x] * axes)
        self.y = (batch, maps_y, *[size_y] * axes)
        self.w = (maps_y, maps_x, *[kernel] * axes)
        pairs = useful or maps_x * maps_y
        self.operations = 2 * batch * size_y**axes * pairs * kernel**axes

    def about(self):
        """Return the sizes as a dict."""
        return {"x": self.x, "y": self.y, "w": self.w, "stride": self.stride, "gflop": self.operations / 1e9}


NO_PICTURES = ("Forward", "BackwardFilter")  # pictures need no gradient
LAYERS = [
    Layer("encoder.conv2", IMAGES, 96, 128, 64, 3, axes=2),
    Layer("decoder.conv4", BATCH, 64, 32, 32, 3),
    Layer("encoder.conv3", IMAGES, 128, 256, 33, 3, axes=2),
    Layer("decoder.conv3", BATCH, 64, 128, 32, 3, stride=2),
    Layer("encoder.conv4", IMAGES, 256, 256, 17, 3, axes=2),
    Layer("encoder.conv1, 4 channels", IMAGES, 4, 96, 127, 7, axes=2, useful=3 * 96, directions=NO_PICTURES),
    Layer("encoder.conv1", IMAGES, 3, 96, 127, 7, axes=2, directions=NO_PICTURES),
    Layer("lstm.U, 3x3x3", BATCH, 128, 384, 4, 3),
    Layer("lstm.U, 3x3x3, four views", 4 * BATCH, 128, 384, 4, 3, directions=("BackwardFilter",)),
    Layer("decoder.conv2", BATCH, 128, 128, 16, 3, stride=2),
    Layer("decoder.conv1", BATCH, 128, 128, 8, 3, stride=2),
    Layer("encoder.conv5", IMAGES, 256, 256, 9, 3, axes=2),
    Layer("encoder.conv6", IMAGES, 256, 256, 5, 3, axes=2),
    Layer("decoder.conv5", BATCH, 32, 2, 32, 3),
    Layer("decoder.conv5, 4 maps", BATCH, 32, 4, 32, 3, useful=32 * 2),
    Layer("lstm.U, 1x1x1", BATCH, 128, 384, 4, 1),
]


class Perf(ctypes.Structure):
    """``cudnnConvolution...AlgoPerf_t``."""

    _fields_ = [
        ("algo", ctypes.c_int),
        ("status", ctypes.c_int),
        ("time", ctypes.c_float),
        ("memory", ctypes.c_size_t),
        ("determinism", ctypes.c_int),
        ("mathType", ctypes.c_int),
        ("reserved", ctypes.c_int * 3),
    ]


class Cudnn:
    """cuDNN's library with a handle for the device that PyTorch uses."""

    def __init__(self):
        self.library = self._load()
        self.library.cudnnGetVersion.restype = ctypes.c_size_t
        self.library.cudnnGetErrorString.restype = ctypes.c_char_p
        self.version = self.library.cudnnGetVersion()
        self.handle = ctypes.c_void_p()
        self.call("cudnnCreate", ctypes.byref(self.handle))

    @staticmethod
    def _load():
        packages = os.path.dirname(os.path.dirname(torch.__file__))
        found = sorted(glob.glob(packages + "/nvidia/*/lib/libcudnn.so.9"))
        for path in [*found, "libcudnn.so.9", "libcudnn.so"]:
            try:
                return ctypes.CDLL(path)
            except OSError as error:
                reason = error
        raise SystemExit(f"cudnn_layers: error: there is no cuDNN here: {reason}")

    def call(self, name, *arguments):
        """Call a function; RuntimeError when it does not succeed."""
        status = getattr(self.library, name)(*arguments)
        if status:
            text = (self.library.cudnnGetErrorString(status) or b"").decode()
            raise RuntimeError(f"{name}: {status} {text}")

    def create(self, kind):
        """Return a new descriptor of a kind."""
        descriptor = ctypes.c_void_p()
        self.call(f"cudnnCreate{kind}Descriptor", ctypes.byref(descriptor))
        return descriptor


def integers(values):
    """Return values as an array of C's int."""
    return (ctypes.c_int * len(values))(*values)


def strides(shape, layout):
    """Return the strides, in the order of NCHW, of a tensor in a layout."""
    order = range(len(shape)) if layout == "NCHW" else [0, *range(2, len(shape)), 1]
    steps, step = [0] * len(shape), 1
    for axis in reversed(order):
        steps[axis] = step
        step *= shape[axis]
    return steps


class Descriptors:
    """What cuDNN is to know of a layer in one layout with one kind of products."""

    def __init__(self, cudnn, layer, layout, math):
        self.cudnn = cudnn
        self.made = []
        self.x, self.y = (self._tensor(shape, layout) for shape in (layer.x, layer.y))
        self.w = self._make("Filter")
        cudnn.call(
            "cudnnSetFilterNdDescriptor", self.w, 0, LAYOUTS.index(layout), len(layer.w), integers(layer.w)
        )
        self.convolution = self._make("Convolution")
        axes = layer.axes
        pad, stride, dilation = ([v] * axes for v in (layer.kernel // 2, layer.stride, 1))
        cudnn.call(
            "cudnnSetConvolutionNdDescriptor",
            self.convolution,
            axes,
            integers(pad),
            integers(stride),
            integers(dilation),
            1,
            0,
        )
        cudnn.call("cudnnSetConvolutionMathType", self.convolution, MATH[math])

    def _make(self, kind):
        descriptor = self.cudnn.create(kind)
        self.made.append((kind, descriptor))
        return descriptor

    def _tensor(self, shape, layout):
        descriptor = self._make("Tensor")
        self.cudnn.call(
            "cudnnSetTensorNdDescriptor",
            descriptor,
            0,
            len(shape),
            integers(shape),
            integers(strides(shape, layout)),
        )
        return descriptor

    def destroy(self):
        """Give the descriptors back."""
        for kind, descriptor in self.made:
            self.cudnn.call(f"cudnnDestroy{kind}Descriptor", descriptor)


def find(cudnn, layer, direction, layout, math, data, workspace):
    """Return the algorithms of one case, the fastest first, as dicts."""
    use = Descriptors(cudnn, layer, layout, math)
    try:
        x, w, y, out = (ctypes.c_void_p(tensor.data_ptr()) for tensor in data)
        arguments = {
            "Forward": (use.x, x, use.w, w, use.convolution, use.y, out),
            "BackwardData": (use.w, w, use.y, y, use.convolution, use.x, out),
            "BackwardFilter": (use.x, x, use.y, y, use.convolution, use.w, out),
        }[direction]
        count, perfs = ctypes.c_int(), (Perf * REQUESTED)()
        cudnn.call(
            f"cudnnFindConvolution{direction}AlgorithmEx",
            cudnn.handle,
            *arguments,
            REQUESTED,
            ctypes.byref(count),
            perfs,
            ctypes.c_void_p(workspace.data_ptr()),
            ctypes.c_size_t(workspace.numel()),
        )
    finally:
        use.destroy()
    return [
        {
            "algo": p.algo,
            "ms": p.time,
            "workspace": p.memory,
            "deterministic": bool(p.determinism),
            "math": p.mathType,
        }
        for p in perfs[: count.value]
        if p.status == 0
    ]


def measure(cudnn, layer, deadline, workspace):
    """Return what cuDNN says of all cases of a layer, or of those before the deadline."""
    shapes = (layer.x, layer.w, layer.y)
    data = [torch.randn(prod(shape), device="cuda") for shape in shapes]
    data.append(torch.empty(max(map(prod, shapes)), device="cuda"))
    torch.cuda.synchronize()
    cases = []
    for direction in layer.directions:
        for layout in LAYOUTS:
            for math in MATH:
                if time.monotonic() > deadline:
                    return {**layer.about(), "cases": cases, "complete": False}
                case = {"direction": direction, "layout": layout, "math": math}
                try:
                    case["found"] = find(cudnn, layer, direction, layout, math, data, workspace)
                    if not case["found"]:
                        case["error"] = "no algorithm"
                except RuntimeError as error:
                    case["error"] = str(error)
                cases.append(case)
                print(f"{layer.name:26} {direction:14} {layout} {math:7} {describe(case, layer)}", flush=True)
    return {**layer.about(), "cases": cases, "complete": True}


def describe(case, layer):
    """Return one case in words."""
    if "error" in case:
        return case["error"]
    repeatable = [entry for entry in case["found"] if entry["deterministic"]]
    words = []
    for name, entries in (("deterministic", repeatable), ("any", case["found"])):
        if not entries:
            words.append(f"{name}: none")
            continue
        best = min(entries, key=lambda entry: entry["ms"])
        rate = layer.operations / best["ms"] / 1e9
        words.append(
            f"{name}: {best['ms']:.3f} ms {rate:.0f} TFLOP/s algorithm {best['algo']} "
            f"{best['workspace'] / 2**20:.0f} MiB"
        )
    return "; ".join(words)


def seconds_of(function, repetitions=10):
    """Return the seconds of a function on the device, the mean of some calls."""
    for _ in range(3):
        function()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(repetitions):
        function()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1e3 / repetitions


def measure_card():
    """Return the rate of copies in the device's memory and of products like W's of the gates."""
    source = torch.randn(2**28, device="cuda")
    target = torch.empty_like(source)
    seconds = seconds_of(lambda: target.copy_(source))
    rates = {"name": torch.cuda.get_device_name(), "copy_bytes_per_second": 2 * source.nbytes / seconds}
    rows, inner, columns = IMAGES, 1024, 3 * 128 * 64
    a, b = torch.randn(rows, inner, device="cuda"), torch.randn(inner, columns, device="cuda")
    for name, allowed in (("float32", False), ("tf32", True)):
        torch.backends.cuda.matmul.allow_tf32 = allowed
        rates[f"product_{name}_per_second"] = 2 * rows * inner * columns / seconds_of(lambda: a @ b)
    return rates


def write(path, results):
    """Write the results, so that the file is whole at any moment."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    os.replace(path + ".part", path)


def main(path, limit="120"):
    """Measure all layers that the file does not have yet."""
    deadline = time.monotonic() + float(limit)
    results = {"layers": {}}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            results = json.load(file)
    if not torch.cuda.is_available():
        raise SystemExit("cudnn_layers: error: PyTorch finds no GPU")
    if "card" not in results:
        results["card"] = measure_card()
        print(results["card"], flush=True)
    torch.zeros(1, device="cuda")  # makes the context that cuDNN is to use
    cudnn = Cudnn()
    results.update(cudnn=cudnn.version, torch=torch.__version__, batch=BATCH, views=VIEWS)
    workspace = torch.empty(WORKSPACE, dtype=torch.uint8, device="cuda")
    for layer in LAYERS:
        known = results["layers"].get(layer.name, {})
        if known.get("complete") or "error" in known:
            continue
        if time.monotonic() > deadline:
            print("cudnn_layers: the time is over", flush=True)
            break
        try:
            results["layers"][layer.name] = measure(cudnn, layer, deadline, workspace)
            torch.cuda.synchronize()
        except RuntimeError as error:
            # An error of the device spoils the process: record it and let another go on.
            results["layers"].setdefault(layer.name, layer.about())["error"] = str(error).splitlines()[0]
            write(path, results)
            left = max(deadline - time.monotonic(), 0)
            os.execv(sys.executable, [sys.executable, os.path.abspath(__file__), path, str(left)])
        write(path, results)


if __name__ == "__main__":
    main(*sys.argv[1:])
