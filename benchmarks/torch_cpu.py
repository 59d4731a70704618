"""PyTorch's network in one form, timed on request on the CPU; runs in an environment of its own.

``torch_cpu.py FOLDER THREADS FORM`` reads requests from standard input, one JSON object a line
(kernel, batch, views, train), and answers each with the seconds of one run and what it found: the
loss, or the mean occupancy. The folder has what `voxlstm_side` wrote: the weights and definition of
each network. A form is a layout of `torch_twin`, followed by any of ``+autocast`` and ``+compile``.
"""

import json
import resource
import sys
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from cpu_cases import STILL, data
from torch_forms import Form
from torch_twin import loss_of, occupancy_of, optimiser, prepare


class Side:
    """The networks of a folder in one form.

    Parameters
    ----------
    folder : Path
    form : str
    """

    def __init__(self, folder, form):
        self.folder, self.form = folder, Form(form)
        self.functions = {True: self.form.compiled(loss_of), False: self.form.compiled(occupancy_of)}
        self.model = lru_cache(maxsize=None)(self.load)
        self.batch = lru_cache(maxsize=1)(self.draw)

    def load(self, kernel):
        """Return a network's parameters in the form's layout, its definition and its optimiser."""
        with np.load(self.folder / f"weights_{kernel}.npz") as archive:
            weights = dict(archive)
        config = json.loads((self.folder / f"network_{kernel}.json").read_text())
        w = prepare(weights, config, self.form.layout, "cpu")
        return w, config, optimiser(w, rate=STILL)

    @staticmethod
    def draw(batch, views):
        """Return views from 0 to 1 and voxels."""
        x, y = data(batch, views)
        return torch.from_numpy(x.astype("float32") / np.float32(255)), torch.from_numpy(y)

    def rounded(self):
        """Return the context in which factors of products are rounded where the form says so."""
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled="autocast" in self.form.extras)

    def run(self, kernel, batch, views, train):
        """Return the seconds of one training step or one prediction, and what it found."""
        w, config, descent = self.model(kernel)
        x, y = self.batch(batch, views)
        start = time.perf_counter()
        if train:
            descent.zero_grad()
            with self.rounded():
                loss = self.functions[True](w, config, self.form.layout, x, y)
            loss.backward()
            descent.step()
            found = loss.item()
            return time.perf_counter() - start, found
        with torch.inference_mode(), self.rounded():
            occupancy = self.functions[False](w, config, self.form.layout, x).float().numpy()
        return time.perf_counter() - start, float(occupancy.mean())


def answer(side, request):
    """Return the answer to a request; that it cannot be compiled is one too."""
    try:
        seconds, found = side.run(**request)
    except Exception as error:  # torch.compile raises many kinds
        if "compile" not in side.form.extras:
            raise
        return {"error": str(error).strip().split("\n")[0][:200] or type(error).__name__}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "found": found, "peak_bytes": peak}


def main(folder, threads, form):
    """Answer requests until standard input ends."""
    torch.set_num_threads(int(threads))
    side = Side(Path(folder), form)
    about = {"version": torch.__version__, "form": form, "vectors": torch.backends.cpu.get_cpu_capability()}
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(side, json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
