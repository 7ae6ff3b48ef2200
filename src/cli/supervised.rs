//! The flags of `supervised`, its progress and its summary.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{CommandFactory, FromArgMatches, Parser};
use settings::{Field, Settings, Table};

use super::{
    flags, parsed,
    progress::{Bar, TimeLeft, long, short},
};

use optim::{Spec, Value};

use crate::{
    Error, Result,
    energy::{Energy, Meter, Source, Spent},
    figures::{Metric, Metrics},
    files::short_id,
    nn,
    numbers::{at_least, between, number},
    run::{
        Again, Compute, Configuration, EpochRow, Finished, HistoryRow, Machine, Observer, Progress,
        Row, Status, default_folder,
        supervised::{Layers, Net, SupervisedConfig, SupervisedRun, note_setting},
    },
};

/// Train a network with optimisers of your choice, where samples are independent.
///
/// Without flags, this is the note's experiment: torchvision's ResNet-18 on CIFAR-10 from random
/// weights with Adam, for 10 epochs with batches of 256.
#[derive(Parser, Debug)]
#[command(name = "supervised", version, after_help = EXAMPLES, args_override_self = true, allow_negative_numbers = true)]
pub struct SupervisedArgs {
    /// The optimisers, one run after the other; rl --list shows them and their hyper-parameters. If
    /// no settings are given, the note's apply: lr 0.01 and momentum 0.9 for sgd, lr 0.001 for adam
    /// and rmsprop, lr 0.01 for adagrad
    #[arg(long, value_name = "NAME[:KEY=VALUE,...],...", default_value = "adam")]
    opt: String,

    /// Learning rates, one run for each, instead of the optimisers' own
    #[arg(long, value_name = "LR,...", value_delimiter = ',', value_parser = number)]
    lr: Vec<f64>,

    /// The number of seeds, starting at --seed, with one run for each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = between::<u16>(1, 1024))]
    seeds: u16,

    #[arg(skip)]
    run: Table,

    /// Where the data set's files are [default: data/DATASET, and Debian's own for fashion-mnist]
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// First download the data set's official files to --data-dir; resumes an interrupted download
    #[arg(long)]
    pub download: bool,

    /// The folder of the run, or of all runs and their common figure
    /// [default: runs/DATASET/OPTIMISER-sSEED-ID]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// Continue interrupted runs; finished runs are left as they are, and new ones start
    #[arg(long, conflicts_with = "force")]
    resume: bool,

    /// Batches between checkpoints [default: one checkpoint a minute]
    #[arg(long, value_name = "BATCHES", value_parser = at_least::<u64>(1))]
    pub checkpoint_every: Option<u64>,

    /// Run again even if the folder holds a run
    #[arg(long)]
    force: bool,

    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  supervised --dataset cifar10 --opt adam --download
  supervised --dataset fashion-mnist --opt sgd,adam,rmsprop,adagrad --epochs 2
  supervised --dataset fashion-mnist --opt adam:beta1=0,adam --lr 1e-3,3e-3
  supervised --dataset cifar10 --train fc --weights resnet18.safetensors
  supervised --dataset fashion-mnist --net mlp --opt rmsprop --seeds 3
  supervised --dataset q-regression --opt adam --epochs 20
  supervised --dataset q-bootstrap --env acrobot --opt adam:beta1=0,adam
  supervised --dataset synthetic --steps 20";

impl SupervisedArgs {
    /// The arguments of this process. If there is a mistake, or if help is asked for, prints it and
    /// ends the process.
    pub fn from_env() -> Self {
        let mut matches = parsed(Self::command_with_flags().try_get_matches());
        let run = flags::given(&matches, SupervisedRun::declared());
        let args = parsed(Self::from_arg_matches_mut(&mut matches));
        Self { run, ..args }
    }

    /// The command, with the note's value in each flag's help.
    fn command_with_flags() -> clap::Command {
        let run = SupervisedRun::default().to_table();
        let command = flags::add(Self::command(), SupervisedRun::declared(), &run, "Run");
        command.mut_arg("batch", |arg| {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            arg.help(help.replace("256]", "256; 128 for the mlp]"))
        })
    }

    /// What to do about an existing run.
    pub fn again(&self) -> Again {
        match (self.force, self.resume) {
            (true, _) => Again::Force,
            (_, true) => Again::Resume,
            _ => Again::Refuse,
        }
    }

