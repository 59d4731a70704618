"""The loop over views: one op over oneDNN, or over cuDNN on a CUDA device, else Theano's scan."""

from collections.abc import Callable, Sequence

from ..backend.door import Symbol, device, tensor, theano

from . import cells


def over_views(
    step: Callable[..., Sequence[Symbol]], W_tau: Sequence[Symbol], U: Symbol, biases: Sequence[Symbol]
) -> list[Symbol]:
    """Return what a grid of LSTM cells does at each view, from h = c = 0.

    Parameters
    ----------
    step : callable
        ``(W_tau, h, c, U, biases) -> (h, c, f, i, g)``: one view's step, each of the results
        ``(batch, channels, x, y, z)``. The ops compute the same by themselves.
    W_tau : sequence of three symbolic tensors, ``(views, batch, channels, x, y, z)``
        W tau(x) of the forget gate, the input gate and the candidate.
    U : symbolic tensor, ``(3 channels, channels, k, k, k)``
        With a static shape.
    biases : sequence of three symbolic vectors

    Returns
    -------
    list of five symbolic tensors, ``(views, batch, channels, x, y, z)``
        h, c, f, i and g. On a GPU a gradient may come back through h only.
    """
    if device().startswith("cuda"):
        from . import gpu  # Theano's GPU back end is there by now

        if gpu.serves():
            return gpu.over_views(W_tau, U, biases)
    elif cells.serves(W_tau):
        return cells.over_views(W_tau, U, biases)
    return _scan(step, W_tau, U, biases)


def _scan(step, W_tau, U, biases):
    def flat_step(*variables):  # in the order in which scan gives them
        h, c, U, *biases = variables[cells.GATES :]
        return step(variables[: cells.GATES], h, c, U, biases)

    nothing = W_tau[0][0].zeros_like()
    # A grid of one cell, or a state of one value, is an axis that Theano would repeat at will.
    nothing = tensor.unbroadcast(nothing, *range(nothing.ndim))
    # The gates and the candidate are given out so that the gradient does not compute them again.
    results, _ = theano.scan(
        flat_step,
        sequences=list(W_tau),
        outputs_info=[nothing, nothing, None, None, None],
        non_sequences=[U, *biases],
        strict=True,
        name="lstm",
    )
    return results
