"""The network: encoder, recurrent grid and decoder as symbolic graphs with named parameters."""
# Before any module here imports NumPy, whose OpenBLAS chooses its kernels while it loads.
from ..lib.runtime import backend  # isort: skip
