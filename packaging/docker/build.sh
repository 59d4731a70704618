#!/bin/sh
# build.sh: build the images voxlstm:cpu and voxlstm:cuda (also voxlstm:latest) with docker, podman
# or buildah, whichever works here first. BUILD_OPTIONS are handed to the builder, such as
#   BUILD_OPTIONS="--build-arg SNAPSHOT=20250601T000000Z" make image
set -eu
cd "$(dirname "$0")/../.."
. packaging/docker/engine.sh

builder=${BUILDER:-$(find_builder)}
if [ -z "$builder" ]; then
    echo "make image: error: no working docker, podman or buildah was found; install one of them" \
        "(Debian: apt install buildah)" >&2
    exit 2
fi
for target in cpu cuda; do
    echo "building voxlstm:$target with $builder"
    # shellcheck disable=SC2086  # the options are words
    build "$builder" --target "$target" -t "voxlstm:$target" ${BUILD_OPTIONS:-} .
done
"$builder" tag voxlstm:cuda voxlstm:latest
