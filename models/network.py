"""The whole network: views in, occupancy probabilities out, and its loss."""
from collections import OrderedDict
from dataclasses import dataclass

from ..lib.backend.door import tensor, theano

import numpy as np

from ..lib.base.config import build, load_yaml, to_dict
from ..lib.base.errors import UserError
from .conv_lstm import ConvLSTM
from .decoder import Decoder
from .encoder import Encoder
from .layers import Parameters


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of a network, as a definition file holds them.

    Attributes
    ----------
    image : int
        Pixels a side of a view.
    encoder_widths, encoder_kernels : tuple of int
        Maps and kernel size of each convolution of the encoder.
    features : int
        Length of tau(x).
    grid : int
        Cells a side of the recurrent grid.
    channels : int
        Length of the hidden state and of the memory of a cell.
    kernel : int
        Size of the kernel U that joins neighbouring cells: 1 or 3 in the paper.
    decoder_widths : tuple of int
        Maps of each convolution of the decoder but the last, which has one for each class.
    unpoolings : int
        How many of them, from the first, are preceded by unpooling.
    """

    image: int
    encoder_widths: tuple[int, ...]
    encoder_kernels: tuple[int, ...]
    features: int
    grid: int
    channels: int
    kernel: int
    decoder_widths: tuple[int, ...]
    unpoolings: int

    def __post_init__(self):
        for name in ("image", "features", "grid", "channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        for name in ("encoder_widths", "decoder_widths"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ValueError(f"{name} must be a list of numbers of 1 or more")
        if len(self.encoder_kernels) != len(self.encoder_widths):
            raise ValueError(
                f"encoder_kernels must have as many values as encoder_widths, "
                f"{len(self.encoder_widths)}, not {len(self.encoder_kernels)}"
            )
        if any(size < 1 or size % 2 == 0 for size in self.encoder_kernels):
            raise ValueError("encoder_kernels must be odd, so that padding keeps the size")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError("kernel must be odd, so that padding keeps the size")
        if not 0 <= self.unpoolings <= len(self.decoder_widths):
            raise ValueError(
                f"unpoolings must be between 0 and the number of decoder_widths, "
                f"{len(self.decoder_widths)}, not {self.unpoolings}"
            )

    @classmethod
    def from_file(cls, path):
        """Read a definition such as ``models/lstm_3x3x3.yaml``; UserError where it is wrong."""
        return build(cls, load_yaml(path), str(path))

    @classmethod
    def from_dict(cls, mapping, where=""):
        """Build from what `to_dict` returned; UserError where it is wrong."""
        return build(cls, mapping, where)

    def to_dict(self):
        """Return the definition as plain values, as YAML and JSON store it."""
        return to_dict(self)

    @property
    def resolution(self):
        """Voxels a side of the prediction."""
        return self.grid * 2**self.unpoolings


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

    logits: object
    occupancy: object
    forget: object
    input: object
    hidden: object


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

    def __init__(self, config, seed=0, dtype=None):
        self.config = config
        self.dtype = dtype or theano.config.floatX
        self.parameters = Parameters(seed, self.dtype)
        self.encoder = Encoder(self.parameters, config)
        self.lstm = ConvLSTM(self.parameters, config)
        self.decoder = Decoder(self.parameters, config)

    def inputs(self):
        """Return new symbolic inputs: views ``(views, batch, 3, rows, columns)`` with values in
        [0, 1] and voxels ``(batch, x, y, z)`` of 0 and 1."""
        views = tensor.TensorType(self.dtype, 5 * (False,))("views")
        voxels = tensor.TensorType(self.dtype, 4 * (False,))("voxels")
        return views, voxels

    def outputs(self, views):
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

    def responses(self, views):
        """Return what each layer gives to its non-linearity, by the layer's name and in order.

        Parameters
        ----------
        views : symbolic tensor, ``(views, batch, 3, rows, columns)``

        Returns
        -------
        OrderedDict of str to symbolic tensor
            ``encoder.conv1 ... encoder.fc``, W tau(x) of ``lstm.forget``, ``lstm.input`` and
            ``lstm.candidate``, ``decoder.conv1 ...``; the channels are axis 1.
        """
        count, batch = views.shape[0], views.shape[1]
        size = self.config.image
        images = views.reshape((count * batch, 3, size, size))
        tau = self.encoder(images)
        hidden = self.lstm(tau, count, batch).hidden[-1]
        parts = (self.encoder.responses(images), self.lstm.responses(tau),
                 self.decoder.responses(hidden))
        return OrderedDict(item for part in parts for item in part.items())

    def loss(self, outputs, voxels):
        """Return the cross-entropy, the mean over all voxels of the batch, in nats."""
        return self.loss_per_object(outputs, voxels).mean()

    def loss_per_object(self, outputs, voxels):
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
        logits = getattr(outputs, "logits", outputs)
        # -log softmax(logits)[y] = log(1 + exp(other - own)), which neither overflows nor cancels.
        other_less_own = (1 - 2 * voxels) * (logits[:, 1] - logits[:, 0])
        return tensor.nnet.softplus(other_less_own).mean(axis=(1, 2, 3))

    def get_weights(self):
        """Return a copy of every parameter's value by name."""
        return OrderedDict((name, p.variable.get_value()) for name, p in self.parameters.items())

    def set_weights(self, values):
        """Set every parameter.

        Parameters
        ----------
        values : mapping of str to array
            Exactly the network's names, each with the network's shape.

        Raises
        ------
        UserError
            Where a name is missing or unknown or a shape differs; nothing is changed then.
        """
        missing = [name for name in self.parameters if name not in values]
        unknown = [name for name in values if name not in self.parameters]
        if missing or unknown:
            which = f"lack {missing[0]}" if missing else f"have {unknown[0]}, unknown to it"
            raise UserError(f"these weights are not of this network: they {which}")
        for name, parameter in self.parameters.items():
            shape = np.shape(values[name])
            if shape != parameter.shape:
                raise UserError(
                    f"these weights are not of this network: {name} has the shape {shape} "
                    f"where the network has {parameter.shape}"
                )
        for name, parameter in self.parameters.items():
            parameter.variable.set_value(np.asarray(values[name], dtype=self.dtype))

    def shared(self):
        """Return the shared variable of every parameter by name."""
        return OrderedDict((name, p.variable) for name, p in self.parameters.items())

    def describe(self):
        """Return what its graphs depend on, as plain values."""
        return {"network": self.config.to_dict(), "dtype": self.dtype}

    def count(self):
        """Return the number of trained values."""
        return sum(int(np.prod(p.shape)) for p in self.parameters.values())
