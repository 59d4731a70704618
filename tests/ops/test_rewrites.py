"""The graph optimisation: which ops it puts in, and that nothing else changes."""

import os
import unittest
from unittest import mock

from voxlstm.lib.backend.door import tensor, theano

import numpy as np
from theano.tensor.nnet import abstract_conv
from theano.tensor.signal.pool import MaxPoolGrad, Pool, pool_2d

from voxlstm.lib.backend import blas, door
from voxlstm.lib.backend.blas import cpu_flags
from voxlstm.lib.backend.precision import MULTIPLIES_BFLOAT16
from voxlstm.lib.ops import available, cells, leaky, library
from voxlstm.lib.ops.activation import Activation
from voxlstm.lib.ops.cells import Recurrence, RecurrenceGradient
from voxlstm.lib.ops.convolution import Convolve, KernelGradient, Transpose
from voxlstm.lib.ops.dense import Dense, DenseGradient, DenseKernelGradient
from voxlstm.lib.ops.layout import FromBlocked, ToBlocked
from voxlstm.lib.ops.leaky import BlockedLeakyGradient
from voxlstm.lib.ops.pooling import MaxPool, MaxPoolGradient
from voxlstm.lib.ops.registration import TAG
from voxlstm.models.network import Network, NetworkConfig

# Python instead of compiled loops where that serves, since compiling takes its time.
OURS = theano.Mode(linker="py", optimizer="fast_run").excluding("fusion", "inplace")
PYTHON = theano.Mode(linker="py", optimizer=None)
STOCK = theano.Mode(linker="cvm", optimizer="fast_run").excluding(TAG, "fusion")

CONFIG = NetworkConfig(
    image=21,
    encoder_widths=(16, 24, 16),
    encoder_kernels=(7, 3, 3),
    features=12,
    grid=2,
    channels=16,
    kernel=3,
    decoder_widths=(24, 16),
    unpoolings=1,
)


