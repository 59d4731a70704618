"""Optimisers: frozen settings with pure update rules.

A rule takes gradients, parameters, state and rates, all by parameter name, and returns an ordered
mapping from each shared variable to its next value.

The state is an ordered mapping from a name to a shared variable, so that a checkpoint can save all
of it: ``velocity/<parameter>`` for `SGD`; ``mean/<parameter>``, ``square/<parameter>`` and
``steps`` for `Adam`.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from ..lib.backend.door import Symbol, tensor, theano
from ..models.layers import Parameter


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, as 3D-R2N2 sets it for the paper's network.

    For a parameter ``w`` with gradient ``g`` and velocity ``v``::

        v' = momentum v - rate (g + decay w)
        w' = w + v'

    where ``decay`` is ``weight_decay`` for weights and 0 for biases.

    Parameters
    ----------
    momentum, weight_decay : float
        The paper's network is trained with 0.9 and 5e-5.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964;
    Choy et al., "3D-R2N2", ECCV 2016, for the order of decay, rate and momentum.
    """

    momentum: float
    weight_decay: float

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ValueError("momentum must be at least 0 and below 1")
        _check_decay(self.weight_decay)

    def init_state(self, parameters: Mapping[str, Parameter]) -> OrderedDict[str, Symbol]:
        """Return the state before the first step: a velocity of zero for each parameter.

        Parameters
        ----------
        parameters : mapping of str to Parameter

        Returns
        -------
        OrderedDict of str to shared variable
            Float32, each of its parameter's shape, on the device in use.
        """
        return _zeros("velocity", parameters)

    def updates(
        self,
        gradients: Mapping[str, Symbol],
        parameters: Mapping[str, Parameter],
        state: Mapping[str, Symbol],
        rates: Mapping[str, Symbol | float],
    ) -> OrderedDict[Symbol, Symbol]:
        """Return the next value of each velocity and each parameter.

        Parameters
        ----------
        gradients : mapping of str to variable
            The gradient of the loss by parameter name.
        parameters : mapping of str to Parameter
            What is learned; ``kind`` tells weights from biases.
        state : mapping of str to shared variable
            From `init_state`.
        rates : mapping of str to scalar variable or float
            The learning rate by parameter name.

        Returns
        -------
        OrderedDict of shared variable to its next value
            Each parameter costs two element-wise passes in place: its velocity, then itself.
        """
        updates = OrderedDict()
        for name, parameter in parameters.items():
            value, velocity = parameter.variable, state[f"velocity/{name}"]
            gradient = _decayed(gradients[name], parameter, self.weight_decay)
            # lib/ops makes one pass of a step of this form.
            step = _number(self.momentum) * velocity - rates[name] * gradient
            updates[velocity] = step
            updates[value] = value + step
        return updates


@dataclass(frozen=True)
class Adam:
    """Adam, the reference code's other policy (rate 1e-4 there).

    For a parameter ``w`` with gradient ``g``, at step ``t`` from 1 on::

        d = g + decay w
        m' = beta1 m + (1 - beta1) d            s' = beta2 s + (1 - beta2) d^2
        w' = w - rate m' / (1 - beta1^t) / (sqrt(s' / (1 - beta2^t)) + epsilon)

    where ``decay`` is ``weight_decay`` for weights and 0 for biases.

    Parameters
    ----------
    weight_decay : float
    beta1, beta2 : float
        Decay rates of the two means.
    epsilon : float
        Keeps the quotient finite.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    weight_decay: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be between 0 and 1")
        if not 0 < self.epsilon < math.inf:
            raise ValueError("epsilon must be a positive number")
        _check_decay(self.weight_decay)

    def init_state(self, parameters: Mapping[str, Parameter]) -> OrderedDict[str, Symbol]:
        """Return the state before the first step: two means a parameter and the steps, all zero.

        It takes and returns what `SGD.init_state` does.
        """
        state = _zeros("mean", parameters)
        state.update(_zeros("square", parameters))
        # Theano keeps shared scalars on the host and would copy them to a GPU at every step; a
        # vector of one lives on the device and broadcasts.
        zero = np.zeros(1, "float32")
        state["steps"] = theano.shared(zero, name="steps", broadcastable=(True,))
        return state

    def updates(
        self,
        gradients: Mapping[str, Symbol],
        parameters: Mapping[str, Parameter],
        state: Mapping[str, Symbol],
        rates: Mapping[str, Symbol | float],
    ) -> OrderedDict[Symbol, Symbol]:
        """Return the next value of the steps, of each mean and of each parameter.

        It takes and returns what `SGD.updates` does.
        """
        steps = state["steps"] + np.float32(1)
        updates = OrderedDict([(state["steps"], steps)])
        # expm1 keeps the digits that 1 - beta^t loses in float32 while t is small.
        mean_share = -tensor.expm1(steps * np.float32(np.log(self.beta1)))
        square_share = -tensor.expm1(steps * np.float32(np.log(self.beta2)))
        for name, parameter in parameters.items():
            value, mean, square = parameter.variable, state[f"mean/{name}"], state[f"square/{name}"]
            gradient = _decayed(gradients[name], parameter, self.weight_decay)
            next_mean = _moved(mean, gradient, self.beta1)
            next_square = _moved(square, tensor.sqr(gradient), self.beta2)
            scale = tensor.sqrt(next_square / square_share) + _number(self.epsilon)
            updates[mean] = next_mean
            updates[square] = next_square
            updates[value] = value - rates[name] * (next_mean / mean_share) / scale
        return updates


@dataclass(frozen=True)
class Optimiser:
    """One update rule under its name, as a recipe gives it: ``{sgd: {momentum: 0.9, ...}}``.

    Parameters
    ----------
    sgd : SGD, optional
    adam : Adam, optional
        Exactly one is given.
    """

    sgd: SGD | None = None
    adam: Adam | None = None

    def __post_init__(self) -> None:
        if len(self._given) != 1:
            known = ", ".join(field.name for field in fields(self))
            found = " and ".join(self._given) or "none"
            raise ValueError(f"optimiser must name one of {known}; it names {found}")

    @property
    def name(self) -> str:
        """The rule's name in recipes."""
        return self._given[0]

    @property
    def rule(self) -> SGD | Adam:
        """The rule with its settings."""
        return getattr(self, self.name)

    @property
    def _given(self):
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]


def _zeros(kind, parameters):
    """Return ``<kind>/<parameter>``: a shared variable of zeros for each parameter."""
    state = OrderedDict()
    for name, parameter in parameters.items():
        zeros = np.zeros(parameter.variable.get_value(borrow=True).shape, "float32")
        state[f"{kind}/{name}"] = theano.shared(
            zeros, name=f"{kind}/{name}", broadcastable=parameter.variable.broadcastable
        )
    return state


def _decayed(gradient, parameter, weight_decay):
    if parameter.kind == "bias" or not weight_decay:
        return gradient
    return gradient + _number(weight_decay) * parameter.variable


def _moved(mean, value, beta):
    """Return a running mean with one more value in it."""
    return _number(beta) * mean + _number(1 - beta) * value


def _check_decay(weight_decay):
    if not 0 <= weight_decay < math.inf:
        raise ValueError("weight_decay must not be negative")


def _number(value):
    # A float32 constant keeps the whole update in float32.
    return np.float32(value)
