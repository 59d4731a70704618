"""The grid of LSTM cells over all views in one op on the CPU, and its gradient in another.

Maps are plain, ``(views, batch, channels, x, y, z)``. The first view's state is zero, so that its
convolution is left out. The kernel's gradient is one convolution over all views. Theano's scan computes
the same and takes longer: it works out the lengths of what it copies at every step.
"""

from collections.abc import Sequence

import numpy as np
from theano.gof import Apply, Op
from theano.gradient import DisconnectedType

from ..backend.door import Symbol, precision, tensor
from . import library
from .convolution import Convolve, Geometry, KernelGradient, Transpose
from .hints import Shapes, Storage
from .layout import FromBlocked, ToBlocked, count_cells, output
from .on_cpu import OnCPU

AXES = 6
GATES = 3
RESULTS = 5  # h, c, f, i and g


def serves(W_tau: Sequence[Symbol]) -> bool:
    """Return whether the native library, which computes in float32, can be had."""
    return all(x.dtype == "float32" for x in W_tau) and library.available()[0]


def over_views(W_tau: Sequence[Symbol], U: Symbol, biases: Sequence[Symbol]) -> list[Symbol]:
    """Return h, c, f, i and g at each view; see `lib.ops.recurrence`."""
    return Recurrence(precision())(*W_tau, U, *biases, return_list=True)


def check_shapes(shapes: list[tuple[int, ...]]) -> None:
    """Raise ValueError unless those of W tau of the three gates, U and the three biases fit together."""
    first, channels, U = shapes[0], shapes[0][2], shapes[GATES]
    if shapes != [*GATES * [first], (GATES * channels, channels, *U[2:]), *GATES * [(channels,)]]:
        raise ValueError(f"the shapes of W tau, U and the biases do not fit together: {shapes}")


