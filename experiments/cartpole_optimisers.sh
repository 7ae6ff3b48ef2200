#!/bin/sh
# Which optimiser learns CartPole how well, in CleanRL's setting (500,000 steps)?
#
#   experiments/cartpole_optimisers.sh tune     lr grids, seeds 101 to 103   -> results/cartpole_lr
#   experiments/cartpole_optimisers.sh report   chosen lr, seeds 1 to 30     -> results/cartpole_optimisers
#
# Rule, set before the runs: of each optimiser's grid, the lr with the highest
# mean evaluation (the area under the evaluation curve, mean over the tuning
# seeds) is chosen; it must not be at an end of the grid. The choices stand in
# src/train/config.rs as the preset's, so `report` gives no --lr. Its seeds were
# not tuned on.
#
# Finished runs are skipped, so a run that was stopped goes on where it was.
# JOBS=n runs n at a time (default: the number of cores).
set -eu
cd "$(dirname "$0")/.."
: "${RL:=target/release/rl}" "${STUDY:=target/release/study}" "${JOBS:=$(getconf _NPROCESSORS_ONLN)}"
if [ "$RL" = target/release/rl ]; then cargo build --release; fi

grid() {
    while read -r opt lrs; do
        for lr in $lrs; do
            for seed in 101 102 103; do
                echo "$opt --lr $lr --seed $seed --out runs/cartpole_lr/$opt-lr$lr-s$seed"
            done
        done
    done <<'GRIDS'
sgd      3e-5 1e-4 3e-4 1e-3 3e-3
momentum 1e-5 3e-5 1e-4 3e-4 1e-3
nag      1e-5 3e-5 1e-4 3e-4 1e-3
rmsprop  2.5e-5 8e-5 2.5e-4 8e-4 2.5e-3
adagrad  3e-3 1e-2 3e-2 1e-1 3e-1
adadelta 1e-2 3e-2 1e-1 3e-1 1
adam     2.5e-5 8e-5 2.5e-4 8e-4 2.5e-3
adamw    2.5e-5 8e-5 2.5e-4 8e-4 2.5e-3
GRIDS
}

chosen() {
    for opt in sgd momentum nag rmsprop adagrad adadelta adam adamw; do
        for seed in $(seq 1 30); do
            echo "$opt --seed $seed --out runs/cartpole_optimisers/$opt-s$seed"
        done
    done
}

all() { # reads lines of arguments, runs them JOBS at a time
    xargs -P "$JOBS" -L 1 "$RL" --quiet --env cartpole --preset cleanrl --opt
}

case "${1:-}" in
tune)
    grid | all
    "$STUDY" collect runs/cartpole_lr --out results/cartpole_lr
    ;;
report)
    chosen | all
    "$STUDY" collect runs/cartpole_optimisers --out results/cartpole_optimisers
    ;;
*)
    echo "usage: $0 tune|report" >&2
    exit 2
    ;;
esac
