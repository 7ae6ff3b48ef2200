//! One agent's network as it acts, alone: what is evaluated, saved and shown.

use std::{fs, path::Path};

use candle_core::{Device, Tensor, Var};
use safetensors::Dtype;

use super::{Critic, Dqn, greedy};
use crate::{
    Error, Result,
    nn::Network,
    saved::{self, Array, Saved, bytes, numbers},
};

/// What is saved here, and the metadata's key.
const WHAT: &str = "policy";

/// The greedy policy of one agent.
pub struct Policy {
    net: Network,
    obs_len: usize,
    actions: usize,
}

impl Policy {
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

    /// The greedy actions for the observations `[n, obs_len]`.
    pub fn act(&self, obs: &[f32]) -> Result<Vec<usize>> {
        let values = self.values(obs)?;
        Ok(values.chunks_exact(self.actions).map(greedy).collect())
    }

    /// What it is of: the shapes that a file must fit.
    fn whose(&self) -> String {
        format!("{} observations, {} actions", self.obs_len, self.actions)
    }

    /// Its weights under their names, as `policy.safetensors` has them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let weights = self.net.parameters();
        let arrays = weights.iter().map(|p| array(&p.name, p.var.as_tensor()));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        Ok(saved::write(WHAT, self.whose(), &arrays)?)
    }

    /// This network with the weights in the file at `path`, which [`to_safetensors`](Self::to_safetensors)
    /// gave; an error that names the file if they do not fit.
    pub fn read(self, path: &Path) -> Result<Self> {
        let data = fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
        let within = |error: Error| Error::usage(format!("{}: {error}", path.display()));
        self.load(&data).map_err(within)
    }

    /// This network with the weights that [`to_safetensors`](Self::to_safetensors) gave.
    pub fn load(self, data: &[u8]) -> Result<Self> {
        let saved = Saved::read(WHAT, &self.whose(), data)?;
        for p in self.net.parameters() {
            set(&p.var, &p.name, &saved)?;
        }
        Ok(self)
    }
}

impl Critic {
    /// The policy that agent number `agent` has now.
    pub fn policy(&self, agent: usize) -> Result<Policy> {
        // Evaluated on the CPU wherever it was trained.
        let net = self.online.agent(agent, &Device::Cpu)?;
        Ok(Policy::new(net, self.obs_len, self.actions))
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

    /// Takes over what [`agent_arrays`](Self::agent_arrays) gave.
    pub(crate) fn load_agent(&self, agent: usize, saved: &Saved) -> Result<()> {
        for (prefix, net) in [("online", &self.online), ("target", &self.target)] {
            for p in net.parameters() {
                let name = format!("{prefix}.{}", p.name);
                let one = p.var.as_tensor().narrow(0, agent, 1)?.copy()?;
                let one = Var::from_tensor(&one)?;
                set(&one, &name, saved)?;
                let n = p.var.dims()[0];
                let before = p.var.as_tensor().narrow(0, 0, agent)?;
                let after = p.var.as_tensor().narrow(0, agent + 1, n - agent - 1)?;
                p.var
                    .set(&Tensor::cat(&[&before, one.as_tensor(), &after], 0)?)?;
            }
        }
        Ok(())
    }
}

impl Dqn {
    /// The policy that agent number `agent` has now.
    pub fn policy(&self, agent: usize) -> Result<Policy> {
        self.critic().policy(agent)
    }

    /// Everything of agent number `agent`: its network, its target network, its optimiser's state.
    pub(crate) fn agent_arrays(&self, agent: usize) -> Result<Vec<Array>> {
        let mut arrays = self.critic().agent_arrays(agent)?;
        let state = self.optimiser().agent_to_safetensors(agent)?;
        arrays.push(("optimiser".into(), Dtype::U8, vec![state.len()], state));
        Ok(arrays)
    }

    /// Takes over what [`agent_arrays`](Self::agent_arrays) gave.
    pub(crate) fn load_agent(&mut self, agent: usize, saved: &Saved) -> Result<()> {
        self.critic().load_agent(agent, saved)?;
        let state = saved.list("optimiser", Dtype::U8)?;
        Ok(self.optimiser_mut().restore_agent(agent, state)?)
    }
}

fn array(name: &str, tensor: &Tensor) -> Result<Array> {
    let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
    let data = bytes(&values, |x| x.to_le_bytes());
    Ok((name.into(), Dtype::F32, tensor.dims().to_vec(), data))
}

/// Sets `var` to the array called `name`.
fn set(var: &Var, name: &str, saved: &Saved) -> Result<()> {
    let data = saved.find(name, Dtype::F32, var.dims())?;
    let values = numbers(data, f32::from_le_bytes);
    Ok(var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?)
}
