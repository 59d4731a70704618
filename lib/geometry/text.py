"""The text of model files, whatever program and system wrote it; and the files that it names."""

import re
from pathlib import Path

from ..base import inputs
from ..base.hints import StrPath

NAMED_IN = ("gb18030", "cp932", "euc_kr", "cp1251")  # what names of files may be written in
PADDING = "\0\x1a \t\r\n"  # what systems and programs leave at a text's end


def decode(data: bytes) -> str:
    """Return the text of a file.

    What is not UTF-8 or marked is read byte by byte, since all that counts is ASCII and names need
    only be the same everywhere.
    """
    try:
        text = inputs.decode(data, "strict" if inputs.encoding_of(data) == ("utf-8", 0) else "replace")
    except UnicodeDecodeError:
        text = re.sub("\r\n?", "\n", data.decode("latin-1"))
    return text.rstrip(PADDING) + "\n"


class Beside:
    """The files that a model file names, looked for in its own folder and below.

    Paths may have backslashes, quotes, other letters' case or a folder of the machine that wrote
    them; then a file of that name beside the model is taken. It serves trimesh as a resolver.
    """

    def __init__(self, folder: StrPath) -> None:
        self.folder = Path(folder).resolve()

    def find(self, name: str) -> Path:
        """Return the path of a named file.

        Raises
        ------
        FileNotFoundError
            When there is none.
        """
        for text in _spellings(name.strip().strip('"').replace("\\", "/")):
            for part in (text, text.rpartition("/")[2]):
                place = self._place(part)
                if place is not None:
                    return place
        raise FileNotFoundError(f"{self.folder} holds no {name!r}")

    def get(self, name: str) -> bytes:
        """Return the bytes of a named file; those of a material file are UTF-8."""
        data = self.find(name).read_bytes()
        return decode(data).encode() if name.lower().endswith(".mtl") else data

    __getitem__ = get

    def _place(self, text):
        """Return the file of a path in or below the folder, whatever its letters' case; or None."""
        place = self.folder
        try:
            if (place / text).resolve().is_relative_to(place) and (place / text).is_file():
                return place / text
            for part in (part for part in text.split("/") if part != "."):
                names = {other.name.casefold(): other for other in place.iterdir()}
                place = names[part.casefold()]
        except (KeyError, OSError, ValueError):  # no such folder, or a name that none can have
            return None
        return place if place.is_file() else None


def _spellings(name):
    """Yield a name as it is and in the encodings that it may have been read byte by byte from."""
    yield name
    for encoding in NAMED_IN:
        try:
            yield name.encode("latin-1").decode(encoding)
        except UnicodeError:
            continue
