"""The network in PyTorch in its fastest forms: layouts, compiled, captured as a CUDA graph, fed in advance.

A form is a layout of the maps, and what is made of it: ``channels_last+compile+graph``.
"""

import numpy as np
import torch

from torch_twin import loss_of, occupancy_of, optimiser

WARM_UP = 3  # steps
UNSEARCHED = "unsearched"  # takes the algorithms that cuDNN's heuristics name, and measures none
MODES = {"compile": "default", "autotune": "max-autotune-no-cudagraphs"}


class Feed:
    """Brings a batch to the device, where it always lies in the same place.

    Attributes
    ----------
    inputs : list of tensor
        The batch, after `take`.
    """

    def __init__(self, arrays, device):
        self._host = [torch.from_numpy(np.ascontiguousarray(array)) for array in arrays]
        self._on_gpu = device == "cuda"
        if self._on_gpu:
            self._host = [array.pin_memory() for array in self._host]
            self._stream = torch.cuda.Stream()
            self._taken = torch.cuda.current_stream().record_event()
        self.inputs = [array.to(device) for array in self._host]
        self._incoming = [torch.empty_like(array) for array in self.inputs]
        self.send()

    def send(self):
        """Start to copy a batch to the device, beside the work on the one taken before."""
        if not self._on_gpu:
            return
        self._stream.wait_event(self._taken)
        with torch.cuda.stream(self._stream):
            for incoming, array in zip(self._incoming, self._host):
                incoming.copy_(array, non_blocking=True)

    def take(self):
        """Make the batch that was sent the inputs."""
        if not self._on_gpu:
            return
        current = torch.cuda.current_stream()
        current.wait_stream(self._stream)
        for array, incoming in zip(self.inputs, self._incoming):
            array.copy_(incoming, non_blocking=True)
        self._taken = current.record_event()


class Form:
    """One form of the network.

    Parameters
    ----------
    name : str
        One of ``LAYOUTS``, followed by any of ``+unsearched``, ``+compile`` or ``+autotune``, and ``+graph``.
    """

    def __init__(self, name):
        self.layout, *self.extras = name.split("+")

    def compiled(self, function):
        """Return the function as this form calls it."""
        for extra in self.extras:
            if extra in MODES:
                return torch.compile(function, mode=MODES[extra], fullgraph=True, dynamic=False)
        return function

    def captured(self, function):
        """Return the function as one launch of a CUDA graph where the form says so."""
        if "graph" not in self.extras:
            return function
        side, current = torch.cuda.Stream(), torch.cuda.current_stream()
        side.wait_stream(current)
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                function()
        current.wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = function()

        def replay():
            graph.replay()
            return result

        return replay


def training(form, config, w, feed):
    """Return a function that learns from the batch and returns the loss as a number."""
    descent = optimiser(w, rate=0.001)
    loss_function = form.compiled(loss_of)

    def learn():
        descent.zero_grad(set_to_none=True)
        loss = loss_function(w, config, form.layout, *feed.inputs)
        loss.backward()
        descent.step()
        return loss.detach()

    def step(launch=learn):
        feed.take()
        loss = launch()
        feed.send()  # the next one, while this step is under way
        return loss.item()  # waits for the device

    first_loss = step()
    launch = form.captured(learn)
    return first_loss, lambda: step(launch)


def prediction(form, config, w, feed):
    """Return a function that brings the probabilities of a batch to the host, and their mean."""
    function = form.compiled(occupancy_of)

    def compute():
        with torch.no_grad():
            return function(w, config, form.layout, *feed.inputs)

    feed.take()
    first = compute()
    host = torch.empty(first.shape, pin_memory=first.is_cuda)
    launch = form.captured(compute)

    def predict():
        feed.send()
        feed.take()
        host.copy_(launch(), non_blocking=True)
        if first.is_cuda:
            torch.cuda.current_stream().synchronize()

    return first.mean().item(), predict


PASSES = {"step": training, "forward": prediction}
