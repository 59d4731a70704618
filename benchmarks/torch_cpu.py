"""PyTorch's network in three forms, timed on request on the CPU; runs in an environment of its own.

``torch_cpu.py FOLDER THREADS`` reads requests from standard input, one JSON object a line (form, kernel,
batch, views, train), and answers each with the seconds of one run. The folder has what
`voxlstm_side` wrote: the weights and definition of each network.
"""

import json
import resource
import sys
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from torch_twin import loss_of, occupancy_of, optimiser, prepare

LAYOUTS = {
    "zero_insertion": "zero_insertion",
    "transposed": "channels_first",
    "channels_last": "channels_last",
}


@lru_cache(maxsize=None)
def model(folder, form, kernel):
    """Return a network's parameters in the layout of a form, its definition and its optimiser."""
    with np.load(folder / f"weights_{kernel}.npz") as archive:
        weights = dict(archive)
    config = json.loads((folder / f"network_{kernel}.json").read_text())
    w = prepare(weights, config, LAYOUTS[form], "cpu")
    return w, config, optimiser(w, rate=1e-4)


@lru_cache(maxsize=1)
def data(batch, views):
    """Return random views and voxels."""
    x = torch.rand(views, batch, 3, 127, 127)
    return x, (torch.rand(batch, 32, 32, 32) > 0.8).to(torch.uint8)


def run(folder, form, kernel, batch, views, train):
    """Return the seconds of one training step or one prediction."""
    w, config, descent = model(folder, form, kernel)
    x, y = data(batch, views)
    start = time.perf_counter()
    if train:
        descent.zero_grad()
        loss = loss_of(w, config, LAYOUTS[form], x, y)
        loss.backward()
        descent.step()
        loss.item()
    else:
        with torch.inference_mode():
            occupancy_of(w, config, LAYOUTS[form], x).numpy()
    return time.perf_counter() - start


def main(folder, threads):
    """Answer requests until standard input ends."""
    torch.set_num_threads(int(threads))
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        seconds = run(Path(folder), **json.loads(line))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peak_bytes": peak}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
