"""Page-locked memory of the CUDA driver, out of which a copy to the device is only queued.

For a copy out of ordinary memory the host would wait until all that was queued before it is done.
"""
import contextlib
import ctypes
import weakref

import numpy as np

from .errors import UserError


def empty(size, context):
    """Return a new array in page-locked memory, which is given back with the array.

    Parameters
    ----------
    size : int
        Bytes.
    context : pygpu.gpuarray.GpuContext
        Of a CUDA device.

    Returns
    -------
    ndarray of uint8, (size,)

    Raises
    ------
    UserError
        When the driver refuses.
    """
    address, device = ctypes.c_void_p(), context.unique_id
    with _current(device) as driver:
        code = driver.cuMemHostAlloc(ctypes.byref(address), ctypes.c_size_t(size), 0)
    if code:
        raise UserError(
            f"the CUDA driver cannot lock {size} bytes of memory (error {code}); use a smaller batch"
        )
    memory = (ctypes.c_uint8 * size).from_address(address.value)
    # Not at exit, where the driver gives all back by itself and may have ended.
    weakref.finalize(memory, _free, address, device).atexit = False
    return np.frombuffer(memory, np.uint8)


def _free(address, device):
    with _current(device) as driver:
        driver.cuMemFreeHost(address)


@contextlib.contextmanager
def _current(device):
    """Make current the context that libgpuarray uses on the device with a PCI address."""
    driver = ctypes.CDLL("libcuda.so")
    number, context = ctypes.c_int(), ctypes.c_void_p()
    for code in (
        driver.cuDeviceGetByPCIBusId(ctypes.byref(number), device.encode()),
        driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), number),
        driver.cuCtxPushCurrent_v2(context),
    ):
        if code:
            raise UserError(f"the CUDA driver does not give the device {device} (error {code})")
    try:
        yield driver
    finally:
        driver.cuCtxPopCurrent_v2(ctypes.byref(context))
        driver.cuDevicePrimaryCtxRelease(number)
