"""Files that say which objects are trained, validated and tested on.

Four forms are read, told apart by what they hold and not by their names:

``list``
    This project's own: text with a line ``part synset id`` for each object, tabs or blanks between;
    lines that begin with ``#`` are comments. A run's ``split.txt`` is one.
``pix2vox``
    JSON, a list of ``{"taxonomy_id": synset, "train": [ids], "val": [ids], "test": [ids]}``.
``occupancy_networks``
    A folder with ``train.lst``, ``val.lst`` and ``test.lst`` in each category's folder, an id a line.
``pytorch3d``
    JSON, ``{"train": {synset: {id: [views]}}, "val": ..., "test": ...}``.
"""

import json
from pathlib import Path

from ..base.errors import UserError, why
from ..base.hints import StrPath
from ..base.inputs import decode, read_given

ENCODING = "utf-8", "surrogateescape"  # names of folders need not be text
_MAX_BYTES = 1 << 28  # of a file; all of ShapeNet takes 5 MB in the longest form
_PART_NAMES = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
_FORMS = (
    "a split is text with a line 'part synset id' for each object, the JSON of Pix2Vox (a list with"
    " taxonomy_id, train, val, test) or of pytorch3d (parts, synsets, ids), or a folder of"
    " occupancy_networks' .lst files"
)


def read(path: StrPath) -> tuple[str, list[tuple[str, str, str]]]:
    """Read a split file or folder.

    Returns
    -------
    form : str
    rows : list of (part, synset, id)
        In the file's order; the part is ``"train"``, ``"validation"`` or ``"test"``.
    """
    path = Path(path)
    try:
        form, rows = _read_folder(path) if path.is_dir() else _read_file(path)
    except OSError as error:
        reason = why(error, otherwise="give --split ratio, a file or a folder")
        raise UserError(f"cannot read the split {path}: {reason}") from error
    if not rows:
        raise UserError(f"the split {path} names no object")
    return form, rows


def parts_of(text: str) -> dict[str, str]:
    """Return ``{"<synset>/<id>": part}`` of text in this project's own form; "" names none."""
    return {f"{synset}/{model}": part for part, synset, model in _read_list(text, "the split")}


def with_earlier(text: str, earlier: str) -> str:
    """Return a split's text with what an earlier training learnt from as its training objects too.

    Parameters
    ----------
    text : str
        In this project's own form.
    earlier : str
        The same, of the weights that the training starts from; "" where that is not known.
    """
    now = parts_of(text)
    learnt = {name for name, part in parts_of(earlier).items() if part != "test"}
    added = sorted(name for name in learnt if now.get(name, "test") == "test")
    if not added:
        return text
    kept = [
        f"{line}\n"
        for line in text.split("\n")
        if line and line.partition("\t")[2].replace("\t", "/") not in added
    ]
    lines = ("train\t{}\t{}\n".format(*name.split("/", 1)) for name in added)
    return "".join([*kept, "# and, before, by the weights that it started from\n", *lines])


def _read_folder(folder):
    """Return the form and (part, synset, id) of occupancy_networks' folders."""
    found = []
    inside = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    for category in [folder.resolve(), *inside]:
        for file, part in (("train", "train"), ("val", "validation"), ("test", "test")):
            path = category / f"{file}.lst"
            if path.is_file():
                ids = (line.strip() for line in _text(path).split("\n"))
                found += [(part, category.name, model) for model in ids if model]
    if not found:
        raise UserError(
            f"the folder {folder} is no split: none of its folders holds a train.lst,"
            " val.lst or test.lst with an id a line"
        )
    return "occupancy_networks", found


def _read_file(path):
    """Return the form and (part, synset, id) of a file."""
    text = _text(path)
    if text.lstrip()[:1] not in ("[", "{"):
        return "list", _read_list(text, path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"the split {path} is damaged: it cannot be read as JSON") from error
    try:
        if isinstance(content, list):
            return "pix2vox", list(_pix2vox(content))
        return "pytorch3d", list(_pytorch3d(content))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is no split: {_FORMS}") from error


def _read_list(text, path):
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = line.strip("\r\n").split("\t") if "\t" in line else line.split(None, 2)
        part = _PART_NAMES.get(fields[0].strip().lower())
        if len(fields) != 3 or not part or not all(field.strip() for field in fields):
            raise UserError(f"line {number} of {path} is {line[:60]!r}: {_FORMS}")
        found.append((part, fields[1].strip(), fields[2].strip()))
    return found


def _pix2vox(content):
    for category in content:
        synset = _id(category["taxonomy_id"])
        for key in ("train", "val", "test"):
            for model in _sequence(category.get(key, [])):
                yield _PART_NAMES[key], synset, _id(model)


def _pytorch3d(content):
    for key, synsets in content.items():
        for synset, models in synsets.items():
            for model in models.keys():
                yield _PART_NAMES[key.lower()], _id(synset), _id(model)


def _sequence(value):
    if not isinstance(value, list):
        raise TypeError("ids are a list")
    return value


def _id(value):
    """Return an id or a synset, which is text, or a number that has lost its zeros to nobody."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise TypeError("an id is text")
    return str(value).strip()


def _text(path):
    data = read_given(path, _MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise UserError(f"the split {path} is larger than {_MAX_BYTES >> 20} MB, so it is none")
    try:
        return decode(data, "surrogateescape")  # names of folders need not be text
    except ValueError as error:
        raise UserError(f"{path} is no split: {_FORMS}") from error
