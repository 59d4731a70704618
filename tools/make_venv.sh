#!/bin/sh
# make_venv.sh FOLDER REQUIREMENTS...: make a virtual environment of the first usable Python 3.11.
set -eu
folder=$1
shift

usable() { # a Python 3.11 with venv and with the headers that compiled graphs include
    "$1" -c '
import os, sys, sysconfig
import ensurepip, venv
header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
sys.exit(sys.version_info[:2] != (3, 11) or not os.path.isfile(header))' >/dev/null 2>&1
}

candidates() {
    command -v python3.11 || true
    command -v python3 || true
    command -v python || true
    ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.11.*/bin/python3.11 2>/dev/null || true
    if command -v uv >/dev/null; then uv python find 3.11 2>/dev/null || true; fi
}

python=
for candidate in $(candidates); do
    if usable "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "make venv: error: no Python 3.11 with its headers and venv was found; install it" \
        "(Debian 12: apt install python3 python3-venv python3-dev; elsewhere: pyenv install 3.11" \
        "or uv python install 3.11) or use the Docker image" >&2
    exit 2
fi

install() {
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
# The setuptools that is pinned builds what has to be built, not one of the day that nothing vouches for.
pinned=$(mktemp)
trap 'rm -f "$pinned"' EXIT
sed -n '/^setuptools==/,$p' requirements.txt >"$pinned"
install --require-hashes -r "$pinned"
for requirements in "$@"; do
    install --use-pep517 --no-build-isolation --require-hashes -r "$requirements"
done
install --no-build-isolation --no-deps -e .
