"""Files that appear whole or not at all."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.process import run_python
from voxlstm.lib.base import files
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.base.files import atomic_path, check_apart, check_writable, named, write_json, write_text


class Atomic(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.path = self.folder / "new" / "file.txt"

    def test_appears_whole_with_the_usual_mode(self):
        write_text(self.path, "one")
        write_text(self.path, "two")
        self.assertEqual(self.path.read_text(), "two")
        self.assertEqual(os.listdir(self.path.parent), ["file.txt"])
        plain = self.folder / "plain"
        plain.touch()
        self.assertEqual(self.path.stat().st_mode, plain.stat().st_mode)

    def test_a_failure_leaves_the_old_file_and_nothing_else(self):
        write_text(self.path, "old")
        with self.assertRaises(RuntimeError), atomic_path(self.path) as temporary:
            temporary.write_text("half")
            self.assertEqual(temporary.suffix, ".txt")
            raise RuntimeError
        self.assertEqual(self.path.read_text(), "old")
        self.assertEqual(os.listdir(self.path.parent), ["file.txt"])

    def test_nan_is_no_json(self):
        with self.assertRaises(ValueError):
            write_json(self.path, {"iou": float("nan")})
        self.assertFalse(self.path.exists())

    def test_no_room_leaves_the_old_file(self):
        write_text(self.path, "old")
        answer = run_python(
            "import resource, signal, sys\n"
            "from voxlstm.lib.base.errors import run_tool\n"
            "from voxlstm.lib.base.files import write_bytes\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "run_tool(lambda: write_bytes(sys.argv[1], b'x' * 2000))",
            self.path,
        )
        self.assertEqual(answer.returncode, 2)
        self.assertIn(f"error: File too large ({self.path}); raise the limit", answer.stderr)
        self.assertEqual(os.listdir(self.path.parent), ["file.txt"])
        self.assertEqual(self.path.read_text(), "old")

    def test_a_full_disk_is_told_with_the_files_own_name(self):
        full = OSError(28, "No space left on device", "/somewhere/.tmp-abc")
        with mock.patch.object(files.tempfile, "mkstemp", side_effect=full):
            with self.assertRaises(OSError) as caught:
                write_text(self.path, "new")
        self.assertEqual(caught.exception.filename, str(self.path))
        with self.assertRaises(OSError) as caught, named(self.path):
            raise OSError(28, "No space left on device")
        self.assertEqual(caught.exception.filename, str(self.path))


class Writable(unittest.TestCase):
    def test_what_cannot_be_written_is_refused_and_nothing_is_left(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "file").touch()
            for path, why in (
                (folder, "Is a directory"),
                (folder / "file/a.obj", "Not a directory|File exists"),
            ):
                with self.assertRaisesRegex(UserError, f"cannot write {path}: ({why}); choose another place"):
                    check_writable(folder / "fine", path)
            os.mkfifo(folder / "pipe")
            for place in (folder / "pipe", Path(os.devnull)):
                with self.assertRaisesRegex(UserError, "it is not a file but a"):
                    check_writable(place)
            with self.assertRaisesRegex(OSError, "it is not a file but a"):
                write_text(folder / "pipe", "")
            self.assertTrue((folder / "pipe").is_fifo())
            (folder / "pipe").unlink()
            closed = PermissionError(13, "Permission denied")
            with mock.patch.object(files.tempfile, "NamedTemporaryFile", side_effect=closed):
                with self.assertRaisesRegex(
                    UserError, "b.obj: Permission denied; .* let this user read and write there"
                ):
                    check_writable(folder / "b.obj")
            check_writable(folder / "new/a.obj", None, folder / "file")
            self.assertEqual(sorted(path.name for path in folder.rglob("*")), ["file", "new"])


class Apart(unittest.TestCase):
    def test_outputs_that_would_overwrite_something(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "in.png").touch()
            (folder / "link.png").symlink_to("in.png")
            os.link(folder / "in.png", folder / "hard.png")
            for path in ("in.png", "link.png", "hard.png", "./in.png"):
                with self.assertRaisesRegex(UserError, "--out .* would overwrite the input .*in.png"):
                    check_apart({"--out": f"{name}/{path}"}, [None, folder / "in.png"])
            for path in ("new.png", "NEW.png", "sub/../new.png"):
                (folder / "sub").mkdir(exist_ok=True)
                with self.assertRaisesRegex(UserError, "--preview .* would overwrite --out .*new.png"):
                    check_apart({"--out": folder / "new.png", "--preview": f"{name}/{path}"})
            (folder / "sub/texture.png").touch()
            with self.assertRaisesRegex(UserError, "would overwrite a file of an input"):
                check_apart({"--sheet": folder / "sub/texture.png"}, [folder / "sub"])
            check_apart({"--sheet": folder / "sub/new.png"}, [folder / "sub"])
            check_apart(
                {"--out": folder / "a.obj", "--preview": None, "--sheet": folder / "a.png"},
                [folder / "in.png"],
            )
