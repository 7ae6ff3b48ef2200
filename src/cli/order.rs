//! The flags of `order`, its progress and its summary.

use std::{fmt::Write as _, path::PathBuf, time::Instant};

use clap::{CommandFactory, FromArgMatches, Parser};
use settings::{Settings, Table};

use super::{
    flags, parsed,
    progress::{Bar, TimeLeft, short},
    supervised::{joules, loss_text, optimisers},
};

use optim::Value;

use crate::{
    Error, Result,
    config::seed_value,
    energy::{Energy, Meter},
    numbers::{at_least, between, number},
    run::{
        Again, Configuration, Finished, Machine, Observer, Progress, Status, default_folder,
        order::{OrderConfig, OrderRun},
    },
};

/// Learn the values of a policy from one recorded stream, in its order or shuffled.
///
/// A DQN learns in an environment, and all transitions that it sees are recorded. A fresh network then learns the
/// values of the DQN's final policy from these transitions, each once. Runs with the same environment and seed have
/// the same transitions and initial weights, whatever their order and their optimiser. The score is -log10 of
/// the ratio of the error on held-out transitions to the error of the best constant.
#[derive(Parser, Debug)]
#[command(name = "order", version, after_help = EXAMPLES, args_override_self = true, allow_negative_numbers = true)]
pub struct OrderArgs {
    /// The optimisers, one run after the other; rl --list shows them and their hyper-parameters
    /// [default: adam, or that of --config]
    #[arg(long, value_name = "NAME[:KEY=VALUE,...],...")]
    opt: Option<String>,

    /// Learning rates, one run for each, instead of the optimisers' own
    #[arg(long, value_name = "LR,...", value_delimiter = ',', value_parser = number)]
    lr: Vec<f64>,

    /// The number of seeds, starting at --seed, with one run for each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = between::<u16>(1, 1024))]
    seeds: u16,

    /// Settings from a TOML file, such as a run's config.toml; flags take precedence
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[arg(skip)]
    run: Table,

    /// The folder of the run, or of all runs [default: runs/order-ENV/OPTIMISER-sSEED-ID]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// Continue interrupted runs; finished runs are left as they are, and new ones start
    #[arg(long, conflicts_with = "force")]
    resume: bool,

    /// Updates between checkpoints [default: one checkpoint a minute]
    #[arg(long, value_name = "UPDATES", value_parser = at_least::<u64>(1))]
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
  order --opt adam:beta1=0,adam
  order --order shuffled --opt adam:beta1=0,adam
  order --order windows --window 100 --targets bootstrapped --loss huber --opt sgd,momentum --lr 1e-4,1e-3
  order --env acrobot --opt rmsprop --diagnostics 100 --seeds 3
  order --config runs/order-cartpole/adam-s1-0123456789/config.toml --order shuffled";

impl OrderArgs {
    /// The arguments of this process. If there is a mistake, or if help is asked for, prints it and ends the process.
    pub fn from_env() -> Self {
        let mut matches = parsed(Self::command_with_flags().try_get_matches());
        let run = flags::given(&matches, OrderRun::declared());
        let args = parsed(Self::from_arg_matches_mut(&mut matches));
        Self { run, ..args }
    }

