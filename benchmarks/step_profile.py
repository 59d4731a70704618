"""Where a paper-size training step, or a prediction, spends its time on the CPU, by kind of op or op by op.

``VOXLSTM_ONEDNN=0`` profiles stock Theano. Each op counts with its smallest time of all rounds, so
that what else the machine does hardly enters.
"""

import argparse
import os
import sys
from collections import Counter

from voxlstm.lib.backend.precision import BFLOAT16, FLOAT32
from voxlstm.lib.base.cores import usable_cores


def parse_arguments():
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", type=int, choices=(1, 3), default=3, help="of the recurrence")
    parser.add_argument("--batch", type=int, default=4, help="objects in a batch")
    parser.add_argument("--views", type=int, default=3, help="views of an object")
    parser.add_argument("--threads", type=int, default=usable_cores(), help="threads of each op")
    parser.add_argument("--rounds", type=int, default=5, help="measured steps")
    parser.add_argument("--precision", choices=(FLOAT32, BFLOAT16), default=FLOAT32, help="of the products")
    parser.add_argument("--predict", action="store_true", help="a prediction instead")
    parser.add_argument("--ops", type=int, default=0, metavar="N", help="also print N single ops")
    return parser.parse_args()


def measure(options):
    """Return (op, seconds) for each node of the compiled step or prediction."""
    import voxlstm_side  # not before the number of threads is set
    from voxlstm.lib.backend.door import theano, use_device

    use_device("cpu", options.precision)
    theano.config.profile, theano.config.profiling.destination = True, os.devnull
    solver = voxlstm_side.solver(options.kernel)
    views, voxels = voxlstm_side.data(options.batch, options.views)
    run = (lambda: solver.predict(views)) if options.predict else (lambda: solver.step(views, voxels))
    run()  # compiles, and makes primitives and scratch memory
    function = solver._function("predict", views.dtype) if options.predict else solver._train
    profile, best = function.profile, {}
    for _ in range(options.rounds):
        before = Counter(profile.apply_time)
        run()
        for key, total in profile.apply_time.items():
            best[key] = min(best.get(key, float("inf")), total - before[key])
    return [(node.op, seconds) for node, seconds in best.items()]


def kind(op):
    """Return the kind that the tables name an op by."""
    name = type(op).__name__
    return {
        "Elemwise": "element-wise passes",
        "Scan": "recurrence",
        "Recurrence": "recurrence",
        "RecurrenceGradient": "recurrence",
        "Dot22": "matrix products",
        "Gemm": "matrix products",
    }.get(name, name)


def label(op):
    """Return what tells a single op from others of its kind."""
    geometry = getattr(op, "geometry", None)
    if geometry is None:
        return str(op)
    channels = f"x of {geometry.x_channels or 'plain'}, y of {geometry.y_channels or 'plain'} channels"
    return f"{geometry.space}-D {type(op).__name__}, {channels}, stride {geometry.stride[0]}"


def print_table(sums, total):
    """Print a line for each kind, the largest first."""
    print(f"{'kind of op':40}{'ms':>8}{'share':>8}")
    for name, seconds in sums.most_common():
        if seconds >= 0.0005 * total:
            print(f"{name:40}{seconds * 1e3:8.1f}{seconds / total:8.1%}")
    print(f"{'all':40}{total * 1e3:8.1f}")


def main():
    """Print the tables."""
    options = parse_arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # before the libraries load
    rows = measure(options)
    sums = Counter()
    for op, seconds in rows:
        sums[kind(op)] += seconds
    print_table(sums, sum(sums.values()))
    for op, seconds in sorted(rows, key=lambda row: -row[1])[: options.ops]:
        print(f"{seconds * 1e3:8.1f} ms  {label(op)}")


if __name__ == "__main__":
    sys.exit(main())
