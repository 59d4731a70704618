#!/usr/bin/env bash
# test.sh: build the Dockerfile and try what it makes: set-up check, a small data set, 20 training
# iterations, a run that is stopped and gone on with, a test of the result, other users, the CUDA image.
#
# With a Docker engine, docker does it all. Without, and as root on Debian, buildah builds and
# podman runs, and a base image that no registry hands out is made with debootstrap. Layers and
# compiled graphs are kept in ~/.cache/voxlstm/image.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/docker/engine.sh

kept=${VOXLSTM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/voxlstm}/image
scratch=$(mktemp -d)
name=voxlstm-test-$$

cleanup() {
    container_tool kill "$name" >/dev/null 2>&1 || true
    rm -rf "$scratch"
}

fail() {
    echo "image-test: FAILED: $1" >&2
    if [ -s "$scratch/log" ]; then tail -n 30 "$scratch/log" >&2; fi
    exit 1
}

passed() {
    echo "image-test: ok: $1 ($((SECONDS - started)) s)"
    started=$SECONDS
}

install_tools() {
    local missing=()
    for tool in buildah podman runc debootstrap; do
        command -v $tool >/dev/null || missing+=($tool)
    done
    if [ ${#missing[@]} -eq 0 ]; then return; fi
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
}

build_images() {
    if have_docker; then
        BUILDER=docker sh packaging/docker/build.sh >"$scratch/log" 2>&1 || fail "building the images"
        return
    fi
    if [ "$(id -u)" != 0 ]; then
        fail "there is no Docker engine; start one, or run this as root on Debian 12"
    fi
    install_tools
    use_storage "$kept"
    make_base "$kept"
    BUILDER=buildah BUILD_OPTIONS="--pull-never --isolation chroot $(certificate_options "$scratch")" \
        sh packaging/docker/build.sh >"$scratch/log" 2>&1 || fail "building the images"
    # Old layers that nothing is built on any more.
    podman image prune -f --filter until=336h >/dev/null
}

container_tool() {
    if have_docker; then docker "$@"; else podman "$@"; fi
}

# container IMAGE COMMAND...: run it as a user does, offline; RUN_OPTIONS come before the image.
container() {
    local image=$1 options=()
    shift
    if ! have_docker; then options=($PODMAN_RUN); fi
    container_tool run "${options[@]}" --rm --name "$name" --network none \
        -v "$scratch/data:/data" -v "$scratch/output:/output" -v "$kept/compiled:/cache" \
        "${RUN_OPTIONS[@]}" "$image" "$@" >"$scratch/log" 2>&1
}

# refused PATTERN IMAGE COMMAND...: it must fail with a sentence and without a traceback.
refused() {
    local pattern=$1
    shift
    if container "$@"; then fail "'${*:2}' was not refused"; fi
    grep -Eq "$pattern" "$scratch/log" || fail "'${*:2}' did not say why it was refused"
    if grep -q Traceback "$scratch/log"; then fail "'${*:2}' ended in a traceback"; fi
}

# train OPTIONS...: the small network on the small data set
train() {
    container voxlstm:cpu train --model models/small_1x1x1.yaml --solver solvers/small.yaml \
        --data data/small --workers 2 --set batch=16 --set checkpoint_every=1 --set validate_every=1000 \
        --set log_every=1 "$@"
}

# Stop a run that would last long by the signal of "docker stop", once it has a checkpoint.
train_and_stop() {
    local status=0
    train --out output/stopped --set iterations=5000 &
    local process=$!
    while [ ! -e "$scratch/output/stopped/last.npz" ]; do
        kill -0 $process 2>/dev/null || fail "training ended before its first checkpoint"
        sleep 0.1
    done
    container_tool kill --signal TERM "$name" >/dev/null
    wait $process || status=$?
    [ $status = 143 ] || fail "training stopped by SIGTERM ended with status $status, not 143"
}

same_checkpoints() {
    RUN_OPTIONS=(--entrypoint python)
    container voxlstm:cpu -c '
import sys
from voxlstm.solvers.checkpoint import load
import numpy as np
one, other = (load(path) for path in sys.argv[1:])
assert one.iteration == other.iteration == 20, (one.iteration, other.iteration)
for name, value in one.weights.items():
    np.testing.assert_allclose(other.weights[name], value, rtol=0, atol=1e-6, err_msg=name)
' output/straight/last.npz output/stopped/last.npz
    RUN_OPTIONS=()
}

# What people meet who give --user, or a root file system that is read-only.
other_users() {
    local run=(voxlstm:cpu train --model models/small_1x1x1.yaml --solver solvers/small.yaml --set batch=16
        --set iterations=1 --set validate_every=1000 --data data/small)
    mkdir -m 755 "$scratch/closed" # a mount that is not this user's
    RUN_OPTIONS=(--user 1234:1234 -v "$scratch/closed:/closed")
    refused "Permission denied .*choose another place" voxlstm:cpu make-dataset --procedural 1 --out /closed/set
    refused "Permission denied .*choose another place" "${run[@]}" --out /closed/run
    RUN_OPTIONS+=(-e VOXLSTM_CACHE=/closed)
    refused "belongs to another user .*set VOXLSTM_CACHE" "${run[@]}" --out output/foreign
    # The cache is one that the image's own user has filled.
    RUN_OPTIONS=(--user 1234:1234 --read-only)
    if ! have_docker; then RUN_OPTIONS+=(--read-only-tmpfs=false); fi
    container "${run[@]}" --out output/other || fail "training as another user, on a read-only root"
    RUN_OPTIONS=()
}

trap cleanup EXIT
mkdir -p "$scratch/data" "$scratch/output" "$kept/compiled"
chmod 1777 "$scratch/data" "$scratch/output" "$kept/compiled" # the image's user is not root
RUN_OPTIONS=()
started=$SECONDS

build_images
passed "both images are built: $(container_tool images --format '{{.Tag}} {{.Size}}' voxlstm | sort | tr '\n' ' ')"

container voxlstm:cpu check-setup || fail "check-setup"
RUN_OPTIONS=(--entrypoint id)
container voxlstm:cpu -u || fail "the image's user"
[ "$(cat "$scratch/log")" = 1000 ] || fail "the image runs as user $(cat "$scratch/log")"
RUN_OPTIONS=()
refused "there is no command" voxlstm:cpu no-such-command
container voxlstm:cpu || fail "the list of commands"
grep -q "^  make-dataset  " "$scratch/log" || fail "the image does not list its commands"
passed "the set-up check, as a user that is not root"

container voxlstm:cpu make-dataset --procedural 10 --categories chair table --out data/small ||
    fail "make-dataset"
passed "a data set of 20 objects"

other_users
passed "another user, closed mounts, a cache of another user's, a read-only root"

train --out output/straight --set iterations=20 || fail "20 training iterations"
passed "20 training iterations"

train_and_stop
container voxlstm:cpu train --resume --out output/stopped --set iterations=20 || fail "going on with a stopped run"
same_checkpoints || fail "the stopped run went on to other weights than the straight one"
passed "a run stopped by a signal and gone on with ends as the straight one"

container voxlstm:cpu test --weights output/straight/last.npz --data data/small --views 1,3 --out output/scores ||
    fail "test_net"
[ -s "$scratch/output/scores/results.json" ] || fail "test_net left no results.json"
passed "test_net"

refused "libcuda.so .the NVIDIA driver. cannot be loaded" voxlstm:cuda train --out output/cuda \
    --model models/small_1x1x1.yaml --solver solvers/small.yaml --data data/small --device cuda
passed "--device cuda is refused where there is no GPU"

RUN_OPTIONS=(--entrypoint sh -v "$PWD/packaging/docker/try_cuda.sh:/try_cuda.sh:ro" -v "$PWD/tests/cuda/simulator:/simulator:ro")
container voxlstm:cuda /try_cuda.sh || fail "the CUDA image's libraries"
passed "the CUDA image's compiler, BLAS and cuDNN load, and a convolution runs on a simulated device"
