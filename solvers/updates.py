"""Optimisers as pure functions: gradients and state in, an ordered mapping of updates out.

The state is an ordered mapping from a name to a shared variable, made by `init_state`, so that a
checkpoint can save all of it: ``velocity/<parameter>`` for `sgd`; ``mean/<parameter>``,
``square/<parameter>`` and ``steps`` for `adam`.
"""
from collections import OrderedDict

import numpy as np

from ..lib.runtime.backend import tensor, theano
from ..lib.runtime.errors import UserError

METHODS = {"sgd": ("velocity",), "adam": ("mean", "square")}


def init_state(method, parameters):
    """Make the optimiser's state before the first step: zeros.

    Parameters
    ----------
    method : str
        ``"sgd"`` or ``"adam"``.
    parameters : mapping of str to Parameter
        The network's parameters.

    Returns
    -------
    OrderedDict of str to shared variable
        Float32, each of its parameter's shape, on the device in use.
    """
    if method not in METHODS:
        raise UserError(f"there is no optimiser {method!r}; choose one of: {', '.join(METHODS)}")
    state = OrderedDict()
    for kind in METHODS[method]:
        for name, parameter in parameters.items():
            zeros = np.zeros(parameter.variable.get_value(borrow=True).shape, "float32")
            state[f"{kind}/{name}"] = theano.shared(
                zeros, name=f"{kind}/{name}", broadcastable=parameter.variable.broadcastable
            )
    if method == "adam":
        state["steps"] = device_scalar(0, "steps")
    return state


def device_scalar(value, name):
    """Make a shared number that lives on the device in use: a vector of one that broadcasts.

    Theano keeps shared scalars on the host, and would copy them to a GPU at every step.
    """
    return theano.shared(np.full(1, value, "float32"), name=name, broadcastable=(True,))


def sgd(
    gradients, parameters, state, rate, momentum, weight_decay, clip_norm=0.0, layer_rates=False
):
    """Stochastic gradient descent with momentum, as 3D-R2N2 sets it for the paper's network.

    For a parameter ``w`` with gradient ``g`` and velocity ``v``::

        v' = momentum v - rate (g + decay w)
        w' = w + v'

    where ``decay`` is ``weight_decay`` for weights and 0 for biases.

    Parameters
    ----------
    gradients : mapping of str to variable
        The gradient of the loss by parameter name.
    parameters : mapping of str to Parameter
        What is learned; ``kind`` tells weights from biases.
    state : mapping of str to shared variable
        From ``init_state("sgd", parameters)``.
    rate : scalar variable or float
        The learning rate.
    momentum, weight_decay : float
        The paper's settings are 0.9 and 5e-5.
    clip_norm : float
        A step is made shorter where the norm of all gradients together exceeds this (Pascanu et
        al., "On the difficulty of training recurrent neural networks", 2013); 0 is never, as in
        the paper.
    layer_rates : bool
        Multiply the rate of a layer by the norm of its weights over that of their gradients, so
        that all layers change at the same relative pace (You et al., "Large batch training of
        convolutional networks", 2017, without the decay in the quotient). Not so in the paper.

    Returns
    -------
    OrderedDict of shared variable to its next value
        Each parameter costs two element-wise passes in place: its velocity, then itself.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964;
    Choy et al., "3D-R2N2", ECCV 2016, for the order of decay, rate and momentum.
    """
    if clip_norm:
        rate = rate * _shortening(gradients.values(), clip_norm)
    rates = _layer_rates(gradients, parameters, rate) if layer_rates else {}
    updates = OrderedDict()
    for name, parameter in parameters.items():
        value, velocity = parameter.variable, state[f"velocity/{name}"]
        gradient = _decayed(gradients[name], parameter, weight_decay)
        step = _number(momentum) * velocity - rates.get(_layer(name), rate) * gradient
        updates[velocity] = step
        updates[value] = value + step
    return updates


def _layer_rates(gradients, parameters, rate):
    """Return ``rate |w| / |g|`` by layer; w and g are its weights and their gradients."""
    norms = {}
    for name, parameter in parameters.items():
        if parameter.kind == "weight":
            squares = [tensor.sqr(x).sum() for x in (parameter.variable, gradients[name])]
            norms.setdefault(_layer(name), []).append(squares)
    rates = {}
    for layer, squares in norms.items():
        weight, gradient = (tensor.sqrt(sum(part)) for part in zip(*squares))
        rates[layer] = rate * (weight / (gradient + _number(1e-12))).dimshuffle("x")
    return rates


def _layer(name):
    # The gates are one layer: with one view the forget gate has no gradient to be measured.
    return "lstm" if name.startswith("lstm.") else name.rpartition(".")[0]


def _shortening(gradients, limit):
    """Return limit / norm where the norm of all gradients exceeds the limit, else 1."""
    norm = tensor.sqrt(sum(tensor.sqr(gradient).sum() for gradient in gradients))
    factor = tensor.switch(tensor.gt(norm, limit), _number(limit) / norm, _number(1))
    return factor.dimshuffle("x")


def adam(
    gradients, parameters, state, rate, weight_decay, beta1=0.9, beta2=0.999, epsilon=1e-8
):
    """Adam, the reference code's other policy (rate 1e-4 there).

    For a parameter ``w`` with gradient ``g``, at step ``t`` from 1 on::

        d = g + decay w
        m' = beta1 m + (1 - beta1) d            s' = beta2 s + (1 - beta2) d^2
        w' = w - rate m' / (1 - beta1^t) / (sqrt(s' / (1 - beta2^t)) + epsilon)

    Parameters
    ----------
    gradients, parameters, state, rate, weight_decay
        As for `sgd`; the state is from ``init_state("adam", parameters)``.
    beta1, beta2, epsilon : float
        Decay rates of the two means, and what keeps the quotient finite.

    Returns
    -------
    OrderedDict of shared variable to its next value

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """
    steps = state["steps"] + np.float32(1)
    updates = OrderedDict([(state["steps"], steps)])
    # expm1 keeps the digits that 1 - beta^t loses in float32 while t is small.
    mean_share = -tensor.expm1(steps * np.float32(np.log(beta1)))
    square_share = -tensor.expm1(steps * np.float32(np.log(beta2)))
    for name, parameter in parameters.items():
        value, mean, square = parameter.variable, state[f"mean/{name}"], state[f"square/{name}"]
        gradient = _decayed(gradients[name], parameter, weight_decay)
        next_mean = _number(beta1) * mean + _number(1 - beta1) * gradient
        next_square = _number(beta2) * square + _number(1 - beta2) * tensor.sqr(gradient)
        scale = tensor.sqrt(next_square / square_share) + _number(epsilon)
        updates[mean] = next_mean
        updates[square] = next_square
        updates[value] = value - rate * (next_mean / mean_share) / scale
    return updates


def _decayed(gradient, parameter, weight_decay):
    if parameter.kind == "bias" or not weight_decay:
        return gradient
    return gradient + _number(weight_decay) * parameter.variable


def _number(value):
    # A float32 constant keeps the whole update in float32.
    return np.float32(value)
