"""Which BLAS does the matrix products, and which of its kernels.

The OpenBLAS that NumPy 1.23 and SciPy 1.9 carry (0.3.18 and 0.3.20), and Debian 12's (0.3.21), do
not know server CPUs newer than themselves and fall back to kernels of 2004, five times slower. The
kernel is chosen when the library is loaded, so this module imports nothing that loads it.
"""

import hashlib
import logging
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from ..base.cores import affinity, usable_cores
from ..base.errors import UserError
from ..base.hints import StrPath

logger = logging.getLogger(__name__)
# Kernels that use no vector unit newer than SSE: what OpenBLAS falls back to on unknown CPUs.
OLD_KERNELS = {"prescott", "core2", "penryn", "dunnington", "nehalem", "barcelona", "generic"}
# Flags that the kernels of OpenBLAS's core types use; the first whose flags are all there wins.
CORE_TYPES = (
    ("SKYLAKEX", {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}),
    ("HASWELL", {"avx2", "fma"}),
)


def cpu_flags(cpuinfo: StrPath = "/proc/cpuinfo") -> set[str]:
    """Return the set of the CPU's instruction-set flags; empty where the system does not tell."""
    try:
        lines = Path(cpuinfo).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return set(value.split())
    return set()


def cpu_kind(cpuinfo: str = "/proc/cpuinfo") -> str:
    """Return a name for CPUs with the same instruction sets, to keep their compiled code apart."""
    flags = " ".join(sorted(cpu_flags(cpuinfo)))
    return hashlib.sha256(flags.encode()).hexdigest()[:8]


def core_type(flags: set[str]) -> str | None:
    """Return the OpenBLAS core type for a set of CPU flags, or None to leave it to OpenBLAS."""
    return next((name for name, needed in CORE_TYPES if needed <= flags), None)


def choose_core_type(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set OPENBLAS_CORETYPE from the CPU's flags unless the user has set it.

    For an OpenBLAS that is loaded already this comes too late, and a warning says so where it runs
    old kernels.
    """
    chosen = core_type(cpu_flags())
    if not chosen or "OPENBLAS_CORETYPE" in environment:
        return
    environment["OPENBLAS_CORETYPE"] = chosen
    loaded = loaded_libraries() if "numpy" in sys.modules else []
    old = next((entry["core"] for entry in loaded if runs_old_kernels(entry)), None)
    if old:
        logger.warning(
            "NumPy was imported before voxlstm and multiplies matrices with old kernels (%s), several"
            " times slower; import voxlstm first or set OPENBLAS_CORETYPE=%s",
            old,
            chosen,
        )


def choose_threads(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set OMP_NUM_THREADS where a quota leaves fewer cores than OpenBLAS and OpenMP would count.

    Threads beyond a quota only wait for each other. Both libraries read the variable, and a number
    that the user has set stays.
    """
    cores = usable_cores()
    if cores < affinity():
        environment.setdefault("OMP_NUM_THREADS", str(cores))


def runs_old_kernels(entry: dict[str, Any]) -> bool:
    """Return whether one of `loaded_libraries` uses no vector unit newer than SSE."""
    return entry["core"].lower() in OLD_KERNELS


def find_scipy_openblas(site_packages: StrPath | None = None) -> Path | None:
    """Return the path of the OpenBLAS inside SciPy's wheel, or None when SciPy has none."""
    if site_packages is None:
        import scipy

        site_packages = Path(scipy.__file__).parent.parent
    found = sorted(Path(site_packages, "scipy.libs").glob("libopenblas*.so"))
    return found[0] if found else None


def link_flags(library: StrPath, link_folder: StrPath) -> str:
    """Return linker flags for one BLAS library file.

    Theano splits the flags at blanks, so a library under a folder with a blank in its name is
    reached through a symbolic link in ``link_folder``.

    Raises
    ------
    UserError
        When ``link_folder`` itself has a blank in its name.
    """
    library = Path(library)
    if any(character.isspace() for character in str(library)):
        library = _link(library, Path(link_folder))
    folder, name = library.parent, library.name.split(".so")[0].removeprefix("lib")
    return f"-L{folder} -l{name} -Wl,-rpath,{folder}"


def loaded_libraries() -> list[dict[str, Any]]:
    """Return the BLAS libraries loaded in this process, as threadpoolctl-like dictionaries.

    Each has ``path``, ``config`` (OpenBLAS's own words), ``core`` (the kernel in use) and
    ``threads``; read by OpenBLAS's own functions from the files mapped into the process.
    """
    paths = {line.split(maxsplit=5)[-1] for line in _maps() if "openblas" in line}
    found = [_describe(path) for path in sorted(path for path in paths if path.startswith("/"))]
    return [entry for entry in found if entry]


def _maps():
    try:
        return Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _describe(path):
    import ctypes

    library = ctypes.CDLL(path)
    for suffix in ("", "64_"):
        if hasattr(library, "openblas_get_corename" + suffix):
            core = getattr(library, "openblas_get_corename" + suffix)
            config = getattr(library, "openblas_get_config" + suffix)
            threads = getattr(library, "openblas_get_num_threads" + suffix)
            core.restype = config.restype = ctypes.c_char_p
            return {"path": path, "config": config().decode(), "core": core().decode(), "threads": threads()}
    return None


def _link(library: Path, folder: Path) -> Path:
    if any(character.isspace() for character in str(folder)):
        raise UserError(
            f"neither {library.parent} nor {folder} can be given to the linker because of the blank"
            " in the name; set VOXLSTM_CACHE to a folder without one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / library.name
    if not link.exists() or os.readlink(link) != str(library):
        temporary = folder / f"{library.name}.{os.getpid()}"
        temporary.symlink_to(library)
        os.replace(temporary, link)
    return link
