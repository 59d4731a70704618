"""Usable cores: the affinity mask, and control groups in made-up files."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.process import run_python
from voxlstm.lib.backend.blas import choose_threads
from voxlstm.lib.base.cores import affinity, usable_cores


class CoresCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        mask = mock.patch.object(os, "sched_getaffinity", lambda _: set(range(8)))
        mask.start()
        self.addCleanup(mask.stop)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def cores(self):
        return usable_cores(self.root)


class AffinityTest(CoresCase):
    def test_without_control_groups_it_is_the_mask(self):
        self.assertEqual((self.cores(), affinity()), (8, 8))

    def test_this_machine(self):
        self.assertIn(usable_cores(), range(1, 9))


class SharedTest(CoresCase):
    """Processes of mpirun share the cores of their machine, unless it has bound each to its own."""

    def shared(self, **environment):
        with mock.patch.dict(os.environ, environment):
            return self.cores()

    def test_those_of_one_machine_divide_its_cores(self):
        for number, cores in (("1", 8), ("2", 4), ("3", 2), ("16", 1), ("", 8)):
            self.assertEqual(self.shared(OMPI_COMM_WORLD_LOCAL_SIZE=number), cores)
        self.assertEqual(self.shared(MPI_LOCALNRANKS="4"), 2)

    def test_bound_ones_have_what_they_are_bound_to(self):
        self.assertEqual(self.shared(OMPI_COMM_WORLD_LOCAL_SIZE="4", OMPI_MCA_orte_bound_at_launch="1"), 8)


class Version2Test(CoresCase):
    def setUp(self):
        super().setUp()
        self.write("proc/self/cgroup", "0::/")

    def limit(self, text, group=""):
        self.write(f"sys/fs/cgroup/{group}/cpu.max", text)
        return self.cores()

    def test_a_quota_is_rounded_up_and_at_least_one(self):
        for text, cores in [
            ("200000 100000", 2),
            ("250000 100000", 3),
            ("1000 100000", 1),
            ("50000 25000", 2),
            ("1600000 100000", 8),
            ("max 100000", 8),
        ]:
            self.assertEqual(self.limit(text), cores, text)

    def test_what_cannot_be_read_limits_nothing(self):
        for text in ("", "max", "2", "a b", "0 100000", "100000 0"):
            self.assertEqual(self.limit(text), 8, text)

    def test_the_smallest_of_the_groups_above_counts(self):
        self.write("proc/self/cgroup", "0::/user.slice/one.scope")
        self.assertEqual(self.limit("600000 100000", "user.slice/one.scope"), 6)
        self.assertEqual(self.limit("300000 100000", "user.slice"), 3)
        self.assertEqual(self.limit("100000 100000", "other.slice"), 3)

    def test_a_path_that_is_seen_from_outside_of_the_container(self):
        self.write("proc/self/cgroup", "0::/docker/0123")
        self.assertEqual(self.limit("200000 100000"), 2)


class Version1Test(CoresCase):
    def limit(self, quota, period, group):
        self.write(f"sys/fs/cgroup/{group}/cpu.cfs_quota_us", quota)
        self.write(f"sys/fs/cgroup/{group}/cpu.cfs_period_us", period)
        return self.cores()

    def test_the_group_of_the_cpu_controller(self):
        self.write("proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/box\n3:cpuset:/\n0::/")
        self.assertEqual(self.limit("-1", "100000", "cpu,cpuacct/box"), 8)
        self.assertEqual(self.limit("150000", "100000", "cpu,cpuacct/box"), 2)
        self.assertEqual(self.limit("100000", "100000", "memory"), 2)
        self.assertEqual(self.limit("100000", "100000", "cpu,cpuacct"), 1)


class ThreadsTest(CoresCase):
    def chosen(self, cores, **environment):
        with mock.patch("voxlstm.lib.backend.blas.usable_cores", lambda: cores):
            choose_threads(environment)
        return environment

    def test_a_quota_limits_the_threads(self):
        self.assertEqual(self.chosen(2), {"OMP_NUM_THREADS": "2"})

    def test_without_one_the_libraries_count_themselves(self):
        self.assertEqual(self.chosen(8), {})

    def test_the_users_number_stays(self):
        self.assertEqual(self.chosen(2, OMP_NUM_THREADS="5"), {"OMP_NUM_THREADS": "5"})


class ListOfThreadsTest(unittest.TestCase):
    def test_openmps_list_of_threads_is_understood(self):
        code = (
            "import os\n"
            "from voxlstm.lib.backend.door import theano\n"
            "print(os.environ['OMP_NUM_THREADS'], theano.config.openmp)"
        )
        for threads in ("4,2", " 2 ", "many"):
            answer = run_python(code, OMP_NUM_THREADS=threads)
            self.assertEqual(answer.stdout.strip(), f"{threads} False".strip(), answer.stderr)


if __name__ == "__main__":
    unittest.main()
