"""Hides mpi4py from a Python whose PYTHONPATH names the folder above."""

raise ImportError("hidden, as on a machine without it")