class Convolutions:
    """U * h and its gradients, of plain arrays.

    Parameters
    ----------
    channels : int
        Of h.
    precision : str
        Of the products' factors.
    """

    def __init__(self, channels: int, precision: str) -> None:
        ops, once = OnCPU(precision), (1, 1, 1)  # stride and dilation
        sizes = ops.channels(channels), ops.channels(GATES * channels)
        self._geometry = Geometry(3, "half", once, once, False, *sizes, precision)

    def forward(self, h: np.ndarray, U: np.ndarray) -> np.ndarray:
        """Return U * h, ``(batch, 3 channels, x, y, z)``."""
        y = _result(Convolve(self._geometry), self._map(h, self._geometry.x_channels), U)
        return _plain(y, self._geometry.y_channels)

    def backward(self, U: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """Return the gradient of h from that of U * h."""
        x = _result(Transpose(self._geometry), U, self._map(dy, self._geometry.y_channels), dy.shape[2:])
        return _plain(x, self._geometry.x_channels)

    def kernel(self, h: np.ndarray, dy: np.ndarray, space: Sequence[int]) -> np.ndarray:
        """Return the gradient of U, whose kernel has a size of ``space``."""
        maps = self._map(h, self._geometry.x_channels), self._map(dy, self._geometry.y_channels)
        return _result(KernelGradient(self._geometry), *maps, space)

    def _map(self, x, channels):
        return x if channels is None else _result(ToBlocked(channels, self._geometry.blocked_dtype), x)


def _plain(x, channels):
    return x if channels is None else _result(FromBlocked(channels), x)


def _result(op, *inputs):
    storage = [None]
    op.perform(None, inputs, [storage])
    return storage[0]


class Recurrence(Op):
    """Inputs are W tau(x) of the three gates, U and the three biases; outputs h, c, f, i and g.

    Parameters
    ----------
    precision : str
        Of the factors of U * h.
    """

    __props__ = ("precision",)

    def __init__(self, precision: str) -> None:
        self.precision = precision

    def make_node(self, *inputs: Symbol) -> Apply:
        operands = [tensor.as_tensor_variable(v) for v in inputs]
        return Apply(self, operands, [_maps() for _ in range(RESULTS)])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        *W_tau, U, bf, bi, bg = map(np.ascontiguousarray, inputs)
        views, batch, channels, *space = shape = W_tau[0].shape
        check_shapes([x.shape for x in inputs])
        h, c, *gates = [output(storage, shape) for storage in outputs]
        convolutions = Convolutions(channels, self.precision)
        sizes, U_h, c_before = (batch, channels, count_cells(space)), None, None
        for view in range(views):
            if view:
                U_h, c_before = convolutions.forward(h[view - 1], U), c[view - 1]
            read = *(x[view] for x in W_tau), U_h, bf, bi, bg, c_before
            library.call("lstm", *sizes, *read, *(x[view] for x in (h, c, *gates)))

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return RESULTS * [shapes[0]]

    def L_op(self, inputs: list[Symbol], outputs: list[Symbol], gradients: list[Symbol]) -> list[Symbol]:
        given = tuple(not isinstance(g.type, DisconnectedType) for g in gradients)
        known = [g for g, connected in zip(gradients, given) if connected]
        return RecurrenceGradient(self.precision, given)(inputs[GATES], *outputs, *known, return_list=True)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [RESULTS * [True] for _ in node.inputs]


class RecurrenceGradient(Op):
    """Inputs are U, h, c, f, i, g and gradients of the latter five; outputs the gradients of the inputs of
    `Recurrence`.

    Parameters
    ----------
    precision : str
        Of the factors of the gradients of U * h.
    given : tuple of bool
        Which of the five gradients are inputs; the others are zero.
    """

    __props__ = ("precision", "given")

    def __init__(self, precision: str, given: tuple[bool, ...]) -> None:
        self.precision, self.given = precision, given

    def make_node(self, *inputs: Symbol) -> Apply:
        operands = [tensor.as_tensor_variable(v) for v in inputs]
        biases = [tensor.fvector() for _ in range(GATES)]
        return Apply(self, operands, [*(_maps() for _ in range(GATES)), operands[0].type(), *biases])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        U, h, c, *gates = map(np.ascontiguousarray, inputs[: 1 + RESULTS])
        known = iter(map(np.ascontiguousarray, inputs[1 + RESULTS :]))
        gradients = [next(known) if given else None for given in self.given]
        views, batch, channels, *space = h.shape
        convolutions = Convolutions(channels, self.precision)
        sizes = batch, channels, count_cells(space)
        dsums = np.empty((views, batch, GATES * channels, *space), "float32")
        dh_next, dc_next = None, np.zeros(h.shape[1:], "float32")
        for view in reversed(range(views)):
            read = h[view], c[view - 1] if view else None, *(x[view] for x in gates)
            back = (None if x is None else x[view] for x in gradients)
            library.call("lstm_gradient", *sizes, *read, *back, dh_next, dc_next, dsums[view])
            if view:
                dh_next = convolutions.backward(U, dsums[view])
        by_gate = dsums.reshape(views, batch, GATES, channels, *space)
        for k, (map_, bias) in enumerate(zip(outputs, outputs[GATES + 1 :])):
            map_[0] = np.ascontiguousarray(by_gate[:, :, k])
            bias[0] = map_[0].sum(axis=(0, 1, 3, 4, 5))
        outputs[GATES][0] = _dU(convolutions, h[:-1], dsums[1:], U.shape)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        U, h, *_ = shapes
        return [h, h, h, U, (h[2],), (h[2],), (h[2],)]


def _dU(convolutions, before, dsums, shape):
    """Return the gradient of U, from the hidden states that it acted on."""
    if not len(before):  # the only one was zero
        return np.zeros(shape, "float32")
    h, dy = (x.reshape(-1, *x.shape[2:]) for x in (before, dsums))
    return convolutions.kernel(h, dy, shape[2:])


def _maps():
    return tensor.TensorType("float32", (False,) * AXES)()
