"""The wheel: all that a checkout has of the package, and it runs without one."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = "lib", "models", "solvers", "tools"
UNUSED = {".pyc", ".sh"}
FOR_READERS = "lib/ops/README.rst"  # of the source


class Image(unittest.TestCase):
    def test_it_makes_every_folder_that_is_installed(self):
        # The image installs the package before it copies the folders.
        listed = re.search(r"FOLDERS = \[(.+?)\]", (ROOT / "setup.py").read_text(), re.DOTALL)[1]
        wanted = [name.replace(".", "/") for name in re.findall('"(.+?)"', listed)]
        made = re.search(r"mkdir -p (lib.+?) \\", (ROOT / "Dockerfile").read_text())[1].split()
        for name in wanted:
            self.assertTrue(any(f"{path}/".startswith(f"{name}/") for path in made), name)


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.source, cls.site = Path(folder.name, "source"), Path(folder.name, "site")
        for name in (*FOLDERS, "package"):
            shutil.copytree(ROOT / name, cls.source / name)
        for name in ("setup.py", "pyproject.toml", "README.rst"):
            shutil.copy(ROOT / name, cls.source)
        options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
        command = [sys.executable, "-m", "pip", "wheel", *options, "-w", folder.name, cls.source]
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode:
            raise AssertionError(made.stderr)
        (wheel,) = Path(folder.name).glob("*.whl")
        zipfile.ZipFile(wheel).extractall(cls.site)

    def test_every_file_of_the_package_is_inside(self):
        files = (path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file())
        wanted = {str(path.relative_to(ROOT)) for path in files if path.suffix not in UNUSED}
        package = self.site / "voxlstm"
        found = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
        self.assertEqual(wanted - {FOR_READERS} | {"__init__.py", "py.typed"}, found)
        self.assertIn("models/CREDITS.rst", wanted)
        self.assertIn("lib/ops/plan.h", wanted)

    def test_it_is_imported_from_there(self):
        code = (
            "import voxlstm\n"
            "from importlib import metadata\n"
            "from voxlstm.models.network import NetworkConfig\n"
            "from voxlstm.lib import api\n"
            "print(voxlstm.__version__ == metadata.version('voxlstm'), voxlstm.__file__)\n"
            "print(api.SHIPPED)"
        )
        answer = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(self.site)!r})\n{code}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        same, start, shipped = answer.stdout.split()
        self.assertEqual((same, start), ("True", str(self.site / "voxlstm/__init__.py")))
        self.assertEqual(shipped, str(self.site / "voxlstm/models/pretrained.npz"))
        self.assertEqual(answer.stderr, "")

    def test_it_brings_the_command(self):
        (scripts,) = self.site.glob("*.dist-info/entry_points.txt")
        self.assertIn("voxlstm = voxlstm.tools.__main__:main", scripts.read_text())
        answer = self.command("measure-claims", "--help")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        # What it writes is below the user's folder, not the package's.
        self.assertIn("default: claims.json in --out", " ".join(answer.stdout.split()))

    def test_training_finds_its_definitions_without_a_checkout(self):
        definitions = ["--model", "models/small_1x1x1.yaml", "--solver", "solvers/small.yaml"]
        answer = self.command("train", *definitions, "--data", "nowhere", "--out", "run")
        self.assertEqual(answer.returncode, 2)
        self.assertRegex(answer.stderr, "^voxlstm train: error: there is no folder .*nowhere")

    def command(self, *arguments):
        """Run ``voxlstm`` of the wheel in an empty folder."""
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(
                [sys.executable, "-P", "-m", "voxlstm.tools", *arguments],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(self.site)},
                capture_output=True,
                text=True,
            )


if __name__ == "__main__":
    unittest.main()
