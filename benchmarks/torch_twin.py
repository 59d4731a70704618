"""The same network in PyTorch, in three forms, timed on request; runs in an environment of its own.

Reads requests from standard input, one JSON object a line (form, kernel, batch, views, train), and
answers each with the seconds of one run. Weights are random: only time is compared here.
"""
import json
import resource
import sys
import time
from functools import lru_cache

import torch
from torch import nn
from torch.nn import functional

WIDTHS = [(3, 96, 7), (96, 128, 3), (128, 256, 3), (256, 256, 3), (256, 256, 3), (256, 256, 3)]
FORMS = ("zero_insertion", "transposed", "channels_last")


class Unpool(nn.Module):
    """Puts each value into the even corner of a 2x2x2 block, zeros elsewhere."""

    def forward(self, x):
        n, c, *space = x.shape
        y = x.new_zeros(n, c, *(2 * s for s in space))
        y[:, :, ::2, ::2, ::2] = x
        return y


class Twin(nn.Module):
    """The paper's network.

    Parameters
    ----------
    kernel : int
        Of the recurrence.
    form : str
        One of ``FORMS``: how the decoder enlarges, and the layout of its maps.
    """

    def __init__(self, kernel, form):
        super().__init__()
        encoder = []
        for inputs, outputs, size in WIDTHS:
            pool = nn.MaxPool2d(2, 2, padding=1)
            encoder += [nn.Conv2d(inputs, outputs, size, padding=size // 2), pool]
            encoder += [nn.LeakyReLU(0.1)]
        self.encoder = nn.Sequential(*encoder)
        self.fc = nn.Linear(2304, 1024)
        self.w = nn.Linear(1024, 3 * 128 * 64, bias=False)
        self.u = nn.Conv3d(128, 3 * 128, kernel, padding=kernel // 2)
        decoder = []
        for inputs, outputs in ((128, 128), (128, 128), (128, 64)):
            decoder += self.enlarge(inputs, outputs, form) + [nn.LeakyReLU(0.1)]
        decoder += [nn.Conv3d(64, 32, 3, padding=1), nn.LeakyReLU(0.1)]
        self.decoder = nn.Sequential(*decoder, nn.Conv3d(32, 2, 3, padding=1))
        self.channels_last = form == "channels_last"
        if self.channels_last:
            self.encoder.to(memory_format=torch.channels_last)
            for part in (self.u, self.decoder):
                part.to(memory_format=torch.channels_last_3d)

    @staticmethod
    def enlarge(inputs, outputs, form):
        if form == "zero_insertion":
            return [Unpool(), nn.Conv3d(inputs, outputs, 3, padding=1)]
        return [nn.ConvTranspose3d(inputs, outputs, 3, 2, padding=1, output_padding=1)]

    def forward(self, views):
        count, batch = views.shape[:2]
        images = views.flatten(0, 1)
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        features = self.encoder(images).flatten(1)
        tau = functional.leaky_relu(self.fc(features), 0.1)
        steps = self.w(tau).view(count, batch, 3 * 128, 4, 4, 4)
        h = c = views.new_zeros(batch, 128, 4, 4, 4)
        for step in steps:
            f, i, candidate = (step + self.u(h)).chunk(3, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(candidate)
            h = torch.tanh(c)
        if self.channels_last:
            h = h.contiguous(memory_format=torch.channels_last_3d)
        return self.decoder(h)


@lru_cache(maxsize=None)
def model(form, kernel):
    torch.manual_seed(0)
    twin = Twin(kernel, form)
    weights = [p for p in twin.parameters() if p.dim() > 1]
    biases = [p for p in twin.parameters() if p.dim() == 1]
    groups = [{"params": weights, "weight_decay": 5e-5}, {"params": biases}]
    return twin, torch.optim.SGD(groups, lr=1e-4, momentum=0.9)


@lru_cache(maxsize=1)
def data(batch, views):
    x = torch.rand(views, batch, 3, 127, 127)
    return x, (torch.rand(batch, 32, 32, 32) > 0.8).long()


def run(form, kernel, batch, views, train):
    """Return the seconds of one training step or one prediction."""
    twin, optimiser = model(form, kernel)
    x, y = data(batch, views)
    start = time.perf_counter()
    if train:
        optimiser.zero_grad()
        loss = functional.cross_entropy(twin(x), y)
        loss.backward()
        optimiser.step()
        loss.item()
    else:
        with torch.inference_mode():
            twin(x).softmax(1)[:, 1].numpy()
    return time.perf_counter() - start


def main():
    """Answer requests until standard input ends."""
    torch.set_num_threads(int(sys.argv[1]))
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        seconds = run(**request)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peak_bytes": peak}), flush=True)


if __name__ == "__main__":
    main()
