"""``voxlstm export`` and ``voxlstm import`` as a user runs them."""

import contextlib
import io
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.exchange.networks import SPLIT, checkpoint, drawn, write
from tests.models import tiny
from voxlstm.lib.base.errors import UserError
from voxlstm.solvers import checkpoint as checkpoints
from voxlstm.tools import export, import_weights


class ExportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.network = drawn(tiny.config(3))
        self.source = write(self.network, self.folder / "net.npz")

    def export(self, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as text:
            self.assertEqual(export.main([str(self.source), *map(str, arguments)]), 0)
        return text.getvalue()

    def take_back(self, path, out):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(import_weights.main([str(path), "--out", str(out)]), 0)
        return checkpoints.load(out)

    def test_there_and_back(self):
        expected = checkpoint(self.network)
        for name, *options in (
            ("a.onnx",),
            ("b.onnx", "--views", "2"),
            ("c.safetensors",),
            ("d.safetensors", "--format", "torch"),
        ):
            with self.subTest(name):
                out = self.folder / name
                self.assertEqual(self.export("--out", out, *options), f"{out}: 0.0 MB\n")
                found = self.take_back(out, self.folder / "back.npz")
                self.assertEqual(list(found.weights), list(expected.weights))
                for weight, value in expected.weights.items():
                    np.testing.assert_array_equal(found.weights[weight], value)
                # So tools/test_net.py knows what the network was trained on.
                self.assertEqual((found.split, found.threshold), (SPLIT, 0.35))

    def test_half_precision(self):
        self.export("--out", self.folder / "half.safetensors", "--half")
        stored = load_file(self.folder / "half.safetensors")
        self.assertEqual({value.dtype for value in stored.values()}, {np.dtype("f2")})

    def test_what_is_of_another_network_is_refused(self):
        path = self.folder / "net.safetensors"
        other = replace(checkpoint(drawn(tiny.config(1))), network=self.network.config.to_dict())
        export.files.write(path, other, self.source, "safetensors")
        kernel = r"lstm.forget.U has the shape \(2, 2, 1, 1, 1\) where \(2, 2, 3, 3, 3\) is needed"
        with self.assertRaisesRegex(UserError, f"net.safetensors are of another network: {kernel}"):
            self.take_back(path, self.folder / "back.npz")
        self.assertFalse((self.folder / "back.npz").exists())

    def test_weights_that_are_missing_or_unknown_are_refused(self):
        path = self.folder / "net.safetensors"
        self.export("--out", path)
        with safe_open(path, "np") as file:
            facts = file.metadata()
        whole = load_file(path)
        without = {name: value for name, value in whole.items() if name != "lstm.input.U"}
        save_file(without, path, facts)
        with self.assertRaisesRegex(UserError, "lstm.input.U is missing"):
            self.take_back(path, self.folder / "back.npz")
        save_file({**whole, "lstm.output.U": np.ones(1, np.float32)}, path, facts)
        with self.assertRaisesRegex(UserError, "lstm.output.U is not known to the network"):
            self.take_back(path, self.folder / "back.npz")

    def test_options_that_do_not_go_together(self):
        out = str(self.folder / "net.onnx")
        for arguments, sentence in (
            (["--out", str(self.source)], r"must end in \.onnx or \.safetensors"),
            (["--out", "net.safetensors", "--views", "3"], "--views is of ONNX; leave it out"),
            (["--out", out, "--views", "0"], "--views must lie between 1 and 24, not 0"),
            (["--out", out, "--views", "25"], "--views must lie between 1 and 24, not 25"),
            (["--out", out, "--format", "torch"], r"must end in \.safetensors"),
        ):
            with self.assertRaisesRegex(UserError, sentence):
                export.main([str(self.source), *arguments])
        self.assertFalse(Path(out).exists())
        for path in (self.folder / "net.onnx", self.folder / "net.safetensors"):
            self.export("--out", path)
            with self.assertRaisesRegex(UserError, "--out .* would overwrite the input"):
                import_weights.main([str(path), "--out", str(path)])


if __name__ == "__main__":
    unittest.main()
