//! The greedy policy of one agent.

use candle_core::{DType, Device, Tensor};
use optim::{
    Element, Parameter,
    state_file::{self, Array, StateFile},
};
use safetensors::Dtype;

use super::{PqnConfig, learner::seen};
use crate::{
    Result,
    algorithm::{
        Policy,
        dqn::greedy,
        weights::{shapes, start_agent},
    },
    nn::NormedNetwork,
    streams::{Stream, stream},
};

/// The metadata key of a saved policy.
const WHAT: &str = "policy";

/// Gives agent number `agent` of `network`, which is a cohort's, the network of the policy `saved`, for so many numbers
/// in an observation and so many actions.
pub(super) fn start_from(
    network: &NormedNetwork,
    agent: usize,
    (obs_len, actions): (usize, usize),
    saved: &[u8],
) -> Result<()> {
    let saved = StateFile::read(WHAT, &shapes(obs_len, actions), saved)?;
    let mut all = network.parameters().into_iter();
    all.try_for_each(|p| start_agent(&p.var, agent, &p.name, &saved))
}

pub(super) struct PqnPolicy {
    pub config: PqnConfig,
    pub network: NormedNetwork,
    pub obs_len: usize,
    pub actions: usize,
}

impl PqnPolicy {
    /// The policy of an agent that has learned nothing.
    pub fn untrained(config: &PqnConfig, env: &envs::EnvSpec) -> Result<Self> {
        let architecture = config.architecture(&env.observation.shape, env.actions);
        let init = &mut [stream(0, Stream::Init)];
        Ok(Self {
            network: NormedNetwork::new(&architecture, init, DType::F32, &Device::Cpu)?,
            config: config.clone(),
            obs_len: env.observation.len(),
            actions: env.actions,
        })
    }

    /// This policy with the weights that `to_safetensors` returned.
    pub fn load(self, data: &[u8]) -> Result<Self> {
        let saved = StateFile::read(WHAT, &shapes(self.obs_len, self.actions), data)?;
        for p in self.network.parameters() {
            let data = saved.find(&p.name, Dtype::F32, p.var.dims())?;
            let values = f32::from_bytes(data);
            p.var
                .set(&Tensor::from_vec(values, p.var.shape(), &Device::Cpu)?)?;
        }
        Ok(self)
    }
}

/// The weights of one agent's network under their names.
pub(super) fn weights(network: &NormedNetwork) -> Result<Vec<Array>> {
    let array = |p: Parameter| -> Result<Array> {
        let values: Vec<f32> = p.var.flatten_all()?.to_vec1()?;
        let shape = p.var.dims().to_vec();
        Ok((p.name, Dtype::F32, shape, f32::to_bytes(&values)))
    };
    network.parameters().into_iter().map(array).collect()
}

impl Policy for PqnPolicy {
    /// The action with the largest value.
    fn act(&self, obs: &[f32]) -> Result<Vec<usize>> {
        let shape = (1, obs.len() / self.obs_len, self.obs_len);
        let obs = seen(obs, shape, &self.config, (DType::F32, &Device::Cpu))?;
        let values: Vec<f32> = self.network.infer(&obs)?.flatten_all()?.to_vec1()?;
        Ok(values.chunks_exact(self.actions).map(greedy).collect())
    }

    fn to_safetensors(&self) -> Result<Vec<u8>> {
        Ok(state_file::write(
            WHAT,
            shapes(self.obs_len, self.actions),
            &weights(&self.network)?,
        )?)
    }
}
