"""The same network in PyTorch, for benchmarks and tests; needs nothing of this project.

Weights and definition are those of the project, so that both compute the same. A layout says how the
maps are stored and how the decoder enlarges them.
"""

import json

import torch
from torch.nn import functional

MOMENTUM, WEIGHT_DECAY = 0.9, 5e-5
ZEROS = "zero_insertion"  # enlarges as published code does; the others by transposed convolutions
LAYOUTS = {  # are the 2-D maps, and the 3-D maps, stored with the channels last?
    ZEROS: (False, False),
    "channels_first": (False, False),
    "channels_last": (True, True),
    "channels_last_2d": (True, False),
}
GATES = ("forget", "input", "candidate")


def prepare(weights, config, layout, device):
    """Return the parameters as this module computes with them.

    The three gates' are joined, and the kernels that follow an unpooling are turned over, as a
    transposed convolution wants them; both once, not at every step.

    Parameters
    ----------
    weights : dict of str to array
        By the names of the project.
    config : dict
        The definition of the network.
    layout : str
        One of ``LAYOUTS``.

    Returns
    -------
    dict of str to tensor
    """
    w = {name: torch.from_numpy(value) for name, value in weights.items()}
    for part, axis in (("W", 1), ("U", 0), ("b", 0)):
        w[f"lstm.{part}"] = torch.cat([w.pop(f"lstm.{gate}.{part}") for gate in GATES], axis)
    if layout != ZEROS:
        turn_kernels(w, config)
    return {name: place(value, layout, device).requires_grad_() for name, value in w.items()}


def load(path, layout, device):
    """Return the parameters, as `prepare`, and the definition of the network from a file that
    ``voxlstm export --format torch`` wrote: a JSON header, which says what lies where, and numbers."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    config = json.loads(header.pop("__metadata__")["network"])
    w = {}
    for name, about in header.items():
        start, end = about["data_offsets"]
        kind = {"F32": torch.float32, "F16": torch.float16}[about["dtype"]]
        w[name] = torch.frombuffer(data[start:end], dtype=kind).view(about["shape"]).float()
    if layout == ZEROS:
        turn_kernels(w, config)
    return {name: place(value, layout, device).requires_grad_() for name, value in w.items()}, config


def turn_kernels(w, config):
    """Turn the kernels behind an unpooling from a convolution's into a transposed one's, or back."""
    for number in range(1, config["unpoolings"] + 1):
        name = f"decoder.conv{number}.W"
        w[name] = w[name].transpose(0, 1).flip(2, 3, 4)


def place(value, layout, device):
    """Return a tensor on a device, in the order of a layout."""
    flat, deep = LAYOUTS[layout]
    memory_format = torch.contiguous_format
    if value.dim() == 4 and flat:
        memory_format = torch.channels_last
    elif value.dim() == 5 and deep:
        memory_format = torch.channels_last_3d
    return value.to(device, copy=True).contiguous(memory_format=memory_format)


def leaky_relu(x):
    """Return x where positive and 0.1 x elsewhere, in the memory of x."""
    return functional.leaky_relu(x, 0.1, inplace=True)


def as_numbers(x):
    """Return pixels as numbers in [0, 1]; what are numbers already, as they are."""
    return x.float() / 255 if x.dtype == torch.uint8 else x


def encode(w, config, flat, x):
    """Return tau of pictures ``(n, 3, rows, columns)``."""
    x = as_numbers(x)
    if flat:
        x = x.contiguous(memory_format=torch.channels_last)
    for number, kernel in enumerate(config["encoder_kernels"], start=1):
        name = f"encoder.conv{number}"
        x = functional.conv2d(x, w[name + ".W"], padding=kernel // 2)
        x = functional.max_pool2d(x, 2, stride=2, padding=1)
        # A bias commutes with the maximum; behind it there is a quarter of the values.
        x = leaky_relu(x + w[name + ".b"].view(1, -1, 1, 1))
    return leaky_relu(x.flatten(1) @ w["encoder.fc.W"] + w["encoder.fc.b"])


def remember(w, config, deep, tau):
    """Return the hidden state after views encoded as ``(views, batch, features)``."""
    views, batch, _ = tau.shape
    n, grid, kernel = config["channels"], config["grid"], config["kernel"]
    weight = w["lstm.W"]
    if deep:  # with the channels last, so is the product
        seen = tau @ weight.permute(0, 2, 3, 4, 1).flatten(1)
        seen = seen.view(views, batch, grid, grid, grid, 3 * n).permute(0, 1, 5, 2, 3, 4)
    else:
        seen = (tau @ weight.flatten(1)).view(views, batch, 3 * n, grid, grid, grid)
    bias = w["lstm.b"].view(1, -1, 1, 1, 1)
    f, i, g = (seen[0] + bias).split(n, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g)  # the first state is zero
    h = torch.tanh(c)
    for view in range(1, views):
        recurrent = functional.conv3d(h, w["lstm.U"], w["lstm.b"], padding=kernel // 2)
        f, i, g = (seen[view] + recurrent).split(n, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.tanh(c)
    return h


def decode(w, config, layout, x):
    """Return the logits ``(batch, 2, x, y, z)`` of a hidden state."""
    count = len(config["decoder_widths"]) + 1
    for number in range(1, count + 1):
        weight, bias = (w[f"decoder.conv{number}.{part}"] for part in "Wb")
        enlarged = number <= config["unpoolings"]
        if enlarged and layout != ZEROS:  # unpooling and convolution in one
            x = functional.conv_transpose3d(x, weight, bias, stride=2, padding=1, output_padding=1)
        else:
            x = functional.conv3d(unpool(x) if enlarged else x, weight, bias, padding=1)
        if number < count:
            x = leaky_relu(x)
    return x


def unpool(x):
    """Return maps of twice the size: each value in the first corner of a cube of 8, zeros elsewhere."""
    n, channels, *space = x.shape
    y = x.new_zeros(n, channels, *(2 * size for size in space))
    y[:, :, ::2, ::2, ::2] = x
    return y


def margin_of(w, config, layout, views):
    """Return by how much the logit of occupied is above that of empty, ``(batch, x, y, z)``."""
    flat, deep = LAYOUTS[layout]
    count, batch = views.shape[:2]
    tau = encode(w, config, flat, views.flatten(0, 1)).view(count, batch, -1)
    logits = decode(w, config, layout, remember(w, config, deep, tau))
    return logits[:, 1] - logits[:, 0]


def loss_of(w, config, layout, views, voxels):
    """Return the mean cross-entropy over all voxels."""
    margin = margin_of(w, config, layout, views)
    return functional.softplus((1 - 2 * voxels.float()) * margin).mean()


def occupancy_of(w, config, layout, views):
    """Return the probability that a voxel is occupied, ``(batch, x, y, z)``."""
    return torch.sigmoid(margin_of(w, config, layout, views))


def optimiser(w, rate):
    """Return PyTorch's SGD by the project's recipe: biases do not decay."""
    biases = [value for name, value in w.items() if name.endswith(".b")]
    others = [value for name, value in w.items() if not name.endswith(".b")]
    groups = [{"params": others, "weight_decay": WEIGHT_DECAY}, {"params": biases}]
    return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, fused=True)
