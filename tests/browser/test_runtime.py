"""ONNX Runtime's package: fetched once, from where npm would, and never another one than is pinned."""

import base64
import hashlib
import io
import os
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.data.server import Server
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.browser import runtime
from voxlstm.lib.data import transfer


def archive(**content):
    """Return an archive that holds `runtime.FILES` with some content, and another file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as members:
        for name, member in {**runtime.FILES, "more": "package/dist/more.js"}.items():
            data = content.get(name, name).encode()
            about = tarfile.TarInfo(member)
            about.size = len(data)
            members.addfile(about, io.BytesIO(data))
    return buffer.getvalue()


def refuse(remedy):
    """Fail as a download does that is told a remedy."""
    raise UserError(f"asked; {remedy}")


class RuntimeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.content = archive()
        digest = base64.b64encode(hashlib.sha512(self.content).digest()).decode()
        self.pin = runtime.Pin("9.9.9", f"sha512-{digest}")
        self.server = Server({f"onnxruntime-web/-/{self.pin.archive}": self.content})
        self.addCleanup(self.server.close)
        surroundings = {"VOXLSTM_CACHE": folder.name, "npm_config_registry": self.server.url}
        for patch in (
            mock.patch.dict(os.environ, surroundings),
            mock.patch.object(runtime, "pinned", lambda: self.pin),
            mock.patch.object(transfer, "PAUSE", 0.0),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def test_it_is_fetched_once(self):
        for _ in range(2):
            found = runtime.runtime_files()
            self.assertEqual(found, {name: name.encode() for name in runtime.FILES})
        self.assertEqual(len(self.server.ranges_asked()), 1)

    def test_a_given_archive_needs_no_network(self):
        path = self.root / "some.tgz"
        path.write_bytes(self.content)
        self.server.close()
        self.assertEqual(set(runtime.runtime_files(path)), set(runtime.FILES))
        self.assertFalse((self.root / "onnxruntime-web").exists())

    def test_another_archive_is_refused(self):
        path = self.root / "other.tgz"
        path.write_bytes(archive(more="changed"))
        with self.assertRaisesRegex(UserError, "other.tgz is not the archive of onnxruntime-web 9.9.9"):
            runtime.runtime_files(path)
        self.assertTrue(path.exists())
        self.pin = self.pin._replace(integrity="sha512-" + "A" * 88)
        for _ in range(2):  # what came from the registry does not stay
            with self.assertRaisesRegex(UserError, "another SHA-512.*; run again"):
                runtime.runtime_files()
        self.assertEqual(len(self.server.ranges_asked()), 2)

    def test_what_cannot_be_had_is_one_sentence(self):
        self.server.status = 404
        with self.assertRaisesRegex(
            UserError, "^cannot download .*HTTP 404.*npm_config_registry.*--onnxruntime$"
        ):
            runtime.runtime_files()
        with self.assertRaisesRegex(UserError, "cannot read .*none.tgz: No such file"):
            runtime.runtime_files(self.root / "none.tgz")

    def test_the_registry_is_npms(self):
        tool = self.root / "npm"
        tool.write_text('#!/bin/sh\n[ "$*" = "config get registry" ] && echo https://registry.example/npm/\n')
        tool.chmod(0o755)
        plain = {"PATH": str(self.root)}
        for surroundings, expected in (
            ({**plain, "npm_config_registry": "http://a.example"}, "http://a.example"),
            ({**plain, "NPM_CONFIG_REGISTRY": "http://b.example/"}, "http://b.example/"),
            (plain, "https://registry.example/npm/"),
            ({"PATH": str(self.root / "nowhere")}, runtime.REGISTRY),
        ):
            with (
                mock.patch.dict(os.environ, surroundings, clear=True),
                mock.patch.object(transfer, "download") as get,
            ):
                get.side_effect = lambda *arguments: refuse(arguments[-1])
                with self.assertRaisesRegex(UserError, "^asked; check the network"):
                    runtime._download(self.pin, self.root / "x")
                (mirror,) = get.call_args.args[2]
                self.assertEqual(mirror, f"{expected.rstrip('/')}/onnxruntime-web/-/")


class PinTest(unittest.TestCase):
    def test_the_lock_names_one_version_by_its_digest(self):
        pin = runtime.pinned()
        self.assertRegex(pin.version, r"^\d+\.\d+\.\d+$")
        self.assertEqual(len(base64.b64decode(pin.integrity.removeprefix("sha512-"))), 64)


if __name__ == "__main__":
    unittest.main()
