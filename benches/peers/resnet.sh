#!/bin/sh
# ResNet-18's convolutions and whole steps of training: ours and PyTorch's, in turn; and how long our step's multiplications
# would take at the rate of one large product of matrices.
#
#   benches/peers/resnet.sh [PYTHON]
#
# PYTHON needs benches/peers/resnet-requirements.txt; without an argument it is $PYTHON or python3. THREADS
# (all cores), BATCH (256), ROUNDS (3), REPETITIONS (5 of each measurement in a round; the best counts). The
# table goes to stdout, the rows to OUT if it is set. Anything else that runs on the machine affects the figures.
set -eu
peers=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$peers/../.." && pwd)
python=${1:-${PYTHON:-python3}}
export REPETITIONS="${REPETITIONS:-5}" BATCH="${BATCH:-256}"
threads=${THREADS:-$(nproc)} rounds=${ROUNDS:-3}
# Relative paths are relative to the caller's folder; what follows runs in the root.
case $python in /*) ;; */*) python=$PWD/$python ;; esac
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
out=${OUT:-$work/rows.csv}
case $out in /*) ;; *) out=$PWD/$out ;; esac

say() { printf '%s\n' "$*" >&2; }

if ! "$python" -c 'import torchvision' 2>/dev/null; then
    say "error: \`$python\` cannot import torchvision."
    say "Give a Python that can: python3 -m venv .venv && .venv/bin/pip install -r $peers/resnet-requirements.txt"
    exit 2
fi

# Builds first, so that nothing compiles during a measurement. Runs in the root because of its .cargo/config.toml.
cd "$root"
messages=$(cargo build --release --locked --message-format=json-render-diagnostics --bench resnet)
ours=$(printf '%s\n' "$messages" | sed -n 's/.*"name":"resnet".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$ours" ] || { say "error: the benchmark was not built, see above"; exit 1; }

say "== the load is now $(uptime | sed 's/.*load average: //')"
echo "who,round,what,forward_ms,input_ms,weight_ms" >"$out"
for round in $(seq "$rounds"); do
    # Through files, because a failure in a pipe would go unnoticed.
    RAYON_NUM_THREADS=$threads "$ours" >"$work/ours"
    "$python" "$peers/resnet.py" "$threads" "$BATCH" >"$work/torch"
    for who in ours torch; do
        sed "1d; s/^/$who,$round,/" "$work/$who" >>"$out"
    done
    say "== round $round of $rounds"
done

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
printf '%s, %s threads, %s images; %s, torch %s. Best of %s rounds.\n\n' "${cpu:-$(uname -m)}" "$threads" "$BATCH" \
    "$(rustc --version)" "$("$python" -c 'import torch; print(torch.__version__)')" "$rounds"
printf '| | ours: forward, input, weight (ms) | torch (ms) | torch / ours |\n|---|---|---|---|\n'
awk -F, -v batch="$BATCH" '
    FNR == 1 { next }
    { if (!($3 in seen)) { seen[$3] = 1; order[++n] = $3 } }
    { for (i = 4; i <= 6; i++) { key = $1 SUBSEP $3 SUBSEP i; if (!(key in best) || $i < best[key]) best[key] = $i + 0 } }
    END {
        for (k = 1; k <= n; k++) {
            what = order[k]; sum["ours"] = sum["torch"] = 0
            for (who in sum) for (i = 4; i <= 6; i++) sum[who] += best[who, what, i]
            if (what == "products")
                printf "| its multiplications, at the rate of one 2048x2048 product | %.0f (%.0f %% of a step) | | |\n", sum["ours"], 100 * sum["ours"] / best["ours", "step", 4]
            else if (what == "step")
                printf "| whole step, Adam | %.0f (%.0f images/s) | %.0f (%.0f images/s) | %.2f |\n", sum["ours"], 1000 * batch / sum["ours"], sum["torch"], 1000 * batch / sum["torch"], sum["torch"] / sum["ours"]
            else
                printf "| %s | %.2f, %.2f, %.2f | %.2f, %.2f, %.2f | %.2f |\n", what, best["ours", what, 4], best["ours", what, 5], best["ours", what, 6], best["torch", what, 4], best["torch", what, 5], best["torch", what, 6], sum["torch"] / sum["ours"]
        }
    }
' "$out"
