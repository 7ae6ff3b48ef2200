//! A study on a Slurm cluster: array jobs for each stage, then a job for its results.
//!
//! `submit.sh` submits the jobs, and `task.sh` is one element of an array. A task may be killed,
//! requeued or run twice at any moment: runs resume from their checkpoints, and finished runs are
//! skipped. When the scripts are written again, they ask only for tasks that still have something to
//! do, and an array that the cluster has accepted is not submitted again as long as it is in the queue.
//!
//! Logs are named on the command line, where the shell's quoting applies. In a script, `sbatch` has its own rules for blanks
//! and quotes. `%` starts a pattern, also in the folder that `sbatch` is called in (seen with 22.05), and `%%` is the
//! character.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{engine::Study, experiment::Stage};
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
    /// The maximum number of elements in an array; the cluster's limit if `None`.
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
            "#!/bin/sh\n# Submits what is left of {name}; `study slurm` rewrites this file.\nset -eu\ncd {}\n",
            word(&folder)?
        );
        submit += SUBMIT;
        let log = output(&folder, "%x-%A_%a")?;
        for (stage, tasks) in [(Stage::Tune, &tune), (Stage::Report, &report)] {
            let stage = stage.name();
            for (offset, array) in tasks.arrays(max_array) {
                let at_once = options.at_once.map_or(String::new(), |n| format!("%{n}"));
                let sbatch: Vec<String> = options.sbatch.iter().map(|o| quoted(o)).collect();
                submit += &format!(
                    "submit '{stage} {} {offset} {max_array}' {log} --job-name={} --array={array}{at_once} {} task.sh {stage} {} {offset}\n",
                    tasks.of,
                    quoted(&format!("{name}-{stage}")),
                    sbatch.join(" "),
                    tasks.of,
                );
            }
            submit += "next\n";
        }
        submit += &format!(
            "submit collect {} --job-name={} collect.sh\n",
            output(&folder, "%x-%j")?,
            quoted(&format!("{name}-collect"))
        );
        write_script(&folder.join("task.sh"), &self.script(options, TASK)?)?;
        write_script(&folder.join("collect.sh"), &self.script(options, COLLECT)?)?;
        let path = folder.join("submit.sh");
        write_script(&path, &submit)?;
        Ok((path, [tune.left.len(), report.left.len()]))
    }

    /// `script` with its placeholders filled in for this study.
    fn script(&self, options: &SlurmOptions, script: &str) -> Result<String> {
        let program = env::current_exe();
        let program = program.map_err(|e| Error::io("cannot find", Path::new("study"), e))?;
        let here = env::current_dir();
        let here = here.map_err(|e| Error::io("cannot find", Path::new("."), e))?;
        let path = |path: &Path| word(&absolute(path)?);
        let every = options
            .checkpoint_every
            .map(|steps| format!(" --checkpoint-every {steps}"));
        let values = [
            ("@EVERY@", every.unwrap_or_default()),
            ("@HERE@", word(&here)?),
            ("@STUDY@", word(&program)?),
            ("@EXPERIMENT@", path(&self.experiment.path)?),
            ("@RUNS@", path(&self.runs)?),
            ("@OUT@", path(&self.out)?),
        ];
        Ok(filled(script, &values))
    }

    /// The tasks of a stage that still have something to do.
    fn unfinished(&self, stage: Stage, tasks: usize) -> Result<Tasks> {
        let runs = self.stage(stage)?;
        let mut all = Tasks::all(runs.len(), tasks);
        let mut open = vec![false; all.of];
        for (k, run) in runs.iter().enumerate() {
            // As `--shard` has it.
            let task = k % all.of;
            if !open[task] {
                open[task] = !self.is_done(run)?;
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

/// `script` with the value of each placeholder in its place. Placeholders in the values stay.
fn filled(script: &str, values: &[(&str, String)]) -> String {
    let mut out = String::new();
    let mut rest = script;
    while let Some(at) = rest.find('@') {
        out += &rest[..at];
        rest = &rest[at..];
        let found = values.iter().find(|(name, _)| rest.starts_with(name));
        let (length, value) = found.map_or((1, "@"), |(name, value)| (name.len(), value.as_str()));
        out += value;
        rest = &rest[length..];
    }
    out + rest
}

/// The option of `sbatch` that sends a job's output to the file `name`, a pattern, in `folder`; an error if there is none.
fn output(folder: &Path, name: &str) -> Result<String> {
    let shown = folder.display();
    let Some(text) = folder.to_str().filter(|text| !text.contains('\\')) else {
        return Err(Error::usage(format!(
            "Slurm cannot name logs in {shown}, which has a `\\` in its name or is not UTF-8; choose another folder with --scripts"
        )));
    };
    let text = text.replace('%', "%%");
    Ok(format!(
        "--output={}",
        quoted(&format!("{text}/logs/{name}.log"))
    ))
}

/// `path` as one word for a shell.
fn word(path: &Path) -> Result<String> {
    let text = path.to_str().map(quoted);
    text.ok_or_else(|| {
        Error::usage(format!(
            "{} is not UTF-8, which a script of `study slurm` has to be; choose another folder",
            path.display()
        ))
    })
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
///
/// `submitted` has a line for each accepted array: its stage, the tasks of the stage, the number of its first task, the
/// maximum number of elements in an array, and its job. An array that is still in the queue does all that is left of its
/// tasks.
const SUBMIT: &str = r#"
after=
jobs=
touch submitted
submit() { # submit ARRAY OPTIONS...: as one job, unless it is in the queue
    array=$1
    shift
    job=$(sed -n "s/^$array: //p" submitted | tail -n 1)
    if [ "$job" ] && squeue --noheader --jobs="${job%%;*}" 2> /dev/null | grep -q .; then
        echo "$job is in the queue: $*"
    else
        job=$(sbatch --parsable ${after:+--dependency=afterok$after --kill-on-invalid-dep=yes} "$@") || {
            echo "not accepted: $*" >&2
            echo "Once there is room, \`study slurm --submit\` or $PWD/submit.sh submits the rest." >&2
            exit 1
        }
        echo "$array: $job" >> submitted
        echo "$job $*"
    fi
    jobs=$jobs:${job%%;*}
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

    #[test]
    fn values_are_not_searched_for_placeholders() {
        let values = [("@A@", "@B@".to_owned()), ("@B@", "1".to_owned())];
        assert_eq!(
            filled("x@A@@B@ B:USR1@60 @C@", &values),
            "x@B@1 B:USR1@60 @C@"
        );
    }

    #[test]
    fn a_log_may_be_in_any_folder_but_one_with_a_backslash() {
        let of = |folder: &str| output(Path::new(folder), "%j");
        assert_eq!(of("/a 100%j").unwrap(), "--output='/a 100%%j/logs/%j.log'");
        assert!(of(r"/a\b").unwrap_err().to_string().contains("--scripts"));
    }
}