@unittest.skipUnless(available()[0], available()[1])
class TestNetwork(unittest.TestCase):
    """A small network of the paper's form, with our ops and with Theano's."""

    @classmethod
    def setUpClass(cls):
        cls.network = Network(CONFIG, seed=2)
        views, voxels = cls.network.inputs()
        loss = cls.network.loss(cls.network.outputs(views), voxels)
        variables = [p.variable for p in cls.network.parameters.values()]
        cls.ours = theano.function([views, voxels], [loss, *theano.grad(loss, variables)], mode=OURS)
        with mock.patch.object(cells, "serves", return_value=False):
            loss = cls.network.loss(cls.network.outputs(views), voxels)
        cls.stock = theano.function([views, voxels], [loss, *theano.grad(loss, variables)], mode=STOCK)

    def test_loss_and_gradients_agree(self):
        random = np.random.default_rng(5)
        for views, batch in ((1, 1), (2, 3)):
            x = random.random((views, batch, 3, CONFIG.image, CONFIG.image), "float32")
            y = (random.random((batch, 4, 4, 4)) > 0.5).astype("float32")
            names = ["loss", *self.network.parameters]
            for name, ours, stock in zip(names, self.ours(x, y), self.stock(x, y)):
                with self.subTest(name, views=views, batch=batch):
                    scale = np.abs(stock).max()
                    # The first state is zero: one view alone teaches nothing about keeping it.
                    self.assertTrue(scale > 0 or views == 1)
                    np.testing.assert_allclose(ours, stock, rtol=0, atol=1e-5 * scale)

    def test_every_convolution_and_pooling_is_ours(self):
        count = self.kinds(self.ours)
        stock = [k for k in count if issubclass(k, abstract_conv.BaseAbstractConv)]
        self.assertEqual(stock + [k for k in count if k in (Pool, MaxPoolGrad)], [])
        # Encoder: 3; decoder: 3, transposed. The first needs no gradient of its input.
        self.assertEqual(count[Convolve], 3 + 3)
        self.assertEqual(count[Transpose], 2 + 3)
        self.assertEqual(count[KernelGradient], 3 + 3)
        self.assertEqual((count[MaxPool], count[MaxPoolGradient]), (3, 3))

    def test_every_fully_connected_layer_is_ours(self):
        count = self.kinds(self.ours)
        self.assertFalse([kind for kind in count if kind.__name__ in ("Dot", "Dot22", "Gemm")])
        # The encoder's last layer and one for each gate.
        self.assertEqual([count[k] for k in (Dense, DenseGradient, DenseKernelGradient)], [4, 4, 4])

    def test_the_loop_over_views_is_ours(self):
        count = self.kinds(self.ours)
        self.assertEqual([count[k] for k in (Recurrence, RecurrenceGradient)], [1, 1])
        self.assertNotIn("Scan", [kind.__name__ for kind in count])

    def test_every_sigmoid_is_ours(self):
        ops = [str(n.op) for n in self.ours.maker.fgraph.apply_nodes]
        self.assertFalse([op for op in ops if "scalar_sigmoid" in op or "{tanh" in op])
        self.assertEqual(self.kinds(self.ours)[Activation], 1)  # the gradient of the loss needs the occupancy

    def test_layouts_change_only_at_the_ends(self):
        count = self.kinds(self.ours)
        self.assertEqual(count[BlockedLeakyGradient], 2 + 2)
        # The hidden state in, its gradient out; the flattened features out, their gradient in.
        self.assertEqual(count[ToBlocked], 2)
        self.assertEqual(count[FromBlocked], 2)

    def test_biases_and_leaky_relus_are_drawn_in(self):
        nodes = self.ours.maker.fgraph.apply_nodes
        pools = [n for n in nodes if isinstance(n.op, MaxPool)]
        # Theano puts the last leaky ReLU behind the flattening.
        found = sorted((len(n.inputs), n.op.slope) for n in pools)
        self.assertEqual(found, [(2, 0.1), (2, 0.1), (2, 1.0)])
        decoder = [n for n in nodes if isinstance(n.op, Transpose) and len(n.inputs) == 4]
        self.assertEqual(sorted(n.op.slope or 0 for n in decoder), [0, 0.1, 0.1])

    def kinds(self, function):
        count = {}
        for node in function.maker.fgraph.apply_nodes:
            count[type(node.op)] = count.get(type(node.op), 0) + 1
        return count


@unittest.skipUnless(available()[0] and MULTIPLIES_BFLOAT16 & cpu_flags(), "no bfloat16 here")
class TestBfloat16(unittest.TestCase):
    """The same network with products of bfloat16, whose values have 8 bits."""

    @classmethod
    def setUpClass(cls):
        cls.network = Network(CONFIG, seed=2)
        for name, variable in cls.network.shared().items():
            if name.startswith("lstm"):  # saturated gates would pass on next to nothing but roundings
                variable.set_value(0.1 * variable.get_value())
        views, voxels = cls.network.inputs()

        def made():
            loss = cls.network.loss(cls.network.outputs(views), voxels)
            outputs = [loss, *theano.grad(loss, [p.variable for p in cls.network.parameters.values()])]
            return theano.function([views, voxels], outputs, mode=OURS)

        cls.exact = made()
        with mock.patch.dict(door._on_cpu, precision="bfloat16"):
            cls.rounded = made()

    def test_loss_and_gradients_are_near_those_of_float32(self):
        random = np.random.default_rng(5)
        x = random.random((3, 4, 3, CONFIG.image, CONFIG.image), "float32")
        y = (random.random((4, 4, 4, 4)) > 0.5).astype("float32")
        names = ["loss", *self.network.parameters]
        for name, exact, rounded in zip(names, self.exact(x, y), self.rounded(x, y)):
            with self.subTest(name):
                off = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
                self.assertLess(off, 1e-3 if name == "loss" else 0.1)
                self.assertGreater(off, 0)

    def test_blocked_maps_alone_are_of_bfloat16(self):
        for node in self.rounded.maker.fgraph.apply_nodes:
            for variable in node.inputs + node.outputs:
                if variable.ndim in (5, 6) and variable.dtype == "uint16":
                    makers = (Convolve, Transpose, MaxPool, MaxPoolGradient, BlockedLeakyGradient, ToBlocked)
                    self.assertIsInstance(variable.owner.op, makers)
        changed = [n for n in self.rounded.maker.fgraph.apply_nodes if isinstance(n.op, ToBlocked)]
        self.assertEqual({n.outputs[0].dtype for n in changed}, {"uint16"})

    def test_the_ops_are_those_of_float32(self):
        kinds = TestNetwork.kinds
        self.assertEqual(kinds(self, self.rounded), kinds(self, self.exact))


