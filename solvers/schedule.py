"""The learning rate by iteration."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A base rate, a linear start and drops.

    Parameters
    ----------
    rate : float
        The base learning rate.
    drops : tuple of (int, float)
        ``(iteration, factor)`` in rising order: once that many steps are done, the rate is
        multiplied by the factor.
    warmup : int
        Over the first so many steps the rate rises linearly to the base rate; 0 starts at once.
    """

    rate: float
    drops: tuple[tuple[int, float], ...] = ()
    warmup: int = 0

    def __post_init__(self) -> None:
        iterations = [iteration for iteration, _ in self.drops]
        if iterations != sorted(set(iterations)) or min(iterations, default=0) < 0:
            raise ValueError("the iterations of the rate's drops must rise")


def rate_at(schedule: Schedule, iteration: int) -> float:
    """Return the learning rate of the step that follows ``iteration`` finished steps.

    The paper's network is trained at 0.1, and at 0.01 once 20,000 steps are done (3D-R2N2).

    Parameters
    ----------
    schedule : Schedule
    iteration : int
        Steps done, from 0.

    Returns
    -------
    float
    """
    rate = schedule.rate
    for start, factor in schedule.drops:
        if iteration >= start:
            rate *= factor
    if iteration < schedule.warmup:
        rate *= (iteration + 1) / (schedule.warmup + 1)
    return rate
