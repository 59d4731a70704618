"""The CUDA context and stream of the GPU in use, as libgpuarray has them."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from .door import theano


@lru_cache(maxsize=None)
def context() -> Any:
    """Return the GPU in use as pygpu knows it."""
    return theano.gpuarray.type.get_context(None)


def stream() -> ctypes.c_void_p:
    """Return the address of the stream in which all kernels run."""
    return ctypes.c_void_p(_extension("cuda_get_stream")(context().ptr))


@contextmanager
def current() -> Iterator[None]:
    """Make the context that of this thread's calls of CUDA's libraries."""
    _extension("cuda_enter")(context().ptr)
    try:
        yield
    finally:
        _extension("cuda_exit")(context().ptr)


@lru_cache(maxsize=None)
def _extension(name):
    """Return a function that libgpuarray gives out for CUDA alone."""
    library = ctypes.CDLL("libgpuarray.so.3")
    library.gpuarray_get_extension.restype = ctypes.c_void_p
    address = library.gpuarray_get_extension(name.encode())
    return ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(address)
