"""The files that the program itself consists of."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = "lib", "models", "solvers", "tools"  # the package; a checkout has others beside them
KINDS = ".py", ".cpp", ".h", ".cu"


def sources(root: Path) -> Iterator[str]:
    """Yield the name and the text of every source file of the package below ``root``."""
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*")):
        if path.suffix in KINDS and path.is_file():
            yield str(path.relative_to(root))
            yield path.read_text(encoding="utf-8")
