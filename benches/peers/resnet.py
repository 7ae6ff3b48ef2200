"""What benches/resnet.rs measures, in PyTorch: the passes of ResNet-18's convolutions, and whole steps.

usage: resnet.py THREADS BATCH    (REPETITIONS from the environment)
"""

import os
import sys
import time

import torch
from torch import nn
from torch.nn.grad import conv2d_input, conv2d_weight
from torchvision.models import resnet18

LAYERS = [
    # channels, side of the image, outputs, kernel, stride
    (3, 32, 64, 7, 2),
    (64, 8, 64, 3, 1),
    (64, 8, 128, 3, 2),
    (64, 8, 128, 1, 2),
    (128, 4, 128, 3, 1),
    (128, 4, 256, 3, 2),
    (128, 4, 256, 1, 2),
    (256, 2, 256, 3, 1),
    (256, 2, 512, 3, 2),
    (256, 2, 512, 1, 2),
    (512, 1, 512, 3, 1),
]


def best(repetitions, work):
    work()
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1e3 * min(times)


def main():
    threads, batch = int(sys.argv[1]), int(sys.argv[2])
    repetitions = int(os.environ.get("REPETITIONS", "5"))
    torch.set_num_threads(threads)
    print("what,forward_ms,input_ms,weight_ms")
    for channels, side, outputs, kernel, stride in LAYERS:
        x = torch.randn(batch, channels, side, side)
        conv = nn.Conv2d(channels, outputs, kernel, stride, kernel // 2, bias=False)
        w = conv.weight.detach()
        with torch.no_grad():
            dy = torch.randn_like(conv(x))
            with_ = dict(stride=stride, padding=kernel // 2)
            forward = best(repetitions, lambda: conv(x))
            inputs = best(repetitions, lambda: conv2d_input(x.shape, w, dy, **with_)) if channels > 3 else 0.0
            weight = best(repetitions, lambda: conv2d_weight(x, w.shape, dy, **with_))
        print(f"{kernel}x{kernel}/{stride} {channels}->{outputs} {side}x{side},{forward:.3f},{inputs:.3f},{weight:.3f}")
    net = resnet18(weights=None, num_classes=10).train()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    x, y = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))

    def step():
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()

    print(f"step,{best(repetitions, step):.3f},,")


main()
