"""Making a data set in ShapeNet's layout: 3-D models, renderings and voxel grids.

The folder that is made holds the three trees of `data.layout`, and ``dataset.json`` (see `marker`),
which says how it was made. What an object looks like depends on the seed and its own name alone, so
any number of processes makes the same bytes.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import astuple
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..base.cores import usable_cores
from ..base.errors import UserError
from ..base.files import TEMPORARY, named, write_json
from ..base.hints import StrPath
from ..base.processes import pool
from ..base.progress import Progress
from ..data import binvox, layout, marker
from ..data.layout import MARKER, MODELS, RENDERINGS, VIEWS, VOXELS
from ..data.marker import VERSION
from ..parallel.group import ALONE, Alone
from . import shapes, sources
from .camera import sample_viewpoints
from .frame import header, in_grid, normalised
from .mesh import write_obj
from .reading import read
from .rendering import Light, Renderer
from .tasks import Task, digest
from .voxels import voxelise

PNG_END = b"IEND\xaeB`\x82"


def make(
    out: StrPath,
    tasks: Sequence[Task],
    settings: dict[str, Any],
    workers: int | None = None,
    add: bool = False,
    group: Alone = ALONE,
) -> list[tuple[Task, str]]:
    """Make every object that is not there yet.

    Several processes call it with the same arguments, and each makes its part of the objects.

    Parameters
    ----------
    out : path
    tasks : list of Task
    settings : dict
        What decides the objects' bytes (source, seed, ...). A folder made with other
        settings is refused.
    workers : int, optional
        Number of processes; default: the cores this process may use.
    add : bool
        Whether a folder made with other settings is added to.
    group : Alone
        The processes that do it together.

    Returns
    -------
    list of (Task, str)
        The objects that could not be made, with the reason, in the order of ``tasks``.

    Raises
    ------
    UserError
        When the folder was made in another way or of other models, or a worker process dies.
    """
    out = Path(out)
    if group.first:
        _reserve(out, dict(settings, version=VERSION), add, tasks)
        _sweep(out, tasks)
    check_shared(out, group)  # the others begin behind it
    broken = {}
    for part in group.gather(_make_part(out, group.part(tasks), workers, group)):
        broken.update(part)
    return [(task, broken[task]) for task in tasks if task in broken]


def _make_part(out, tasks, workers, group):
    """Make the objects that are not there yet; return what is wrong with the broken ones."""
    pending = [task for task in tasks if not is_done(out, task)]
    workers = min(workers or usable_cores(), max(len(pending), 1))
    broken = {}
    label = "objects" if group.size == 1 else "objects of the first process"
    progress = Progress(
        len(tasks), label, unit="object", initial=len(tasks) - len(pending), stream=group.stream()
    )
    with progress, pool(workers) as processes:
        futures = {processes.submit(_attempt, out, task): task for task in pending}
        for future in as_completed(futures):
            problem = future.result()
            if problem:
                broken[futures[future]] = problem
            progress.update(1, **({"broken": len(broken)} if broken else {}))
    return broken


def check_shared(out: Path, group: Alone) -> None:
    """Refuse a folder that is not the first process's in every other, as on a disk of their own."""
    if group.size == 1:
        return
    with contextlib.ExitStack() as stack:
        if group.first:
            there = stack.enter_context(tempfile.NamedTemporaryFile(prefix=TEMPORARY, dir=out)).name
        name = group.share(Path(there).name if group.first else None)
        found = group.gather((out / name).exists())
    if not all(found):
        raise UserError(
            f"rank {found.index(False)} does not find in {out} what the first process puts there;"
            " give an --out on a disk that all machines share, under the same path"
        )


def make_object(out: StrPath, task: Task) -> None:
    """Make one object: model, renderings, and last the voxels, which mark it as complete."""
    if task.path is None:
        mesh, names = shapes.generate(task.synset, task.seed, task.index)
    else:
        mesh, names = read(task.path, task.up), None
    mesh = normalised(mesh)
    place = out, task.synset, task.model
    write_obj(layout.mesh_path(*place), mesh, names)
    _write_renderings(Path(layout.views_folder(*place)), mesh, task)
    sources.note(out, task)
    grid = voxelise(in_grid(mesh), task.resolution)
    binvox.write(layout.voxels_path(*place), grid, *header(mesh))


