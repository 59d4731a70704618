"""Transfers against a server that misbehaves."""

import collections
import errno
import gzip
import hashlib
import io
import os
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.data.archives import CONTENT, DATA, FOLDER, NAME, NOISE, packed
from tests.data.server import Server
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import transfer as module
from voxlstm.lib.data.fetch import Archive, fetch
from voxlstm.lib.data.transfer import download

ONE = [Archive(NAME, FOLDER, 2.0)]


class FetchCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name) / "data"
        for patch in (mock.patch.object(module, "PAUSE", 0.0), mock.patch("sys.stderr")):
            patch.start()
            self.addCleanup(patch.stop)
        self.server = self.serve()

    def serve(self, data=DATA):
        server = Server({NAME: data})
        self.addCleanup(server.close)
        return server

    def fetch(self, *servers, **options):
        urls = [server.url for server in servers or [self.server]]
        return fetch(self.out, urls, ONE, **options)

    def refused(self, *words, servers=(), **options):
        with self.assertRaises(UserError) as caught:
            self.fetch(*servers, **options)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def files(self):
        return sorted(str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.is_file())

    def assert_fetched(self):
        self.assertEqual(self.files(), sorted(CONTENT))
        for name, data in CONTENT.items():
            self.assertEqual((self.out / name).read_bytes(), data)


