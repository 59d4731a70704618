"""Hides mpi4py from a Python whose PYTHONPATH names the folder above."""

raise ModuleNotFoundError("hidden, as on a machine without it", name="mpi4py")
