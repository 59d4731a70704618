"""The decoder: the hidden state becomes a voxel grid (paper, "The decoding network")."""

from ..lib.backend.door import Symbol
from .config import NetworkConfig
from .layers import Convolution3D, Parameters, Upconvolution3D, leaky_relu

CLASSES = 2  # empty, occupied
KERNEL = 3


class Decoder:
    """Five convolutions with leaky ReLU between them, of which the first three double the grid.

    At paper size 4 > 8 > 16 > 32 cells a side with 128, 128 and 64 maps, then 32 and 2 maps.

    Parameters
    ----------
    parameters : Parameters
        Takes the new parameters ``decoder.conv1.W`` ... ``decoder.conv5.b``.
    config : NetworkConfig
    """

    def __init__(self, parameters: Parameters, config: NetworkConfig) -> None:
        self.convolutions = []
        size, inputs = config.grid, config.channels
        for number, width in enumerate((*config.decoder_widths, CLASSES), start=1):
            kind = Upconvolution3D if number <= config.unpoolings else Convolution3D
            layer = kind(parameters, f"decoder.conv{number}", inputs, width, KERNEL, size)
            self.convolutions.append(layer)
            size, inputs = layer.size, width

    def __call__(self, hidden: Symbol) -> Symbol:
        """Return the logits.

        Parameters
        ----------
        hidden : symbolic tensor, ``(batch, channels, grid, grid, grid)``
            The hidden state after the last view.

        Returns
        -------
        symbolic tensor, ``(batch, 2, resolution, resolution, resolution)``
            For the classes empty and occupied of every voxel.
        """
        *convolutions, last = self.convolutions
        x = hidden
        for convolution in convolutions:
            x = leaky_relu(convolution(x))
        return last(x)
