//! What a study costs beside its runs: the time of a run that does next to nothing, and how busy the
//! cores are while runs of some length go.
//!
//! `cargo bench --bench study`; give a folder to have the files there: `-- /mnt/results`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// Runs of the first measurement.
const RUNS: usize = 200;

fn experiment(steps: u64, seeds: usize) -> String {
    format!(
        r#"
question = "?"
hypothesis = "-"
analysis = "-"
seeds = {{ tuning = "1..1", report = "2..{}" }}
rl = {{ run = {{ steps = {steps}, eval_every = {steps}, eval_episodes = 1 }}, agent = {{ learning_starts = 500 }} }}
environments = [{{ env = "catch" }}]
optimisers = [{{ name = "adam", optimiser = "adam" }}]
"#,
        seeds + 1
    )
}

/// Seconds of a study of `seeds` runs on `jobs` workers, and processor seconds of its process.
fn study(folder: &Path, steps: u64, seeds: usize, jobs: usize) -> (f64, f64) {
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
    (started.elapsed().as_secs_f64(), children() - before)
}

/// Processor seconds of the processes that this one has waited for.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    // User and system time of children, in ticks of 10 ms; the fields after the name count from 3.
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
        all.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
    };
    let (few, _) = best(10, 1, 1);
    let (many, _) = best(10, 1 + RUNS, 1);
    let each = (many - few) / RUNS as f64 * 1e3;
    println!("a run of 10 steps: {each:.2} ms, best of 3, the folder's files and all");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (wall, cpu) = best(30_000, 12 * cores, cores);
    let busy = 100.0 * cpu / (wall * cores as f64);
    println!(
        "{cores} cores, {} runs of 30,000 steps: {wall:.1} s, {busy:.1} % busy",
        12 * cores
    );
    let _ = std::fs::remove_dir_all(&folder);
}
