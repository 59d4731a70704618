#!/bin/sh
# In the CUDA image, where there is no GPU: its NVIDIA libraries load by the names that libgpuarray
# uses, and the back end computes a convolution on the simulated device of tests/cuda/simulator.
set -eu

python - <<'TEXT'
import ctypes
major, minor = ctypes.c_int(), ctypes.c_int()
assert ctypes.CDLL("libnvrtc.so").nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)) == 0
assert (major.value, minor.value) == (11, 8), (major, minor)
assert ctypes.CDLL("libcublas.so").cublasCreate_v2
source, program = b"extern \"C\" __global__ void twice(float *x) { x[threadIdx.x] *= 2; }", ctypes.c_void_p()
nvrtc = ctypes.CDLL("libnvrtc.so")
assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"twice.cu", 0, None, None) == 0
options = (ctypes.c_char_p * 1)(b"-arch=compute_90")
assert nvrtc.nvrtcCompileProgram(program, 1, options) == 0
TEXT

libraries=/tmp/simulated
mkdir -p "$libraries"
cp /simulator/device.h "$libraries/"
for pair in cuda:driver nvrtc:compiler cublas:blas; do
    library=lib${pair%%:*}.so
    g++ -O2 -std=c++17 -shared -fPIC "-Wl,-soname,$library" -o "$libraries/$library" \
        "/simulator/${pair#*:}.cpp" -ldl
done
LD_LIBRARY_PATH=$libraries THEANO_FLAGS=base_compiledir=/cache/simulated \
    exec /voxlstm/docker/entrypoint check-setup --device cuda
