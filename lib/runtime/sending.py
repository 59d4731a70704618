"""Copying a batch to the GPU while the step before it is still under way there."""
from . import backend

SETS = 2  # of buffers: the step under way reads one, the next batch is copied into the other


class Sender:
    """Copies batches to the device in use, into buffers that are there for nothing else.

    Memory from libgpuarray's pool would do as well, but may be waiting for any kernel under way.
    """

    def __init__(self):
        self._sets = [{} for _ in range(SETS)]

    def send(self, *arrays):
        """Start to copy a batch; on the CPU it is returned as it is.

        Parameters
        ----------
        *arrays : float32 arrays
            May be changed as soon as the call returns, except on the CPU.

        Returns
        -------
        list of arrays on the device
            They hold until the call after the next one.
        """
        if backend.device() == "cpu":
            return list(arrays)
        self._sets.reverse()
        return [self._fill(place, array) for place, array in enumerate(arrays)]

    def _fill(self, place, array):
        buffers = self._sets[0]
        if place not in buffers or buffers[place].size < array.size:
            gpuarray = backend.theano.gpuarray
            context = gpuarray.type.get_context(None)
            buffers[place] = gpuarray.pygpu.empty(array.size, array.dtype, context=context)
        part = buffers[place][: array.size].reshape(array.shape)
        part.write(array)
        return part


def compile_for_sent(inputs, output, changes):
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
    theano, given = backend.theano, {}
    if backend.device() != "cpu":
        kind = theano.gpuarray.GpuArrayType
        sent = [kind(v.dtype, v.broadcastable).make_variable(v.name) for v in inputs]
        given = {v: there.transfer("cpu") for v, there in zip(inputs, sent)}
        inputs, output = sent, output.transfer(None)
    # The result is read before the next call, so Theano may use its memory again.
    output = theano.Out(output, borrow=True)
    return theano.function(inputs, output, updates=changes, givens=given, allow_input_downcast=False)
