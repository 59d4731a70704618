"""Processes that are not the same program, or do not see the same data, are refused."""

import shutil
import tempfile
import unittest
from pathlib import Path

from tests.parallel.mpi import needs_mpi, run
from tests.tools import tiny
from voxlstm.lib.runs.alike import SAMPLE, code_digest


class CodeTest(unittest.TestCase):
    def test_the_digest_knows_names_and_content(self):
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        digests = {code_digest(root)}
        for name, text in (("a.py", "1"), ("a.py", "2"), ("b.py", "2"), ("b.yaml", "2")):
            (root / "lib").mkdir(exist_ok=True)
            (root / "lib" / name).write_text(text)
            digests.add(code_digest(root))
        self.assertEqual(len(digests), 4)  # the last file is no code


@needs_mpi
class AlikeTest(unittest.TestCase):
    def found(self, difference, root="none"):
        done = run(2, "tests/runs/alike_ranks.py", difference, root)
        said = [line for line in done.stderr.splitlines() if line.startswith("alike_ranks: ")]
        self.assertEqual((done.returncode, len(said)), (0, 0) if done.stdout else (2, 1), done.stderr)
        return done.stdout or said[0]

    def test_another_version_of_a_package(self):
        self.assertRegex(
            self.found("version"),
            r"error: the version of numpy is 1.0 for rank 0 and 1.1 for rank 1 \(process \d+ on .*\); start",
        )

    def test_another_code(self):
        self.assertIn("the digest of voxlstm's files is", self.found("code"))

    def test_each_may_have_its_own_device(self):
        self.assertEqual(self.found("device"), "alike\n")

    def test_another_data_set(self):
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        tiny.make_data(root / "0", objects=SAMPLE)  # in each of two categories: not all are read
        shutil.copytree(root / "0", root / "1")
        self.assertEqual(self.found("data", root), "alike\n")
        shutil.rmtree(root / "1")
        tiny.make_data(root / "1", objects=SAMPLE, seed=1)
        self.assertIn("the digest of a sample of the data set's files is", self.found("data", root))


if __name__ == "__main__":
    unittest.main()
