"""The README is short, and what it names is there."""

import contextlib
import functools
import importlib
import io
import os
import re
import runpy
import tempfile
import textwrap
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from voxlstm.tools.__main__ import COMMANDS

from . import pages

LINES = 170
TOOLS = [module for module, _ in COMMANDS.values()]


@functools.lru_cache(maxsize=None)
def known_options(tool):
    """Return the options that ``--help`` of a tool lists."""
    module = importlib.import_module(f"voxlstm.tools.{tool}")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        module.parse_arguments(["--help"])
    return set(re.findall(r"--[a-z][a-z-]*", said.getvalue()))


class ReadmeTest(unittest.TestCase):
    """README.rst."""

    def setUp(self):
        self.text = pages.README.read_text(encoding="utf-8")

    def test_length(self):
        self.assertLessEqual(len(self.text.splitlines()), LINES)

    def test_options(self):
        known = set().union(*map(known_options, TOOLS))
        found = pages.options(self.text)
        self.assertIn("--split", found)
        self.assertLessEqual(set(found), known)

    def test_python_example(self):
        code = textwrap.dedent(re.search(r"code:: python\n\n((?: .*\n|\n)+)", self.text)[1])
        picture = np.full((60, 80, 3), 240, np.uint8)
        picture[20:45, 20:60] = 90, 60, 30
        before, said = os.getcwd(), io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(pages.ROOT / "models", Path(folder) / "models")
            for name in ("front.jpg", "side.png"):
                Image.fromarray(picture).save(Path(folder) / name)
            os.chdir(folder)
            try:
                with contextlib.redirect_stdout(said):
                    exec(compile(code, "README.rst", "exec"), {})
                self.assertTrue(Path("object.glb").stat().st_size)
            finally:
                os.chdir(before)
        self.assertRegex(said.getvalue(), r"^\d+ of 32768 voxels are occupied\n$")


class PagesTest(unittest.TestCase):
    """Every page, the README among them."""

    def test_paths_exist(self):
        for page in pages.PAGES:
            for path in pages.paths(page.read_text(encoding="utf-8")):
                with self.subTest(page=page.name, path=path):
                    self.assertTrue(list(pages.ROOT.glob(path)), f"{path} is not there")

    def test_commands_have_their_options(self):
        for page in pages.PAGES:
            for tool, options in pages.commands(page.read_text(encoding="utf-8")):
                with self.subTest(page=page.name, tool=tool):
                    tool = COMMANDS.get(tool, (tool,))[0]
                    self.assertIn(tool, TOOLS)
                    self.assertLessEqual(set(options), known_options(tool))

    def test_weights_example(self):
        before, said = os.getcwd(), io.StringIO()
        os.chdir(pages.ROOT)
        try:
            with contextlib.redirect_stdout(said):
                runpy.run_path("docs/read_weights.py")
        finally:
            os.chdir(before)
        shape = re.match(r"\(.*?\)", said.getvalue())[0]
        self.assertIn(shape, (pages.ROOT / "docs/weights.rst").read_text(encoding="utf-8"))

    def test_links(self):
        for page in pages.PAGES:
            for target in pages.links(page.read_text(encoding="utf-8")):
                if not target.endswith("_"):  # a target of the same page, which Sphinx checks
                    with self.subTest(page=page.name, target=target):
                        self.assertTrue((page.parent / target).exists(), f"{target} is not there")
