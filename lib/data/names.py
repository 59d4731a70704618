"""Names of folders and files as users, systems and other programs leave them."""

import re
import unicodedata
from collections.abc import Iterable

from ..base.errors import UserError
from ..base.progress import printable

# What systems leave in folders, copies of whole models among them; hidden ones need no entry.
LEFTOVERS = {
    "@eadir", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot", "~snapshot",
    "$recycle.bin", "recycler", "recycled", "system volume information", "msdownld.tmp",
    "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r", "network trash folder",
    "temporary items", "thevolumesettingsfolder", "lost+found", "lost.dir", "__pycache__",
}  # fmt: skip
# Repaired disks, files that are open elsewhere, editors' copies.
LEFTOVER = re.compile(r"found\.\d{3}|~\$.*|.*~|#.*#|.*\.(tmp|part|crdownload|swp)", re.IGNORECASE)


def is_leftover(name: str) -> bool:
    """Tell whether a file or folder of this name is a system's and not a user's."""
    return name[0] == "." or name.lower() in LEFTOVERS or bool(LEFTOVER.fullmatch(name))


def folded(name: str) -> str:
    """Return a name as file systems that fold case and compose letters compare it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def check_shown(name: str, path: object) -> None:
    """Refuse a name that would garble a terminal, a list or a picture.

    Raises
    ------
    UserError
        When it holds control characters or bytes that are no text.
    """
    if printable(name, lines=False) != name:
        raise UserError(
            f"the name {ascii(name)} in {printable(path, lines=False)} has characters that cannot be"
            " shown: rename it"
        )


def listed(values: str | Iterable[str] | None) -> list[str] | None:
    """Return the names of an option that takes several, given apart or with commas between them.

    Parameters
    ----------
    values : None, str or iterable of str

    Returns
    -------
    list of str or None
        None where nothing is given.
    """
    values = [values] if isinstance(values, str) else values or []
    return [part.strip() for value in values for part in value.split(",") if part.strip()] or None
