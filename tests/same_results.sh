#!/usr/bin/env bash
# Checks that the binaries still compute the same: runs the configurations below and compares the bytes of their results.
#
#   tests/same_results.sh check [BIN_DIR]           compare with the hashes in tests/fixtures/results
#   tests/same_results.sh record [BIN_DIR]          write those hashes
#   tests/same_results.sh compare OLD_DIR NEW_DIR   run the binaries of both folders and show what differs
#   tests/same_results.sh list                      print the names of the configurations
#
# BIN_DIR has the binaries rl, supervised and study; it is target/release by default. `--only NAME` limits any of these to
# one configuration. Two configurations run at a time. Needs bash 4.4 and the GNU tools.
#
# The last bits of results depend on the width of the processor's vectors, so each width has its own file of hashes: avx512,
# avx2 or other. Figures, machine.toml and cost.csv are not compared, because they contain times or depend on how something is drawn.
#
# A run is named by the hash of its settings. So that a new setting does not change every table, names of runs are cut out
# of the tables and compared by themselves, as ids.txt: a new setting changes only config.toml and ids.txt.
set -euo pipefail
export LC_ALL=C
# Results do not depend on the number of threads. One thread per run keeps two runs from competing for cores.
export RAYON_NUM_THREADS=1

# One configuration a line: its name, how it is run, and its flags.
#
#   rl                  one run of `rl`, with RL_FLAGS before these flags
#   rl-plain            one run of `rl`, of any algorithm, with PLAIN_FLAGS before these flags
#   rl-resumed          an undisturbed run, and the same run ended by SIGTERM and resumed; both must give the same bytes
#   rl-from-config      a run, then another from its config.toml with the flags after `then`
#   supervised          one run of `supervised`, or several
#   supervised-taught   the same with the agent of a short run of `rl` as the teacher
#   supervised-resumed  like rl-resumed, with such a teacher
#   order               one run of `order`, or several
#   order-resumed       like rl-resumed
#   study               `study run` and `study report` of the experiment below the table
#   study-of            another command of `study`
#
# The longest come first, so that both workers finish at about the same time.
configurations() {
    cat <<'TABLE'
resnet18              supervised          --dataset synthetic --steps 5 --batch 4 --log-every 1
study                 study

resnet18-cifar-stem   supervised          --dataset cifar10 --stem cifar --opt note-sgd --steps 3 --batch 4 --log-every 1
resnet18-augment      supervised          --dataset cifar10 --augment --opt adam:beta1=0 --epochs 1 --batch 8 --log-every 1
resnet18-fc           supervised          --dataset cifar10 --train fc --opt rmsprop --steps 4 --batch 8 --log-every 1
q-regression          supervised          --dataset q-regression --buffer 2000 --epochs 2
images-mlp            supervised          --dataset synthetic --net mlp --opt adam --steps 100 --batch 16
images-mlp-nadam      supervised          --dataset synthetic --net mlp --opt nadam --steps 60 --batch 16
images-mlp-lookahead  supervised          --dataset synthetic --net mlp --opt nag:lookahead=true --steps 60 --batch 16
images-mlp-adagrad    supervised          --dataset synthetic --net mlp --opt adagrad --steps 60 --batch 16 --log-every 7
images-grid           supervised          --dataset fashion-mnist --net mlp --opt sgd,adam --lr 1e-3,1e-2 --seeds 2 --epochs 3 --batch 9
cifar10-mlp           supervised          --dataset cifar10 --net mlp --opt lion --steps 3 --batch 8 --log-every 1
fashion-mnist-mlp     supervised          --dataset fashion-mnist --net mlp --opt adamw --epochs 4 --batch 7 --seed 3
q-regression-taught   supervised-taught   --dataset q-regression --buffer 2000 --epochs 3 --opt rmsprop --behaviour-epsilon 0.3
q-bootstrap           supervised-taught   --dataset q-bootstrap --buffer 2000 --epochs 3 --target-every 7
q-bootstrap-reset     supervised-taught   --dataset q-bootstrap --buffer 2000 --epochs 3 --target-every 7 --opt adam:reset_moments=true
q-bootstrap-resumed   supervised-resumed  --dataset q-bootstrap --buffer 2000 --epochs 40 --target-every 7 --opt adam:restart_t=true

order                 order               --stream 1500 --held-out 100 --order windows --window 50 --opt adam,sgd --lr 1e-4,1e-3
order-shuffled        order               --stream 1500 --held-out 100 --order shuffled --batch 7 --loss huber --opt rmsprop --diagnostics 20 --env acrobot
order-random          order               --stream 1500 --held-out 100 --targets bootstrapped --gamma 0.9 --opt obgd --env deep_sea?size=4&stochastic=true
order-learned         order               --stream 10400 --held-out 400 --targets bootstrapped --opt momentum --lr 1e-4 --gamma 0.9 --env cartpole?max_steps=50
order-resumed         order-resumed       --stream 6000 --held-out 100 --targets bootstrapped --target-every 7 --batch 2 --opt adam:restart_t=true --diagnostics 30

landscape             study-of            landscape ravine drift --opt adam --opt rmsprop:lr=0.01 --steps 200 --no-gif
describe-env          study-of            describe-env cartpole catch cartpole?drift=length:0.5..1.5/period=500 --streams 3 --steps 1500

resumed               rl-resumed          --opt adam --steps 20000
resumed-everything    rl-resumed          --opt adam:restart_t=true --steps 12000 --env cartpole?drift=length:0.5..1.5/period=900,shape=walk&drift=actions/period=3000 --n-step 3 --prioritized --double --dueling --lr-schedule linear --eval-epsilon 0.05 --diagnostics 30
resumed-conv          rl-resumed          --opt rmsprop-minatar --steps 3000 --env breakout --conv 4x3 --max-grad-norm 1 --tau 0.01
resumed-cohort        rl-resumed          --opt rmsprop:centered=true --steps 8000 --agents 3 --munchausen --prioritized
cohort                rl                  --opt adam --agents 3
cohort-everything     rl                  --opt adam --agents 3 --seed 4 --prioritized --double --dueling --n-step 3 --max-grad-norm 1 --diagnostics 40 --lr-schedule cosine --env cartpole?drift=gravity:9.8..20/period=500
cohort-conv           rl                  --opt rmsprop-minatar --agents 3 --env freeway --conv 4x3 --steps 1500
cohort-diverging      rl                  --opt sgd --agents 3 --lr 1e10
from-config           rl-from-config      --opt note-nag --loss huber then --seed 2

a2c                   rl-plain            --algo a2c
a2c-gae               rl-plain            --algo a2c --opt adam --gae-lambda 0.9 --ent-coef 0.01 --normalize-advantage --lr-schedule linear --n-envs 4 --n-steps 16
a2c-shared            rl-plain            --algo a2c --shared --init uniform --activation relu --max-grad-norm 0 --env acrobot --agents 3 --diagnostics 20
a2c-conv              rl-plain            --algo a2c --preset minatar --conv 4x3 --hidden 32 --steps 1600
a2c-drift             rl-plain            --algo a2c --opt momentum --env chain?every=70&of=cartpole?max_steps=30|cartpole?length=1.5 --diagnostics 30

pqn                   rl-plain            --algo pqn --n-envs 8 --n-steps 16 --minibatches 4 --hidden 32
pqn-conv              rl-plain            --algo pqn --preset pqn-minatar --n-envs 4 --n-steps 10 --minibatches 2 --conv 4x3 --hidden 32 --opt adam --diagnostics 10
pqn-cohort            rl-plain            --algo pqn --n-envs 4 --n-steps 8 --minibatches 2 --hidden 32 --env acrobot --opt rmsprop --agents 3
stream-q              rl-plain            --algo stream-q
stream-q-adam         rl-plain            --algo stream-q --opt adam --loss huber --direction gradient --agents 2
stream-q-conv         rl-plain            --algo stream-q --preset stream-q-minatar --conv 4x3 --hidden 32
no-replay             rl-plain            --preset no_replay --learning-starts 100 --opt adam --diagnostics 20

mse                   rl                  --opt adam
huber                 rl                  --opt adam --loss huber
double                rl                  --opt adam --double
dueling               rl                  --opt adam --dueling
double-dueling-huber  rl                  --opt rmsprop --double --dueling --loss huber
munchausen            rl                  --opt adam --munchausen
munchausen-settings   rl                  --opt adam --munchausen --munchausen-alpha 0.7 --munchausen-temperature 0.1 --munchausen-clip -0.5 --dueling
prioritized           rl                  --opt adam --prioritized
prioritized-settings  rl                  --opt adam --prioritized --priority-alpha 0.9 --priority-beta 0.1 --priority-eps 0.01 --loss huber --gradient-steps 2
n-step                rl                  --opt adam --n-step 3
n-step-5              rl                  --opt adam --n-step 5 --gamma 0.9 --loss huber
rainbow               rl                  --opt adam-rainbow --n-step 3 --prioritized --double --dueling
soft-target           rl                  --opt adam --tau 0.005 --target-network-frequency 1
half-target           rl                  --opt adam --tau 0.5
gradient-steps        rl                  --opt adam --gradient-steps 2
train-frequency       rl                  --opt adam --train-frequency 4 --steps 6000
clip-norm             rl                  --opt adam --max-grad-norm 0.5
clip-value            rl                  --opt adam --max-grad-value 0.05
clip-norm-schedule    rl                  --opt sgd --max-grad-norm 0.1 --lr-schedule cosine:end=0.2
schedule-linear       rl                  --opt adam --lr-schedule linear:end=0.1
schedule-cosine       rl                  --opt adam --lr-schedule cosine:warmup=300
schedule-step         rl                  --opt adam --lr-schedule step:every=500,gamma=0.5,warmup=100
schedule-warmup       rl                  --opt rmsprop --lr-schedule constant:warmup=1000
exploration           rl                  --opt adam --start-e 0.8 --end-e 0.2 --exploration-fraction 0.9
eval-epsilon          rl                  --opt adam --eval-epsilon 0.3 --eval-episodes 5
linear-values         rl                  --opt adam --hidden linear
cleanrl               rl                  --opt adam-cleanrl --hidden 120,84 --batch-size 128 --train-frequency 10 --steps 6000 --log-every 20
small-buffer          rl                  --opt adam --buffer-size 50 --batch-size 16
diagnostics           rl                  --opt adam --diagnostics 20
diagnostics-all-lags  rl                  --opt adam:beta1=0 --diagnostics 40 --diagnostics-lags 0 --n-step 2
diagnostics-rest      rl                  --opt momentum --diagnostics 40 --prioritized --munchausen --max-grad-norm 1
diverging             rl                  --opt sgd --lr 1e10
diverging-later       rl                  --opt sgd --lr 1 --max-loss 5

sgd                   rl                  --opt sgd
sgd-all               rl                  --opt sgd:momentum=0.8,dampening=0.1,weight_decay=0.01
sgd-nesterov          rl                  --opt sgd:momentum=0.8,nesterov=true,maximize=true
momentum              rl                  --opt momentum
momentum-averaged     rl                  --opt momentum:averaged=true
momentum-reset        rl                  --opt momentum:reset_moments=true
nag                   rl                  --opt nag
nag-lookahead         rl                  --opt nag:lookahead=true,lr=1e-4
rmsprop               rl                  --opt rmsprop
rmsprop-centered      rl                  --opt rmsprop:centered=true,momentum=0.5,weight_decay=0.01
rmsprop-corrected     rl                  --opt rmsprop:bias_correction=true,reset_moments=true
rmsprop-nature        rl                  --opt rmsprop-nature
rmsprop-tf            rl                  --opt rmsprop-tf
adagrad               rl                  --opt adagrad:lr_decay=1e-3,initial_accumulator_value=0.1
adadelta              rl                  --opt adadelta
adam-inside           rl                  --opt adam:eps_inside=true,correct_m=false,weight_decay=0.01
adam-uncorrected      rl                  --opt adam:beta1=0,correct_v=false
amsgrad               rl                  --opt adam:amsgrad=true
restart-t             rl                  --opt adam:restart_t=true
reset-moments         rl                  --opt adam:reset_moments=true
adamw                 rl                  --opt adamw:lr=1e-3,weight_decay=0.1
adamax                rl                  --opt adamax
nadam                 rl                  --opt nadam:weight_decay=0.01,decoupled_weight_decay=true
radam                 rl                  --opt radam:weight_decay=0.01
lion                  rl                  --opt lion:weight_decay=0.01

breakout-minatar      rl                  --opt rmsprop-minatar --env breakout --preset minatar --steps 1500
conv                  rl                  --opt adam --env asterix --conv 4x3,4x2 --dueling --steps 1500
binary-observations   rl                  --opt adam --env space_invaders --conv none --steps 2000
seaquest              rl                  --opt adam --env seaquest?sticky=0.25&ramping=0 --conv 4x3 --steps 1500
deep-sea              rl                  --opt adam --env deep_sea?size=6&stochastic=true
catch                 rl                  --opt adam --env catch
key-door              rl                  --opt adam --env key_door?size=2&slip=0.1
cartpole-swingup      rl                  --opt adam --env cartpole_swingup
acrobot               rl                  --opt adam --env acrobot
mountain-car          rl                  --opt adam --env mountain_car
gymnasium-rs          rl                  --opt adam --env gymnasium-rs/CartPole
probe                 rl                  --opt adam --env probe/policy
env-settings          rl                  --opt adam --env cartpole?length=0.7&force_mag=8&max_steps=100&reward=0.5
drift-sine            rl                  --opt adam --env cartpole?drift=length:0.5..1.5/period=800,shape=sine
drift-walk            rl                  --opt adam --env acrobot?drift=torque:0.5..1.5/period=500,shape=walk
drift-actions         rl                  --opt adam --env cartpole?drift=actions/period=900&drift=reward:-1..1/period=700,shape=step
drift-shuffled        rl                  --opt adam --env cartpole?drift=length:0.5..1.5/period=800,shape=sine,shuffle=episode&drift=actions/period=900,shuffle=episode
chain                 rl                  --opt adam --env chain?every=700&of=cartpole|cartpole?length=1.5
chain-shuffled        rl-resumed          --opt adam --steps 8000 --env chain?every=700&shuffle=episode&of=cartpole|cartpole?drift=length:0.5..1.5/period=400,shape=walk,shuffle=episode
TABLE
}

