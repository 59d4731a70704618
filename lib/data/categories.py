"""ShapeNet's 13 categories of the 3D-R2N2 release, by synset and by name."""

from collections.abc import Iterable
from typing import NamedTuple

from ..base.errors import UserError
from .names import folded


class Category(NamedTuple):
    """A category: its WordNet synset, its name, and how many models the release has of it."""

    synset: str
    name: str
    count: int  # type: ignore[assignment]  # in place of tuple's method


# 3D-R2N2 release (Choy et al., ECCV 2016): 43,784 models.
CATEGORIES = (
    Category("02691156", "airplane", 4045),
    Category("02828884", "bench", 1816),
    Category("02933112", "cabinet", 1572),
    Category("02958343", "car", 7497),
    Category("03001627", "chair", 6778),
    Category("03211117", "display", 1095),
    Category("03636649", "lamp", 2318),
    Category("03691459", "loudspeaker", 1618),
    Category("04090263", "rifle", 2372),
    Category("04256520", "sofa", 3173),
    Category("04379243", "table", 8509),
    Category("04401088", "telephone", 1052),
    Category("04530566", "watercraft", 1939),
)
ALIASES = {
    "plane": "airplane",
    "aeroplane": "airplane",
    "monitor": "display",
    "screen": "display",
    "speaker": "loudspeaker",
    "couch": "sofa",
    "phone": "telephone",
    "cellphone": "telephone",
    "vessel": "watercraft",
    "boat": "watercraft",
    "ship": "watercraft",
}
_NAMES = {category.synset: category.name for category in CATEGORIES}
_SYNSETS = {category.name: category.synset for category in CATEGORIES}


def category_name(synset: str) -> str:
    """Return the name of a synset; a folder outside ShapeNet's table is its own name."""
    return _NAMES.get(synset, synset)


def synset_of(name: str) -> str:
    """Return the synset of a category's name or alias; any other text as it is."""
    asked = name.lower()
    return _SYNSETS.get(ALIASES.get(asked, asked), name)


def find_synsets(wanted: Iterable[str], present: Iterable[str]) -> list[str]:
    """Turn what a user calls categories into the folders of a data set.

    Parameters
    ----------
    wanted : iterable of str
        Synsets, names or aliases (``"plane"``, ``"speaker"``), in any letter case.
    present : iterable of str
        The category folders that the data set has; a user's own data may have other names.

    Returns
    -------
    list of str
        The folders, sorted, each once.

    Raises
    ------
    UserError
        For a category that does not exist or that the data set does not have.
    """
    present = sorted(present)
    folders = {spelled: name for name in present for spelled in (folded(name), name)}
    chosen = set()
    for text in wanted:
        folder = _folder(text, folders)
        words = [_folder(word, folders) for word in str(text).split()]  # one text with blanks between
        synset = synset_of(folded(str(text).strip()))
        if folder or words and all(words):
            chosen.update([folder] if folder else words)
        elif synset in _NAMES:
            raise UserError(f"the data set has no {_NAMES[synset]} ({synset}); it has " + _list(present))
        else:
            known = _list(sorted(set(present) | set(_NAMES)))
            raise UserError(f"there is no category '{text}'; the known ones are {known}")
    return sorted(chosen)


def _folder(text, folders):
    """Return the folder that is meant; None where there is none."""
    exact, asked = str(text).strip(), folded(str(text).strip())
    name = ALIASES.get(asked, asked)
    return (
        folders.get(exact) or folders.get(asked) or folders.get(name) or folders.get(_SYNSETS.get(name, name))
    )


def _list(synsets):
    return ", ".join(f"{category_name(s)} ({s})" if s in _NAMES else s for s in synsets)
