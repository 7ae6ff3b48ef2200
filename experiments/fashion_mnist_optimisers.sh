#!/bin/sh
# The note's supervised experiment, on Fashion-MNIST instead of CIFAR-10: ResNet-18 from random weights, the note's four settings.
#
#   experiments/fashion_mnist_optimisers.sh [OPTION...]   -> results/fashion_mnist
#
# Four of its ten epochs with seed 1, for the figure; one epoch with three seeds, to compare with torchvision's run
# (benches/peers/supervised.py). OPTIONs go to `supervised`: --download fetches the data set, which is else that of
# Debian's package dataset-fashion-mnist; --data-dir FOLDER names another place.
#
# Finished runs are skipped, so runs that were stopped go on where they were. It took half an hour on two cores
# that had other work as well.
set -eu
cd "$(dirname "$0")/.."
: "${SUPERVISED:=target/release/supervised}" "${OUT:=results/fashion_mnist}"
if [ "$SUPERVISED" = target/release/supervised ]; then cargo build --release; fi
all=runs/fashion_mnist seeds=runs/fashion_mnist_seeds

"$SUPERVISED" --dataset fashion-mnist --resume --opt sgd,adam,rmsprop,adagrad --epochs 4 --out "$all" "$@"
"$SUPERVISED" --dataset fashion-mnist --resume --opt sgd,adam --epochs 1 --seed 2 --seeds 2 --out "$seeds" "$@"

mkdir -p "$OUT"
for file in runs.csv epochs.csv history.csv manifest.toml training_metrics.png; do
    cp "$all/$file" "$OUT/$file"
done
# The first epoch of the two that torchvision's run has: seed 1 from the one comparison, 2 and 3 from the other.
# An optimiser's settings, in quotes where there are several, are left out.
{
    echo "optimiser,seed,epoch,train_loss,test_loss,test_accuracy"
    sed 's/^"\([a-z]*\)[^"]*"/\1/; s/^\([a-z]*\):[^,]*/\1/' "$all/epochs.csv" "$seeds/epochs.csv" |
        awk -F, -v OFS=, '($1 == "sgd" || $1 == "adam") && $3 == 1 { print $1, $2, $3, $5, $7, $8 }' |
        sort -t, -k 2,2n -s
} > "$OUT/ours_one_epoch.csv"
