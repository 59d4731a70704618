"""One run over the views gives what separate runs over fewer views give."""

import unittest

import numpy as np

from voxlstm.models.network import Network
from voxlstm.models.predictor import Predictor

from . import tiny

TINY = tiny.config(
    3, image=31, encoder_widths=(3, 4), features=6, channels=3, decoder_widths=(4, 3), unpoolings=2
)


class PredictorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.predictor = Predictor(Network(TINY, seed=3))
        random = np.random.default_rng(0)
        cls.views = random.random((4, 2, 3, 31, 31), dtype=np.float32)

    def test_each_entry_equals_a_run_over_so_many_views(self):
        counts = [1, 3, 4]
        log_odds = self.predictor.log_odds(self.views, counts)
        self.assertEqual((log_odds.shape, log_odds.dtype), ((3, 2, 8, 8, 8), np.float32))
        for count, found in zip(counts, log_odds):
            alone = self.predictor.predict(self.views[:count])
            np.testing.assert_allclose(1 / (1 + np.exp(-found)), alone, rtol=1e-4, atol=1e-6)
        self.assertGreater(np.abs(log_odds[0] - log_odds[1]).max(), 1e-3)

    def test_the_order_of_counts_is_kept(self):
        one, other = self.predictor.log_odds(self.views, [3, 1])
        again = self.predictor.log_odds(self.views, [1, 3])
        np.testing.assert_allclose([other, one], again, rtol=1e-5, atol=1e-6)

    def test_numbers_out_of_range_are_refused(self):
        for counts in ([], [0], [5], [1, -1]):
            with self.assertRaisesRegex(ValueError, "between 1 and 4"):
                self.predictor.log_odds(self.views, counts)


if __name__ == "__main__":
    unittest.main()
