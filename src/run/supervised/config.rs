//! The configuration of a supervised run.

use std::path::{Path, PathBuf};

use settings::{Settings, Table, settings, words};

use optim::Spec;

use crate::{
    Error, Result,
    data::DatasetName,
    nn::Stem,
    run::{Compute, rl::Trained},
};

words! {
    /// What is learned.
    pub enum DataName {
        /// 60,000 photographs of 32x32, 10 classes (Krizhevsky 2009)
        Cifar10 = "cifar10",
        /// 70,000 grey pictures of clothes, 28x28, 10 classes (Xiao et al. 2017)
        FashionMnist = "fashion-mnist",
        /// Synthetic pictures, for trying things out
        Synthetic = "synthetic",
        /// Regression to a trained agent's action values on its own experience, frozen and well mixed
        QRegression = "q-regression",
        /// The same experience with the DQN's own targets, computed by a target network
        QBootstrap = "q-bootstrap",
    }
}

impl DataName {
    /// The images it is made of, if it is.
    pub fn images(self) -> Option<DatasetName> {
        match self {
            DataName::Cifar10 => Some(DatasetName::Cifar10),
            DataName::FashionMnist => Some(DatasetName::FashionMnist),
            DataName::Synthetic => Some(DatasetName::Synthetic),
            DataName::QRegression | DataName::QBootstrap => None,
        }
    }
}

words! {
    /// The network.
    pub enum Net {
        /// torchvision's ResNet-18
        Resnet18 = "resnet18",
        /// The DQN's own: hidden layers of 120 and 84
        Mlp = "mlp",
    }
}

words! {
    /// Which layers learn.
    pub enum TrainedLayers {
        /// All of them
        All = "all",
        /// Only the last; those before it are frozen and normalise by their running statistics
        Fc = "fc",
    }
}

words! {
    /// How products are computed.
    pub enum Precision {
        /// In float32
        F32 = "f32",
        /// On a GPU, with numbers rounded to NVIDIA's TF32 (10 bits)
        Tf32 = "tf32",
        /// On a GPU, with activations and weights rounded to bfloat16 (7 bits); the weights that learn are float32
        Bf16 = "bf16",
    }
}

settings! {
    /// The data, the network and the length of a run. The defaults are the note's experiment.
    pub struct SupervisedRun {
        /// What is learned
        dataset: DataName = DataName::Cifar10;
        /// The network; for action values it is the mlp
        net: Net = Net::Resnet18;
        /// How images enter the ResNet
        stem: Stem = Stem::Imagenet;
        /// Which layers learn
        train: TrainedLayers = TrainedLayers::All;
        /// Passes over the training data
        epochs: u64 = 10, in 1..;
        /// Batches, instead of whole epochs; 0 for epochs
        steps: u64 = 0, in 0..;
        /// Samples in a batch; the last batch of an epoch has what is left
        batch: usize = 256, in 1..=65_536;
        /// Whether images are shifted by up to 4 pixels and flipped at random
        augment: bool = false;
        /// Batches between lines of history.csv; each line has their mean
        log_every: u64 = 2, in 1..;
        /// Fixes the initial weights, the order of the samples, and the augmentation
        seed: u64 = 1;
        /// Where the network computes; cuda needs a build with --features cuda
        device: Compute = Compute::Cpu;
        /// How products are computed; on a CPU only f32
        precision: Precision = Precision::F32;
        /// Initial weights instead of random ones: torchvision's resnet18 in safetensors; none if empty
        weights: String = String::new();
        /// The run of the agent whose action values are learned; one is trained if empty
        teacher: String = String::new();
        /// The environment of the teacher that is trained
        env: String = "cartpole".into();
        /// Transitions in the frozen buffer; a tenth of them, from other episodes, are for testing
        buffer: usize = 20_000, in 10..;
        /// Probability of a random action while the teacher fills the buffer
        behaviour_epsilon: f64 = BEHAVIOUR_EPSILON, in 0.0..=1.0;
        /// Batches between updates of q-bootstrap's target network
        target_every: u64 = 50, in 1..;
    }
}

