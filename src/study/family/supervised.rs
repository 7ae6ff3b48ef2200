//! Supervised runs, as `supervised` does them: the control, where samples are independent.
//!
//! The score of a classifier is its accuracy on the test images, between 0 and 1. Networks that learned
//! action values are played: their score is the mean return of their greedy policy, on the scale of an
//! agent in that environment. Both are taken at the end of each epoch. A run that diverged has accuracy
//! 0, or the worst return of the environment.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use settings::{Setting, Settings, Table, Value, settings};

use super::{
    Family, InnerTable, Job, JobFolder, Outcome, Scale, Watcher, nested, run_in, scale::scale_of,
};
use optim::Spec;

use crate::{
    Result,
    algorithm::dqn::DqnConfig,
    config::seed_value,
    data::{Dataset, DatasetName},
    nn::{Activation, Architecture, Stem},
    run::{
        self, Compute, Configuration, Control, EpochRow, Finished, RowTable, Status,
        supervised::{self, Learner, Net, SupervisedConfig, SupervisedRun, learner, teacher_env},
    },
    study::family::mean_score,
};

/// Supervised runs.
pub struct Supervised;

settings! {
    /// The settings of a supervised run, apart from its optimiser and its seed.
    pub struct SupervisedRuns {
        /// The data, the network and the length of the run: `supervised --help`, Run. Images are
        /// where `supervised` finds them without --data-dir
        run: Table = Table::new();
    }
}

/// The settings of a run in `settings`, and the run with defaults for the rest.
fn run_of(settings: &Table) -> std::result::Result<(Table, SupervisedRun), settings::Error> {
    let set = SupervisedRuns::from_table(settings)?.run;
    let mut run = SupervisedRun::note(Net::Mlp);
    run.extend(&set).map_err(|error| error.within("run"))?;
    Ok((set, run))
}

impl Family for Supervised {
    fn name(&self) -> &'static str {
        "supervised"
    }

    fn settings(&self) -> &'static [Setting] {
        SupervisedRuns::declared()
    }

    fn tables(&self) -> Vec<InnerTable> {
        let note = SupervisedRun::note(Net::Mlp);
        let setting = |declared: &Setting| Setting {
            default: note.get(declared.name),
            ..declared.clone()
        };
        vec![InnerTable {
            key: "run",
            condition: None,
            settings: SupervisedRun::declared().iter().map(setting).collect(),
        }]
    }

    fn reserved(&self) -> &'static [(&'static str, &'static str)] {
        &[("run.seed", "seeds are in [seeds]")]
    }

    fn check(&self, settings: &Table) -> std::result::Result<(), settings::Error> {
        let run = SupervisedRuns::from_table(settings)?.run;
        let known = SupervisedRun::default().extend(&run);
        known.map_err(|error| error.within("run"))
    }

    fn set(&self, settings: &mut Table, key: &str, value: &Value) -> Result<()> {
        nested::set(settings, key, value)
    }

    /// The data and the network: `fashion-mnist, mlp`.
    fn title(&self, settings: &Table) -> std::result::Result<String, settings::Error> {
        let (set, run) = run_of(settings)?;
        if set.get("dataset").is_none() {
            return Err(settings::Error::Missing {
                path: "run.dataset".into(),
            });
        }
        let images = run.dataset.images();
        let of = match (images, set.get("env")) {
            (None, Some(env)) => {
                let wrong = |error: envs::Error| settings::Error::wrong(error.to_string());
                envs::make(&run.env).map_err(|error| wrong(error).within("run.env"))?;
                format!(" of {}", env.plain())
            }
            _ => String::new(),
        };
        let resnet = set.get("net").is_none() || run.net == Net::Resnet18;
        let net = match images.is_some() && resnet {
            true => "resnet18",
            false => "mlp",
        };
        Ok(format!("{}{of}, {net}", run.dataset))
    }

    fn scale(&self, settings: &Table) -> Option<Scale> {
        let (set, run) = run_of(settings).ok()?;
        set.get("dataset")?;
        match run.dataset.images() {
            Some(_) => Some(Scale {
                random: 0.0,
                reference: 1.0,
            }),
            // The scale of an agent in that environment, because the network is played. The run
            // reports a teacher that cannot be read.
            None => scale_of(&teacher_env(&run).unwrap_or(run.env)),
        }
    }

    fn job(&self, settings: &Table, optimiser: &Spec, seed: u64) -> Result<Box<dyn Job>> {
        let (mut set, _) = run_of(settings)?;
        set.insert("seed", seed_value(Some(seed), "a seed")?);
        let config = SupervisedConfig::resolve(&set, optimiser.clone())?;
        let id = config.id();
        Ok(Box::new(SupervisedJob { config, id }))
    }
}

/// Images that this process has read.
static IMAGES: Mutex<Vec<(DatasetName, Dataset)>> = Mutex::new(Vec::new());

fn images(name: DatasetName) -> Result<Dataset> {
    let mut all = IMAGES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, dataset)) = all.iter().find(|(known, _)| *known == name) {
        return Ok(dataset.clone());
    }
    let dataset = Dataset::load(name, None)?;
    all.push((name, dataset.clone()));
    Ok(dataset)
}

struct SupervisedJob {
    config: SupervisedConfig,
    id: String,
}

impl Job for SupervisedJob {
    fn id(&self) -> &str {
        &self.id
    }

    fn steps(&self) -> u64 {
        let [_, all] = self.config.batches(self.config.samples());
        all
    }

