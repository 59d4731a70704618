# Shell functions: what builds and runs images here. To be sourced in the repository's root.

BASE=docker.io/library/$(sed -n 's/^FROM \(debian:[^ ]*\) AS base$/\1/p' Dockerfile)
# Debian's podman finds neither crun nor its own limits usable everywhere; these work as root.
PODMAN_RUN="--runtime runc --ulimit nofile=1024:1024 --ulimit nproc=4096:4096"

have_docker() {
    docker info >/dev/null 2>&1
}

find_builder() {
    if have_docker; then
        echo docker
    elif podman info >/dev/null 2>&1; then
        echo podman
    elif buildah info >/dev/null 2>&1; then
        echo buildah
    fi
}

# build BUILDER OPTIONS... FOLDER
build() {
    builder=$1
    shift
    case $builder in
        buildah) buildah build --layers "$@" ;;
        *) "$builder" build "$@" ;;
    esac
}

# use_storage FOLDER: keep images and layers there, apart from the machine's own.
use_storage() {
    mkdir -p "$1"
    export CONTAINERS_STORAGE_CONF="$1/storage.conf"
    for driver in overlay vfs; do # vfs copies every layer, but works on any file system
        printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' \
            "$driver" "$1/$driver" "$1/run" >"$CONTAINERS_STORAGE_CONF"
        if buildah info >/dev/null 2>&1; then return; fi
    done
    echo "image: error: buildah cannot store images in $1" >&2
    return 1
}

# The repositories of the machine's own Debian, for a base image made here.
debian_uri() { # SUITE
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v suite="$1" '$2 == suite {print $1; exit}'
}

# make_base FOLDER: the Dockerfile's base image, made of Debian's packages where no registry has it.
make_base() {
    if buildah inspect --type image "$BASE" >/dev/null 2>&1; then return; fi
    if timeout 120 buildah pull -q "$BASE" >/dev/null 2>&1; then return; fi
    echo "no registry has $BASE here: making it with debootstrap"
    root=$1/base
    mirror=$(debian_uri bookworm)
    security=$(debian_uri bookworm-security)
    rm -rf "$root"
    debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; return 1; }
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root/etc/apt/sources.list"
    debian_sources "${mirror:-http://deb.debian.org/debian}" \
        "${security:-http://deb.debian.org/debian-security}" >"$root/etc/apt/sources.list.d/debian.sources"
    container=$(buildah from scratch)
    buildah copy -q "$container" "$root" / >/dev/null
    buildah config --cmd bash --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit -q --rm "$container" "$BASE" >/dev/null
    rm -rf "$root"
}

# debian_sources MIRROR SECURITY: as the official image has them in debian.sources.
debian_sources() {
    cat <<TEXT
Types: deb
URIs: ${1%/}
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: ${2%/}
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
TEXT
}

# certificate_options FOLDER: options that bind the machine's own certificates into a build, where
# it has a bundle of its own; the Dockerfile and the image know nothing of it.
certificate_options() {
    bundle=${PIP_CERT:-${SSL_CERT_FILE:-}}
    if [ -z "$bundle" ] || [ ! -r "$bundle" ]; then return; fi
    printf '[global]\ncert = /run/certificates.crt\n' >"$1/pip.conf"
    echo "-v $bundle:/run/certificates.crt:ro -v $1/pip.conf:/etc/pip.conf:ro"
}
