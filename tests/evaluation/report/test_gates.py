"""The figure of the gates: what is reduced how, and which cell has which colour."""

import dataclasses
import unittest
import xml.etree.ElementTree as xml

import numpy as np

from voxlstm.lib.evaluation.report import gates
from voxlstm.lib.evaluation.report.figures import Case
from voxlstm.lib.evaluation.rows import Row


class GatesTest(unittest.TestCase):
    def test_the_heading_counts_the_cells(self):
        case = Case("median", [Row("chair", "m", 1, 0.5, 0.1, 0.5, 0.5)], None, None)
        self.assertEqual(gates.gates_section([case]), "")
        for cells in (4, 2):
            shown = {name: np.zeros((2, 3, *3 * [cells])) for name in ("input", "forget", "hidden")}
            text = gates.gates_section([dataclasses.replace(case, gates=shown)])
            self.assertIn(f"What the {cells}×{cells}×{cells} recurrent cells", text)
            self.assertEqual(text.count("<polygon"), 3 * 2 * cells**3)

    def test_gate_maps_are_means_and_steps(self):
        random = np.random.default_rng(0)
        shown = {name: random.random((3, 5, 4, 4, 4)) for name in ("input", "forget", "hidden")}
        maps = gates.gate_maps(shown)
        hidden = shown["hidden"]
        self.assertAlmostEqual(maps["input"][1, 0, 2, 3], shown["input"][1, :, 0, 2, 3].mean())
        first = np.sqrt((hidden[0, :, 1, 1, 1] ** 2).mean())
        third = np.sqrt(((hidden[2, :, 1, 1, 1] - hidden[1, :, 1, 1, 1]) ** 2).mean())
        self.assertAlmostEqual(maps["change"][0, 1, 1, 1], first)
        self.assertAlmostEqual(maps["change"][2, 1, 1, 1], third)

    def test_cells_are_coloured_by_their_value(self):
        values = np.zeros((4, 4, 4))
        values[3, 3, 1] = 1.0
        root = xml.fromstring(gates.cell_map(values, 0.0, 1.0))
        fills = [p.get("fill") for p in root.iter() if p.tag.endswith("polygon")]
        self.assertEqual(len(fills), 64)
        self.assertEqual(fills.count(gates.heat(1.0)), 1)
        self.assertEqual(fills.count(gates.heat(0.0)), 63)

    def test_constant_cells_do_not_divide_by_zero(self):
        self.assertIn(gates.heat(0.0), gates.cell_map(np.ones((4, 4, 4)), 1.0, 1.0))


if __name__ == "__main__":
    unittest.main()
