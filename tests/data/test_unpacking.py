"""Archives that mean harm, or are damaged."""

import contextlib
import gzip
import shutil
import stat
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.data.archives import CONTENT, DATA, FOLDER, NAME, packed
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.unpacking import unpack


class TestUnpack(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name) / "data"
        patch = mock.patch("sys.stderr")
        patch.start()
        self.addCleanup(patch.stop)

    def files(self):
        return sorted(str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.is_file())

    def unpack(self, data):
        self.out.mkdir(exist_ok=True)
        path = self.out / NAME
        path.write_bytes(data)
        return unpack(path, FOLDER, self.out)

    def test_plain_files_with_plain_permissions(self):
        self.unpack(DATA)
        mode = (self.out / FOLDER / "03001627/b/x").stat().st_mode
        self.assertEqual(stat.S_IMODE(mode) & 0o7111, 0)

    def test_paths_that_lead_out(self):
        outside = self.out.parent / "evil"
        for name in ("../evil", f"{FOLDER}/../../evil", str(outside), f"{FOLDER}/a/../../../evil"):
            with self.assertRaisesRegex(UserError, "not safe to unpack.*evil"):
                self.unpack(packed({**CONTENT, name: b"evil"}))
            self.assertFalse(outside.exists())
            self.assertEqual(self.files(), [NAME])

    def test_links_and_devices_are_left_out(self):
        kinds = {
            "soft": tarfile.SYMTYPE,
            "hard": tarfile.LNKTYPE,
            "pipe": tarfile.FIFOTYPE,
            "disk": tarfile.BLKTYPE,
            "null": tarfile.CHRTYPE,
        }
        extra = []
        for name, kind in kinds.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.type, member.linkname = kind, "/etc"
            extra.append(member)
        left_out = self.unpack(packed(extra=extra))
        self.assertEqual(left_out, [f"{NAME}: {FOLDER}/{name}" for name in kinds])
        self.assertEqual(self.files(), sorted([NAME, *CONTENT]))

    def test_a_file_behind_a_link_stays_inside(self):
        # The link is not made, so its name becomes a folder of the target.
        link = tarfile.TarInfo(f"{FOLDER}/link")
        link.type, link.linkname = tarfile.SYMTYPE, str(self.out.parent)
        self.unpack(packed({f"{FOLDER}/link/evil": b"evil"}, [link]))
        self.assertFalse((self.out.parent / "evil").exists())
        self.assertTrue((self.out / FOLDER / "link" / "evil").is_file())

    def test_damage(self):
        flipped = bytearray(DATA)
        flipped[len(DATA) // 2] ^= 1
        checksum = bytearray(DATA)
        checksum[-6] ^= 1
        for data in (
            b"",
            b"\x1f\x8b",
            DATA[:-1],
            DATA[:-9],
            DATA[:1000],
            bytes(flipped),
            bytes(checksum),
            b"x" + DATA,
            DATA + b"garbage",
        ):
            with self.assertRaisesRegex(UserError, "was damaged .* has been removed"):
                self.unpack(data)
            self.assertEqual(self.files(), [])

    def test_what_an_archive_may_not_hold(self):
        def member(name, **facts):
            made = tarfile.TarInfo(f"{FOLDER}/{name}")
            for key, value in facts.items():
                setattr(made, key, value)
            return made

        cases = [member("a/" * 2000 + "x"), member("x" * 300), member("03001627", type=tarfile.DIRTYPE)]
        cases += [
            member("s", pax_headers={f"GNU.sparse.{k}": v for k, v in about.items()})
            for about in (
                {"major": "1", "minor": "0", "realsize": "3000000000", "name": "s"},
                {"size": "3000000000", "numblocks": "1", "offset": "0", "numbytes": "0"},
                {"map": "0,5,10", "size": "-1"},
            )
        ]
        cases += [
            member("s", pax_headers={k: v})
            for k in ("size", "mtime", "uid", "hdrcharset")
            for v in ("-1", "abc", "9" * 5000, "", "1e9")
        ]
        cases += [member("s", pax_headers={"comment": "x" * 100_000})]
        for made in cases:
            for data in (
                packed(extra=[made]),
                packed(CONTENT, [made, member("03001627/a", type=tarfile.REGTYPE)]),
            ):
                with (
                    self.subTest(made.name[:30], pax=str(made.pax_headers)[:60]),
                    contextlib.suppress(UserError),
                ):
                    self.unpack(data)
                self.assertLessEqual(set(self.files()), {NAME, *CONTENT, f"{FOLDER}/s"})
                shutil.rmtree(self.out)

    def test_a_small_archive_does_not_fill_the_disk(self):
        zeros = packed({f"{FOLDER}/x": bytes(60_000_000)})
        self.assertLess(len(zeros), 100_000)
        many = packed({f"{FOLDER}/{k}": b"" for k in range(6000)})
        trailing = gzip.compress(gzip.decompress(DATA) + bytes(80_000_000))
        for data, sentence in ((zeros, "far larger"), (many, "far larger"), (trailing, "does not end")):
            with self.assertRaisesRegex(UserError, sentence):
                self.unpack(data)
            self.assertLessEqual(set(self.files()), {NAME})

    def test_another_archive(self):
        with self.assertRaisesRegex(UserError, "holds no folder ShapeNetVox32"):
            self.unpack(packed({"Other/x": b""}))
        self.assertEqual(self.files(), [NAME])

    def test_what_an_interrupted_run_left_is_removed(self):
        left = self.out / f".unpacking-{FOLDER}" / FOLDER
        left.mkdir(parents=True)
        (left / "old").write_text("old")
        self.unpack(DATA)
        self.assertEqual(self.files(), sorted([NAME, *CONTENT]))
