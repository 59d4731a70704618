"""The recurrent grid of LSTM cells (paper, "The recurrent LSTM network")."""

from collections import namedtuple
from collections.abc import Sequence

from ..lib.backend.door import Symbol, tensor

from theano.tensor import tanh
from theano.tensor.nnet import sigmoid

from ..lib.ops.expressions import convolve3d, per_channel
from ..lib.ops.recurrence import over_views
from .config import NetworkConfig
from .layers import Parameters, pre_activation

GATES = "forget", "input", "candidate"
Gate = namedtuple("Gate", "W U b")
States = namedtuple("States", "hidden memory forget input candidate")
States.__doc__ = "What the grid does at each view; each ``(views, batch, channels, x, y, z)``."


class ConvLSTM:
    """A cubic grid of LSTM cells without output gates.

    Every cell has a memory c and a hidden state h of ``channels`` values. A cell sees the whole
    view through its own part of W, and its neighbours' hidden states through the kernel U that
    all cells share: with a 1x1x1 kernel only itself, with 3x3x3 its 26 neighbours too. At each view
    x, with the convolution * and the element-wise product .::

        f = sigmoid(Wf tau(x) + Uf * h + bf)
        i = sigmoid(Wi tau(x) + Ui * h + bi)
        c' = f . c + i . tanh(Wc tau(x) + Uc * h + bc)
        h' = tanh(c')

    For each gate ``lstm.forget``, ``lstm.input``, ``lstm.candidate``:

    - ``W`` is ``(features, channels, grid, grid, grid)``;
    - ``U`` is ``(channels, channels, kernel, kernel, kernel)``;
    - ``b`` is ``(channels,)``.

    Parameters
    ----------
    parameters : Parameters
        Takes the new parameters.
    config : NetworkConfig
    """

    def __init__(self, parameters: Parameters, config: NetworkConfig) -> None:
        self.cells = (config.channels,) + 3 * (config.grid,)
        self.kernel = (config.channels, config.channels) + 3 * (config.kernel,)
        self.gates = [self._gate(parameters, name, config) for name in GATES]

    def _gate(self, parameters, name, config):
        return Gate(
            parameters.matrix("lstm", f"{name}.W", (config.features, *self.cells)),
            parameters.kernel("lstm", f"{name}.U", self.kernel),
            parameters.bias("lstm", f"{name}.b", config.channels),
        )

    def __call__(self, tau: Symbol, views: Symbol | int, batch: Symbol | int) -> States:
        """Show the views to the grid one after another, from h = c = 0.

        Parameters
        ----------
        tau : symbolic matrix, ``(views * batch, features)``
            The encoded views, all objects of the first view first.
        views, batch : symbolic or int

        Returns
        -------
        States
        """
        shape = (views, batch) + self.cells
        W_tau = [pre_activation(tensor.dot(tau, g.W.flatten(2)), g.W) for g in self.gates]
        U = tensor.concatenate([gate.U for gate in self.gates])
        b = [gate.b for gate in self.gates]
        return States(*over_views(self.step, [x.reshape(shape) for x in W_tau], U, b))

    def step(
        self, W_tau: Sequence[Symbol], h: Symbol, c: Symbol, U: Symbol, b: Sequence[Symbol]
    ) -> tuple[Symbol, ...]:
        """Return h, c, f, i and the candidate after one view; each ``(batch, channels, x, y, z)``.

        Parameters
        ----------
        W_tau : three symbolic maps
            W tau(x) of this view for the gates f and i and the candidate.
        h, c : symbolic
            State before the view.
        U : symbolic
            The three kernels one behind the other, ``(3 channels, channels, k, k, k)``.
        b : three symbolic vectors
        """
        Wf_tau, Wi_tau, Wc_tau = W_tau
        Uf_h, Ui_h, Uc_h = self._convolve(h, U)
        bf, bi, bc = (per_channel(vector, h.ndim) for vector in b)
        f = sigmoid(Wf_tau + Uf_h + bf)
        i = sigmoid(Wi_tau + Ui_h + bi)
        candidate = tanh(Wc_tau + Uc_h + bc)
        c = f * c + i * candidate
        h = tanh(c)
        return h, c, f, i, candidate

    def _convolve(self, h, U):
        """Return U * h for the three gates: one convolution instead of three."""
        n = self.cells[0]
        Uh = convolve3d(h, U, (3 * n, *self.kernel[1:]))
        return Uh[:, :n], Uh[:, n : 2 * n], Uh[:, 2 * n :]