# Small networks and many updates. A flag in the table overrides its value here.
RL_FLAGS="--quiet --steps 3000 --learning-starts 200 --train-frequency 1 --batch-size 32 --hidden 32,32
    --buffer-size 1000 --target-network-frequency 150 --eval-every 700 --eval-episodes 2 --log-every 10"

# What every algorithm takes.
PLAIN_FLAGS="--quiet --steps 3000 --eval-every 700 --eval-episodes 2 --log-every 10"

experiment() {
    cat <<'TOML'
question = "Do the results of a study stay the same?"
hypothesis = "They do."
analysis = "Nothing follows from runs as short as these."
score = "area"
selection = "best-mean"
margin = 0.05

[seeds]
tuning = "101..102"
report = "1..3"

[rl]
preset = "cleanrl"
run = { steps = 1_500, eval_every = 500, eval_episodes = 2, log_every = 10, diagnostics = 50 }
agent = { learning_starts = 200, train_frequency = 2, batch_size = 32, hidden = [32, 32], target_network_frequency = 100 }

[supervised]
run = { buffer = 1_000, steps = 60, batch = 32 }

[[environments]]
env = "cartpole"

[[environments]]
kind = "supervised"
name = "frozen values"
run = { dataset = "q-regression" }

[[factors]]
key = "agent.buffer_size"
values = [500, 1_000]
environments = ["cartpole"]

[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e-3, 1e-2] }

