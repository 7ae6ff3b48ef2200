"""One step of PyTorch's optimisers, as CSV on stdout: the rows of ../measure/rows.rs, measured in the same way.

Each optimiser runs plain, with foreach, and fused where PyTorch has it, on one thread.
REPETITIONS and MILLISECONDS say how long to measure. Arguments, if any, are parts of library/optimiser/case and select rows.
"""
import inspect
import math
import os
import sys
from statistics import median
from time import perf_counter

import torch
from torch import optim

LR = 1e-3
REPETITIONS = int(os.environ.get("REPETITIONS", 11))
SPAN = int(os.environ.get("MILLISECONDS", 50)) / 1e3

CASES = {
    "10M": [(10_000_000,)],
    "dqn-mlp": [(120, 4), (120,), (84, 120), (84,), (2, 84), (2,)],
}

# Our name for it: the class, what sets it apart from the defaults, and the states it needs.
OPTIMISERS = {
    "sgd": (optim.SGD, {}, 0),
    "momentum": (optim.SGD, {"momentum": 0.9}, 1),
    "nag": (optim.SGD, {"momentum": 0.9, "nesterov": True}, 1),
    "rmsprop": (optim.RMSprop, {}, 1),
    "rmsprop:centered=true": (optim.RMSprop, {"centered": True}, 2),
    "rmsprop:momentum=0.9": (optim.RMSprop, {"momentum": 0.9}, 2),
    "adagrad": (optim.Adagrad, {}, 1),
    "adadelta": (optim.Adadelta, {}, 2),
    "adam": (optim.Adam, {}, 2),
    "adam:amsgrad=true": (optim.Adam, {"amsgrad": True}, 3),
    "adamw": (optim.AdamW, {}, 2),
    "adamax": (optim.Adamax, {}, 2),
    "nadam": (optim.NAdam, {}, 2),
    "radam": (optim.RAdam, {}, 2),
}

FORMS = {"torch": {"foreach": False}, "torch foreach": {"foreach": True}, "torch fused": {"fused": True}}

# Adds momentum to the gradients themselves, so that each step needs new ones.
SPOILS_GRADIENTS = {("torch foreach", "nag")}


def values(shape):
    """Numbers of either sign with an absolute value between 0.5 and 1.5."""
    size = torch.rand(shape) + 0.5
    return torch.where(torch.rand(shape) < 0.5, size, -size)


def steps_of(optimiser, parameters, gradients, spoils):
    """A function that takes the time of so many steps.

    The gradient alternates, as it does in Rust. Assigning it costs time here, which does not count as part of the step.
    """
    pairs = [list(zip(parameters, gradient)) for gradient in gradients]

    def run(steps):
        total = 0.0
        for i in range(steps):
            for parameter, gradient in pairs[i % 2]:
                parameter.grad = gradient.clone() if spoils else gradient
            start = perf_counter()
            optimiser.step()
            total += perf_counter() - start
        return total

    return run


def measure(run):
    """Microseconds a step, one for each repetition."""
    run(2)
    steps = 2
    while (took := run(steps)) < SPAN / 4:
        steps *= 2
    steps = math.ceil(steps * SPAN / took)
    return [run(steps) * 1e6 / steps for _ in range(REPETITIONS)]


def copy_bandwidth():
    """GB/s, read and written, of the best of several copies."""
    source = torch.full((40_000_000,), 1.5)
    target = torch.zeros_like(source)
    best = math.inf
    for _ in range(20):
        start = perf_counter()
        target.copy_(source)
        best = min(best, perf_counter() - start)
    return 2 * 4 * source.numel() / best / 1e9


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    wanted = sys.argv[1:]
    before = copy_bandwidth()
    rows = []
    for name, (make, settings, states) in OPTIMISERS.items():
        for library, form in FORMS.items():
            if not form.keys() <= inspect.signature(make).parameters.keys():
                continue
            for case, shapes in CASES.items():
                if wanted and not any(word in f"{library}/{name}/{case}" for word in wanted):
                    continue
                parameters = [torch.nn.Parameter(values(shape)) for shape in shapes]
                gradients = [[values(shape) for shape in shapes] for _ in range(2)]
                optimiser = make(parameters, lr=LR, **settings, **form)
                us = measure(steps_of(optimiser, parameters, gradients, (library, name) in SPOILS_GRADIENTS))
                if not all(p.isfinite().all() for p in parameters):
                    # The centred RMSprop takes the root of v - g_avg^2, which rounding can make negative.
                    print(f"{library}, {name}, {case}: left out, its weights became NaN", file=sys.stderr)
                    continue
                print(f"{library}, {name}, {case}: {median(us):.2f} us", file=sys.stderr)
                count = sum(math.prod(shape) for shape in shapes)
                rows.append((library, name, case, count, 4 * (3 + 2 * states), us))
    copy = max(before, copy_bandwidth())
    print(
        "library,optimiser,case,ns_per_parameter,us_per_step,bytes_per_parameter,gb_per_s,share_of_copy,"
        "us_min,us_max,repetitions,copy_gb_per_s"
    )
    for library, name, case, count, touched, us in rows:
        ns = median(us) * 1e3 / count
        rate = touched / ns
        print(
            f"{library},{name},{case},{ns:.4f},{median(us):.3f},{touched},{rate:.2f},{rate / copy:.3f},"
            f"{min(us):.3f},{max(us):.3f},{len(us)},{copy:.2f}"
        )


if __name__ == "__main__":
    main()
