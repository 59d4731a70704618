"""docs/speed.rst: the CPU's tables are those of the results that are kept."""

import json
import unittest

from tests.benchmarks.test_check_gpu import load

from .pages import ROOT

cpu_tables = load("cpu_tables")
RESULTS = sorted((ROOT / "results/cpu").glob("*.json"))


class SpeedTest(unittest.TestCase):
    """The sections of docs/speed.rst, one for each kind of CPU."""

    def test_every_result_has_its_section(self):
        page = (ROOT / "docs/speed.rst").read_text(encoding="utf-8")
        self.assertTrue(RESULTS)
        for path in RESULTS:
            with self.subTest(path.name):
                result = json.loads(path.read_text())
                self.assertEqual(result["machine"]["kind"], path.stem)
                self.assertIn(cpu_tables.section(result), page)
