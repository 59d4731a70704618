"""Predictions of a network: the compiled forward functions, for any number of views.

Every function is compiled on its first use and once for a network, on the device in use. A GPU is
given views of bytes as they are.
"""

from collections.abc import Sequence
from functools import partial

from ..lib.backend.door import Function, device, tensor, theano

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
        self._functions: dict[str, Function] = {}

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
        return self._call("predict", views)

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
        occupancy, cross_entropy = self._call("validate", views, voxels)
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
        gates = self._call("gates", views)
        return dict(zip(("forget", "input", "hidden"), gates))

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
        return self._call("log_odds", views, numbers - 1)

    def _call(self, name, views, *more):
        """Return what a compiled function makes of views and what else it takes."""
        given = views if self._dtype(views.dtype) == "uint8" else as_float(views)
        return self._function(name, views.dtype)(given, *more)

    def _dtype(self, dtype):
        """Return the type in which views of a type are handed over."""
        # Bytes are a quarter to copy to a GPU; on the CPU they become numbers before.
        return "uint8" if dtype == "uint8" and device() != "cpu" else self.network.dtype

    def _function(self, name, dtype):
        """Return the compiled function of a name for views of a type."""
        dtype = self._dtype(dtype)
        key = f"{name}_{dtype}"
        if key not in self._functions:
            build = partial(self._build, getattr(self, f"_build_{name}"), dtype)
            self._functions[key] = compiled(key, self.network.describe(), self.network.shared(), build)
        return self._functions[key]

    def _build(self, build, dtype):
        views = tensor.TensorType(dtype, self._views.broadcastable)("views")
        return build(views, self.network.outputs(as_float(views)))

    def _build_predict(self, views, outputs):
        return light_function([views], outputs.occupancy)

    def _build_validate(self, views, outputs):
        losses = self.network.loss_per_object(outputs, self._voxels)
        return _compile([views, self._voxels], [outputs.occupancy, losses])

    def _build_gates(self, views, outputs):
        return _compile([views], [outputs.forget, outputs.input, outputs.hidden])

    def _build_log_odds(self, views, outputs):
        last = tensor.lvector("last")
        config = self.network.config
        cells = (config.channels,) + 3 * (config.grid,)
        hidden = outputs.hidden[last]
        batch = hidden.shape[1]
        logits = self.network.decoder(hidden.reshape((last.shape[0] * batch, *cells)))
        shape = (last.shape[0], batch) + 3 * (config.resolution,)
        return _compile([views, last], (logits[:, 1] - logits[:, 0]).reshape(shape))


def _compile(inputs, outputs):
    return theano.function(inputs, outputs, allow_input_downcast=False)
