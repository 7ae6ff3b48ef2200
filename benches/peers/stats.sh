#!/bin/sh
# Intervals of tables of scores with 10,000 resamples: ours and rliable's, in turn, on one core.
#
#   benches/peers/stats.sh [PYTHON]
#
# PYTHON needs stats/tests/fixtures/requirements.txt; without an argument it is $PYTHON or python3. REPETITIONS (3)
# applies to each measurement. The table goes to stdout. Anything else that runs on the machine affects the figures.
set -eu
peers=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$peers/../.." && pwd)
python=${1:-${PYTHON:-python3}}
export REPETITIONS="${REPETITIONS:-3}"
# Relative paths are relative to the caller's folder; what follows runs in the root.
case $python in /*) ;; */*) python=$PWD/$python ;; esac

say() { printf '%s\n' "$*" >&2; }

if ! "$python" -c 'import rliable.library' 2>/dev/null; then
    say "error: \`$python\` cannot import rliable."
    say "Give a Python that can: python3 -m venv .venv && .venv/bin/pip install -r $root/stats/tests/fixtures/requirements.txt"
    exit 2
fi

# Builds first, so that nothing compiles during a measurement. Runs in the root because of its .cargo/config.toml.
cd "$root"
messages=$(cargo build --release --locked --message-format=json-render-diagnostics -p optimiser-paradigms-stats --bench stats)
ours=$(printf '%s\n' "$messages" | sed -n 's/.*"name":"stats".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$ours" ] || { say "error: the benchmark was not built, see above"; exit 1; }

# The last core that we may use, because most interrupts go to the first.
pin=
if command -v taskset >/dev/null; then
    pin="taskset -c $(taskset -pc $$ | sed 's/.*[^0-9]//')"
fi

say "== the load is now $(uptime | sed 's/.*load average: //')"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
# Through files, because a failure in a pipe would go unnoticed.
$pin "$ours" >"$work/before.csv"
$pin "$python" "$peers/stats.py" >"$work/theirs.csv"
$pin "$ours" >"$work/after.csv"

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
printf '%s, one core; %s. Ours before and after rliable; of the improvement and the profile,\n' "${cpu:-$(uname -m)}" "$(rustc --version)"
printf 'rliable draws 200 resamples instead of 10,000, and its time is scaled.\n\n'
printf '| runs x tasks | statistic | ours, ms | rliable, ms | rliable / ours | ours | rliable |\n|---|---|---|---|---|---|---|\n'
awk -F, '
    FNR == 1 { file++; next }
    { what = $1 "," $2; found = $6 " [" $7 ", " $8 "]" }
    file == 1 { before[what] = $3; ours[what] = found; next }
    file == 2 { after[what] = $3; next }
    {
        slower = before[what] > after[what] ? before[what] : after[what]
        printf "| %s | %s | %.0f, %.0f | %.0f | %.0f | %s | %s |\n", $1, $2, before[what], after[what], $3, $3 / slower, ours[what], found
    }
' "$work/before.csv" "$work/after.csv" "$work/theirs.csv"
