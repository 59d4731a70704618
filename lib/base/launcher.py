"""What mpirun, or another launcher of MPI programs, tells a process by its environment."""

import os
from collections.abc import Mapping

# Open MPI; MPICH and its relatives; SLURM's srun.
SIZE = "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"
HERE = "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"
BOUND = "OMPI_MCA_orte_bound_at_launch"  # there where mpirun gave each process cores of its own


def one_of_several(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether this process was started as one of several of an MPI program."""
    size = started(environment)
    # Where a launcher gives no size, MPI itself tells it.
    return size > 1 if size else "PMIX_RANK" in environment


def started(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many processes were started together; 0 where that is not known."""
    return _number(environment, SIZE)


def sharers(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many processes of the program share the cores that this one may use."""
    return 1 if BOUND in environment else _number(environment, HERE) or 1


def _number(environment, names):
    values = [environment[name] for name in names if environment.get(name, "").isdecimal()]
    return int(values[0]) if values else 0
