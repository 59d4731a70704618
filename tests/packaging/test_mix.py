"""packaging/weights/mix.py: the set that the shipped weights are trained on."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.tools import tiny
from voxlstm.lib.data.marker import VERSION
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.splits import choose


class MixTest(unittest.TestCase):
    def test_only_unseen_objects_of_one_set_are_tested_on(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, first, objects in (("first", 0, 30), ("second", 100, 25), ("third", 200, 2)):
                tiny.make_data(root / name, objects, 1, seed=first, first=first)
                marker = {"source": name, "resolution": 32, "version": VERSION}
                (root / name / "dataset.json").write_text(json.dumps(marker))
            script = tiny.ROOT / "packaging/weights/mix.py"
            command = [sys.executable, script, "--out", root / "mixed", "--test-on", root / "second"]
            subprocess.run([*command, "--repeat", root / "third", root / "first"], check=True)
            index = Index.open(root / "mixed")
            self.assertEqual(len(index), 2 * (30 + 25 + 4 * 2))
            parts = choose(index, str(root / "mixed.split.txt"), 0.04)
            found = {
                name: {item.model for item in getattr(parts, name)}
                for name in ("train", "validation", "test")
            }
            self.assertEqual(found["test"], {f"{number:04d}" for number in range(120, 125)})
            self.assertEqual(found["validation"], {"0013", "0110"})
            copies = {f"{number:04d}_{copy}" for number in (200, 201) for copy in range(4)}
            self.assertEqual({name for name in found["train"] if "_" in name}, copies)
            self.assertEqual(len(found["train"]), 30 + 20 - 2 + 8)


if __name__ == "__main__":
    unittest.main()
