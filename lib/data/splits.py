"""Which objects are trained, validated and tested on: a rule, or a file that somebody published.

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

import codecs
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..base.errors import UserError
from ..base.hints import StrPath
from .categories import synset_of
from .shapenet import Index, Item

RATIO, ALL = "ratio", "all"
PARTS = ("train", "validation", "test")
_PART_NAMES = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
ENCODING = "utf-8", "surrogateescape"  # names of folders need not be text
_MAX_BYTES = 1 << 28  # of a file; all of ShapeNet takes 5 MB in the longest form


class Split(NamedTuple):
    """The parts of a data set.

    Attributes
    ----------
    train, validation, test : list of Item
        In the order of the index.
    form : str
        ``"ratio"``, ``"all"`` or one of the forms above.
    name : str
        ``"ratio"``, ``"all"`` or the name of the file.
    notes : list of str
        Sentences on what the split and the disk do not have in common.
    """

    train: list[Item]
    validation: list[Item]
    test: list[Item]
    form: str
    name: str
    notes: list[str]

    def text(self) -> str:
        """Return it in this project's own form."""
        return f"# {self.form} {self.name}\n" + self._lines()

    def digest(self) -> str:
        """Return a digest of which objects are in which part, whatever form said so."""
        return hashlib.sha256(self._lines().encode(*ENCODING)).hexdigest()

    def _lines(self):
        return "".join(
            f"{part}\t{item.synset}\t{item.model}\n" for part in PARTS for item in sorted(getattr(self, part))
        )


def choose(
    index: Index, name: str = RATIO, validation: float = 0.1, wanted: Iterable[str] | None = None
) -> Split:
    """Split a data set.

    Parameters
    ----------
    index : Index
    name : str
        ``"ratio"``: in each category the ids are sorted and the first int(0.8 n) are for training,
        the rest for the test (the paper gives 80 % and 20 %). Incomplete objects count as ids,
        so that a lost file moves no other object. ``"all"``: every object is for the test. Else a
        file or folder in one of the four forms.
    validation : float
        Share of each category's training part that is held back, evenly spread over its ids, in
        [0, 1); of a set so small that this is none, one object, unless it is 0.
        A file's own validation part takes its place.
    wanted : iterable of str, optional
        The categories that the index was restricted to; ids of others are not missed.

    Returns
    -------
    Split

    Raises
    ------
    UserError
        When the file is in none of the forms, has an id in two parts, or names nothing that is
        there.
    """
    if not 0 <= validation < 1:
        raise UserError(f"the validation share must be in [0, 1), not {validation}")
    notes, form = [], name
    if name == RATIO:
        part_of = _by_ratio(index)
    elif name == ALL:
        part_of = {item.name: "test" for item in index}
    else:
        form, rows = read(name)
        part_of = _by_file(name, rows, {synset for synset, _ in _ids(index)})
        notes = _compare(name, part_of, index, wanted)
        if form == "pytorch3d":
            notes.append(f"The numbers of views in {name} are not used.")
        name = Path(name).name
    if not _has_validation(part_of, index):
        _hold_back(part_of, validation)
    if validation and not _has_validation(part_of, index):
        _hold_one(part_of, index)  # a set of a few objects
    parts: dict[str, list[Item]] = {part: [] for part in PARTS}
    for item in index:
        if item.name in part_of:
            parts[part_of[item.name]].append(item)
    return Split(**parts, form=form, name=name, notes=notes)


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
        raise UserError(
            f"cannot read the split {path}: {error.strerror}; give --split {RATIO}, a file or a folder"
        ) from error
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
        line
        for line in text.splitlines(keepends=True)
        if line.rstrip("\n").partition("\t")[2].replace("\t", "/") not in added
    ]
    lines = ("train\t{}\t{}\n".format(*name.split("/", 1)) for name in added)
    return "".join([*kept, "# and, before, by the weights that it started from\n", *lines])


def _ids(index):
    """Return (synset, model) of every object, incomplete ones too."""
    return [(entry.synset, entry.model) for entry in (*index.items, *index.incomplete)]


