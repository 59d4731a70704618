#!/bin/sh
# In the CUDA image, where there is no GPU: its NVIDIA libraries load by the names under which they
# are looked for, and the back end computes a convolution on the simulated device of
# tests/cuda/simulator.
set -eu

python - <<'TEXT'
import ctypes
major, minor = ctypes.c_int(), ctypes.c_int()
assert ctypes.CDLL("libnvrtc.so").nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)) == 0
assert (major.value, minor.value) == (12, 4), (major, minor)
assert ctypes.CDLL("libcublas.so").cublasCreate_v2
source, program = b"extern \"C\" __global__ void twice(float *x) { x[threadIdx.x] *= 2; }", ctypes.c_void_p()
nvrtc = ctypes.CDLL("libnvrtc.so")
assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"twice.cu", 0, None, None) == 0
options = (ctypes.c_char_p * 1)(b"-arch=compute_90")
assert nvrtc.nvrtcCompileProgram(program, 1, options) == 0
dnn = ctypes.CDLL("libcudnn.so.9")
assert dnn.cudnnGetVersion() == 92800, dnn.cudnnGetVersion()
for kind in "Tensor", "Convolution":  # each loads another of cuDNN's own libraries
    assert getattr(dnn, f"cudnnCreate{kind}Descriptor")(ctypes.byref(ctypes.c_void_p())) == 0, kind
TEXT

libraries=/tmp/simulated
mkdir -p "$libraries"
cp /simulator/device.h "$libraries/"
for pair in libcuda.so:driver libnvrtc.so:compiler libcublas.so:blas libcudnn.so.9:dnn; do
    library=${pair%%:*}
    g++ -O2 -std=c++17 -shared -fPIC "-Wl,-soname,$library" -o "$libraries/$library" \
        "/simulator/${pair#*:}.cpp" -ldl
done
LD_LIBRARY_PATH=$libraries THEANO_FLAGS=base_compiledir=/cache/simulated \
    exec /voxlstm/packaging/docker/entrypoint check-setup --device cuda
