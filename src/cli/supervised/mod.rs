//! The flags of `supervised`, its progress and its summary.

mod progress;
mod summary;

pub use progress::SupervisedProgress;
pub(super) use summary::{joules, loss_text};
pub use summary::{metrics, supervised_summary, unsettled};

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser};
use optim::{Spec, Value};
use settings::{Settings, Table};

use super::{flags, parsed};
use crate::{
    Error, Result,
    config::seed_value,
    files::short_id,
    numbers::{at_least, between, number},
    run::{
        Again, Configuration, default_folder,
        supervised::{SupervisedConfig, SupervisedRun, note_setting},
    },
};

/// Train a network with optimisers of your choice, where samples are independent.
///
/// Without flags, this is the experiment of the note that README quotes: torchvision's ResNet-18 on
/// CIFAR-10 from random weights with Adam, for 10 epochs with batches of 256.
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
                    let seed = asked.seed.checked_add(k);
                    run.insert("seed", seed_value(seed, "--seeds: the last seed")?);
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
        flags::assert_consistent(&SupervisedArgs::command_with_flags());
    }
}
