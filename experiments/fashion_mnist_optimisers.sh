#!/bin/sh
# The note's supervised experiment on Fashion-MNIST, where CIFAR-10 cannot be had: ResNet-18 from random
# weights with the note's four settings. Its ten epochs with seed 1 for the figure; one with seeds 2 and 3 to
# compare with torchvision's run (benches/peers/supervised.py). Needs Debian's dataset-fashion-mnist, or
# --download. Two cores take 50 minutes.
set -eu
cd "$(dirname "$0")/.."
run() {
    cargo run --release --bin supervised -- --dataset fashion-mnist --opt sgd,adam,rmsprop,adagrad --resume "$@"
}
run --seed 1 --epochs 10 --out runs/fashion_mnist
run --seed 2 --seeds 2 --epochs 1 --out runs/fashion_mnist_seeds
