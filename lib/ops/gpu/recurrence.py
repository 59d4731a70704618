"""The grid of LSTM cells over all views in one op, and its gradient in another.

Arrays are plain, ``(views, batch, channels, x, y, z)``; inside, what cuDNN convolves has its channels
last. The first view's state is zero, so that its convolution is left out. The kernel's gradient is
one convolution over all views.
"""

from collections.abc import Sequence

from theano.gof import Apply, Op
from theano.gradient import DisconnectedType

from ...backend import gpu
from ...backend.door import DeviceArray, Symbol
from ..cells import AXES, GATES, check_shapes
from ..convolution import Geometry
from ..hints import Shapes, Storage
from . import kernels
from .convolution import GpuConvolve, GpuKernelGradient, GpuTranspose
from .maps import map_type, on_gpu, padded, to_last


def over_views(W_tau: Sequence[Symbol], U: Symbol, biases: Sequence[Symbol]) -> list[Symbol]:
    """Return h, c, f, i and g at each view; see `lib.ops.recurrence`."""
    results = GpuRecurrence(gpu.precision())(*W_tau, U, *biases)
    return [result.transfer("cpu") for result in results]


class _Recurrence(Op):
    __props__ = ("precision",)

    def __init__(self, precision: str) -> None:
        self.precision = precision

    def _convolutions(self, channels):
        """Return the ops of ``U * h``, of its gradient for h and of that for U."""
        made = self.__dict__.setdefault("_made", {})
        if channels not in made:
            once = (1, 1, 1)  # stride and dilation
            geometry = Geometry(3, "half", once, once, False, channels, GATES * channels, self.precision)
            kinds = GpuConvolve, GpuTranspose, GpuKernelGradient
            made[channels] = [kind(geometry) for kind in kinds]
        return made[channels]

    def __getstate__(self) -> dict[str, str]:
        return {"precision": self.precision}


class GpuRecurrence(_Recurrence):
    """Inputs are W tau(x) of the three gates, U and the three biases; outputs h, c, f, i and g."""

    def make_node(self, *inputs: Symbol) -> Apply:
        return Apply(self, [on_gpu(v) for v in inputs], [map_type(AXES)() for _ in range(5)])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        *W_tau, U, bf, bi, bg = map(kernels.plain, inputs)
        check_shapes([x.shape for x in inputs])
        Wf = W_tau[0]
        views, batch, channels, *space = Wf.shape
        results = h, c, f, i, g = [kernels.empty(Wf.shape) for _ in range(5)]
        for storage, result in zip(outputs, results):
            storage[0] = result
        convolve = self._convolutions(channels)[0]
        w = to_last(U, padded(U.shape[0]))
        count, gates = Wf.size // views, padded(GATES * channels)
        cells = count // batch // channels
        Uh = Wf  # is not read at the first view
        for view in range(views):
            if view:
                Uh = convolve.compute(to_last(h[view - 1]), w)
            kernels.launch(
                "lstm",
                *W_tau,
                Uh,
                bf,
                bi,
                bg,
                *results,
                channels,
                gates,
                cells,
                view * count,
                count,
                count=count,
            )

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return 5 * [shapes[0]]

    def L_op(self, inputs: list[Symbol], outputs: list[Symbol], gradients: list[Symbol]) -> list[Symbol]:
        dh, *others = gradients
        if not all(isinstance(g.type, DisconnectedType) for g in others):
            raise NotImplementedError("a gradient comes back through h only")
        U = inputs[GATES]
        return GpuRecurrenceGradient(self.precision)(U, *outputs, dh, return_list=True)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [5 * [True] for _ in node.inputs]


class GpuRecurrenceGradient(_Recurrence):
    """Inputs are U, h, c, f, i, g and the gradient of h; outputs the gradients of the inputs of
    `GpuRecurrence`."""

    def make_node(self, *inputs: Symbol) -> Apply:
        operands = [on_gpu(v) for v in inputs]
        results = [map_type(AXES)() for _ in range(GATES)]
        return Apply(self, operands, [*results, map_type(5)(), *(map_type(1)() for _ in range(GATES))])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        U, h, c, f, i, g, dh = map(kernels.plain, inputs)
        views, batch, channels, *space = h.shape
        count, gates = h.size // views, padded(GATES * channels)
        cells = count // batch // channels
        plain = [kernels.empty(h.shape) for _ in range(GATES)]
        last = kernels.empty((views, batch, *space, gates))
        dc, dh_next = kernels.empty((count,)), h  # the second is not read at the last view
        _, transpose, _ = self._convolutions(channels)
        w = to_last(U, padded(U.shape[0]))
        for view in reversed(range(views)):
            kernels.launch(
                "lstm_gradient",
                h,
                c,
                f,
                i,
                g,
                dh,
                dh_next,
                dc,
                *plain,
                last,
                channels,
                padded(channels),
                gates,
                cells,
                view * count,
                count,
                int(view == views - 1),
                count=count,
            )
            if view:
                dh_next = transpose.compute(w, kernels.plain(last[view]), space)
        for storage, result in zip(outputs, (*plain, self._dU(U, h, last), *self._db(last, channels))):
            storage[0] = result

    def _dU(self, U, h, last):
        views, batch, channels, *space = h.shape
        if views == 1:  # the only state that U acted on was zero
            return kernels.zeros(U.shape)
        before = to_last(h[:-1].reshape(((views - 1) * batch, channels, *space)))
        after = kernels.plain(last[1:]).reshape(((views - 1) * batch, *space, last.shape[-1]))
        gradient = self._convolutions(channels)[2].compute(before, after, U.shape[2:])
        return gradient[: U.shape[0], :, :, :, :channels].transpose(0, 4, 1, 2, 3)

    def _db(self, last, channels):
        _, sums = kernels.leaky_gradient(last, last, 1.0, GATES * channels)
        return [sums[k * channels : (k + 1) * channels] for k in range(GATES)]

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        U, h, *_ = shapes
        return [h, h, h, U, (h[2],), (h[2],), (h[2],)]
