"""The oneDNN convolutions against sums written out in NumPy, over odd shapes and strides."""

import itertools
import unittest
from dataclasses import replace

import numpy as np

from voxlstm.lib.backend.door import tensor, theano
from voxlstm.lib.backend.blas import cpu_flags
from voxlstm.lib.backend.precision import MULTIPLIES_BFLOAT16
from voxlstm.lib.ops import available, convolution, layout

PYTHON = theano.Mode(linker="py", optimizer=None)

# images, x channels, y channels, space, kernel, border, stride, dilation
SHAPES = {
    "first of the encoder": (2, 3, 20, (13, 11), (7, 7), "half", (1, 1), (1, 1)),
    "picture": (2, 3, 100, (6, 9), (4, 5), (1, 3), (1, 1), (1, 1)),
    "picture of one colour, wide border": (3, 1, 40, (5, 3), (2, 4), "full", (1, 1), (1, 1)),
    "one image": (1, 16, 32, (9, 9), (3, 3), "half", (1, 1), (1, 1)),
    "one cell": (1, 16, 16, (1, 1), (3, 3), "half", (1, 1), (1, 1)),
    "part of a block": (2, 24, 40, (7, 5), (3, 3), "half", (1, 1), (1, 1)),
    "unequal kernel": (3, 16, 8, (6, 9), (2, 5), "valid", (1, 1), (1, 1)),
    "unequal strides": (2, 16, 16, (11, 8), (3, 2), (1, 0), (2, 3), (1, 1)),
    "windows that do not reach the end": (2, 16, 16, (8, 8), (3, 3), "valid", (2, 2), (1, 1)),
    "full border": (2, 8, 16, (5, 4), (3, 2), "full", (1, 1), (1, 1)),
    "dilation": (2, 16, 16, (9, 10), (3, 3), "half", (1, 1), (2, 2)),
    "enlarging": (2, 32, 24, (8, 8, 8), (3, 3, 3), "half", (2, 2, 2), (1, 1, 1)),
    "enlarging to an odd size": (1, 16, 16, (7, 5, 6), (3, 3, 3), "half", (2, 2, 2), (1, 1, 1)),
    "recurrent": (4, 32, 96, (4, 4, 4), (3, 3, 3), "half", (1, 1, 1), (1, 1, 1)),
    "recurrent, one cell": (4, 32, 96, (4, 4, 4), (1, 1, 1), "half", (1, 1, 1), (1, 1, 1)),
    "recurrent, few cells": (4, 16, 48, (2, 2, 2), (3, 3, 3), "half", (1, 1, 1), (1, 1, 1)),
    "recurrent, one cell alone": (3, 16, 48, (1, 1, 1), (3, 3, 3), "half", (1, 1, 1), (1, 1, 1)),
    "wide border": (2, 16, 16, (2, 5, 3), (4, 2, 3), (3, 1, 2), (2, 2, 1), (1, 1, 1)),
    "wide border, one axis": (2, 16, 16, (3, 6, 2), (4, 1, 1), (3, 0, 0), (2, 2, 1), (1, 1, 1)),
    "border wider than the kernel": (2, 24, 32, (5, 7), (1, 3), (1, 4), (1, 1), (1, 1)),
    "wide border, kernel of one plane": (2, 4, 26, (3, 4, 7), (1, 2, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
    "pairs of cells": (4, 40, 32, (9, 16), (3, 3), "half", (1, 1), (1, 1)),
    "pairs and one cell": (4, 32, 56, (8, 17), (5, 3), "half", (1, 1), (1, 1)),
    "pairs of cells in space": (2, 32, 40, (3, 4, 18), (3, 1, 3), "half", (1, 1, 1), (1, 1, 1)),
    "pairs and one cell in space": (2, 33, 32, (4, 3, 17), (3, 3, 3), "half", (1, 1, 1), (1, 1, 1)),
    "pairs of cells in many planes": (1, 128, 24, (18, 5, 16), (3, 3, 3), "half", (1, 1, 1), (1, 1, 1)),
    "many pairs of cells": (5, 40, 24, (21, 23), (3, 3), "half", (1, 1), (1, 1)),
    "many pairs of cells in long rows": (3, 16, 33, (23, 33), (5, 3), "half", (1, 1), (1, 1)),
    "many pairs of cells in space": (2, 17, 32, (9, 10, 13), (3, 3, 3), "half", (1, 1, 1), (1, 1, 1)),
    "many pairs of cells in long rows in space": (
        2,
        33,
        17,
        (4, 6, 32),
        (3, 3, 3),
        "half",
        (1, 1, 1),
        (1, 1, 1),
    ),
    "two classes": (2, 2, 32, (6, 6, 6), (3, 3, 3), "half", (1, 1, 1), (1, 1, 1)),
    "few channels": (3, 3, 5, (9, 5, 21), (3, 2, 3), "half", (1, 1, 1), (1, 1, 1)),
    "few channels, padded unequally": (2, 4, 2, (3, 6, 35), (2, 3, 3), (0, 2, 1), (1, 1, 1), (1, 1, 1)),
    "few channels, strides": (2, 5, 3, (7, 5, 18), (3, 2, 3), "half", (2, 1, 2), (1, 1, 1)),
    "few channels, long strides": (1, 2, 3, (5, 6, 40), (2, 3, 3), "valid", (1, 2, 4), (1, 1, 1)),
    "whole blocks in long rows": (2, 16, 8, (3, 10, 19), (3, 3, 3), "half", (1, 1, 1), (1, 1, 1)),
    "odd channels": (2, 5, 7, (6, 4, 5), (3, 1, 2), "valid", (1, 2, 1), (1, 1, 1)),
    "enlarging unequally": (2, 16, 24, (7, 6, 8), (4, 3, 2), (1, 1, 0), (2, 1, 2), (1, 1, 1)),
    "enlarging to cells that meet no tap": (2, 16, 24, (2, 9, 7), (1, 1, 2), "valid", (1, 2, 3), (1, 1, 1)),
    "enlarging many images": (5, 16, 256, (2, 23, 42), (1, 2, 3), (0, 0, 1), (1, 2, 2), (1, 1, 1)),
    "enlarging rows alone": (3, 24, 16, (2, 5, 12), (1, 3, 5), (0, 1, 2), (1, 1, 2), (1, 1, 1)),
}


def naive(x, w, padding, stride, dilation):
    """Convolve by the definition: y[n, o, p] = sum of x[n, i, p s + k d - pad] w[o, i, k]."""
    edges = [(0, 0), (0, 0)] + [(p, p) for p in padding]
    x = np.pad(x.astype("float64"), edges)
    kernel = w.shape[2:]
    sizes = zip(x.shape[2:], kernel, stride, dilation)
    space = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in sizes]
    y = np.zeros((x.shape[0], w.shape[0], *space))
    for tap in itertools.product(*map(range, kernel)):
        starts = [k * d for k, d in zip(tap, dilation)]
        cells = [slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(starts, space, stride)]
        part = x[(slice(None), slice(None), *cells)]
        y += np.einsum("ni...,oi->no...", part, w[(slice(None), slice(None), *tap)])
    return y


def adjoints(x, w, dy, padding, stride, dilation):
    """Return the gradients of ``sum(dy * naive(x, w))``, which is linear in both, term by term."""
    dx = np.zeros([n + 2 * p for n, p in zip(x.shape, [0, 0, *padding])])
    dw = np.zeros(w.shape)
    edges = [(0, 0), (0, 0)] + [(p, p) for p in padding]
    padded = np.pad(x.astype("float64"), edges)
    for tap in itertools.product(*map(range, w.shape[2:])):
        starts = [k * d for k, d in zip(tap, dilation)]
        sizes = zip(starts, dy.shape[2:], stride)
        cells = (slice(None), slice(None), *(slice(a, a + (n - 1) * s + 1, s) for a, n, s in sizes))
        kernel = w[(slice(None), slice(None), *tap)]
        dx[cells] += np.einsum("no...,oi->ni...", dy, kernel)
        rows = [a.swapaxes(0, 1).reshape(a.shape[1], -1) for a in (dy, padded[cells])]
        dw[(slice(None), slice(None), *tap)] = rows[0] @ rows[1].T
    inner = tuple(slice(p, p + n) for n, p in zip(x.shape[2:], padding))
    return dx[(slice(None), slice(None), *inner)], dw


@unittest.skipUnless(available()[0], available()[1])
class TestConvolution(unittest.TestCase):
    """Every operand, plain and blocked, turned over or not, with bias and leaky ReLU."""

    precision, tolerance = "float32", 3e-6

    def setUp(self):
        self.random = np.random.default_rng(3)

    def test_map(self):
        for name, case, x, w, _ in self.cases():
            with self.subTest(name, **case):
                geometry = self.geometry(**case)
                turned = self.turned(w, geometry)
                expected = naive(x, turned, *self.rest(geometry, w))
                b = self.values(w.shape[0])
                for slope, bias in ((None, ()), (None, (b,)), (0.1, (b,)), (0.3, ())):
                    op = convolution.Convolve(geometry, slope)
                    result = self.y(op, geometry, x, w, *bias)
                    self.close(result, self.finished(expected, slope, *bias))

    def test_a_map_between_a_plain_and_a_blocked_one(self):
        for name, case, x, w, _ in self.cases():
            geometry = self.geometry(**case)
            for plain in ("x_channels", "y_channels") if case["blocked"] else ():
                with self.subTest(name, plain=plain, flip=geometry.flip):
                    mixed = replace(geometry, **{plain: None})
                    b = self.values(w.shape[0])
                    expected = naive(x, self.turned(w, geometry), *self.rest(geometry, w))
                    for slope, bias in ((None, ()), (0.1, (b,))):
                        result = self.y(convolution.Convolve(mixed, slope), mixed, x, w, *bias)
                        self.close(result, self.finished(expected, slope, *bias))

    def test_transposed_map(self):
        for name, case, x, w, dy in self.cases():
            with self.subTest(name, **case):
                geometry = self.geometry(**case)
                turned = self.turned(w, geometry)
                expected, _ = adjoints(x, turned, dy, *self.rest(geometry, w))
                b = self.values(w.shape[1])
                for slope, bias in ((None, ()), (None, (b,)), (0.1, (b,)), (0.3, ())):
                    op = convolution.Transpose(geometry, slope)
                    result = self.x(op, geometry, w, dy, x.shape[2:], *bias)
                    self.close(result, self.finished(expected, slope, *bias))

    def test_kernel(self):
        for name, case, x, w, dy in self.cases():
            with self.subTest(name, **case):
                geometry = self.geometry(**case)
                _, expected = adjoints(x, self.turned(w, geometry), dy, *self.rest(geometry, w))
                op = convolution.KernelGradient(geometry)
                result = self.w(op, geometry, x, dy, w.shape[2:])
                self.close(result, self.turned(expected, geometry))

    def test_a_kernel_held_by_strides(self):
        geometry = self.geometry("one image", False, False)
        w = self.values(3, 32, 3, 16).transpose(1, 3, 0, 2)
        x = self.values(1, 16, 9, 9)
        op = convolution.Convolve(geometry)
        expected = self.y(op, geometry, x, np.ascontiguousarray(w))
        np.testing.assert_array_equal(self.y(op, geometry, x, w), expected)
        interleaved = np.repeat(w, 2, axis=2)[:, :, ::2]
        np.testing.assert_array_equal(self.y(op, geometry, x, interleaved), expected)
        backwards = np.ascontiguousarray(w[:, :, ::-1])[:, :, ::-1]
        np.testing.assert_array_equal(self.y(op, geometry, x, backwards), expected)

    def test_a_map_that_is_blank_or_begins_with_zero(self):
        for name, case, x, w, dy in self.cases():
            if name not in ("recurrent", "few channels"):
                continue
            geometry = self.geometry(**case)
            forward = convolution.Convolve(geometry)
            kernel = convolution.KernelGradient(geometry)
            with self.subTest(name, **case):
                result = self.y(forward, geometry, 0 * x, w)
                np.testing.assert_array_equal(result, np.zeros_like(dy))
                result = self.w(kernel, geometry, 0 * x, dy, w.shape[2:])
                np.testing.assert_array_equal(result, np.zeros_like(w))
                b = self.values(w.shape[0])
                result = self.y(forward, geometry, 0 * x, w, b)
                np.testing.assert_allclose(result, self.finished(np.zeros_like(dy), None, b))
                x.flat[0] = 0
                turned = self.turned(w, geometry)
                expected = naive(x, turned, *self.rest(geometry, w))
                self.close(self.y(forward, geometry, x, w), expected)

    def test_the_same_bits_again(self):
        for name in ("enlarging", "first of the encoder", "recurrent", "few channels"):
            *_, x, w, dy = next(c for c in self.cases() if c[0] == name)
            geometry = self.geometry(name, True, False)
            op = convolution.KernelGradient(geometry)
            first, second = (self.w(op, geometry, x, dy, w.shape[2:]) for _ in range(2))
            np.testing.assert_array_equal(first, second)

    def test_maps_that_do_not_fit(self):
        geometry = self.geometry("one image", False, False)
        op = convolution.Convolve(geometry)
        with self.assertRaisesRegex(ValueError, "does not fit a kernel"):
            self.y(op, geometry, self.values(1, 8, 9, 9), self.values(32, 16, 3, 3))
        op = convolution.KernelGradient(geometry)
        with self.assertRaisesRegex(ValueError, "does not make"):
            self.w(op, geometry, self.values(1, 16, 9, 9), self.values(1, 32, 8, 9), (3, 3))

    def test_an_image_alone_has_the_bits_that_it_has_in_a_batch(self):
        for name, case, x, w, dy in self.cases():
            if name.startswith(("pairs", "many pairs", "enlarging")) and case["blocked"]:
                geometry = self.geometry(**case)
                forward, back = convolution.Convolve(geometry), convolution.Transpose(geometry)
                with self.subTest(**case):
                    y, dx = (
                        [self.y(forward, geometry, part, w) for part in (x, x[-1:])],
                        [self.x(back, geometry, w, part, x.shape[2:]) for part in (dy, dy[-1:])],
                    )
                    np.testing.assert_array_equal(y[0][-1:], y[1])
                    np.testing.assert_array_equal(dx[0][-1:], dx[1])

    def test_shapes_are_told_without_computing(self):
        for blocked in (False, True):
            geometry = self.geometry("enlarging", blocked, False)
            x, w = tensor.tensor5(), tensor.tensor5()
            y = layout_in(x, geometry.x_channels, geometry.blocked_dtype)
            shape = theano.function([x, w], convolution.Convolve(geometry)(y, w).shape, mode="FAST_RUN")
            kinds = {type(node.op) for node in shape.maker.fgraph.apply_nodes}
            self.assertNotIn(convolution.Convolve, kinds)

    def cases(self):
        for name, blocked, flip in itertools.product(SHAPES, (False, True), (False, True)):
            images, x_channels, y_channels, space, kernel, *_ = SHAPES[name]
            geometry = self.geometry(name, blocked, flip)
            x = self.values(images, x_channels, *space)
            w = self.values(y_channels, x_channels, *kernel)
            dy = self.values(images, y_channels, *geometry.y_space(space, kernel))
            yield name, {"name": name, "blocked": blocked, "flip": flip}, x, w, dy

    def geometry(self, name, blocked, flip):
        _, x_channels, y_channels, space, _, border, stride, dilation = SHAPES[name]
        return convolution.Geometry(
            space=len(space),
            border=border,
            stride=stride,
            dilation=dilation,
            flip=flip,
            x_channels=x_channels if blocked else None,
            y_channels=y_channels if blocked else None,
            precision=self.precision,
        )

    def rest(self, geometry, w):
        return geometry.padding(w.shape[2:]), geometry.stride, geometry.dilation

    def turned(self, w, geometry):
        axes = tuple(range(2, w.ndim))
        return np.flip(w, axes) if geometry.flip else w

    def finished(self, y, slope, b=None):
        if b is not None:
            y = y + b.reshape(-1, *[1] * (y.ndim - 2))
        return y if slope is None else np.where(y > 0, y, slope * y)

    def values(self, *shape):
        return self.random.normal(size=shape).astype("float32")

    def close(self, result, expected):
        self.assertEqual(result.shape, expected.shape)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(result, expected, rtol=0, atol=self.tolerance * scale)

    def y(self, op, geometry, x, w, *bias):
        made = op(self.map(x, geometry.x_channels), constant(w), *map(constant, bias))
        return layout_out(made, geometry.y_channels)

    def map(self, x, channels):
        return layout_in(constant(x), channels, self.geometry("one image", True, False).blocked_dtype)

    def x(self, op, geometry, w, dy, space, *bias):
        dy = self.map(dy, geometry.y_channels)
        made = op(constant(w), dy, np.array(space), *map(constant, bias))
        return layout_out(made, geometry.x_channels)

    def w(self, op, geometry, x, dy, space):
        x, dy = self.map(x, geometry.x_channels), self.map(dy, geometry.y_channels)
        return theano.function([], op(x, dy, np.array(space)), mode=PYTHON)()


@unittest.skipUnless(available()[0] and MULTIPLIES_BFLOAT16 & cpu_flags(), "no bfloat16 here")
class TestBfloat16(TestConvolution):
    """The same with factors that bfloat16 holds: the products are exact, and the maps rounded."""

    precision, tolerance = "bfloat16", 2**-7  # two roundings where a pass adds the bias, each up to 2^-8

    def values(self, *shape):
        return rounded(super().values(*shape))

    def test_a_plain_result_and_a_kernels_gradient_are_not_rounded(self):
        for name in ("recurrent", "few channels", "first of the encoder"):
            *_, x, w, dy = next(c for c in self.cases() if c[0] == name)
            geometry = self.geometry(name, False, False)
            rest = self.rest(geometry, w)
            scale = np.abs(naive(x, w, *rest)).max()
            result = self.y(convolution.Convolve(geometry), geometry, x, w)
            np.testing.assert_allclose(result, naive(x, w, *rest), rtol=0, atol=2e-6 * scale)
            blocked = self.geometry(name, True, False)
            result = self.w(convolution.KernelGradient(blocked), blocked, x, dy, w.shape[2:])
            expected = adjoints(x, w, dy, *rest)[1]
            np.testing.assert_allclose(result, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def rounded(array):
    """Return the nearest values that bfloat16 holds, of two the even one, as float32."""
    bits = np.asarray(array, "float32").view("uint32").astype("uint64")
    low, odd = bits & 0xFFFF, bits >> 16 & 1
    up = (low > 0x8000) | ((low == 0x8000) & (odd == 1))
    return ((bits >> 16) + up << 16).astype("uint32").view("float32")


def constant(array):
    return theano.shared(array, borrow=True)


def layout_in(x, channels, dtype="float32"):
    return x if channels is None else layout.ToBlocked(channels, dtype)(x)


def layout_out(x, channels):
    made = x if channels is None else layout.FromBlocked(channels)(x)
    return theano.function([], made, mode=PYTHON)()


@unittest.skipUnless(available()[0], available()[1])
class TestLayout(unittest.TestCase):
    """Blocked maps by their definition."""

    def test_there_and_back(self):
        block = layout.block()
        for channels, space in ((1, (3, 2)), (block, (2, 5)), (block + 3, (2, 3, 4))):
            x = np.random.default_rng(0).normal(size=(2, channels, *space)).astype("float32")
            made = theano.function([], layout.ToBlocked(channels)(constant(x)), mode=PYTHON)()
            groups = -(-channels // block)
            padded = np.zeros((2, groups * block, *space), "float32")
            padded[:, :channels] = x
            expected = np.moveaxis(padded.reshape(2, groups, block, *space), 2, -1)
            np.testing.assert_array_equal(made, expected)
            back = layout_out(constant(made), channels)
            np.testing.assert_array_equal(back, x)

    def test_bfloat16_is_the_upper_half_of_the_nearest_float(self):
        random = np.random.default_rng(0)
        bits = random.integers(0, 2**32, 4000, "uint32")  # every kind of float but these few:
        bits[:6] = [0x3F808000, 0x3F818000, 0x7F7FFFFF, 0x80000001, 0x7F800000, 0xFF800000]
        values = bits.view("float32")
        x = np.where(np.isnan(values), 0, values).astype("float32").reshape(2, 20, 10, 10)
        halves = theano.function([], layout.ToBlocked(20, layout.BFLOAT16)(constant(x)), mode=PYTHON)()
        self.assertEqual(halves.dtype, "uint16")
        np.testing.assert_array_equal(layout_out(constant(halves), 20), rounded(x))

    def test_bfloat16_keeps_what_is_no_number(self):
        bits = np.array([0x7F800001, 0xFFFFFFFF, 0x7FFF8000, 0xFFC00000], "uint32")
        x = bits.view("float32").reshape(1, 1, 4)
        halves = theano.function([], layout.ToBlocked(1, layout.BFLOAT16)(constant(x)), mode=PYTHON)()
        self.assertTrue(np.isnan(layout_out(constant(halves), 1)).all())
