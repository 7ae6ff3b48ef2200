//! What `study list` and `study verify` print.

use std::time::Duration;

use indicatif::HumanDuration;
use settings::Words;

use super::progress::StudyProgress;
use crate::{
    Error, Result,
    energy::Spent,
    numbers::count,
    run::Status,
    study::{Pace, PaceFrom, Rehearsed, Study, TunedCell, experiment::Stage},
};

/// What `study list` prints: the runs of each cell, and how long they will take.
pub fn list_runs(study: &Study, paces: &[Pace]) -> Result<String> {
    let experiment = &study.experiment;
    let mut out = format!(
        "{}\n\n| environment | optimisers | tuning runs | report runs | time per run | estimated from \
         |\n|---|---|---|---|---|---|\n",
        experiment.top.question
    );
    let (mut seconds, mut runs) = (0.0, 0);
    let different = experiment.count_different()?;
    for (c, (cell, pace)) in experiment.cells.iter().zip(paces).enumerate() {
        let [tune, report] =
            [Stage::Tune, Stage::Report].map(|stage| experiment.count_in(c, stage));
        let own: usize = different[c].iter().sum();
        seconds += pace.seconds * own as f64;
        runs += own;
        out += &format!(
            "| {} | {} | {tune} | {report} | {:.1} s | {} |\n",
            in_table(&cell.label()),
            experiment.arms.len(),
            pace.seconds,
            in_table(&from(study, &pace.from))
        );
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let spent = Spent::estimate(seconds, &experiment.top.energy);
    let wall = Duration::from_secs_f64(seconds / cores as f64);
    // Outcomes that choose the same setting share its runs.
    let at_most = match experiment.top.score.0.len() {
        0 | 1 => "",
        _ => "at most ",
    };
    out += &format!(
        "\n{at_most}{}, estimated: {:.2} core-hours, {} on the {} of this machine, {:.1} kJ and {:.1} gCO2e at {} W per core and {} \
         gCO2e/kWh.\n",
        match experiment.count(Stage::Tune) + experiment.count(Stage::Report) {
            all if all == runs => count(runs, "run"),
            all => format!("{}, {runs} of them different", count(all, "run")),
        },
        seconds / 3600.0,
        HumanDuration(wall),
        count(cores, "core"),
        spent.joules / 1e3,
        spent.gco2e,
        experiment.top.energy.watts_per_core,
        experiment.top.energy.grams_per_kwh,
    );
    if let Some(budget) = experiment.top.budget.core_hours {
        let verdict = if seconds / 3600.0 <= budget {
            "within"
        } else {
            "beyond"
        };
        out += &format!("This is {verdict} the budget of {budget} core-hours.\n");
    }
    Ok(out)
}

/// What `study run` prints after the tuning stage: where a difference could show, and which optimisers are best at an end of
/// their grids. Nothing if nothing was tuned.
pub fn tuned(cells: &[TunedCell]) -> String {
    if cells.iter().all(|cell| cell.assay.best.is_none()) {
        return String::new();
    }
    let mut out = String::from(
        "On the tuning seeds:\n\n| environment | outcome | best | margin | informative | best at an end of its grid |\n\
         |---|---|---|---|---|---|\n",
    );
    for TunedCell {
        label,
        outcome,
        assay,
        all_diverged,
        at_edge,
    } in cells
    {
        let best = match &assay.best {
            Some((score, _)) if *all_diverged => format!("{score:.3} (every run diverged)"),
            Some((score, arm)) => format!("{score:.3} ({arm})"),
            None => "-".into(),
        };
        out += &format!(
            "| {} | {} | {} | {:.3} | {} | {} |\n",
            in_table(label),
            outcome.word(),
            in_table(&best),
            assay.margin,
            if assay.informative { "yes" } else { "no" },
            match at_edge.is_empty() {
                true => "-".into(),
                false => in_table(&at_edge.join(", ")),
            }
        );
    }
    out
}

/// `text` as a cell of a Markdown table.
fn in_table(text: &str) -> String {
    text.replace('|', "\\|")
}

/// What a pace is estimated from, in words.
fn from(study: &Study, from: &PaceFrom) -> String {
    let cell = |cell: usize| study.experiment.cells[cell].label();
    match *from {
        PaceFrom::Runs(runs) => count(runs, "finished run"),
        PaceFrom::Burst => "a burst without evaluations".into(),
        PaceFrom::BurstOf(other) => format!("the burst of {}", cell(other)),
        PaceFrom::EffortOf(other) => format!(
            "its number of multiply-adds, at the speed of {}",
            cell(other)
        ),
    }
}

/// What `study verify` prints; an error if a trial cannot be run.
pub fn verify(study: &Study, quiet: bool) -> Result<String> {
    let show = StudyProgress::new(quiet, "verify");
    let rehearsed = study.verify(&show)?;
    let failed = rehearsed
        .iter()
        .filter_map(|one| one.status.as_ref().err().map(|e| (one, e)));
    let failed: Vec<_> = failed.collect();
    if let Some((one, error)) = failed.first() {
        return Err(Error::Failed {
            failed: failed.len(),
            of: rehearsed.len(),
            why: format!("{}: {error}", one.trial),
        });
    }
    let diverged = |one: &&Rehearsed| matches!(one.status, Ok(Status::Diverged));
    let diverged: Vec<_> = rehearsed.iter().filter(diverged).collect();
    let mut out = format!("{} can be run.\n", count(rehearsed.len(), "trial"));
    for one in &diverged {
        out += &format!("{} diverged within a few hundred steps.\n", one.trial);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{Assay, experiment::Score};

    #[test]
    fn a_bar_in_a_name_stays_in_its_cell_and_divergence_is_said() {
        let cell = |all_diverged| TunedCell {
            label: "chain?of=a|b".into(),
            outcome: Score::Area,
            assay: Assay {
                best: Some((0.5, "one|two".into())),
                half_decade: None,
                control: None,
                margin: 0.05,
                informative: true,
            },
            all_diverged,
            at_edge: vec!["one|two lr=1".into()],
        };
        let table = tuned(&[cell(false), cell(true)]);
        let rows: Vec<&str> = table.lines().skip(4).collect();
        assert_eq!(rows.len(), 2);
        for row in &rows {
            let bars = row.matches('|').count() - row.matches("\\|").count();
            assert_eq!(bars, 7, "{row}");
        }
        assert!(rows[0].contains("0.500 (one\\|two)"), "{table}");
        assert!(rows[1].contains("0.500 (every run diverged)"), "{table}");
    }
}
