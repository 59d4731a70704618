"""The ONNX graph: ONNX Runtime computes with it what the network computes."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from tests.exchange.networks import checkpoint, drawn, write
from tests.models import tiny
from voxlstm.lib.exchange import files
from voxlstm.models.network import NetworkConfig
from voxlstm.models.predictor import Predictor

MODELS = Path(__file__).resolve().parents[2] / "models"
SHIPPED = ("small_1x1x1", "small_3x3x3", "medium_3x3x3", "lstm_1x1x1", "lstm_3x3x3")
TOLERANCE = 1e-4


class Exported:
    """A network, its ONNX file, and a session of it."""

    def __init__(self, case, config, **options):
        folder = tempfile.TemporaryDirectory()
        case.addCleanup(folder.cleanup)
        self.network = drawn(config)
        self.path = Path(folder.name, "net.onnx")
        source = write(self.network, Path(folder.name, "net.npz"))
        files.write(self.path, checkpoint(self.network), source, **options)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 2
        self.session = onnxruntime.InferenceSession(str(self.path), settings)

    def occupancy(self, views):
        """Return what the file says of views ``(batch, views, 3, size, size)``."""
        (occupancy,) = self.session.run(None, {"views": views})
        return occupancy


def views_of(config, batch, views, seed=0):
    shape = batch, views, 3, config.image, config.image
    return np.random.default_rng(seed).random(shape, np.float32)


class GraphTest(unittest.TestCase):
    def test_the_shipped_networks_on_few_and_many_views(self):
        for name in SHIPPED:
            with self.subTest(name):
                exported = Exported(self, NetworkConfig.from_file(MODELS / f"{name}.yaml"))
                onnx.checker.check_model(str(exported.path), full_check=True)
                predictor = Predictor(exported.network)
                for count in (1, 3, 24):
                    views = views_of(exported.network.config, 1, count)
                    expected = predictor.predict(views.swapaxes(0, 1))
                    self.assertGreater(expected.std(), 0.01)
                    found = exported.occupancy(views)
                    self.assertEqual((found.dtype, found.shape), (np.float32, (1, 32, 32, 32)))
                    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)

    def test_any_batch_and_every_kernel(self):
        for kernel in (1, 3, 5):
            exported = Exported(self, tiny.config(kernel))
            predictor = Predictor(exported.network)
            for batch in (1, 2, 5):
                views = views_of(exported.network.config, batch, 4)
                expected = predictor.predict(views.swapaxes(0, 1))
                np.testing.assert_allclose(exported.occupancy(views), expected, rtol=0, atol=1e-6)

    def test_odd_forms_of_network(self):
        for changes in ({"unpoolings": 0}, {"unpoolings": 2}, {"grid": 3}, {"encoder_kernels": (1, 5)}):
            with self.subTest(changes):
                exported = Exported(self, tiny.config(3, **changes))
                views = views_of(exported.network.config, 2, 3)
                expected = Predictor(exported.network).predict(views.swapaxes(0, 1))
                np.testing.assert_allclose(exported.occupancy(views), expected, rtol=0, atol=1e-6)

    def test_a_loop_that_is_written_out(self):
        exported = Exported(self, tiny.config(3), views=3)
        kinds = {node.op_type for node in onnx.load_model(exported.path).graph.node}
        self.assertNotIn("Scan", kinds)
        predictor = Predictor(exported.network)
        for batch in (1, 2):
            views = views_of(exported.network.config, batch, 3)
            expected = predictor.predict(views.swapaxes(0, 1))
            np.testing.assert_allclose(exported.occupancy(views), expected, rtol=0, atol=1e-6)
        with self.assertRaisesRegex(Exception, "Got: 2 Expected: 3"):
            exported.occupancy(views_of(exported.network.config, 1, 2))

    def test_the_order_of_views_counts(self):
        exported = Exported(self, tiny.config(3))
        views = views_of(exported.network.config, 1, 3)
        turned = exported.occupancy(views[:, ::-1])
        self.assertGreater(np.abs(turned - exported.occupancy(views)).max(), 1e-4)

    def test_half_precision_computes_with_the_rounded_weights(self):
        exported = Exported(self, tiny.config(3), half=True)
        whole = Exported(self, tiny.config(3))
        kinds = {tensor.data_type for tensor in onnx.load_model(exported.path).graph.initializer}
        self.assertEqual(kinds, {onnx.TensorProto.FLOAT16})
        network = exported.network
        rounded = {name: value.astype("f2").astype("f4") for name, value in network.get_weights().items()}
        network.set_weights(rounded)
        views = views_of(network.config, 2, 3)
        expected = Predictor(network).predict(views.swapaxes(0, 1))
        np.testing.assert_allclose(exported.occupancy(views), expected, rtol=0, atol=1e-6)
        self.assertGreater(np.abs(whole.occupancy(views) - expected).max(), 1e-6)

    def test_its_input_and_output(self):
        exported = Exported(self, tiny.config(3))
        (given,), (made,) = exported.session.get_inputs(), exported.session.get_outputs()
        number = "tensor(float)"
        self.assertEqual((given.name, given.type), ("views", number))
        self.assertEqual(given.shape, ["batch", "views", 3, 7, 7])
        self.assertEqual((made.name, made.type), ("occupancy", number))
        self.assertEqual(made.shape, ["batch", 4, 4, 4])


if __name__ == "__main__":
    unittest.main()
