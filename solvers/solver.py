"""Training a network: the compiled functions, the step.

Every function is compiled on its first use and once for a network, on the device in use. The
parameters and the optimiser's state live in shared variables, so that a training step moves
nothing between the host and the device but the batch and its loss.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..lib.backend.door import tensor, theano
from ..lib.backend.sending import Sender, compile_for_sent
from ..lib.base.errors import UserError
from ..lib.data.views import as_float
from ..lib.ops.graph_cache import compiled
from ..models.network import Network, set_values
from ..models.predictor import Predictor
from .checkpoint import Checkpoint
from .gradients import centred, clipped, relative_rates
from .recipe import Recipe, current_form
from .schedule import rate_at


class Diverged(UserError):
    """Training has left the finite numbers; the network's weights are of no use any more."""


class Solver(Predictor):
    """Trains a network by a recipe.

    Parameters
    ----------
    network : Network
        Its parameters are changed in place by `step`.
    recipe : Recipe

    Attributes
    ----------
    iteration : int
        Steps done.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__(network)
        self.recipe = recipe
        self.iteration = 0
        self._state = recipe.optimiser.rule.init_state(network.parameters)
        # On the host, where the GPU's matrix products want their factors: a rate on the device would
        # be fetched at every step.
        self._rate = theano.shared(np.float32(self.rate), name="rate")
        self._rate_on_device = np.float32(self.rate)
        self._sender = Sender()
        self._diverged = False

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return rate_at(self.recipe.schedule, self.iteration)

    def send(self, views: np.ndarray, voxels: np.ndarray) -> list[Any]:
        """Return a batch as `step_sent` takes it: on a GPU, on its way there behind a step.

        Parameters
        ----------
        views : uint8 array (views, batch, 3, 127, 127)
        voxels : uint8 array (batch, 32, 32, 32)
            1 where occupied, 0 elsewhere.

        Returns
        -------
        list of two arrays
            On a GPU they hold until the call after the next one.

        Raises
        ------
        TypeError
            When an array is not of uint8.
        """
        for name, array in (("views", views), ("voxels", voxels)):
            if array.dtype != np.uint8:
                raise TypeError(
                    f"a step learns from bytes, but the {name} are {array.dtype};"
                    " give uint8: 0 to 255 in views, 0 and 1 in voxels"
                )
        return self._sender.send(views, voxels)

    def step(self, views: np.ndarray, voxels: np.ndarray) -> float:
        """Learn from one batch: `send` and `step_sent` in one.

        It takes what the first takes, and returns and raises what the second does.
        """
        return self.step_sent(self.send(views, voxels))

    def step_sent(self, batch: Sequence[Any], meanwhile: Callable[[], object] | None = None) -> float:
        """Learn from one batch that was sent before.

        Parameters
        ----------
        batch : list
            What `send` returned.
        meanwhile : callable, optional
            Called while the step is under way on a GPU, and after it on the CPU.

        Returns
        -------
        float
            The loss before the step: mean over voxels and objects, in nats.

        Raises
        ------
        Diverged
            When the loss is not a finite number or above the recipe's limit. The weights in
            memory are of no use then, and `state` refuses to give them away; checkpoints saved
            before are untouched.
        """
        if self._diverged:
            raise Diverged("training has diverged; restore a checkpoint before the next step")
        self._set_rate()
        loss = self._learn(batch, meanwhile)
        if not loss <= self.recipe.loss_limit:  # so that NaN is caught too
            raise self._divergence(f"the loss is {loss:g} (limit {self.recipe.loss_limit:g})")
        return loss

    def state(self, random: dict[str, Any] | None = None, extra: dict[str, Any] | None = None) -> Checkpoint:
        """Return all that training needs to go on, as a checkpoint.

        Parameters
        ----------
        random : dict, optional
            State of the batches.
        extra : dict, optional
            The caller's own.

        Returns
        -------
        Checkpoint
            Its arrays are copies.

        Raises
        ------
        Diverged
            When training has diverged, or a weight is no longer a finite number.
        """
        if self._diverged:
            raise Diverged("training has diverged; there is no good state to save")
        weights = self.network.get_weights()
        for name, value in weights.items():
            if not np.isfinite(value).all():
                raise self._divergence(f"{name} holds values that are not finite")
        return Checkpoint(
            weights=weights,
            optimiser=OrderedDict((n, np.array(v.get_value())) for n, v in self._state.items()),
            iteration=self.iteration,
            random=random or {},
            network=self.network.config.to_dict(),
            recipe=self.recipe.to_dict(),
            extra=extra or {},
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; nothing is changed when it does not fit.

        Raises
        ------
        UserError
            When the checkpoint holds weights only, or belongs to another network or optimiser.
        """
        if not checkpoint.optimiser:
            raise UserError(
                "the checkpoint holds weights only, so training cannot go on from it;"
                " use one that training wrote"
            )
        before = next(iter(current_form(checkpoint.recipe).get("optimiser", {})), None)
        now = self.recipe.optimiser.name
        if before != now:
            raise UserError(f"the checkpoint was trained with {before}, the recipe says {now}")
        variables = {**self.network.shared(), **self._state}
        values = {**checkpoint.weights, **checkpoint.optimiser}
        set_values(variables, values, "the checkpoint's values")
        self.iteration = checkpoint.iteration
        self._diverged = False

    def _learn(self, batch, meanwhile):
        """Make the step, and return its loss."""
        loss = self._train(*batch)
        self.iteration += 1
        if meanwhile:
            meanwhile()
        return float(np.asarray(loss))  # waits for a GPU

    @cached_property
    def _train(self):
        return self._compiled_step("train", self._build_step)

    def _compiled_step(self, name, build, **more):
        """Return a function that is made of the recipe and changes what the solver holds."""
        recipe = self.recipe.to_dict()
        names = ("optimiser", "clip_norm", "layer_rates", "centred_gradients")
        about = {**self.network.describe(), **{name: recipe[name] for name in names}}
        shared = {**self.network.shared(), **self._state, "rate": self._rate, **more}
        return compiled(name, about, shared, build)

    def _build_step(self):
        batch = self._sent_batch()
        loss, gradients = self._gradients(*batch)
        return compile_for_sent(batch, loss, self._changes(gradients))

    def _sent_batch(self):
        """Return the symbols of what `send` takes."""
        views = tensor.TensorType("uint8", self._views.broadcastable)("views")
        voxels = tensor.TensorType("uint8", self._voxels.broadcastable)("voxels")
        return [views, voxels]

    def _gradients(self, views, voxels, share=None):
        """Return the loss, times a share where one is given, and its gradients by parameter."""
        outputs = self.network.outputs(as_float(views))
        loss = self.network.loss(outputs, voxels.astype(self.network.dtype))
        if share is not None:
            loss = share * loss
        variables = list(self.network.shared().values())
        return loss, OrderedDict(zip(self.network.parameters, theano.grad(loss, variables)))

    def _changes(self, gradients):
        """Return the next value of each parameter and of the optimiser's state."""
        parameters = self.network.parameters
        if self.recipe.centred_gradients:
            gradients = centred(gradients, parameters)
        rates = dict.fromkeys(parameters, self._rate)
        if self.recipe.layer_rates:
            rates = relative_rates(self._rate, gradients, parameters)
        if self.recipe.clip_norm:
            gradients = clipped(gradients, self.recipe.clip_norm)
        return self.recipe.optimiser.rule.updates(gradients, parameters, self._state, rates)

    def _set_rate(self):
        rate = np.float32(self.rate)
        if rate != self._rate_on_device:
            self._rate.set_value(rate)
            self._rate_on_device = rate

    def _divergence(self, reason):
        self._diverged = True
        return Diverged(
            f"training diverged at iteration {self.iteration}: {reason};"
            " lower the rate and go on from the last checkpoint"
        )
