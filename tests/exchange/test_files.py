"""Exported files: what comes back, what they say of themselves, and what is refused."""

import hashlib
import json
import subprocess
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import yaml
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.exchange.networks import checkpoint, drawn, write
from tests.models import tiny
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.exchange import files
from voxlstm.models.predictor import Predictor

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / ".venv-bench"
TWIN = """
import sys
import numpy as np, torch
from torch_twin import LAYOUTS, load, occupancy_of
path, folder = sys.argv[1:]
views = torch.from_numpy(np.load(folder + "/views.npy"))
for layout in LAYOUTS:
    w, config = load(path, layout, "cpu")
    np.save(f"{folder}/{layout}.npy", occupancy_of(w, config, layout, views).detach().numpy())
    print(layout)
"""


class Case(unittest.TestCase):
    """A checkpoint in a folder, and its exports."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.network = drawn(tiny.config(3, unpoolings=2))
        self.saved = checkpoint(self.network)
        self.source = write(self.network, self.folder / "net.npz")

    def write(self, form, **options):
        path = self.folder / f"{form}{files.ENDINGS[form]}"
        files.write(path, self.saved, self.source, form, **options)
        return path


class Files(Case):
    def test_all_but_the_training_state_comes_back_bit_for_bit(self):
        for form in files.ENDINGS:
            for half in (False, True):
                with self.subTest(form, half=half):
                    found = files.read(self.write(form, half=half))
                    self.assertEqual(found.weights.keys(), self.saved.weights.keys())
                    for name, value in self.saved.weights.items():
                        expected = value.astype("f2").astype("f4") if half else value
                        np.testing.assert_array_equal(found.weights[name], expected, name)
                    extra = {"trained_on": "boxes", "best": {"threshold": 0.35}}
                    kept = replace(self.saved, weights=found.weights, extra=extra)
                    self.assertEqual(found, kept)

    def test_a_loop_that_is_written_out_comes_back_too(self):
        found = files.read(self.write("onnx", views=2))
        for name, value in self.saved.weights.items():
            np.testing.assert_array_equal(found.weights[name], value, name)

    def test_what_the_files_say_of_themselves(self):
        model = onnx.load_model(self.write("onnx"))
        told = [{entry.key: entry.value for entry in model.metadata_props}]
        for form in ("safetensors", "torch"):
            with safe_open(self.write(form), "np") as file:
                told.append(file.metadata())
        for about in told:
            self.assertEqual(about["voxlstm_format"], "1")
            self.assertEqual(about["input_layout"], "batch, views, channel (red, green, blue), row, column")
            self.assertEqual((about["input_range"], about["picture_size"]), ("0..1", "7"))
            self.assertEqual((float(about["threshold"]), about["trained_on"]), (0.35, "boxes"))
            self.assertEqual(yaml.safe_load(about["network"]), self.network.config.to_dict())
            self.assertEqual(json.loads(about["network"]), self.network.config.to_dict())
            self.assertEqual(about["weights_sha256"], hashlib.sha256(self.source.read_bytes()).hexdigest())
            # Where the data lay is nobody else's business.
            self.assertNotIn("/home/me", "".join(about.values()))

    def test_without_a_threshold_it_is_that_of_the_tests(self):
        self.saved = replace(self.saved, extra={})
        with safe_open(self.write("safetensors"), "np") as file:
            self.assertEqual(float(file.metadata()["threshold"]), 0.4)

    def test_safetensors_have_the_checkpoints_names_and_layouts(self):
        found = load_file(self.write("safetensors"))
        self.assertEqual(set(found), set(self.saved.weights))
        for name, value in self.saved.weights.items():
            np.testing.assert_array_equal(found[name], value)

    @unittest.skipUnless(
        (BENCH / "installed").exists(), "there is no PyTorch; 'make .venv-bench/installed' installs it"
    )
    def test_the_twin_in_pytorch_computes_with_its_form_as_the_network(self):
        path = self.write("torch")
        views = np.random.default_rng(0).random((3, 2, 3, 7, 7), np.float32)
        np.save(self.folder / "views.npy", views)
        command = [BENCH / "bin/python", "-c", TWIN, path, self.folder]
        done = subprocess.run(command, check=True, cwd=ROOT / "benchmarks", stdout=subprocess.PIPE, text=True)
        expected = Predictor(self.network).predict(views)
        self.assertEqual(len(done.stdout.split()), 4)
        for layout in done.stdout.split():
            found = np.load(self.folder / f"{layout}.npy")
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5, err_msg=layout)


class Refusals(Case):
    """One sentence for each thing that is wrong with a file."""

    def refuse(self, path, sentence):
        with self.assertRaisesRegex(UserError, sentence) as caught:
            files.read(path)
        self.assertIn(str(path), str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_missing_or_of_another_kind(self):
        self.refuse(self.folder / "none.onnx", "No such file")
        self.refuse(self.folder / "net.npz", r"must end in \.onnx or \.safetensors")

    def test_cut_short_at_every_tenth(self):
        for form in ("onnx", "safetensors"):
            path = self.write(form)
            whole = path.read_bytes()
            for tenth in range(10):
                path.write_bytes(whole[: len(whole) * tenth // 10])
                self.refuse(path, "cut short, damaged or no|was not written by voxlstm export")

    def test_no_file_of_its_kind(self):
        for ending in (".onnx", ".safetensors"):
            path = self.folder / f"text{ending}"
            path.write_text("This is a text. " * 100)
            self.refuse(path, "cut short, damaged or no")

    def test_another_programs(self):
        path = self.folder / "other.safetensors"
        save_file({"a": np.ones(3, np.float32)}, path)
        self.refuse(path, "was not written by voxlstm export")
        model = onnx.load_model(self.write("onnx"))
        del model.metadata_props[:]
        onnx.save_model(model, self.folder / "other.onnx")
        self.refuse(self.folder / "other.onnx", "was not written by voxlstm export")

    def test_weights_that_are_in_other_files(self):
        model = onnx.load_model(self.write("onnx"))
        tensor = model.graph.initializer[0]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="secret.bin")
        (self.folder / "onnx.onnx").write_bytes(model.SerializeToString())
        self.refuse(self.folder / "onnx.onnx", "its weights are in other files")

    def test_text_that_is_no_utf8(self):
        model = onnx.load_model(self.write("onnx"))
        model.graph.initializer[0].name = "aWeight"
        whole = model.SerializeToString()
        name = whole.index(b"voxlstm_format")
        for at in (
            name,
            whole.index(b"\x12\x011", name) + 2,
            whole.index(b"aWeight"),
        ):  # a name, its value, a weight
            path = self.folder / "onnx.onnx"
            path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
            self.refuse(path, "cut short, damaged or no ONNX file")

    def test_facts_that_are_damaged(self):
        for name, value, sentence in (
            ("voxlstm_format", "2", "of format 2.*update voxlstm"),
            ("network", "{", "is not valid YAML"),
            ("network", '{"image": 7}', "the key encoder_widths is missing"),
            ("training", "{", "its 'training' is no JSON"),
            ("training", "{}", "its 'iteration' is missing"),
            ("training", '{"iteration": 1, "recipe": {}, "extra": {}}', "its 'split' is missing"),
        ):
            with self.subTest(name, value=value):
                self.rewrite({name: value})
                self.refuse(self.folder / "safetensors.safetensors", sentence)

    def test_weights_that_are_no_numbers(self):
        wrong = {"encoder.fc.b": np.full(4, np.nan, np.float32)}
        self.rewrite({}, wrong)
        self.refuse(self.folder / "safetensors.safetensors", "encoder.fc.b is not all finite numbers")
        self.rewrite({}, {"encoder.fc.b": np.ones(4, np.int32)})
        self.refuse(self.folder / "safetensors.safetensors", "encoder.fc.b is not all finite numbers")
        model = onnx.load_model(self.write("onnx"))
        for kind in (onnx.TensorProto.STRING, 200):
            model.graph.initializer[0].data_type = kind
            (self.folder / "onnx.onnx").write_bytes(model.SerializeToString())
            self.refuse(self.folder / "onnx.onnx", "cut short, damaged or no ONNX file")

    def rewrite(self, facts, weights=None):
        """Write the safetensors file with some facts and weights changed."""
        path = self.write("safetensors")
        with safe_open(path, "np") as file:
            facts = {**file.metadata(), **facts}
        save_file({**load_file(path), **(weights or {})}, path, facts)


class Names(unittest.TestCase):
    def test_the_format_is_the_names_unless_it_is_given(self):
        self.assertEqual(files.format_of("a/net.ONNX"), "onnx")
        self.assertEqual(files.format_of("net.safetensors"), "safetensors")
        self.assertEqual(files.format_of("net.safetensors", "torch"), "torch")
        for name, wanted, ending in (
            ("net.pt", None, r"\.onnx or \.safetensors"),
            ("net.onnx", "torch", r"\.safetensors"),
            ("net.safetensors", "onnx", r"\.onnx"),
        ):
            with self.assertRaisesRegex(UserError, f"{name}, must end in {ending}$"):
                files.format_of(name, wanted)


if __name__ == "__main__":
    unittest.main()
