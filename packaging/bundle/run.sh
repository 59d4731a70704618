#!/bin/bash
# run.sh SCRIPT [ARGUMENTS]: run a Python script of the bundle, such as benchmarks/check_gpu.py, or of your own.
#
# WORK names a folder that can be written, for compiled code (default: /tmp/voxlstm-gpu-UID);
# CUDA_LIBRARIES names more folders to look for libcuda, libnvrtc and libcublas in.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
work=${WORK:-/tmp/voxlstm-gpu-$(id -u)}
mkdir -p "$work/lib"
if ! command -v g++ >/dev/null; then
    echo "run.sh: error: there is no g++, which compiles the graphs; install it" >&2
    exit 2
fi

loader_cache() { { /sbin/ldconfig -p || true; } 2>/dev/null; }

# Folders that may hold CUDA's libraries: the usual ones, those that Python packages brought along
# (nvidia-cublas and nvidia-cuda-nvrtc, which come with PyTorch) and those of the loader's cache.
cuda_folders() {
    local python
    printf '%s\n' ${CUDA_LIBRARIES:-}
    ls -d /usr/local/cuda*/lib64 /usr/local/cuda*/targets/x86_64-linux/lib /usr/local/nvidia/lib64 \
        /usr/local/nvidia/lib /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/lib/wsl/lib 2>/dev/null || true
    for python in $(command -v python3 || true) /opt/*/bin/python3 /opt/*/.venv/bin/python3; do
        [ -x "$python" ] || continue
        "$python" - 2>/dev/null <<'TEXT' || true
import glob, site, sys
for folder in dict.fromkeys(site.getsitepackages() + sys.path):
    print(*glob.glob(folder + "/nvidia/*/lib"), sep="\n")
TEXT
    done
    loader_cache | sed -n 's/.*=> \(.*\)\/lib\(cuda\|nvrtc\|cublas\)\.so.*/\1/p' | sort -u
}

# The newest file of a library in a folder; stubs are for linking only, .alt is for other builds.
library_in() { # FOLDER NAME
    ls -d "$1/lib$2.so" "$1/lib$2.so."[0-9]* 2>/dev/null | grep -v -e /stubs/ -e '\.alt\.' | sort -V | tail -n 1
}

# libgpuarray loads the three by their bare names, so each gets a link of that name. The folders of
# the real files stay on the path: their companions (libnvrtc-builtins, libcublasLt) are looked up.
link_cuda() {
    local folders name folder file
    folders=$(cuda_folders)
    for name in cuda nvrtc cublas cudnn; do
        file=
        for folder in $folders; do
            file=$(library_in "$folder" $name || true)
            [ -z "$file" ] || break
        done
        if [ -n "$file" ]; then
            ln -sfn "$file" "$work/lib/lib$name.so" # replaced at once: another run may be loading it
            libraries=$libraries:$folder
        else
            rm -f "$work/lib/lib$name.so"
        fi
        echo "run.sh: lib$name.so -> ${file:-none}" >&2
    done
}

link_fallbacks() {
    local file known
    known=$(loader_cache)
    for file in "$here"/fallback/*; do
        case $known in
            *"$(basename "$file")"*) rm -f "$work/lib/$(basename "$file")" ;;
            *) ln -sfn "$file" "$work/lib/$(basename "$file")" ;;
        esac
    done
}

libraries=$here/gpu/lib:$here/python/lib
link_fallbacks
link_cuda
export PYTHONHOME=$here/python PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
unset PYTHONPATH
export LD_LIBRARY_PATH=$work/lib:$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export CPATH=$here/gpu/include${CPATH:+:$CPATH} LIBRARY_PATH=$here/gpu/lib:$here/python/lib${LIBRARY_PATH:+:$LIBRARY_PATH}
export VOXLSTM_CACHE=${VOXLSTM_CACHE:-$work/cache}
script=$1
shift
[ ! -e "$here/app/$script" ] || script=$here/app/$script
exec "$here/python/bin/python3.11" "$script" "$@"