@unittest.skipUnless(available()[0], available()[1])
class TestCasesLeftAlone(unittest.TestCase):
    """What oneDNN's ops do not do stays Theano's."""

    def ops(self, *outputs):
        inputs = [v for v in theano.gof.graph.inputs(outputs) if v.owner is None]
        inputs = [v for v in inputs if not isinstance(v, theano.Constant)]
        function = theano.function(inputs, outputs, mode=OURS)
        return {type(node.op) for node in function.maker.fgraph.apply_nodes}

    def test_double_precision(self):
        y = tensor.nnet.conv2d(tensor.dtensor4(), tensor.dtensor4())
        self.assertNotIn(Convolve, self.ops(y))

    def test_groups(self):
        y = tensor.nnet.conv2d(tensor.ftensor4(), tensor.ftensor4(), num_groups=2)
        self.assertNotIn(Convolve, self.ops(y))

    def test_unknown_channels_stay_plain(self):
        ops = self.ops(tensor.nnet.conv2d(tensor.ftensor4(), tensor.ftensor4()))
        self.assertIn(Convolve, ops)
        self.assertFalse({ToBlocked, FromBlocked} & ops)

    def test_other_windows(self):
        x, w = tensor.ftensor4(), tensor.ftensor4()
        y = tensor.nnet.conv2d(x, w, filter_shape=(16, 16, 3, 3))
        for settings in ({"ws": (3, 3)}, {"ws": (2, 2), "stride": (1, 1)}, {"mode": "sum"}):
            pooled = pool_2d(y, **{"ws": (2, 2), "ignore_border": True, **settings})
            ops = self.ops(pooled)
            self.assertIn(Pool, ops)
            self.assertNotIn(MaxPool, ops)

    def test_a_map_needed_elsewhere_gets_no_bias(self):
        x, w, b = tensor.ftensor4(), tensor.ftensor4(), tensor.fvector()
        y = tensor.nnet.conv2d(x, w, filter_shape=(16, 16, 3, 3))
        z = leaky.leaky_relu(y + b.dimshuffle("x", 0, "x", "x"), 0.1)
        function = theano.function([x, w, b], [y, z], mode=OURS)
        random = np.random.default_rng(0)
        values = [random.normal(size=s).astype("float32") for s in ((1, 16, 5, 5), (16, 16, 3, 3))]
        bias = np.arange(-8, 8).astype("float32")
        first, second = function(*values, bias)
        added = first + bias.reshape(-1, 1, 1)
        np.testing.assert_allclose(second, np.where(added > 0, added, 0.1 * added), rtol=1e-6)


