#!/bin/sh
# One optimiser step: ours, candle-nn's, candle-optimisers' and PyTorch's, in turn, on one core.
#
#   benches/peers/optimisers.sh [PYTHON]
#
# PYTHON needs torch (requirements.txt); without an argument it is $PYTHON or python3. ROUNDS (3) is how often
# all programs run; REPETITIONS (11) and MILLISECONDS (50) apply to each measurement; OUT is the file for the rows.
# The tables go to stdout. Anything else that runs on the machine affects the figures.
set -eu
peers=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$peers/../.." && pwd)
python=${1:-${PYTHON:-python3}}
rounds=${ROUNDS:-3}
out=${OUT:-$root/target/optimisers-$(date +%Y%m%d-%H%M%S).csv}
# Relative paths are relative to the caller's folder; what follows runs in the root.
case $python in /*) ;; */*) python=$PWD/$python ;; esac
case $out in /*) ;; *) out=$PWD/$out ;; esac

say() { printf '%s\n' "$*" >&2; }

if ! version=$("$python" -c 'import torch; print(torch.__version__)'); then
    say "error: \`$python\` cannot import torch."
    say "Give a Python that can: python3 -m venv .venv && .venv/bin/pip install -r $peers/requirements.txt"
    exit 2
fi

# Builds first, so that nothing compiles during a measurement. Runs in the root because of its .cargo/config.toml.
cd "$root"
build() { # NAME ARGUMENT...: the path of the executable called NAME
    name=$1
    shift
    # Through a variable, because a failure in a pipe would go unnoticed.
    messages=$(cargo build --release --locked --message-format=json-render-diagnostics "$@") || return 1
    printf '%s\n' "$messages" |
        sed -n "s/.*\"name\":\"$name\".*\"executable\":\"\([^\"]*\)\".*/\1/p" | tail -n 1
}
ours=$(build optimisers --bench optimisers)
candle_optimisers=$(build candle-optimisers-peer --manifest-path "$peers/candle-optimisers/Cargo.toml" --target-dir target/peers)
for program in "$ours" "$candle_optimisers"; do
    [ -x "$program" ] || { say "error: a benchmark was not built, see above"; exit 1; }
done

# The last core that we may use, because most interrupts go to the first.
pin=
if command -v taskset >/dev/null; then
    pin="taskset -c $(taskset -pc $$ | sed 's/.*[^0-9]//')"
fi

# add ROUND PROGRAM...: appends its rows, preceded by the round.
add() {
    number=$1
    shift
    # Through a file, because a failure in a pipe would go unnoticed.
    $pin "$@" >"$out.part" || { rm -f "$out.part"; say "error: failed: $*"; exit 1; }
    if [ ! -s "$out" ]; then
        sed -n '1s/^/round,/p' "$out.part" >"$out"
    fi
    sed "1d;s/^/$number,/" "$out.part" >>"$out"
    rm "$out.part"
}

say "== rows go to $out; the load is now $(uptime | sed 's/.*load average: //')"
mkdir -p "$(dirname "$out")"
started=$(date +%s)
for round in $(seq "$rounds"); do
    say "== round $round of $rounds"
    # The starting second distinguishes runs that were appended to the same file.
    add "$started.$round" "$ours"
    add "$started.$round" "$candle_optimisers"
    add "$started.$round" "$python" "$peers/optimisers.py"
done

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
printf '%s, one core; %s; torch %s; %s rounds.\n' "${cpu:-$(uname -m)}" "$(rustc --version)" "$version" "$rounds"
"$python" "$peers/table.py" "$out"
