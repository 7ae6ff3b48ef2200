#!/bin/sh
# DQN training, environment included: ours, a plain PyTorch loop and Stable-Baselines3, in turn, on one core and on two.
#
#   benches/peers/dqn.sh [PYTHON]
#
# PYTHON needs the packages in dqn-requirements.txt; without an argument it is $PYTHON or python3. ROUNDS (5) is how often
# all programs run; CARTPOLE (100000) and BREAKOUT (5000) are the numbers of steps in a run; OUT is the file for the rows. The table
# goes to stdout. Anything else that runs on the machine affects the figures: steps per processor second, the last
# minute's load and the ratio ours / theirs within a round show how much.
#
# The times exclude evaluation, files and process start: see ../training.rs and dqn.py. On two cores, two processes
# each train an agent, and their speeds are added up.
set -eu
peers=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$peers/../.." && pwd)
python=${1:-${PYTHON:-python3}}
rounds=${ROUNDS:-5}
cartpole=${CARTPOLE:-100000}
breakout=${BREAKOUT:-5000}
out=${OUT:-$root/target/dqn-$(date +%Y%m%d-%H%M%S).csv}
# Relative paths are relative to the caller's folder; what follows runs in the root.
case $python in /*) ;; */*) python=$PWD/$python ;; esac
case $out in /*) ;; *) out=$PWD/$out ;; esac

say() { printf '%s\n' "$*" >&2; }

if ! "$python" -c 'import torch, gymnasium, minatar, stable_baselines3' 2>/dev/null; then
    say "error: \`$python\` cannot import torch, gymnasium, minatar and stable_baselines3."
    say "Give a Python that can: python3 -m venv .venv && .venv/bin/pip install -r $peers/dqn-requirements.txt"
    exit 2
fi

# Builds first, so that nothing compiles during a measurement. Runs in the root because of its .cargo/config.toml.
cd "$root"
# Through a variable, because a failure in a pipe would go unnoticed.
messages=$(cargo build --release --locked --message-format=json-render-diagnostics --bench training)
ours=$(printf '%s\n' "$messages" | sed -n 's/.*"name":"training".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$ours" ] || { say "error: the benchmark was not built, see above"; exit 1; }

# The last cores that we may use, because most interrupts go to the first.
mine=$("$python" -c 'import os; print(*sorted(getattr(os, "sched_getaffinity", lambda _: ())(0), reverse=True))')
set -- $mine
pinned() { # CORE COMMAND...
    core=$1
    shift
    if [ "$core" = any ]; then "$@"; else taskset -c "$core" "$@"; fi
}
first=${1:-any}
second=${2:-$first}

# add CORES PROCESS: appends the row from this process's part, preceded by place and time.
add() {
    if [ ! -s "$out" ]; then
        sed -n '1s/^/round,slot,cores,process,load,/p' "$out.$2" >"$out"
    fi
    sed "1d;s/^/$started.$round,$slot,$1,$2,$load,/" "$out.$2" >>"$out"
    rm "$out.$2"
}

# on_one / on_two NAME STEPS PROGRAM...: one agent on one core, or one agent on each of two; the seed differs between rounds.
slot=0
begin() {
    slot=$((slot + 1))
    load=$(uptime | sed 's/.*load average[s]*: *\([0-9.]*\).*/\1/')
}
failed() { rm -f "$out".[12]; say "error: failed: $*"; exit 1; }
on_one() {
    name=$1 steps=$2
    shift 2
    begin
    pinned "$first" "$@" "$name" "$steps" "$round" >"$out.1" || failed "$@"
    add 1 1
}
on_two() {
    name=$1 steps=$2
    shift 2
    begin
    pinned "$first" "$@" "$name" "$steps" "$round" >"$out.1" &
    pinned "$second" "$@" "$name" "$steps" "$((round + 1000))" >"$out.2" || failed "$@"
    wait "$!" || failed "$@"
    add 2 1
    add 2 2
}

say "== rows go to $out; the load is now $(uptime | sed 's/.*load average: //')"
mkdir -p "$(dirname "$out")"
started=$(date +%s)
for round in $(seq "$rounds"); do
    say "== round $round of $rounds"
    # Ours takes seconds where the others take minutes, so it runs again between them.
    on_one cartpole "$cartpole" "$ours"
    on_one cartpole "$cartpole" "$python" "$peers/dqn.py" torch
    on_one cartpole "$cartpole" "$ours"
    on_one cartpole "$cartpole" "$python" "$peers/dqn.py" sb3
    on_one cartpole "$cartpole" "$ours"
    on_one breakout "$breakout" "$ours"
    on_one breakout "$breakout" "$python" "$peers/dqn.py" torch
    on_one breakout "$breakout" "$ours"
    if [ "$first" != "$second" ]; then
        on_two cartpole "$cartpole" "$ours"
        on_two cartpole "$cartpole" "$python" "$peers/dqn.py" torch
        on_two cartpole "$cartpole" "$ours"
        on_two breakout "$breakout" "$ours"
        on_two breakout "$breakout" "$python" "$peers/dqn.py" torch
        on_two breakout "$breakout" "$ours"
    fi
done

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
versions=$("$python" -c 'import torch, stable_baselines3; print(f"torch {torch.__version__}, Stable-Baselines3 {stable_baselines3.__version__}")')
printf '%s; %s; %s; %s rounds.\n' "${cpu:-$(uname -m)}" "$(rustc --version)" "$versions" "$rounds"
"$python" "$peers/dqn_table.py" "$out"
