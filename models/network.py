"""The whole network: views in, occupancy probabilities out, and its loss."""

from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..lib.backend.door import Symbol, tensor, theano

import numpy as np

from ..lib.base.errors import UserError
from .config import NetworkConfig
from .conv_lstm import ConvLSTM
from .decoder import Decoder
from .encoder import Encoder
from .layers import Parameters


@dataclass(frozen=True)
class Outputs:
    """Symbolic results of a network.

    Attributes
    ----------
    logits : ``(batch, 2, x, y, z)``
        Before the softmax, for the classes empty and occupied.
    occupancy : ``(batch, x, y, z)``
        Probability that a voxel is occupied, after the softmax.
    forget, input : ``(views, batch, channels, grid, grid, grid)``
        The gates f and i after each view, in (0, 1) (paper, figure 4).
    hidden : ``(views, batch, channels, grid, grid, grid)``
        h after each view.
    """

    logits: Symbol
    occupancy: Symbol
    forget: Symbol
    input: Symbol
    hidden: Symbol


PreActivation = namedtuple("PreActivation", "variable weight bias")
PreActivation.__doc__ = """What a layer hands to its non-linearity; the layer's outputs are axis 1.

Attributes
----------
variable : symbolic tensor
weight : Parameter
bias : Parameter or None
    None for a gate: its value is W tau(x) alone, ``(views * batch, channels * cells)``, to which
    U * h and the bias are added at each view.
"""


class Network:
    """The reconstruction network with its parameters, which no other network shares.

    Parameters
    ----------
    config : NetworkConfig
    seed : int
        Of the initial weights.
    dtype : str, optional
        Of parameters, views and voxels; by default Theano's floatX (float32).
    """

    def __init__(self, config: NetworkConfig, seed: int = 0, dtype: str | None = None) -> None:
        self.config = config
        self.dtype = dtype or theano.config.floatX
        self.parameters = Parameters(seed, self.dtype)
        self.encoder = Encoder(self.parameters, config)
        self.lstm = ConvLSTM(self.parameters, config)
        self.decoder = Decoder(self.parameters, config)

    def inputs(self) -> tuple[Symbol, Symbol]:
        """Return new symbolic inputs: views ``(views, batch, 3, rows, columns)`` with values in
        [0, 1] and voxels ``(batch, x, y, z)`` of 0 and 1."""
        views = tensor.TensorType(self.dtype, 5 * (False,))("views")
        voxels = tensor.TensorType(self.dtype, 4 * (False,))("voxels")
        return views, voxels

    def outputs(self, views: Symbol) -> Outputs:
        """Return the results for one or more views of each object of a batch.

        Parameters
        ----------
        views : symbolic tensor, ``(views, batch, 3, rows, columns)``, values in [0, 1]
            Neither the number of views nor the batch size is part of the graph.

        Returns
        -------
        Outputs
        """
        count, batch = views.shape[0], views.shape[1]
        size = self.config.image
        tau = self.encoder(views.reshape((count * batch, 3, size, size)))
        states = self.lstm(tau, count, batch)
        logits = self.decoder(states.hidden[-1])
        # The softmax of two classes is the logistic function of the difference.
        occupancy = tensor.nnet.sigmoid(logits[:, 1] - logits[:, 0])
        return Outputs(logits, occupancy, states.forget, states.input, states.hidden)

    def pre_activations(self, outputs: Outputs) -> list[PreActivation]:
        """Return what each layer hands to its non-linearity, in the network's order.

        Parameters
        ----------
        outputs : Outputs

        Returns
        -------
        list of PreActivation
        """
        found = {}
        for variable in theano.gof.graph.ancestors([outputs.logits]):
            weight, bias = getattr(variable.tag, "pre_activation", (None, None))
            if weight:
                found[weight] = PreActivation(
                    variable, self.parameters[weight], bias and self.parameters[bias]
                )
        return [found[name] for name in self.parameters if name in found]

    def loss(self, outputs: Outputs, voxels: Symbol) -> Symbol:
        """Return the cross-entropy, the mean over all voxels of the batch, in nats."""
        return self.loss_per_object(outputs, voxels).mean()

    def loss_per_object(self, outputs: Outputs | Symbol, voxels: Symbol) -> Symbol:
        """Return the cross-entropy of each object, the mean over its voxels, in nats.

        The paper prints the sum without its minus sign; its figures are means.

        Parameters
        ----------
        outputs : Outputs, or symbolic logits ``(batch, 2, x, y, z)``
        voxels : symbolic tensor, ``(batch, x, y, z)``, 0 or 1

        Returns
        -------
        symbolic vector, ``(batch,)``
        """
        logits = outputs.logits if isinstance(outputs, Outputs) else outputs
        # -log softmax(logits)[y] = log(1 + exp(other - own)), which neither overflows nor cancels.
        other_less_own = (1 - 2 * voxels) * (logits[:, 1] - logits[:, 0])
        return tensor.nnet.softplus(other_less_own).mean(axis=(1, 2, 3))

    def get_weights(self) -> OrderedDict[str, np.ndarray]:
        """Return a copy of every parameter's value by name."""
        return OrderedDict((name, p.variable.get_value()) for name, p in self.parameters.items())

    def set_weights(self, values: Mapping[str, np.ndarray], what: str = "these weights") -> None:
        """Set every parameter.

        Parameters
        ----------
        values : mapping of str to array
            Exactly the network's names, each with the network's shape and kind of number.
        what : str, optional
            What they are, for the error, as in "the weights in last.npz".

        Raises
        ------
        UserError
            Where they are not of this network; nothing is changed then.
        """
        set_values(self.shared(), values, what)

    def shared(self) -> OrderedDict[str, Symbol]:
        """Return the shared variable of every parameter by name."""
        return OrderedDict((name, p.variable) for name, p in self.parameters.items())

    def describe(self) -> dict[str, Any]:
        """Return what its graphs depend on, as plain values."""
        return {"network": self.config.to_dict(), "dtype": self.dtype}

    def count(self) -> int:
        """Return the number of trained values."""
        return sum(int(np.prod(p.shape)) for p in self.parameters.values())