[[optimisers]]
name = "adam0"
optimiser = "adam:beta1=0"
grid = { lr = [1e-3, 1e-2] }

[[optimisers]]
name = "rmsprop"
optimiser = "rmsprop"
grid = { lr = { from = 1e-3, to = 1e-2, points = 2 } }

[[contrasts]]
name = "momentum in Adam"
with = "adam"
without = "adam0"
claim = "below"

[[contrasts]]
name = "momentum, less what it does to frozen values"
with = "adam"
without = "adam0"
environments = ["cartpole"]
less = ["frozen values"]
TOML
}

# The files to compare, below the current folder.
results() {
    find . \( -name runs -o -name teacher \) -prune -o -type f \
        \( -name '*.csv' -o -name config.toml -o -name '*.safetensors' -o -name tables.md -o -name ids.txt \) ! -name cost.csv ! -name end.safetensors -print | sort
}

# The tables of a report, without those of time and energy.
tables() {
    awk '/^## / { measured = /^## (Time|Energy)$/ } /^\|/ && !measured' "$1"
}

# Prints LENGTH bytes of a pattern that varies with FROM: `pattern FROM LENGTH`.
pattern() {
    seq "$1" $(($1 + $2)) | tr '0-9\n' '\000\031\062\113\144\175\226\257\310\341\372' | { head -c "$2"; cat > /dev/null; }
}

