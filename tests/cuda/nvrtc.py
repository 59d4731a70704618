"""Compiles CUDA C by NVIDIA's run-time compiler, for which no GPU is needed.

``python -m tests.cuda.nvrtc ARCHITECTURE`` takes the source from standard input and prints what is wrong with
it. A program of its own, for the compiler leaves its process in another locale.
"""

import ctypes
import importlib.util
import sys
from pathlib import Path

WHEEL = "nvidia.cuda_nvrtc"


def main(architecture):
    """Compile and assemble; print the words of the compiler where it fails."""
    (folder,) = importlib.util.find_spec(WHEEL).submodule_search_locations
    library = ctypes.CDLL(str(Path(folder, "lib/libnvrtc.so.12")))
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    source = sys.stdin.read().encode()
    library.nvrtcCreateProgram(ctypes.byref(program), source, b"kernels.cu", 0, None, None)
    options = (ctypes.c_char_p * 1)(f"--gpu-architecture={architecture}".encode())
    failed = library.nvrtcCompileProgram(program, 1, options)
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    words = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, words)
    if failed:
        print(words.value.decode() or f"failure {failed}")


if __name__ == "__main__":
    main(*sys.argv[1:])
