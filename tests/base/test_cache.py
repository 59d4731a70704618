"""The cache: nothing of another user's is loaded, and no cache is one sentence."""

import os
import stat
import subprocess
import sys
import tempfile
import unittest
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from voxlstm.lib.base import cache
from voxlstm.lib.base.errors import UserError


class CacheCase(unittest.TestCase):
    def setUp(self):
        # Not below the system's temporary folder's own name: a link to it would be followed.
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory())).resolve()
        self.folder = self.root / "cache"
        self.enterContext(mock.patch.dict(os.environ, {"VOXLSTM_CACHE": str(self.folder)}))

    def as_another_user(self):
        """Make all that is there another user's."""
        return mock.patch.object(cache.os, "geteuid", lambda: os.getuid() + 4242)

    def refused(self, sentence, *names):
        with self.assertRaisesRegex(UserError, f"{sentence}.*VOXLSTM_CACHE"):
            cache.cache_folder(*names)


class Folder(CacheCase):
    def test_it_is_made_for_this_user_alone(self):
        for names in ((), ("graphs",), ("graphs", "deeper")):
            made = cache.cache_folder(*names)
            self.assertEqual(made, self.folder.joinpath(*names))
            self.assertEqual(stat.S_IMODE(made.stat().st_mode), 0o700)

    def test_another_users_is_refused(self):
        cache.cache_folder("graphs")
        with self.as_another_user():
            if os.getuid():  # what is root's is trusted at the top: it could change anything
                self.refused("belongs to another user")
            self.refused("belongs to another user", "graphs")

    def test_one_that_others_may_write_to_is_refused(self):
        for names in ((), ("theano",)):
            made = cache.cache_folder(*names)
            for mode in (0o777, 0o775, 0o702):
                made.chmod(mode)
                self.refused("others may write to", *names)
            made.chmod(0o755)
            self.assertEqual(cache.cache_folder(*names), made)

    def test_where_everybody_writes_each_user_has_a_part(self):
        self.folder.mkdir()
        self.folder.chmod(0o1777)
        made = cache.cache_folder("graphs")
        self.assertEqual(made, self.folder / f"user-{os.geteuid()}" / "graphs")
        made.parent.chmod(0o777)
        self.refused("others may write to")

    def test_links_inside_are_not_followed(self):
        cache.cache_folder()
        elsewhere = self.root / "elsewhere"
        elsewhere.mkdir()
        (self.folder / "graphs").symlink_to(elsewhere)
        self.refused("no folder", "graphs")

    def test_the_cache_itself_may_be_a_link(self):
        (self.root / "disk").mkdir(mode=0o700)
        self.folder.symlink_to(self.root / "disk")
        self.assertEqual(cache.cache_folder("graphs"), self.root / "disk/graphs")

    def test_a_file_in_its_place(self):
        self.folder.write_text("")
        self.refused("File exists")
        self.refused("exists|Not a directory", "graphs")

    def test_no_home(self):
        wrong = {"HOME": ""}, {"XDG_CACHE_HOME": "~nobody-of-this-name/x"}
        for environment in wrong:
            code = (
                "import os, pwd\n"
                "def unknown(*_): raise KeyError('uid')\n"
                "pwd.getpwuid = pwd.getpwnam = unknown\n"
                "from voxlstm.lib.base.cache import cache_folder\n"
                "from voxlstm.lib.base.errors import run_tool\n"
                "os.environ.pop('VOXLSTM_CACHE')\n"
                f"os.environ.update({environment})\n"
                "os.environ.pop('HOME') if not os.environ['HOME'] else None\n"
                "run_tool(cache_folder)"
            )
            answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            self.assertEqual(answer.returncode, 2, answer.stderr)
            self.assertRegex(answer.stderr, r"\A-c: error: there is no cache: .*VOXLSTM_CACHE.*\n\Z")


