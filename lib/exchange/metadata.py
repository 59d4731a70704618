"""What an exported file says of itself, as text by name, and the checkpoint that it says again."""

import json
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from ...models.config import NetworkConfig
from ...solvers.checkpoint import Checkpoint, check_facts
from ..base.config import parse_yaml
from ..base.errors import UserError
from ..base.files import sha256
from ..base.hints import StrPath
from ..base.progress import printable
from ..evaluation.metrics import THRESHOLD
from .weights import from_operators

FORMAT = "1"
OWN, OPERATORS = "network", "operators"  # the weights' form: see weights.py
_KEPT = "iteration", "recipe", "extra", "split"


def describe(saved: Checkpoint, path: StrPath, form: str) -> dict[str, str]:
    """Return the metadata of an export.

    Parameters
    ----------
    saved : Checkpoint
    path : path-like
        Its file.
    form : str
        ``"network"`` or ``"operators"``.
    """
    saved = saved.without_folder()
    return {
        "voxlstm_format": FORMAT,
        "weights_form": form,
        "weights_sha256": sha256(path),
        "trained_on": printable(saved.trained_on),
        "input_layout": "batch, views, channel (red, green, blue), row, column",
        "input_range": "0..1",
        "picture_size": str(saved.network["image"]),
        "threshold": repr(saved.threshold or THRESHOLD),
        "network": json.dumps(saved.network),  # which is YAML too
        "training": json.dumps({name: getattr(saved, name) for name in _KEPT}),
    }


def restore(metadata: Mapping[str, str], weights: Mapping[str, np.ndarray], path: StrPath) -> Checkpoint:
    """Return the checkpoint that was exported, without what only its training needed.

    Raises
    ------
    UserError
        Where the file ``path``, of which these are, is none of this project's, or damaged.
    """
    version = metadata.get("voxlstm_format")
    if version is None:
        raise UserError(f"{path} was not written by voxlstm export; only its files can be imported")
    if version != FORMAT:
        raise UserError(f"{path} is of format {version:.20}, this voxlstm reads {FORMAT}; update voxlstm")
    network = parse_yaml(metadata.get("network", ""), f"the network in {path}")
    config = NetworkConfig.from_dict(network, f"the network in {path}")
    for name, value in weights.items():
        if value.dtype not in (np.float16, np.float32) or not np.isfinite(value).all():
            raise UserError(f"{path} is damaged: {name} is not all finite numbers; use another copy of it")
    weights = OrderedDict((name, value.astype(np.float32)) for name, value in weights.items())
    if metadata.get("weights_form") == OPERATORS:
        weights = from_operators(weights, config)
    facts = _training(metadata, path)
    return Checkpoint(weights=weights, network=network, **facts)


def _training(metadata, path):
    try:
        facts = json.loads(metadata.get("training", ""))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: its 'training' is no JSON; use another copy of it") from error
    facts = {name: facts.get(name) for name in _KEPT} if isinstance(facts, dict) else {}
    check_facts(path, {**facts, "random": {}, "network": {}})
    if not isinstance(facts["split"], str):
        raise UserError(f"{path} is damaged: its 'split' is missing or of the wrong kind")
    return facts