    /// The configuration of each run, and its folder.
    pub fn runs(&self) -> Result<Vec<(SupervisedConfig, PathBuf)>> {
        let mut asked = SupervisedRun::default();
        asked.extend(&self.run)?;
        let dataset = asked.dataset;
        for (flag, given) in [
            ("--data-dir", self.data_dir.is_some()),
            ("--download", self.download),
        ] {
            if given && dataset.images().is_none() {
                return Err(Error::usage(format!(
                    "{flag} is not allowed with --dataset {dataset}, which needs no files; allowed: with \
                     images"
                )));
            }
        }
        let mut configs = Vec::new();
        for optimiser in optimisers(&self.opt)? {
            let lrs = self.lr.iter().copied().map(Some);
            let lrs: Vec<_> = if self.lr.is_empty() {
                vec![None]
            } else {
                lrs.collect()
            };
            for lr in lrs {
                let mut optimiser = optimiser.clone();
                note_setting(&mut optimiser)?;
                if let Some(lr) = lr {
                    optimiser.set("lr", Value::Number(lr))?;
                }
                for k in 0..u64::from(self.seeds) {
                    let mut run = self.run.clone();
                    let last = "--seeds: the last seed must be at most 9223372036854775807";
                    let seed = asked.seed.checked_add(k).and_then(|seed| seed.to_value());
                    let seed = seed.filter(|_| asked.seed + k <= i64::MAX as u64);
                    run.insert("seed", seed.ok_or_else(|| Error::usage(last))?);
                    configs.push(SupervisedConfig::resolve(&run, optimiser.clone())?);
                }
            }
        }
        for (i, config) in configs.iter().enumerate() {
            if configs[..i].iter().any(|other| other.id() == config.id()) {
                return Err(Error::usage(format!(
                    "--opt {}: {} is given twice",
                    self.opt, config.optimiser
                )));
            }
        }
        let together = self.together(&configs);
        let folder = |config: &SupervisedConfig| match (&together, &self.out) {
            (Some(all), _) => {
                let run = default_folder(config);
                all.join(run.file_name().unwrap_or_default())
            }
            (None, Some(out)) => out.clone(),
            (None, None) => default_folder(config),
        };
        Ok(configs.iter().map(|c| (c.clone(), folder(c))).collect())
    }