    fn effort(&self) -> f64 {
        // Each row of a batch takes three passes.
        self.steps() as f64 * self.config.run.batch as f64 * 3.0 * self.pass()
    }

    fn kind_of_step(&self) -> String {
        let run = &self.config.run;
        let work = self.effort() / self.steps() as f64;
        format!(
            "{} {} {work:.2e} {} {}",
            run.dataset, run.net, run.train, run.device
        )
    }

    fn on_gpu(&self) -> bool {
        self.config.run.device != Compute::Cpu
    }

    fn takes_all_cores(&self) -> bool {
        (self.config.run.net, self.config.run.device) == (Net::Resnet18, Compute::Cpu)
    }

    fn run(
        &self,
        place: JobFolder,
        control: &Control,
        watcher: &mut dyn Watcher,
    ) -> Result<Outcome> {
        let train =
            |mut learner: Box<dyn Learner>, from: Option<_>, observer: &mut dyn run::Observer| {
                let (config, learner) = (&self.config, learner.as_mut());
                supervised::train(config, learner, from.as_ref(), observer, control)
            };
        let (wanted, prepare) = ([RowTable::Epochs], || self.learner());
        let finished = run_in(place, &self.config, &wanted, watcher, prepare, train)?;
        self.outcome_of(&finished)
    }

    fn outcome(&self, folder: &Path) -> Result<Option<Outcome>> {
        let finished = run::finished(folder, &self.config)?;
        finished.map(|run| self.outcome_of(&run)).transpose()
    }

    fn acts(&self) -> bool {
        false
    }

    fn rehearse(&self, steps: u64, learning: bool) -> Result<Status> {
        let mut learner = self.learner()?;
        if !learning {
            return Ok(Status::Finished);
        }
        let mut config = self.config.clone();
        config.run.steps = steps.min(self.steps());
        let control = Control::default();
        let outcome = supervised::train(&config, learner.as_mut(), None, &mut (), &control)?;
        Ok(outcome.status)
    }

    fn updates(&self, rehearsed: u64) -> (u64, u64) {
        (self.steps(), rehearsed.min(self.steps()))
    }
}

impl SupervisedJob {
    fn outcome_of(&self, finished: &Finished<SupervisedConfig>) -> Result<Outcome> {
        let played = self.played()?;
        let worst = played.as_ref().map_or(0.0, |env| env.worst_return);
        let threshold = played.and_then(|env| env.reward_threshold);
        let curve = self.curve(finished, worst)?;
        let outcome = &finished.outcome;
        let solved = |(_, score): &&(u64, f64)| threshold.is_some_and(|least| *score >= least);
        Ok(Outcome {
            status: outcome.status,
            steps: outcome.steps,
            updates: outcome.steps,
            last: curve.last().map_or(worst, |(_, score)| *score),
            solved_step: curve.iter().find(solved).map(|(step, _)| *step),
            area: mean_score(&curve),
            curve,
            optimiser_bytes_per_parameter: outcome.optimiser_bytes_per_parameter,
            mechanism: None,
        })
    }

    fn learner(&self) -> Result<Box<dyn Learner>> {
        learner(&self.config, images)
    }

    /// Multiply-adds of a pass of one sample, roughly.
    fn pass(&self) -> f64 {
        let run = &self.config.run;
        let (inputs, outputs) = match run.dataset.images() {
            Some(name) => (name.pixels(), name.classes().len()),
            None => envs::make(&run.env).map_or((1, 1), |env| {
                (env.spec().observation.len(), env.spec().actions)
            }),
        };
        match (run.net, run.stem) {
            // 1.8e9 for 224x224 (He et al. 2015), scaled to 32x32; the other stem keeps four times
            // the height and the width.
            (Net::Resnet18, Stem::Imagenet) => 3.7e7,
            (Net::Resnet18, Stem::Cifar) => 5.6e8,
            (Net::Mlp, _) => Architecture {
                observation: vec![inputs],
                conv: Vec::new(),
                hidden: DqnConfig::cleanrl().hidden.0,
                activation: Activation::Relu,
                outputs,
                dueling: false,
            }
            .weights()
            .unwrap_or(1) as f64,
        }
    }

    fn of_images(&self) -> bool {
        self.config.run.dataset.images().is_some()
    }

    /// The environment in which what was learned is played; images have none.
    fn played(&self) -> Result<Option<envs::EnvSpec>> {
        if self.of_images() {
            return Ok(None);
        }
        let env = envs::make(&teacher_env(&self.config.run)?)?;
        Ok(Some(env.spec().clone()))
    }

    /// The score at the end of each epoch; `worst` for epochs that a diverged run did not reach.
    fn curve(&self, finished: &Finished<SupervisedConfig>, worst: f64) -> Result<Vec<(u64, f64)>> {
        let [each, all] = self.config.batches(self.config.samples());
        let rows = finished.epochs()?;
        let score = |row: &EpochRow| match self.of_images() {
            true => row.test_accuracy,
            false => row.test_return.unwrap_or(worst),
        };
        let mut curve: Vec<(u64, f64)> = rows.iter().map(|row| (row.step, score(row))).collect();
        if finished.outcome.status == Status::Diverged {
            let missed = rows.len() as u64 + 1..=all.div_ceil(each);
            curve.extend(missed.map(|epoch| (all.min(epoch.saturating_mul(each)), worst)));
            // Whatever its earlier scores.
            if let Some(last) = curve.last_mut() {
                last.1 = worst;
            }
        }
        Ok(curve)
    }
}