def _by_ratio(index):
    ids = {}
    for synset, model in _ids(index):
        ids.setdefault(synset, []).append(model)
    part_of = {}
    for synset, models in ids.items():
        training = len(models) * 4 // 5
        for place, model in enumerate(sorted(models)):
            part_of[f"{synset}/{model}"] = "train" if place < training else "test"
    return part_of


def _by_file(name, rows, synsets):
    """Return ``{"<synset>/<id>": part}``; categories are called as their folders are."""
    part_of, twice = {}, []
    for part, synset, model in rows:
        synset = synset if synset in synsets else synset_of(synset)
        item = f"{synset}/{model}"
        if part_of.setdefault(item, part) != part:
            twice.append((item, part_of[item], part))
    if twice:
        item, first, second = twice[0]
        more = f"; so are {len(twice) - 1:,} more" if len(twice) > 1 else ""
        raise UserError(
            f"the split {name} has {item} in its {first} part and in its {second} part"
            f"{more}: correct it, an object belongs to one part"
        )
    return part_of


def _hold_back(part_of, share):
    """Move a share of each category's training part to the validation part."""
    training = {}
    for name, part in sorted(part_of.items()):
        if part == "train":
            training.setdefault(name.partition("/")[0], []).append(name)
    for names in training.values():
        for place in _spread(len(names), share):
            part_of[names[place]] = "validation"


def _has_validation(part_of, index):
    return any(part_of.get(item.name) == "validation" for item in index)


def _hold_one(part_of, index):
    """Move one training object of the largest category to the validation part, if there are two."""
    training = {}
    for item in sorted(index):
        if part_of.get(item.name) == "train":
            training.setdefault(item.synset, []).append(item.name)
    if sum(map(len, training.values())) > 1:
        names = max(training.values(), key=len)
        part_of[names[len(names) // 2]] = "validation"


def _spread(total, share):
    """Return places evenly spread over ``range(total)``: ``share`` of them, never all."""
    count = min(round(total * share), total - 1)
    return {(2 * k + 1) * total // (2 * count) for k in range(count)}


def _compare(name, part_of, index, wanted):
    """Return sentences on the ids that only the split or only the disk has."""
    there = {item.name for item in index}
    restricted = None if wanted is None else {item.synset for item in index}
    missing = sorted(
        other
        for other in part_of
        if other not in there and (not restricted or other.partition("/")[0] in restricted)
    )
    unnamed = sorted(there - set(part_of))
    if len(unnamed) == len(there):
        raise UserError(
            f"none of the objects in {index.root} is named by the split {name}; check"
            " that it is the split of this data set"
        )
    notes = []
    if missing:
        notes.append(
            f"{_count(missing)} of the split {name} {_are(missing)} not in {index.root},"
            f" or incomplete there (first: {missing[0]})"
        )
    if unnamed:
        notes.append(
            f"{_count(unnamed)} in {index.root} {_are(unnamed)} in no part of the split"
            f" {name} and {_are(unnamed)} left out (first: {unnamed[0]})"
        )
    return notes


def _count(names):
    return f"{len(names):,} object{'s' if len(names) > 1 else ''}"


def _are(names):
    return "are" if len(names) > 1 else "is"


def _read_folder(folder):
    """Return the form and (part, synset, id) of occupancy_networks' folders."""
    found = []
    inside = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    for category in [folder.resolve(), *inside]:
        for file, part in (("train", "train"), ("val", "validation"), ("test", "test")):
            path = category / f"{file}.lst"
            if path.is_file():
                ids = (line.strip() for line in _text(path).splitlines())
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


_FORMS = (
    "a split is text with a line 'part synset id' for each object, the JSON of Pix2Vox (a list with"
    " taxonomy_id, train, val, test) or of pytorch3d (parts, synsets, ids), or a folder of"
    " occupancy_networks' .lst files"
)


def _read_list(text, path):
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
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
    if os.path.getsize(path) > _MAX_BYTES:
        raise UserError(f"the split {path} is larger than {_MAX_BYTES >> 20} MB, so it is none")
    data = Path(path).read_bytes()
    try:
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode("utf-16") if wide else data.decode(*ENCODING)
    except ValueError as error:
        raise UserError(f"{path} is no split: {_FORMS}") from error
    return text.lstrip("\ufeff")
