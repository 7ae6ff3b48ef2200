//! The summary of supervised runs, and the data of their figure.

use std::fmt::Write as _;

use crate::{
    Result,
    energy::{Source, Spent},
    figures::{Metric, Metrics},
    nn,
    run::{
        EpochRow, Finished, HistoryRow, Machine, Status,
        supervised::{Net, SupervisedConfig, TrainedLayers},
    },
};

/// The summary of finished runs: a line for each.
pub fn supervised_summary(runs: &[Finished<SupervisedConfig>]) -> String {
    let mut out = String::new();
    let width = runs.iter().map(|run| run.outcome.optimiser.len()).max();
    let width = width.unwrap_or(0).max(9);
    // For action values, the return of playing by them.
    let played = runs.iter().any(|run| run.outcome.test_return.is_some());
    let _ = writeln!(
        out,
        "  {:<width$}  {:>5}  {:>10}  {:>10}  {:>9}{}  {:>9}  {:>8}  {:>7}  {:>7}",
        "optimiser",
        "seed",
        "train loss",
        "test loss",
        "test",
        if played { "    return" } else { "" },
        "samples/s",
        "B/weight",
        "memory",
        "energy"
    );
    for run in runs {
        let outcome = &run.outcome;
        let machine = Machine::read(&run.path);
        let rate = machine
            .as_ref()
            .and_then(|machine| machine.samples_per_second)
            .map_or("-".into(), |rate| format!("{rate:.0}"));
        let energy = machine.as_ref().and_then(|m| m.spent);
        let energy = energy.map_or("-".into(), |spent| joules(&spent));
        let memory = machine.and_then(|m| m.peak_memory);
        let memory = memory.map_or("-".into(), |bytes| format!("{} MB", bytes / 1_000_000));
        let loss = |loss: Option<f64>| loss.map_or("-".into(), loss_text);
        let diverged = match outcome.status {
            Status::Finished => "",
            Status::Diverged => "  DIVERGED",
        };
        let returned = match outcome.test_return {
            Some(value) => format!("  {value:>8.1}"),
            None if played => format!("  {:>8}", "-"),
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "  {:<width$}  {:>5}  {:>10}  {:>10}  {:>7.2} %{returned}  {rate:>9}  {:>8}  {memory:>7}  {energy:>7}{diverged}",
            outcome.optimiser,
            outcome.seed,
            loss(outcome.train_loss),
            loss(outcome.test_loss),
            100.0 * outcome.test_accuracy,
            outcome.optimiser_bytes_per_parameter,
        );
    }
    out
}

/// The share of their start values that batch norm's running statistics may still have without a note.
const UNSETTLED: f64 = 0.01;

/// A note on why the test accuracy of a ResNet is low after a few batches, if this applies to one of `runs`: tests
/// normalise by running statistics, which are far from the data's at first.
pub fn unsettled<'a>(
    runs: impl IntoIterator<Item = (&'a SupervisedConfig, &'a Finished<SupervisedConfig>)>,
) -> Option<String> {
    let batches = runs.into_iter().filter_map(|(config, run)| {
        let normalised = config.run.net == Net::Resnet18 && config.run.train == TrainedLayers::All;
        let tested = run.outcome.status == Status::Finished;
        (normalised && tested).then_some(run.outcome.steps)
    });
    let batches = batches.min()?;
    let left = nn::start_of_running_statistics(batches);
    (left > UNSETTLED).then(|| {
        format!(
            "\n  note: tests normalise by batch norm's running statistics. After {} they still keep {:.0} % of their start\n  \
             values, so the test accuracy can be far below the training accuracy; train longer to compare the two.\n",
            match batches {
                1 => "1 batch".into(),
                n => format!("{n} batches"),
            },
            100.0 * left
        )
    })
}

/// A loss in at most ten characters.
pub(in crate::cli) fn loss_text(loss: f64) -> String {
    let size = loss.abs();
    if loss.is_finite() && (size >= 1e5 || (size < 1e-3 && size > 0.0)) {
        format!("{loss:.2e}")
    } else {
        format!("{loss:.4}")
    }
}

/// As kJ; `~` if it is an estimate.
pub(in crate::cli) fn joules(spent: &Spent) -> String {
    let estimate = match spent.source {
        Source::Rapl => "",
        Source::Estimate => "~",
    };
    let all = spent.joules + spent.gpu_joules.unwrap_or(0.0);
    format!("{estimate}{:.1} kJ", all / 1e3)
}

/// The figure's data for finished runs. Those that differ in their seeds alone belong together.
pub fn metrics<'a>(
    runs: impl IntoIterator<Item = &'a Finished<SupervisedConfig>>,
) -> Result<Vec<Metrics>> {
    let mut all: Vec<Metrics> = Vec::new();
    for run in runs {
        let (history, epochs) = (run.history()?, run.epochs()?);
        let metric = |trained: fn(&HistoryRow) -> f64, tested: fn(&EpochRow) -> f64| Metric {
            training: history
                .iter()
                .map(|row| (row.step as f64, trained(row)))
                .collect(),
            test: epochs
                .iter()
                .map(|row| (row.step as f64, tested(row)))
                .collect(),
        };
        let loss = metric(|row| row.loss, |row| row.test_loss);
        let accuracy = metric(|row| row.accuracy, |row| row.test_accuracy);
        let label = &run.outcome.optimiser;
        match all.iter_mut().find(|metrics| metrics.label == *label) {
            Some(metrics) => {
                metrics.loss.push(loss);
                metrics.accuracy.push(accuracy);
            }
            None => all.push(Metrics {
                label: label.clone(),
                loss: vec![loss],
                accuracy: vec![accuracy],
            }),
        }
    }
    Ok(all)
}
