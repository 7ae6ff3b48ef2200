"""The note's supervised experiment in PyTorch: torchvision's ResNet-18, test accuracy after each epoch.

usage: supervised.py DATASET_FOLDER WHERE EPOCHS OPTIMISER,... SEED...

DATASET_FOLDER has the files of Fashion-MNIST, or CIFAR-10 as Hugging Face's Parquet files. WHERE is `cuda` or a
number of CPU threads. The settings are those of `supervised`: ToTensor and Normalize(0.5, 0.5), batch 256 shuffled,
cross entropy, every layer reset to PyTorch's default initialisation; Fashion-MNIST's 28x28 grey images are in the
middle of 32x32, with three equal channels. Prints CSV: optimiser, seed, epoch, train loss, test loss, test accuracy,
images a second. Needs benches/peers/supervised-requirements.txt (pyarrow and pillow only for CIFAR-10).
"""

import gzip
import io
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


def fashion_mnist(folder, name):
    name = {"train": "train", "test": "t10k"}[name]
    images = idx(folder / f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = idx(folder / f"{name}-labels-idx1-ubyte.gz", 8).astype(np.int64)
    images = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    return torch.from_numpy(images), torch.from_numpy(labels)


def cifar10(folder, name):
    import pyarrow.parquet
    from PIL import Image

    table = pyarrow.parquet.read_table(sorted(folder.glob(f"{name}-*.parquet"))[0])
    pictures = [np.asarray(Image.open(io.BytesIO(image["bytes"]))) for image in table["img"].to_pylist()]
    labels = table["label"].to_numpy().astype(np.int64)
    return torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels)


def batch(images):
    x = (images.float() / 255 - 0.5) / 0.5
    return x.expand(-1, 3, -1, -1).contiguous()


def main():
    folder, where, epochs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    optimisers, seeds = sys.argv[4].split(","), sys.argv[5:]
    device = torch.device("cuda" if where == "cuda" else "cpu")
    if where != "cuda":
        torch.set_num_threads(int(where))
    # Not TF32, which PyTorch allows convolutions by default.
    torch.backends.cudnn.allow_tf32 = False
    split = cifar10 if list(folder.glob("*.parquet")) else fashion_mnist
    (train, train_labels), (test, test_labels) = [
        [tensor.to(device) for tensor in split(folder, name)] for name in ("train", "test")
    ]
    print("optimiser,seed,epoch,train_loss,test_loss,test_accuracy,images_per_second", flush=True)
    for seed in map(int, seeds):
        for name in optimisers:
            torch.manual_seed(seed)
            net = resnet18(weights=None, num_classes=10)
            for module in net.modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()
            net.to(device)
            optimiser = OPTIMISERS[name](net.parameters())
            for epoch in range(1, epochs + 1):
                net.train()
                began, total = time.perf_counter(), 0.0
                for rows in torch.randperm(len(train)).to(device).split(BATCH):
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
