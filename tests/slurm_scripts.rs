//! The scripts of `study slurm`, with programs in place of the cluster's that write down what they are asked for.
#![cfg(unix)]

mod common;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use common::{Ran, run};
use tempfile::{TempDir, tempdir};

const STUDY: &str = env!("CARGO_BIN_EXE_study");

const SMALL: &str = r#"
question = "?"
hypothesis = "-"
analysis = "-"
score = "area"
seeds = { tuning = [11, 12, 13], report = "1..2" }
environments = [{ env = "catch" }]

[rl]
run = { steps = 600, eval_every = 300, eval_episodes = 1 }
agent = { learning_starts = 300, hidden = [8], batch_size = 8, buffer_size = 500 }

[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e-3, 1e-2] }
"#;

/// Accepts as many jobs as there are lines in the file `room`, and does the elements of none.
const SBATCH: &str = r#"#!/bin/sh
cluster=$(dirname "$0")
if ! [ -s "$cluster/room" ]; then
    echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2
    exit 1
fi
sed -i 1d "$cluster/room"
job=$(($(cat "$cluster/accepted" 2> /dev/null | wc -l) + 1))
echo "$job $*" >> "$cluster/accepted"
echo "$job" >> "$cluster/queue"
echo "$job;here"
"#;

const SQUEUE: &str = r#"#!/bin/sh
for option; do
    case $option in --jobs=*) grep -x "${option#--jobs=}" "$(dirname "$0")/queue" ;; esac
done
"#;

/// A folder with the study, and one with the cluster's programs.
struct Cluster {
    home: TempDir,
    bin: TempDir,
}

impl Cluster {
    fn new() -> Self {
        let (home, bin) = (tempdir().unwrap(), tempdir().unwrap());
        for (name, text) in [("sbatch", SBATCH), ("squeue", SQUEUE)] {
            let path = bin.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let cluster = Self { home, bin };
        cluster.set("room", 100);
        cluster
    }

    fn set(&self, file: &str, lines: usize) {
        fs::write(self.bin.path().join(file), "x\n".repeat(lines)).unwrap();
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.bin.path().join(file)).unwrap_or_default()
    }

    fn study(&self, folder: &Path, args: &[&str]) -> Ran {
        let path = format!(
            "{}:{}",
            self.bin.path().display(),
            std::env::var("PATH").unwrap()
        );
        run(STUDY, folder, args, &[("PATH", &path)])
    }

    fn submit(&self, folder: &Path) -> Ran {
        self.study(
            folder,
            &["slurm", "small.toml", "--submit", "--max-array", "2"],
        )
    }
}

fn works(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

#[test]
fn a_folder_may_have_any_name() {
    for name in [
        "plain",
        "two words",
        "it's",
        "a \"quoted\" one",
        "100%j %x-%A",
        "%%",
        "zäh 学",
        "$HOME `id` ;&|",
        "# hash",
        "@RUNS@ @OUT@",
        "-D leading",
        "line\nfeed",
    ] {
        let cluster = Cluster::new();
        let folder = cluster.home.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("small.toml"), SMALL).unwrap();
        works(cluster.submit(&folder));
        let scripts = folder.join("slurm/small");
        assert!(scripts.join("logs").is_dir());
        // No rules but the shell's and that of `%` hold for the logs.
        let escaped = scripts.to_str().unwrap().replace('%', "%%");
        for log in ["%x-%A_%a", "%x-%j"] {
            let expected = format!("--output={escaped}/logs/{log}.log ");
            assert!(cluster.text("accepted").contains(&expected), "{name}");
        }
        for script in ["task.sh", "collect.sh"] {
            let text = fs::read_to_string(scripts.join(script)).unwrap();
            assert!(!text.contains("--output"), "{name}");
        }
        // The tasks find the study.
        for (stage, tasks) in [("tune", 6), ("report", 2)] {
            for task in 0..tasks {
                let vars = [("SLURM_ARRAY_TASK_ID", task.to_string())];
                let vars = vars.each_ref().map(|(name, value)| (*name, value.as_str()));
                let args = ["task.sh", stage, &tasks.to_string(), "0"];
                works(run("sh", &scripts, &args, &vars));
            }
        }
        works(run("sh", &scripts, &["collect.sh"], &[]));
        assert!(folder.join("results/small/report.html").exists(), "{name}");
        assert!(!scripts.join("results").exists(), "{name}");
    }
}

#[test]
fn what_was_accepted_before_a_limit_is_not_submitted_again() {
    let cluster = Cluster::new();
    let home = cluster.home.path();
    fs::write(home.join("small.toml"), SMALL).unwrap();
    // Three arrays of two tuning runs, one of two report runs, and the collection.
    for (room, accepted) in [(2, 2), (1, 3), (0, 3), (1, 4)] {
        cluster.set("room", room);
        let ran = cluster.submit(home);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        for words in [
            "QOSMaxSubmitJobPerUserLimit",
            "not accepted",
            "submits the rest",
        ] {
            assert!(ran.stderr.contains(words), "no `{words}` in {}", ran.stderr);
        }
        assert_eq!(cluster.text("accepted").lines().count(), accepted);
    }
    cluster.set("room", 100);
    let ran = works(cluster.submit(home));
    assert_eq!(
        ran.stdout.matches("is in the queue").count(),
        4,
        "{}",
        ran.stdout
    );
    let accepted = cluster.text("accepted");
    let lines: Vec<&str> = accepted.lines().collect();
    assert_eq!(lines.len(), 5, "{accepted}");
    assert!(lines[3].contains("--dependency=afterok:1:2:3 ") && lines[3].contains("report 2 0"));
    assert!(lines[4].contains("--dependency=afterok:4 ") && lines[4].contains("collect.sh"));
    // By itself, too.
    works(run(
        "sh",
        home,
        &["slurm/small/submit.sh"],
        &[(
            "PATH",
            &format!("{}:/usr/bin:/bin", cluster.bin.path().display()),
        )],
    ));
    assert_eq!(cluster.text("accepted"), accepted);
    // What has left the queue without doing its runs is submitted again, and what waited for it too.
    fs::write(cluster.bin.path().join("queue"), "1\n3\n").unwrap();
    works(cluster.submit(home));
    let accepted = cluster.text("accepted");
    let lines: Vec<&str> = accepted.lines().skip(5).collect();
    assert_eq!(lines.len(), 3, "{accepted}");
    assert!(lines[0].contains("tune 6 2"), "{accepted}");
    assert!(
        lines[1].contains("--dependency=afterok:1:6:3 "),
        "{accepted}"
    );
}

#[test]
fn a_folder_in_which_slurm_cannot_name_logs_is_refused() {
    let cluster = Cluster::new();
    let folder = cluster.home.path().join("back\\slash");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("small.toml"), SMALL).unwrap();
    let ran = cluster.submit(&folder);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("with --scripts"), "{}", ran.stderr);
    let scripts = cluster.home.path().join("scripts");
    let args = ["slurm", "small.toml", "--submit", "--scripts"];
    let args = [&args[..], &[scripts.to_str().unwrap()]].concat();
    works(cluster.study(&folder, &args));
}
