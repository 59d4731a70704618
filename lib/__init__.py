"""The parts of voxlstm that are not the network itself: run time, data, geometry, evaluation, ops."""

from .base.errors import tell_import_errors
from .base.signals import end_at_once, runs_a_command

if runs_a_command():  # whose main begins after its imports
    end_at_once()
    tell_import_errors()

from .backend.blas import choose_core_type, choose_threads
from .backend.waiting import choose_waiting

# OpenBLAS and OpenMP read these when they are loaded, so they are chosen before anything here imports
# NumPy. This is not left to the package above: beside a checkout's folder, Python takes that folder for it.
choose_core_type()
choose_threads()
choose_waiting()
