"""The simulated cuDNN by itself: its convolutions against NumPy, and what it refuses."""

import ctypes
import itertools
import os
import subprocess
import sys
import unittest
from ctypes import byref, c_float, c_int, c_size_t, c_void_p
from pathlib import Path
from unittest import mock

import numpy as np
from scipy.signal import correlate

from . import simulation

ROOT = Path(__file__).parents[2]
BAD_PARAM, NOT_SUPPORTED, ALLOC_FAILED, EXECUTION_FAILED = 2000, 3000, 4003, 5000
FLOAT, DOUBLE = 0, 1
TURNED, CORRELATION = 0, 1
DEFAULT_MATH, FMA = 0, 3
ATOMIC, PRECOMPUTED, TRANSFORM, MISSING, PLAIN = 0, 1, 2, 3, 5
PASSES = "Forward", "BackwardData", "BackwardFilter"
# Sums are accumulated in double precision and rounded once.
TOLERANCE = 3e-7


class Performance(ctypes.Structure):
    """What a search says of an algorithm."""

    _fields_ = [
        ("algorithm", c_int),
        ("status", c_int),
        ("time", c_float),
        ("memory", c_size_t),
        ("deterministic", c_int),
        ("math", c_int),
        ("reserved", c_int * 3),
    ]


class Refused(Exception):
    """A call's status was not success; the arguments are the status and the reason given."""


class Library:
    """The simulated cuDNN, its statuses raised."""

    def __init__(self, path):
        self.path = path
        self._library = ctypes.CDLL(str(path))
        self._library.cudnnGetVersion.restype = c_size_t
        self._library.cudnnGetErrorString.restype = ctypes.c_char_p

    def version(self):
        return self._library.cudnnGetVersion()

    def call(self, name, *arguments):
        status = getattr(self._library, f"cudnn{name}")(*arguments)
        if status:
            reason = ctypes.create_string_buffer(256)
            self._library.cudnnGetLastErrorString(reason, c_size_t(256))
            raise Refused(status, reason.value.decode())

    def status_name(self, status):
        return self._library.cudnnGetErrorString(status).decode()

    def new(self, kind):
        made = c_void_p()
        self.call(f"Create{kind}", byref(made))
        return made

    def counts(self):
        return simulation.dnn_counters(self.path).as_dict()


def ints(values):
    return (c_int * len(values))(*values)


def pointer(array):
    return c_void_p(array.ctypes.data)


