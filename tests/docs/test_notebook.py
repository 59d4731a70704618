"""The notebook: its cells run in their order, and say what it shows that they say."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import trimesh

from .pages import ROOT

NOTEBOOK = ROOT / "docs/from_python.ipynb"
# What a notebook's kernel does: each cell in the same names, and its last expression is shown.
KERNEL = """
import ast, contextlib, io, json, sys
names, said = {}, []
for source in json.load(sys.stdin):
    *rest, last = ast.parse(source).body
    shown = last.value if isinstance(last, ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as text:
        exec(compile(ast.Module(rest if shown else [*rest, last], []), "cell", "exec"), names)
        value = eval(compile(ast.Expression(shown), "cell", "eval"), names) if shown else None
    said.append([text.getvalue(), None if value is None else repr(value)])
print(json.dumps(said))
"""


def without_numbers(text):
    """Return a text with a # for each number: other weights or another CPU give others."""
    return re.sub(r"\d+(\.\d+)?", "#", text)


class NotebookTest(unittest.TestCase):
    def test_it_runs_and_says_what_it_shows(self):
        cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
        cells = [cell for cell in cells if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"]) for cell in cells]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", KERNEL],
                input=json.dumps(sources),
                cwd=folder,
                env={**os.environ, "MPLBACKEND": "Agg"},
                capture_output=True,
                text=True,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(
                trimesh.load(Path(folder, "output/notebook/chair.glb"), force="mesh").is_watertight
            )
        for cell, (text, value) in zip(cells, json.loads(done.stdout), strict=True):
            with self.subTest("".join(cell["source"])):
                outputs = cell["outputs"]
                streams = "".join("".join(out["text"]) for out in outputs if out["output_type"] == "stream")
                results = [out["data"] for out in outputs if out["output_type"] == "execute_result"]
                self.assertEqual(without_numbers(text), without_numbers(streams))
                shown = ["".join(data["text/plain"]) for data in results]
                self.assertEqual(shown, [] if value is None else [value])


if __name__ == "__main__":
    unittest.main()
