"""The verbs of ``import voxlstm``: load, predict, reconstruct, to_mesh, evaluate, train.

The commands call the same functions. Whatever is wrong with what they are given is a
`voxlstm.lib.base.errors.UserError`, one sentence that says how to mend it.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.network import Network
from ..models.predictor import Predictor
from ..solvers.checkpoint import Checkpoint, load_network
from ..solvers.training import Training
from .backend import door
from .base.errors import UserError
from .base.files import write_bytes
from .base.hints import StrPath
from .data.pictures import Picture, load_picture
from .base.progress import Progress
from .evaluation.evaluate import evaluate as score
from .evaluation.metrics import THRESHOLD
from .evaluation.preview import preview as draw_preview
from .evaluation.report.figures import png
from .evaluation.subject import shape_choosers
from .geometry import export
from .runs import scoring, start
from .runs.run_folder import SHIPPED, RunFolder
from .runs.train import train as run_training

if TYPE_CHECKING:
    import trimesh

Pictures = Sequence[StrPath | Picture]


class NothingFound(UserError):
    """No voxel is above the threshold."""


class Reconstructor:
    """A trained network that reconstructs objects from pictures; `load` makes one.

    Attributes
    ----------
    network : voxlstm.models.network.Network
    checkpoint : voxlstm.solvers.checkpoint.Checkpoint
        What its file says, such as what it was trained on.
    """

    def __init__(self, network: Network, checkpoint: Checkpoint) -> None:
        self.network, self.checkpoint = network, checkpoint

    @property
    def threshold(self) -> float:
        """The probability above which a voxel counts as occupied: what was best in training, or 0.4."""
        return self.checkpoint.threshold or THRESHOLD

    def read(self, pictures: Pictures) -> list[Picture]:
        """Read pictures, cut the object out and frame it as in training.

        Parameters
        ----------
        pictures : sequence of path-like or Picture
            Of any size and mode, in any order. What is a `Picture` already stays as it is.

        Returns
        -------
        list of Picture
        """
        size = self.network.config.image
        read = [one if isinstance(one, Picture) else load_picture(one, size) for one in pictures]
        if not read:
            raise UserError("give at least one picture")
        return read

    def predict(self, pictures: Pictures) -> np.ndarray:
        """Return the probability that each voxel is occupied, of pictures of one object as `read` takes them.

        Returns
        -------
        ndarray, float32 (32, 32, 32)
            In (x, y, z), see the page on data.
        """
        views = np.stack([picture.view for picture in self.read(pictures)])
        (occupancy,) = self._predictor.predict(views[:, None])
        return occupancy

    def reconstruct(
        self,
        pictures: Pictures,
        out: StrPath,
        threshold: float | None = None,
        surface: str = "smooth",
        preview: StrPath | None = None,
    ) -> np.ndarray:
        """Write the reconstruction of one object; return its occupancy probabilities, as `predict`.

        Parameters
        ----------
        pictures : sequence
            As `read` takes them.
        out : path-like
            ``.obj``, ``.glb``, ``.ply``, ``.stl``, ``.binvox``, ``.npy`` or ``.mat``.
        threshold : float, optional
            By default the network's own.
        surface : str
            Of a mesh: ``"smooth"`` or ``"blocks"``.
        preview : path-like, optional
            Where to draw the pictures, as the network sees them, and the reconstruction.

        Raises
        ------
        NothingFound
            When no voxel is above the threshold; ``out`` is not written then.
        """
        export.check_name(out, surface)
        threshold = self.threshold if threshold is None else threshold
        read = self.read(pictures)
        occupancy = self.predict(read)
        if preview is not None:
            views = np.stack([picture.view for picture in read])
            names = [picture.name for picture in read]
            write_bytes(preview, png(draw_preview(views, names, occupancy, threshold)))
        if not (occupancy > threshold).any():
            seen = f", the pictures as the network saw them are in {preview}" if preview else ""
            raise NothingFound(
                f"nothing is above the threshold {threshold:g}: the most likely voxel has"
                f" {occupancy.max():.3f}; lower the threshold or take other pictures; {out} is not written{seen}"
            )
        export.write(out, occupancy, threshold, surface)
        return occupancy

    @cached_property
    def _predictor(self):
        return Predictor(self.network)


def load(weights: StrPath = SHIPPED, device: str | None = None) -> Reconstructor:
    """Load a trained network from a checkpoint, by default the one that comes with voxlstm.

    Parameters
    ----------
    weights : path-like
    device : str, optional
        ``cpu``, ``cuda``, ``cuda0``, ...; by default what THEANO_FLAGS name, else ``cpu``.
    """
    door.use_device(device)
    return Reconstructor(*load_network(weights))


def reconstruct(
    pictures: Pictures,
    out: StrPath,
    weights: StrPath = SHIPPED,
    threshold: float | None = None,
    surface: str = "smooth",
    device: str | None = None,
) -> np.ndarray:
    """Load a network and write its reconstruction: see `load` and `Reconstructor.reconstruct`."""
    export.check_name(out, surface)
    return load(weights, device).reconstruct(pictures, out, threshold, surface)


def to_mesh(
    occupancy: np.ndarray, threshold: float = THRESHOLD, surface: str = "smooth"
) -> "trimesh.Trimesh":
    """Return the surface of a reconstruction, watertight, centred, its longest side 1 and y up.

    Parameters
    ----------
    occupancy : ndarray (d, d, d)
        As `Reconstructor.predict` returns it.
    threshold : float
        See `Reconstructor.threshold`.
    surface : str
        ``"smooth"`` or ``"blocks"``.

    Returns
    -------
    trimesh.Trimesh
        Its ``export`` writes every common format.
    """
    return export.to_mesh(occupancy, threshold, surface)


def evaluate(
    data: StrPath,
    weights: StrPath = SHIPPED,
    views: Sequence[int] | None = None,
    threshold: float = THRESHOLD,
    *,
    split: str | None = None,
    categories: Sequence[str] | None = None,
    allow_trained: bool = False,
    skip_damaged: bool = False,
    batch: int = 8,
    workers: int | None = None,
    device: str | None = None,
    precision: str = "float32",
) -> dict[str, Any]:
    """Score a network on the test part of a data set; the arguments are the options of ``voxlstm test``.

    Parameters
    ----------
    data : path-like
        Folder with ShapeNetRendering and ShapeNetVox32.
    weights : path-like
        A checkpoint; by default the one that comes with voxlstm.
    views : sequence of int, optional
        Numbers of views, rising; by default 1 to 5.
    threshold : float
    split : str, optional
        ``"ratio"`` (the default), ``"all"``, or the path of a published split.

    Returns
    -------
    dict
        What the command writes as ``results.json``: ``by_views``, ``by_category``, ``baseline``, ...
    """
    asked = scoring.Asked(
        weights,
        data,
        views,
        categories,
        split,
        allow_trained,
        skip_damaged,
        batch,
        workers,
        device,
        precision,
    )
    counts, subject, make_shapes, about = scoring.of_network(asked)
    shapes = make_shapes()
    with Progress(len(subject), "test", unit="objects") as progress:
        scores = score(subject.predictions(counts), counts, threshold, shape_choosers(*shapes), progress)
    return scoring.results_of(scores, shapes, about)


def train(
    model: str | None = None,
    solver: str | None = None,
    data: StrPath | None = None,
    out: StrPath = "output/run",
    *,
    settings: Sequence[str] = (),
    categories: Sequence[str] | None = None,
    split: str | None = None,
    weights: StrPath | None = None,
    skip_damaged: bool = False,
    workers: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Training:
    """Train a network; the arguments are the options of ``voxlstm train``.

    Parameters
    ----------
    model, solver : str
        Definitions of the network and of the recipe, such as ``"models/small_1x1x1.yaml"``.
    data : path-like
    out : path-like
        Folder of the run: ``best.npz``, ``last.npz``, curves.
    settings : sequence of str
        ``"KEY=VALUE"`` of the recipe, or with ``network.`` before it of the network.
    resume, overwrite : bool
        Go on with the run in ``out``, or replace it.

    Returns
    -------
    Training
        ``best`` holds the best scores on the validation objects, ``done`` is False where Ctrl-C
        stopped it, which ``resume`` goes on from.
    """
    asked = start.Asked(
        model=model,
        solver=solver,
        settings=settings,
        data=None if data is None else str(data),
        categories=categories,
        split=split,
        weights=None if weights is None else str(weights),
        skip_damaged=skip_damaged,
        workers=workers,
        device=device,
        precision=precision,
    )
    begun = None if resume else start.begin(asked)
    with RunFolder(out, resume, overwrite) as folder:
        training, _ = run_training(folder, begun or start.resume(folder, asked))
    return training
