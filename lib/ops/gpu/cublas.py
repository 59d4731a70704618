"""cuBLAS's products of matrices that lie by rows, some at once."""

import ctypes
from functools import lru_cache

from ...backend import gpu
from ...backend.cuda_context import context, current, stream

PLAIN, TRANSPOSED = 0, 1
MATH = {"float32": 0, "tf32": 3}  # CUBLAS_DEFAULT_MATH, CUBLAS_TF32_TENSOR_OP_MATH


@lru_cache(maxsize=None)
def _handle():
    library, handle = ctypes.CDLL("libcublas.so"), ctypes.c_void_p()
    with current():
        _check(library.cublasCreate_v2(ctypes.byref(handle)))
        _check(library.cublasSetStream_v2(handle, stream()))
        _check(library.cublasSetMathMode(handle, MATH[gpu.precision()]))
    return library, handle


def products(
    a: int,
    b: int,
    c: int,
    sizes: tuple[int, int, int],
    turned: tuple[bool, bool] = (False, False),
    steps: tuple[int, int, int] = (0, 0, 0),
    count: int = 1,
    add: bool = False,
) -> None:
    """Compute ``c = a b``, or ``c + a b``, for some matrices at once.

    Parameters
    ----------
    a, b, c : int
        Addresses of the first matrices: ``(m, k)``, ``(k, n)`` and ``(m, n)`` by rows.
    sizes : tuple of int
        m, n and k.
    turned : pair of bool
        Whether a and b are stored transposed.
    steps : tuple of int
        Elements from a matrix to the next of its kind.
    count : int
        Matrices.
    add : bool
    """
    m, n, k = sizes
    library, handle = _handle()
    # cuBLAS has matrices by columns: it computes c^T = b^T a^T.
    kinds = [TRANSPOSED if t else PLAIN for t in turned]
    first = kinds[1], kinds[0], n, m, k, ctypes.byref(ctypes.c_float(1))
    place = [ctypes.c_void_p(address) for address in (a, b, c)]
    step = [ctypes.c_longlong(s) for s in steps]
    with current():
        _check(
            library.cublasSgemmStridedBatched(
                handle,
                *first,
                place[1],
                k if turned[1] else n,
                step[1],
                place[0],
                m if turned[0] else k,
                step[0],
                ctypes.byref(ctypes.c_float(add)),
                place[2],
                n,
                step[2],
                count,
            )
        )


def _check(status):
    if status:
        raise RuntimeError(f"cuBLAS failed on {context().devname} with status {status}")
