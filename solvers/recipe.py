"""The recipe: how a network is trained."""
import math
from dataclasses import dataclass

from ..lib.runtime.config import build, load_yaml, to_dict
from . import updates
from .schedule import Schedule


@dataclass(frozen=True)
class Recipe:
    """How to train, as the files in ``solvers/`` write it.

    Parameters
    ----------
    method : str
        ``sgd`` or ``adam``.
    rate : float
        The base learning rate.
    momentum : float
        Of ``sgd``.
    weight_decay : float
        On weights, never on biases.
    clip_norm : float
        Of ``sgd``: the largest norm of all gradients together; 0 for no limit.
    layer_rates : bool
        Of ``sgd``: whether the rate is relative to the size of each layer's weights; see
        `updates.sgd`.
    fit_initial : bool
        Whether the initial weights are fitted to a first batch; see `initial`.
    batch : int
        Objects in a batch.
    iterations : int
        Steps in the whole training.
    views : (int, int)
        Fewest and most views in a batch; the number is drawn for each batch.
    rate_drops : tuple of (int, float)
        ``(iteration, factor)``: see `Schedule`.
    warmup : int
        Steps over which the rate rises to the base rate.
    loss_limit : float
        A loss above it counts as divergence; the loss of a blank network is near 0.693.
    augment : bool
        Whether views are cropped, flipped and given a background at random.
    validation : float
        Share of the training part held back for validation.
    checkpoint_every, validate_every, log_every : int
        Steps between checkpoints, validations and lines of the log.
    seed : int
        Of the network's initial values and of the batches.
    """

    method: str
    rate: float
    momentum: float
    weight_decay: float
    batch: int
    iterations: int
    views: tuple[int, int]
    rate_drops: tuple[tuple[int, float], ...] = ()
    warmup: int = 0
    clip_norm: float = 0.0
    layer_rates: bool = False
    fit_initial: bool = False
    loss_limit: float = 10.0
    augment: bool = True
    validation: float = 0.1
    checkpoint_every: int = 1000
    validate_every: int = 1000
    log_every: int = 20
    seed: int = 0

    @classmethod
    def from_file(cls, path):
        """Read a recipe from a YAML file; UserError names what is wrong with it."""
        return build(cls, load_yaml(path), where=str(path))

    def to_dict(self):
        """Return the recipe as plain values, as YAML and checkpoints store it."""
        return to_dict(self)

    @property
    def schedule(self):
        """The learning rate's schedule."""
        return Schedule(self.rate, self.rate_drops, self.warmup)

    def __post_init__(self):
        if self.method not in updates.METHODS:
            raise ValueError(f"method must be one of {', '.join(updates.METHODS)}")
        for name in ("batch", "iterations", "checkpoint_every", "validate_every", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("rate", "loss_limit"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a positive number")
        for name in ("momentum", "validation"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and below 1")
        for name in ("weight_decay", "warmup", "clip_norm", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be negative")
        if not 1 <= self.views[0] <= self.views[1]:
            raise ValueError("views must be [fewest, most] with 1 <= fewest <= most")
        Schedule(self.rate, self.rate_drops, self.warmup)
