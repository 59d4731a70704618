"""Checkpoint files: what is written is read; what is broken or foreign is refused in a sentence."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
import warnings
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from tests.base import hostile
from tests.models.tiny import config
from voxlstm.lib.base.errors import UserError
from voxlstm.models.network import Network
from voxlstm.solvers import checkpoint as module
from voxlstm.solvers.checkpoint import Checkpoint, load, load_network, save


def example(iteration=7):
    random = np.random.default_rng(1)
    weights = OrderedDict(
        [
            ("encoder.conv1.W", random.normal(size=(4, 3, 3, 3)).astype("float32")),
            ("encoder.conv1.b", random.normal(size=(4,)).astype("float32")),
        ]
    )
    return Checkpoint(
        weights=weights,
        optimiser=OrderedDict((f"velocity/{n}", v * 2) for n, v in weights.items()),
        iteration=iteration,
        random={"epoch": 3, "seed": 2**70},
        network={"kernel": 3},
        recipe={"method": "sgd", "views": [1, 5]},
        extra={"best": 0.25, "note": "über"},
    )


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "last.npz"

    def assert_refused(self, pattern):
        with self.assertRaisesRegex(UserError, pattern) as caught:
            load(self.path)
        message = str(caught.exception)
        self.assertIn(str(self.path), message)
        self.assertNotIn("\n", message)


class RoundTrip(Files):
    def test_everything_returns(self):
        save(self.path, example())
        got, expected = load(self.path), example()
        for part in ("weights", "optimiser"):
            arrays, wanted = getattr(got, part), getattr(expected, part)
            self.assertEqual(list(arrays), list(wanted))
            for name in wanted:
                self.assertEqual(arrays[name].dtype, np.float32)
                np.testing.assert_array_equal(arrays[name], wanted[name])
        for name in ("iteration", "random", "network", "recipe", "extra", "version"):
            self.assertEqual(getattr(got, name), getattr(expected, name))

    def test_readable_with_numpy_alone(self):
        save(self.path, example())
        with np.load(self.path, allow_pickle=False) as file:
            kernel = file["weights/encoder.conv1.W"]
            meta = json.loads(str(file["meta"]))
            self.assertIn("optimiser/velocity/encoder.conv1.b", file.files)
        np.testing.assert_array_equal(kernel, example().weights["encoder.conv1.W"])
        self.assertEqual(meta["iteration"], 7)
        self.assertEqual(meta["format"], "voxlstm checkpoint")

    def test_same_content_same_bytes(self):
        save(self.path, example())
        other = self.folder / "other.npz"
        save(other, example())
        self.assertEqual(self.path.read_bytes(), other.read_bytes())

    def test_weights_only(self):
        save(self.path, example(), weights_only=True)
        got = load(self.path)
        self.assertEqual((len(got.weights), len(got.optimiser), got.random), (2, 0, {}))
        self.assertEqual(got.network, {"kernel": 3})
        np.testing.assert_array_equal(got.weights["encoder.conv1.b"], example().weights["encoder.conv1.b"])

    def test_name_must_end_in_npz(self):
        with self.assertRaisesRegex(UserError, "ends in .npz"):
            save(self.folder / "last.model", example())


class Atomic(Files):
    def test_failed_write_leaves_the_old_file(self):
        save(self.path, example(1))

        write = Path.write_bytes

        def full_disk(path, data):
            write(path, bytes(data)[:17])
            raise OSError(28, "No space left on device")

        with mock.patch.object(Path, "write_bytes", full_disk):
            with self.assertRaises(OSError):
                save(self.path, example(2))
        self.assertEqual(load(self.path).iteration, 1)
        self.assertEqual(os.listdir(self.folder), ["last.npz"])

    def test_killed_writer_leaves_a_whole_file(self):
        program = (
            "import sys, itertools, numpy\n"
            "from voxlstm.solvers.checkpoint import Checkpoint, save\n"
            "big = {'a.W': numpy.zeros((300, 1000), 'float32')}\n"
            "for i in itertools.count():\n"
            "    save(sys.argv[1], Checkpoint(weights=big, iteration=i))\n"
            "    print(i, flush=True)\n"
        )
        for lines in (1, 2, 4, 7):
            with (
                self.subTest(killed_after=lines),
                subprocess.Popen(
                    [sys.executable, "-c", program, str(self.path)], stdout=subprocess.PIPE, text=True
                ) as process,
            ):
                for _ in range(lines):
                    written = int(process.stdout.readline())
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.assertGreaterEqual(load(self.path).iteration, written)


class Refused(Files):
    def test_missing(self):
        self.assert_refused("there is no checkpoint")

    def test_folder(self):
        self.path.mkdir()
        self.assert_refused("cannot read the checkpoint")

    def test_cut_short_at_any_byte(self):
        save(self.path, example())
        whole = self.path.read_bytes()
        for length in range(0, len(whole), 5):
            self.path.write_bytes(whole[:length])
            with self.subTest(length=length):
                self.assert_refused("cut short|damaged|not a checkpoint")
        self.path.write_bytes(whole[:-1])
        self.assert_refused("cut short|damaged")

    def test_flipped_byte_is_refused_or_harmless(self):
        save(self.path, example())
        whole = self.path.read_bytes()
        refused = 0
        for position in range(0, len(whole), 3):
            self.path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x41]) + whole[position + 1 :])
            try:
                got = load(self.path)
            except UserError:
                refused += 1
                continue
            for name, value in example().weights.items():
                np.testing.assert_array_equal(got.weights[name], value)
        self.assertGreater(refused, 100)

    def test_text(self):
        self.path.write_text("encoder.conv1.W 0.5\n")
        self.assert_refused("not a checkpoint of voxlstm: it is not an .npz file")

    def test_empty(self):
        self.path.write_bytes(b"")
        self.assert_refused("cut short")

    def test_other_zip(self):
        with zipfile.ZipFile(self.path, "w") as archive:
            archive.writestr("readme.txt", "hello")
        self.assert_refused("not a checkpoint of voxlstm: it has no entry 'meta'")

    def test_plain_npz(self):
        np.savez(self.path, a=np.zeros(3))
        self.assert_refused("not a checkpoint of voxlstm: it has no entry 'meta'")

    def test_foreign_meta(self):
        for meta in [np.zeros(3), np.array("hello"), np.array("[1]"), np.array('{"format": "x"}')]:
            np.savez(self.path, meta=meta)
            self.assert_refused("not a checkpoint of voxlstm: its entry 'meta' is another's")

    def test_pickle_is_never_opened(self):
        np.savez(self.path, meta=np.array({"format": "voxlstm checkpoint"}, dtype=object))
        self.assert_refused("damaged|another's")

    def test_newer_version(self):
        with mock.patch.object(module, "VERSION", 2):
            save(self.path, example())
        self.assert_refused("written by a newer voxlstm .format 2; this one reads up to 1.; update")

    def test_incomplete_meta(self):
        save(self.path, replace(example(), recipe=None))
        self.assert_refused("damaged: its 'recipe' is missing or of the wrong kind")

    def test_no_weights(self):
        save(self.path, replace(example(), weights={}))
        self.assert_refused("damaged: weights are missing")

    def test_every_kind_of_damage_to_an_entry(self):
        save(self.path, example())
        entries = hostile.entries_of(self.path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile warns of a name given twice
            for victim in ("meta.npy", entries[0][0]):
                for what, data in hostile.spoiled(entries, victim):
                    self.path.write_bytes(data)
                    with self.subTest(victim, what=what):
                        self.assert_refused("damaged|another's")

    def test_weights_that_are_no_numbers(self):
        (name, value), *_ = example().weights.items()
        for wrong in (np.nan, np.inf, -np.inf):
            spoiled = value.copy()
            spoiled.flat[-1] = wrong
            save(self.path, replace(example(), weights={**example().weights, name: spoiled}))
            self.assert_refused(f"damaged: weights/{name} is not all finite numbers")

    def test_meta_of_wrong_kinds(self):
        save(self.path, example())
        entries = dict(hostile.entries_of(self.path))
        good = json.loads(str(np.load(self.path)["meta"]))
        changes = [{"iteration": value} for value in (-5, True, 1.5, "3", None, 10**400)]
        changes += [{"random": {"next": value}} for value in (-1, "x", None)] + [
            {"version": True},
            {"version": "1"},
        ]
        texts = [json.dumps({**good, **change}) for change in changes]
        texts += ["[" * 100_000, "{" + "9" * 5000, '{"iteration": ' + "9" * 5000 + "}"]
        for text in texts:
            entries["meta.npy"] = hostile.text_array(text)
            self.path.write_bytes(hostile.archive(entries.items()))
            with self.subTest(text[-60:]):
                self.assert_refused("damaged|another's")

    def test_a_threshold_that_is_none(self):
        for best in (0.25, [1], {"threshold": "x"}, {"threshold": 7.0}, {"threshold": True}, {}):
            self.assertIsNone(replace(example(), extra={"best": best}).threshold)

    def test_a_definition_that_asks_for_more_than_there_are_weights(self):
        network = Network(config(3))
        saved = replace(example(), weights=network.get_weights(), network=network.config.to_dict())
        save(self.path, saved)
        load_network(self.path)
        changes = [{name: 10**9} for name in ("features", "grid", "channels")]
        changes += [
            {"kernel": 10**9 + 1},
            {"encoder_widths": [2, 10**9]},
            {"decoder_widths": [10**9, 2]},
            {"features": 10**18},
        ]
        for change in changes:
            save(self.path, replace(saved, network={**saved.network, **change}))
            with self.subTest(change), self.assertRaisesRegex(UserError, "of another network: .* is needed"):
                load_network(self.path)
