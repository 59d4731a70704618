"""Views of 137x137 rendered in a second by one core, and what else an object costs.

Goal: at least 40 views a second and core for models of up to 30,000 faces. The rate by processor
time does not count what other programs take of a busy machine.
"""

import argparse
import io
import os
import time

# One core: threads of the linear algebra library would count as more.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np
import trimesh
from PIL import Image

from voxlstm.lib.geometry.camera import sample_viewpoints
from voxlstm.lib.geometry.frame import in_grid, normalised
from voxlstm.lib.geometry.mesh import Mesh, join
from voxlstm.lib.geometry.shapes import KINDS, generate, kind
from voxlstm.lib.geometry.rendering import Renderer
from voxlstm.lib.geometry.voxels import voxelise


def parse_arguments():
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measurements; the best counts")
    parser.add_argument("--faces", type=int, default=30000, help="faces of the large models")
    return parser.parse_args()


def large_models(faces):
    """Return {name: mesh}: one body that fills the picture, and a heap of small bodies."""
    sections = int((faces / 2) ** 0.5)
    ring = trimesh.creation.torus(0.3, 0.18, sections, sections)
    ball = trimesh.creation.icosphere(subdivisions=2)
    random = np.random.default_rng(0)
    heap = [
        plain(ball.vertices * 0.12 + random.uniform(-0.5, 0.5, 3), ball.faces, random.random(3))
        for _ in range(faces // len(ball.faces))
    ]
    return {"ring": plain(ring.vertices, ring.faces, (0.7, 0.3, 0.2)), "heap": join(heap)}


def plain(vertices, faces, colour):
    """Return a mesh of one colour."""
    return Mesh(vertices, faces, np.array([colour]), np.zeros(len(faces), dtype=np.int64))


def measure(action, rounds):
    """Return the best (seconds by the clock, seconds of processor time) of an action."""
    times = []
    for _ in range(rounds):
        clock, processor = time.perf_counter(), time.process_time()
        action()
        times.append((time.perf_counter() - clock, time.process_time() - processor))
    return np.min(times, axis=0)


def render_all(mesh, viewpoints):
    """Render and compress all views, as the tool does."""
    renderer = Renderer(mesh)
    for viewpoint in viewpoints:
        Image.fromarray(renderer.render(viewpoint)).save(io.BytesIO(), format="PNG")


def main():
    """Print a row for each model."""
    arguments = parse_arguments()
    models = large_models(arguments.faces)
    for synset in KINDS:
        models[kind(synset, 0)] = generate(synset, 0, 0)[0]
    viewpoints = sample_viewpoints(np.random.default_rng(0))
    print(f"{'model':16}{'faces':>8}{'views/s':>10}{'views/s of CPU':>16}{'voxels, s of CPU':>18}")
    for name, mesh in models.items():
        mesh = normalised(mesh)
        clock, processor = measure(lambda: render_all(mesh, viewpoints), arguments.rounds)
        _, voxels = measure(lambda: voxelise(in_grid(mesh)), 1)
        rates = f"{24 / clock:10.1f}{24 / processor:16.1f}{voxels:18.2f}"
        print(f"{name:16}{len(mesh.faces):8d}{rates}", flush=True)


if __name__ == "__main__":
    main()
