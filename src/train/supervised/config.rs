//! The configuration of a supervised run.

use std::path::{Path, PathBuf};

use optim::{Spec, Value};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    data::DatasetName,
    files::short_id,
    keys::choices,
    nn::Stem,
    settings::{check, settings},
    train::{Compute, Trained},
};

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DataName {
    /// 60,000 photographs of 32x32, 10 classes (Krizhevsky 2009)
    Cifar10,
    /// 70,000 grey pictures of clothes, 28x28, 10 classes (Xiao et al. 2017)
    FashionMnist,
    /// Made-up pictures, for trying things out
    Synthetic,
    /// Regression to a trained agent's action values on its own experience, frozen and well mixed
    QRegression,
    /// The same experience with the DQN's own targets, which a target network makes
    QBootstrap,
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

impl std::fmt::Display for DataName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DataName::Cifar10 => DatasetName::Cifar10.name(),
            DataName::FashionMnist => DatasetName::FashionMnist.name(),
            DataName::Synthetic => DatasetName::Synthetic.name(),
            DataName::QRegression => "q-regression",
            DataName::QBootstrap => "q-bootstrap",
        })
    }
}

/// The network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Net {
    /// torchvision's ResNet-18
    Resnet18,
    /// The DQN's own: hidden layers of 120 and 84
    Mlp,
}

/// Which layers learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Layers {
    /// All of them
    All,
    /// The last alone; those before it are frozen and normalise by their running statistics
    Fc,
}

/// How products are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// In float32
    F32,
    /// On a GPU, of numbers rounded to NVIDIA's TF32 (10 bits)
    Tf32,
    /// On a GPU, of activations and weights rounded to bfloat16 (7 bits); the weights that learn are float32
    Bf16,
}

choices!(DataName, Net, Layers, Precision, Stem);

settings! {
    /// What is learned, by what, for how long.
    SupervisedRun, set by SupervisedOverrides {
        /// What is learned
        #[arg(value_enum)]
        dataset: DataName,
        /// The network; action values have the mlp
        #[arg(value_enum)]
        net: Net,
        /// How images come into the ResNet
        #[arg(value_enum)]
        stem: Stem,
        /// Which layers learn
        #[arg(value_enum)]
        train: Layers,
        /// Passes over the training data
        epochs: u64,
        /// Batches, instead of whole epochs; 0 for epochs
        steps: u64,
        /// Samples in a batch; the last of an epoch has what is left
        #[arg(value_name = "SAMPLES")]
        batch: usize,
        /// Whether images are shifted by up to 4 pixels and flipped at random
        #[arg(num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
        augment: bool,
        /// Batches from line to line of history.csv, which has their mean
        log_every: u64,
        /// Fixes the initial weights, the order of the samples, and what augmentation does
        seed: u64,
        /// Where the network computes; cuda needs a build with --features cuda
        #[arg(value_enum)]
        device: Compute,
        /// How products are computed; a CPU has f32 alone
        #[arg(value_enum)]
        precision: Precision,
        /// Initial weights instead of random ones: torchvision's resnet18 in safetensors; none if empty
        #[arg(value_name = "FILE")]
        weights: String,
        /// The run of the agent whose action values are learned; one is trained if empty
        #[arg(value_name = "RUN")]
        teacher: String,
        /// The environment of the teacher that is trained
        #[arg(value_name = "NAME")]
        env: String,
        /// Transitions in the frozen buffer; a tenth of them, of other episodes, is for testing
        #[arg(value_name = "TRANSITIONS")]
        buffer: usize,
        /// Probability of a random action while the teacher fills the buffer
        #[arg(value_name = "EPSILON")]
        behaviour_epsilon: f64,
        /// Batches between updates of q-bootstrap's target network
        #[arg(value_name = "BATCHES")]
        target_every: u64,
    }
}

/// Three quarters of a teacher's actions are random where nobody says otherwise: left alone, it stays in a
/// few long episodes that are much alike, and chance alone never gets far. On CartPole, the variance of
/// the held-out values is, with seeds 1 to 5, between 35 and 468 if a quarter are random, 49 and 222 if
/// half are, 112 and 153 if three quarters are.
const BEHAVIOUR_EPSILON: f64 = 0.75;

impl SupervisedRun {
    /// The note's experiment, with `net` and its usual batch: CleanRL's DQN learns from 128.
    pub fn note(net: Net) -> Self {
        Self {
            dataset: DataName::Cifar10,
            net,
            stem: Stem::Imagenet,
            train: Layers::All,
            epochs: 10,
            steps: 0,
            batch: match net {
                Net::Resnet18 => 256,
                Net::Mlp => 128,
            },
            augment: false,
            log_every: 2,
            seed: 1,
            device: Compute::Cpu,
            precision: Precision::F32,
            weights: String::new(),
            teacher: String::new(),
            env: "cartpole".into(),
            buffer: 20_000,
            behaviour_epsilon: BEHAVIOUR_EPSILON,
            // CleanRL's 500 environment steps, of which every tenth has a gradient step.
            target_every: 50,
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
            optimiser.set(key, Value::Number(*value))?;
        }
    }
    Ok(())
}

/// The whole configuration of a supervised run, every default written out.
#[derive(Clone, Debug, Serialize)]
pub struct SupervisedConfig {
    /// What is run.
    pub run: SupervisedRun,
    /// The optimiser.
    pub optimiser: Spec,
}

