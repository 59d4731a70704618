"""One picture that shows what a data set holds."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageDraw

from ..base.files import atomic_path
from ..base.hints import StrPath
from ..data import layout
from ..data.categories import category_name
from .camera import SIZE
from .dataset import Task

LABEL = 16  # pixels above each row
COLUMNS = 12  # objects in a row, at most


def write_contact_sheet(path: StrPath, out: StrPath, tasks: Iterable[Task]) -> None:
    """Write a picture with a row for each category: the first view of its first objects.

    Parameters
    ----------
    path : path
        A .png or .jpg file.
    out : path
        The data set.
    tasks : list of voxlstm.lib.geometry.tasks.Task
        The objects to show, those that are there.
    """
    rows: dict[str, list[Path]] = {}
    for task in tasks:
        folder = layout.views_folder(out, task.synset, task.model)
        picture = Path(folder, layout.view_name(0))
        if picture.is_file() and len(rows.setdefault(task.synset, [])) < COLUMNS:
            rows[task.synset].append(picture)
    width = max([len(pictures) for pictures in rows.values()], default=1) * SIZE
    sheet = Image.new("RGB", (width, max(len(rows), 1) * (SIZE + LABEL)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (synset, pictures) in enumerate(rows.items()):
        top = row * (SIZE + LABEL)
        draw.text((4, top + 2), f"{category_name(synset)} ({synset})", fill="black")
        for column, picture in enumerate(pictures):
            with Image.open(picture) as image:
                sheet.paste(image, (column * SIZE, top + LABEL), image)
    with atomic_path(path) as temporary:
        sheet.save(temporary)
