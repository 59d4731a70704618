"""Files that are none, pipes, and texts of any encoding."""

import codecs
import os
import socket
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from voxlstm.lib.base import inputs
from voxlstm.lib.base.config import load_yaml
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.base.files import read_json, sha256
from voxlstm.lib.base.inputs import read_given, regular
from voxlstm.lib.base.npz import NpzFile
from voxlstm.lib.data import binvox, split_files
from voxlstm.lib.data.layout import read_metadata
from voxlstm.lib.data.pictures import load_picture
from voxlstm.lib.data.unpacking import unpack
from voxlstm.lib.evaluation.predictions import Predictions
from voxlstm.lib.exchange.files import read as read_exported
from voxlstm.lib.runs import curves
from voxlstm.solvers.checkpoint import load

READERS = {
    "a.binvox": binvox.read,
    "a.mat": binvox.read,
    "a.json": read_json,
    "a.txt": read_metadata,
    "a.png": load_picture,
    "a.npz": load,
    "b.npz": NpzFile,
    "c.npz": Predictions,
    "a.onnx": read_exported,
    "a.csv": curves.read,
    "a": sha256,
}


class Pipes(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def pipe(self, name="pipe"):
        path = self.folder / name
        os.mkfifo(path)
        return path

    def test_no_reader_waits_for_one(self):
        for name, read in READERS.items():
            with self.subTest(name), self.assertRaisesRegex((UserError, OSError), "not a file but a pipe"):
                read(self.pipe(name))

    def test_an_archive_that_is_one(self):
        with self.assertRaisesRegex(OSError, "not a file but a pipe"):
            unpack(self.pipe(), "a", self.folder, brought=False)

    def test_sockets_devices_and_nulls(self):
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(self.folder / "socket"))
            for name, kind in ((self.folder / "socket", "socket"), ("/dev/zero", "device")):
                for read in (regular, read_given):
                    with self.assertRaisesRegex(OSError, f"not a file but a {kind}"):
                        read(name)
        with self.assertRaises(FileNotFoundError):
            regular("a\0b")
        with self.assertRaises(IsADirectoryError):
            regular(self.folder)

    def test_one_into_which_somebody_writes_is_read_to_its_end(self):
        path, text = self.pipe(), b"train\tchair\ta\n" * 20_000  # more than a pipe holds

        def write():
            time.sleep(0.1)
            with open(path, "wb", buffering=0) as pipe:
                time.sleep(0.1)  # it is open, and nothing is there
                pipe.write(text)

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        self.assertEqual(read_given(path), text)
        writer.join()

    def test_the_first_bytes_of_one_without_end(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.write(writing, b"abc")
        self.addCleanup(os.close, writing)
        self.assertEqual(read_given(f"/dev/fd/{reading}", 2), b"ab")

    def test_nobody_is_waited_for_for_ever(self):
        with mock.patch.object(inputs, "_PATIENCE", 0.1):
            for read in (load_yaml, split_files.read):
                with self.assertRaisesRegex(UserError, "nobody writes to this pipe; give the name of a file"):
                    read(self.pipe(read.__module__))


class Texts(unittest.TestCase):
    """What Windows and its editors write."""

    def written(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "text"
            for encoding, mark in (
                ("utf-8", b""),
                ("utf-8", codecs.BOM_UTF8),
                ("utf-16-le", codecs.BOM_UTF16_LE),
                ("utf-16-be", codecs.BOM_UTF16_BE),
                ("utf-16-le", b""),
            ):
                for end in ("\n", "\r\n", "\r"):
                    path.write_bytes(mark + text.replace("\n", end).encode(encoding))
                    yield path

    def test_each_reader_understands_them(self):
        for path in self.written("kernel: 3\nname: ü\n"):
            self.assertEqual(load_yaml(path), {"kernel": 3, "name": "ü"})
        for path in self.written('{"name":\n "ü"}\n'):
            self.assertEqual(read_json(path), {"name": "ü"})
        for path in self.written("0 30 0 1 25\n90 30 0 1 25\n"):
            self.assertEqual(read_metadata(path), [(0, 30, 1), (90, 30, 1)])
        for path in self.written("train\tchair\tü\u2028b\ntest\tchair\tb\n"):
            rows = [("train", "chair", "ü\u2028b"), ("test", "chair", "b")]
            self.assertEqual(split_files.read(path), ("list", rows))

    def test_what_is_none(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "text"
            for data in (b"a: \xff", codecs.BOM_UTF16_LE + b"a"):
                path.write_bytes(data)
                with self.assertRaisesRegex(UserError, "it is not text"):
                    load_yaml(path)


if __name__ == "__main__":
    unittest.main()
