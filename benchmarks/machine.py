"""Which machine a result is from, and its kind: CPUs with the same vector units count as one."""

import os
import re
from pathlib import Path

from voxlstm.lib.backend.blas import CORE_TYPES, core_type
from voxlstm.lib.backend.precision import MULTIPLIES_BFLOAT16
from voxlstm.lib.base.cores import usable_cores

VENDORS = {"AuthenticAMD": "amd", "GenuineIntel": "intel"}
UNITS = dict(zip((name for name, _ in CORE_TYPES), ("avx512", "avx2")))
HELD = "-as-avx2"  # ends the kind of a CPU that has more than AVX2, none of which is used
AMX, AVX512_BF16 = "amx_bf16", "avx512_bf16"


def fields(cpuinfo):
    """Return what ``/proc/cpuinfo`` says of its first CPU, as a dict of texts."""
    first = cpuinfo.strip().split("\n\n")[0]
    return {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())
    }


def kind_of(cpuinfo):
    """Return a slug of a CPU's vendor, family and vector units, such as ``amd-26-avx512-bf16``.

    The family is the vendor's number. AMD's 25 makes half of what 26 does of the same AVX-512.

    Parameters
    ----------
    cpuinfo : str
        The text of ``/proc/cpuinfo``.
    """
    about = fields(cpuinfo)
    flags = set(about.get("flags", "").split())
    vendor = about.get("vendor_id", "other")
    family, units = about.get("cpu family", ""), UNITS.get(core_type(flags), "plain")
    parts = [VENDORS.get(vendor, vendor), *family.split(), units]
    if AMX in flags:  # every such CPU has AVX512-BF16 too
        parts.append("amx")
    elif AVX512_BF16 in flags:
        parts.append("bf16")
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def has_bfloat16(cpuinfo):
    """Return whether the CPU multiplies bfloat16."""
    return bool(MULTIPLIES_BFLOAT16 & set(fields(cpuinfo).get("flags", "").split()))


def describe(cpuinfo=None, held=False):
    """Return the kind, the model's name, the cores and the load of this machine, which may be held to AVX2."""
    cpuinfo = cpuinfo or Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return {
        "kind": kind_of(cpuinfo) + HELD * held,
        "model": fields(cpuinfo).get("model name", "unknown"),
        "cores": usable_cores(),
        "load_before": os.getloadavg(),
    }
