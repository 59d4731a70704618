"""make_dataset and test_net as several processes: what they leave is what one process leaves."""

import json
import tempfile
import unittest
from pathlib import Path

from tests.evaluation.example import CHAIR, LAMP, make_data
from tests.parallel.mpi import ONE_THREAD, needs_mpi, run
from tests.process import run_python
from tests.tools.test_make_dataset import digests
from tests.tools.test_test_net import TINY, save_network


@needs_mpi
class OverRanksTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def run_tool(self, ranks, tool, *arguments, status=0):
        """Run a tool as so many processes, or as one without mpirun; return what it prints."""
        done = run(ranks, tool, *arguments) if ranks else run_python(Path(tool), *arguments, **ONE_THREAD)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_make_dataset_makes_the_same_bytes_and_goes_on(self):
        tool, asked = "tools/make_dataset.py", ["--procedural", 5, "--categories", "lamp", "--workers", 1]
        one, three = self.root / "one", self.root / "three"
        self.run_tool(0, tool, "--out", one, *asked)
        printed = self.run_tool(3, tool, "--out", three, *asked).stdout
        self.assertEqual(printed, f"{three}: 5 of 5 objects are there\n")
        self.assertEqual(digests(one), digests(three))
        next(three.rglob("model.binvox")).unlink()
        self.run_tool(2, tool, "--out", three, *asked)
        self.assertEqual(digests(one), digests(three))

    def test_make_dataset_tells_of_the_models_that_any_process_found_broken(self):
        for name in ("a", "b", "c"):
            path = self.root / "models" / "chair" / f"{name}.obj"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("v 0 0\n")
        asked = ["--models", self.root / "models", "--out", self.root / "out", "--workers", 1]
        said = self.run_tool(2, "tools/make_dataset.py", *asked, status=1).stderr
        self.assertEqual(said.count("broken: "), 3, said)
        self.assertIn("3 models could not be used\n", said)

    def in_own_folders(self, tool, *arguments):
        """Run a tool as two processes with a folder of their own; return what it says of an error."""
        for rank in ("0", "1"):
            (self.root / rank).mkdir(exist_ok=True)
        done = self.run_tool(2, "tests/tools/in_own_folder.py", self.root, tool, *arguments, status=2)
        said = [line for line in done.stderr.splitlines() if line.startswith("in_own_folder: ")]
        self.assertEqual(len(said), 1, done.stderr)
        return said[0]

    def test_make_dataset_in_a_folder_that_is_not_shared(self):
        said = self.in_own_folders("make_dataset", "--out", "out", "--procedural", 1, "--workers", 1)
        self.assertRegex(
            said, "error: rank 1 does not find in out what the first process puts there; give an"
        )
        self.assertEqual([path.name for path in (self.root / "0/out").iterdir()], ["dataset.json"])
        self.assertFalse((self.root / "1/out").exists())

    def test_make_dataset_of_other_models(self):
        for path in ("0/m/chair/a.obj", "1/m/chair/a.obj", "1/m/chair/b.obj"):
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text("v 0 0 0\n")
        said = self.in_own_folders("make_dataset", "--out", self.root / "out", "--models", "m")
        self.assertRegex(
            said, "error: the digest of the models' list is .* for rank 1 .*; give every machine"
        )

    def test_test_net_of_other_weights_or_data(self):
        for rank in ("0", "1"):
            make_data(self.root / rank / "data", {CHAIR: 4}, seed=int(rank))
            save_network(self.root / rank / "net.npz", TINY)
        asked = ["test_net", "--weights", "net.npz", "--data", "data", "--views", 1, "--split", "all"]
        self.assertRegex(self.in_own_folders(*asked), "the digest of a sample of the data set's files is")
        save_network(self.root / "1/net.npz", TINY, seed=1)
        self.assertRegex(self.in_own_folders(*asked), "the digest of the weights is")

    def test_test_net_has_the_same_rows(self):
        make_data(self.root / "data", {CHAIR: 4, LAMP: 3})
        save_network(self.root / "net.npz", TINY)
        asked = [
            "--weights",
            self.root / "net.npz",
            "--data",
            self.root / "data",
            "--views",
            1,
            2,
            "--batch",
            2,
        ]
        printed = {}
        for ranks in (0, 2, 3):
            out = self.root / str(ranks)
            printed[ranks] = self.run_tool(
                ranks, "tools/test_net.py", *asked, "--split", "all", "--out", out
            ).stdout
        one, *others = (self.root / name for name in ("0", "2", "3"))
        for out in others:
            self.assertEqual((out / "rows.csv").read_bytes(), (one / "rows.csv").read_bytes())
            found, wanted = (json.loads((folder / "results.json").read_text()) for folder in (out, one))
            found.pop("made_by"), wanted.pop("made_by")
            self.assertEqual(found, wanted)
            self.assertTrue((out / "report.html").is_file())
        self.assertEqual(printed[2].replace(str(others[0]), str(one)), printed[0])

    def test_test_net_keeps_predictions_in_one_process_alone(self):
        asked = ["--weights", "none.npz", "--data", "none", "--save-predictions", self.root / "p.npz"]
        said = self.run_tool(2, "tools/test_net.py", *asked, status=2).stderr
        self.assertIn("test_net: error: --save-predictions is for one process; start it without mpirun", said)


if __name__ == "__main__":
    unittest.main()
