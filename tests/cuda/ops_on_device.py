"""Computes expressions on the device named and writes their values down.

A program of its own, for one process computes on one device:
``python -m tests.cuda.ops_on_device cuda RESULT.npz [PRECISION [WAY [KIND]]]``, where WAY names the one
way of computing convolutions that is taken where there is it (``all``: the fastest), and KIND the expressions.
"""

import json
import sys
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np

from voxlstm.lib.backend.door import tensor, theano, use_device
from voxlstm.lib.ops.leaky import leaky_relu
from voxlstm.lib.ops.recurrence import over_views

from voxlstm.solvers.optimisers import SGD

from theano.tensor.nnet import abstract_conv
from theano.tensor.signal.pool import pool_2d

# Channels that fill no four, one and several fours; kernels that are even, strided and dilated.
CONVOLUTIONS = {
    "plain": dict(x=(2, 3, 7, 6), w=(5, 3, 3, 3), border_mode="half"),
    "wide": dict(x=(1, 8, 5, 5), w=(12, 8, 1, 1), border_mode="valid"),
    "strided": dict(x=(2, 4, 9, 8), w=(3, 4, 3, 5), border_mode=(1, 2), subsample=(2, 3)),
    "dilated": dict(x=(1, 2, 9, 9), w=(4, 2, 3, 3), border_mode="half", filter_dilation=(2, 2)),
    "turned": dict(x=(2, 3, 6, 6), w=(4, 3, 2, 3), border_mode="full", filter_flip=True),
    "solid": dict(x=(2, 5, 4, 3, 5), w=(7, 5, 3, 3, 3), border_mode="half"),
    "long": dict(x=(2, 12, 4, 40), w=(70, 12, 3, 5), border_mode="half"),
    "doubled": dict(x=(2, 6, 8, 8, 8), w=(5, 6, 3, 3, 3), border_mode="half", subsample=(2, 2, 2)),
}
POOLS = {"bordered": (5, 8, (1, 1)), "plain": (5, 4, (0, 0)), "mixed": (6, 7, (1, 0))}
SLOPE = 0.1
WRONG = {  # ways of computing convolutions, by what they make of the result
    "constant": lambda result: result.__setitem__(..., 1),
    "idle": lambda result: None,
    "undefined": lambda result: result.__setitem__(..., np.nan),
}


def random(seed, *shape):
    """Return the same values in [-0.5, 0.5) on every device."""
    return np.random.default_rng(seed).random(shape, dtype="float32") - np.float32(0.5)


def convolution(x, w, **settings):
    """Return a convolution, the gradients of a sum of it, and the convolution that enlarges."""
    space = len(x) - 2
    settings = {"filter_flip": False, "filter_shape": w, **settings}
    map_, kernel = theano.shared(random(0, *x)), theano.shared(random(1, *w))
    y = getattr(tensor.nnet, f"conv{space}d")(map_, kernel, **settings)
    cost = (y * tensor.cos(y)).sum()
    del settings["filter_shape"]
    enlarged = getattr(abstract_conv, f"conv{space}d_grad_wrt_inputs")(
        y, kernel, input_shape=(None, *x[1:]), filter_shape=w, **settings
    )
    return [y, *theano.grad(cost, [map_, kernel]), enlarged]


def pooling(channels, rows, columns, padding, inputs=None, pooled=True, leaky=True):
    """Return leaky maxima with a bias, or some of that, and gradients; two windows hold equal maxima."""
    inputs = inputs or channels
    values = random(2, 2, inputs, rows, columns)
    values[0, 0, :2, :2] = values[1, 1, 2:4, 2] = 0.7
    mixing = np.eye(channels, inputs, dtype="float32")[:, :, None, None]
    x, b = theano.shared(values), theano.shared(random(3, channels))
    maps = tensor.nnet.conv2d(x, theano.shared(mixing), filter_shape=mixing.shape)
    if pooled:
        maps = pool_2d(maps, ws=(2, 2), stride=(2, 2), pad=padding, ignore_border=True)
    y = maps + b.dimshuffle("x", 0, "x", "x")
    y = leaky_relu(y, SLOPE) if leaky else y
    return [y, *theano.grad((y * tensor.cos(y)).sum(), [x, b])]


def recurrence(views, batch, channels, kernel):
    """Return the states of a grid of cells and the gradients of a sum of its hidden states."""
    shape = (views, batch, channels, 2, 2, 2)
    W = [theano.shared(random(seed, *shape)) for seed in range(3)]
    size = (3 * channels, channels, kernel, kernel, kernel)
    U, biases = theano.shared(random(3, *size)), [theano.shared(random(4, channels)) for _ in W]

    def step(W_tau, h, c, U, b):
        Uh = tensor.nnet.conv3d(h, U, filter_shape=size, border_mode="half", filter_flip=False)
        f, i, g = (
            w + Uh[:, k * channels : (k + 1) * channels] + b[k].dimshuffle("x", 0, "x", "x", "x")
            for k, w in enumerate(W_tau)
        )
        f, i, g = tensor.nnet.sigmoid(f), tensor.nnet.sigmoid(i), tensor.tanh(g)
        c = f * c + i * g
        return tensor.tanh(c), c, f, i, g

    states = over_views(step, W, U, biases)
    cost = (states[0] * tensor.cos(states[0])).sum()
    return [*states, *theano.grad(cost, [*W, U, *biases])]


