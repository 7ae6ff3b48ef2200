//! The cost of runs, and how they were done. All of this except memory depends on the machine.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    document::{Block, Section},
    format::{percent, ranges},
    load::Results,
};
use stats::three_digits;

use crate::{
    energy::Source,
    numbers::count,
    study::{
        experiment::{Experiment, Stage},
        rows::{CostRow, RunRow},
    },
};

/// The report runs of an arm, in every environment and with every setting that some outcome chose.
fn runs_of(results: &Results, arm: usize) -> impl Iterator<Item = &RunRow> {
    let cells = results.cells().into_iter();
    cells.flat_map(move |cell| results.all_runs(cell, arm))
}

/// The least and the most bytes of state that an arm's optimiser has for each weight.
pub fn state_bytes(results: &Results, arm: usize) -> (f64, f64) {
    let bytes = || runs_of(results, arm).map(|run| run.optimiser_bytes_per_parameter);
    (
        bytes().fold(f64::INFINITY, f64::min),
        bytes().fold(0.0, f64::max),
    )
}

fn seconds(cost: &CostRow) -> Option<f64> {
    Some(cost.cpu_seconds.unwrap_or(cost.seconds))
}

fn joules(cost: &CostRow) -> Option<f64> {
    Some(cost.joules? + cost.gpu_joules.unwrap_or(0.0))
}

/// State, seconds and joules of the optimisers `names` in one table, below the text `about`.
pub fn in_brief(results: &Results, about: String, names: &[&str]) -> Section {
    let rows = names.iter().map(|&name| {
        let arm = results.arm(name);
        let per_run = |value: fn(&CostRow) -> Option<f64>| {
            let known = runs_of(results, arm).filter_map(|run| {
                let cost = results.costs.get(&(Stage::Report, run.id.clone()));
                cost.and_then(value)
            });
            let known: Vec<f64> = known.collect();
            match known.len() {
                0 => "-".into(),
                n => format!("{:.2}", known.iter().sum::<f64>() / n as f64),
            }
        };
        let (_, bytes) = state_bytes(results, arm);
        vec![
            name.to_owned(),
            bytes.to_string(),
            per_run(seconds),
            per_run(joules),
        ]
    });
    let head = [
        "optimiser",
        "state, bytes per weight",
        "seconds per run",
        "joules per run",
    ];
    Section::new("Cost")
        .text(about)
        .table(&head, rows.collect())
}

/// The state of each optimiser.
pub fn memory(results: &Results) -> Section {
    let rows = results.experiment.arms.iter().enumerate().map(|(arm, of)| {
        let (low, high) = state_bytes(results, arm);
        let bytes = match low == high {
            true => format!("{low}"),
            false => format!("{low} to {high}"),
        };
        vec![of.name.clone(), bytes, percent((4.0 + high) / 4.0)]
    });
    let head = [
        "optimiser",
        "state, bytes per weight",
        "weight and state, % of the weight",
    ];
    Section::new("Memory").table(&head, rows.collect())
}

/// Processor seconds of the report stage's runs.
pub fn time(results: &Results) -> Section {
    let section = Section::new("Time");
    let Some(rows) = per_arm(results, seconds) else {
        return section.nothing("The time of these runs is not known: they are not in cost.csv.");
    };
    section
        .text("Processor seconds of the report runs with the chosen settings. The seconds per solved run are the seconds \
               of all runs in environments where any run solved the task, divided by the number of runs that solved it. \
               Runs take longer while other programs use the machine.")
        .table(&["optimiser", "seconds per run", "seconds in total", "seconds per solved run", "runs"], rows)
}

/// Joules of the report stage's runs.
pub fn energy(results: &Results) -> Section {
    let section = Section::new("Energy");
    let Some(rows) = per_arm(results, joules) else {
        return section.nothing("The energy of these runs is not known: they are not in cost.csv.");
    };
    let costs = || results.costs.values();
    let sources: BTreeSet<&str> = costs().filter_map(|cost| cost.source).map(source).collect();
    let grams: f64 = costs().filter_map(|cost| cost.gco2e).sum();
    let all: f64 = costs().filter_map(joules).sum();
    let energy = &results.experiment.top.energy;
    section
        .text(format!(
            "Joules of the report runs, {}, at {} gCO2e/kWh. Both stages together took {} kJ, or {} gCO2e. The joules per \
             solved run are the joules of all runs in environments where any run solved the task, divided by the number of \
             runs that solved it.",
            sources
                .into_iter()
                .collect::<Vec<_>>()
                .join("; ")
                .replace("{watts}", &energy.watts_per_core.to_string()),
            energy.grams_per_kwh,
            three_digits(all / 1000.0),
            three_digits(grams)
        ))
        .table(
            &[
                "optimiser",
                "joules per run",
                "joules in total",
                "joules per solved run",
                "runs",
            ],
            rows,
        )
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Rapl => "measured by RAPL's counters",
        Source::Estimate => "estimated: processor seconds times {watts} W per core",
    }
}

