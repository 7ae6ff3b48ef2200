//! One agent's network without the cohort: what is evaluated, saved and shown.

use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;

use super::{Critic, Dqn, DqnConfig, greedy};
use optim::{
    Parameter,
    state_file::{self, Array, StateFile, StatePart},
};

use crate::{
    Result,
    algorithm::{
        Policy,
        weights::{array, load_agent, set, shapes, start_agent},
    },
    nn::Network,
    streams::{Stream, stream},
};

/// The metadata key of a saved policy.
const WHAT: &str = "policy";

/// The greedy policy of one agent.
pub struct QPolicy {
    net: Network,
    obs_len: usize,
    actions: usize,
}

impl QPolicy {
    pub(super) fn new(net: Network, obs_len: usize, actions: usize) -> Self {
        Self {
            net,
            obs_len,
            actions,
        }
    }

    /// The action values `[n, actions]` of the observations `[n, obs_len]`.
    pub fn values(&self, obs: &[f32]) -> Result<Vec<f32>> {
        let shape = (1, obs.len() / self.obs_len, self.obs_len);
        let obs = Tensor::from_slice(obs, shape, &Device::Cpu)?;
        Ok(self.net.infer(&obs)?.flatten_all()?.to_vec1()?)
    }

    /// Every weight and bias in one list, in the order of the network's parameters.
    pub(crate) fn weights(&self) -> Result<Vec<f32>> {
        let of = |p: &Parameter| Ok(p.var.flatten_all()?.to_vec1::<f32>()?);
        let all = self.net.parameters();
        Ok(all.iter().map(of).collect::<Result<Vec<_>>>()?.concat())
    }

    /// This network with the weights that [`to_safetensors`](Self::to_safetensors) returned.
    pub fn load(self, data: &[u8]) -> Result<Self> {
        let saved = StateFile::read(WHAT, &shapes(self.obs_len, self.actions), data)?;
        for p in self.net.parameters() {
            let data = saved.find(&p.name, Dtype::F32, p.var.dims())?;
            set(&p.var, data)?;
        }
        Ok(self)
    }
}

impl Policy for QPolicy {
    /// The action with the largest value.
    fn act(&self, obs: &[f32]) -> Result<Vec<usize>> {
        let values = self.values(obs)?;
        Ok(values.chunks_exact(self.actions).map(greedy).collect())
    }

    /// The named weights, as in `policy.safetensors`.
    fn to_safetensors(&self) -> Result<Vec<u8>> {
        let weights = self.net.parameters();
        let arrays = weights.iter().map(|p| array(&p.name, p.var.as_tensor()));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        Ok(state_file::write(
            WHAT,
            shapes(self.obs_len, self.actions),
            &arrays,
        )?)
    }
}

/// The policy of an agent that has learned nothing, into which a saved one is [loaded](QPolicy::load).
pub fn untrained_policy(config: &DqnConfig, env: &envs::EnvSpec) -> Result<QPolicy> {
    let init = &mut [stream(0, Stream::Init)];
    let shape = env.observation.shape.as_slice();
    let on = (DType::F32, &Device::Cpu);
    Critic::new(config, shape, env.actions, init, on)?.policy(0)
}

impl Critic {
    /// The present policy of agent number `agent`.
    pub fn policy(&self, agent: usize) -> Result<QPolicy> {
        // Evaluation is on the CPU, wherever the agent was trained.
        let net = self.online.agent(agent, &Device::Cpu)?;
        Ok(QPolicy::new(net, self.obs_len, self.actions))
    }

    /// Gives agent number `agent` the network of the policy `saved`, as its target network too.
    pub(super) fn start_from(&self, agent: usize, saved: &[u8]) -> Result<()> {
        let saved = StateFile::read(WHAT, &shapes(self.obs_len, self.actions), saved)?;
        for p in [&self.online, &self.target]
            .into_iter()
            .flat_map(Network::parameters)
        {
            start_agent(&p.var, agent, &p.name, &saved)?;
        }
        Ok(())
    }

    /// The network of agent number `agent` and its target network.
    pub(crate) fn agent_arrays(&self, agent: usize) -> Result<Vec<Array>> {
        let mut arrays = Vec::new();
        for (prefix, net) in [("online", &self.online), ("target", &self.target)] {
            for p in net.agent(agent, &Device::Cpu)?.parameters() {
                arrays.push(array(&format!("{prefix}.{}", p.name), p.var.as_tensor())?);
            }
        }
        Ok(arrays)
    }

    /// Restores what [`agent_arrays`](Self::agent_arrays) returned.
    pub(crate) fn load_agent(&self, agent: usize, saved: &StatePart) -> Result<()> {
        for (prefix, net) in [("online", &self.online), ("target", &self.target)] {
            for p in net.parameters() {
                load_agent(&p.var, agent, &format!("{prefix}.{}", p.name), saved)?;
            }
        }
        Ok(())
    }
}

impl Dqn {
    /// The present policy of agent number `agent`.
    pub fn policy(&self, agent: usize) -> Result<QPolicy> {
        let policy = self.critic().policy(agent)?;
        self.optimiser()
            .evaluate_with(agent, &policy.net.parameters())?;
        Ok(policy)
    }

    /// The whole state of agent number `agent`: its network, its target network, its optimiser's state.
    pub(crate) fn agent_arrays(&self, agent: usize) -> Result<Vec<Array>> {
        let mut arrays = self.critic().agent_arrays(agent)?;
        let state = self.optimiser().agent_to_safetensors(agent)?;
        arrays.push(("optimiser".into(), Dtype::U8, vec![state.len()], state));
        Ok(arrays)
    }

    /// Restores what [`agent_arrays`](Self::agent_arrays) returned.
    pub(crate) fn load_agent(&mut self, agent: usize, saved: &StatePart) -> Result<()> {
        self.critic().load_agent(agent, saved)?;
        let state = saved.list("optimiser", Dtype::U8)?;
        Ok(self.optimiser_mut().restore_agent(agent, state)?)
    }
}
