"""What the environment of a launcher says."""

import unittest

from voxlstm.lib.base.launcher import one_of_several


class LauncherTest(unittest.TestCase):
    def test_one_of_several(self):
        for environment, several in (
            ({}, False),
            ({"OMPI_COMM_WORLD_SIZE": "1", "PMIX_RANK": "0"}, False),
            ({"OMPI_COMM_WORLD_SIZE": "4"}, True),
            ({"PMI_SIZE": "2"}, True),
            ({"PMIX_RANK": "0"}, True),
            ({"PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "1"}, False),
            ({"SLURM_STEP_NUM_TASKS": "3"}, True),
            ({"OMPI_COMM_WORLD_SIZE": "many"}, False),
        ):
            with self.subTest(environment):
                self.assertIs(one_of_several(environment), several)


if __name__ == "__main__":
    unittest.main()
