#!/usr/bin/env bash
# A study on a real Slurm: one node on loopback, with its own key, state and ports, in a temporary folder.
#
#   tests/slurm.sh [STUDY]      the `study` to test; default target/release/study
#
# One task fails, and it alone is submitted again. In the middle of their runs, one task is killed, one is requeued and one
# is told that its time is nearly up; all three resume from their checkpoints. The results are then written
# without further commands, with the bytes of a local run.
# Needs slurmctld, slurmd, sbatch and munged (Debian: slurmctld slurmd slurm-client munge) and root.
set -euo pipefail
study=$(realpath "${1:-$(dirname "$0")/../target/release/study}")
for tool in slurmctld slurmd sbatch munged; do
    if ! command -v $tool > /dev/null && ! [ -x /usr/sbin/$tool ]; then
        echo "skipped: there is no $tool here"
        exit 0
    fi
done
if [ "$(id -u)" != 0 ]; then
    echo "skipped: slurmd must be started by root"
    exit 0
fi

dir=$(mktemp -d)
chmod 755 "$dir"
stop() {
    for pid in slurmctld slurmd munged; do
        if [ -s "$dir/$pid.pid" ]; then
            kill "$(cat "$dir/$pid.pid")" 2> /dev/null || true
        fi
    done
    sleep 1
    rm -rf "$dir"
}
trap stop EXIT
fail() {
    echo "FAILED: $*" >&2
    tail -n 5 "$dir"/*.log "$home"/slurm/small/logs/* >&2 || true
    exit 1
}

# A cluster of one node. The study's folder has a name that `sbatch` must not take apart.
mkdir "$dir"/{state,spool,munge}
chmod 755 "$dir/munge"
(umask 077 && head -c 1024 /dev/urandom > "$dir/munge/key")
/usr/sbin/munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munged.pid" \
    --log-file="$dir/munged.log" --seed-file="$dir/munge/seed"
host=$(hostname -s)
# Ports that are probably free.
port=$((20000 + $$ % 20000))
cat > "$dir/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=5
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
MaxArraySize=6
MinJobAge=3600
KillWait=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$dir/slurm.conf
/usr/sbin/slurmctld
/usr/sbin/slurmd -N "$host"
up() { [ "$(timeout 2 sinfo --noheader --format=%t 2> /dev/null)" = idle ]; }
for _ in $(seq 100); do
    if up; then break; fi
    sleep 0.2
done
up || fail "the node does not come up"

# Runs take some seconds, so that they can be killed in the middle. There are more tasks than an array may have here.
home="$dir/a study's 100%j \"ä\""
mkdir "$home"
cd "$home"
cat > small.toml <<'END'
question = "Does it work on a cluster?"
hypothesis = "It does."
analysis = "Compare the bytes."
score = "area"
[seeds]
tuning = [11, 12]
report = "1..3"
[rl]
run = { eval_every = 20_000, eval_episodes = 2 }
[[environments]]
env = "cartpole"
run = { steps = 200_000 }
[[environments]]
env = "catch"
run = { steps = 4_000 }
agent = { learning_starts = 500 }
[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [2.5e-4, 1e-3] }
[[optimisers]]
name = "rmsprop-tf"
optimiser = "rmsprop-tf"
END
"$study" run small.toml --quiet --runs local/runs --out local/results
"$study" report small.toml --out local/results

jobs() { timeout 10 squeue --noheader --states=all --array --format='%A %j %K %T %i'; }
idle() { ! jobs | grep -qE 'PENDING|RUNNING|COMPLETING|CONFIGURING|REQUEUED'; }
wait_for() { # wait_for SECONDS WHAT COMMAND...
    local seconds=$1 what=$2
    shift 2
    for _ in $(seq $((seconds * 5))); do
        if "$@"; then return; fi
        sleep 0.2
    done
    jobs >&2
    fail "$what"
}

# The last of the short tuning runs fails, because it cannot write its lock.
id=$(awk -F, '$1 == "tune" && $3 == "catch" { id = $8 } END { print id }' local/results/runs.csv)
mkdir -p "runs/small/$id.lock"
"$study" slurm small.toml --submit --checkpoint-every 5000

# In the middle of their runs, one long task is killed with all of its processes, one is requeued, and one gets the signal
# that Slurm sends before the time limit.
under_way() { [ "$(find runs/small -name checkpoint.safetensors | wc -l)" -ge 4 ]; }
wait_for 60 "no four runs came to a checkpoint" under_way
task() { # task N: the N-th that is running
    jobs | awk '$4 == "RUNNING" && $2 == "small-tune" { print $5 }' | sort | sed -n "$1p"
}
requeued=$(task 1) killed=$(task 2) timed=$(task 3)
[ -n "$timed" ] || fail "no three tasks are running"
scontrol requeue "$requeued"
# scancel repeats a signal until the job is gone, which it may report as a failure. The effect is checked below.
scancel --signal=KILL --full "$killed" || true
scancel --signal=USR1 --batch "$timed" || true
echo "requeued $requeued, killed $killed, $timed out of time"

wait_for 120 "the first round does not end" idle
jobs
jobs | grep -q "small-tune .* FAILED" || fail "no task failed"
jobs | grep small-report | grep -qv CANCELLED && fail "the report stage ran without its tuning"
goes_on() { cat slurm/small/logs/small-tune-* | grep -c "continues from step" || true; }
[ "$(goes_on)" -ge 2 ] || fail "a requeued task did not go on from its checkpoint"

# Only what failed is submitted again.
rmdir "runs/small/$id.lock"
said=$("$study" slurm small.toml --submit --checkpoint-every 5000)
echo "$said"
echo "$said" | grep -q ": 2 tasks to tune, 12 to report" || fail "more was submitted than had failed"
wait_for 120 "the second round does not end" idle
[ "$(goes_on)" -ge 3 ] || fail "the killed task did not go on from its checkpoint"
[ -s results/small/runs.csv ] || fail "no results followed"

for file in contrasts.csv curves.csv experiment.toml manifest.toml runs.csv summary.csv tuning.csv; do
    cmp "local/results/$file" "results/small/$file" || fail "$file differs"
done
for file in report.md report.html; do
    [ -s "results/small/$file" ] || fail "there is no $file"
done
echo "the same bytes from Slurm: $(jobs | grep -c COMPLETED) tasks completed, $(goes_on) times one went on from a checkpoint"