def set_values(variables: Mapping[str, Symbol], values: Mapping[str, np.ndarray], what: str) -> None:
    """Set shared variables; nothing is changed where the values do not fit.

    Parameters
    ----------
    variables : mapping of str to shared variable
    values : mapping of str to array
    what : str
        What they are, for the error, as in "the weights in last.npz".

    Raises
    ------
    UserError
        Naming the first value that is missing, unknown, or of another shape or kind of number.
    """
    missing = [name for name in variables if name not in values]
    unknown = [name for name in values if name not in variables]
    if missing or unknown:
        offences = [f"{missing[0]} is missing"] if missing else []
        offences += [f"{unknown[0]} is not known to the network"] if unknown else []
        raise UserError(f"{what} are of another network: {' and '.join(offences)}")
    for name, variable in variables.items():
        found, needed = np.asarray(values[name]), variable.get_value(borrow=True)
        if found.shape != needed.shape:
            raise UserError(
                f"{what} are of another network: {name} has the shape {found.shape}"
                f" where {needed.shape} is needed"
            )
        if found.dtype != needed.dtype:
            raise UserError(f"{what} are damaged: {name} is {found.dtype}, not {needed.dtype}")
    for name, variable in variables.items():
        variable.set_value(np.asarray(values[name]))


def check_weights(config: NetworkConfig, values: Mapping[str, np.ndarray], what: str) -> None:
    """Compare weights with the shapes that a definition asks for, before a network takes memory.

    The definition may come from a file with any numbers in it. Parameters and errors are those of
    `set_values`.
    """
    expected = _Expected(values, what)
    for part in (Encoder, ConvLSTM, Decoder):
        part(expected, config)  # type: ignore[arg-type]  # it has Parameters' methods


class _Expected:
    """Takes the place of `Parameters`: compares shapes and makes nothing."""

    def __init__(self, values: Mapping[str, np.ndarray], what: str) -> None:
        self._values, self._what = values, what

    def matrix(self, layer, name, shape):
        name = f"{layer}.{name}"
        if name not in self._values:
            raise UserError(f"{self._what} are of another network: {name} is missing")
        found = np.shape(self._values[name])
        if found != tuple(shape):
            raise UserError(
                f"{self._what} are of another network: {name} has the shape {found} where"
                f" {tuple(shape)!s:.200} is needed"
            )

    kernel = matrix

    def bias(self, layer, name, size):
        self.matrix(layer, name, (size,))
