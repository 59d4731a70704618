"""The C++ modules of a graph compiled side by side, where Theano compiles one after another."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ..base.cache import scratch_folder
from ..base.cores import usable_cores
from ..base.errors import UserError, cause
from ..base.files import named
from ..base.hints import StrPath

_THEANOS = "The following error", "\n", "["
MOST = 8  # compilers at once, each of which takes 200 MB


class SideBySide:
    """Starts the compiler for all modules that a graph lacks before Theano asks for the first.

    Theano then finds the finished module where it would have run the compiler. What fails here is
    compiled again by Theano, which says what is wrong.

    Parameters
    ----------
    theano : module
    compiled : callable
        Says of a node of a graph whether Theano will want a C++ module for it.
    """

    def __init__(self, theano: ModuleType, compiled: Callable[[Any], bool]) -> None:
        self._theano = theano
        self._compiled = compiled
        self._compile = theano.gof.cmodule.GCC_compiler.compile_str
        self._make_all = theano.gof.vm.VM_Linker.make_all
        self._begun: dict[str, tuple[Path, Any]] = {}

    def install(self) -> None:
        """Take the place of Theano's linker and of its call of the compiler."""
        begin, make_all, forget = self._begin, self._make_all, self._forget

        def prepared(linker, *arguments, **settings):
            workers = min(usable_cores(), MOST)
            with told(self._theano.config.base_compiledir):
                if linker.c_thunks is False or not self._theano.config.cxx or workers < 2:
                    return make_all(linker, *arguments, **settings)
                with scratch_folder("modules") as folder, ThreadPoolExecutor(workers) as pool:
                    names = begin(linker.fgraph, folder, pool)
                    try:
                        return make_all(linker, *arguments, **settings)
                    finally:
                        pool.shutdown(cancel_futures=True)
                        forget(names)

        self._theano.gof.vm.VM_Linker.make_all = prepared
        self._theano.gof.cmodule.GCC_compiler.compile_str = staticmethod(self._finished)

    def _begin(self, fgraph, folder, pool):
        names = []
        for node in filter(self._compiled, fgraph.toposort()):
            module = self._missing(node)
            if module and module["module_name"] not in self._begun:
                names.append(module["module_name"])
                place = folder / names[-1]
                place.mkdir()
                made = pool.submit(self._compile, **module, location=str(place), py_module=False)
                self._begun[names[-1]] = place, made
        return names

    def _forget(self, names):
        for name in names:
            self._begun.pop(name, None)

    def _missing(self, node):
        """Return what the compiler gets for a node's module, None where there is no need."""
        gof = self._theano.gof
        linker = gof.cc.CLinker().accept(gof.FunctionGraph(node.inputs, node.outputs))
        cache = gof.cc.get_module_cache()
        key = linker.cmodule_key()
        if key in cache.entry_from_key:
            return None
        try:
            source = linker.get_src_code()
        except NotImplementedError:  # an op without C++
            return None
        if gof.cmodule.get_module_hash(source, key) in cache.module_hash_to_key_data:
            return None
        module = linker.get_dynamic_module()
        return {
            "module_name": module.code_hash,
            "src_code": module.code(),
            "include_dirs": linker.header_dirs(),
            "lib_dirs": linker.lib_dirs(),
            "libs": linker.libraries(),
            "preargs": linker.compile_args(),
        }

    def _finished(self, module_name, src_code, location=None, *arguments, **settings):
        place, made = self._begun.pop(module_name, (None, None))
        if made is None or made.exception():
            return self._compile(module_name, src_code, location, *arguments, **settings)
        # A process that has waited for long, or whose machine was held, takes the lock and removes empty folders.
        Path(location).mkdir(exist_ok=True)
        for file in place.iterdir():
            shutil.move(file, Path(location, file.name))
        cmodule = self._theano.gof.cmodule
        Path(location, "__init__.py").touch()
        return cmodule.dlimport(str(Path(location, f"{module_name}.{cmodule.get_lib_extension()}")))


@contextmanager
def told(folder: StrPath) -> Iterator[None]:
    """Say in a sentence where the machine, and not the C++, keeps modules from being compiled."""
    try:
        with named(folder):
            yield
    except OSError:
        raise
    except Exception as error:
        # Theano puts more words before it and behind it, for each graph within a graph.
        said = [word for word in error.args if isinstance(word, str) and not word.startswith(_THEANOS)]
        if isinstance(error, UserError):
            raise UserError(said[0]) from error
        reason = cause(" ".join(said))
        if reason is None:
            raise
        raise UserError(f"the C++ compiler cannot work in {folder}: {reason}") from error
