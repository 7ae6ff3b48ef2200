#!/bin/sh
# The note's supervised experiment on Fashion-MNIST, where CIFAR-10 cannot be had: ResNet-18 from random
# weights with the note's four settings. Four of its ten epochs with seed 1 for the figure; one epoch with
# three seeds to compare with torchvision's run (benches/peers/supervised.py). Needs Debian's
# dataset-fashion-mnist, or --download. It took half an hour on two cores
# that had other work as well.
set -eu
cd "$(dirname "$0")/.."
run() {
    cargo run --release --bin supervised -- --dataset fashion-mnist --resume "$@"
}
run --opt sgd,adam,rmsprop,adagrad --epochs 4 --out runs/fashion_mnist
run --opt sgd,adam --epochs 1 --seed 2 --seeds 2 --out runs/fashion_mnist_seeds
