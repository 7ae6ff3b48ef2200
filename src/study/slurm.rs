//! A study on a Slurm cluster: array jobs for each stage, and its results when all are done.
//!
//! `submit.sh` submits them, `task.sh` is one element of an array. Every task may be killed, requeued
//! or run twice at any moment: runs go on from their checkpoints, and a run that is done is skipped.
//! Written again, the files ask only for the tasks that still have something to do.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    engine::{Part, Study},
    experiment::Stage,
};
use crate::{
    Error, Result,
    files::{self, write_whole},
};

/// Array elements that Slurm allows where nothing says otherwise.
const MAX_ARRAY: usize = 1001;

/// How a study is laid out for Slurm.
#[derive(Clone, Debug)]
pub struct Slurm {
    /// Where the scripts and the logs go.
    pub folder: PathBuf,
    /// Tasks of a stage at most; runs are dealt to them.
    pub tasks: usize,
    /// Elements of an array at most; what the cluster says if `None`.
    pub max_array: Option<usize>,
    /// Tasks of an array at once, if not as many as there is room for.
    pub at_once: Option<usize>,
    /// Steps from checkpoint to checkpoint of a run; by the clock if `None`.
    pub checkpoint_every: Option<u64>,
    /// Options for each `sbatch`.
    pub options: Vec<String>,
}

impl Study {
    /// Writes the scripts, and returns `submit.sh` and how many tasks of each stage it submits.
    pub fn slurm(&self, slurm: &Slurm) -> Result<(PathBuf, [usize; 2])> {
        let folder = absolute(&files::folder(&slurm.folder)?)?;
        files::folder(&folder.join("logs"))?;
        let tune = self.unfinished(Stage::Tune, slurm.tasks)?;
        let report = match tune.left.is_empty() {
            true => self.unfinished(Stage::Report, slurm.tasks)?,
            // What will be run is known when tuning is done; how much of it is known now.
            false => Tasks::all(self.experiment.count(Stage::Report), slurm.tasks),
        };
        let max_array = slurm.max_array.or_else(max_array).unwrap_or(MAX_ARRAY);
        let name = &self.experiment.name;
        let mut submit = format!(
            "#!/bin/sh\n# Submits what is left of {name}: `study slurm` writes this anew.\nset -eu\ncd {}\n",
            quoted(&folder.to_string_lossy())
        );
        submit += SUBMIT;
        for (stage, tasks) in [(Stage::Tune, &tune), (Stage::Report, &report)] {
            let stage = stage.name();
            for (offset, array) in tasks.arrays(max_array) {
                let at_once = slurm.at_once.map_or(String::new(), |n| format!("%{n}"));
                let options: Vec<String> = slurm.options.iter().map(|o| quoted(o)).collect();
                submit += &format!(
                    "submit --job-name={} --array={array}{at_once} {} task.sh {stage} {} {offset}\n",
                    quoted(&format!("{name}-{stage}")),
                    options.join(" "),
                    tasks.of,
                );
            }
            submit += "next\n";
        }
        submit += &format!(
            "submit --job-name={} collect.sh\n",
            quoted(&format!("{name}-collect"))
        );
        write_script(&folder.join("task.sh"), &self.script(slurm, &folder, TASK)?)?;
        write_script(
            &folder.join("collect.sh"),
            &self.script(slurm, &folder, COLLECT)?,
        )?;
        let path = folder.join("submit.sh");
        write_script(&path, &submit)?;
        Ok((path, [tune.left.len(), report.left.len()]))
    }

    /// `script` with what is this study's in it.
    fn script(&self, slurm: &Slurm, folder: &Path, script: &str) -> Result<String> {
        let program = env::current_exe();
        let program = program.map_err(|e| Error::io("cannot find", Path::new("study"), e))?;
        let here = env::current_dir();
        let here = here.map_err(|e| Error::io("cannot find", Path::new("."), e))?;
        // A `%` in a path would be a pattern to Slurm.
        let logs = folder.join("logs").to_string_lossy().replace('%', "%%");
        let path =
            |path: &Path| -> Result<String> { Ok(quoted(&absolute(path)?.to_string_lossy())) };
        let every = slurm
            .checkpoint_every
            .map(|steps| format!(" --checkpoint-every {steps}"));
        Ok(script
            .replace("@LOGS@", &logs)
            .replace("@EVERY@", &every.unwrap_or_default())
            .replace("@HERE@", &quoted(&here.to_string_lossy()))
            .replace("@STUDY@", &quoted(&program.to_string_lossy()))
            .replace("@EXPERIMENT@", &path(&self.experiment.path)?)
            .replace("@RUNS@", &path(&self.runs)?)
            .replace("@OUT@", &path(&self.out)?))
    }

