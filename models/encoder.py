"""The encoder: each view becomes a vector tau(x) (paper, "The encoding convolutional network")."""

from ..lib.backend.door import Symbol
from .config import NetworkConfig
from .layers import Dense, Parameters, PooledConvolution2D, leaky_relu


class Encoder:
    """Six convolutions, each followed by pooling and a leaky ReLU, then a fully connected layer.

    At paper size 127 > 64 > 33 > 17 > 9 > 5 > 3 pixels a side; 256 maps of 3x3 make 2304 values,
    of which the last layer makes 1024.

    Parameters
    ----------
    parameters : Parameters
        Takes the new parameters ``encoder.conv1.W`` ... ``encoder.fc.b``.
    config : NetworkConfig
    """

    def __init__(self, parameters: Parameters, config: NetworkConfig) -> None:
        self.convolutions = []
        size, inputs = config.image, 3
        for number, (width, kernel) in enumerate(zip(config.encoder_widths, config.encoder_kernels), start=1):
            name = f"encoder.conv{number}"
            layer = PooledConvolution2D(parameters, name, inputs, width, kernel, size)
            self.convolutions.append(layer)
            size, inputs = layer.size, width
        self.flat = inputs * size * size
        self.fc = Dense(parameters, "encoder.fc", self.flat, config.features)

    def __call__(self, images: Symbol) -> Symbol:
        """Return tau(x).

        Parameters
        ----------
        images : symbolic tensor, ``(n, 3, rows, columns)``

        Returns
        -------
        symbolic matrix, ``(n, features)``
        """
        x = images
        for pooled_convolution in self.convolutions:
            x = leaky_relu(pooled_convolution(x))
        return leaky_relu(self.fc(x.reshape((x.shape[0], self.flat))))
