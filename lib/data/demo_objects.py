"""The few objects that come with the package: pictures to try it on, and their true grids.

The folder ``demo`` beside this module is a part of what ``tools/make_dataset.py --procedural 2 --seed
2026`` makes: of six categories an object, the first five of its views.
"""

from pathlib import Path

from .shapenet import Index, Item

VIEWS = 5
_ROOT = Path(__file__).with_name("demo")


def demo_objects() -> list[Item]:
    """Return the objects, by category."""
    return sorted(Index.open(_ROOT, cache=False), key=lambda item: item.category)