class TestTransfer(FetchCase):
    def test_plain(self):
        self.assertEqual(self.fetch(), [])
        self.assert_fetched()
        self.assertEqual(self.server.requests, [("HEAD", None), ("GET", None)])

    def test_nothing_is_fetched_twice(self):
        self.fetch()
        self.server.requests.clear()
        self.fetch()
        self.assertEqual(self.server.requests, [])

    def test_archives_are_kept_on_request(self):
        self.fetch(keep=True)
        self.assertEqual((self.out / NAME).read_bytes(), DATA)

    def test_an_archive_that_is_there_is_used_and_kept(self):
        self.out.mkdir()
        (self.out / NAME).write_bytes(DATA)
        self.fetch()
        self.assertEqual(self.files(), sorted([NAME, *CONTENT]))
        self.assertEqual(self.server.requests, [])

    def test_an_archive_that_was_there_is_never_removed(self):
        self.out.mkdir()
        for data in (DATA[:1000], DATA[:-1], b"", b"<html>", DATA + b"garbage", gzip.decompress(DATA)[:3000]):
            (self.out / NAME).write_bytes(data)
            self.refused(NAME, "was there before", "stays as it is", "move it away")
            self.assertEqual((self.out / NAME).read_bytes(), data)
            self.assertEqual(self.files(), [NAME])

    def test_an_archive_that_a_browser_took_out_of_gzip(self):
        self.out.mkdir()
        (self.out / NAME).write_bytes(gzip.decompress(DATA))
        self.fetch()
        self.assertEqual(self.files(), sorted([NAME, *CONTENT]))

    def test_a_part_of_another_program_is_kept(self):
        self.out.mkdir()
        (self.out / f"{NAME}.part").write_bytes(b"a browser's")
        self.fetch()
        (kept,) = self.out.glob(f"{NAME}.part*")
        self.assertEqual(kept.read_bytes(), b"a browser's")

    def test_a_mirror_that_refuses_head_is_asked_with_get(self):
        for status in (403, 405, 501):
            with mock.patch("tests.data.server._Handler.do_HEAD", lambda self: self.send_error(status)):
                self.fetch()
            self.assert_fetched()
            shutil.rmtree(self.out)

    def test_digests(self):
        right = hashlib.sha256(DATA).hexdigest()
        self.fetch(digests={NAME: right.upper()})
        self.assert_fetched()
        shutil.rmtree(self.out)
        self.refused(right, "not the one of --sha256", digests={NAME: "0" * 64})
        self.assertEqual((self.out / NAME).read_bytes(), DATA)
        self.assertFalse((self.out / FOLDER).exists())

    def test_broken_transfers_are_continued(self):
        self.server.break_after = 70_000
        self.fetch()
        self.assert_fetched()
        expected = [None, *(f"bytes={k}-" for k in range(70_000, len(DATA), 70_000))]
        self.assertEqual(self.server.ranges_asked(), expected)

    def test_a_break_after_one_byte(self):
        self.server.break_after, self.server.breaks = 1, 2
        self.fetch()
        self.assert_fetched()
        self.assertEqual(self.server.ranges_asked(), [None, "bytes=1-", "bytes=2-"])

    def test_given_up_and_continued_by_the_next_run(self):
        self.begin(self.server)
        self.server.break_after = 0
        self.refused("connection closed after 100000 of", "run again to continue")
        self.assertEqual(self.server.ranges_asked(), ["bytes=100000-"] * module.TRIES)
        self.server.break_after = None
        self.fetch()
        self.assert_fetched()
        self.assertEqual(self.server.ranges_asked()[-1], "bytes=100000-")

    def test_a_server_without_ranges_starts_again(self):
        self.server.ranges = False
        self.server.break_after, self.server.breaks = 70_000, 2
        self.fetch()
        self.assert_fetched()
        self.assertEqual(self.server.ranges_asked(), [None, "bytes=70000-", "bytes=70000-"])

    def test_a_server_without_ranges_that_always_breaks_is_given_up(self):
        self.server.ranges = False
        self.server.break_after = 70_000
        self.refused("connection closed after 70000 of")

    def test_a_file_changed_meanwhile_starts_again(self):
        self.begin(self.server)
        self.server.etag = '"2"'
        self.server.files[NAME] = packed({f"{FOLDER}/new": NOISE[::-1]})
        self.fetch()
        self.assertEqual((self.out / FOLDER / "new").read_bytes(), NOISE[::-1])
        self.assertEqual(self.server.ranges_asked(), ["bytes=100000-"])

    def begin(self, server, count=100_000):
        """Leave a part of the archive behind, as an interrupted run does."""
        self.out.mkdir(exist_ok=True)
        with mock.patch.object(module, "_receive", side_effect=[DATA[:count], KeyboardInterrupt]):
            with self.assertRaises(KeyboardInterrupt):
                self.fetch(server)
        self.assertEqual((self.out / f"{NAME}.part").stat().st_size, count)
        server.requests.clear()

    def test_the_second_mirror_continues_the_first_ones_part(self):
        self.begin(self.server)
        other = self.serve()
        other.etag = '"another"'
        self.server.status = 503
        self.fetch(self.server, other)
        self.assert_fetched()
        self.assertEqual(other.ranges_asked(), ["bytes=100000-"])
        self.assertEqual(len(self.server.ranges_asked()), module.TRIES)

    def test_the_second_mirror_after_not_found(self):
        other = self.serve()
        self.server.status = 404
        self.fetch(self.server, other)
        self.assert_fetched()
        self.assertEqual(self.server.ranges_asked(), [None])  # not asked again

    def test_no_mirror(self):
        gone = self.serve()
        gone.close()
        self.server.status = 404
        self.refused(
            "no mirror offers ShapeNetVox32.tgz",
            "HTTP 404",
            "refused",
            "--mirror",
            servers=[self.server, gone],
        )
        self.assertEqual(self.files(), [])
        self.assertRaisesRegex(UserError, "not an address", fetch, self.out, ["nonsense"], ONE)

    def test_size_claimed_too_large(self):
        self.server.claimed = len(DATA) + 5
        self.refused("connection closed after", f"of {len(DATA) + 5} bytes")
        self.assertFalse((self.out / FOLDER).exists())

    def test_size_claimed_too_small(self):
        self.server.claimed = len(DATA) - 5
        self.refused("was damaged", "has been removed")
        self.assertEqual(self.files(), [])

    def test_no_size(self):
        self.server.sized = False
        self.refused("does not tell the file's size")

    def test_another_size_at_the_second_mirror(self):
        self.begin(self.server)
        other = self.serve(DATA + b"0")
        self.refused(f"has {len(DATA) + 1} bytes, unlike the {len(DATA)}", servers=[other])

    def test_a_range_that_was_not_asked_for(self):
        self.begin(self.server)
        self.server.shift = 1
        self.refused("unlike")

    def test_a_web_page_instead_of_an_archive(self):
        page = self.serve(b"<html>Please log in</html>")
        self.fetch(page, self.server)
        self.assert_fetched()
        os.rename(self.out / FOLDER, self.out / "away")
        self.refused("not a gzip archive", servers=[page])

    def test_a_part_without_its_note_is_not_trusted(self):
        self.begin(self.server)
        (self.out / f"{NAME}.part.json").write_text("{}")
        self.fetch()
        self.assert_fetched()
        self.assertEqual(self.server.ranges_asked(), [None])

    def test_a_part_too_long_is_not_trusted(self):
        self.begin(self.server)
        (self.out / f"{NAME}.part").write_bytes(bytes(len(DATA) + 1))
        self.fetch()
        self.assert_fetched()

    def test_the_part_is_whole_but_was_not_named(self):
        self.begin(self.server)
        (self.out / f"{NAME}.part").write_bytes(DATA)
        self.fetch()
        self.assert_fetched()
        self.assertEqual(self.server.ranges_asked(), [])


class TestDisk(FetchCase):
    def test_too_small(self):
        usage = collections.namedtuple("usage", "total used free")
        need = 3 * len(DATA)  # the archive, and twice as much of content
        with mock.patch("shutil.disk_usage", return_value=usage(0, 0, need - 1)):
            self.refused("make room or choose another --out")
        self.assertEqual(self.server.ranges_asked(), [])
        with mock.patch("shutil.disk_usage", return_value=usage(0, 0, need)):
            self.fetch()
        self.assert_fetched()

    def test_full_while_writing_is_not_taken_for_the_networks_fault(self):
        class Full(io.BytesIO):
            def write(self, data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.out.mkdir()
        with mock.patch.object(module, "open", create=True, return_value=Full()):
            with self.assertRaises(OSError) as caught:
                download(NAME, self.out / NAME, [self.server.url])
        self.assertEqual(caught.exception.errno, errno.ENOSPC)
        self.assertEqual(len(self.server.ranges_asked()), 1)
