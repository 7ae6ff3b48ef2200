//! What a person reads when a run is over.

use std::fmt::Write;

use crate::train::{Finished, Machine, Outcome, Status};

/// The summary of a finished run.
pub fn summary(run: &Finished, machine: Option<&Machine>, threshold: Option<f64>) -> String {
    let Outcome {
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
        Status::Diverged => "  DIVERGED: the loss exploded or was no number".into(),
    };
    line("run", format!("{env}, {optimiser}, seed {seed}{status}"));
    line(
        "steps",
        format!("{steps}, {episodes} episodes, {updates} updates"),
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
