"""The README and the other pages of the repository, as text."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.rst"
PAGES = [*sorted(ROOT.glob("*.rst")), *sorted((ROOT / "docs").glob("*.rst"))]


def literals(text):
    """Return what stands in double backquotes, line ends as blanks."""
    return [" ".join(found.split()) for found in re.findall(r"``(.+?)``", text, re.DOTALL)]


def commands(text):
    """Return (tool, options) of every command, in code blocks and in literals.

    The tool of ``voxlstm train`` is ``train``; that of ``tools/train_net.py`` is ``train_net``.
    """
    lines = [line for line in text.replace("\\\n", " ").splitlines() if "``" not in line]
    code = [line for line in lines if line.startswith("    ")]
    found = []
    for pattern, places in [
        (r"tools/([a-z]\w*)\.py([^;|#]*)", [*lines, *literals(text)]),
        (r"(?:^|[ /])voxlstm +([a-z][a-z-]*)([^;|#]*)", [*code, *literals(text)]),
    ]:
        for tool, rest in (pair for place in places for pair in re.findall(pattern, place)):
            found.append((tool, re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)))
    return found


def options(text):
    """Return every option that a literal begins with, such as ``--split``."""
    return [found for literal in literals(text) for found in re.findall(r"^--[a-z][a-z-]*", literal)]


def paths(text):
    """Return every path of the repository that a literal names, without what follows a path."""
    top = {path.name for path in ROOT.iterdir() if not _ignored(path.name)}
    found = []
    for literal in literals(text):
        path = re.sub(r":\d+$", "", literal.split(" ")[0])
        if re.fullmatch(r"[\w./*-]+", path) and (
            "/" in path
            and path.split("/")[0] in top
            or re.fullmatch(r"([A-Z]+|requirements[a-z-]*)\.[a-z]+", path)
        ):
            found.append(path)
    return found


def links(text):
    """Return the targets of links and pictures that are no addresses."""
    named = re.findall(r"`[^`<]+<([^>]+)>`__?", text)
    pictures = re.findall(r"^\.\. image:: (\S+)", text, re.MULTILINE)
    return [target for target in named + pictures if "://" not in target]


def _ignored(name):
    return name in (".git", "output", "data") or name.startswith(".venv")
