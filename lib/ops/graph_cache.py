"""Optimised graphs kept between runs: loading one takes a second, optimising it ten.

A graph is kept as Theano pickles it, without the values of its shared variables. Its file's name is
a digest of all that the graph comes from, so that a graph of other code is never found.
"""

import contextlib
import gc
import hashlib
import io
import json
import logging
import os
import pickle
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy

from ..backend import door
from ..backend.door import Function, Symbol
from theano.compile.function_module import FunctionMaker

from ..base.cache import cache_folder, is_ours, trim
from ..base.errors import UserError
from ..base.files import write_bytes
from ..base.program import ROOT, sources
from . import layout, library

logger = logging.getLogger(__name__)
KEPT = 40  # graphs; a network's take half a megabyte each
DEPTH = 20_000  # of the recursion: a pickle follows a graph from its end to its start


def compiled(
    name: str, about: dict[str, Any], shared: Mapping[str, Symbol], build: Callable[[], Function]
) -> Function:
    """Return the function that ``build`` compiles, from an earlier run's graph where there is one.

    Parameters
    ----------
    name : str
        Of the function, for the file's name.
    about : dict
        What ``build`` depends on beside the project's code and Theano's settings; plain values.
    shared : mapping of str to shared variable
        All that the function reads or changes.
    build : callable
        Without arguments; returns what `theano.function` returned.

    Notes
    -----
    Graphs for a GPU are not kept: their ops are bound to the process's device.
    """
    door.ready()
    library.check_precision()
    with _collector_at_rest():
        if door.device() != "cpu":
            return build()
        try:
            path = cache_folder("graphs") / f"{name}-{_digest(about)}.pickle"
        except UserError as error:
            logger.warning("the optimised graph is not kept for the next run: %s", error)
            return build()
        function = _load(path, shared)
        if function is None:
            function = build()
            _save(path, function.maker, shared)
        return function


def _load(path, shared):
    try:
        if not is_ours(path):
            raise ValueError("another user could have written it")
        maker = _Unpickler(path, shared).load()
        if not isinstance(maker, FunctionMaker):
            raise ValueError(f"it holds a {type(maker).__name__}")
        function = maker.create([entry.value for entry, _, _ in maker.indices])
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever a damaged pickle can raise
        logger.warning("%s cannot be used (%s) and is made anew", path, error)
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # in use, so not among the oldest
    return function


def _save(path, maker, shared):
    try:
        write_bytes(path, zlib.compress(_pickled(maker, shared), 1), mode=0o600)
        trim(path.parent, ".pickle", KEPT)
    except OSError as error:
        logger.warning("the optimised graph is not kept for the next run: %s", error)


def _pickled(maker, shared):
    file = io.BytesIO()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, DEPTH))
    try:
        _Pickler(file, shared).dump(maker)
    finally:
        sys.setrecursionlimit(limit)
    return file.getvalue()


class _Pickler(pickle.Pickler):
    """Writes a shared variable, its container and its storage by the variable's name."""

    def __init__(self, file: io.BytesIO, shared: Mapping[str, Symbol]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._names = {
            id(part): (name, position)
            for name, variable in shared.items()
            for position, part in enumerate(_parts(variable))
        }

    def persistent_id(self, value):
        return self._names.get(id(value))


class _Unpickler(pickle.Unpickler):
    """Reads the names as the parts of this process's shared variables."""

    def __init__(self, path: Path, shared: Mapping[str, Symbol]) -> None:
        super().__init__(io.BytesIO(zlib.decompress(path.read_bytes())))
        self._shared = shared

    def persistent_load(self, name_and_position):
        name, position = name_and_position
        return _parts(self._shared[name])[position]


def _parts(variable):
    storage = variable.container.storage
    return variable, variable.container, storage, storage[0]


def _digest(about):
    onednn = library.available()
    facts = [
        json.dumps(about, sort_keys=True),
        sys.version,
        door.theano.__version__,
        numpy.__version__,
        re.sub("0x[0-9a-f]+", "", str(door.theano.config)),
        str((onednn, onednn[0] and layout.block(), door.precision())),
        *sources(ROOT),
    ]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]


@contextlib.contextmanager
def _collector_at_rest():
    # Python's collector looks through a graph's many objects again and again: a quarter of the time.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
