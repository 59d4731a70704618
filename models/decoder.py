"""The decoder: the hidden state becomes a voxel grid (paper, "The decoding network")."""
from collections import OrderedDict

from .layers import Convolution3D, leaky_relu

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

    def __init__(self, parameters, config):
        self.convolutions = []
        size, inputs = config.grid, config.channels
        for number, width in enumerate((*config.decoder_widths, CLASSES), start=1):
            name, unpool = f"decoder.conv{number}", number <= config.unpoolings
            convolution = Convolution3D(parameters, name, inputs, width, KERNEL, size, unpool)
            self.convolutions.append(convolution)
            size, inputs = convolution.size, width

    def __call__(self, hidden):
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
        *_, logits = self.responses(hidden).values()
        return logits

    def responses(self, hidden):
        """Return what each layer gives to its leaky ReLU, the last one to the softmax, by the
        layer's name and in order."""
        responses, x = OrderedDict(), hidden
        for number, convolution in enumerate(self.convolutions, start=1):
            responses[f"decoder.conv{number}"] = convolution(x)
            x = leaky_relu(responses[f"decoder.conv{number}"])
        return responses
