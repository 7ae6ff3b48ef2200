"""The note's supervised experiment in PyTorch: torchvision's ResNet-18, test accuracy after each epoch.

usage: supervised.py DATASET_FOLDER THREADS EPOCHS OPTIMISER,... SEED...

The settings are those of `supervised --dataset fashion-mnist`: 28x28 grey images in the middle of 32x32, three
equal channels, ToTensor and Normalize(0.5, 0.5), batch 256 shuffled, cross entropy, every layer reset to
PyTorch's default initialisation. Prints CSV: optimiser, seed, epoch, train loss, test loss, test accuracy,
images a second.
"""

import gzip
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models import resnet18

OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.001),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.001),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01),
}
BATCH = 256


def idx(path, header):
    return np.frombuffer(gzip.open(path).read(), np.uint8, offset=header)


def split(folder, name):
    images = idx(folder / f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = idx(folder / f"{name}-labels-idx1-ubyte.gz", 8).astype(np.int64)
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    return torch.from_numpy(images.copy()), torch.from_numpy(labels)


def batch(images):
    x = (images.float() / 255 - 0.5) / 0.5
    return x.unsqueeze(1).expand(-1, 3, -1, -1).contiguous()


def main():
    folder, threads, epochs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    optimisers, seeds = sys.argv[4].split(","), sys.argv[5:]
    torch.set_num_threads(threads)
    (train, train_labels), (test, test_labels) = split(folder, "train"), split(folder, "t10k")
    print("optimiser,seed,epoch,train_loss,test_loss,test_accuracy,images_per_second", flush=True)
    for seed in map(int, seeds):
        for name in optimisers:
            torch.manual_seed(seed)
            net = resnet18(weights=None, num_classes=10)
            for module in net.modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()
            optimiser = OPTIMISERS[name](net.parameters())
            for epoch in range(1, epochs + 1):
                net.train()
                began, total = time.perf_counter(), 0.0
                for rows in torch.randperm(len(train)).split(BATCH):
                    optimiser.zero_grad()
                    loss = nn.functional.cross_entropy(net(batch(train[rows])), train_labels[rows])
                    loss.backward()
                    optimiser.step()
                    total += loss.item() * len(rows)
                rate = len(train) / (time.perf_counter() - began)
                net.eval()
                with torch.no_grad():
                    logits = torch.cat([net(batch(x)) for x in test.split(BATCH)])
                test_loss = nn.functional.cross_entropy(logits, test_labels).item()
                right = (logits.argmax(1) == test_labels).float().mean().item()
                print(f"{name},{seed},{epoch},{total / len(train):.6f},{test_loss:.6f},{right:.4f},{rate:.0f}", flush=True)


main()
