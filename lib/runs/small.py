"""A training and a test of a small network as phases of a longer job."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..base.hints import StrPath
from ..base.program import ROOT
from ..evaluation import output
from .phases import Phases, tool


def train(
    phases: Phases,
    name: str,
    kernel: str,
    solver: StrPath,
    data: StrPath,
    folder: Path,
    settings: Iterable[str] = (),
    more: Sequence[object] = (),
    needs: Iterable[str] = (),
) -> None:
    """Train the network of a kernel, such as ``"3x3x3"``; a training that was begun goes on.

    Parameters
    ----------
    phases : Phases
    name : str
        Of the phase.
    kernel, solver, data, folder
        What ``tools/train_net.py`` trains, by which recipe, on what and where.
    settings : iterable of str
        ``KEY=VALUE`` of the recipe.
    more : sequence
        Further options.
    needs : iterable of str
        Earlier phases.
    """
    model = ROOT / f"models/small_{kernel}.yaml"
    changed = [part for text in settings for part in ("--set", text)]
    start = ["--model", model, "--solver", solver, "--data", data, "--out", folder, *changed, *more]
    begun = (folder / "run.json").exists()
    again = tool("train_net", "--out", folder, "--resume") if begun else ()
    phases.run(name, tool("train_net", *start, "--overwrite"), folder / "best.npz", needs, again)


def score(
    phases: Phases,
    name: str,
    weights: StrPath,
    data: StrPath,
    folder: Path,
    views: Sequence[str],
    more: Sequence[object] = (),
    needs: Iterable[str] = (),
) -> dict[str, Any]:
    """Test weights on a data set; return the results. The parameters are like those of `train`."""
    start = ["--weights", weights, "--data", data, "--out", folder, "--views", *views, "--overwrite", *more]
    phases.run(name, tool("test_net", *start), folder / output.RESULTS, needs)
    return output.read_results(folder / output.RESULTS)
