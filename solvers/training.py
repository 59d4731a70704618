"""The training run: steps, validation, checkpoints, and going on exactly where it stopped."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..lib.base.errors import UserError, why
from ..lib.base.hints import StrPath
from ..lib.base.signals import Interrupted
from ..lib.data.batches import Batches
from . import checkpoint
from .solver import Solver
from .validation import Scores

LAST, BEST = "last.npz", "best.npz"


@dataclass(frozen=True)
class Step:
    """One finished iteration.

    Attributes
    ----------
    iteration : int
        Counted from 1.
    loss : float
        Mean cross-entropy a voxel of the batch, before the step.
    rate : float
        The learning rate that was used.
    scores : Scores or None
        On the validation objects, where they were measured.
    """

    iteration: int
    loss: float
    rate: float
    scores: Scores | None = None


class Ahead:
    """Batches that are sent to the device before they are asked for.

    Parameters
    ----------
    batches : iterator
        Gives objects with ``views`` and ``voxels`` for ever, and has ``state()``.
    send : callable
        `Solver.send`.
    """

    def __init__(self, batches: Batches, send: Callable[[np.ndarray, np.ndarray], list[Any]]) -> None:
        self._batches, self._send = batches, send
        self._sent: list[Any] = []
        self._state: dict[str, Any] = {}
        self._taken: dict[str, Any] = {}
        self._given_back = False

    def prepare(self) -> None:
        """Send the next batch, unless waiting for it is given up."""
        self._state = self._batches.state()
        try:
            batch = next(self._batches)
        except Interrupted:
            return  # a step may be under way; `take` tells it before the next one
        self._sent = self._send(batch.views, batch.voxels)

    def take(self) -> list[Any]:
        """Return the next batch as `Solver.step_sent` takes it; raise `Interrupted` without one."""
        if not self._sent:
            self.prepare()
        if not self._sent:
            raise Interrupted
        batch, self._sent = self._sent, []
        self._taken = self._state
        return batch

    def give_back(self) -> None:
        """Count the batch taken last as not taken; no more are taken then."""
        self._given_back = True

    def state(self) -> dict[str, Any]:
        """Return the state of the batches, as if none had been sent and not yet taken."""
        if self._given_back:
            return self._taken
        return self._state if self._sent else self._batches.state()


class Training:
    """Runs a solver to the end of its recipe, or to where it is asked to stop.

    Parameters
    ----------
    solver : Solver
    batches : iterator
        Gives objects with ``views`` and ``voxels`` for ever; its ``state()`` is saved with the
        checkpoints.
    validate : callable
        Returns `Scores`, or None when asked to stop on the way.
    folder : path-like
        Gets ``last.npz`` and, by validation IoU, ``best.npz``.
    stop : object
        True when the run should stop after the step.
    about : dict, optional
        Facts to put into every checkpoint's ``extra``.
    split : str
        Which objects are trained, validated and to be tested on, for every checkpoint.
    """

    def __init__(
        self,
        solver: Solver,
        batches: Batches,
        validate: Callable[[], Scores | None],
        folder: StrPath,
        stop: object,
        about: dict[str, Any] | None = None,
        split: str = "",
    ) -> None:
        self.solver = solver
        self.best: dict[str, Any] | None = None  # {"iteration": int, ...the scores there}
        self._ahead = Ahead(batches, solver.send)
        self._validate, self._stop = validate, stop
        self._folder, self._about, self._split = Path(folder), about or {}, split
        self._unrecorded: Step | None = None  # a step whose validation was broken off
        self._saved: tuple[int, Step | None] | None = None  # what last.npz holds

    def restore(self, saved: checkpoint.Checkpoint) -> None:
        """Go on from a `Checkpoint` of an earlier run; its batch state is the caller's matter."""
        best, step = saved.extra.get("best"), saved.extra.get("unrecorded")
        if not (
            _is_step(best, {"iteration", "iou", "cross_entropy"})
            and _is_step(step, {"iteration", "loss", "rate"})
            and (step is None or step["iteration"] == saved.iteration)
        ):
            raise UserError(
                f"{self._folder / LAST} is damaged: what it says of its steps is of the wrong kind;"
                " start anew with --overwrite"
            )
        self.solver.restore(saved)
        self.best = best
        self._unrecorded = Step(**step) if step else None

    @property
    def recorded(self) -> int:
        """The last iteration that was recorded."""
        return self.solver.iteration - (self._unrecorded is not None)

    @property
    def done(self) -> bool:
        """Whether the recipe is finished."""
        enough = self.solver.iteration >= self.solver.recipe.iterations
        return enough and self._unrecorded is None

    def run(
        self,
        record: Callable[[Step], object],
        before_save: Callable[[], object],
        after_save: Callable[[], object],
    ) -> None:
        """Train until `done` or stopped; a checkpoint is written in both cases.

        Parameters
        ----------
        record : callable
            Called with each `Step`, in order.
        before_save : callable
            Called before ``last.npz`` is written, to make sure of what was recorded so far.
        after_save : callable
            Called once it is written.

        Raises
        ------
        Diverged
            By the solver; the last checkpoint stays as it is.
        UserError
            When a checkpoint cannot be written; the one before stays as it is.
        """

        def save():
            if self._state_name != self._saved:
                before_save()
                self._save(LAST)
                self._saved = self._state_name
                after_save()

        if self.solver.iteration == 0:
            save()
        while not self.done and not self._stop:
            try:
                step = self._unrecorded or self._step()
            except Interrupted:
                break
            self._unrecorded = None
            if self._due(step, self.solver.recipe.validate_every):
                scores = self._validate()
                if scores is None:
                    self._unrecorded = step
                    break
                step = replace(step, scores=scores)
                self._keep_best(step)
            record(step)
            if self._due(step, self.solver.recipe.checkpoint_every):
                save()
        save()

    @property
    def _state_name(self):
        return self.solver.iteration, self._unrecorded

    def _step(self):
        rate = self.solver.rate
        loss = self.solver.step_sent(self._ahead.take(), meanwhile=self._ahead.prepare)
        return Step(self.solver.iteration, loss, rate)

    def _due(self, step, every):
        return step.iteration % every == 0 or step.iteration == self.solver.recipe.iterations

    def _keep_best(self, step):
        if self.best is None or step.scores.iou > self.best["iou"]:
            scores = zip(("iou", "cross_entropy", "threshold"), step.scores)
            self.best = {"iteration": step.iteration, **dict(scores)}
            self._save(BEST)

    def _save(self, name):
        step = self._unrecorded
        unrecorded = step and {"iteration": step.iteration, "loss": step.loss, "rate": step.rate}
        extra = {**self._about, "best": self.best, "unrecorded": unrecorded}
        state = self.solver.state(random=self._ahead.state(), extra=extra)
        self._write(name, replace(state, split=self._split))

    def _write(self, name, state):
        path = self._folder / name
        try:
            checkpoint.save(path, state)
        except OSError as error:
            kept = "; the one written before is still good" if path.exists() else ""
            raise UserError(f"cannot write {path}: {why(error)}{kept}") from error


def _is_step(about, names):
    """Return whether a part of a checkpoint is None or numbers by these names, and a threshold perhaps."""
    if about is None:
        return True
    return (
        isinstance(about, dict)
        and set(about) - {"threshold"} == names
        and all(type(value) in (int, float) and abs(value) < 2**53 for value in about.values())
    )
