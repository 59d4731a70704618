"""The encoder: each view becomes a vector tau(x) (paper, "The encoding convolutional network")."""
from collections import OrderedDict

from .layers import Convolution2D, Dense, add_bias, leaky_relu, max_pool, pooled_size


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

    def __init__(self, parameters, config):
        self.convolutions = []
        size, inputs = config.image, 3
        for number, (width, kernel) in enumerate(
            zip(config.encoder_widths, config.encoder_kernels), start=1
        ):
            name = f"encoder.conv{number}"
            self.convolutions.append(Convolution2D(parameters, name, inputs, width, kernel))
            size, inputs = pooled_size(size), width
        self.flat = inputs * size * size
        self.fc = Dense(parameters, "encoder.fc", self.flat, config.features)

    def __call__(self, images):
        """Return tau(x).

        Parameters
        ----------
        images : symbolic tensor, ``(n, 3, rows, columns)``

        Returns
        -------
        symbolic matrix, ``(n, features)``
        """
        return leaky_relu(self.responses(images)["encoder.fc"])

    def responses(self, images):
        """Return what each layer gives to its leaky ReLU, by the layer's name and in order."""
        responses, x = OrderedDict(), images
        for number, convolution in enumerate(self.convolutions, start=1):
            # max(x) + b = max(x + b): the bias is added where there are fewer values.
            pooled = add_bias(max_pool(convolution(x)), convolution.b)
            responses[f"encoder.conv{number}"] = pooled
            x = leaky_relu(pooled)
        responses["encoder.fc"] = self.fc(x.reshape((x.shape[0], self.flat)))
        return responses
