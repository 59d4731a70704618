"""The network against its twin in PyTorch, which has an environment of its own; skipped without it."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np

from tests.models import tiny
from voxlstm.lib.backend.door import theano
from voxlstm.models.network import Network
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.solver import Solver

ROOT = Path(__file__).parents[2]
BENCH = ROOT / ".venv-bench"
TWIN = """
import json, sys
import numpy as np, torch
from torch_twin import LAYOUTS, loss_of, occupancy_of, prepare
folder, config = sys.argv[1], json.loads(sys.argv[2])
weights = dict(np.load(folder + "/weights.npz"))
batch = np.load(folder + "/batch.npz")
views, voxels = (torch.from_numpy(batch[name]) for name in ("views", "voxels"))
for layout in LAYOUTS:
    w = prepare(weights, config, layout, "cpu")
    loss = loss_of(w, config, layout, views, voxels)
    loss.backward()
    found = {"loss": loss, "occupancy": occupancy_of(w, config, layout, views), "encoder.fc.W": w["encoder.fc.W"].grad}
    np.savez(f"{folder}/{layout}.npz", **{name: value.detach().numpy() for name, value in found.items()})
print(json.dumps(list(LAYOUTS)))
"""

TRAINING = """
import json, sys
import numpy as np, torch
from torch_twin import loss_of, prepare
folder, config, settings = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
w = prepare(dict(np.load(folder + "/weights.npz")), config, "channels_first", "cpu")
parts = [[value for name, value in w.items() if name.endswith(".b") == bias] for bias in (False, True)]
rule = getattr(torch.optim, settings.pop("rule"))
decays = settings.pop("weight_decay"), 0.0
optimiser = rule([{"params": part, "weight_decay": decay} for part, decay in zip(parts, decays)], **settings)
batches, losses = np.load(folder + "/batches.npz"), []
for views, voxels in zip(batches["views"], batches["voxels"]):
    loss = loss_of(w, config, "channels_first", torch.from_numpy(views), torch.from_numpy(voxels))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
print(json.dumps(losses))
"""
STEPS, BATCHES = 60, 4


@unittest.skipUnless(
    (BENCH / "installed").exists(), "there is no PyTorch; 'make .venv-bench/installed' installs it"
)
class Twin(unittest.TestCase):
    def test_every_layout_computes_as_the_network(self):
        for kernel in (1, 3):
            with self.subTest(kernel), tempfile.TemporaryDirectory() as folder:
                network = Network(tiny.config(kernel), seed=0)
                random = np.random.default_rng(kernel)
                views = random.random((3, 2, 3, 7, 7), np.float32)
                voxels = random.integers(0, 2, (2, 4, 4, 4), np.uint8)
                np.savez(f"{folder}/weights.npz", **network.get_weights())
                np.savez(f"{folder}/batch.npz", views=views, voxels=voxels)
                config = json.dumps(network.config.to_dict())
                command = [BENCH / "bin/python", "-c", TWIN, folder, config]
                done = subprocess.run(command, check=True, cwd=ROOT / "benchmarks", stdout=subprocess.PIPE)
                expected = self.ours(network, views, voxels)
                for layout in json.loads(done.stdout):
                    with np.load(f"{folder}/{layout}.npz") as found:
                        for name, value in expected.items():
                            np.testing.assert_allclose(
                                found[name], value, rtol=1e-4, atol=1e-6, err_msg=f"{layout} {name}"
                            )

    def test_sixty_steps_have_the_same_losses(self):
        random = np.random.default_rng(0)
        views = random.integers(0, 256, (BATCHES, 2, 3, 3, 7, 7), np.uint8)
        voxels = random.integers(0, 2, (BATCHES, 3, 4, 4, 4), np.uint8)
        views, voxels = (
            np.tile(part, (STEPS // BATCHES, *(part.ndim - 1) * [1])) for part in (views, voxels)
        )
        for rule, rate, settings, bound in (
            (
                {"sgd": {"momentum": 0.9, "weight_decay": 5e-5}},
                1.0,
                {"rule": "SGD", "momentum": 0.9, "weight_decay": 5e-5},
                1e-5,
            ),
            ({"adam": {"weight_decay": 0.0}}, 1e-2, {"rule": "Adam", "weight_decay": 0.0}, 1e-5),
        ):
            with self.subTest(rule), tempfile.TemporaryDirectory() as folder:
                network = Network(tiny.config(3), seed=0)
                recipe = {"optimiser": rule, "rate": rate, "batch": 3, "iterations": STEPS, "views": [2, 2]}
                solver = Solver(network, Recipe.from_dict(recipe))
                np.savez(f"{folder}/weights.npz", **network.get_weights())
                np.savez(f"{folder}/batches.npz", views=views, voxels=voxels)
                losses = [solver.step(*batch) for batch in zip(views, voxels)]
                arguments = json.dumps(network.config.to_dict()), json.dumps({**settings, "lr": rate})
                command = [BENCH / "bin/python", "-c", TRAINING, folder, *arguments]
                done = subprocess.run(command, check=True, cwd=ROOT / "benchmarks", stdout=subprocess.PIPE)
                np.testing.assert_allclose(json.loads(done.stdout), losses, rtol=bound)
                self.assertLess(losses[-BATCHES], 0.95 * losses[0])

    def ours(self, network, views, voxels):
        """Return the loss, the probabilities and a gradient of the first layers."""
        inputs = network.inputs()
        outputs = network.outputs(inputs[0])
        loss = network.loss(outputs, inputs[1])
        gradient = theano.grad(loss, network.parameters["encoder.fc.W"].variable)
        values = theano.function(inputs, [loss, outputs.occupancy, gradient])(views, voxels)
        return dict(zip(("loss", "occupancy", "encoder.fc.W"), values))


if __name__ == "__main__":
    unittest.main()
