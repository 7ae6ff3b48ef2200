//! A study on a Slurm cluster: array jobs for each stage, then a job for its results.
//!
//! `submit.sh` submits the jobs, and `task.sh` is one element of an array. A task may be killed,
//! requeued or run twice at any moment: runs resume from their checkpoints, and finished runs are
//! skipped. When the scripts are written again, they ask only for tasks that still have something to
//! do.

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

/// Slurm's own default for the most elements of an array.
const MAX_ARRAY: usize = 1001;

/// How a study is divided into Slurm's jobs.
#[derive(Clone, Debug)]
pub struct SlurmOptions {
    /// The folder for the scripts and the logs.
    pub folder: PathBuf,
    /// The most tasks of a stage; runs are distributed over them.
    pub tasks: usize,
    /// The most elements of an array; the cluster's limit if `None`.
    pub max_array: Option<usize>,
    /// The most tasks of an array at once; no limit if `None`.
    pub at_once: Option<usize>,
    /// Steps between checkpoints of a run; by the clock if `None`.
    pub checkpoint_every: Option<u64>,
    /// Options for each `sbatch`.
    pub sbatch: Vec<String>,
}

impl Study {
    /// Writes the scripts. Returns the path of `submit.sh`, and how many tasks of each stage it submits.
    pub fn write_slurm(&self, options: &SlurmOptions) -> Result<(PathBuf, [usize; 2])> {
        let folder = absolute(&files::folder(&options.folder)?)?;
        files::folder(&folder.join("logs"))?;
        let tune = self.unfinished(Stage::Tune, options.tasks)?;
        let report = match tune.left.is_empty() {
            true => self.unfinished(Stage::Report, options.tasks)?,
            // The runs are known only after tuning, but their number is known now.
            false => Tasks::all(self.experiment.count(Stage::Report), options.tasks),
        };
        let max_array = options
            .max_array
            .or_else(cluster_max_array)
            .unwrap_or(MAX_ARRAY);
        let name = &self.experiment.name;
        let mut submit = format!(
            "#!/bin/sh\n# Submits what is left of {name}: `study slurm` writes this anew.\nset -eu\ncd {}\n",
            quoted(&folder.to_string_lossy())
        );
        submit += SUBMIT;
        for (stage, tasks) in [(Stage::Tune, &tune), (Stage::Report, &report)] {
            let stage = stage.name();
            for (offset, array) in tasks.arrays(max_array) {
                let at_once = options.at_once.map_or(String::new(), |n| format!("%{n}"));
                let sbatch: Vec<String> = options.sbatch.iter().map(|o| quoted(o)).collect();
                submit += &format!(
                    "submit --job-name={} --array={array}{at_once} {} task.sh {stage} {} {offset}\n",
                    quoted(&format!("{name}-{stage}")),
                    sbatch.join(" "),
                    tasks.of,
                );
            }
            submit += "next\n";
        }
        submit += &format!(
            "submit --job-name={} collect.sh\n",
            quoted(&format!("{name}-collect"))
        );
        write_script(
            &folder.join("task.sh"),
            &self.script(options, &folder, TASK)?,
        )?;
        write_script(
            &folder.join("collect.sh"),
            &self.script(options, &folder, COLLECT)?,
        )?;
        let path = folder.join("submit.sh");
        write_script(&path, &submit)?;
        Ok((path, [tune.left.len(), report.left.len()]))
    }

    /// `script` with its placeholders filled in for this study.
    fn script(&self, options: &SlurmOptions, folder: &Path, script: &str) -> Result<String> {
        let program = env::current_exe();
        let program = program.map_err(|e| Error::io("cannot find", Path::new("study"), e))?;
        let here = env::current_dir();
        let here = here.map_err(|e| Error::io("cannot find", Path::new("."), e))?;
        // Slurm would read a `%` in a path as a pattern.
        let logs = folder.join("logs").to_string_lossy().replace('%', "%%");
        let path =
            |path: &Path| -> Result<String> { Ok(quoted(&absolute(path)?.to_string_lossy())) };
        let every = options
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

    /// The tasks of a stage that still have something to do.
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
                if !*open && part.contains(k) {
                    *open = !self.is_done(run)?;
                }
            }
        }
        all.left.retain(|&task| open[task]);
        Ok(all)
    }
}

/// Runs `submit.sh` and returns its output.
pub fn submit_to_slurm(script: &Path) -> Result<String> {
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
    /// Those that still have something to do, in order.
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

    /// Arrays of at most `max` elements. Each has the offset of its tasks' numbers from those of its elements, and the
    /// list of its elements.
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

/// The cluster's limit on the elements of an array, if there is a cluster.
fn cluster_max_array() -> Option<usize> {
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

/// `text` as one word for a shell.
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

/// A stage waits for all tasks of the stage before it. If one of them fails, the waiting jobs are cancelled, and
/// `study slurm --submit` submits what is left.
const SUBMIT: &str = r#"
after=
jobs=
submit() {
    job=$(sbatch --parsable ${after:+--dependency=afterok$after --kill-on-invalid-dep=yes} "$@")
    jobs=$jobs:${job%%;*}
    echo "$job $*"
}
next() { # the jobs from here on wait for those before
    after=${jobs:-$after}
    jobs=
}

"#;

const TASK: &str = r#"#!/bin/sh
# One task of a stage: task.sh STAGE TASKS OFFSET. The array's element, plus OFFSET, is the task's number.
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
# The results and the report, once all runs are done.
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