class TestAvailability(unittest.TestCase):
    """The switch, and what is said where oneDNN is missing."""

    def setUp(self):
        library.load.cache_clear()
        self.addCleanup(library.load.cache_clear)

    def test_switched_off(self):
        with mock.patch.dict(os.environ, {library.SWITCH: "0"}):
            self.assertEqual(available(), (False, "VOXLSTM_ONEDNN=0 switches it off"))
            x = tensor.ftensor4()
            y = tensor.nnet.conv2d(x, tensor.ftensor4())
            inputs = [v for v in theano.gof.graph.inputs([y]) if v.owner is None]
            graph = theano.function(inputs[:2], y, mode=OURS)
            kinds = {type(node.op) for node in graph.maker.fgraph.apply_nodes}
            self.assertNotIn(Convolve, kinds)

    @unittest.skipUnless("avx2" in blas.cpu_flags(), "this CPU has no AVX2")
    @unittest.skipIf(os.environ.get(library.SWITCH) == "0", "it is switched off")
    def test_it_serves_where_it_can(self):
        # The other tests are skipped where it does not, which must not hide code that does not compile.
        served, reason = available()
        self.assertTrue(served, reason)

    def test_not_installed(self):
        with mock.patch.dict(library.PACKAGES, {"no-such-package": "x"}, clear=True):
            served, reason = available()
        self.assertFalse(served)
        self.assertIn("no-such-package is not installed", reason)

    def test_source_that_does_not_compile(self):
        if not available()[0]:
            self.skipTest(available()[1])
        library.load.cache_clear()
        with mock.patch.object(library, "FLAGS", [*library.FLAGS, "-no-such-flag"]):
            served, reason = available()
        self.assertFalse(served)
        self.assertIn("does not compile", reason)


@unittest.skipUnless(available()[0], available()[1])
class TestBlockedPasses(unittest.TestCase):
    """Pooling and the leaky gradient against NumPy, over odd sizes."""

    def test_leaky_gradient(self):
        random = np.random.default_rng(1)
        for shape in ((1, 16, 3, 3), (3, 40, 37, 41), (2, 24, 11, 10, 12)):
            y, dy = (random.normal(size=shape).astype("float32") for _ in range(2))
            channels = shape[1]
            blocked = [ToBlocked(channels)(theano.shared(v)) for v in (y, dy)]
            dz, db = BlockedLeakyGradient(channels, 0.1)(*blocked)
            dz, db = theano.function([], [FromBlocked(channels)(dz), db], mode=PYTHON)()
            expected = np.where(y > 0, dy, np.float32(0.1) * dy)
            np.testing.assert_allclose(dz, expected, rtol=1e-6)
            total = expected.astype("float64").sum(tuple({*range(y.ndim)} - {1}))
            np.testing.assert_allclose(db, total, rtol=1e-5, atol=1e-3)

    def test_pooling(self):
        random = np.random.default_rng(2)
        for shape in ((1, 16, 1, 1), (2, 24, 5, 8), (3, 32, 6, 7), (1, 8, 2, 3)):
            for padding in ((0, 0), (1, 1), (1, 0)):
                if 0 in [n + 2 * p - 1 for n, p in zip(shape[2:], padding)]:
                    continue
                with self.subTest(shape=shape, padding=padding):
                    # Few values, so that windows hold equal maxima: they share the gradient.
                    x = random.integers(-3, 3, shape).astype("float32")
                    self.compare_pooling(x, padding, random)

    def compare_pooling(self, x, padding, random):
        channels = x.shape[1]
        b = random.normal(size=channels).astype("float32")
        mine = MaxPool(channels, padding, 0.1)(ToBlocked(channels)(theano.shared(x)), b)
        plain = theano.shared(x)
        theirs = pool_2d(plain, (2, 2), ignore_border=True, stride=(2, 2), pad=padding)
        shape = theano.function([], theirs.shape, mode=STOCK)()
        dy = random.normal(size=shape).astype("float32")
        gradient = theano.grad((theirs * dy).sum(), plain)
        finished = leaky.leaky_relu(theirs + b.reshape(1, -1, 1, 1), 0.1)
        expected = theano.function([], [finished, gradient], mode=STOCK)()
        dx = MaxPoolGradient(channels, padding)(ToBlocked(channels)(dy), mine[1], mine[2])
        outputs = [FromBlocked(channels)(v) for v in (mine[0], dx)]
        for result, value in zip(theano.function([], outputs, mode=PYTHON)(), expected):
            np.testing.assert_allclose(result, value, rtol=1e-6)
