"""The network as an ONNX graph, written from its definition and its named weights."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from ...models.config import NetworkConfig
from ...models.conv_lstm import GATES
from ...models.decoder import CLASSES, KERNEL
from ...models.layers import LEAKY_SLOPE
from ..base.errors import need

OPSET = 13  # the oldest that says all this, so that most programs read it
IR_VERSION = 8
INPUT, OUTPUT = "views", "occupancy"


class _Nodes:
    """Nodes in the making, each with one output of its own name.

    Parameters
    ----------
    helper : module
        ``onnx.helper``.
    prefix : str
        Of the names: those of a body differ from those around it.
    """

    def __init__(self, helper: ModuleType, prefix: str = "") -> None:
        self.helper, self.prefix = helper, prefix
        self.made: list[Any] = []

    def add(self, kind, *inputs, outputs=1, name=None, **attributes):
        """Add a node; return its output's name, or the list of them where there are several."""
        base = name or f"{self.prefix}{kind}{len(self.made)}"
        names = [base] if outputs == 1 else [f"{base}.{number}" for number in range(outputs)]
        self.made.append(self.helper.make_node(kind, list(inputs), names, base, **attributes))
        return names[0] if outputs == 1 else names

    def integers(self, *values):
        """Add a constant vector of integers."""
        return self.add("Constant", value_ints=values)

    def leaky(self, x):
        return self.add("LeakyRelu", x, alpha=LEAKY_SLOPE)


def make_model(
    config: NetworkConfig,
    weights: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
    views: int | None = None,
    half: bool = False,
) -> Any:
    """Return the network as a checked ONNX model.

    Its input ``views`` is float32 ``(batch, views, 3, size, size)``, values in [0, 1]; its output
    ``occupancy`` is float32 ``(batch, x, y, z)``.

    Parameters
    ----------
    config : NetworkConfig
    weights : mapping of str to ndarray
        As `to_operators` makes them.
    metadata : mapping of str to str
    views : int, optional
        A number of views for which the loop over them is written out; by default it is a Scan over
        any number.
    half : bool
        Whether the weights are stored as float16; they are computed with as float32.
    """
    onnx = need("onnx", "export")
    nodes = _Nodes(onnx.helper)
    initializers = [_initializer(onnx, nodes, name, value, half) for name, value in weights.items()]
    seen, state = _encoder(nodes, config, views)
    remember = _unrolled if views else _scan
    _decoder(nodes, config, remember(onnx, nodes, config, seen, state, views))
    real = onnx.TensorProto.FLOAT
    shape = ["batch", views or "views", 3, config.image, config.image]
    graph = onnx.helper.make_graph(
        nodes.made,
        "voxlstm",
        [onnx.helper.make_tensor_value_info(INPUT, real, shape)],
        [onnx.helper.make_tensor_value_info(OUTPUT, real, ["batch"] + 3 * [config.resolution])],
        initializers,
    )
    opset = [onnx.helper.make_opsetid("", OPSET)]
    model = onnx.helper.make_model(graph, producer_name="voxlstm", opset_imports=opset, ir_version=IR_VERSION)
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def _initializer(onnx, nodes, name, value, half):
    """Return a weight as it is stored; a node makes float32 of float16 under the weight's name."""
    if name == "lstm.W":
        value = value.reshape(len(value), -1)  # one matrix for all cells
    if not half:
        return onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
    nodes.add("Cast", f"{name}.half", name=name, to=onnx.TensorProto.FLOAT)
    return onnx.numpy_helper.from_array(value.astype(np.float16), f"{name}.half")