# Prints a number as one byte.
byte() {
    printf '%b' "$(printf '\\0%03o' "$1")"
}

# Prints a number as four bytes, the most significant first.
word() {
    byte $(($1 >> 24)) && byte $(($1 >> 16 & 255)) && byte $(($1 >> 8 & 255)) && byte $(($1 & 255))
}

# Tiny data sets in the official formats: CIFAR-10's binary version, 6 images a file, and Fashion-MNIST's IDX.
make_data() {
    local file i image=0 images
    mkdir -p "$1/cifar10" "$1/fashion-mnist"
    for file in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
        for i in 1 2 3 4 5 6; do
            image=$((image + 1))
            byte $((image % 10))
            pattern $((image * 1000)) 3072
        done > "$1/cifar10/$file.bin"
    done
    for file in train:60 t10k:20; do
        images=${file#*:} file=$1/fashion-mnist/${file%:*}
        { word 2051 && word "$images" && word 28 && word 28 && pattern "$images" $((images * 28 * 28)); } > "$file-images-idx3-ubyte"
        { word 2049 && word "$images" && for ((i = 0; i < images; i++)); do byte $((i * 7 % 10)); done; } > "$file-labels-idx1-ubyte"
    done
}

fail() {
    echo "error: $*" >&2
    exit 1
}

# `stop_and_resume COMMAND...` runs a command to its end in the folder `whole`. It then runs it in the folder `resumed`, stops
# it by SIGTERM after its first checkpoint, and resumes it. Both folders must have the same results.
stop_and_resume() {
    local attempt pid status
    "$@" --out whole
    for attempt in 1 2 3 4 5; do
        rm -rf resumed
        "$@" --out resumed --checkpoint-every 100 &
        pid=$!
        until [ -n "$(find resumed -name 'checkpoint*' 2> /dev/null)" ] || ! kill -0 $pid 2> /dev/null; do
            sleep 0.01
        done
        kill -TERM $pid 2> /dev/null || true
        status=0
        wait $pid || status=$?
        # 143 is 128 + SIGTERM. On a busy machine, a run can end before the signal reaches it.
        if [ $status = 143 ]; then break; fi
    done
    [ $status = 143 ] || fail "SIGTERM did not stop the run in $attempt attempts: its exit status is $status; needed: 143"
    [ -n "$(find resumed -name 'checkpoint*')" ] || fail "the stopped run left no checkpoint"
    "$@" --out resumed --resume
    diff <(cd whole && results | xargs -d '\n' sha256sum) <(cd resumed && results | xargs -d '\n' sha256sum) \
        || fail "the resumed run's results differ from the undisturbed run's"
}

# Takes the names of runs out of the tables and of the folders below the current one, and lists them in ids.txt.
cut_ids() {
    local file folder
    find . -name runs -prune -o -name '*-s[0-9]*-??????????' -type d -prune -print | while read -r folder; do
        mv "$folder" "${folder%-*}-lr$(sed -n 's/^lr = //p' "$folder/config.toml")"
    done
    results | grep '\.csv$' | while read -r file; do
        if head -n 1 "$file" | grep -qE '(^|,)id(,|$)'; then
            grep -oE '(^|,)[0-9a-f]{10}(,|$)' "$file" | tr -d , >> ids.txt
            sed -i -E 's/(^|,)[0-9a-f]{10}(,|$)/\1ID\2/' "$file"
        fi
    done
}

# `run_one BIN_DIR FOLDER NAME` runs a configuration in FOLDER/NAME, and creates FOLDER/NAME.done if all its commands succeed.
run_one() {
    local bin=$1 folder=$2 name=$3 how
    mkdir "$folder/$name"
    cd "$folder/$name"
    exec > "../$name.log" 2>&1
    # The binaries look for data sets in ./data.
    ln -s ../../data data
    set -f
    # shellcheck disable=SC2046 # The flags have no blanks in them.
    set -- $(configurations | awk -v name="$name" '$1 == name')
    how=$2
    shift 2
    # shellcheck disable=SC2086
    case $how in
    rl) "$bin/rl" $RL_FLAGS "$@" --out out ;;
    rl-plain) "$bin/rl" $PLAIN_FLAGS "$@" --out out ;;
    rl-resumed) stop_and_resume "$bin/rl" $RL_FLAGS "$@" ;;
    rl-from-config)
        local first=()
        while [ "$1" != then ]; do
            first+=("$1")
            shift
        done
        shift
        "$bin/rl" $RL_FLAGS "${first[@]}" --out first
        "$bin/rl" --quiet --config first/config.toml "$@" --out second
        ;;
    supervised) "$bin/supervised" --quiet "$@" --out out ;;
    supervised-taught)
        "$bin/rl" $RL_FLAGS --out teacher
        "$bin/supervised" --quiet --teacher teacher "$@" --out out
        ;;
    supervised-resumed)
        "$bin/rl" $RL_FLAGS --out teacher
        stop_and_resume "$bin/supervised" --quiet --teacher teacher "$@"
        ;;
    order) "$bin/order" --quiet "$@" --out out ;;
    order-resumed) stop_and_resume "$bin/order" --quiet "$@" ;;
    study)
        experiment > experiment.toml
        "$bin/study" run experiment.toml --runs runs --out results --jobs 1 --quiet
        "$bin/study" report experiment.toml --out results
        tables results/report.md > results/tables.md
        ;;
    study-of) "$bin/study" "$@" --quiet --out results ;;
    *) fail "unknown way to run a configuration: $how" ;;
    esac
    cut_ids
    touch "$folder/$name.done"
}

