"""Predictions for several numbers of views from one run over the views."""
from functools import cached_property

from ..lib.runtime.backend import tensor, theano

import numpy as np

from ..lib.data.views import as_float
from .solver import Predictor


class ViewwisePredictor(Predictor):
    """A predictor that also decodes the state that the recurrent cells had after fewer views.

    The state after n views does not depend on later ones, so the views are encoded and shown to
    the cells once, and only the decoder runs for each number of views.
    """

    def log_odds(self, views, counts):
        """Return what the first views of each object show, for several numbers of views.

        Parameters
        ----------
        views : array (views, batch, 3, 127, 127)
            uint8, or float32 in [0, 1].
        counts : sequence of int
            Numbers of views, each between 1 and ``len(views)``.

        Returns
        -------
        float32 array (len(counts), batch, 32, 32, 32)
            ln(p / (1 - p)) of the occupancy probability p of each voxel, in (x, y, z); entry k
            is made from the first ``counts[k]`` views.
        """
        counts = np.asarray(counts, dtype=np.int64)
        if counts.size == 0 or counts.min() < 1 or counts.max() > len(views):
            raise ValueError(f"numbers of views must lie between 1 and {len(views)}, not {counts}")
        return self._log_odds(as_float(views), counts - 1)

    @cached_property
    def _log_odds(self):
        return self._compiled("log_odds", self._build_log_odds)

    def _build_log_odds(self):
        last = tensor.lvector("last")
        config = self.network.config
        cells = (config.channels,) + 3 * (config.grid,)
        hidden = self._outputs.hidden[last]
        batch = hidden.shape[1]
        logits = self.network.decoder(hidden.reshape((last.shape[0] * batch, *cells)))
        shape = (last.shape[0], batch) + 3 * (config.resolution,)
        return theano.function([self._views, last], (logits[:, 1] - logits[:, 0]).reshape(shape))
