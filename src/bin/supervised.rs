//! Trains classifiers with optimisers of your choice: the control, where samples are independent.

use std::{path::PathBuf, process::ExitCode};

use optimiser_paradigms::{
    Error, Result,
    cli::{self, SupervisedArgs, SupervisedProgress},
    data::{self, Dataset, DatasetName},
    figures,
    run::{
        self, Configuration, Control, Finished, Opened, Ready,
        supervised::{self, Learner, Net, SupervisedConfig, TrainedLayers, learner},
    },
};

// With the system's allocator, much of a step is spent on page faults for its tensors.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The figure of several runs with several seeds, beside that of the first seed.
const SEEDS_FIGURE: &str = "training_metrics_seeds.png";

fn main() -> ExitCode {
    cli::keep_freed_memory();
    let result = train_all(&SupervisedArgs::from_env());
    cli::exit(cli::chosen_by("--out", result))
}

fn train_all(args: &SupervisedArgs) -> Result<()> {
    let stop = cli::stop_on_signals()?;
    let runs = args.runs()?;
    let (configs, folders): (Vec<SupervisedConfig>, Vec<PathBuf>) = runs.into_iter().unzip();
    let mut opened = Vec::new();
    for (config, folder) in configs.iter().zip(&folders) {
        config.run.device.device()?;
        opened.push(run::look(folder, config, args.again())?);
    }
    // Only once all folders are known to be free: an error must not cost a finished run.
    let mut finished = Vec::new();
    let mut images = None;
    for (config, opened) in configs.iter().zip(opened) {
        finished.push(match opened {
            Opened::Finished(run) => {
                if !args.quiet {
                    cli::warn_unchecked(&run);
                }
                *run
            }
            Opened::Unfinished(ready) => {
                // All runs use the same data set.
                let load = |name| match &images {
                    Some(dataset) => Ok(Dataset::clone(dataset)),
                    None => Ok(images.insert(load(name, args)?).clone()),
                };
                let mut learner = learner(config, load)?;
                let control = Control::new(args.checkpoint_every, stop.clone());
                train(config, *ready, learner.as_mut(), &control, args.quiet)?
            }
        });
    }
    let metrics = SupervisedConfig::LAYOUT.figures[0];
    for (config, run) in configs.iter().zip(&finished) {
        let path = run.path.join(metrics);
        if !path.exists() {
            let shown = cli::metrics([run])?;
            figures::training_metrics(&path, &title(config), &shown)?;
        }
    }
    if let (Some(together), Some(config)) = (args.together(&configs), configs.first()) {
        supervised::write_comparison(&together, &finished)?;
        let first = finished
            .iter()
            .filter(|run| run.outcome.seed == config.run.seed);
        let (path, seed) = (together.join(metrics), config.run.seed);
        let seeds = finished.iter().any(|run| run.outcome.seed != seed);
        let of_first = match seeds {
            true => format!("{}, seed {seed}", title(config)),
            false => title(config),
        };
        figures::training_metrics(&path, &of_first, &cli::metrics(first)?)?;
        if seeds {
            let path = together.join(SEEDS_FIGURE);
            figures::training_metrics(&path, &title(config), &cli::metrics(&finished)?)?;
        }
    }
    if !args.quiet {
        cli::say(&cli::supervised_summary(&finished))?;
        if let Some(note) = cli::unsettled(configs.iter().zip(&finished)) {
            cli::say(&note)?;
        }
        let folder = args
            .together(&configs)
            .unwrap_or_else(|| folders[0].clone());
        cli::say(&format!("\n  folder: {}\n", folder.display()))?;
    }
    Ok(())
}

fn title(config: &SupervisedConfig) -> String {
    let run = &config.run;
    let layers = match run.train {
        TrainedLayers::All => "",
        TrainedLayers::Fc => ", last layer alone",
    };
    let net = match run.net {
        Net::Resnet18 => "ResNet-18",
        Net::Mlp => "MLP",
    };
    let of = match run.dataset.images() {
        Some(_) => String::new(),
        None => format!(" of {}", run.env),
    };
    let (dataset, batch) = (run.dataset, run.batch);
    format!("{net} on {dataset}{of}{layers}, batches of {batch}")
}

/// The data set, fetched first if asked for.
fn load(name: DatasetName, args: &SupervisedArgs) -> Result<Dataset> {
    if args.download && name == DatasetName::Synthetic {
        return Err(Error::usage(
            "--download is not allowed with dataset = synthetic, which has no files; allowed: with cifar10 and fashion-mnist",
        ));
    }
    if args.download {
        let folder = args.data_dir.clone();
        let folder = folder.unwrap_or_else(|| name.default_folder());
        let bytes = cli::Bytes::new(args.quiet, name.name());
        let fetched = data::download(name, &folder, &mut |done, all| bytes.now(done, all));
        bytes.finish();
        fetched?;
    }
    Dataset::load(name, args.data_dir.as_deref())
}

fn train(
    config: &SupervisedConfig,
    ready: Ready<SupervisedConfig>,
    learner: &mut dyn Learner,
    control: &Control,
    quiet: bool,
) -> Result<Finished<SupervisedConfig>> {
    let [_, batches] = config.batches(learner.samples());
    let (mut folder, from) = ready.open()?;
    let mut progress = SupervisedProgress::new(quiet, config, batches);
    let mut both = (&mut folder, &mut progress);
    let outcome = supervised::train(config, learner, from.as_ref(), &mut both, control);
    let machine = progress.finish();
    let outcome = outcome?;
    machine.write(folder.path())?;
    folder.finish(outcome)
}