def descent():
    """Return what SGD makes of parameters: kernels, whose gradients may have their channels last, and others."""
    x, y = theano.shared(random(0, 2, 3, 5, 5)), theano.shared(random(0, 2, 5, 3, 3, 3))
    shapes = {"flat": (4, 3, 3, 3), "solid": (7, 5, 3, 3, 3), "matrix": (25, 6), "vector": (7,)}
    found = OrderedDict((name, theano.shared(random(6, *shape))) for name, shape in shapes.items())
    flat = tensor.nnet.conv2d(x, found["flat"], filter_shape=shapes["flat"])
    solid = tensor.nnet.conv3d(y, found["solid"], filter_shape=shapes["solid"], border_mode="half")
    products = tensor.dot(x.reshape((6, 25)), found["matrix"])
    biased = solid + found["vector"].dimshuffle("x", 0, "x", "x", "x")
    cost = sum((value * tensor.cos(value)).sum() for value in (flat, products, biased))
    gradients = dict(zip(found, theano.grad(cost, list(found.values()))))
    parameters = {
        name: SimpleNamespace(variable=w, kind="bias" if w.ndim == 1 else "weight")
        for name, w in found.items()
    }
    state = {f"velocity/{name}": theano.shared(random(7, *shape)) for name, shape in shapes.items()}
    rate = theano.shared(np.float32(0.1))
    rates = {**dict.fromkeys(found, rate), "solid": rate * tensor.sqr(found["vector"]).sum()}
    return list(SGD(0.9, 0.01).updates(gradients, parameters, state, rates).values())


def expressions():
    """Return all expressions by name."""
    found = OrderedDict()
    for name, settings in CONVOLUTIONS.items():
        found[f"convolution/{name}"] = convolution(**settings)
    for name, (rows, columns, padding) in POOLS.items():
        found[f"pooling/{name}"] = pooling(6, rows, columns, padding)
    found["pooling/not leaky"] = pooling(6, 5, 8, (1, 1), leaky=False)
    found["pooling/leaky alone"] = pooling(6, 5, 8, (1, 1), pooled=False)
    found["pooling/many channels"] = pooling(1030, 4, 4, (1, 1), inputs=2)
    arrays = [theano.shared(random(5, *shape)) for shape in ((7,), (300, 500), (2, 3, 40, 50))]
    found["sum/of arrays"] = [
        *(tensor.sqr(x).sum() for x in arrays),
        *(x.sum() for x in arrays),
        arrays[2].sum(axis=(0, 2, 3)),
        arrays[2].sum(axis=(1, 2)),
        convolution((1, 1, 2, 2), (1, 1, 1, 1))[0],  # our ops serve graphs with convolutions
    ]
    for views, kernel in ((1, 3), (3, 1), (3, 3)):
        found[f"recurrence/{views} views, kernel {kernel}"] = recurrence(views, 2, 3, kernel)
    found["descent/of all kinds"] = descent()
    return found


def simulated_counts():
    """Return what the simulated cuDNN counts, nothing on a real one."""
    from voxlstm.lib.ops.gpu import cudnn

    if not hasattr(cudnn.load(), "simulated_dnn_counters"):
        return {}
    from . import simulation

    return simulation.dnn_counters().as_dict()


def few_at_once(way):
    """Try one way of computing convolutions, unless all are; make SGD's step of four parameters two launches."""
    from voxlstm.lib.ops.gpu import plans, problem, tensor_cores, update

    update.AT_ONCE, tensor_cores.BLOCKS = 3, 12
    if way in WRONG:
        results = WRONG[way]
        tensor_cores.TensorCores.run = lambda self, *arrays: results(
            arrays[problem.RESULTS[self._problem.direction]]
        )
        plans.WAYS, plans._time = ["product", "tensor cores"], first_of_equals
    elif way != "all":  # another follows, for not every convolution has each way
        other = plans.LAST if way.startswith("tensor cores") else "product"
        plans.WAYS, plans._time = [way, other], first_of_equals


def first_of_equals(way, *arrays):
    """Run a way of computing convolutions; return the same time for each."""
    way.run(*arrays)
    return 0


def main(name, path, precision="float32", way="all", kind=""):
    """Compute everything; write each value under ``kind/name/number``, and ops and counts."""
    use_device(name, precision)
    if name.startswith("cuda"):
        few_at_once(way)
    values, ops = {}, set()
    for key, results in expressions().items():
        if key.startswith(kind):
            function = theano.function([], results)
            ops.update(type(node.op).__name__ for node in function.maker.fgraph.apply_nodes)
            values.update((f"{key}/{number}", np.asarray(v)) for number, v in enumerate(function()))
    counts = simulated_counts() if name.startswith("cuda") else {}
    np.savez(path, ops=sorted(ops), counts=json.dumps(counts), **values)


if __name__ == "__main__":
    main(*sys.argv[1:])
