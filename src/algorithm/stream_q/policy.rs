//! The greedy policy of one agent: its network, and the statistics that normalise its observations.

use safetensors::Dtype;

use super::{LEAKY, StreamQConfig, normalise::Normaliser};
use optim::{
    Element,
    state_file::{self, Array, StateFile, bytes, numbers},
};

use crate::{
    Result,
    algorithm::{Policy, dqn::greedy, weights::shapes},
    nn::single::{Layers, Number},
};

/// The metadata key of a saved policy.
const WHAT: &str = "policy";

pub(super) struct StreamPolicy {
    pub layers: Layers,
    pub weights: Vec<f32>,
    pub normaliser: Option<Normaliser>,
    pub obs_len: usize,
    pub actions: usize,
}

impl StreamPolicy {
    /// The policy of an agent that has learned nothing.
    pub fn untrained(config: &StreamQConfig, env: &envs::EnvSpec) -> Result<Self> {
        let architecture = config.architecture(&env.observation.shape, env.actions);
        let layers = Layers::new(&architecture, LEAKY, config.layer_norm)?;
        let obs_len = env.observation.len();
        Ok(Self {
            weights: vec![0.0; layers.weights],
            layers,
            normaliser: config
                .normalize_observations
                .then(|| Normaliser::new(obs_len)),
            obs_len,
            actions: env.actions,
        })
    }

    /// This policy with the numbers that `to_safetensors` returned.
    pub fn load(mut self, data: &[u8]) -> Result<Self> {
        let saved = StateFile::read(WHAT, &shapes(self.obs_len, self.actions), data)?;
        let weights = saved.find("weights", Dtype::F32, &[self.weights.len()])?;
        self.weights = f32::from_bytes(weights);
        if let Some(normaliser) = &mut self.normaliser {
            let list = |name: &str| saved.find(name, Dtype::F64, &[self.obs_len]);
            normaliser.mean = numbers(list("mean")?, f64::from_le_bytes);
            normaliser.squares = numbers(list("squares")?, f64::from_le_bytes);
            normaliser.count = saved.count("count")?;
        }
        Ok(self)
    }
}

/// The arrays of running statistics.
pub(super) fn statistics(normaliser: &Normaliser) -> Vec<Array> {
    let list = |name: &str, values: &[f64]| -> Array {
        let data = bytes(values, |x| x.to_le_bytes());
        (name.into(), Dtype::F64, vec![values.len()], data)
    };
    let count = normaliser.count.to_le_bytes().to_vec();
    vec![
        list("mean", &normaliser.mean),
        list("squares", &normaliser.squares),
        ("count".into(), Dtype::U64, vec![1], count),
    ]
}

/// `obs` as the network sees it.
pub(super) fn seen<T: Number>(normaliser: Option<&Normaliser>, obs: &[f32], into: &mut [T]) {
    match normaliser {
        Some(normaliser) => normaliser.normalise(obs, into, T::from_f64),
        None => {
            for (into, &x) in into.iter_mut().zip(obs) {
                *into = T::from_f64(f64::from(x));
            }
        }
    }
}

impl Policy for StreamPolicy {
    /// The action with the largest value.
    fn act(&self, obs: &[f32]) -> Result<Vec<usize>> {
        let mut pass = self.layers.pass();
        let mut x = vec![0.0f32; self.obs_len];
        let mut action = |obs: &[f32]| {
            seen(self.normaliser.as_ref(), obs, &mut x);
            self.layers.forward(&self.weights, &x, &mut pass);
            greedy(pass.values())
        };
        Ok(obs.chunks_exact(self.obs_len).map(&mut action).collect())
    }

    fn to_safetensors(&self) -> Result<Vec<u8>> {
        let weights = f32::to_bytes(&self.weights);
        let mut arrays: Vec<Array> = vec![(
            "weights".into(),
            Dtype::F32,
            vec![self.weights.len()],
            weights,
        )];
        arrays.extend(self.normaliser.iter().flat_map(statistics));
        Ok(state_file::write(
            WHAT,
            shapes(self.obs_len, self.actions),
            &arrays,
        )?)
    }
}
