"""The folder of a page that reconstructs in the browser: static files for any web server."""

from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from ..base.errors import UserError
from ..base.files import write_bytes, write_text
from ..base.hints import StrPath
from ..data import pictures
from ..data.demo_objects import VIEWS, demo_objects
from ..data.views import SIZE
from ..evaluation import style
from ..evaluation.report import page, viewer

NETWORK, INDEX = "net.onnx", "index.html"
OWN = (INDEX, NETWORK, "page.js", "worker.js")  # a folder that holds all of them holds a page
SHARED = ("voxels.js", "meshes.js", "pane.js")  # of the report
SCRIPTS = ("surface.js", "resampling.js", "framing.js", "decoding.js", "page.js")
FRAMING = {
    "size": SIZE,
    "background": pictures.BACKGROUND,
    "extent": pictures.EXTENT,
    "below": pictures.BELOW,
    "workingSide": pictures.WORKING_SIDE,
    "corners": pictures.CORNERS,
    "plainNoise": pictures.PLAIN_NOISE,
    "plainShare": pictures.PLAIN_SHARE,
}


def check_folder(folder: StrPath) -> None:
    """Refuse, before any work, a folder that holds files and no earlier page."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give --out another name")
    if folder.exists() and any(folder.iterdir()) and not all((folder / name).exists() for name in OWN):
        raise UserError(
            f"{folder} holds other files, among which a page would be lost; give --out another name"
        )


def write_page(
    folder: StrPath, runtime: dict[str, bytes], facts: dict[str, str], about: dict[str, Any]
) -> None:
    """Write everything but the network itself, which must be there.

    Parameters
    ----------
    folder : path-like
    runtime : dict
        What `runtime.runtime_files` returns.
    facts : dict
        Name -> what the page says about the network.
    about : dict
        ``size`` (voxels a side), ``image`` (pixels a side) and ``threshold`` of the network.
    """
    folder = Path(folder)
    for name, content in runtime.items():
        write_bytes(folder / name, content)
    examples = _write_examples(folder)
    weight = sum(map(len, runtime.values())) + (folder / NETWORK).stat().st_size
    data = {
        **about,
        "look": viewer.look(),
        "framing": FRAMING,
        "examples": examples,
        "megabytes": round(weight / 1e6),
    }
    write_text(folder / "worker.js", _asset("worker.js"))
    write_text(folder / "page.js", "".join([*map(page.asset, SHARED), *map(_asset, SCRIPTS)]))
    write_text(folder / "page.css", style.variables() + page.asset("page.css") + _asset("page.css"))
    write_text(folder / "onnxruntime_license.txt", _asset("onnxruntime_license.txt"))
    parts = {
        "examples": "".join(_button(number, **example) for number, example in enumerate(examples)),
        "save": viewer.save_buttons(),
        "facts": "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items()),
        "data": page.embedded(data),
    }
    write_text(folder / INDEX, page.filled(_asset("page.html"), parts))


def _write_examples(folder):
    """Copy the demo's pictures; return a list of name and files."""
    examples = []
    for item in demo_objects():
        files = [f"examples/{item.category}_{number + 1}.png" for number in range(VIEWS)]
        for number, name in enumerate(files):
            write_bytes(folder / name, Path(item.view_path(number)).read_bytes())
        examples.append({"name": item.category, "files": files})
    return examples


def _button(number, name, files):
    picture = f'<img src="{files[0]}" alt="" width="40" height="40">'
    return f'<button data-example="{number}">{picture}{escape(name)}</button>'


def _asset(name):
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
