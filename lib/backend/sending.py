"""Queueing a batch's copy to the GPU behind the step that is still under way there."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import door, page_locked
from .door import Function, Symbol

# Of buffers. A batch is put into one on the host while the copy of the one before it may still wait.
# The copy out of that set's last batch has ended: the loss of the step on it has been read.
SETS = 2


class Sender:
    """Copies batches to the device in use, into buffers that are there for nothing else.

    The loss of a step must be read before the batch after the next one is sent.
    """

    def __init__(self) -> None:
        self._sets: list[dict[int, Any]] = [{} for _ in range(SETS)]

    def send(self, *arrays: np.ndarray) -> list[Any]:
        """Queue the copy of a batch; on the CPU it is returned as it is.

        Parameters
        ----------
        *arrays : uint8 arrays
            May be changed as soon as the call returns, except on the CPU.

        Returns
        -------
        list of arrays on the device
            They hold until the call after the next one.
        """
        if door.device() == "cpu":
            return list(arrays)
        self._sets.reverse()
        return [self._fill(place, array) for place, array in enumerate(arrays)]

    def _fill(self, place, array):
        buffers = self._sets[0]
        if place not in buffers or buffers[place][0].size < array.size:
            buffers[place] = _new_buffers(array.size)
        here, there = (buffer[: array.size].reshape(array.shape) for buffer in buffers[place])
        here[...] = array
        there.write(here)
        return there


def _new_buffers(size):
    """Return memory for so many bytes, on the host and on the device."""
    gpuarray = door.theano.gpuarray
    context = gpuarray.type.get_context(None)
    cuda = context.kind == b"cuda"
    here = page_locked.empty(size) if cuda else np.empty(size, np.uint8)
    return here, gpuarray.pygpu.empty(size, "uint8", context=context)


def compile_for_sent(inputs: Sequence[Symbol], output: Symbol, changes: Mapping[Symbol, Symbol]) -> Function:
    """Compile a function for what `Sender.send` returns; its result stays on the device.

    Such a function returns as soon as its kernels are queued. On the CPU it is an ordinary one.

    Parameters
    ----------
    inputs : list of variables
        On the host, as the graph was made from them.
    output : variable
    changes : ordered mapping of shared variable to expression

    Returns
    -------
    theano.compile.function_module.Function
    """
    theano, given = door.theano, {}
    if door.device() != "cpu":
        kind = theano.gpuarray.GpuArrayType
        sent = [kind(v.dtype, v.broadcastable).make_variable(v.name) for v in inputs]
        given = {v: there.transfer("cpu") for v, there in zip(inputs, sent)}
        inputs, output = sent, output.transfer(None)
    # The result is read before the next call, so Theano may use its memory again.
    output = theano.Out(output, borrow=True)
    return theano.function(inputs, output, updates=changes, givens=given, allow_input_downcast=False)
