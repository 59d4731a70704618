"""The parts of voxlstm that are not the network itself: run time, data, geometry, evaluation, ops."""
from .runtime.blas import choose_core_type

# OpenBLAS reads it when NumPy loads it, so it is chosen before anything here imports NumPy.
choose_core_type()
