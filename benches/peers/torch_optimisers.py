"""What `cargo bench --bench gpu -- optimisers` measures, in PyTorch: one step of each optimiser, and a copy, as CSV on stdout.

usage: torch_optimisers.py cpu|cuda [PART ...]    (REPETITIONS and MILLISECONDS from the environment)

A PART selects the rows in whose optimiser/case it is. Optimisers run with foreach, and fused where PyTorch has that.
"""

import inspect
import math
import os
import sys
from statistics import median
from time import perf_counter

import torch
from optimisers import LR, OPTIMISERS, values

REPETITIONS = int(os.environ.get("REPETITIONS", 11))
SPAN = int(os.environ.get("MILLISECONDS", 50)) / 1e3
# Steps between two waits for the device, as in ours.
BURST = 20
MLP = [(120, 4), (120,), (84, 120), (84,), (2, 84), (2,)]
CASES = {"10M": [(10_000_000,)], "dqn-mlp": MLP, "256-dqn-mlps": [(256, *shape) for shape in MLP]}
FORMS = {"torch foreach": {"foreach": True}, "torch fused": {"fused": True}}


def measure(step, wait):
    """Microseconds a step, one for each repetition."""

    def bursts(count):
        began = perf_counter()
        for _ in range(count):
            for _ in range(BURST):
                step()
            wait()
        return perf_counter() - began

    bursts(2)
    count = 2
    while (took := bursts(count)) < SPAN / 4:
        count *= 2
    count = max(1, round(count * SPAN / took))
    return [1e6 * bursts(count) / count / BURST for _ in range(REPETITIONS)]


def report(library, optimiser, case, touched, us):
    rate = touched / median(us) / 1e3
    print(f"{library},{optimiser},{case},{median(us):.3f},{min(us):.3f},{max(us):.3f},{touched},{rate:.2f},{len(us)}", flush=True)


def main():
    device, parts = sys.argv[1], sys.argv[2:]
    torch.manual_seed(1)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    print("library,optimiser,case,us_per_step,us_min,us_max,bytes_per_step,gb_per_s,repetitions")
    source = torch.full((40_000_000,), 1.5, device=device)
    target = torch.zeros_like(source)
    report("torch", "copy", "40M", 2 * 4 * source.numel(), measure(lambda: target.copy_(source), wait))
    for name, (make, settings, states) in OPTIMISERS.items():
        for library, form in FORMS.items():
            if not form.keys() <= inspect.signature(make).parameters.keys():
                continue
            for case, shapes in CASES.items():
                if parts and not any(part in f"{name}/{case}" for part in parts):
                    continue
                parameters = [torch.nn.Parameter(values(shape).to(device)) for shape in shapes]
                for parameter in parameters:
                    parameter.grad = values(parameter.shape).to(device)
                try:
                    optimiser = make(parameters, lr=LR, **settings, **form)
                except RuntimeError:
                    # Not every optimiser with `fused` has it on every device.
                    continue
                us = measure(optimiser.step, wait)
                touched = 4 * (3 + 2 * states) * sum(math.prod(shape) for shape in shapes)
                report(library, name, case, touched, us)


main()
