"""How OpenMP's threads wait, by what the system says of this process's threads."""

import tempfile
import threading
import time
import unittest
from pathlib import Path

from voxlstm.lib.backend import waiting
from voxlstm.lib.backend.waiting import BUSY, PATIENCE, QUIET, Crowd
from voxlstm.lib.base.cores import affinity
from voxlstm.lib.ops import available, library


class FolderCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tasks = Path(folder.name)

    def thread(self, number, text):
        (self.tasks / number).mkdir()
        (self.tasks / number / "schedstat").write_text(text)


class InLineTest(FolderCase):
    def test_the_seconds_of_all_threads(self):
        self.thread("11", "9000000000 1500000000 7\n")
        self.thread("12", "9000000000 250000000 7\n")
        self.assertEqual(waiting.in_line(self.tasks), 1.75)

    def test_a_thread_that_has_ended_is_left_out(self):
        self.thread("11", "9 2000000000 7\n")
        (self.tasks / "12").mkdir()
        self.thread("13", "")
        self.assertEqual(waiting.in_line(self.tasks), 2)

    def test_a_system_that_does_not_tell(self):
        self.assertIsNone(waiting.in_line(self.tasks))

    def test_this_process_stands_in_line_where_others_have_its_core(self):
        before = waiting.in_line()
        if before is None:
            self.skipTest("the system does not tell")
        self.assertGreaterEqual(waiting.in_line(), before)


class ChoiceTest(FolderCase):
    def chosen(self, **environment):
        waiting.choose_waiting(environment, self.tasks)
        return environment

    def test_short_always_where_the_system_does_not_tell(self):
        self.assertEqual(self.chosen(), {"GOMP_SPINCOUNT": waiting.SPINS})

    def test_libgomps_own_where_it_does(self):
        self.thread("11", "9 2000000000 7\n")
        self.assertEqual(self.chosen(), {})

    def test_the_users_own_stays_and_nobody_looks_on(self):
        for name, value in (("OMP_WAIT_POLICY", "active"), ("GOMP_SPINCOUNT", "7"), ("KMP_BLOCKTIME", "1")):
            self.assertEqual(self.chosen(**{name: value}), {name: value})
            before = threading.active_count()
            waiting.watch(self.fail, {name: value})
            self.assertEqual(threading.active_count(), before)


class CrowdTest(unittest.TestCase):
    """When the crowd comes and goes."""

    def setUp(self):
        self.entered = threading.Semaphore(0)
        self.crowd = Crowd(self.entered.release)

    def look(self, share, times=1):
        for _ in range(times):
            self.crowd.look(share)
        return self.crowd.there

    def test_it_comes_when_threads_stand_in_line(self):
        self.assertFalse(self.look(BUSY))
        self.assertFalse(self.entered.acquire(blocking=False))
        self.assertTrue(self.look(1.5 * BUSY))
        self.assertTrue(self.entered.acquire(timeout=60))

    def test_it_comes_once(self):
        self.look(1, times=5)
        self.assertTrue(self.entered.acquire(timeout=60))
        self.assertFalse(self.entered.acquire(timeout=0.1))

    def test_it_goes_when_it_has_been_quiet_for_some_time(self):
        self.look(1)
        self.assertTrue(self.look(QUIET / 2, times=PATIENCE - 1))
        self.look((QUIET + BUSY) / 2)  # so that the time begins anew
        self.assertTrue(self.look(QUIET / 2, times=PATIENCE - 1))
        self.assertFalse(self.look(QUIET / 2))
        self.assertTrue(self.look(1))
        for _ in range(2):
            self.assertTrue(self.entered.acquire(timeout=60))


@unittest.skipUnless(available()[0], available()[1])
class LibgompTest(unittest.TestCase):
    """The crowd in libgomp itself: threads beyond the cores, while the one that called them lives."""

    def test_it_is_there_while_needed(self):
        threads = len(list(Path("/proc/self/task").iterdir()))
        crowd = Crowd(library.load().voxlstm_crowd)
        crowd.look(1)
        self.wait_for(lambda now: now > threads + affinity())
        for _ in range(PATIENCE):
            crowd.look(0)
        self.wait_for(lambda now: now <= threads)

    def wait_for(self, right):
        for _ in range(600):
            if right(len(list(Path("/proc/self/task").iterdir()))):
                return
            time.sleep(0.1)
        self.fail("the number of threads has not changed")


if __name__ == "__main__":
    unittest.main()
