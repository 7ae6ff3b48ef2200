//! Supervised runs, as `supervised` does them: the control, where samples are independent.
//!
//! The score of a classifier is its accuracy on the test images, between 0 and 1. Action values are played:
//! their score is the mean return of their greedy policy, on the scale of an agent in that environment. Both are
//! taken at the end of each epoch; a run that diverged has accuracy 0, or the worst return there is.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::Deserialize;

use super::{Job, Kind, Outcome, Scale, Watcher, ended, read, scale::scale_of};
use crate::{
    Error, Result,
    agent::DqnConfig,
    data::{Dataset, DatasetName},
    keys::{Key, Keys, holds, keys},
    nn::{Architecture, Stem},
    optim::Spec,
    study::merge,
    train::{
        self, Again, Compute, Control, EpochRow, HistoryRow, Learner, Net, Status,
        SupervisedConfig, SupervisedFinished, SupervisedFolder, SupervisedObserver,
        SupervisedOpened, SupervisedOverrides, SupervisedRun, teacher_env,
    },
};

/// Supervised runs.
pub struct Supervised;

keys! {
    /// What a supervised run is made of, apart from its optimiser and its seed.
    Settings {
        /// What is learned, by what, for how long: `supervised --help`, Run. Images are where `supervised`
        /// finds them without --data-dir
        run: SupervisedOverrides = SupervisedOverrides::default(),
    }
}

holds! {
    SupervisedOverrides: "a table",
}

