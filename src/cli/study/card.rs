//! The flags of `study card`.

use std::path::PathBuf;

use clap::Args;

use super::{super::flags, progress::StudyProgress};
use crate::{
    Error, Result,
    files::write_whole,
    numbers::at_least,
    study::{
        Part, PoolOptions, Study,
        card::{self, Entrant, Size},
        check_marks,
        experiment::{Experiment, Stage},
        report::card::{cards, check, table},
        splice,
    },
};

/// The flags of `study card`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct CardArgs {
    /// The optimisers: a name, or one with settings other than lr, such as adam:beta1=0.5
    #[arg(value_name = "OPTIMISER", required_unless_present = "all")]
    optimisers: Vec<String>,

    /// Every registered optimiser, as it is by default
    #[arg(long, conflicts_with_all = ["optimisers", "lr"])]
    all: bool,

    /// The middle of the learning rates that are tried, half a decade apart [default: the rule's own]
    #[arg(long, value_name = "LR")]
    lr: Option<f64>,

    /// How many seeds
    #[arg(long, default_value = "small", value_parser = flags::words::<Size>())]
    size: Size,

    /// The folder for the cards, the leaderboard and the record of finished runs [default: results/card, and
    /// results/card_full with --size full]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// The folder for its runs in progress [default: runs/card]
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,

    /// Runs at once [default: one per core]
    #[arg(long, value_name = "N", value_parser = at_least::<u16>(1))]
    jobs: Option<u16>,

    /// Only write the experiment to this file, for `study run --shard` or `study slurm`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["splice", "out", "runs", "jobs"])]
    write: Option<PathBuf>,

    /// Put the leaderboard into this page too, between <!-- study:leaderboard --> and <!-- /study:leaderboard -->
    #[arg(long, value_name = "FILE")]
    splice: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  study card lion
  study card 'adam:beta1=0.5' 'adam:beta1=0' --jobs 1
  study card lion --lr 3e-4
  study card --all --size full
  study card lion --write experiments/lion_card.toml

A card measures an optimiser on a fixed suite: regression to fixed values, DQN with and without replay and in a drifting task, \
A2C, PQN and streaming Q(lambda). Everybody gets the same number of learning rates, the same tuning seeds and the same report seeds, and \
is compared with Adam, RMSprop and gradient descent with momentum. The rules are in docs/card.md.

It leaves OPTIMISER/card.html, card.md and card.png in the folder, and a row in leaderboard.csv. What is interrupted \
continues with the same command, and optimisers that were measured before are not run again.";

/// Makes the cards that `args` ask for: does the runs that are not done, and writes the pages and the leaderboard.
///
/// # Errors
/// If an optimiser is not known, if runs fail or are stopped, or if a file cannot be written.
pub fn card(args: &CardArgs, quiet: bool) -> Result<()> {
    let say = |text: String| {
        if quiet {
            Ok(())
        } else {
            super::super::say(&text)
        }
    };
    let warn = |warnings: Vec<String>| {
        for warning in warnings.iter().filter(|_| !quiet) {
            super::super::warn(warning);
        }
    };
    super::super::many_files();
    let entrants = args.entrants()?;
    let experiment = card::experiment(args.size, &entrants)?;
    if let Some(path) = &args.write {
        write_whole(path, &experiment.text).map_err(Error::of_named)?;
        let (file, name) = (path.display(), &experiment.name);
        return say(format!(
            "the experiment is in {file}; run it with --out results/{name}, and then the same command without --write makes the card\n"
        ));
    }
    let study = args.study(experiment);
    let board = study.out.join("leaderboard.csv");
    // Before anything is run.
    check(&board)?;
    if let Some(page) = &args.splice {
        check_marks(page, "leaderboard")?;
    }
    let options = args.pool_options(&study)?;
    for stage in [Stage::Tune, Stage::Report] {
        let display = StudyProgress::new(quiet, stage.name());
        let done = study.run(stage, Part::All, &options, &display);
        warn(study.take_warnings());
        done?;
    }
    let names: Vec<String> = entrants.into_iter().map(|one| one.name).collect();
    let suite = card::text(args.size, &[])?;
    let (warnings, written) = study.record_then(|| cards(&study.out, &names, &suite))?;
    warn(warnings);
    for card in written {
        let path = card.folder.join("card.html");
        say(format!("{}: {}\n", path.display(), card.says))?;
    }
    match &args.splice {
        Some(page) => splice(
            page,
            "leaderboard",
            &table(&study.out.join("leaderboard.csv"))?,
        ),
        None => Ok(()),
    }
}

impl CardArgs {
    /// The small card of one optimiser, which may be one that this program registered.
    pub fn of(optimiser: &str) -> Self {
        Self {
            optimisers: vec![optimiser.to_owned()],
            all: false,
            lr: None,
            size: Size::Small,
            out: None,
            runs: None,
            jobs: None,
            write: None,
            splice: None,
        }
    }

    /// The optimisers on the card.
    fn entrants(&self) -> Result<Vec<Entrant>> {
        if self.lr.is_some_and(|lr| !(lr > 0.0 && lr.is_finite())) {
            return Err(Error::usage("--lr: allowed: a finite number above 0"));
        }
        match self.all {
            true => card::everybody(),
            false => self
                .optimisers
                .iter()
                .map(|name| Entrant::new(name, self.lr))
                .collect(),
        }
    }

    /// The study of `experiment`.
    fn study(&self, experiment: Experiment) -> Study {
        let default = |folder: &str| PathBuf::from(folder).join(&experiment.name);
        let runs = self.runs.clone().unwrap_or_else(|| default("runs"));
        let out = self.out.clone().unwrap_or_else(|| default("results"));
        Study::new(experiment, runs, out)
    }

    /// How its runs are to be done.
    fn pool_options(&self, study: &Study) -> Result<PoolOptions> {
        Ok(PoolOptions {
            jobs: self.jobs.map(usize::from),
            checkpoint_every: None,
            keep_runs: false,
            stop: super::super::stop_on_signals()?,
            energy: study.experiment.top.energy.clone(),
        })
    }
}
