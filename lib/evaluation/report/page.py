"""The page as such: one HTML file from its parts, tables, and data that the page's script reads."""

import base64
import io
import json
from collections.abc import Collection, Iterable, Sequence
from html import escape
from importlib import resources

import numpy as np
from PIL import Image

from .. import style

SCRIPTS = ("voxels.js", "meshes.js", "pane.js", "viewer.js")


def assemble(title: str, body: str, data: object) -> str:
    """Return the whole page.

    Parameters
    ----------
    title : str
    body : str
        HTML.
    data : dict
        For the page's script.
    """
    parts = {
        "title": escape(title),
        "style": style.variables() + asset("page.css"),
        "body": body,
        "data": embedded(data),
        "script": "".join(map(asset, SCRIPTS)),
    }
    return style.NOT_XML.sub("\ufffd", filled(asset("page.html"), parts))


def filled(template: str, parts: dict[str, str]) -> str:
    """Return a template with its parts in the places that ``{{name}}`` marks; parts are not looked into."""
    text, *rest = template.split("{{")
    for piece in rest:
        name, after = piece.split("}}", 1)
        text += parts[name] + after
    return text


def embedded(data: object) -> str:
    """Return data as JSON that can stand in a script element: no name in it can end the element."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def asset(name: str) -> str:
    """Return the text of a file that stands beside this module."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def table(
    header: Sequence[object],
    lines: Sequence[Sequence[object]],
    kinds: Iterable[str] | None = None,
    numbers: Collection[int] = (),
) -> str:
    """Return a table.

    Parameters
    ----------
    header : sequence of str
    lines : sequence of sequence
        Numbers with a fraction are shown with three digits.
    kinds : sequence of str, optional
        The class of each line.
    numbers : sequence of int
        Columns that are set to the right.
    """
    right = ' class="n"'

    def row(cells, tag):
        return "".join(
            f"<{tag}{right if k in numbers else ''}>{_cell(cell)}</{tag}>" for k, cell in enumerate(cells)
        )

    body = "".join(
        f'<tr class="{kind}">{row(line, "td")}</tr>' for line, kind in zip(lines, kinds or [""] * len(lines))
    )
    head = row(header, "th")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def note(sentence: str) -> str:
    """Return a sentence that must not be missed."""
    return f'<p class="note">{escape(sentence)}</p>'


def details(summary: str, content: str) -> str:
    """Return something to be unfolded."""
    return f"<details><summary>{summary}</summary>{content}</details>"


def swatch(colour: tuple[int, ...]) -> str:
    """Return a small square of a colour, for a legend."""
    return f'<span class="swatch" style="background:rgb{colour}"></span>'


def chart(text: str) -> str:
    """Return the text of an SVG file as a part of the page."""
    return f'<div class="chart">{style.inline(text)}</div>'


def data_uri(picture: np.ndarray, kind: str = "PNG") -> str:
    """Return a picture as a ``data:`` address for a page that loads nothing; JPEG for photos."""
    buffer = io.BytesIO()
    image = Image.fromarray(picture)
    if kind == "PNG":
        image.quantize(128).save(buffer, kind, optimize=True)
    else:
        image.save(buffer, kind, quality=88)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _cell(value):
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))