def _encoder(nodes, config, views):
    """Add the encoder and W tau(x); return it, ``(batch, views, gates, x, y, z)``, and a zero state."""
    size, cells = config.image, 3 * (config.grid,)
    x = nodes.add("Reshape", INPUT, nodes.integers(-1, 3, size, size))
    for number, kernel in enumerate(config.encoder_kernels, start=1):
        name = f"encoder.conv{number}"
        x = nodes.add("Conv", x, f"{name}.W", f"{name}.b", pads=4 * [kernel // 2], kernel_shape=2 * [kernel])
        x = nodes.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])
        x = nodes.leaky(x)
    x = nodes.add("Flatten", x, axis=1)
    tau = nodes.leaky(nodes.add("Gemm", x, "encoder.fc.W", "encoder.fc.b"))
    seen = nodes.add("MatMul", tau, "lstm.W")
    sizes = nodes.add("Shape", INPUT)
    batch = nodes.add("Slice", sizes, nodes.integers(0), nodes.integers(1))
    both = (
        nodes.integers(-1, views)
        if views
        else nodes.add("Slice", sizes, nodes.integers(0), nodes.integers(2))
    )
    gates = nodes.integers(len(GATES) * config.channels, *cells)
    seen = nodes.add("Reshape", seen, nodes.add("Concat", both, gates, axis=0))
    state = nodes.add("Concat", batch, nodes.integers(config.channels, *cells), axis=0)
    return seen, nodes.add("ConstantOfShape", state)


def _step(nodes, config, seen, h, c):
    """Add what the cells do at one view (models/conv_lstm.py); return h and c after it."""
    pads, kernel = 6 * [config.kernel // 2], 3 * [config.kernel]
    joined = nodes.add("Add", seen, nodes.add("Conv", h, "lstm.U", "lstm.b", pads=pads, kernel_shape=kernel))
    forget, let_in, candidate = nodes.add("Split", joined, outputs=len(GATES), axis=1)
    kept = nodes.add("Mul", nodes.add("Sigmoid", forget), c)
    new = nodes.add("Mul", nodes.add("Sigmoid", let_in), nodes.add("Tanh", candidate))
    c = nodes.add("Add", kept, new)
    return nodes.add("Tanh", c), c


def _scan(onnx, nodes, config, seen, state, _):
    """Add the loop over any number of views; return h after the last."""
    body = _Nodes(onnx.helper, "step.")
    h, c = _step(body, config, "step.seen", "step.h", "step.c")
    one = ["batch", config.channels] + 3 * [config.grid]
    shapes = {"h": one, "c": one, "seen": ["batch", len(GATES) * config.channels, *one[2:]]}

    def info(name, shape):
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    inputs = [info(f"step.{name}", shape) for name, shape in shapes.items()]
    graph = onnx.helper.make_graph(body.made, "step", inputs, [info(h, one), info(c, one)])
    hidden, _ = nodes.add(
        "Scan", state, state, seen, outputs=2, body=graph, num_scan_inputs=1, scan_input_axes=[1]
    )
    return hidden


def _unrolled(onnx, nodes, config, seen, state, views):
    """Add the steps of so many views one after another; return h after the last."""
    h = c = state
    for view in range(views):
        one = nodes.add("Gather", seen, nodes.add("Constant", value_int=view), axis=1)
        h, c = _step(nodes, config, one, h, c)
    return h


def _decoder(nodes, config, x):
    count = len(config.decoder_widths) + 1
    doubling = {"strides": [2, 2, 2], "output_padding": [1, 1, 1]}
    for number in range(1, count + 1):
        kind, more = ("ConvTranspose", doubling) if number <= config.unpoolings else ("Conv", {})
        inputs = x, f"decoder.conv{number}.W", f"decoder.conv{number}.b"
        x = nodes.add(kind, *inputs, pads=6 * [KERNEL // 2], kernel_shape=3 * [KERNEL], **more)
        x = nodes.leaky(x) if number < count else x
    empty, occupied = nodes.add("Split", x, outputs=CLASSES, axis=1)
    odds = nodes.add("Squeeze", nodes.add("Sub", occupied, empty), nodes.integers(1))
    nodes.add("Sigmoid", odds, name=OUTPUT)