def is_done(out: StrPath, task: Task) -> bool:
    """Tell whether all files of an object are there and whole."""
    place = out, task.synset, task.model
    folder = Path(layout.views_folder(*place))
    pictures = [folder / layout.view_name(view) for view in range(VIEWS)]
    others = [
        folder / layout.METADATA,
        folder / layout.NAMES,
        Path(layout.mesh_path(*place)),
        Path(layout.voxels_path(*place)),
    ]
    return all(map(_has_content, others)) and all(map(_is_whole, pictures))


def generator(seed: int, *names: object) -> np.random.Generator:
    """Return a NumPy ``Generator`` that depends on the seed and the names alone."""
    return np.random.default_rng(int(digest(seed, *names), 16))


def _write_renderings(folder, mesh, task):
    """Render all views into a temporary folder that takes its place when all are there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.parent))
    try:
        light = Light.draw(generator(task.seed, "light", task.synset, task.model))
        renderer = Renderer(mesh, light)
        viewpoints = sample_viewpoints(generator(task.seed, "views", task.synset, task.model))
        for view, viewpoint in enumerate(viewpoints):
            stream = BytesIO()
            Image.fromarray(renderer.render(viewpoint)).save(stream, format="PNG")
            with named(folder):
                (temporary / layout.view_name(view)).write_bytes(stream.getvalue())
        with named(folder):
            layout.write_lists(temporary, map(astuple, viewpoints))
        temporary.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _attempt(out, task):
    """Make one object; return what is wrong with its model, or None.

    Readers of mesh files fail in as many ways as files are broken, so that any exception is a
    report; errors of the machine (a full disk) are not the model's and go on to the caller.
    """
    try:
        make_object(out, task)
    except (MemoryError, OSError):
        raise
    except UserError as error:
        return str(error)
    except Exception as error:
        return f"{task} cannot be used ({type(error).__name__}: {error}): repair or export it again"
    return None


def _reserve(out, settings, add, tasks):
    """Write ``dataset.json``, or refuse a folder whose objects were made in another way."""
    path = out / MARKER
    found = marker.read(out)
    if found is None:
        if any((out / name).exists() for name in (MODELS, RENDERINGS, VOXELS)):
            raise UserError(f"{out} holds a data set that this tool did not make: choose another --out")
        write_json(path, settings)
        return
    sources.check(out, tasks)
    added = found.pop(marker.ADDED, [])
    if settings in (found, *added):
        return
    if not add or settings["resolution"] != found["resolution"]:
        raise UserError(
            f"{out} was made with {_shown(found)}, not {_shown(settings)}: choose another --out, or"
            " the same settings to go on, or --add to add objects with grids of the same resolution"
        )
    there = next((task for task in tasks if is_done(out, task)), None)
    if there is not None:
        raise UserError(
            f"{out} has an object {there.synset}/{there.model} already, which was made in another"
            " way: choose another --out, or rename the model"
        )
    write_json(path, {**found, marker.ADDED: [*added, settings]})


def _sweep(out, tasks):
    """Remove what an interrupted run left half-written for these objects."""
    for task in tasks:
        for tree in (MODELS, RENDERINGS, VOXELS):
            folder = Path(layout.model_folder(out, tree, task.synset, task.model))
            for path in folder.glob(TEMPORARY + "*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _has_content(path):
    return path.is_file() and path.stat().st_size > 0


def _is_whole(path):
    """Tell whether a PNG file ends as it must; a file cut short by a crash does not."""
    try:
        with open(path, "rb") as file:
            file.seek(-len(PNG_END), os.SEEK_END)
            return file.read() == PNG_END
    except OSError:
        return False


def _shown(settings):
    return ", ".join(f"{key} {value}" for key, value in sorted(settings.items()))
