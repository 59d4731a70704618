"""A Theano implementation of 3-D reconstruction from views by a 3-D convolutional LSTM.

Import it before NumPy: it chooses the kernels that NumPy's BLAS loads.
"""

from . import lib

__version__ = "0.1.0"
