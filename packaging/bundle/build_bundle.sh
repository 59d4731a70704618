#!/bin/bash
# build_bundle.sh OUT.tar.xz: pack a folder that runs this project on a bare x86-64 Linux (glibc 2.35
# or newer) with g++ and the CUDA libraries, with no network and no root rights: the Python of the
# project's environment, the wheels that training needs, pygpu and libgpuarray, the project itself.
#
# Needs the environment of `make venv` and Debian's python3-pygpu and libgpuarray-dev.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
python=${VENV:-$here/.venv}/bin/python
out=${1:?usage: build_bundle.sh OUT.tar.xz}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/voxlstm-gpu
mkdir -p "$bundle"/python/{bin,lib,include} "$bundle"/gpu/{lib,include} "$bundle"/fallback "$bundle"/app

ask() { "$python" -c "import sys, sysconfig; print($1)"; }

copy_python() {
    cp -L "$(ask 'sys._base_executable')" "$bundle/python/bin/python3.11"
    cp -L "$(ask 'sysconfig.get_config_var("LIBDIR")')"/libpython3.11.so.1.0 "$bundle/python/lib/"
    ln -s libpython3.11.so.1.0 "$bundle/python/lib/libpython3.11.so"
    cp -r "$(ask 'sysconfig.get_path("include", vars={"installed_base": sys.base_prefix})')" "$bundle/python/include/"
    local unused=(__pycache__ test tests idlelib tkinter turtledemo turtle.py ensurepip lib2to3 pydoc_data
        site-packages dist-packages 'config-3.11*' venv sqlite3 curses 'lib-dynload/_tkinter*' 'lib-dynload/_ssl*'
        'lib-dynload/_hashlib*' 'lib-dynload/_sqlite3*' 'lib-dynload/_curses*' 'lib-dynload/nis.*'
        'lib-dynload/readline*' 'lib-dynload/_test*' 'lib-dynload/_ctypes_test*' 'lib-dynload/_codecs_*'
        'lib-dynload/_uuid*' 'lib-dynload/_dbm*' 'lib-dynload/_gdbm*' 'lib-dynload/xx*')
    mkdir "$bundle/python/lib/python3.11"
    tar -C "$(ask 'sysconfig.get_path("stdlib")')" -cf - "${unused[@]/#/--exclude=}" . |
        tar -C "$bundle/python/lib/python3.11" -xf -
}

copy_packages() {
    local packages to="$bundle/python/lib/python3.11/site-packages"
    packages=$(ask 'sysconfig.get_path("purelib")')
    mkdir "$to"
    (
        cd "$packages"
        tar -cf - --exclude=__pycache__ --exclude=tests --exclude='*.pyi' --exclude='*.a' --exclude='*.pyx' \
            --exclude='*.pxd' numpy numpy.libs scipy scipy.libs theano six.py yaml _yaml PIL pillow.libs mako \
            markupsafe trimesh embreex embreex.libs pkg_resources _distutils_hack setuptools \
            ./*.dist-info
    ) | tar -C "$to" -xf -
    cp -r /usr/lib/python3/dist-packages/pygpu "$to/"
    rm -rf "$to"/pygpu/tests "$to"/pygpu/__pycache__ "$to"/pygpu/*.c
}

copy_gpuarray() {
    cp -L /usr/lib/libgpuarray.so.3 "$bundle/gpu/lib/"
    ln -s libgpuarray.so.3 "$bundle/gpu/lib/libgpuarray.so"
    cp -r /usr/include/gpuarray "$bundle/gpu/include/"
}

# Libraries that Python's own modules need and that a small system may lack; run.sh uses the
# machine's own where it has them.
copy_fallbacks() {
    local name
    for name in libffi.so.8 libz.so.1 libbz2.so.1.0 liblzma.so.5; do
        cp -L "/usr/lib/x86_64-linux-gnu/$name" "$bundle/fallback/" 2>/dev/null ||
            cp -L "/lib/x86_64-linux-gnu/$name" "$bundle/fallback/"
    done
}

copy_project() {
    local room package="$bundle/python/lib/python3.11/site-packages/voxlstm"
    mkdir "$package"
    for room in lib models solvers tools; do
        ln -s "../../../../../app/$room" "$package/$room"
    done
    tar -C "$here" -cf - --exclude=__pycache__ lib models solvers tools benchmarks tests/__init__.py tests/parity \
        tests/cuda/__init__.py tests/cuda/every_way.py tests/cuda/ops_on_device.py |
        tar -C "$bundle/app" -xf -
    cp "$here/package/__init__.py" "$package/"
    cp "$here/packaging/bundle/run.sh" "$bundle/"
}

copy_python
copy_packages
copy_gpuarray
copy_fallbacks
copy_project
find "$bundle/python/lib/python3.11/lib-dynload" -name '*.so' -exec strip --strip-unneeded {} +
strip --strip-unneeded "$bundle/python/bin/python3.11" "$bundle/python/lib/libpython3.11.so.1.0"
tar -C "$work" -cf - voxlstm-gpu | xz -6e -T2 >"$out.part"
mv "$out.part" "$out"
ls -l "$out"
