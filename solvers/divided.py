"""Training by several processes: each learns from its part of every batch, and all make the same step.

The gradient of a process lies in one vector, its loss and two words to the others behind it. The sum
of these over the processes is what one process would have found, but for the order of the additions.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..lib.backend.door import device, tensor, theano
from ..lib.backend.sending import compile_for_sent
from ..lib.base.errors import UserError
from ..lib.base.hints import StrPath
from ..lib.base.signals import Interrupted
from ..lib.data.batches import Batches
from ..lib.parallel import nccl
from ..lib.parallel.exchange import WORDS, HostExchange
from ..lib.parallel.group import Alone
from ..models.network import Network
from .recipe import Recipe
from .solver import Solver
from .training import Step, Training
from .validation import Measures, Scores, scores_of


class DividedSolver(Solver):
    """The solver of one of several processes.

    Parameters
    ----------
    network, recipe
        As `Solver` takes them; the same in every process.
    group : Ranks
    stop : object
        True when this process wishes to stop.

    Attributes
    ----------
    exchange : HostExchange or NcclExchange
        What sums the vectors.
    stopping : bool
        Whether a process has wished to stop; every one learns it by the same step.
    """

    def __init__(self, network: Network, recipe: Recipe, group: Alone, stop: object = False) -> None:
        super().__init__(network, recipe)
        self.group, self.stopping = group, False
        self._stop = stop
        self._size = network.count() + WORDS
        self.exchange = _exchange(group, self._size)
        self._words = theano.shared(np.zeros(2, "float32"), name="words")  # share of the batch, wish to stop

    def compile(self) -> None:
        """Compile every function, on each machine in one process first, whose work the others find."""
        for name in ("_gradient", "_update"):
            self.group.in_turn(partial(getattr, self, name))
        self.group.in_turn(partial(self._function, "validate", "uint8"))

    def sit_out(self) -> None:
        """Tell the others that this process has no batch, so that none makes this step."""
        vector = np.zeros(self._size, "float32")
        vector[-1] = 1
        self._sum(vector)

    def _learn(self, batch, meanwhile):
        share = batch[1].shape[0] / self.recipe.batch
        self._words.set_value(np.array([share, bool(self._stop)], "float32"))
        vector = self._gradient(*batch)
        if meanwhile:
            meanwhile()
        loss = self._sum(vector)
        self._update(vector)
        self.iteration += 1
        return loss

    def _sum(self, vector):
        """Sum the vectors of all processes in place, and return the loss."""
        loss, stop, without = self.exchange(vector)
        self.stopping = self.stopping or bool(stop)
        if without:
            raise Interrupted
        return float(loss)

    @cached_property
    def _gradient(self):
        return self._compiled_step("gradient", self._build_gradient, words=self._words)

    @cached_property
    def _update(self):
        return self._compiled_step("update", self._build_update)

    def _build_gradient(self):
        batch, share = self._sent_batch(), self._words[0]
        loss, gradients = self._gradients(*batch, share)
        words = tensor.stack([loss, self._words[1], np.float32(0)])
        vector = tensor.concatenate([*(part.flatten() for part in gradients.values()), words])
        return compile_for_sent(batch, vector, {})

    def _build_update(self):
        vector = tensor.fvector("gradients")
        gradients, start = OrderedDict(), 0
        for name, parameter in self.network.parameters.items():
            end = start + int(np.prod(parameter.shape))
            gradients[name] = vector[start:end].reshape(parameter.shape)
            start = end
        return compile_for_sent([vector], vector[-1], self._changes(gradients))


class DividedTraining(Training):
    """The training of one of several processes; the first one keeps the checkpoints of all.

    Parameters
    ----------
    solver : DividedSolver
    validate : callable
        Returns the `Measures` of this process's part of the objects held back, or None when asked
        to stop on the way.
    others
        As `Training` takes them.
    """

    def __init__(
        self,
        solver: DividedSolver,
        batches: Batches,
        validate: Callable[[], Measures | None],
        folder: StrPath,
        about: dict[str, Any] | None = None,
        split: str = "",
    ) -> None:
        group = solver.group

        def scores() -> Scores | None:
            parts = group.gather(validate())
            return None if any(part is None for part in parts) else scores_of(parts)

        super().__init__(solver, batches, scores, folder, _Agreed(solver), about, split)
        self._group = group

    def _step(self):
        rate = self.solver.rate
        try:
            batch = self._ahead.take()
        except Interrupted:
            self.solver.sit_out()
            raise
        try:
            loss = self.solver.step_sent(batch, meanwhile=self._ahead.prepare)
        except Interrupted:
            self._ahead.give_back()
            raise
        return Step(self.solver.iteration, loss, rate)

    def _write(self, name, state):
        check_equal(self._group, {**state.weights, **state.optimiser}, state.iteration)
        if self._group.first:
            super()._write(name, state)


def _exchange(group, size):
    """Return what sums vectors on the device in use; every process asks for it at the same time."""
    if group.size > 1 and device().startswith("cuda") and all(group.gather(nccl.library() is not None)):
        return nccl.NcclExchange(group, size)
    return HostExchange(group, size)


class _Agreed:
    """True when every process knows that one wishes to stop."""

    def __init__(self, solver: DividedSolver) -> None:
        self._solver = solver

    def __bool__(self) -> bool:
        return self._solver.stopping


def check_equal(group: Alone, values: dict[str, np.ndarray], iteration: int) -> None:
    """Compare what every process holds by its digest.

    Raises
    ------
    UserError
        In every process, naming those that hold other bits than the first.
    """
    digest = hashlib.blake2b()
    for value in values.values():
        digest.update(value.tobytes())
    digests = group.gather(digest.hexdigest())
    others = [str(rank) for rank, other in enumerate(digests) if other != digests[0]]
    if others:
        raise UserError(
            f"at iteration {iteration} the weights of rank {', '.join(others)} are not those of rank 0, so"
            " that nothing is saved; use machines with the same processors and the same versions, and go on"
            " from the last checkpoint"
        )
