"""Stop requests: the first signal is noted, the second acts, forks are left alone."""

import os
import signal
import unittest

from voxlstm.lib.base.signals import STOPPING, StopRequest


class StopRequestTest(unittest.TestCase):
    def test_a_signal_is_noted_and_gives_its_status(self):
        wanted = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGUSR1: 138, signal.SIGUSR2: 140}
        for number, status in wanted.items():
            with StopRequest() as stop:
                self.assertFalse(stop)
                self.assertEqual(stop.status, 0)
                os.kill(os.getpid(), number)
                self.assertTrue(stop)
                self.assertEqual(stop.status, status)

    def test_the_second_one_acts(self):
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            self.assertTrue(stop)
            with self.assertRaises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
                signal.pause()

    def test_a_patient_one_waits_through_any_number(self):
        with StopRequest(patient=True) as stop:
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGTERM)
            self.assertEqual(stop.status, 143)
            child = os.fork()
            if child == 0:
                os.kill(os.getpid(), signal.SIGTERM)
                os._exit(0)
            self.assertEqual(os.WTERMSIG(os.waitpid(child, 0)[1]), signal.SIGTERM)

    def test_afterwards_everything_is_as_before(self):
        before = [signal.getsignal(number) for number in STOPPING]
        with StopRequest():
            pass
        after = [signal.getsignal(number) for number in STOPPING]
        self.assertEqual(after, before)

    def test_a_forked_process_dies_of_it(self):
        with StopRequest() as stop:
            child = os.fork()
            if child == 0:
                os.kill(os.getpid(), signal.SIGTERM)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            self.assertEqual(os.WTERMSIG(status), signal.SIGTERM)
            self.assertFalse(stop)
