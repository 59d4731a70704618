"""Who is measured on the CPU, in which cases and how often, and who is compared with whom."""

import os
import sys
from pathlib import Path
from typing import NamedTuple

from voxlstm.lib.backend.precision import BFLOAT16, FLOAT32
from voxlstm.lib.backend.waiting import CHOSEN_BY_USER

from cpu_cases import REFERENCE, is_reference

HERE = Path(__file__).resolve().parent
LONGER = 3  # times the rounds for the reference's training, whose ratios stand for all
SHORTER = 2  # times the rounds for predictions, which take a third of the time
THREADS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
TOLERANCES = {FLOAT32: 1e-4, BFLOAT16: 2e-3}  # of the loss, or of the mean occupancy
# Tells the C library to keep what is freed. By default it gives pages back to the system, and PyTorch waits for
# fresh ones in every step; ours keeps them by itself.
KEEPING = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}
EVERYWHERE, REFERENCES, ONCE = "every case", "the reference's two", "the reference's training"


class Entry(NamedTuple):
    """One contender: its precision, PyTorch's form (empty for Theano), where it takes part, variables."""

    precision: str
    form: str
    where: str
    environment: dict[str, str] = {}

    @property
    def tuned(self):
        """Whether the process is helped by variables that users do not set."""
        return self.environment == KEEPING

    def enters(self, case):
        """Return whether this one takes part in a case."""
        return {EVERYWHERE: True, REFERENCES: is_reference(case), ONCE: case == REFERENCE}[self.where]

    def turns(self, case, rounds):
        """Return how often this one is timed in a case."""
        if not case["train"]:
            return rounds * SHORTER
        return rounds * (LONGER if case == REFERENCE and self.where != REFERENCES else 1)


ENTRIES = {  # ours come first, as they write the weights that PyTorch's take
    "voxlstm": Entry(FLOAT32, "", EVERYWHERE),
    "voxlstm_bfloat16": Entry(BFLOAT16, "", EVERYWHERE),
    "stock_theano": Entry(FLOAT32, "", REFERENCES, {"VOXLSTM_ONEDNN": "0"}),
    "zero_insertion": Entry(FLOAT32, "zero_insertion", REFERENCES),
    "transposed": Entry(FLOAT32, "channels_first", EVERYWHERE),
    "channels_last": Entry(FLOAT32, "channels_last", EVERYWHERE),
    "channels_last_keeping": Entry(FLOAT32, "channels_last", EVERYWHERE, KEEPING),
    "compiled": Entry(FLOAT32, "channels_last+compile", ONCE),
    "autocast_transposed": Entry(BFLOAT16, "channels_first+autocast", EVERYWHERE),
    "autocast_channels_last": Entry(BFLOAT16, "channels_last+autocast", EVERYWHERE),
    "autocast_channels_last_keeping": Entry(BFLOAT16, "channels_last+autocast", EVERYWHERE, KEEPING),
    "autocast_compiled": Entry(BFLOAT16, "channels_last+autocast+compile", ONCE),
}
QUIET = "quiet"  # the name of a machine with nothing beside the contender that is asked
OURS = {FLOAT32: "voxlstm", BFLOAT16: "voxlstm_bfloat16"}
# Holds oneDNN, PyTorch's own loops, OpenBLAS and MKL to AVX2.
AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "OPENBLAS_CORETYPE": "HASWELL",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def is_tuning(name):
    """Return whether a variable of the environment makes this machine's results its own."""
    return name.startswith("OPENBLAS_") or name in CHOSEN_BY_USER


def as_avx2(folder):
    """Return the variables that hold contenders to AVX2, and write the compiler that they name to a folder."""
    compiler = Path(folder) / "g++"
    # Of two such options the last one counts.
    compiler.write_text('#!/bin/sh\nexec g++ "$@" -march=haswell\n')
    compiler.chmod(0o755)
    # What was compiled for this CPU must not be found.
    caches = {"VOXLSTM_CACHE": f"{folder}/cache", "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor"}
    return {**AVX2, **caches, "CXX": str(compiler), "THEANO_FLAGS": f"cxx={compiler}"}


def commands(torch, folder, threads, bfloat16, held=None):
    """Return the command and environment of each contender that this machine can have, by name.

    Parameters
    ----------
    torch : path
        The Python that has PyTorch.
    folder : path
        Where ours leave the weights that PyTorch's take.
    threads : int
    bfloat16 : bool
        Whether the CPU multiplies it.
    held : dict of str to str, optional
        Variables that hold every contender to older instructions.
    """
    clean = {name: value for name, value in os.environ.items() if not is_tuning(name)}
    base = {**clean, **dict.fromkeys(THREADS, str(threads)), **(held or {})}
    found = {}
    for name, entry in ENTRIES.items():
        command = [sys.executable, str(HERE / "voxlstm_side.py"), str(folder), entry.precision]
        if entry.form:
            command = [str(torch), str(HERE / "torch_cpu.py"), str(folder), str(threads), entry.form]
        if bfloat16 or entry.precision != BFLOAT16:
            found[name] = command, {**base, **entry.environment}
    return found


def compared(seconds, tuned=False):
    """Return ours beside PyTorch's best form, by precision, for the precisions measured.

    Parameters
    ----------
    seconds : dict of str to float
        By contender.
    tuned : bool
        Whether only PyTorch's tuned processes count, or only the others.

    Returns
    -------
    dict of str to dict
        ``name`` and ``best``, our contender and PyTorch's; ``ours`` and ``pytorch``, their seconds;
        ``ratio``, our samples a second over theirs.
    """
    result = {}
    for precision, ours in OURS.items():
        rivals = {n: e for n, e in ENTRIES.items() if e.form and e.precision == precision and n in seconds}
        theirs = [name for name, entry in rivals.items() if entry.tuned == tuned]
        if ours in seconds and theirs:
            best = min(theirs, key=seconds.get)
            times = {"ours": seconds[ours], "pytorch": seconds[best]}
            ratio = seconds[best] / seconds[ours]
            result[precision] = {"name": ours, "best": best, **times, "ratio": ratio}
    return result
