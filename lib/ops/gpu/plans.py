"""Which way of computing a convolution is the fastest here: measured once for a shape, kept on disk.

The ways are cuDNN with the channels last, cuDNN with the channels first and all transposed on the
way, and the product with the unfolded map. All of them give the same result in every run.
"""

import ctypes
import json
import logging
import time
from functools import lru_cache
from operator import itemgetter
from typing import Any

from ...backend.cuda_context import context
from ...backend.door import DeviceArray, theano
from ...base.cache import cache_folder, is_ours
from ...base.errors import UserError
from ...base.files import write_text
from . import cudnn
from .unfolded import Unfolded

logger = logging.getLogger(__name__)

RUNS = 4  # timed, after one to warm up
WAYS = LAST, FIRST, PRODUCT = "channels last", "channels first", "product"


class Convolution:
    """One convolution with all its sizes, computed the fastest way.

    Parameters
    ----------
    *about
        What `cudnn.Convolution` takes.
    """

    def __init__(self, *about: Any) -> None:
        self._about, self._way = about, None

    def run(self, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> None:
        """Compute one of three device arrays, which have their channels last, from the others."""
        if self._way is None:
            self._way = self._known(x, w, y) or self._fastest(x, w, y)
        else:
            self._way.run(x, w, y)

    @property
    def _key(self):
        return json.dumps(self._about, default=int)

    def _known(self, x, w, y):
        """Return the way chosen in an earlier run, once it has run here; None without one."""
        kept = _kept().get(self._key)
        try:
            way = kept and self._made(*kept)
            if way:
                way.run(x, w, y)
            return way
        except (cudnn.Failure, TypeError, ValueError, ctypes.ArgumentError) as failure:
            logger.warning("a stored choice of algorithm is made anew: %s", failure)

    def _made(self, name, *algorithm):
        if name == PRODUCT:
            return Unfolded(*self._about)
        way = cudnn.Convolution(*self._about, last=name == LAST)
        way.take(*algorithm)
        return way

    def _fastest(self, x, w, y):
        tried = []
        for name in WAYS:
            try:
                way, algorithm = self._searched(name, x, w, y)
                tried.append((_time(way, x, w, y), name, algorithm, way))
            except cudnn.NoAlgorithm as reason:
                logger.debug("%s, %s: %s", self._key, name, reason)
            except (cudnn.Failure, theano.gpuarray.pygpu.gpuarray.GpuArrayException) as failure:
                logger.warning("%s is left out for a convolution: %s", name, failure)
        if not tried:
            raise RuntimeError(f"no way of computing the convolution {self._key} works")
        _, name, algorithm, way = min(tried, key=itemgetter(0))
        _keep(self._key, [name, *algorithm])
        way.run(x, w, y)
        return way

    def _searched(self, name, x, w, y):
        if name == PRODUCT:
            return Unfolded(*self._about), []
        way = cudnn.Convolution(*self._about, last=name == LAST)
        return way, way.search(x, w, y)


def _time(way, x, w, y):
    way.run(x, w, y)
    _wait(x, w, y)
    start = time.perf_counter()
    for _ in range(RUNS):
        way.run(x, w, y)
    _wait(x, w, y)
    return time.perf_counter() - start


def _wait(*arrays):
    for array in arrays:
        array.sync()


def _path():
    name = "".join(c if c.isalnum() else "_" for c in context().devname)
    return cache_folder("cudnn") / f"{name}-{cudnn.version()}.json"


@lru_cache(maxsize=None)
def _kept():
    """Return the choices of earlier runs, and of this one, by what the convolution is."""
    try:
        path = _path()
        if not is_ours(path):
            raise ValueError(f"another user could have written {path}")
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, RecursionError, UserError) as error:
        logger.warning("the stored choices of algorithms cannot be used (%s) and are made anew", error)
        return {}


def _keep(key, choice):
    _kept()[key] = choice
    try:
        write_text(_path(), json.dumps(_kept(), indent=0, sort_keys=True) + "\n", mode=0o600)
    except (OSError, UserError) as error:
        logger.warning("the choice of algorithms is not kept for the next run: %s", error)
