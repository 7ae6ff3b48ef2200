"""What `cargo bench --bench gpu -- resnet` measures, in PyTorch: whole steps of torchvision's ResNet-18 with Adam, as CSV.

usage: torch_resnet.py cpu|cuda COMPILER    (BATCH, REPETITIONS and MILLISECONDS from the environment)

In float32, TF32 and bfloat16 (autocast), plain, with channels last, and compiled by COMPILER. PyTorch has its fused Adam
and, unlike ours, does not wait for the loss after each step, but only after each repetition.
"""

import os
import sys
from contextlib import nullcontext
from statistics import median
from time import perf_counter

import torch
from torch import nn
from torchvision.models import resnet18

BATCH = int(os.environ.get("BATCH", 256))
REPETITIONS = int(os.environ.get("REPETITIONS", 11))
SPAN = int(os.environ.get("MILLISECONDS", 50)) / 1e3
# Compiling takes longest, so it is last.
FORMS = ["eager", "eager channels_last", "compiled"]


def step(precision, form, device, compiler):
    """A function that makes a step."""
    torch._dynamo.reset()
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    layout = torch.channels_last if "channels_last" in form else torch.contiguous_format
    net = resnet18(weights=None, num_classes=10).train().to(device, memory_format=layout)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    images = torch.randn(BATCH, 3, 32, 32, device=device).to(memory_format=layout)
    labels = torch.randint(0, 10, (BATCH,), device=device)
    forward = torch.compile(net, backend=compiler) if form == "compiled" else net

    def run():
        optimiser.zero_grad()
        with torch.autocast(device, torch.bfloat16) if precision == "bf16" else nullcontext():
            loss = nn.functional.cross_entropy(forward(images), labels)
        loss.backward()
        optimiser.step()

    return run


def measure(run, wait):
    """Milliseconds a step, one for each repetition."""

    def steps(count):
        began = perf_counter()
        for _ in range(count):
            run()
        wait()
        return perf_counter() - began

    # Compiles, and chooses cuDNN's algorithms.
    steps(3)
    count = 2
    while (took := steps(count)) < SPAN / 4:
        count *= 2
    count = max(1, round(count * SPAN / took))
    return [1e3 * steps(count) / count for _ in range(REPETITIONS)]


def main():
    device, compiler = sys.argv[1], sys.argv[2]
    torch.manual_seed(1)
    torch.backends.cudnn.benchmark = True
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    print("library,precision,form,batch,ms_per_step,ms_min,ms_max,images_per_second,repetitions")
    for form in FORMS:
        # A processor has no TF32.
        for precision in ["f32", "tf32", "bf16"] if device == "cuda" else ["f32", "bf16"]:
            ms = measure(step(precision, form, device, compiler), wait)
            rate = 1e3 * BATCH / median(ms)
            times = f"{median(ms):.3f},{min(ms):.3f},{max(ms):.3f}"
            print(f"torch,{precision},{form},{BATCH},{times},{rate:.0f},{len(ms)}", flush=True)


main()