    /// The tasks of a stage that have something to do.
    fn unfinished(&self, stage: Stage, tasks: usize) -> Result<Tasks> {
        let runs = self.stage(stage)?;
        let mut all = Tasks::all(runs.len(), tasks);
        let mut open = vec![false; all.of];
        for (k, run) in runs.iter().enumerate() {
            for (task, open) in open.iter_mut().enumerate() {
                let part = Part::Shard {
                    shard: task + 1,
                    of: all.of,
                };
                if !*open && part.has(k) {
                    *open = self.outcome(run)?.is_none();
                }
            }
        }
        all.left.retain(|&task| open[task]);
        Ok(all)
    }
}

/// Submits `submit.sh`; returns what `sbatch` said.
pub fn submit(script: &Path) -> Result<String> {
    let output = Command::new("sh").arg(script).output();
    let output = output.map_err(|error| Error::io("cannot run", script, error))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(Error::usage(format!(
        "{} failed: {}{}",
        script.display(),
        text(&output.stdout),
        text(&output.stderr)
    )))
}

/// Tasks of a stage, numbered from 0.
struct Tasks {
    /// Those that have something to do, in order.
    left: Vec<usize>,
    /// How many there are in all.
    of: usize,
}

impl Tasks {
    fn all(runs: usize, most: usize) -> Self {
        let of = runs.min(most.max(1));
        Self {
            left: (0..of).collect(),
            of,
        }
    }

    /// Arrays of at most `max` elements: what to add to an element's number, and the elements.
    fn arrays(&self, max: usize) -> Vec<(usize, String)> {
        let max = max.max(1);
        let chunks = self.left.chunk_by(|a, b| a / max == b / max);
        let array = |chunk: &[usize]| {
            let offset = chunk[0] / max * max;
            let elements = chunk.chunk_by(|a, b| a + 1 == *b);
            let range = |range: &[usize]| match range {
                [one] => (one - offset).to_string(),
                [first, .., last] => format!("{}-{}", first - offset, last - offset),
                [] => String::new(),
            };
            (offset, elements.map(range).collect::<Vec<_>>().join(","))
        };
        chunks.map(array).collect()
    }
}

/// What the cluster allows, if there is one.
fn max_array() -> Option<usize> {
    let output = Command::new("scontrol")
        .args(["show", "config"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().find(|line| line.starts_with("MaxArraySize"))?;
    line.split('=').nth(1)?.trim().parse().ok()
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io("cannot find", path, error))
}

/// As one word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn write_script(path: &Path, text: &str) -> Result<()> {
    write_whole(path, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(path, executable).map_err(|e| Error::io("cannot write", path, e))?;
    }
    Ok(())
}

/// A stage waits for all tasks of the one before. If one of them fails, what waits is cancelled, and
/// `study slurm --submit` submits what is left.
const SUBMIT: &str = r#"
after=
jobs=
submit() {
    job=$(sbatch --parsable ${after:+--dependency=afterok$after --kill-on-invalid-dep=yes} "$@")
    jobs=$jobs:${job%%;*}
    echo "$job $*"
}
next() { # what comes now waits for what came
    after=${jobs:-$after}
    jobs=
}

"#;

const TASK: &str = r#"#!/bin/sh
# One task of a stage: task.sh STAGE TASKS OFFSET, where the array's element says which.
#SBATCH --ntasks=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@60
#SBATCH --output=@LOGS@/%x-%A_%a.log
cd @HERE@ || exit 1
stage=$1 tasks=$2 task=$(($3 + SLURM_ARRAY_TASK_ID + 1))
@STUDY@ run @EXPERIMENT@ --stage "$stage" --shard "$task/$tasks" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --runs @RUNS@ --out @OUT@@EVERY@ &
study=$!
again=
trap 'again=yes; kill -TERM "$study"' USR1 # the time limit is near
trap 'kill -TERM "$study"' TERM INT
wait "$study"
code=$?
# A trap ends `wait` before the study has ended.
while kill -0 "$study" 2>/dev/null; do
    wait "$study"
    code=$?
done
if [ "$again" ] && [ "$code" = 143 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$code"
"#;

const COLLECT: &str = r#"#!/bin/sh
# What follows when all runs are done.
#SBATCH --ntasks=1
#SBATCH --requeue
#SBATCH --output=@LOGS@/%x-%j.log
cd @HERE@ || exit 1
@STUDY@ collect @EXPERIMENT@ --runs @RUNS@ --out @OUT@ || exit
exec @STUDY@ report @EXPERIMENT@ --out @OUT@
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_stay_under_the_limit_and_reach_every_task() {
        let tasks = Tasks {
            left: vec![0, 1, 2, 5, 9, 10, 11, 12, 30],
            of: 40,
        };
        let arrays = tasks.arrays(10);
        let expected = [(0, "0-2,5,9"), (10, "0-2"), (30, "0")];
        assert_eq!(
            arrays,
            expected.map(|(offset, text)| (offset, text.to_owned()))
        );
        assert_eq!(Tasks::all(7, 1000).arrays(1001), [(0, "0-6".into())]);
        assert_eq!(Tasks::all(5000, 3).of, 3);
        assert!(Tasks::all(0, 9).arrays(9).is_empty());
    }

    #[test]
    fn words_are_safe_in_a_shell() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
