#!/bin/sh
# Environment steps with random actions: ours, Gymnasium's, the Python MinAtar's and gymnax's, in turn, on one core.
#
#   benches/peers/environments.sh [PYTHON]
#
# PYTHON needs requirements_environments.txt; without an argument it is $PYTHON or python3. ROUNDS (3) is how
# often all programs run; REPETITIONS (5) and MILLISECONDS (200) apply to each measurement; OUT is the file for the rows.
# The table goes to stdout. Anything else that runs on the machine affects the figures.
set -eu
peers=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$peers/../.." && pwd)
python=${1:-${PYTHON:-python3}}
rounds=${ROUNDS:-3}
export REPETITIONS="${REPETITIONS:-5}" MILLISECONDS="${MILLISECONDS:-200}"
out=${OUT:-$root/target/environments-$(date +%Y%m%d-%H%M%S).csv}
# Relative paths are relative to the caller's folder; what follows runs in the root.
case $python in /*) ;; */*) python=$PWD/$python ;; esac
case $out in /*) ;; *) out=$PWD/$out ;; esac

say() { printf '%s\n' "$*" >&2; }

if ! "$python" -c 'import gymnax, gymnasium, minatar' 2>/dev/null; then
    say "error: \`$python\` cannot import gymnax, gymnasium and minatar."
    say "Give a Python that can: python3 -m venv .venv && .venv/bin/pip install -r $peers/requirements_environments.txt"
    exit 2
fi

# Builds first, so that nothing compiles during a measurement. Runs in the root because of its .cargo/config.toml.
cd "$root"
messages=$(cargo build --release --locked --message-format=json-render-diagnostics -p optimiser-paradigms-envs --bench steps)
ours=$(printf '%s\n' "$messages" | sed -n 's/.*"name":"steps".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$ours" ] || { say "error: the benchmark was not built, see above"; exit 1; }

# The last core that we may use, because most interrupts go to the first.
pin=
if command -v taskset >/dev/null; then
    pin="taskset -c $(taskset -pc $$ | sed 's/.*[^0-9]//')"
fi

say "== rows go to $out; the load is now $(uptime | sed 's/.*load average: //')"
mkdir -p "$(dirname "$out")"
printf 'round,library,environment,side_by_side,ns_per_step,ns_min,ns_max,million_steps_per_s,repetitions\n' >"$out"
for round in $(seq "$rounds"); do
    say "== round $round of $rounds"
    # Through a file, because a failure in a pipe would go unnoticed.
    $pin "$ours" >"$out.part"
    sed "1d;s/^\([^,]*\),/$round,ours,\1,1,/" "$out.part" >>"$out"
    $pin "$python" "$peers/environments.py" >"$out.part"
    sed "1d;s/^/$round,/" "$out.part" >>"$out"
    rm "$out.part"
done

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
printf '%s, one core; %s; %s rounds.\n' "${cpu:-$(uname -m)}" "$(rustc --version)" "$rounds"
"$python" "$peers/environments_table.py" "$out"
