//! One agent's policy as it is evaluated, saved and shown: it takes the most probable action.

use candle_core::{DType, Device, Tensor};
use optim::state_file::{self, Array, StateFile, StatePart};
use safetensors::Dtype;

use super::{A2c, A2cConfig, ActorCritic};
use crate::{
    Result,
    algorithm::{
        Policy, greedy,
        weights::{array, load_agent, set, shapes, start_agent},
    },
    nn::Network,
    streams::{Stream, stream},
};

/// The metadata key of a saved policy.
const WHAT: &str = "policy";

/// What the names of the value network's arrays begin with, beside those of the policy.
const VALUE: &str = "value.";

/// The policy that takes one agent's most probable actions.
pub(super) struct GreedyPolicy {
    /// The network, whose first outputs are the logits.
    net: Network,
    obs_len: usize,
    actions: usize,
}

impl GreedyPolicy {
    /// The policy of an agent that has learned nothing, into which a saved one is [loaded](Self::load).
    pub fn untrained(config: &A2cConfig, env: &envs::EnvSpec) -> Result<Self> {
        let init = &mut [stream(0, Stream::Init)];
        let shape = env.observation.shape.as_slice();
        let on = (DType::F32, &Device::Cpu);
        ActorCritic::new(config, shape, env.actions, init, on)?.greedy(0)
    }

    /// This network with the weights that [`Policy::to_safetensors`] returned.
    pub fn load(self, data: &[u8]) -> Result<Self> {
        let saved = StateFile::read(WHAT, &shapes(self.obs_len, self.actions), data)?;
        for p in self.net.parameters() {
            set(&p.var, saved.find(&p.name, Dtype::F32, p.var.dims())?)?;
        }
        Ok(self)
    }
}

impl Policy for GreedyPolicy {
    fn act(&self, obs: &[f32]) -> Result<Vec<usize>> {
        let shape = (1, obs.len() / self.obs_len, self.obs_len);
        let outputs = self
            .net
            .infer(&Tensor::from_slice(obs, shape, &Device::Cpu)?)?;
        let width = outputs.dims()[2];
        let outputs: Vec<f32> = outputs.flatten_all()?.to_vec1()?;
        let rows = outputs.chunks_exact(width);
        Ok(rows.map(|row| greedy(&row[..self.actions])).collect())
    }

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

impl ActorCritic {
    /// The present policy of agent number `agent`.
    pub(super) fn greedy(&self, agent: usize) -> Result<GreedyPolicy> {
        Ok(GreedyPolicy {
            // Evaluation is on the CPU, wherever the agent was trained.
            net: self.policy.agent(agent, &Device::Cpu)?,
            obs_len: self.obs_len,
            actions: self.actions,
        })
    }

    /// The arrays of a policy, and beside them those of the value network if there are two.
    fn arrays(&self) -> Result<Vec<Array>> {
        let policy = self.policy.parameters().into_iter();
        let value = self.value.iter().flat_map(|network| network.parameters());
        let value = value.map(|p| (format!("{VALUE}{}", p.name), p.var));
        policy
            .map(|p| (p.name, p.var))
            .chain(value)
            .map(|(name, var)| array(&name, &var.to_device(&Device::Cpu)?))
            .collect()
    }

    /// Gives agent number `agent` the networks `saved`. A policy without a value network leaves that as it is.
    fn start_from(&self, agent: usize, saved: &[u8]) -> Result<()> {
        let saved = StateFile::read(WHAT, &shapes(self.obs_len, self.actions), saved)?;
        for p in self.policy.parameters() {
            start_agent(&p.var, agent, &p.name, &saved)?;
        }
        let is_there = saved.names().iter().any(|name| name.starts_with(VALUE));
        for network in self.value.iter().filter(|_| is_there) {
            for p in network.parameters() {
                start_agent(&p.var, agent, &format!("{VALUE}{}", p.name), &saved)?;
            }
        }
        Ok(())
    }
}

impl A2c {
    /// The policy that agent number `agent` has now, with the weights to evaluate with.
    pub(super) fn policy(&self, agent: usize) -> Result<GreedyPolicy> {
        let policy = self.networks().greedy(agent)?;
        let copies = self.networks().policy_parameters(&policy.net);
        self.optimiser().evaluate_with(agent, &copies)?;
        Ok(policy)
    }

    /// Both networks of agent number `agent`, with the weights to evaluate with.
    pub(super) fn saved_networks(&self, agent: usize) -> Result<Vec<u8>> {
        let alone = self.networks().alone(agent)?;
        self.optimiser().evaluate_with(agent, &alone.parameters())?;
        let owner = shapes(alone.obs_len, alone.actions);
        Ok(state_file::write(WHAT, owner, &alone.arrays()?)?)
    }

    /// Gives agent number `agent` the networks `saved`.
    pub(super) fn start_from(&self, agent: usize, saved: &[u8]) -> Result<()> {
        self.networks().start_from(agent, saved)
    }

    /// Everything of agent number `agent`: its networks and its optimiser's state.
    pub(super) fn agent_arrays(&self, agent: usize) -> Result<Vec<Array>> {
        let own = |p: optim::Parameter| {
            let own = p.var.as_tensor().narrow(0, agent, 1)?;
            array(&p.name, &own.to_device(&Device::Cpu)?)
        };
        let mut arrays = self
            .parameters()
            .into_iter()
            .map(own)
            .collect::<Result<Vec<_>>>()?;
        let state = self.optimiser().agent_to_safetensors(agent)?;
        arrays.push(("optimiser".into(), Dtype::U8, vec![state.len()], state));
        Ok(arrays)
    }

    /// Restores what [`agent_arrays`](Self::agent_arrays) returned.
    pub(super) fn load_agent(&mut self, agent: usize, saved: &StatePart) -> Result<()> {
        for p in self.parameters() {
            load_agent(&p.var, agent, &p.name, saved)?;
        }
        let state = saved.list("optimiser", Dtype::U8)?;
        Ok(self.optimiser_mut().restore_agent(agent, state)?)
    }
}
