#!/bin/sh
# Environment steps per second of each algorithm on CartPole, on one core: the table in docs/speed.md. Rows go to stdout.
#
#   benches/algorithms.sh > results/onpolicy_speed/algorithms.csv     half a minute, after `cargo build --release`
set -eu
cd "$(dirname "$0")/.."
rl=$PWD/target/release/rl
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "case,repetition,steps,seconds"
for repetition in 1 2 3 4 5; do
    while IFS='|' read -r name steps flags; do
        # One evaluation, at the end. The flags are words.
        # shellcheck disable=SC2086
        taskset -c 1 "$rl" $flags --steps "$steps" --eval-every "$steps" --eval-episodes 1 --force --quiet --out "$folder/run" \
            </dev/null >/dev/null
        echo "$name,$repetition,$steps,$(sed -n 's/^seconds = //p' "$folder/run/machine.toml")"
    done <<'TABLE'
dqn|200000|
dqn without replay|200000|--preset no_replay
a2c|500000|--algo a2c --opt rmsprop:lr=7e-4,eps=1e-5
pqn|204800|--algo pqn --opt radam
stream-q|100000|--algo stream-q --opt obgd
TABLE
done