/// By default three quarters of a teacher's actions are random. Without random actions the teacher stays
/// in a few long episodes that are much alike, and random actions alone never get far. On CartPole with
/// seeds 1 to 5, the variance of the held-out values is between 35 and 468 if a quarter are random,
/// between 49 and 222 if half are, and between 112 and 153 if three quarters are.
const BEHAVIOUR_EPSILON: f64 = 0.75;

impl SupervisedRun {
    /// The note's experiment, with `net` and its usual batch: CleanRL's DQN learns from 128.
    pub fn note(net: Net) -> Self {
        Self {
            net,
            batch: match net {
                Net::Resnet18 => 256,
                Net::Mlp => 128,
            },
            ..Self::default()
        }
    }
}

/// Of `buffer` transitions, those for testing.
pub(super) fn held_out(buffer: usize) -> usize {
    buffer / 10
}

/// `optimiser` with the note's settings where it sets none: SGD with momentum 0.9 and lr 0.01, Adam and
/// RMSprop with lr 0.001, Adagrad with lr 0.01.
pub fn note_setting(optimiser: &mut Spec) -> Result<()> {
    let settings: &[(&str, f64)] = match optimiser.entry().name {
        "sgd" => &[("lr", 0.01), ("momentum", 0.9)],
        "momentum" | "nag" | "adagrad" => &[("lr", 0.01)],
        "rmsprop" | "adam" => &[("lr", 0.001)],
        _ => &[],
    };
    for (key, value) in settings {
        if !optimiser.is_set(key) {
            optimiser.set(key, *value)?;
        }
    }
    Ok(())
}

/// The whole configuration of a supervised run, every default written out.
#[derive(Clone, Debug)]
pub struct SupervisedConfig {
    /// What is run.
    pub run: SupervisedRun,
    /// The optimiser.
    pub optimiser: Spec,
}

/// A buffer whose observations have more numbers than this (1 GiB with the next observations) is surely a mistake.
const MOST_NUMBERS: usize = 1 << 27;

/// An error if `set` has a setting that `dataset` does not use.
fn refuse_strangers(set: &Table, dataset: DataName) -> Result<()> {
    let (values, bootstrap) = (dataset.images().is_none(), dataset == DataName::QBootstrap);
    let both = "q-regression or q-bootstrap";
    let keys = [
        ("teacher", values, both),
        ("env", values, both),
        ("buffer", values, both),
        ("behaviour_epsilon", values, both),
        ("target_every", bootstrap, "q-bootstrap"),
    ];
    let is_set = |key: &str| {
        set.get(key)
            .is_some_and(|value| value.as_text() != Some(""))
    };
    let stranger = keys
        .iter()
        .find(|(key, has_use, _)| is_set(key) && !has_use);
    match stranger {
        None => Ok(()),
        Some((key, _, allowed)) => Err(Error::usage(format!(
            "{key} is not allowed with dataset = {dataset}; allowed: with dataset = {allowed}"
        ))),
    }
}

/// The environment of the teacher that `set` asks for, by its one name.
fn environment(set: &SupervisedRun, asked: bool) -> Result<String> {
    let env = envs::make(&set.env)?.spec().name.clone();
    let path = &set.teacher;
    if path.is_empty() {
        return Ok(env);
    }
    let learned = Trained::read(Path::new(path))?.env().to_owned();
    match asked && env != learned {
        true => Err(Error::usage(format!(
            "env = {env} is not allowed with teacher = {path}; allowed: {learned}, which it learned on"
        ))),
        false => Ok(learned),
    }
}

