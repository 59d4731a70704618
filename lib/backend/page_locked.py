"""Page-locked memory of the CUDA driver, out of which a copy to the device is only queued.

For a copy out of ordinary memory the host would wait until all that was queued before it is done.
"""

import ctypes
import weakref

import numpy as np

from ..base.errors import UserError
from .cuda_context import current


def empty(size: int) -> np.ndarray:
    """Return a new array in page-locked memory, which is given back with the array.

    Parameters
    ----------
    size : int
        Bytes.

    Returns
    -------
    ndarray of uint8, (size,)

    Raises
    ------
    UserError
        When the driver refuses.
    """
    address = ctypes.c_void_p()
    with current():
        code = _driver().cuMemHostAlloc(ctypes.byref(address), ctypes.c_size_t(size), 0)
    if code:
        raise UserError(
            f"the CUDA driver cannot lock {size} bytes of memory (error {code}); use a smaller batch"
        )
    memory = (ctypes.c_uint8 * size).from_address(address.value or 0)
    # Not at exit, where the driver gives all back by itself and may have ended.
    weakref.finalize(memory, _free, address).atexit = False
    return np.frombuffer(memory, np.uint8)  # type: ignore[call-overload]  # takes any buffer


def _free(address):
    with current():
        _driver().cuMemFreeHost(address)


def _driver():
    return ctypes.CDLL("libcuda.so")
