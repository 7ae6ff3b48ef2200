//! What a study costs on top of its runs: the time of a run that does almost nothing, and how busy the
//! cores are during longer runs.
//!
//! `cargo bench --bench study`; `-- /mnt/results` puts the files into that folder.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// Runs in the first measurement.
const RUNS: usize = 200;

fn experiment(steps: u64, seeds: usize) -> String {
    format!(
        r#"
question = "?"
hypothesis = "-"
analysis = "-"
seeds = {{ tuning = "1..1", report = "2..{}" }}
rl = {{ run = {{ steps = {steps}, eval_every = {steps}, eval_episodes = 1 }}, agent = {{ learning_starts = {} }} }}
environments = [{{ env = "catch" }}]
optimisers = [{{ name = "adam", optimiser = "adam" }}]
"#,
        seeds + 1,
        // A study of runs that learn nothing is refused.
        (steps / 4).min(500)
    )
}

/// The time that a study took.
struct Took {
    /// Seconds from its start to its end.
    wall: f64,
    /// The sum of the seconds of its runs.
    in_runs: f64,
    /// Processor seconds of its process.
    cpu: f64,
}

/// A study of `seeds` runs on `jobs` workers.
fn study(folder: &Path, steps: u64, seeds: usize, jobs: usize) -> Took {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("x.toml"), experiment(steps, seeds)).unwrap();
    let before = children();
    let started = Instant::now();
    let args = [
        "run",
        "x.toml",
        "--quiet",
        "--stage",
        "report",
        "--jobs",
        &jobs.to_string(),
    ];
    let ran = Command::new(env!("CARGO_BIN_EXE_study"))
        .current_dir(folder)
        .args(args)
        .status();
    assert!(ran.unwrap().success());
    Took {
        wall: started.elapsed().as_secs_f64(),
        in_runs: in_runs(folder),
        cpu: children() - before,
    }
}

/// The sum of the seconds of the runs of the study in `folder`.
fn in_runs(folder: &Path) -> f64 {
    let files = std::fs::read_dir(folder.join("results/x/rows")).unwrap();
    let seconds = |file: std::fs::DirEntry| {
        let mut rows = csv::Reader::from_path(file.path()).unwrap();
        let at = rows
            .headers()
            .unwrap()
            .iter()
            .position(|name| name == "seconds");
        let seconds = |row: csv::Result<csv::StringRecord>| -> f64 {
            row.unwrap()[at.unwrap()].parse().unwrap()
        };
        rows.into_records().map(seconds).sum::<f64>()
    };
    files.map(|file| seconds(file.unwrap())).sum()
}

/// Processor seconds of the processes that this one has waited for.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    // User and system time of children, in ticks of 10 ms; fields are counted from 3 after the name.
    let ticks: f64 = fields
        .skip(13)
        .take(2)
        .filter_map(|x| x.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

fn main() {
    let given = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let folder = given.map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("study-bench-{}", std::process::id()));
    let best = |steps, seeds, jobs| {
        let all = (0..3).map(|_| study(&folder, steps, seeds, jobs));
        all.min_by(|a, b| a.wall.total_cmp(&b.wall)).unwrap()
    };
    let (few, many) = (best(20, 1, 1), best(20, 1 + RUNS, 1));
    let each = (many.wall - few.wall) / RUNS as f64 * 1e3;
    println!("a run of 20 steps: {each:.2} ms, best of 3, its line in the record and all");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runs = 12 * cores;
    let took = best(30_000, runs, cores);
    let share = |seconds: f64| 100.0 * seconds / (took.wall * cores as f64);
    println!(
        "{runs} runs of 30,000 steps on {cores} workers: {:.1} s, {:.1} % of the workers' time in runs, \
         {:.1} % of the cores' time in this process",
        took.wall,
        share(took.in_runs),
        share(took.cpu)
    );
    let _ = std::fs::remove_dir_all(&folder);
}
