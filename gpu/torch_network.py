"""The same network in PyTorch in its fastest forms, timed on one GPU; needs nothing of this project.

``python3 torch_network.py WEIGHTS.npz NETWORK.json BATCH.npz RESULT.json`` takes the weights and the
batch that `check_gpu` used, and writes for each form the loss, the seconds of each step and the memory.
A form is a layout of the maps, and what is made of it: ``channels_last+compile+graph``. With
``--serve`` it answers requests on standard input instead, one JSON object a line.
"""
import argparse
import gc
import json
import os
import signal
import sys
import time
from contextlib import contextmanager

import numpy as np
import torch
from torch.nn import functional

MOMENTUM, WEIGHT_DECAY = 0.9, 5e-5
WARM_UP = 3  # steps
LAYOUTS = {  # are the 2-D maps, and the 3-D maps, stored with the channels last?
    "channels_first": (False, False),
    "channels_last": (True, True),
    "channels_last_2d": (True, False),
}
MODES = {"compile": "default", "autotune": "max-autotune-no-cudagraphs"}
EXTRAS = ("graph", "compile", "compile+graph", "autotune+graph")  # tried with the fastest layout
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
    for number in range(1, config["unpoolings"] + 1):
        name = f"decoder.conv{number}.W"
        w[name] = w[name].transpose(0, 1).flip(2, 3, 4)
    return {name: place(value, layout, device).requires_grad_() for name, value in w.items()}


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


def decode(w, config, x):
    """Return the logits ``(batch, 2, x, y, z)`` of a hidden state."""
    count = len(config["decoder_widths"]) + 1
    for number in range(1, count + 1):
        weight, bias = (w[f"decoder.conv{number}.{part}"] for part in "Wb")
        if number <= config["unpoolings"]:  # unpooling, then convolution
            x = functional.conv_transpose3d(x, weight, bias, stride=2, padding=1, output_padding=1)
        else:
            x = functional.conv3d(x, weight, bias, padding=1)
        if number < count:
            x = leaky_relu(x)
    return x


def margin_of(w, config, layout, views):
    """Return by how much the logit of occupied is above that of empty, ``(batch, x, y, z)``."""
    flat, deep = LAYOUTS[layout]
    count, batch = views.shape[:2]
    tau = encode(w, config, flat, views.flatten(0, 1)).view(count, batch, -1)
    logits = decode(w, config, remember(w, config, deep, tau))
    return logits[:, 1] - logits[:, 0]


def loss_of(w, config, layout, views, voxels):
    """Return the mean cross-entropy over all voxels."""
    margin = margin_of(w, config, layout, views)
    return functional.softplus((1 - 2 * voxels.float()) * margin).mean()


def occupancy_of(w, config, layout, views):
    """Return the probability that a voxel is occupied, ``(batch, x, y, z)``."""
    return torch.sigmoid(margin_of(w, config, layout, views))


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
        One of ``LAYOUTS``, followed by any of ``+compile`` or ``+autotune``, and ``+graph``.
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
    biases = [value for name, value in w.items() if name.endswith(".b")]
    others = [value for name, value in w.items() if not name.endswith(".b")]
    optimiser = torch.optim.SGD(
        [{"params": others, "weight_decay": WEIGHT_DECAY}, {"params": biases}],
        lr=0.001, momentum=MOMENTUM, fused=others[0].is_cuda,
    )
    loss_function = form.compiled(loss_of)

    def learn():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_function(w, config, form.layout, *feed.inputs)
        loss.backward()
        optimiser.step()
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


