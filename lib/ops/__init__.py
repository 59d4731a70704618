"""Ops of our own for the CPU, most over oneDNN, and the optimisations that put them in place.

Importing this package adds the optimisations to Theano's. Where oneDNN cannot be had, Theano's own
ops serve. The environment variable ``VOXLSTM_ONEDNN=0`` switches ours off.
"""

from .compile import light_function
from .library import available
from .registration import register

register()