class Usable(CacheCase):
    def facts(self, **changed):
        values = {
            name: getattr(os.statvfs("/"), name)
            for name in ("f_flag", "f_bavail", "f_frsize", "f_files", "f_favail")
        }
        values.update({"f_flag": 0, "f_bavail": 10**9, "f_files": 9, "f_favail": 9}, **changed)
        return mock.patch.object(cache.os, "statvfs", lambda _: mock.Mock(**values))

    def test_each_reason_is_told(self):
        folder = cache.cache_folder()
        with self.facts():
            cache.check_usable(folder)
        cases = {
            "cannot be written": {"f_flag": os.ST_RDONLY},
            "noexec": {"f_flag": os.ST_NOEXEC},
            "full": {"f_bavail": 0},
            "disk is full": {"f_favail": 0},
        }
        for reason, changed in cases.items():
            with self.subTest(reason), self.facts(**changed):
                with self.assertRaisesRegex(UserError, f"{reason}.*VOXLSTM_CACHE"):
                    cache.check_usable(folder)

    def test_a_file_system_that_does_not_count_files(self):
        with self.facts(f_files=0, f_favail=0):
            cache.check_usable(cache.cache_folder())


class Content(CacheCase):
    def setUp(self):
        super().setUp()
        self.theano = cache.cache_folder("theano")
        (self.theano / "a/b").mkdir(parents=True)
        self.file = self.theano / "a/b/module.so"
        self.file.write_text("")
        (self.theano / "a/link").symlink_to("b")

    def test_anything_of_another_user(self):
        cache.check_content(self.theano)
        with self.as_another_user(), self.assertRaisesRegex(UserError, "another user"):
            cache.check_content(self.theano)

    def test_what_others_may_write_to_where_they_come_in(self):
        self.file.chmod(0o666)
        cache.check_content(self.theano)  # nobody else comes in
        self.theano.chmod(0o755)
        with self.assertRaisesRegex(UserError, "others may write to .*module.so"):
            cache.check_content(self.theano)
        self.file.chmod(0o644)
        cache.check_content(self.theano)

    def test_what_another_process_removes_meanwhile_is_nothing(self):
        scandir = os.scandir
        for victim in ("a/b/module.so", "a/b", "a"):
            place = self.theano / victim

            @contextmanager
            def removing(folder):
                with scandir(folder) as entries:
                    found = list(entries)
                if os.fspath(folder) == str(place.parent):
                    place.rename(self.root / f"gone-{place.name}")
                yield iter(found)

            with self.subTest(victim), mock.patch.object(cache.os, "scandir", removing):
                cache.check_content(self.theano)
                self.assertFalse(place.exists())
        old, new = (cache.cache_folder("graphs") / f"a-{number:016x}.pickle" for number in range(2))
        new.write_text("")
        old.write_text("")
        place = old
        with mock.patch.object(cache.os, "scandir", removing):
            cache.trim(old.parent, ".pickle", 1)
        self.assertEqual(list(old.parent.iterdir()), [new])

    def test_plain_files_of_this_user(self):
        self.file.chmod(0o600)
        self.assertTrue(cache.is_ours(self.file))
        with self.as_another_user():
            self.assertFalse(cache.is_ours(self.file))
        link = self.theano / "module.so"
        link.symlink_to(self.file)
        self.assertFalse(cache.is_ours(link))
        for mode in (0o620, 0o602):
            self.file.chmod(mode)
            self.assertFalse(cache.is_ours(self.file))


class Trim(CacheCase):
    def test_only_own_names_and_no_links_go(self):
        folder, old = cache.cache_folder("graphs"), "step-0123456789abcdef.pickle"
        foreign = (
            "mine.pickle",
            "step-0123.pickle",
            "step-0123456789abcdef.pickle.bak",
            "notes.txt",
            "step-0123456789ABCDEF.pickle",
        )
        for age, name in enumerate(("new-00000000000000ff.pickle", old, *foreign)):
            (folder / name).write_text("")
            os.utime(folder / name, (1000 - age,) * 2)
        link = folder / "link-0000000000000001.pickle"
        link.symlink_to(folder / "mine.pickle")
        cache.trim(folder, ".pickle", 1)
        left = {path.name for path in folder.iterdir()}
        self.assertEqual(left, {"new-00000000000000ff.pickle", link.name, *foreign})


class Scratch(CacheCase):
    def test_what_a_killed_process_left_goes_and_what_is_used_stays(self):
        left = cache.cache_folder("modules") / "scratch-left"
        (left / "deep").mkdir(parents=True)
        with cache.scratch_folder("modules") as first:
            self.assertFalse(left.exists())
            with cache.scratch_folder("modules") as second:
                self.assertTrue(first.is_dir())
                self.assertNotEqual(first, second)
        self.assertFalse(first.exists() or second.exists())


if __name__ == "__main__":
    unittest.main()