# `run_all BIN_DIR FOLDER` runs every configuration, or that of --only, each in a folder of its own in FOLDER.
run_all() {
    local bin=$1 folder=$2 name failed=
    for name in rl supervised order study; do
        [ -x "$bin/$name" ] || fail "there is no program $bin/$name; build it (cargo build --release) or name its folder"
    done
    bin=$(realpath "$bin")
    mkdir "$folder"
    names | xargs -P 2 -n 1 "$script" run-one "$bin" "$folder" || true
    for name in $(names); do
        if ! [ -e "$folder/$name.done" ]; then
            failed=yes
            echo "$name: a command failed:" >&2
            tail -n 5 "$folder/$name.log" >&2
        fi
    done
    [ -z "$failed" ] || exit 1
}

# Prints the hashes of the results in a folder of run_all, as sha256sum does, sorted by file.
hashes() {
    local name
    for name in $(names); do
        (cd "$1/$name" && results | xargs -d '\n' sha256sum | sed "s|  \./|  $name/|")
    done | sort -k 2
}

names() {
    configurations | awk -v only="$only" 'NF && (only == "" || $1 == only) { print $1 }'
}

# `differences OLD NEW` compares two files of hashes. It prints a line for each file whose hash differs.
differences() {
    awk '
        { file = substr($0, 67) }
        FILENAME == ARGV[1] { old[file] = $1; next }
        !(file in old) { print "new     " file; next }
        old[file] != $1 { print "differs " file }
        { delete old[file] }
        END { for (file in old) print "missing " file }
    ' "$1" "$2" | sort -k 2
}

