"""The test suite; its folders mirror the package's."""

import signal

import voxlstm  # before any test imports NumPy, whose BLAS it chooses

# A shell starts background jobs with Ctrl-C ignored, and children inherit that; the tests of
# interruption need it to act, however the suite was started.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
