"""Which way of computing a convolution is the fastest here: measured once for a shape, kept on disk.

The ways are cuDNN with the channels last, cuDNN with the channels first and all transposed on the
way, the product with the unfolded map x or y, and with TF32 that product without room for such a
map. All of them give the same result in every run.
"""

import ctypes
import json
import logging
import time
from functools import lru_cache, partial

import numpy as np

from ...backend.cuda_context import context
from ...backend.door import DeviceArray, theano
from ...base.cache import cache_folder, is_ours
from ...base.errors import UserError
from ...base.files import write_text
from . import cudnn
from .exchanged import Exchanged
from .problem import KERNEL, RESULTS, NoWay, Problem
from .tensor_cores import TensorCores
from .unfolded import Unfolded

logger = logging.getLogger(__name__)

AGREEMENT = 0.02  # of the largest value: sums of a million products of factors of 10 bits
RUNS = 4  # timed, after one to warm up
LAST, FIRST = "channels last", "channels first"
OURS = {
    "product": Unfolded,
    "product of y": partial(Exchanged, Unfolded),
    "tensor cores": TensorCores,
    "tensor cores of y": partial(Exchanged, TensorCores),
}
WAYS = LAST, FIRST, *OURS


class Convolution:
    """One convolution, computed the fastest way."""

    def __init__(self, problem: Problem) -> None:
        self._problem, self._way = problem, None

    def run(self, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> None:
        """Compute one of three device arrays, which have their channels last, from the others."""
        if self._way is None:
            self._way = self._known(x, w, y) or self._fastest(x, w, y)
        else:
            self._way.run(x, w, y)

    @property
    def _key(self):
        # With the ways that were compared, so that a choice among others is made anew.
        return json.dumps([*self._problem, *WAYS], default=int)

    def _known(self, x, w, y):
        """Return the way chosen in an earlier run, once it has run here; None without one."""
        kept = _kept().get(self._key)
        try:
            if not kept:
                return None
            name, *algorithm = kept["way"]
            way = self._made(name)
            if name not in OURS:
                way.take(*algorithm)
            way.run(x, w, y)
            return way
        except (cudnn.Failure, NoWay, KeyError, TypeError, ValueError, ctypes.ArgumentError) as failure:
            logger.warning("a stored choice of algorithm is made anew: %s", failure)

    def _made(self, name):
        if name in OURS:
            return OURS[name](self._problem)
        return cudnn.Convolution(self._problem, last=name == LAST)

    def _fastest(self, x, w, y):
        tried, first, result = {}, None, (x, w, y)[RESULTS[self._problem.direction]]
        for name in WAYS:
            try:
                way = self._made(name)
                algorithm = [] if name in OURS else way.search(x, w, y)
                result[...] = np.nan  # what a way leaves out must not be another's
                milliseconds = _time(way, x, w, y)
                first = _agrees(self._sample(result), first)
                tried[name] = milliseconds, algorithm, way
            except NoWay as reason:
                logger.debug("%s, %s: %s", self._key, name, reason)
            except (cudnn.Failure, theano.gpuarray.pygpu.gpuarray.GpuArrayException) as failure:
                logger.warning("%s is left out for a convolution: %s", name, failure)
        if not tried:
            raise RuntimeError(f"no way of computing the convolution {self._key} works")
        name = min(tried, key=lambda name: tried[name][0])
        _, algorithm, way = tried[name]
        times = {name: round(milliseconds, 4) for name, (milliseconds, *_) in tried.items()}
        _keep(self._key, {"way": [name, *algorithm], "milliseconds": times})
        way.run(x, w, y)
        return way

    def _sample(self, result):
        """Return what is looked at of a result: a kernel, or a map's last image."""
        return np.asarray(result if self._problem.direction == KERNEL else result[-1:])


def _agrees(found, first):
    """Return what the first way has found; a failure when another has found something else."""
    if first is None:
        return found
    difference, largest = np.abs(found - first).max(), np.abs(first).max()
    if np.isfinite(largest) and not difference <= AGREEMENT * largest:
        raise cudnn.Failure(
            f"its result differs from another way's by {difference / largest:.2g} of the largest"
        )
    return first


def _time(way, x, w, y):
    way.run(x, w, y)
    _wait(x, w, y)
    start = time.perf_counter()
    for _ in range(RUNS):
        way.run(x, w, y)
    _wait(x, w, y)
    return 1e3 * (time.perf_counter() - start) / RUNS


def _wait(*arrays):
    for array in arrays:
        array.sync()


def _path():
    name = "".join(c if c.isalnum() else "_" for c in context().devname)
    return cache_folder("cudnn") / f"{name}-{cudnn.version()}.json"


@lru_cache(maxsize=None)
def _kept():
    """Return the choices of earlier runs, and of this one, by what the convolution is."""
    return _stored()


def _stored():
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
    kept = _kept()
    # Another process may have added its own since this one has read them.
    kept.update({**_stored(), **kept, key: choice})
    try:
        write_text(_path(), json.dumps(kept, indent=0, sort_keys=True) + "\n", mode=0o600)
    except (OSError, UserError) as error:
        logger.warning("the choice of algorithms is not kept for the next run: %s", error)