summary() {
    echo "$(names | wc -l) configurations, $(wc -l < "$1") files: $2"
}

vector_width() {
    if grep -qw avx512f /proc/cpuinfo 2> /dev/null; then
        echo avx512
    elif grep -qw avx2 /proc/cpuinfo 2> /dev/null; then
        echo avx2
    else
        echo other
    fi
}

record() {
    run_all "$1" "$work/new"
    hashes "$work/new" > "$work/new.sha256"
    mkdir -p "$(dirname "$recorded")"
    if [ -n "$only" ] && [ -e "$recorded" ]; then
        { grep -v "^[0-9a-f]*  $only/" "$recorded" || true; } > "$work/others.sha256"
        sort -k 2 "$work/others.sha256" "$work/new.sha256" > "$recorded"
    else
        cp "$work/new.sha256" "$recorded"
    fi
    summary "$work/new.sha256" "recorded in $recorded"
}

check() {
    if ! [ -e "$recorded" ]; then
        echo "nothing is recorded for this processor's vectors: there is no $recorded"
        return
    fi
    run_all "$1" "$work/new"
    hashes "$work/new" > "$work/new.sha256"
    if [ -n "$only" ]; then
        { grep "^[0-9a-f]*  $only/" "$recorded" || true; } > "$work/old.sha256"
    else
        cp "$recorded" "$work/old.sha256"
    fi
    differences "$work/old.sha256" "$work/new.sha256" > "$work/differences"
    if [ -s "$work/differences" ]; then
        cat "$work/differences"
        summary "$work/new.sha256" "$(wc -l < "$work/differences") not as recorded in $recorded"
        exit 1
    fi
    summary "$work/new.sha256" "all as recorded"
}