impl Kind for Supervised {
    fn name(&self) -> &'static str {
        "supervised"
    }

    fn keys(&self) -> Vec<(Key, Vec<Key>)> {
        let run = || SupervisedOverrides::keys(&SupervisedRun::note(Net::Mlp));
        let with = |key: Key| (key, run());
        Settings::keys().into_iter().map(with).collect()
    }

    fn reserved(&self) -> &'static [(&'static str, &'static str)] {
        &[("run.seed", "seeds are in [seeds]")]
    }

    fn check(
        &self,
        settings: toml::Spanned<toml::de::DeTable<'_>>,
    ) -> std::result::Result<(), toml::de::Error> {
        Settings::deserialize(toml::de::Deserializer::from(settings)).map(drop)
    }

    fn set(&self, settings: &mut toml::Table, key: &str, value: &toml::Value) -> Result<()> {
        merge::set(settings, key, value)
    }

    /// What is learned, and by what: `fashion-mnist, mlp`.
    fn title(&self, settings: &toml::Table) -> Result<String> {
        let run = read::<Settings>(settings)?.run;
        let dataset = run.dataset.ok_or_else(|| {
            Error::usage("the key `dataset` of `run` is missing: what is learned")
        })?;
        let of = match (dataset.images(), run.env) {
            (None, Some(env)) => format!(" of {env}"),
            _ => String::new(),
        };
        let net = match (dataset.images(), run.net) {
            (Some(_), None | Some(Net::Resnet18)) => "resnet18",
            _ => "mlp",
        };
        Ok(format!("{dataset}{of}, {net}"))
    }

    fn scale(&self, settings: &toml::Table) -> Option<Scale> {
        let set = read::<Settings>(settings).ok()?.run;
        match set.dataset?.images() {
            Some(_) => Some(Scale {
                random: 0.0,
                reference: 1.0,
            }),
            // That of an agent there: what was learned is played.
            None => {
                let note = SupervisedRun::note(Net::Mlp);
                let run = SupervisedRun {
                    env: set.env.unwrap_or(note.env.clone()),
                    teacher: set.teacher.unwrap_or_default(),
                    ..note
                };
                // A teacher that cannot be read is for the run to tell.
                scale_of(&teacher_env(&run).unwrap_or(run.env))
            }
        }
    }

    fn job(&self, settings: &toml::Table, optimiser: &Spec, seed: u64) -> Result<Box<dyn Job>> {
        let set = SupervisedOverrides {
            seed: Some(seed),
            ..read::<Settings>(settings)?.run
        };
        let config = SupervisedConfig::resolve(set, optimiser.clone())?;
        // Every core has a run of its own.
        if (config.run.net, config.run.device) == (Net::Resnet18, Compute::Cpu) {
            return Err(Error::usage(
                "net = resnet18 is not allowed in a study with device = cpu, since it takes all cores; \
                 allowed: net = mlp, or device = cuda",
            ));
        }
        let id = config.id();
        Ok(Box::new(Fit { config, id }))
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

struct Fit {
    config: SupervisedConfig,
    id: String,
}

impl Job for Fit {
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

    fn on_gpu(&self) -> bool {
        self.config.run.device != Compute::Cpu
    }

    fn run(&self, folder: &Path, control: &Control, watcher: &mut dyn Watcher) -> Result<()> {
        let ready = match SupervisedFolder::look(folder, &self.config, Again::Resume)? {
            SupervisedOpened::Finished(_) => return Ok(()),
            SupervisedOpened::Unfinished(ready) => ready,
        };
        let first = ready.step()?;
        watcher.begins(folder, first)?;
        let mut learner = self.learner()?;
        let (mut run_folder, from) = ready.open()?;
        let mut steps = Steps { watcher, at: first };
        let result = train::run_supervised(
            &self.config,
            learner.as_mut(),
            from.as_deref(),
            &mut (&mut run_folder, &mut steps),
            control,
        );
        let at = steps.at;
        let outcome = ended(result, folder, at, watcher)?;
        run_folder.finish(outcome).map(drop)
    }

    fn outcome(&self, folder: &Path) -> Result<Option<Outcome>> {
        let Some(finished) = SupervisedFolder::finished(folder, &self.config)? else {
            return Ok(None);
        };
        let played = self.played()?;
        let worst = played.as_ref().map_or(0.0, |env| env.worst_return);
        let threshold = played.and_then(|env| env.reward_threshold);
        let curve = self.curve(&finished, worst)?;
        let SupervisedFinished { outcome, .. } = finished;
        let solved = |(_, score): &&(u64, f64)| threshold.is_some_and(|least| *score >= least);
        Ok(Some(Outcome {
            status: outcome.status,
            steps: outcome.steps,
            updates: outcome.steps,
            last: curve.last().map_or(worst, |(_, score)| *score),
            solved_step: curve.iter().find(solved).map(|(step, _)| *step),
            curve,
            optimiser_bytes_per_parameter: outcome.optimiser_bytes_per_parameter,
            mechanism: None,
        }))
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
        let outcome =
            train::run_supervised(&config, learner.as_mut(), None, &mut Nobody, &control)?;
        Ok(outcome.status)
    }

    fn updates(&self, rehearsed: u64) -> (u64, u64) {
        (self.steps(), rehearsed.min(self.steps()))
    }
}

impl Fit {
    fn learner(&self) -> Result<Box<dyn Learner>> {
        train::learner(&self.config, images)
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
            // 1.8e9 for 224x224 (He et al. 2015), here for 32x32; the other stem keeps four times the height
            // and the width.
            (Net::Resnet18, Stem::Imagenet) => 3.7e7,
            (Net::Resnet18, Stem::Cifar) => 5.6e8,
            (Net::Mlp, _) => Architecture {
                observation: vec![inputs],
                conv: Vec::new(),
                hidden: DqnConfig::cleanrl().hidden.0,
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

    /// The environment that is played with what was learned; images have none.
    fn played(&self) -> Result<Option<envs::Spec>> {
        if self.of_images() {
            return Ok(None);
        }
        let env = envs::make(&teacher_env(&self.config.run)?)?;
        Ok(Some(env.spec().clone()))
    }

    /// The score at the end of each epoch; `worst` of those that a diverged run did not come to.
    fn curve(&self, finished: &SupervisedFinished, worst: f64) -> Result<Vec<(u64, f64)>> {
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
            // However well it did before.
            if let Some(last) = curve.last_mut() {
                last.1 = worst;
            }
        }
        Ok(curve)
    }
}

/// Tells a watcher of each batch.
struct Steps<'a> {
    watcher: &'a mut dyn Watcher,
    at: u64,
}

impl SupervisedObserver for Steps<'_> {
    fn batch(&mut self, row: &HistoryRow) -> Result<()> {
        self.at = row.step;
        self.watcher.progress(row.step);
        Ok(())
    }
    fn history(&mut self, _row: &HistoryRow) -> Result<()> {
        Ok(())
    }
    fn epoch(&mut self, _row: &EpochRow) -> Result<()> {
        Ok(())
    }
}

/// Watches nothing.
struct Nobody;

impl SupervisedObserver for Nobody {
    fn history(&mut self, _row: &HistoryRow) -> Result<()> {
        Ok(())
    }
    fn epoch(&mut self, _row: &EpochRow) -> Result<()> {
        Ok(())
    }
}
