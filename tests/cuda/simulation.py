"""A CUDA device that runs on the CPU, so that the ``cuda`` path is tested where there is no GPU.

libgpuarray, the library under Theano's GPU back end, loads ``libcuda.so``, ``libnvrtc.so`` and
``libcublas.so`` by name, and ``libcudnn.so.9`` is loaded where there is one. The folder
``simulator/`` holds stand-ins for the four: kernels are compiled by g++ and their threads run one
after another. Everything above them, the choice of device, the optimisation of graphs for the GPU,
the kernels that Theano and libgpuarray generate and the calls to cuBLAS and cuDNN, is what a real
GPU gets. Races and times are not modelled.
"""

import ctypes
import hashlib
import os
import subprocess
from pathlib import Path

from voxlstm.lib.backend import gpu
from voxlstm.lib.base.cache import cache_folder
from voxlstm.lib.base.errors import UserError

SOURCES = Path(__file__).parent / "simulator"
LIBRARIES = {
    "libcuda.so": "driver.cpp",
    "libnvrtc.so": "compiler.cpp",
    "libcublas.so": "blas.cpp",
    "libcudnn.so.9": "dnn.cpp",
}


class Counters(ctypes.Structure):
    """Numbers that a simulated library counts up."""

    def as_dict(self):
        """Return the counts by name."""
        return {name: getattr(self, name) for name, _ in self._fields_}


class CudaCounters(Counters):
    """What the simulated driver has done since it was loaded; ``Counters`` in driver.cpp."""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "launches",
            "copies_to_device",
            "bytes_to_device",
            "copies_to_host",
            "bytes_to_host",
            "queued_bytes",
            "page_locked_bytes",
        )
    ]


class DnnCounters(Counters):
    """What the simulated cuDNN has done since it was loaded; ``DnnCounters`` in dnn.cpp."""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in ("forward", "backward_data", "backward_filter", "finds", "without_stream", "objects")
    ]


def counters():
    """Return the live counters of the simulated driver loaded in this process."""
    return CudaCounters.in_dll(ctypes.CDLL("libcuda.so"), "simulated_counters")


def dnn_counters(library="libcudnn.so.9"):
    """Return the live counters of the simulated cuDNN loaded in this process."""
    return DnnCounters.in_dll(ctypes.CDLL(str(library)), "simulated_dnn_counters")


def pygpu_is_missing():
    """Return whether Theano's GPU back end cannot be had here, and the reason."""
    try:
        gpu.find_pygpu()
    except UserError as error:
        return True, str(error)
    return False, ""


def build(folder=None):
    """Compile the simulator where that has not been done yet.

    Parameters
    ----------
    folder : Path, optional
        Where compiled code is kept; by default under the project's cache folder.

    Returns
    -------
    Path
        The folder of the libraries, named after a hash of their sources.
    """
    files = sorted(SOURCES.iterdir())
    key = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    libraries = (folder or cache_folder() / "cuda_simulator") / key
    libraries.mkdir(parents=True, exist_ok=True)
    (libraries / "device.h").write_bytes((SOURCES / "device.h").read_bytes())
    for name, source in LIBRARIES.items():
        if not (libraries / name).exists():
            _compile(SOURCES / source, libraries / name)
    return libraries


def environment(libraries):
    """Return the environment in which a process finds the simulated device.

    Its compile folder is its own: kernels of the simulator are of no use to a real device, and a
    process that compiles for the CPU at the same time need not wait.

    ``SIMULATED_DEVICES`` says how many devices there are, ``SIMULATED_CAPABILITY`` their compute
    capability in tenths, and ``SIMULATED_DRIVER`` the CUDA of the driver, as 12040 is 12.4.
    """
    flags = os.environ.get("THEANO_FLAGS", "")
    return {
        **os.environ,
        "LD_LIBRARY_PATH": str(libraries),
        "THEANO_FLAGS": f"{flags},base_compiledir={libraries / 'theano'}".strip(","),
    }


def build_nccl(libraries):
    """Compile the stand-in for NCCL, which not every test has; return its folder.

    ``libraries`` is what `build` returned.
    """
    source = SOURCES.parent / "simulated_nccl.cpp"
    folder = libraries / f"nccl-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    folder.mkdir(exist_ok=True)
    if not (folder / "libnccl.so.2").exists():
        _compile(source, folder / "libnccl.so.2")
    return folder


def _compile(source, library):
    options = ["-O2", "-std=c++17", "-shared", "-fPIC", f"-Wl,-soname,{library.name}"]
    part = library.with_suffix(f".{os.getpid()}")
    subprocess.run(["g++", *options, "-o", part, source, "-ldl"], check=True)
    part.rename(library)
