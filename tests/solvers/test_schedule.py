"""The learning rate by iteration."""

import unittest

from voxlstm.solvers.schedule import Schedule, rate_at


class RateAt(unittest.TestCase):
    def test_paper(self):
        paper = Schedule(0.1, ((20000, 0.1),))
        self.assertEqual(rate_at(paper, 0), 0.1)
        self.assertEqual(rate_at(paper, 19999), 0.1)
        self.assertAlmostEqual(rate_at(paper, 20000), 0.01)
        self.assertAlmostEqual(rate_at(paper, 59999), 0.01)

    def test_drops_multiply(self):
        schedule = Schedule(1.0, ((2, 0.5), (4, 0.1)))
        rates = [rate_at(schedule, i) for i in range(6)]
        for rate, expected in zip(rates, [1, 1, 0.5, 0.5, 0.05, 0.05]):
            self.assertAlmostEqual(rate, expected)

    def test_warmup_rises_to_the_base_rate(self):
        schedule = Schedule(1.0, warmup=3)
        rates = [rate_at(schedule, i) for i in range(5)]
        self.assertEqual(rates, [0.25, 0.5, 0.75, 1.0, 1.0])

    def test_drops_out_of_order_are_refused(self):
        for drops in [((4, 0.1), (2, 0.1)), ((2, 0.1), (2, 0.1)), ((-1, 0.1),)]:
            with self.assertRaises(ValueError):
                Schedule(0.1, drops)