compare() {
    local what file
    run_all "$1" "$work/old"
    run_all "$2" "$work/new"
    hashes "$work/old" > "$work/old.sha256"
    hashes "$work/new" > "$work/new.sha256"
    differences "$work/old.sha256" "$work/new.sha256" > "$work/differences"
    if [ -s "$work/differences" ]; then
        while read -r what file; do
            echo "$what $file"
            if [ "$what" = differs ]; then
                { diff "$work/old/$file" "$work/new/$file" || true; } | { head -n 8 | cut -c 1-160; cat > /dev/null; } \
                    | sed "s|$work/||g; s/^/    /"
            fi
        done < "$work/differences"
        summary "$work/new.sha256" "$(wc -l < "$work/differences") differ"
        exit 1
    fi
    summary "$work/new.sha256" "all the same"
}

usage() {
    sed -n '/^#   tests/s/^# *//p' "$script" >&2
    exit 2
}

script=$(realpath "$0")
home=$(dirname "$script")
recorded=$home/fixtures/results/$(vector_width).sha256
if [ "${1:-}" = run-one ]; then
    shift
    run_one "$@"
    exit
fi

only=
words=()
while [ $# -gt 0 ]; do
    case $1 in
    --only)
        only=${2:-}
        [ -n "$(names)" ] && [ -n "$only" ] || fail "--only $only: there is no such configuration; \`$0 list\` prints their names"
        shift
        ;;
    -*) usage ;;
    *) words+=("$1") ;;
    esac
    shift
done
set -- "${words[@]}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make_data "$work/data"
case "${1:-}:$#" in
list:1) names ;;
check:1 | check:2) check "${2:-$home/../target/release}" ;;
record:1 | record:2) record "${2:-$home/../target/release}" ;;
compare:3) compare "$2" "$3" ;;
*) usage ;;
esac
