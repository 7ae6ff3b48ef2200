#!/bin/sh
# How far from i.i.d. are the data of each environment? `study describe-env` for all that are written here, some
# drifts and chains, and trained agents where there are any.
#
#   experiments/describe_envs.sh   -> results/environments, and its table in envs/README.md
#
# An agent of CleanRL's setting is trained first for each environment of LEARNED (a finished run is skipped).
set -eu
cd "$(dirname "$0")/.."
: "${RL:=target/release/rl}" "${STUDY:=target/release/study}" "${OUT:=results/environments}" "${LEARNED=cartpole acrobot}"
if [ "$STUDY" = target/release/study ]; then cargo build --release; fi

for env in $LEARNED; do
    "$RL" --quiet --env "$env" --out "runs/trained/$env"
    set -- "$@" --policy "runs/trained/$env"
done

"$STUDY" describe-env --all "$@" --out "$OUT" --streams 20 --steps 20000 --seed 1 \
    'cartpole?drift=length:0.5..1.5/period=20000,shape=sine' \
    'cartpole?drift=gravity:9.8..20/period=20000,shape=ramp' \
    'cartpole?drift=reward:-1..1/period=10000,shape=step' \
    'acrobot?drift=actions/period=5000' \
    'chain?every=5000&of=cartpole|cartpole?length=1.5' \
    'chain?every=2000'

# The table goes between its two marks.
page=envs/README.md
awk -v table="$OUT/table.md" '
    /^<!-- end of the table -->$/ { skip = 0 }
    !skip { print }
    /^<!-- table: / { skip = 1; while ((getline line < table) > 0) print line }
' "$page" > "$page.part"
mv "$page.part" "$page"
