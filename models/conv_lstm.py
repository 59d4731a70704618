"""The recurrent grid of LSTM cells (paper, "The recurrent LSTM network")."""
from collections import OrderedDict, namedtuple

from ..lib.backend.door import tensor

from ..lib.ops.recurrence import over_views
from .layers import add_bias, convolution_weight, convolve3d

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

    def __init__(self, parameters, config):
        self.cells = (config.channels,) + 3 * (config.grid,)
        self.kernel = 3 * (config.kernel,)
        self.forget, self.input, self.candidate = (
            self._gate(parameters, name, config)
            for name in ("lstm.forget", "lstm.input", "lstm.candidate")
        )

    def _gate(self, parameters, name, config):
        features, channels = config.features, config.channels
        return Gate(
            # One matrix for each cell: features -> channels.
            parameters.weight(f"{name}.W", (features, *self.cells), features, channels),
            convolution_weight(parameters, f"{name}.U", (channels, channels, *self.kernel)),
            parameters.bias(f"{name}.b", channels),
        )

    def __call__(self, tau, views, batch):
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
        gates = (self.forget, self.input, self.candidate)
        shape = (views, batch) + self.cells
        Wx = [response.reshape(shape) for response in self.responses(tau).values()]
        U = tensor.concatenate([gate.U for gate in gates])
        return States(*over_views(self.step, Wx, U, [gate.b for gate in gates]))

    def responses(self, tau):
        """Return W tau(x) of each gate by its name, ``(views * batch, cells * channels)``."""
        gates = (self.forget, self.input, self.candidate)
        names = ("lstm.forget", "lstm.input", "lstm.candidate")
        return OrderedDict((n, tensor.dot(tau, g.W.flatten(2))) for n, g in zip(names, gates))

    def step(self, Wf_x, Wi_x, Wc_x, h, c, U, b_f, b_i, b_c):
        """Return h, c, f, i and the candidate after one view; each ``(batch, channels, x, y, z)``.

        Parameters
        ----------
        Wf_x, Wi_x, Wc_x : symbolic
            W tau(x) of this view for each gate.
        h, c : symbolic
            State before the view.
        U : symbolic
            The three kernels one behind the other, ``(3 channels, channels, k, k, k)``.
        b_f, b_i, b_c : symbolic vectors
        """
        Uf_h, Ui_h, Uc_h = self._convolve(h, U)
        f = tensor.nnet.sigmoid(add_bias(Wf_x + Uf_h, b_f))
        i = tensor.nnet.sigmoid(add_bias(Wi_x + Ui_h, b_i))
        candidate = tensor.tanh(add_bias(Wc_x + Uc_h, b_c))
        c = f * c + i * candidate
        h = tensor.tanh(c)
        return h, c, f, i, candidate

    def _convolve(self, h, U):
        """Return U * h for the three gates: one convolution instead of three."""
        n = self.cells[0]
        Uh = convolve3d(h, U, (3 * n, n) + self.kernel)
        return Uh[:, :n], Uh[:, n : 2 * n], Uh[:, 2 * n :]
