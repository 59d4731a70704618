"""One look for all charts, whatever the user's own settings of matplotlib are.

Names end in ``_px`` where they count pixels of a page, of which an inch has 100.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import need
from ..base.progress import cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Name of the page's variable -> colour on a light and on a dark page.
THEME = {
    "ink": ("#1d2530", "#e6eaf0"),
    "faint": ("#66707d", "#98a3b1"),
    "rule": ("#dfe3e8", "#313945"),
    "paper": ("#ffffff", "#1a2029"),
    "c1": ("#2f6fd0", "#76a7f5"),
    "c2": ("#d1793a", "#eb9d63"),
    "c3": ("#2a9d78", "#53c6a0"),
    "c4": ("#a056b5", "#c88adb"),
    "c5": ("#b3941a", "#d9bb4a"),
    "c6": ("#c2485c", "#e47f90"),
    "c7": ("#5b7a94", "#8fb0cb"),
    "c8": ("#7d8f2b", "#aebf5c"),
}
INK, FAINT, RULE, PAPER, *COLOURS = (light for light, _ in THEME.values())
DPI = 100
# What XML has no way to write: a name with one of these would make a chart that no reader opens.
NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
LOOK = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "font.size": 9,
    "font.family": "sans-serif",
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": FAINT,
    "axes.titlesize": "medium",
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.facecolor": "none",
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    # Words stay words, which a page's reader can search for, and the bytes are the same each time.
    "svg.fonttype": "none",
    "svg.hashsalt": "voxlstm",
}


@contextmanager
def figure(width_px: float, height_px: float) -> Iterator["Figure"]:
    """Give an empty figure; what is drawn and saved within the block has this project's look.

    Raises
    ------
    UserError
        When matplotlib is not installed.
    """
    need("matplotlib", "report")
    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.rcsetup import cycler

    look = {**LOOK, "axes.prop_cycle": cycler(color=COLOURS)}
    with style.context(["default", look]), warnings.catch_warnings():
        # The page's fonts show letters that the one which words are measured with lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield Figure(figsize=(width_px / DPI, height_px / DPI))


def svg(drawing: "Figure") -> str:
    """Return a figure as the text of an SVG file, the same bytes each time."""
    buffer = io.StringIO()
    # Neither the date nor the version of matplotlib belongs to a chart.
    drawing.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=False)
    return NOT_XML.sub("\ufffd", buffer.getvalue())


def shortened(name: str, longest: int) -> str:
    """Return a name that can be drawn, its middle left out where it has more letters; wide ones count twice."""
    name = NOT_XML.sub("\ufffd", name)
    kept = len(name)
    while cells(name[:kept]) > longest:
        kept -= 1
    if kept == len(name):
        return name
    end = kept // 3  # where names differ, more often than in the middle
    return f"{name[: kept - end - 1]}…{name[len(name) - end :]}"


def inline(text: str) -> str:
    """Return an SVG file as an element of a page, whose variables colour it."""
    text = text[text.index("<svg") :].strip()
    # Other charts of the page have the same names; only those that are referred to must stay.
    text = re.sub(r' id="(?![mp][0-9a-f]{10}")[^"]*"', "", text)
    for name, (light, _) in THEME.items():
        text = text.replace(light, f"var(--{name},{light})")
    return text.replace("<svg ", '<svg role="img" ', 1)


def variables() -> str:
    """Return the style sheet that gives a page the colours of its theme."""
    light, dark = ("".join(f"--{name}:{colours[k]};" for name, colours in THEME.items()) for k in (0, 1))
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
