"""The network in plain NumPy loops: slow, and too simple to be wrong."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def leaky_relu(x):
    return np.where(x > 0, x, 0.1 * x)


def convolve(x, W):
    """Cross-correlate (n, inputs, *size) with (outputs, inputs, *kernel), zero padding, same size.

    One value of the result is the sum of products of the kernel and the window around the cell.
    """
    kernel = W.shape[2:]
    border = [(0, 0), (0, 0)] + [(k // 2, k // 2) for k in kernel]
    padded = np.pad(x, border)
    y = np.zeros((len(x), len(W)) + x.shape[2:])
    for n in range(len(x)):
        for cell in np.ndindex(*x.shape[2:]):
            window = padded[n][(slice(None), *(slice(c, c + k) for c, k in zip(cell, kernel)))]
            for output in range(len(W)):
                y[(n, output, *cell)] = (window * W[output]).sum()
    return y


def unpool(x):
    """Put each value into the even corner of a 2x2x2 block of zeros."""
    y = np.zeros(x.shape[:2] + tuple(2 * size for size in x.shape[2:]))
    for cell in np.ndindex(*x.shape[2:]):
        y[(slice(None), slice(None), *(2 * c for c in cell))] = x[(slice(None), slice(None), *cell)]
    return y


def max_pool(x):
    """Maxima of 2x2 windows, stride 2, that begin one row and one column outside the picture."""
    rows, columns = x.shape[2:]
    y = np.zeros(x.shape[:2] + (rows // 2 + 1, columns // 2 + 1))
    for i, j in np.ndindex(*y.shape[2:]):
        inside = x[:, :, max(2 * i - 1, 0) : 2 * i + 1, max(2 * j - 1, 0) : 2 * j + 1]
        y[:, :, i, j] = inside.max(axis=(2, 3))
    return y


def channels(b, x):
    """Return one value a channel in the shape that adds to ``x``."""
    return b.reshape((1, -1) + (1,) * (x.ndim - 2))


def encode(w, images):
    """Return tau(x), ``(n, features)``; ``w`` maps names to arrays."""
    x, number = images, 1
    while f"encoder.conv{number}.W" in w:
        x = convolve(x, w[f"encoder.conv{number}.W"])
        x = leaky_relu(max_pool(x + channels(w[f"encoder.conv{number}.b"], x)))
        number += 1
    return leaky_relu(x.reshape(len(x), -1) @ w["encoder.fc.W"] + w["encoder.fc.b"])


def lstm_step(w, tau, h, c):
    """Return h, c, f, i and the candidate after one view, cell by cell as the paper's equations say."""
    grid, kernel = h.shape[2:], w["lstm.forget.U"].shape[2:]
    border = [(0, 0), (0, 0)] + [(k // 2, k // 2) for k in kernel]
    padded = np.pad(h, border)
    new_h, new_c, f, i, candidate = (np.zeros_like(h) for _ in range(5))
    for n in range(len(h)):
        for cell in np.ndindex(*grid):
            at = (n, slice(None), *cell)
            near = padded[n][(slice(None), *(slice(p, p + k) for p, k in zip(cell, kernel)))]
            f[at] = sigmoid(_gate(w, "lstm.forget", tau[n], near, cell))
            i[at] = sigmoid(_gate(w, "lstm.input", tau[n], near, cell))
            candidate[at] = np.tanh(_gate(w, "lstm.candidate", tau[n], near, cell))
            new_c[at] = f[at] * c[at] + i[at] * candidate[at]
            new_h[at] = np.tanh(new_c[at])
    return new_h, new_c, f, i, candidate


def _gate(w, name, tau, near, cell):
    own = w[f"{name}.W"][(slice(None), slice(None), *cell)]  # features x channels, of this cell
    recurrent = (w[f"{name}.U"] * near).reshape(len(near), -1).sum(axis=1)
    return tau @ own + recurrent + w[f"{name}.b"]


def decode(w, hidden, unpoolings):
    """Return the logits ``(n, 2, x, y, z)``."""
    x, number = hidden, 1
    while True:
        if number <= unpoolings:
            x = unpool(x)
        x = convolve(x, w[f"decoder.conv{number}.W"])
        x = x + channels(w[f"decoder.conv{number}.b"], x)
        number += 1
        if f"decoder.conv{number}.W" not in w:
            return x
        x = leaky_relu(x)


def network(w, views, config):
    """Return logits, and h, f, i after each view, for ``(views, batch, 3, rows, columns)``."""
    state = np.zeros((views.shape[1], config.channels) + 3 * (config.grid,))
    h, c, states = state, state, []
    for images in views:
        h, c, f, i, _ = lstm_step(w, encode(w, images), h, c)
        states.append((h, f, i))
    return (decode(w, h, config.unpoolings), *map(np.array, zip(*states)))


def softmax(logits):
    """Return the probabilities of ``(n, classes, ...)``."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def cross_entropy(logits, voxels):
    """Return the mean over the voxels of -log p(true class), for each object."""
    p = softmax(logits)
    own = np.where(voxels == 1, p[:, 1], p[:, 0])
    return -np.log(own).mean(axis=(1, 2, 3))
