"""Predictions of a network: the compiled forward functions, for any number of views.

Every function is compiled on its first use and once for a network, on the device in use.
"""

from collections.abc import Sequence
from functools import cached_property

from ..lib.backend.door import tensor, theano

import numpy as np

from ..lib.data.views import as_float
from ..lib.ops import light_function
from ..lib.ops.graph_cache import compiled
from .network import Network


class Predictor:
    """A network's forward functions; compiles nothing that learns.

    Parameters
    ----------
    network : Network
        Whose weights are used as they stand at each call.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._views, self._voxels = network.inputs()

    def predict(self, views: np.ndarray) -> np.ndarray:
        """Return the occupancy probabilities of the objects seen in ``views``.

        Parameters
        ----------
        views : array (views, batch, 3, 127, 127)
            uint8, or float32 in [0, 1].

        Returns
        -------
        float32 array (batch, 32, 32, 32)
            In (x, y, z).
        """
        return self._predict(as_float(views))

    def validate(self, views: np.ndarray, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return occupancy probabilities and each object's loss.

        Parameters
        ----------
        views : array (views, batch, 3, 127, 127)
            uint8, or float32 in [0, 1].
        voxels : uint8 or float32 array (batch, 32, 32, 32)
            1 where occupied, 0 elsewhere.

        Returns
        -------
        occupancy : float32 array (batch, 32, 32, 32)
        cross_entropy : float32 array (batch,)
            Mean over the voxels, in nats.
        """
        occupancy, cross_entropy = self._validate(as_float(views), voxels)
        return occupancy, cross_entropy

    def gates(self, views: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the recurrent cells did with each view (the paper's figure 4).

        Parameters
        ----------
        views : array (views, batch, 3, 127, 127)
            uint8, or float32 in [0, 1].

        Returns
        -------
        dict of str to float32 array (views, batch, channels, 4, 4, 4)
            ``forget`` and ``input`` are the gates' activities, ``hidden`` the state after the view.
        """
        return dict(zip(("forget", "input", "hidden"), self._gates(as_float(views))))

    def log_odds(self, views: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """Return what the first views of each object show, for several numbers of views.

        The state after n views does not depend on later ones, so the views are encoded and shown to
        the cells once, and only the decoder runs for each number of views.

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
        numbers = np.asarray(counts, dtype=np.int64)
        if numbers.size == 0 or numbers.min() < 1 or numbers.max() > len(views):
            raise ValueError(f"numbers of views must lie between 1 and {len(views)}, not {numbers}")
        return self._log_odds(as_float(views), numbers - 1)

    @cached_property
    def _predict(self):
        return self._compiled("predict", lambda: light_function([self._views], self._outputs.occupancy))

    @cached_property
    def _validate(self):
        def build():
            losses = self.network.loss_per_object(self._outputs, self._voxels)
            return _compile([self._views, self._voxels], [self._outputs.occupancy, losses])

        return self._compiled("validate", build)

    @cached_property
    def _gates(self):
        def build():
            outputs = self._outputs
            return _compile([self._views], [outputs.forget, outputs.input, outputs.hidden])

        return self._compiled("gates", build)

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
        return _compile([self._views, last], (logits[:, 1] - logits[:, 0]).reshape(shape))

    def _compiled(self, name, build):
        return compiled(name, self.network.describe(), self.network.shared(), build)

    @cached_property
    def _outputs(self):
        return self.network.outputs(self._views)


def _compile(inputs, outputs):
    return theano.function(inputs, outputs, allow_input_downcast=False)
