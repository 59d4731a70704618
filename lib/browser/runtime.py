"""ONNX Runtime for browsers: the pinned package of npm's registry, fetched once and checked."""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from ..base.cache import cache_folder
from ..base.errors import UserError, why
from ..base.files import read_json
from ..base.hints import StrPath
from ..base.inputs import regular
from ..data import transfer

NAME = "onnxruntime-web"
REGISTRY = "https://registry.npmjs.org/"
# The page's files, and where the package has them. Their endings are those that every web server knows.
FILES = {
    "ort.wasm.js": "package/dist/ort.wasm.bundle.min.mjs",
    "ort.wasm": "package/dist/ort-wasm-simd-threaded.wasm",
}


class Pin(NamedTuple):
    """A version of the package, and the digest of its archive as npm writes it."""

    version: str
    integrity: str

    @property
    def archive(self) -> str:
        """Name of the archive's file."""
        return f"{NAME}-{self.version}.tgz"


def pinned() -> Pin:
    """Return what ``package-lock.json`` says."""
    with resources.as_file(resources.files(__package__) / "package-lock.json") as path:
        package = read_json(path)["packages"][f"node_modules/{NAME}"]
    return Pin(package["version"], package["integrity"])


def runtime_files(archive: StrPath | None = None) -> dict[str, bytes]:
    """Return the content of `FILES` by name.

    Parameters
    ----------
    archive : path-like, optional
        The package's archive, as ``npm pack`` brings it; by default it is downloaded into the cache,
        unless it is there.

    Raises
    ------
    UserError
        When it is not the one that is pinned, or cannot be had.
    """
    pin = pinned()
    path = Path(archive) if archive else cache_folder(NAME) / pin.archive
    if not archive and not path.exists():
        _download(pin, path)
    try:
        content = regular(path).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {why(error, otherwise='check --onnxruntime')}") from error
    digest = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if digest != pin.integrity:
        if not archive:
            path.unlink()
        remedy = f"take the one that npm pack {NAME}@{pin.version} brings" if archive else "run again"
        raise UserError(f"{path} is not the archive of {NAME} {pin.version} (another SHA-512); {remedy}")
    with tarfile.open(fileobj=io.BytesIO(content)) as members:
        files = {name: members.extractfile(member) for name, member in FILES.items()}
        return {name: file.read() for name, file in files.items() if file}


def _download(pin, path):
    remedy = (
        "check the network, name another registry by npm_config_registry, or give the archive that"
        f" npm pack {NAME}@{pin.version} brings by --onnxruntime"
    )
    transfer.download(pin.archive, path, [f"{_registry().rstrip('/')}/{NAME}/-/"], remedy)


def _registry():
    """Return the address of the registry: the environment's, npm's own setting, or the public one."""
    named = os.environ.get("npm_config_registry") or os.environ.get("NPM_CONFIG_REGISTRY")
    if not named and shutil.which("npm"):
        asked = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True)
        named = asked.stdout.strip() if asked.returncode == 0 else ""
    return named if (named or "").startswith(("https://", "http://")) else REGISTRY