    fn command_with_flags() -> clap::Command {
        let run = OrderRun::default().to_table();
        flags::add(Self::command(), OrderRun::declared(), &run, "Run")
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
    pub fn runs(&self) -> Result<Vec<(OrderConfig, PathBuf)>> {
        let (mut set, written) = match &self.config {
            Some(path) => super::under("--config", OrderConfig::read(path))?,
            None => (Table::new(), None),
        };
        set.extend(self.run.clone());
        let mut asked = OrderRun::default();
        asked.extend(&set)?;
        let specs = match (&self.opt, written) {
            (None, Some(spec)) => vec![spec],
            (list, _) => optimisers(list.as_deref().unwrap_or("adam"))?,
        };
        let lrs: Vec<Option<f64>> = match self.lr.as_slice() {
            [] => vec![None],
            lrs => lrs.iter().copied().map(Some).collect(),
        };
        let mut configs: Vec<OrderConfig> = Vec::new();
        for spec in specs {
            for lr in &lrs {
                let mut spec = spec.clone();
                if let Some(lr) = lr {
                    spec.set("lr", Value::Number(*lr))?;
                }
                for k in 0..u64::from(self.seeds) {
                    let seed = asked.seed.checked_add(k);
                    set.insert("seed", seed_value(seed, "--seeds: the last seed")?);
                    configs.push(OrderConfig::resolve(&set, spec.clone())?);
                }
            }
        }
        for (i, config) in configs.iter().enumerate() {
            if configs[..i].iter().any(|other| other.id() == config.id()) {
                return Err(Error::usage(format!("{} is given twice", config.optimiser)));
            }
        }
        let several = configs.len() > 1;
        let folder = |config: &OrderConfig| match &self.out {
            None => default_folder(config),
            Some(out) if several => {
                let run = default_folder(config);
                out.join(run.file_name().unwrap_or_default())
            }
            Some(out) => out.clone(),
        };
        Ok(configs
            .iter()
            .map(|config| (config.clone(), folder(config)))
            .collect())
    }
}

/// Shows the progress of a run.
pub struct OrderProgress {
    label: String,
    started: Instant,
    done: u64,
    first: Option<u64>,
    meter: Meter,
    left: TimeLeft,
    bar: Option<Bar>,
}

impl OrderProgress {
    /// Progress on stderr for the run `config`.
    pub fn new(quiet: bool, config: &OrderConfig) -> Self {
        let updates = config.run.updates();
        Self {
            label: config.optimiser.to_string(),
            started: Instant::now(),
            done: 0,
            first: None,
            meter: Meter::of_process(None),
            left: TimeLeft::new(0, updates),
            bar: Bar::new(quiet, updates),
        }
    }

    /// Removes the bar; returns where the run was made and how fast it was.
    pub fn finish(self) -> Machine {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
        let seconds = self.started.elapsed().as_secs_f64();
        Machine {
            spent: Some(self.meter.stop(&Energy::default())),
            ..Machine::here(self.done, seconds)
        }
    }
}

impl Observer for OrderProgress {
    fn progress(&mut self, progress: &Progress) -> Result<()> {
        self.meter.look();
        let step = progress.step;
        // The first report is of where the run starts or continues.
        self.done = step - *self.first.get_or_insert(step);
        if let Some(bar) = &self.bar {
            let left = self.left.at(step, Instant::now());
            let mut pieces = Vec::from_iter(short(left));
            let now = progress.now.iter();
            pieces.extend(now.map(|(name, value)| format!("{name} {}", loss_text(*value))));
            pieces.push(self.label.clone());
            bar.show(step, &pieces);
        }
        Ok(())
    }
}

/// The summary of finished runs: a line for each.
pub fn order_summary(runs: &[Finished<OrderConfig>]) -> String {
    let mut out = String::new();
    let width = runs.iter().map(|run| run.outcome.optimiser.len()).max();
    let width = width.unwrap_or(0).max(9);
    let _ = writeln!(
        out,
        "  {:<width$}  {:>5}  {:>10}  {:>7}  {:>10}  {:>7}  {:>10}  {:>8}  {:>7}",
        "optimiser", "seed", "order", "window", "error", "score", "updates/s", "B/weight", "energy"
    );
    for run in runs {
        let outcome = &run.outcome;
        let machine = Machine::read(&run.path);
        let rate = machine
            .as_ref()
            .map_or("-".into(), |m| format!("{:.0}", m.steps_per_second));
        let energy = machine.and_then(|machine| machine.spent);
        let energy = energy.map_or("-".into(), |spent| joules(&spent));
        let diverged = match outcome.status {
            Status::Finished => "",
            Status::Diverged => "  DIVERGED",
        };
        let _ = writeln!(
            out,
            "  {:<width$}  {:>5}  {:>10}  {:>7}  {:>10}  {:>7.3}  {rate:>10}  {:>8}  {energy:>7}{diverged}",
            outcome.optimiser,
            outcome.seed,
            outcome.order,
            outcome.window,
            outcome.error.map_or("-".into(), loss_text),
            outcome.score,
            outcome.optimiser_bytes_per_parameter,
        );
    }
    if let Some(run) = runs.first() {
        let known = match run.outcome.exact {
            true => "exact",
            false => "means over rollouts",
        };
        let _ = writeln!(
            out,
            "\n  a score of 0 is the best constant, 1 is a tenth of its error; true values are {known}"
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_consistent() {
        flags::assert_consistent(&OrderArgs::command_with_flags());
    }
}
