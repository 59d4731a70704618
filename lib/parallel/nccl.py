"""The sum of vectors from GPU to GPU, by NVIDIA's NCCL 2."""

import ctypes
import importlib.util
import os
import time
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..backend.cuda_context import context, current, stream
from ..backend.door import DeviceArray, theano
from ..base.errors import UserError
from .exchange import WORDS
from .group import LIMIT, Alone

NAME = "libnccl.so.2"
SWITCH = "VOXLSTM_NCCL"  # 0 in the environment leaves it out
FLOAT32, SUM = 7, 0  # of nccl.h, in every version 2


class _Id(ctypes.Structure):
    """What the processes of one communicator know each other by; ``ncclUniqueId``."""

    _fields_ = [("internal", ctypes.c_byte * 128)]


@lru_cache(maxsize=None)
def library() -> ctypes.CDLL | None:
    """Return NCCL, of the extra ``nccl`` or of the loader's path; None without one, or where it is left out."""
    if os.environ.get(SWITCH) == "0":
        return None
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    for place in [*(folder / "nccl/lib" / NAME for folder in folders), NAME]:
        try:
            found = ctypes.CDLL(str(place))
        except OSError:
            continue
        found.ncclGetErrorString.restype = ctypes.c_char_p
        return found
    return None


class NcclExchange:
    """The sum by NCCL, in the memory of the GPUs; parameters and call are those of `HostExchange`.

    Every process makes one at the same time.

    Raises
    ------
    UserError
        With NCCL's words, where it cannot join the GPUs.
    """

    name = "from GPU to GPU by NCCL"

    def __init__(self, group: Alone, size: int) -> None:
        self._group, self._size = group, size
        unique, self._communicator = _Id(), ctypes.c_void_p()
        if group.first:
            self._call("GetUniqueId", ctypes.byref(unique))
        unique = _Id.from_buffer_copy(group.share(bytes(unique)))
        with current():
            self._call("CommInitRank", ctypes.byref(self._communicator), group.size, unique, group.rank)

    def __call__(self, vector: np.ndarray | DeviceArray) -> np.ndarray:
        """Put the sum of every process's vector into its place; return its words, on the host."""
        if isinstance(vector, np.ndarray):
            vector = theano.gpuarray.pygpu.array(vector, context=context())
        self._group.meet(LIMIT)  # NCCL would wait for ever for one that does not come
        start = time.monotonic()
        place, count = ctypes.c_void_p(vector.gpudata), ctypes.c_size_t(self._size)
        with current():
            self._call("AllReduce", place, place, count, FLOAT32, SUM, self._communicator, stream())
        words = np.asarray(vector[-WORDS:])  # waits for the GPU
        self._group.exchanged += time.monotonic() - start
        return words

    def _call(self, name, *arguments):
        found = library()
        status = getattr(found, f"nccl{name}")(*arguments)
        if status:
            text = found.ncclGetErrorString(status).decode(errors="replace")
            raise UserError(
                f"NCCL cannot join the GPUs (nccl{name}: {text}); set NCCL_DEBUG=WARN to learn more, or"
                f" {SWITCH}=0 to sum through the host's memory"
            )
