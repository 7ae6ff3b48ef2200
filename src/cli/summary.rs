//! The summary that is printed when a run is over.

use std::fmt::Write;

use crate::{
    numbers::count,
    run::{Finished, Machine, RlOutcome, Status, rl::Config},
};

/// The summary of a finished run.
pub fn summary(
    run: &Finished<Config>,
    machine: Option<&Machine>,
    threshold: Option<f64>,
) -> String {
    let RlOutcome {
        env,
        optimiser,
        seed,
        status,
        steps,
        updates,
        episodes,
        final_return,
        best_return,
        best_step,
        solved_step,
        last_100_return,
        optimiser_bytes_per_parameter,
        ..
    } = &run.outcome;
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<24}{value}");
    };
    let status = match status {
        Status::Finished => String::new(),
        Status::Diverged => "  DIVERGED: the loss exploded or was not a number".into(),
    };
    line("run", format!("{env}, {optimiser}, seed {seed}{status}"));
    line(
        "steps",
        format!(
            "{steps}, {}, {}",
            count(*episodes, "episode"),
            count(*updates, "update")
        ),
    );
    line("final evaluation", format!("{final_return:.1}"));
    line(
        "best evaluation",
        format!("{best_return:.1} at step {best_step}"),
    );
    if let Some(threshold) = threshold {
        let solved = solved_step.map_or("not reached".into(), |step| format!("at step {step}"));
        line(&format!("solved ({threshold})"), solved);
    }
    if let Some(mean) = last_100_return {
        line("last 100 episodes", format!("{mean:.1}, with exploration"));
    }
    if let Some(machine) = machine {
        let Machine {
            seconds,
            steps_per_second,
            ..
        } = machine;
        line(
            "speed",
            format!("{steps_per_second:.0} steps/s, {seconds:.1} s"),
        );
    }
    line(
        "optimiser state",
        format!("{optimiser_bytes_per_parameter} bytes per parameter"),
    );
    line("folder", run.path.display().to_string());
    out
}

/// The results of agents trained in lock-step: a line for each, and their means.
pub fn cohort_summary<'a>(runs: impl Iterator<Item = &'a Finished<Config>>) -> String {
    let mut out = String::new();
    let mut line = |seed: &str, last: &str, end: &str, best: &str, folder: &str| {
        let _ = writeln!(out, "  {seed:<8}{last:>14}{end:>14}{best:>14}  {folder}");
    };
    line("seed", "last 100", "final", "best", "folder");
    let mut columns: [Vec<f64>; 3] = Default::default();
    for run in runs {
        let outcome = &run.outcome;
        let values = [
            outcome.last_100_return.unwrap_or(f64::NAN),
            outcome.final_return,
            outcome.best_return,
        ];
        let [last, end, best] = values.map(shown);
        let status = match outcome.status {
            Status::Finished => "",
            Status::Diverged => "  DIVERGED",
        };
        let folder = format!("{}{status}", run.path.display());
        line(&outcome.seed.to_string(), &last, &end, &best, &folder);
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value);
        }
    }
    let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let [last, end, best] = columns.each_ref().map(|column| shown(mean(column)));
    line("mean", &last, &end, &best, "");
    out
}

/// A return, or a dash if there is none.
fn shown(value: f64) -> String {
    if value.is_nan() {
        "-".into()
    } else {
        format!("{value:.1}")
    }
}
