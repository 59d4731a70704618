"""The order of the rooms: every module imports rooms below its own, and none in a circle."""

import ast
import unittest
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "voxlstm"
FOLDERS = "lib", "models", "solvers", "tools"
# From the ground up: a room, and the rooms and modules that it may import beside itself.
MAY_IMPORT = {
    "lib.base": (),
    "lib.backend": ("lib.base",),
    "lib": ("lib.backend.blas", "lib.backend.waiting", "lib.base.errors", "lib.base.signals"),
    "lib.parallel": ("lib.base", "lib.backend"),
    "lib.ops": ("lib.base", "lib.backend"),
    "lib.data": ("lib.base",),
    "lib.geometry": ("lib.base", "lib.data", "lib.parallel"),
    "models": ("lib.base.config", "lib.base.errors", "lib.base.hints", "lib.backend.door", "lib.ops"),
    "models.predictor": ("lib.backend.door", "lib.ops", "lib.data.views", "models"),
    "lib.evaluation.metrics": (),
    "solvers": (
        "lib.base",
        "lib.backend",
        "lib.ops",
        "lib.data",
        "lib.parallel",
        "lib.evaluation.metrics",
        "models",
        "models.predictor",
    ),
    "lib.evaluation": ("lib.base", "lib.data", "lib.geometry", "lib.parallel", "lib.evaluation.metrics"),
    "lib.browser": ("lib.base", "lib.data", "lib.evaluation"),
    "lib.exchange": ("lib.base", "lib.evaluation.metrics", "models", "solvers"),
    "lib.runs": (
        "lib.base",
        "lib.backend",
        "lib.ops",
        "lib.data",
        "lib.parallel",
        "lib.evaluation",
        "lib.evaluation.metrics",
        "models",
        "models.predictor",
        "solvers",
    ),
    "lib.api": (
        "lib.base",
        "lib.backend",
        "lib.data",
        "lib.geometry",
        "lib.evaluation",
        "lib.evaluation.metrics",
        "lib.runs",
        "models",
        "models.predictor",
        "solvers",
    ),
    "tools": (
        "lib.base",
        "lib.backend",
        "lib.browser",
        "lib.ops",
        "lib.data",
        "lib.geometry",
        "lib.parallel",
        "lib.evaluation",
        "lib.evaluation.metrics",
        "lib.exchange",
        "lib.runs",
        "lib.api",
        "models",
        "models.predictor",
        "solvers",
    ),
}
READING = {"open", "load", "loadtxt", "fromfile", "memmap", "read_text", "read_bytes"}


def package_files():
    """Return the package's source files by their modules' names, without the package's own."""
    files = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


def imports_of(module, path, modules):
    """Return what a module's code imports anywhere, in functions too.

    Returns
    -------
    tuple of (set of str, set of str)
        Modules of the package, and the top names of others.
    """
    inside, outside = set(), set()
    for name in _imported_names(module, path):
        if name.partition(".")[0] != PACKAGE:
            outside.add(name.partition(".")[0])
            continue
        name = name.partition(".")[2]
        # What is no module is a name inside one.
        inside.add(name if name in modules else name.rpartition(".")[0])
    return inside - {module}, outside


def _imported_names(module, path):
    parts = [PACKAGE, *module.split(".")]
    package = parts if path.name == "__init__.py" else parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            start = [*base, *filter(None, [node.module])]
            yield from (".".join([*start, alias.name]) for alias in node.names)


def room_of(module):
    """Return the smallest room that a module is in."""
    return max((room for room in MAY_IMPORT if _within(module, room)), key=len)


def _within(module, room):
    return f"{module}.".startswith(f"{room}.")


class House(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = package_files()
        found = {name: imports_of(name, path, cls.files) for name, path in cls.files.items()}
        cls.inside = {name: inside for name, (inside, _) in found.items()}
        cls.outside = {name: outside for name, (_, outside) in found.items()}

    def reached(self, module):
        """Return a module and all of the package that importing it imports, however far away."""
        seen, left = set(), [module]
        while left:
            name = left.pop()
            if name not in seen:
                seen.add(name)
                left += self.inside[name]
        return seen

    def test_the_imports_are_read(self):
        self.assertIn("lib.backend.door", self.inside["lib.ops.leaky"])  # from ..x.y import z
        self.assertIn("lib.ops.leaky", self.inside["lib.ops.rewrites"])  # from .x import y
        self.assertIn("lib.ops.library", self.inside["lib.ops.dense"])  # from . import x
        self.assertIn("lib.ops", self.inside["models.predictor"])  # a name of a package
        self.assertIn("lib.ops", self.inside["lib.runs.setup_check"])  # in a function
        self.assertIn("solvers.checkpoint", self.inside["tools.reconstruct"])  # by the full name
        for name, imported in self.inside.items():
            self.assertLessEqual(imported, self.files.keys(), name)

    def test_no_module_imports_itself_by_way_of_others(self):
        try:
            TopologicalSorter(self.inside).prepare()
        except CycleError as error:
            self.fail(" < ".join(error.args[1]))

    def test_a_room_imports_only_rooms_below_it(self):
        for module, imported in sorted(self.inside.items()):
            room = room_of(module)
            allowed = {room, *MAY_IMPORT[room]}
            wrong = {name for name in imported if not {name, room_of(name)} & allowed}
            self.assertFalse(wrong, f"{module} is in {room} and imports {sorted(wrong)}")

    def test_the_rooms_are_in_order(self):
        below = set()
        for room, allowed in MAY_IMPORT.items():
            self.assertLessEqual({room_of(name) for name in allowed}, below, room)
            below.add(room)

    def test_data_and_geometry_never_import_theano(self):
        self.assertIn("theano", self.outside["lib.backend.door"])
        for module in self.files:
            if room_of(module) in ("lib.data", "lib.geometry"):
                users = {name for name in self.reached(module) if "theano" in self.outside[name]}
                self.assertFalse(users, module)

    def test_models_read_no_files_but_definitions(self):
        for module, path in self.files.items():
            if room_of(module) == "models":
                allowed = {"collections", "dataclasses", "numpy", "theano", "typing"}
                self.assertLessEqual(self.outside[module], allowed, module)
                nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                names = {getattr(n, "id", None) or getattr(n, "attr", None) for n in nodes}
                self.assertFalse(names & READING, module)


if __name__ == "__main__":
    unittest.main()