def with_channels_last(array):
    """Return the same values, in memory with the second dimension last."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)


class Convolution:
    """Operands of a convolution and the descriptors of all three passes."""

    def __init__(self, library, space, stride=1, pad=0, dilation=1, mode=CORRELATION, math=FMA, last=False):
        self.library = library
        self.stride, self.pad, self.dilation, self.mode, self.last = stride, pad, dilation, mode, last
        size, reach = (7, 6, 5)[:space], (3, 2, 3)[:space]
        made = [(n + 2 * pad - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(size, reach)]
        random = np.random.default_rng(0)
        shapes = {"x": (2, 3, *size), "w": (4, 3, *reach), "y": (2, 4, *made)}
        self.arrays = {
            name: self.laid_out(random.standard_normal(shape).astype("float32"))
            for name, shape in shapes.items()
        }
        self.handle = library.new("")
        self.descriptors = {
            "x": library.new("TensorDescriptor"),
            "w": library.new("FilterDescriptor"),
            "y": library.new("TensorDescriptor"),
        }
        self.how = library.new("ConvolutionDescriptor")
        library.call(
            "SetConvolutionNdDescriptor",
            self.how,
            space,
            *(ints(space * [value]) for value in (pad, stride, dilation)),
            mode,
            FLOAT,
        )
        library.call("SetConvolutionMathType", self.how, math)
        for name in "xwy":
            self.describe(name, shapes[name])

    def close(self):
        for name, kind in (("x", "Tensor"), ("w", "Filter"), ("y", "Tensor")):
            self.library.call(f"Destroy{kind}Descriptor", self.descriptors[name])
        self.library.call("DestroyConvolutionDescriptor", self.how)
        self.library.call("Destroy", self.handle)

    def laid_out(self, array):
        return with_channels_last(array) if self.last else np.ascontiguousarray(array)

    def describe(self, name, shape, dtype=FLOAT):
        """Set a descriptor for an array of this shape in the convolution's layout."""
        if name == "w":
            self.library.call(
                "SetFilterNdDescriptor",
                self.descriptors[name],
                dtype,
                int(self.last),
                len(shape),
                ints(shape),
            )
        else:
            strides = [step // 4 for step in self.laid_out(np.empty(shape, "float32")).strides]
            self.library.call(
                "SetTensorNdDescriptor", self.descriptors[name], dtype, len(shape), ints(shape), ints(strides)
            )

    def operands(self, which):
        """Return the names of what a pass reads and of what it makes, in the order of its arguments."""
        return {"Forward": "xwy", "BackwardData": "wyx", "BackwardFilter": "xyw"}[which]

    def run(self, which, algorithm=PLAIN, memory=0, alpha=1.0, beta=0.0, out=None):
        """Return the result of a pass; the memory of the result holds no numbers before."""
        first, second, made = self.operands(which)
        if out is None:
            out = self.laid_out(np.full_like(self.arrays[made], np.nan))
        workspace = np.zeros(max(memory, 1), "uint8")
        self.library.call(
            f"Convolution{which}",
            self.handle,
            byref(c_float(alpha)),
            *self.described(first),
            *self.described(second),
            self.how,
            algorithm,
            pointer(workspace),
            c_size_t(memory),
            byref(c_float(beta)),
            self.descriptors[made],
            pointer(out),
        )
        return out

    def find(self, which, memory=0, requested=8, out=None):
        """Return what a search finds, best first."""
        first, second, made = self.operands(which)
        if out is None:
            out = self.arrays[made].copy()
        workspace = np.zeros(max(memory, 1), "uint8")
        found, count = (Performance * requested)(), c_int()
        self.library.call(
            f"FindConvolution{which}AlgorithmEx",
            self.handle,
            *self.described(first),
            *self.described(second),
            self.how,
            self.descriptors[made],
            pointer(out),
            requested,
            byref(count),
            found,
            pointer(workspace),
            c_size_t(memory),
        )
        return list(found[: count.value])

    def described(self, name):
        return self.descriptors[name], pointer(self.arrays[name])

    def expected(self, which):
        """Return the result of a pass by NumPy, a product for each place of the kernel."""
        x, w, y = (self.arrays[name].astype("float64") for name in "xwy")
        space = x.ndim - 2
        if self.mode == TURNED:
            w = np.flip(w, tuple(range(2, w.ndim)))
        margin = [(0, 0), (0, 0)] + space * [(self.pad, self.pad)]
        padded, made, kernels = np.pad(x, margin), np.zeros_like(y), np.zeros_like(w)
        read = np.zeros_like(padded)
        for place in itertools.product(*map(range, w.shape[2:])):
            met = (slice(None), slice(None)) + tuple(
                slice(p * self.dilation, p * self.dilation + n * self.stride, self.stride)
                for p, n in zip(place, y.shape[2:])
            )
            kernel = w[(slice(None), slice(None), *place)]
            made += np.einsum("ni...,oi->no...", padded[met], kernel)
            read[met] += np.einsum("no...,oi->ni...", y, kernel)
            flat = [array.reshape(*array.shape[:2], -1) for array in (padded[met], y)]
            kernels[(slice(None), slice(None), *place)] = np.einsum("nip,nop->oi", *flat)
        if self.mode == TURNED:
            kernels = np.flip(kernels, tuple(range(2, w.ndim)))
        inside = (slice(None), slice(None)) + tuple(slice(self.pad, self.pad + n) for n in x.shape[2:])
        return {"Forward": made, "BackwardData": read[inside], "BackwardFilter": kernels}[which]


class SimulatedDnn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.library = Library(simulation.build() / "libcudnn.so.9")

    def convolution(self, *arguments, **options):
        made = Convolution(self.library, *arguments, **options)
        self.addCleanup(made.close)
        return made

    def assert_close(self, found, expected, tolerance=TOLERANCE):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())

    def assert_refused(self, status, words, run, *arguments, **options):
        with self.assertRaises(Refused) as caught:
            run(*arguments, **options)
        self.assertEqual(caught.exception.args[0], status, caught.exception)
        self.assertIn(words, caught.exception.args[1])