    /// The folder of several runs, which holds their common figure.
    pub fn together(&self, configs: &[SupervisedConfig]) -> Option<PathBuf> {
        let (first, _) = (configs.first()?, configs.get(1)?);
        let named = || {
            let ids: String = configs.iter().map(SupervisedConfig::id).collect();
            let name = format!("comparison-{}", short_id(&ids));
            ["runs", &first.run.dataset.to_string(), &name]
                .iter()
                .collect()
        };
        Some(self.out.clone().unwrap_or_else(named))
    }
}

/// Splits `sgd,adam:lr=1e-3,beta1=0,rmsprop`: a piece without a name belongs to the one before.
pub(super) fn optimisers(list: &str) -> Result<Vec<Spec>> {
    let mut texts: Vec<String> = Vec::new();
    for piece in list.split(',') {
        match texts.last_mut() {
            Some(last) if piece.contains('=') && !piece.contains(':') => {
                last.push(',');
                last.push_str(piece);
            }
            _ => texts.push(piece.trim().to_owned()),
        }
    }
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

/// Batches between lines if there is no terminal.
const LINE_EVERY: u64 = 25;

/// Shows the progress of a supervised run.
pub struct SupervisedProgress {
    label: String,
    steps: u64,
    batch: u64,
    started: Instant,
    /// When work on the next batch began.
    since: Instant,
    training: Duration,
    done: u64,
    tested: Option<f64>,
    meter: Meter,
    left: TimeLeft,
    bar: Option<Bar>,
    quiet: bool,
}

impl SupervisedProgress {
    /// Progress on stderr for a run of `steps` batches.
    pub fn new(quiet: bool, config: &SupervisedConfig, steps: u64) -> Self {
        let label = config.optimiser.to_string();
        let now = Instant::now();
        Self {
            label,
            steps,
            batch: config.run.batch as u64,
            started: now,
            since: now,
            training: Duration::ZERO,
            done: 0,
            tested: None,
            meter: Meter::of_process((config.run.device == Compute::Cuda).then_some(1)),
            left: TimeLeft::new(0, steps),
            bar: Bar::new(quiet, steps),
            quiet,
        }
    }

    /// Removes the bar; returns where the run was made and how fast it was.
    pub fn finish(self) -> Machine {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let training = self.training.as_secs_f64().max(1e-9);
        let spent = self.meter.stop(&Energy::default());
        let samples = (self.done * self.batch) as f64;
        Machine {
            steps_per_second: self.done as f64 / training,
            samples_per_second: Some(samples / training),
            spent: Some(spent),
            ..Machine::here(self.done, seconds)
        }
    }
}

impl Observer for SupervisedProgress {
    fn progress(&mut self, progress: &Progress) -> Result<()> {
        self.meter.look();
        self.training += self.since.elapsed();
        self.since = Instant::now();
        self.done += 1;
        let step = progress.step;
        let rate = (self.done * self.batch) as f64 / self.training.as_secs_f64();
        let left = self.left.at(step, self.since);
        let tested = self
            .tested
            .map_or("-".into(), |share| format!("{:.2} %", 100.0 * share));
        let now = progress.now.iter().map(|(name, value)| match *name {
            "accuracy" => format!("accuracy {:.1} %", 100.0 * value),
            "epoch" => format!("epoch {value}"),
            name => format!("{name} {}", loss_text(*value)),
        });
        let mut pieces: Vec<String> = now.collect();
        pieces.push(format!("test {tested}"));
        pieces.push(format!("{rate:.0} samples/s"));
        if let Some(bar) = &self.bar {
            pieces.insert(0, short(left));
            pieces.push(self.label.clone());
            bar.show(step, &pieces);
        } else if !self.quiet && (step.is_multiple_of(LINE_EVERY) || step == self.steps) {
            let _ = writeln!(
                std::io::stderr(),
                "{}  batch {step}/{}  {}  {}",
                self.label,
                self.steps,
                pieces.join("  "),
                long(left)
            );
        }
        Ok(())
    }

    fn row(&mut self, row: Row) -> Result<()> {
        if let Row::Epoch(row) = row {
            self.tested = Some(row.test_accuracy);
            self.since = Instant::now();
        }
        Ok(())
    }
}

/// The summary of finished runs: a line for each.
pub fn supervised_summary(runs: &[Finished<SupervisedConfig>]) -> String {
    let mut out = String::new();
    let wide = runs.iter().map(|run| run.outcome.optimiser.len()).max();
    let wide = wide.unwrap_or(0).max(9);
    // For action values, the return of playing by them.
    let played = runs.iter().any(|run| run.outcome.test_return.is_some());
    let _ = writeln!(
        out,
        "  {:<wide$}  {:>5}  {:>10}  {:>10}  {:>9}{}  {:>9}  {:>8}  {:>7}  {:>7}",
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
            "  {:<wide$}  {:>5}  {:>10}  {:>10}  {:>7.2} %{returned}  {rate:>9}  {:>8}  {memory:>7}  {energy:>7}{diverged}",
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
        let normalised = config.run.net == Net::Resnet18 && config.run.train == Layers::All;
        let tested = run.outcome.status == Status::Finished;
        (normalised && tested).then_some(run.outcome.steps)
    });
    let batches = batches.min()?;
    let left = nn::start_of_running_statistics(batches);
    (left > UNSETTLED).then(|| {
        format!(
            "\n  note: tests normalise by batch norm's running statistics. After {} they still keep {:.0} % of their start\n  \
             values, so the test accuracy is far below the training accuracy; train longer to compare the two.\n",
            match batches {
                1 => "1 batch".into(),
                n => format!("{n} batches"),
            },
            100.0 * left
        )
    })
}

/// A loss in at most ten characters.
pub(super) fn loss_text(loss: f64) -> String {
    let size = loss.abs();
    if loss.is_finite() && (size >= 1e5 || (size < 1e-3 && size > 0.0)) {
        format!("{loss:.2e}")
    } else {
        format!("{loss:.4}")
    }
}

/// As kJ; `~` if it is an estimate.
pub(super) fn joules(spent: &Spent) -> String {
    let estimate = match spent.source {
        Source::Rapl => "",
        Source::Estimate => "~",
    };
    let all = spent.joules + spent.gpu_joules.unwrap_or(0.0);
    format!("{estimate}{:.1} kJ", all / 1e3)
}

/// The figure's data for finished runs. The name has the seed if only the seed tells runs apart.
pub fn metrics(runs: &[Finished<SupervisedConfig>]) -> Result<Vec<Metrics>> {
    let seeds = runs
        .iter()
        .any(|run| run.outcome.seed != runs[0].outcome.seed);
    let of = |run: &Finished<SupervisedConfig>| {
        let outcome = &run.outcome;
        let seed = if seeds {
            format!(", seed {}", outcome.seed)
        } else {
            String::new()
        };
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
        Ok(Metrics {
            label: format!("{}{seed}", outcome.optimiser),
            loss: metric(|row| row.loss, |row| row.test_loss),
            accuracy: metric(|row| row.accuracy, |row| row.test_accuracy),
        })
    };
    runs.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_list_apart() {
        let specs = optimisers("sgd,adam:lr=1e-3,beta1=0,rmsprop").unwrap();
        let names: Vec<_> = specs.iter().map(|spec| spec.entry().name).collect();
        assert_eq!(names, ["sgd", "adam", "rmsprop"]);
        assert_eq!(specs[1].to_string(), "adam:lr=0.001,beta1=0");
        assert!(optimisers("sgd,").is_err());
        assert!(optimisers("adam,sdg").is_err());
    }

    #[test]
    fn flags_are_consistent() {
        SupervisedArgs::command_with_flags().debug_assert();
    }
}
