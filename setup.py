"""Installs the repository root as the package ``voxlstm``."""

import re
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
START = "package/__init__.py"  # the package's own; a folder voxlstm would hide an installed one
FOLDERS = [
    "lib",
    "lib.base",
    "lib.backend",
    "lib.browser",
    "lib.parallel",
    "lib.runs",
    "lib.geometry",
    "lib.geometry.shapes",
    "lib.data",
    "lib.evaluation",
    "lib.evaluation.report",
    "lib.exchange",
    "lib.ops",
    "lib.ops.gpu",
    "models",
    "solvers",
    "tools",
]

setup(
    name="voxlstm",
    version=re.search('__version__ = "(.+)"', (ROOT / START).read_text(encoding="utf-8"))[1],
    description="Theano reconstruction of 3-D shape from one or more views by a 3-D convolutional LSTM",
    long_description=(ROOT / "README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    license="MIT",
    python_requires="==3.11.*",  # the pinned NumPy and SciPy have wheels and were run there
    packages=["voxlstm", *("voxlstm." + name for name in FOLDERS)],
    package_dir={"voxlstm": "package", **{"voxlstm." + name: name.replace(".", "/") for name in FOLDERS}},
    package_data={
        "voxlstm": ["py.typed"],
        "voxlstm.models": ["*.yaml", "*.npz", "*.json", "CREDITS.rst"],
        "voxlstm.solvers": ["*.yaml"],
        "voxlstm.lib.browser": ["*.html", "*.css", "*.js", "*.json", "*.txt"],
        "voxlstm.lib.data": ["demo/**/*"],
        "voxlstm.lib.geometry": ["*.yaml"],
        "voxlstm.lib.ops": ["*.cpp", "*.h"],
        "voxlstm.lib.ops.gpu": ["*.cu"],
        "voxlstm.lib.evaluation.report": ["*.html", "*.css", "*.js"],
    },
    entry_points={"console_scripts": ["voxlstm = voxlstm.tools.__main__:main"]},
    install_requires=[
        "theano-pymc==1.0.9",  # symbolic graphs; the last release whose GPU back end works
        "numpy==1.23.5",  # the newest that this Theano imports with
        "scipy==1.9.3",  # its wheel carries the OpenBLAS that Theano links
        "pillow>=10",  # reads the views
        "pyyaml>=6",  # network definitions and training recipes
        "six>=1.16",  # Theano imports it
        "setuptools<81",  # theano.gpuarray imports its pkg_resources
    ],
    extras_require={
        "data": [
            "trimesh==5.2.0",  # reads, samples and writes meshes of every common format
            "embreex==4.4.0.post1",  # ray casting for rendering and voxelising
        ],
        "report": [
            "matplotlib>=3.7,<3.11",  # curves and figures
            "tensorboardX==2.6.5",  # TensorBoard events without TensorFlow
            "scikit-image==0.24.0",  # marching cubes for smooth surfaces
            "trimesh==5.2.0",  # mesh formats
        ],
        "export": [
            "onnx>=1.17",  # writes and checks ONNX files
            "safetensors>=0.4",  # writes weights that other frameworks read
        ],
        "heic": ["pillow-heif>=0.22"],  # telephones' pictures
        "gpu": ["mako>=1.2"],  # pygpu's kernel templates; pygpu itself is a Debian package
        "cudnn": [
            "nvidia-cudnn-cu12==9.28.0.42",  # fast convolutions on a GPU; the newest for CUDA 12
            "nvidia-cublas-cu12==12.4.5.8",  # matrix products, in cuDNN too; of the CUDA of NVRTC
            "nvidia-cuda-nvrtc-cu12==12.4.127",  # compiles kernels to PTX that drivers from 550 on read
        ],
        "nccl": ["nvidia-nccl-cu12==2.21.5"],  # sums from GPU to GPU; of the CUDA of NVRTC
        "mpi": ["mpi4py==4.1.2"],  # several processes; Open MPI itself is a Debian package
        "fast": ["onednn-cpu-gomp==2023.2.0", "onednn-devel-cpu-gomp==2023.2.0"],  # direct convolutions
    },
)
