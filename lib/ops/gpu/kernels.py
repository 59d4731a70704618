"""The project's CUDA kernels (``kernels.cu``), compiled by the driver's run-time compiler when used."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...backend.cuda_context import context
from ...backend.door import DeviceArray, theano

SOURCE = Path(__file__).with_name("kernels.cu")
THREADS = 256  # in a block, as kernels.cu says too
TILE = 32  # rows and columns that a block of "transpose" does
SUMMED = 8  # values that a block of "sum_blocks" does
BLOCKS = 512  # of a kernel whose blocks sum up: some for each of the GPU's processors


def empty(shape: Sequence[int], dtype: str = "float32") -> DeviceArray:
    """Return a new device array."""
    return theano.gpuarray.pygpu.empty(tuple(map(int, shape)), dtype, context=context())


def zeros(shape: Sequence[int]) -> DeviceArray:
    """Return a new device array of zeros."""
    return theano.gpuarray.pygpu.zeros(tuple(map(int, shape)), "float32", context=context())


def plain(x: DeviceArray) -> DeviceArray:
    """Return a device array whose elements lie in order from the start of its memory."""
    return x if x.flags.c_contiguous and not x.offset else x.copy("C")


def launch(
    name: str,
    *arguments: DeviceArray | float,
    count: int = 0,
    blocks: tuple[int, ...] | None = None,
    threads: int = THREADS,
    more: str = "",
) -> None:
    """Start a kernel.

    Parameters
    ----------
    name : str
    *arguments : `plain` device arrays, float (float32) or int (uint32)
    count : int
        Threads that have something to do.
    blocks : tuple of int, optional
        In place of ``count``.
    threads : int
        In a block.
    more : str
        A kernel to be compiled after those of the file.
    """
    kinds = tuple(map(_kind, arguments))
    blocks = blocks or (-(-count // threads),)
    _kernel(name, kinds, more)(*arguments, gs=blocks, ls=(threads,) + (1,) * (len(blocks) - 1))


def transpose(x: DeviceArray, shape: tuple[int, int, int], y: DeviceArray) -> None:
    """Write matrices transposed.

    Parameters
    ----------
    x, y : plain device arrays
    shape : tuple of int
        Matrices, rows and columns, as x is read.
    """
    count, rows, columns = shape
    blocks = -(-columns // TILE), -(-rows // TILE), count
    launch("transpose", x, y, rows, columns, blocks=blocks)


def leaky_gradient(
    y: DeviceArray, dy: DeviceArray, slope: float, channels: int
) -> tuple[DeviceArray, DeviceArray]:
    """Return the gradient of a leaky ReLU's argument and its sum for each channel.

    Parameters
    ----------
    y, dy : device arrays, ``(..., padded channels)``
        The result of the leaky ReLU and its gradient.
    slope : float
    channels : int
        Of the sum.
    """
    dz, cells = empty(y.shape), y.size // y.shape[-1]
    db = with_sums("leaky_gradient", (y, dy, dz), (cells, float(slope)), cells, channels)
    return dz, db


def with_sums(
    name: str, maps: Sequence[DeviceArray], numbers: Sequence[float], cells: int, channels: int
) -> DeviceArray:
    """Start a kernel whose blocks sum up what they make; return the sum for each channel.

    Parameters
    ----------
    name : str
    maps : plain device arrays
    numbers : sequence of float or int
        What it is given after the sums and the channels' fours.
    cells : int
        That the blocks share.
    channels : int
        Of the sum.
    """
    padded = maps[0].shape[-1]
    blocks, fours = min(BLOCKS, cells), padded // 4
    db, sums = empty((channels,)), empty((blocks, padded))
    launch(name, *maps, sums, fours, *numbers, blocks=(blocks, -(-fours // THREADS)))
    sum_blocks(sums, db)
    return db


def sum_blocks(sums: DeviceArray, result: DeviceArray) -> None:
    """Write the sum over what blocks have found, ``(blocks, values)``; the result may have fewer values."""
    launch("sum_blocks", sums, result, *sums.shape, result.size, blocks=(-(-result.size // SUMMED),))


@lru_cache(maxsize=None)
def _kernel(name, kinds, more):
    pygpu = theano.gpuarray.pygpu
    types = [pygpu.gpuarray.GpuArray if kind == "array" else kind for kind in kinds]
    source = SOURCE.read_text(encoding="utf-8") + more
    return pygpu.gpuarray.GpuKernel(source, name, types, context=context(), cuda=True)


def _kind(argument):
    if isinstance(argument, float):
        return "float32"
    if isinstance(argument, (int, np.integer)):
        return "uint32"
    if argument.offset:  # a kernel is given the start of the memory
        raise ValueError("an array that begins inside another cannot be given to a kernel")
    return "array"
