"""The same network in PyTorch, for the comparison on one GPU; needs nothing of this project.

``python3 torch_network.py WEIGHTS.npz NETWORK.json BATCH.npz RESULT.json`` takes training steps
with the weights and the batch that `check_gpu` used and writes the loss, the rate and the memory.
"""
import json
import sys
import time

import numpy as np
import torch
from torch.nn import functional

MOMENTUM, WEIGHT_DECAY = 0.9, 5e-5


def leaky_relu(x):
    """Return x where positive and 0.1 x elsewhere."""
    return functional.leaky_relu(x, 0.1)


def per_channel(b, axes):
    """Return a bias in the shape that adds one value a channel."""
    return b.view(1, -1, *(1,) * (axes - 2))


def encode(w, config, x):
    """Return tau of pictures ``(n, 3, rows, columns)``."""
    for number, kernel in enumerate(config["encoder_kernels"], start=1):
        name = f"encoder.conv{number}"
        x = functional.conv2d(x, w[name + ".W"], padding=kernel // 2)
        x = functional.max_pool2d(x, 2, stride=2, padding=1)
        x = leaky_relu(x + per_channel(w[name + ".b"], 4))
    return leaky_relu(x.flatten(1) @ w["encoder.fc.W"] + w["encoder.fc.b"])


def remember(w, config, tau):
    """Return the hidden state after views encoded as ``(views, batch, features)``."""
    views, batch, _ = tau.shape
    n, grid, kernel = config["channels"], config["grid"], config["kernel"]
    gates = ["lstm.forget", "lstm.input", "lstm.candidate"]
    shape = (views, batch, n, grid, grid, grid)
    seen = [(tau @ w[gate + ".W"].flatten(1)).view(shape) for gate in gates]
    kernels = torch.cat([w[gate + ".U"] for gate in gates])
    h = c = torch.zeros_like(seen[0][0])
    for view in range(views):
        recurrent = functional.conv3d(h, kernels, padding=kernel // 2).split(n, dim=1)
        f, i, g = (
            x[view] + r + per_channel(w[gate + ".b"], 5)
            for x, r, gate in zip(seen, recurrent, gates)
        )
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.tanh(c)
    return h


def decode(w, config, x):
    """Return the logits ``(batch, 2, x, y, z)`` of a hidden state."""
    count = len(config["decoder_widths"]) + 1
    for number in range(1, count + 1):
        name = f"decoder.conv{number}"
        weight = w[name + ".W"]
        if number <= config["unpoolings"]:  # unpooling, then convolution
            turned = weight.transpose(0, 1).flip(2, 3, 4)
            x = functional.conv_transpose3d(x, turned, stride=2, padding=1, output_padding=1)
        else:
            x = functional.conv3d(x, weight, padding=1)
        x = x + per_channel(w[name + ".b"], 5)
        if number < count:
            x = leaky_relu(x)
    return x


def loss_of(w, config, views, voxels):
    """Return the mean cross-entropy over all voxels."""
    count, batch = views.shape[:2]
    tau = encode(w, config, views.flatten(0, 1)).view(count, batch, -1)
    logits = decode(w, config, remember(w, config, tau))
    return functional.softplus((1 - 2 * voxels) * (logits[:, 1] - logits[:, 0])).mean()


def measure(weights, config, views, voxels, steps, device):
    """Train for some steps.

    Returns
    -------
    dict
        ``first_loss``, ``seconds`` of each step after three to warm up, ``memory`` in bytes.
    """
    w = {
        name: torch.tensor(value, device=device, requires_grad=True)
        for name, value in weights.items()
    }
    decayed = [value for name, value in w.items() if not name.endswith(".b")]
    others = [value for name, value in w.items() if name.endswith(".b")]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others}]
    optimiser = torch.optim.SGD(groups, lr=0.001, momentum=MOMENTUM)
    arrays = [torch.from_numpy(array) for array in (views, voxels)]
    if device == "cuda":
        arrays = [array.pin_memory() for array in arrays]
    losses, seconds = [], []
    for _ in range(steps + 3):
        start = time.perf_counter()
        x, y = (array.to(device, non_blocking=True).float() for array in arrays)
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(w, config, x / 255, y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())  # waits for the device
        seconds.append(time.perf_counter() - start)
    memory = torch.cuda.max_memory_allocated() if device == "cuda" else None
    return {"first_loss": losses[0], "seconds": seconds[3:], "memory": memory}


def main(weights_path, network_path, batch_path, result_path, steps="20"):
    """Measure in float32, and on a GPU with TF32 products too."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with np.load(weights_path) as archive:
        weights = dict(archive)
    with np.load(batch_path) as archive:
        views, voxels = archive["views"], archive["voxels"]
    with open(network_path, encoding="utf-8") as file:
        config = json.load(file)
    results = {"version": torch.__version__, "device": device}
    for name, tf32 in [("float32", False), ("tf32", True)][: 2 if device == "cuda" else 1]:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = True
        results[name] = measure(weights, config, views, voxels, int(steps), device)
    with open(result_path, "w", encoding="utf-8") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
