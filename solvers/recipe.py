"""The recipe: how a network is trained."""

import math
from dataclasses import dataclass
from typing import Any, Self

from ..lib.base.config import build, load_yaml, to_dict
from ..lib.base.errors import UserError
from ..lib.base.hints import StrPath
from .optimisers import Optimiser
from .schedule import Schedule


@dataclass(frozen=True)
class Recipe:
    """How to train, as the files in ``solvers/`` write it.

    Parameters
    ----------
    optimiser : Optimiser
        The update rule and its settings, ``{sgd: {...}}`` or ``{adam: {...}}``; see `optimisers`.
    rate : float
        The base learning rate.
    clip_norm : float
        The largest norm of all gradients together; 0 for no limit, as in the paper.
    centred_gradients : bool
        Whether the gradients of weights are taken less their mean over an output's inputs; see
        `optimisers.centred`. Not so in the paper.
    layer_rates : bool
        Whether a layer's rate is multiplied by the norm of its weights over that of their
        gradients. Meant for ``sgd``, for a step of ``adam`` does not grow with the gradient. Not
        so in the paper.
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
    vary_pictures : bool
        Whether augmented views also differ in what users' own pictures do: place, size, light,
        blur, noise, compression; see `lib.data.variation`.
    validation : float
        Share of the training part held back for validation.
    checkpoint_every, validate_every, log_every : int
        Steps between checkpoints, validations and lines of the log.
    seed : int
        Of the network's initial values and of the batches.
    """

    optimiser: Optimiser
    rate: float
    batch: int
    iterations: int
    views: tuple[int, int]
    rate_drops: tuple[tuple[int, float], ...] = ()
    warmup: int = 0
    clip_norm: float = 0.0
    centred_gradients: bool = False
    layer_rates: bool = False
    fit_initial: bool = False
    loss_limit: float = 10.0
    augment: bool = True
    vary_pictures: bool = False
    validation: float = 0.1
    checkpoint_every: int = 1000
    validate_every: int = 1000
    log_every: int = 20
    seed: int = 0

    @classmethod
    def from_file(cls, path: StrPath) -> Self:
        """Read a recipe from a YAML file; UserError names what is wrong with it."""
        return cls.from_dict(load_yaml(path), where=str(path))

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str = "") -> Self:
        """Make a recipe from plain values, of an older version too; ``where`` is for errors."""
        return build(cls, current_form(values), where)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values, as YAML and checkpoints store it."""
        optimiser = {self.optimiser.name: to_dict(self.optimiser.rule)}
        return {**to_dict(self), "optimiser": optimiser}

    @property
    def schedule(self) -> Schedule:
        """The learning rate's schedule."""
        return Schedule(self.rate, self.rate_drops, self.warmup)

    def __post_init__(self) -> None:
        for name in ("batch", "iterations", "checkpoint_every", "validate_every", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("rate", "loss_limit"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a positive number")
        if not 0 <= self.validation < 1:
            raise ValueError("validation must be at least 0 and below 1")
        for name in ("warmup", "clip_norm", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be negative")
        if self.vary_pictures and not self.augment:
            raise ValueError("vary_pictures is a part of augmentation; set augment to true")
        if not 1 <= self.views[0] <= self.views[1]:
            raise ValueError("views must be [fewest, most] with 1 <= fewest <= most")
        Schedule(self.rate, self.rate_drops, self.warmup)


def current_form(values: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe's plain values with the optimiser's settings in a group of their own.

    Older versions kept ``method``, ``momentum`` and ``weight_decay`` beside all other keys.

    Raises
    ------
    UserError
        For an older recipe that clips: its weight decay was clipped too, which no recipe of today
        can say.
    """
    if "method" not in values or "optimiser" in values:
        return values
    rest = dict(values)
    method = str(rest.pop("method"))
    settings = {name: rest.pop(name) for name in ("momentum", "weight_decay") if name in rest}
    if method == "adam":  # it took no notice of these
        settings.pop("momentum", None)
        rest.pop("clip_norm", None)
        rest.pop("layer_rates", None)
    elif rest.get("clip_norm"):
        raise UserError(
            "clip_norm of older recipes shortened the weight decay too, which this version does not;"
            " begin a new run with 'optimiser: {sgd: ...}' in the recipe"
        )
    return {"optimiser": {method: settings}, **rest}