impl SupervisedConfig {
    /// The settings in `set`, with the note's experiment for the rest, checked. The optimiser is as
    /// given: [`note_setting`] applies the note's settings.
    pub fn resolve(set: &Table, mut optimiser: Spec) -> Result<Self> {
        // The same run is always written the same, whether or not its lr was set.
        optimiser.set("lr", optimiser.lr())?;
        let mut asked = SupervisedRun::default();
        asked.extend(set)?;
        let (dataset, of_images) = (asked.dataset, asked.dataset.images().is_some());
        let net = match (set.get("net").is_some(), asked.net, of_images) {
            (true, Net::Resnet18, false) => {
                return Err(Error::usage(format!(
                    "net = resnet18 is not allowed with dataset = {dataset}; allowed: mlp"
                )));
            }
            (_, _, false) => Net::Mlp,
            (_, net, true) => net,
        };
        refuse_strangers(set, dataset)?;
        let mut run = SupervisedRun::note(net);
        run.extend(set)?;
        run.net = net;
        if !of_images {
            run.env = environment(&run, set.get("env").is_some())?;
        }
        let config = Self { run, optimiser };
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<()> {
        let run = &self.run;
        // After the last pooling, batch normalisation of one image would be of a single number.
        let least = match run.net {
            Net::Resnet18 => 2,
            Net::Mlp => 1,
        };
        let allowed = format!("a whole number from {least} to 65536");
        check("batch", run.batch, run.batch >= least, &allowed)?;
        let resnet_only = [
            ("train = fc", run.train == TrainedLayers::Fc),
            ("stem = cifar", run.stem == Stem::Cifar),
            ("augment = true", run.augment),
            ("weights", !run.weights.is_empty()),
        ];
        let asked = resnet_only.iter().find(|(_, asked)| *asked);
        if let (Net::Mlp, Some((what, _))) = (run.net, asked) {
            return Err(Error::usage(format!(
                "{what} is not allowed with net = mlp; allowed: with net = resnet18"
            )));
        }
        if run.precision != Precision::F32
            && (run.device, run.net) != (Compute::Cuda, Net::Resnet18)
        {
            return Err(Error::usage(
                "precision is f32 unless device = cuda and net = resnet18; allowed: f32",
            ));
        }
        if run.dataset.images().is_none() {
            self.validate_buffer()?;
        }
        Ok(self.optimiser.rule().map(drop)?)
    }

    fn validate_buffer(&self) -> Result<()> {
        let run = &self.run;
        let observation = envs::make(&run.env)?.spec().observation.len();
        let most = MOST_NUMBERS / observation.max(1);
        let allowed = format!("a whole number from 10 to {most} in {}", run.env);
        check("buffer", run.buffer, run.buffer <= most, &allowed)?;
        let learned = run.buffer - held_out(run.buffer);
        let allowed = format!(
            "at most {learned}, the transitions that are learned from with buffer = {}",
            run.buffer
        );
        check("batch", run.batch, run.batch <= learned, &allowed)
    }

    /// Samples to learn from.
    pub fn samples(&self) -> usize {
        let buffer = self.run.buffer;
        let images = self.run.dataset.images();
        images.map_or(buffer - held_out(buffer), DatasetName::samples)
    }

    /// Batches in an epoch of `samples`, and in the whole run.
    pub fn batches(&self, samples: usize) -> [u64; 2] {
        let each = samples.div_ceil(self.run.batch) as u64;
        let all = match self.run.steps {
            0 => self.run.epochs.saturating_mul(each),
            steps => steps,
        };
        [each, all]
    }

    /// Where the initial weights come from, if not from the seed.
    pub fn weights(&self) -> Option<PathBuf> {
        (!self.run.weights.is_empty()).then(|| PathBuf::from(&self.run.weights))
    }
}

/// `value` of `key`, which is not among what is `allowed` unless it `fits`.
fn check(key: &str, value: usize, fits: bool, allowed: &str) -> Result<()> {
    match fits {
        true => Ok(()),
        false => Err(settings::Error::not_allowed(key, value, allowed).into()),
    }
}
