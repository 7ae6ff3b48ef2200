#!/bin/sh
# Training without a replay buffer, environment included, in turn, on one core: A2C beside a plain PyTorch loop and
# Stable-Baselines3, and PQN beside a JAX program that is compiled whole.
#
#   benches/peers/onpolicy.sh [PYTHON]
#
# PYTHON needs what onpolicy-requirements.txt has; without an argument it is $PYTHON, else python3. ROUNDS (3) is how often
# all run; A2C (100000), PQN (102400) and PQN_BREAKOUT (40960) are the steps of a run, and our A2C makes ten times as many; OUT
# is the file the rows go to.
# The table goes to stdout. Anything else that runs on the machine shows in the figures: steps a processor second, the
# last minute's load and ours / theirs within a round say how much.
#
# No evaluation, no file, no start of a process and no compilation is in any of the times: see ../training.rs, onpolicy.py
# and pqn_jax.py.
set -eu
peers=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$peers/../.." && pwd)
python=${1:-${PYTHON:-python3}}
rounds=${ROUNDS:-3}
a2c=${A2C:-100000}
pqn=${PQN:-102400}
breakout=${PQN_BREAKOUT:-40960}
out=${OUT:-$root/target/onpolicy-$(date +%Y%m%d-%H%M%S).csv}
# Relative paths are the caller's; what follows runs in the root.
case $python in /*) ;; */*) python=$PWD/$python ;; esac
case $out in /*) ;; *) out=$PWD/$out ;; esac

say() { printf '%s\n' "$*" >&2; }

if ! "$python" -c 'import torch, gymnasium, stable_baselines3, jax, optax, gymnax' 2>/dev/null; then
    say "error: \`$python\` cannot import torch, gymnasium, stable_baselines3, jax, optax and gymnax."
    say "Give a Python that can: python3 -m venv .venv && .venv/bin/pip install -r $peers/onpolicy-requirements.txt"
    exit 2
fi

# First, so that nothing compiles beside a measurement. From the root, for its .cargo/config.toml.
cd "$root"
# Through a variable: in a pipe, a failure would go unnoticed.
messages=$(${CARGO:-cargo} build --release --locked --message-format=json-render-diagnostics --bench training)
ours=$(printf '%s\n' "$messages" | sed -n 's/.*"name":"training".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$ours" ] || { say "error: the benchmark was not built, see above"; exit 1; }

# The last core we may use: the first is the one most interrupts go to.
core=$("$python" -c 'import os; print(max(getattr(os, "sched_getaffinity", lambda _: ())(0), default="any"))')
slot=0
# run NAME STEPS PROGRAM...: an agent, whose seed differs by the round, and its row with where and when in front.
run() {
    name=$1 steps=$2
    shift 2
    slot=$((slot + 1))
    load=$(uptime | sed 's/.*load average[s]*: *\([0-9.]*\).*/\1/')
    if [ "$core" != any ]; then set -- taskset -c "$core" "$@"; fi
    "$@" "$name" "$steps" "$round" >"$out.1" || { rm -f "$out.1"; say "error: failed: $*"; exit 1; }
    if [ ! -s "$out" ]; then
        sed -n '1s/^/round,slot,cores,process,load,/p' "$out.1" >"$out"
    fi
    sed "1d;s/^/$started.$round,$slot,1,1,$load,/" "$out.1" >>"$out"
    rm "$out.1"
}

say "== rows go to $out; the load is now $(uptime | sed 's/.*load average: //')"
mkdir -p "$(dirname "$out")"
started=$(date +%s)
for round in $(seq "$rounds"); do
    say "== round $round of $rounds"
    run a2c $((10 * a2c)) "$ours"
    run a2c "$a2c" "$python" "$peers/onpolicy.py" torch
    run a2c $((10 * a2c)) "$ours"
    run a2c "$a2c" "$python" "$peers/onpolicy.py" sb3
    run a2c $((10 * a2c)) "$ours"
    run pqn "$pqn" "$ours"
    run pqn "$pqn" "$python" "$peers/pqn_jax.py" jax
    run pqn "$pqn" "$ours"
    run pqn-breakout "$breakout" "$ours"
    run pqn-breakout "$breakout" "$python" "$peers/pqn_jax.py" jax
    run pqn-breakout "$breakout" "$ours"
done

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
versions=$("$python" -c '
from importlib.metadata import version
names = ("torch", "stable-baselines3", "jax", "optax", "gymnax")
print(", ".join(f"{name} {version(name)}" for name in names))')
printf '%s; %s; %s; %s rounds.\n' "${cpu:-$(uname -m)}" "$(rustc --version)" "$versions" "$rounds"
"$python" "$peers/dqn_table.py" "$out"