/// A buffer with more numbers than this in its observations (1 GiB with those that follow) is a slip of
/// the finger.
const MOST_NUMBERS: usize = 1 << 27;

/// An error if `set` has what `dataset` has no use for.
fn refuse_strangers(set: &SupervisedOverrides, dataset: DataName) -> Result<()> {
    let (values, bootstrap) = (dataset.images().is_none(), dataset == DataName::QBootstrap);
    let teacher = set.teacher.as_ref().is_some_and(|path| !path.is_empty());
    let both = "q-regression or q-bootstrap";
    let keys = [
        ("teacher", teacher, values, both),
        ("env", set.env.is_some(), values, both),
        ("buffer", set.buffer.is_some(), values, both),
        (
            "behaviour_epsilon",
            set.behaviour_epsilon.is_some(),
            values,
            both,
        ),
        (
            "target_every",
            set.target_every.is_some(),
            bootstrap,
            "q-bootstrap",
        ),
    ];
    match keys
        .iter()
        .find(|(_, is_set, has_use, _)| *is_set && !has_use)
    {
        None => Ok(()),
        Some((key, .., allowed)) => Err(Error::usage(format!(
            "{key} is not allowed with dataset = {dataset}; allowed: with dataset = {allowed}"
        ))),
    }
}

/// The environment of the teacher that `set` asks for, by its one name.
fn environment(set: &SupervisedOverrides) -> Result<String> {
    let asked = match &set.env {
        Some(env) => Some(envs::make(env)?.spec().name.clone()),
        None => None,
    };
    let path = set.teacher.as_deref().unwrap_or_default();
    if path.is_empty() {
        return Ok(asked.unwrap_or_else(|| SupervisedRun::note(Net::Mlp).env));
    }
    let learned = Trained::read(Path::new(path))?.env;
    match asked {
        Some(env) if env != learned => Err(Error::usage(format!(
            "env = {env} is not allowed with teacher = {path}; allowed: {learned}, which it learned on"
        ))),
        _ => Ok(learned),
    }
}

impl SupervisedConfig {
    /// What `set` asks for, the note's experiment for the rest, checked. The optimiser is as given:
    /// [`note_setting`] has the note's.
    pub fn resolve(set: SupervisedOverrides, optimiser: Spec) -> Result<Self> {
        let dataset = set.dataset.unwrap_or(DataName::Cifar10);
        let of_images = dataset.images().is_some();
        let net = match (set.net, of_images) {
            (Some(Net::Resnet18), false) => {
                return Err(Error::usage(format!(
                    "net = resnet18 is not allowed with dataset = {dataset}; allowed: mlp"
                )));
            }
            (_, false) => Net::Mlp,
            (net, true) => net.unwrap_or(Net::Resnet18),
        };
        refuse_strangers(&set, dataset)?;
        let run = SupervisedOverrides {
            net: Some(net),
            env: if of_images {
                None
            } else {
                Some(environment(&set)?)
            },
            ..set
        };
        let config = Self {
            run: run.over(SupervisedRun::note(net)),
            optimiser,
        };
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<()> {
        let run = &self.run;
        let most = i64::MAX as u64;
        let count = |key, x: u64, least| {
            let allowed = format!("{least} <= x <= {most}");
            check(key, x, (least..=most).contains(&x), &allowed)
        };
        count("epochs", run.epochs, 1)?;
        count("steps", run.steps, 0)?;
        count("log_every", run.log_every, 1)?;
        count("seed", run.seed, 0)?;
        // Batch normalisation of one image behind the last pooling would be one of one number.
        let least = match run.net {
            Net::Resnet18 => 2,
            Net::Mlp => 1,
        };
        let batch = (least..=65_536).contains(&run.batch);
        check("batch", run.batch, batch, &format!("{least} <= x <= 65536"))?;
        let resnet_only = [
            ("train = fc", run.train == Layers::Fc),
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
        self.optimiser.rule()?;
        Ok(())
    }

    fn validate_buffer(&self) -> Result<()> {
        let run = &self.run;
        let observation = envs::make(&run.env)?.spec().observation.len();
        let most = MOST_NUMBERS / observation.max(1);
        let allowed = format!("10 <= x <= {most} in {}", run.env);
        let fits = (10..=most).contains(&run.buffer);
        check("buffer", run.buffer, fits, &allowed)?;
        let learned = run.buffer - held_out(run.buffer);
        let allowed = format!(
            "at most {learned}, the transitions that are learned from with buffer = {}",
            run.buffer
        );
        check("batch", run.batch, run.batch <= learned, &allowed)?;
        let epsilon = run.behaviour_epsilon;
        let fits = (0.0..=1.0).contains(&epsilon);
        check("behaviour_epsilon", epsilon, fits, "0 <= x <= 1")?;
        let (every, most) = (run.target_every, i64::MAX as u64);
        let allowed = format!("1 <= x <= {most}");
        check("target_every", every, (1..=most).contains(&every), &allowed)
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

    /// As TOML, every value written out.
    pub fn to_toml(&self) -> String {
        // Every value has been validated to fit TOML's types.
        toml::to_string(self).expect("a configuration fits TOML")
    }

    /// The run's id: a hash of its whole configuration.
    pub fn id(&self) -> String {
        short_id(&self.to_toml())
    }

    /// Where the initial weights come from, if not from the seed.
    pub fn weights(&self) -> Option<PathBuf> {
        (!self.run.weights.is_empty()).then(|| PathBuf::from(&self.run.weights))
    }
}