class Bench:
    """Times forms of one network with one batch on one device.

    Parameters
    ----------
    weights : dict of str to array
    config : dict
        The definition of the network.
    views, voxels : array
        ``(views, batch, 3, rows, columns)``, bytes or numbers in [0, 1], and
        ``(batch, x, y, z)``; a case takes the first views and objects of them.
    deadline : float
        Of `time.monotonic`; past it nothing is started, and what runs is stopped.
    """

    def __init__(self, weights, config, views, voxels, deadline):
        self.weights, self.config = weights, config
        self.views, self.voxels = views, voxels
        self.deadline = deadline
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.backends.cudnn.benchmark = True
        if hasattr(torch._dynamo.config, "recompile_limit"):  # each case is a compilation of one function
            torch._dynamo.config.recompile_limit = 64

    def about(self):
        """Return what is measured with."""
        gpu = self.device == "cuda"
        return {
            "version": torch.__version__,
            "device": torch.cuda.get_device_name() if gpu else self.device,
            "cudnn": torch.backends.cudnn.version() if gpu else None,
        }

    def survey(self, case, steps, extras):
        """Return each form's measurement; the extras are tried with the fastest layout.

        Parameters
        ----------
        case : dict
            ``views``, ``batch``, ``pass`` (step or forward) and ``precision`` (float32 or tf32).
        steps : int
        extras : list of str
            Such as ``compile+graph``.

        Returns
        -------
        dict
            ``forms``, a dict of what `time_form` returned by name, and ``best``, a name or None.
        """
        forms = {name: self.time_form(name, case, steps) for name in LAYOUTS}
        layout = best_of(forms)
        for extra in extras if layout else ():
            name = f"{layout}+{extra}"
            forms[name] = self.time_form(name, case, steps)
        return {**case, "forms": forms, "best": best_of(forms)}

    def time_form(self, name, case, steps):
        """Return the measurement of one form, or why there is none.

        Returns
        -------
        dict
            ``first`` (the first loss, or the mean probability), ``seconds`` of each step after some
            to warm up, ``samples_per_second``, ``memory`` at its highest and ``prepare_seconds``;
            or ``error``, in one line.
        """
        try:
            with time_limit(self.deadline - time.monotonic()):
                return self._time(Form(name), case, steps)
        except Exception as error:  # whatever keeps a form from running, the others can
            return {"error": " ".join(f"{type(error).__name__}: {error}".split())[:200]}
        finally:
            gc.collect()
            if self.device == "cuda":
                torch.cuda.empty_cache()

    def _time(self, form, case, steps):
        set_precision(case["precision"])
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        batch = self.views[: case["views"], : case["batch"]], self.voxels[: case["batch"]]
        feed = Feed(batch if case["pass"] == "step" else batch[:1], self.device)
        w = prepare(self.weights, self.config, form.layout, self.device)
        first, run = PASSES[case["pass"]](form, self.config, w, feed)
        for _ in range(WARM_UP):
            run()
        prepared = time.perf_counter() - start
        seconds = []
        for _ in range(steps):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        return {
            "first": first,
            "seconds": seconds,
            "samples_per_second": case["batch"] / float(np.median(seconds)),
            "memory": torch.cuda.max_memory_allocated() if self.device == "cuda" else None,
            "prepare_seconds": prepared,
        }


def best_of(forms):
    """Return the name of the fastest form, or None where none ran."""
    rates = {name: form["samples_per_second"] for name, form in forms.items() if "error" not in form}
    return max(rates, key=rates.get, default=None)


def set_precision(name):
    """Take TF32 products in convolutions and matrix products, or float32 ones only."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"


@contextmanager
def time_limit(seconds):
    """Raise TimeoutError in the body after some seconds, before it where none are left."""
    def stop(*_):
        raise TimeoutError("the time limit")

    if seconds <= 0:
        stop()
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def serve(bench):
    """Answer requests until standard input ends.

    A request holds a case, ``steps``, ``limit`` in seconds, and ``form``, which is timed, or
    ``extras`` for a survey.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    print(json.dumps(bench.about()), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        limit, steps, form, extras = (request.pop(k, None) for k in ("limit", "steps", "form", "extras"))
        bench.deadline = time.monotonic() + limit
        if form:
            answer = bench.time_form(form, request, steps)
        else:
            answer = bench.survey(request, steps, extras)
        print(json.dumps(answer), file=answers)


def measure(bench, options):
    """Survey all cases and write what was found after each."""
    results = {**bench.about(), "cases": []}
    precisions = options.precisions.split(",") if bench.device == "cuda" else ["float32"]
    for what in options.passes.split(","):
        for views in options.views or [len(bench.views)]:
            for precision in precisions:
                case = {"views": views, "batch": options.batch or len(bench.voxels),
                        "pass": what, "precision": precision}
                found = bench.survey(case, options.steps, list(filter(None, options.extras.split(","))))
                results["cases"].append(found)
                best = found["forms"].get(found["best"], {})
                print(precision, what, views, "views:", found["best"], best.get("samples_per_second"), flush=True)
                with open(options.result, "w", encoding="utf-8") as file:
                    json.dump(results, file)


def parse_arguments(argv):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    for name in ("weights", "network", "batch_file", "result"):
        add(name)
    add("--steps", type=int, default=20, help="timed steps")
    add("--batch", type=int, help="objects; default: all of the file")
    add("--views", type=int, action="append", help="views, may be given more than once; default: all of the file")
    add("--passes", default="step", help="some of step,forward")
    add("--precisions", default="float32,tf32", help="some of float32,tf32")
    add("--extras", default="graph,compile,compile+graph", help=f"some of {','.join(EXTRAS)}")
    add("--limit", type=float, default=300, help="seconds after which no form is measured")
    add("--serve", action="store_true", help="answer requests instead; RESULT is not written")
    return parser.parse_args(argv)


def main(argv=None):
    """Read the files and measure."""
    deadline = time.monotonic()
    options = parse_arguments(argv)
    deadline += options.limit
    with np.load(options.weights) as archive:
        weights = dict(archive)
    with np.load(options.batch_file) as archive:
        views, voxels = archive["views"], archive["voxels"]
    with open(options.network, encoding="utf-8") as file:
        config = json.load(file)
    bench = Bench(weights, config, views, voxels, deadline)
    if options.serve:
        serve(bench)
    else:
        measure(bench, options)


if __name__ == "__main__":
    main()
