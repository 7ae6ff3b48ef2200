#!/bin/sh
# Do our agents return what CleanRL's do? Acrobot and MountainCar in its setting (500,000 steps, Adam with lr 2.5e-4), ten
# seeds each; CartPole's are in experiments/cartpole_optimisers.sh.  -> results/cleanrl_returns
#
# CleanRL's table (docs.cleanrl.dev, dqn.py, three seeds): Acrobot -91.5 +- 7.2, MountainCar -195 +- 8.5,
# CartPole 488.7 +- 16.1: returns of training episodes at the end, which the column last_100_return has here.
#
# Finished runs are skipped. JOBS=n runs n at a time (default: the number of cores).
set -eu
cd "$(dirname "$0")/.."
: "${RL:=target/release/rl}" "${STUDY:=target/release/study}" "${JOBS:=$(getconf _NPROCESSORS_ONLN)}"
if [ "$RL" = target/release/rl ]; then cargo build --release; fi
for env in acrobot mountain_car; do
    for seed in $(seq 1 10); do
        echo "$env --seed $seed --out runs/cleanrl_returns/$env-s$seed"
    done
done | xargs -P "$JOBS" -L 1 "$RL" --quiet --preset cleanrl --opt adam:lr=2.5e-4 --env
"$STUDY" collect runs/cleanrl_returns --out results/cleanrl_returns