/// A row for each arm, over the runs of its best trials: `value` per run, for all runs, and per run that solved its task.
/// The last covers the environments where any run solved the task. `None` if nothing is known.
fn per_arm(results: &Results, value: impl Fn(&CostRow) -> Option<f64>) -> Option<Vec<Vec<String>>> {
    let solved = |run: &RunRow| run.solved_step.is_some();
    let outcome = results.outcomes()[0];
    let arms = || 0..results.experiment.arms.len();
    let solvable =
        |cell: usize| arms().any(|arm| results.runs(outcome, cell, arm).iter().any(solved));
    let solvable: Vec<(usize, bool)> = results
        .cells()
        .into_iter()
        .map(|cell| (cell, solvable(cell)))
        .collect();
    let over = |sum: f64, n: usize| match n {
        0 => "-".into(),
        n => three_digits(sum / n as f64),
    };
    let mut known = 0;
    let mut rows = Vec::new();
    for (arm, of) in results.experiment.arms.iter().enumerate() {
        let (mut sum, mut runs, mut sum_solvable, mut runs_solved) = (0.0, 0, 0.0, 0);
        for &(cell, solvable) in &solvable {
            for run in results.runs(outcome, cell, arm) {
                let cost = results.costs.get(&(Stage::Report, run.id.clone()));
                let Some(value) = cost.and_then(&value) else {
                    continue;
                };
                sum += value;
                runs += 1;
                if solvable {
                    sum_solvable += value;
                    runs_solved += usize::from(solved(run));
                }
            }
        }
        known += runs;
        rows.push(vec![
            of.name.clone(),
            over(sum, runs),
            three_digits(sum),
            over(sum_solvable, runs_solved),
            runs.to_string(),
        ]);
    }
    (known > 0).then_some(rows)
}

/// The report seeds. Environments with their own seeds are listed, unless all have the same.
fn report_seeds(experiment: &Experiment) -> String {
    let common = &experiment.top.seeds.report.0;
    if let [first, others @ ..] = &experiment.cells[..]
        && others
            .iter()
            .all(|cell| cell.report_seeds == first.report_seeds)
    {
        return ranges(&first.report_seeds);
    }
    let own = experiment
        .cells
        .iter()
        .filter(|cell| cell.report_seeds != *common);
    let own: BTreeSet<String> = own
        .map(|cell| format!(" ({}: {})", cell.environment, ranges(&cell.report_seeds)))
        .collect();
    ranges(common) + &own.into_iter().collect::<String>()
}

/// The commands, versions, seeds and machines.
pub fn how_it_was_run(results: &Results) -> Section {
    let (experiment, manifest) = (&results.experiment, &results.manifest);
    let name = &experiment.name;
    let mut processors: BTreeMap<&str, usize> = BTreeMap::new();
    for cost in results.costs.values() {
        *processors.entry(&cost.processor).or_default() += 1;
    }
    let machines: Vec<String> = processors
        .iter()
        .map(|(name, runs)| format!("{name} ({})", count(*runs, "run")))
        .collect();
    let hours = results.costs.values().filter_map(seconds).sum::<f64>() / 3600.0;
    let seeds = &experiment.top.seeds;
    Section::new("How this was run")
        .block(Block::Code(format!("study run {name}\nstudy report {name}")))
        .list(vec![
            format!("Version: optimiser-paradigms {}", manifest.version),
            format!("Experiment: experiment.toml, sha256 {}", manifest.sha256),
            format!(
                "Commit of the experiment's file: {}; of the program: {}",
                recorded(manifest.experiment_commit.as_deref()),
                recorded(manifest.program_commit.as_deref())
            ),
            format!(
                "Runs: {} to tune, on the seeds {}; {} to report, on the seeds {}; {} of all runs diverged",
                manifest.tuning_runs,
                ranges(&seeds.tuning.0),
                manifest.report_runs,
                report_seeds(experiment),
                manifest.diverged
            ),
            match machines.is_empty() {
                true => "Machine: not recorded".into(),
                false => format!("Machine: {}", machines.join("; ")),
            },
            format!("Processor time of both stages: {} hours", three_digits(hours)),
            "Every interval is a 95 % interval. The bootstrap's generator is seeded from the experiment's sha256, so that the \
             same results give the same report."
                .into(),
        ])
}

/// A commit, if the manifest has it.
fn recorded(commit: Option<&str>) -> &str {
    commit.unwrap_or("not recorded")
}