class Results(SimulatedDnn):
    def test_every_pass_agrees_with_numpy(self):
        for space, last, stride, pad, dilation, mode in itertools.product(
            (2, 3), (False, True), (1, 2), (0, 1), (1, 2), (TURNED, CORRELATION)
        ):
            options = {"stride": stride, "pad": pad, "dilation": dilation, "mode": mode, "last": last}
            convolution = self.convolution(space, **options)
            for which in PASSES:
                with self.subTest(space=space, which=which, **options):
                    self.assert_close(convolution.run(which), convolution.expected(which))

    def test_a_correlation_is_scipys(self):
        convolution = self.convolution(3)
        x, w = convolution.arrays["x"], convolution.arrays["w"]
        expected = [[correlate(picture, kernel, "valid")[0] for kernel in w] for picture in x]
        self.assert_close(convolution.run("Forward"), np.array(expected), 1e-6)

    def test_the_result_is_scaled_and_added(self):
        convolution = self.convolution(2, pad=1)
        for which in PASSES:
            before = convolution.arrays[convolution.operands(which)[-1]]
            found = convolution.run(which, alpha=2.0, beta=-0.5, out=before.copy(order="K"))
            self.assert_close(found, 2 * convolution.expected(which) - 0.5 * before)

    def test_a_tensor_with_gaps_is_read(self):
        convolution = self.convolution(2)
        wide = np.full((2, 3, 7, 9), np.nan, "float32")
        wide[..., :6] = convolution.arrays["x"]
        convolution.arrays["x"] = wide[..., :6]
        sizes, strides = ints((2, 3, 7, 6)), ints([step // 4 for step in wide.strides])
        x = convolution.descriptors["x"]
        self.library.call("SetTensorNdDescriptor", x, FLOAT, 4, sizes, strides)
        self.assert_close(convolution.run("Forward"), convolution.expected("Forward"))

    def test_only_exact_mathematics_keeps_every_bit_of_the_operands(self):
        for math in range(4):
            convolution = self.convolution(2, math=math)
            for which in PASSES:
                expected = convolution.expected(which)
                error = np.abs(convolution.run(which) - expected).max() / np.abs(expected).max()
                if math == FMA:
                    self.assertLess(error, TOLERANCE)
                else:
                    self.assertGreater(error, 1e-5)
                    self.assertLess(error, 2**-10)

    def test_an_operand_is_rounded_to_ten_places(self):
        convolution = self.convolution(2, math=DEFAULT_MATH)
        convolution.arrays["w"][...] = 1
        for value, rounded in ((1 + 2**-10, 1 + 2**-10), (1 + 2**-11, 1 + 2**-10), (1 + 2**-12, 1)):
            for sign in (1, -1):
                convolution.arrays["x"][...] = sign * value
                self.assertEqual(convolution.run("Forward").flat[0], np.float32(sign * rounded * 18))

    def test_an_infinity_stays_one(self):
        convolution = self.convolution(2, math=DEFAULT_MATH)
        convolution.arrays["w"][...] = 1
        convolution.arrays["x"][...] = np.inf
        self.assertEqual(convolution.run("Forward").flat[0], np.inf)


class Searches(SimulatedDnn):
    def test_the_fastest_is_not_deterministic_and_the_last_ones_cannot_run(self):
        convolution = self.convolution(3, stride=2)
        for which in PASSES:
            found = convolution.find(which, memory=1 << 20)
            self.assertEqual(
                [one.algorithm for one in found], [ATOMIC, PRECOMPUTED, PLAIN, TRANSFORM, MISSING]
            )
            self.assertEqual([one.deterministic for one in found], [0, 1, 1, 1, 1])
            self.assertEqual([one.status for one in found], [0, 0, 0, ALLOC_FAILED, NOT_SUPPORTED])
            times = [one.time for one in found[:3]]
            self.assertEqual(times, sorted(times))
            self.assertEqual([one.time for one in found[3:]], [-1, -1])
            self.assertGreater(found[3].memory, 1 << 20)

    def test_as_many_as_requested_are_returned(self):
        found = self.convolution(2).find("Forward", requested=2)
        self.assertEqual([one.algorithm for one in found], [ATOMIC, PLAIN])

    def test_the_mathematics_found_is_that_asked_for(self):
        for math in range(4):
            found = self.convolution(2, math=math).find("BackwardFilter")
            self.assertEqual({one.math for one in found}, {math})

    def test_a_search_leaves_no_value_in_the_result(self):
        convolution = self.convolution(2)
        for which in PASSES:
            out = convolution.arrays[convolution.operands(which)[-1]].copy(order="K")
            convolution.find(which, out=out)
            self.assertTrue(np.isnan(out).all())

    def test_a_deterministic_algorithm_repeats_its_result_and_the_other_does_not(self):
        convolution = self.convolution(2)
        for which, algorithm in itertools.product(PASSES, (ATOMIC, PRECOMPUTED, PLAIN)):
            results = [convolution.run(which, algorithm, memory=1 << 20) for _ in range(3)]
            same = np.array_equal(results[0], results[1])
            self.assertEqual(same, algorithm != ATOMIC)
            self.assert_close(results[0], results[1])

    def test_an_algorithm_runs_with_the_workspace_that_was_found_and_no_less(self):
        convolution = self.convolution(3)
        for which in PASSES:
            found = {one.algorithm: one for one in convolution.find(which, memory=1 << 20)}
            memory = found[PRECOMPUTED].memory
            self.assert_close(convolution.run(which, PRECOMPUTED, memory), convolution.expected(which))
            self.assert_refused(
                BAD_PARAM, "needs a workspace", convolution.run, which, PRECOMPUTED, memory - 1
            )
            self.assert_refused(BAD_PARAM, "needs a workspace", convolution.run, which, TRANSFORM, memory)

    def test_an_algorithm_that_does_not_exist_is_refused(self):
        convolution = self.convolution(2)
        for which, algorithm in itertools.product(PASSES, (MISSING, 17, -1)):
            self.assert_refused(NOT_SUPPORTED, "is not supported", convolution.run, which, algorithm)


class Refusals(SimulatedDnn):
    def test_sizes_that_do_not_belong_together(self):
        for name, shape, words in (
            ("x", (2, 5, 7, 6), "channels are read by kernels of"),
            ("w", (4, 2, 3, 2), "channels are read by kernels of"),
            ("w", (5, 3, 3, 2), "5 kernels make 4 channels"),
            ("y", (3, 4, 5, 5), "2 pictures are read and 3 made"),
            ("y", (2, 4, 5, 4), "size 4 made in dimension 3 where the convolution makes 5"),
            ("w", (4, 3, 9, 2), "where the convolution makes 0"),
            ("x", (2, 3, 7, 6, 5), "dimensions: 5 of the maps read, 4 of the kernels"),
        ):
            convolution = self.convolution(2)
            convolution.describe(name, shape)
            for which, run in itertools.product(PASSES, (convolution.run, convolution.find)):
                self.assert_refused(BAD_PARAM, words, run, which)

    def test_a_width_that_makes_fewer_cells_by_the_stride(self):
        convolution = self.convolution(2, stride=2)
        self.assertEqual(convolution.arrays["y"].shape[2:], (3, 3))
        convolution.describe("x", (2, 3, 7, 5))
        self.assert_refused(BAD_PARAM, "makes 2", convolution.run, "Forward")

    def test_descriptors_of_another_kind_not_set_or_destroyed(self):
        convolution = self.convolution(2)
        right = convolution.descriptors["w"]
        convolution.descriptors["w"] = convolution.descriptors["x"]
        self.assert_refused(BAD_PARAM, "of another kind", convolution.run, "Forward")
        convolution.descriptors["w"] = unset = self.library.new("FilterDescriptor")
        self.assert_refused(BAD_PARAM, "never set", convolution.run, "Forward")
        self.library.call("DestroyFilterDescriptor", unset)
        self.assert_refused(BAD_PARAM, "does not exist", convolution.run, "Forward")
        destroy = "DestroyFilterDescriptor"
        self.assert_refused(BAD_PARAM, "does not exist", self.library.call, destroy, unset)
        self.library.call(destroy, None)
        convolution.descriptors["w"] = right

    def test_a_handle_that_was_destroyed(self):
        convolution = self.convolution(2)
        right, convolution.handle = convolution.handle, self.library.new("")
        self.library.call("Destroy", convolution.handle)
        self.assert_refused(BAD_PARAM, "the handle does not exist", convolution.run, "Forward")
        self.assert_refused(
            BAD_PARAM, "the handle does not exist", self.library.call, "SetStream", convolution.handle, None
        )
        convolution.handle = right

    def test_kernels_with_the_channels_last_for_maps_with_the_channels_first(self):
        convolution = self.convolution(2, last=True)
        convolution.last = False
        convolution.describe("x", (2, 3, 7, 6))
        self.assert_refused(NOT_SUPPORTED, "channels last", convolution.run, "Forward")

    def test_a_stride_of_zero_for_more_than_one_element(self):
        convolution = self.convolution(2)
        set_sizes = "SetTensorNdDescriptor", convolution.descriptors["x"], FLOAT, 4
        self.library.call(*set_sizes, ints((2, 1, 7, 6)), ints((42, 0, 6, 1)))
        for stride in (0, -1):
            self.assert_refused(
                BAD_PARAM,
                f"dimension 1 has the stride {stride}",
                self.library.call,
                *set_sizes,
                ints((2, 3, 7, 6)),
                ints((42, stride, 6, 1)),
            )

    def test_values_that_no_descriptor_takes(self):
        convolution = self.convolution(2)
        for status, words, shape, dtype in (
            (NOT_SUPPORTED, "3 dimensions", (2, 3, 7), FLOAT),
            (NOT_SUPPORTED, "only float32", (2, 3, 7, 6), DOUBLE),
            (BAD_PARAM, "dimension 1 has the size 0", (2, 0, 7, 6), FLOAT),
        ):
            for name in "xw":
                self.assert_refused(status, words, convolution.describe, name, shape, dtype)
        for pad, stride, dilation in ((-1, 1, 1), (0, 0, 1), (0, 1, 0)):
            self.assert_refused(
                BAD_PARAM,
                "padding",
                self.library.call,
                "SetConvolutionNdDescriptor",
                convolution.how,
                2,
                ints([pad, pad]),
                ints([stride, stride]),
                ints([dilation, dilation]),
                CORRELATION,
                FLOAT,
            )
        self.assert_refused(
            BAD_PARAM, "mathematics", self.library.call, "SetConvolutionMathType", convolution.how, 4
        )
        self.assert_close(convolution.run("Forward"), convolution.expected("Forward"))

    def test_a_status_has_a_name(self):
        names = {0: "SUCCESS", BAD_PARAM: "BAD_PARAM", EXECUTION_FAILED: "EXECUTION_FAILED"}
        for status, name in names.items():
            self.assertEqual(self.library.status_name(status), f"CUDNN_STATUS_{name}")


class Orders(SimulatedDnn):
    """What environment variables make it do, and what it counts."""

    def use_all(self):
        convolution = Convolution(self.library, 2)
        self.library.call("SetStream", convolution.handle, None)
        for which in PASSES:
            convolution.find(which)
            convolution.run(which)
        convolution.close()

    def test_any_call_can_be_made_to_fail(self):
        objects = "", "TensorDescriptor", "FilterDescriptor", "ConvolutionDescriptor"
        for call in (
            *(verb + kind for verb in ("Create", "Destroy") for kind in objects),
            *(f"Set{kind}" for kind in ("Stream", "TensorNdDescriptor", "FilterNdDescriptor")),
            *(f"SetConvolution{kind}" for kind in ("NdDescriptor", "MathType")),
            *(f"FindConvolution{which}AlgorithmEx" for which in PASSES),
            *(f"Convolution{which}" for which in PASSES),
        ):
            with mock.patch.dict(os.environ, SIMULATED_DNN_FAIL=f"cudnn{call}"):
                self.assert_refused(EXECUTION_FAILED, f"cudnn{call} was told to fail", self.use_all)

    def test_a_call_fails_at_the_time_named(self):
        convolution = self.convolution(2)
        with mock.patch.dict(os.environ, SIMULATED_DNN_FAIL="cudnnConvolutionForward:2"):
            convolution.run("Forward")
            self.assert_refused(EXECUTION_FAILED, "told to fail", convolution.run, "Forward")
            convolution.run("Forward")
        convolution.run("Forward")

    def test_the_version_is_that_named(self):
        self.assertEqual(self.library.version(), 90100)
        with mock.patch.dict(os.environ, SIMULATED_DNN_VERSION="8907"):
            self.assertEqual(self.library.version(), 8907)

    def test_calls_and_objects_are_counted(self):
        before = self.library.counts()
        convolution = Convolution(self.library, 2)
        for which in PASSES:
            convolution.find(which)
        self.library.call("SetStream", convolution.handle, c_void_p(1))  # no driver looks at it here
        convolution.run("Forward")
        self.library.call("SetStream", convolution.handle, None)
        for which in PASSES[1:]:
            convolution.run(which)
        self.assert_refused(NOT_SUPPORTED, "", convolution.run, "Forward", MISSING)
        during = self.library.counts()
        convolution.close()
        counted = {name: during[name] - before[name] for name in during}
        self.assertEqual(
            counted,
            {
                "forward": 1,
                "backward_data": 1,
                "backward_filter": 1,
                "finds": 3,
                "without_stream": 2,
                "objects": 5,
            },
        )
        self.assertEqual(self.library.counts()["objects"], before["objects"])

    def test_the_driver_counts_a_convolution_in_a_stream_as_a_launch(self):
        environment = simulation.environment(self.library.path.parent)
        command = [sys.executable, "-c", "from tests.cuda import test_simulator_dnn as t; t.launch()"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)


def launch():
    """Check, where the simulated driver is found by name, that it is told of a convolution."""
    driver, library = ctypes.CDLL("libcuda.so"), Library("libcudnn.so.9")
    stream = c_void_p()
    assert driver.cuStreamCreate(byref(stream), 0) == 0
    convolution = Convolution(library, 2)
    convolution.run("Forward")
    assert simulation.counters().launches == 0  # without a stream
    library.call("SetStream", convolution.handle, stream)
    convolution.run("Forward")
    assert simulation.counters().launches == 1
