//! The loss of policies and values, as one operation with its own backward pass.

use std::sync::Arc;

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, D, DType, Device, Layout, Result, Shape, Tensor, WithDType,
    bail,
};
use num_traits::Float;

use super::Outputs;
use crate::nn::slices::{contiguous, on_cpu};

/// The actions of a batch's steps and their results; each `[agents, batch]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// The actions.
    pub actions: Vec<u32>,
    /// How much better each action was than the value.
    pub advantages: Vec<f64>,
    /// What the values should have been.
    pub returns: Vec<f64>,
}

/// The weights of the loss's terms; the policy's weight is 1.
#[derive(Clone, Copy, Debug)]
pub struct Weighting {
    /// The policy's entropy, which is subtracted from the loss.
    pub entropy: f64,
    /// The values' squared error.
    pub value: f64,
}

/// The terms of a batch's loss, each the mean over the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<T = f64> {
    /// The advantage times the action's log-probability, negated.
    pub policy: T,
    /// The squared error of the value.
    pub value: T,
    /// The entropy of the policy.
    pub entropy: T,
}

/// Each agent's loss, `[agents]`: the mean over the batch of `-advantage log pi(action)`, minus the entropy of the
/// policy, plus the squared error of the value, each with its weight (Mnih et al. 2016, alg. S3).
///
/// `outputs` are f32 or f64. Advantages and returns are constants.
pub fn actor_critic_loss(
    outputs: &Outputs,
    choices: &Arc<Choices>,
    weighting: Weighting,
) -> Result<Tensor> {
    let op = ActorCriticLoss {
        choices: choices.clone(),
        weighting,
    };
    let policy = outputs.policy.contiguous()?;
    match &outputs.value {
        Some(value) => policy.apply_op2(&value.contiguous()?, op),
        None => policy.apply_op1(op),
    }
}

/// [`actor_critic_loss`] composed of candle's operations, which is what runs on a GPU.
pub(super) fn composed_loss(
    outputs: &Outputs,
    choices: &Choices,
    weighting: Weighting,
) -> Result<Tensor> {
    let (logits, values) = outputs.parts()?;
    let (agents, batch) = values.dims2()?;
    let tensor = |data: &[f64]| {
        let tensor = Tensor::from_slice(data, (agents, batch), logits.device())?;
        tensor.to_dtype(logits.dtype())
    };
    let (advantages, returns) = (tensor(&choices.advantages)?, tensor(&choices.returns)?);
    let actions = Tensor::from_slice(&choices.actions, (agents, batch, 1), logits.device())?;
    let log_sum = logits.log_sum_exp(D::Minus1)?.unsqueeze(2)?;
    let log_pi = logits.broadcast_sub(&log_sum)?;
    let chosen = log_pi.gather(&actions, 2)?.squeeze(2)?;
    let policy = (chosen * advantages)?.mean(1)?;
    let entropy = (log_pi.exp()? * log_pi)?.sum(2)?.mean(1)?;
    let value = (values - returns)?.sqr()?.mean(1)?;
    ((entropy * weighting.entropy)? + (value * weighting.value)?)? - policy
}

/// The terms of each agent's loss.
pub(super) fn terms(outputs: &Outputs, choices: &Choices) -> Result<Vec<Terms>> {
    let read = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let policy = read(&outputs.policy)?;
    let value = outputs.value.as_ref().map(read).transpose()?;
    let rows = OutputRows::new(&policy, value.as_deref(), outputs.policy.dims()[2]);
    let agents = outputs.policy.dims()[0];
    Ok((0..agents)
        .map(|agent| rows.terms(choices, agent, agents))
        .collect())
}

struct ActorCriticLoss {
    choices: Arc<Choices>,
    weighting: Weighting,
}

/// The networks' outputs, a row for each step of the batch.
#[derive(Clone, Copy)]
struct OutputRows<'a, T> {
    /// The logits of the actions, followed by the value if the agent has one network.
    policy: &'a [T],
    /// The value, if it has two networks.
    value: Option<&'a [T]>,
    /// The length of a row of `policy`.
    width: usize,
}

/// The logarithms of an action's probabilities, taken from the logits.
#[derive(Clone, Copy)]
struct LogPolicy<T> {
    log_sum: T,
    entropy: T,
}

impl<T: WithDType + Float> LogPolicy<T> {
    fn of(logits: &[T]) -> Self {
        let largest = logits.iter().copied().fold(T::neg_infinity(), Float::max);
        let terms = logits.iter().map(|z| (*z - largest).exp());
        let log_sum = largest + terms.fold(T::zero(), |sum, x| sum + x).ln();
        let each = logits.iter().map(|z| (*z - log_sum).exp() * (log_sum - *z));
        let entropy = each.fold(T::zero(), |sum, x| sum + x);
        Self { log_sum, entropy }
    }
}

impl<'a, T: WithDType + Float> OutputRows<'a, T> {
    fn new(policy: &'a [T], value: Option<&'a [T]>, width: usize) -> Self {
        Self {
            policy,
            value,
            width,
        }
    }

    /// The logits and the value of row `i`.
    fn row(&self, i: usize) -> (&'a [T], T) {
        let row = &self.policy[i * self.width..(i + 1) * self.width];
        match self.value {
            Some(values) => (row, values[i]),
            None => (&row[..self.width - 1], row[self.width - 1]),
        }
    }

    fn terms(&self, choices: &Choices, agent: usize, agents: usize) -> Terms<T> {
        let batch = choices.actions.len() / agents;
        let mut sums = Terms {
            policy: T::zero(),
            value: T::zero(),
            entropy: T::zero(),
        };
        for i in agent * batch..(agent + 1) * batch {
            let (logits, value) = self.row(i);
            let policy = LogPolicy::of(logits);
            let log_pi = logits[choices.actions[i] as usize] - policy.log_sum;
            let off = value - T::from_f64(choices.returns[i]);
            sums.policy += T::from_f64(choices.advantages[i]) * (T::zero() - log_pi);
            sums.value += off * off;
            sums.entropy += policy.entropy;
        }
        let mean = T::from_f64(1.0 / batch as f64);
        Terms {
            policy: sums.policy * mean,
            value: sums.value * mean,
            entropy: sums.entropy * mean,
        }
    }
}

impl ActorCriticLoss {
    fn forward<T: WithDType + Float>(&self, rows: OutputRows<T>, agents: usize) -> Vec<T> {
        let [entropy, value] = [self.weighting.entropy, self.weighting.value].map(T::from_f64);
        let loss = |agent| {
            let terms = rows.terms(&self.choices, agent, agents);
            terms.policy - entropy * terms.entropy + value * terms.value
        };
        (0..agents).map(loss).collect()
    }

    /// The gradients of the rows of `policy` and, if there are two networks, of `value`.
    fn backward<T: WithDType + Float>(&self, rows: OutputRows<T>, grad: &[T]) -> (Vec<T>, Vec<T>) {
        let batch = self.choices.actions.len() / grad.len();
        let mean = T::from_f64(1.0 / batch as f64);
        let [entropy, twice_value] =
            [self.weighting.entropy, 2.0 * self.weighting.value].map(T::from_f64);
        let mut d_policy = Vec::with_capacity(rows.policy.len());
        let mut d_value = Vec::with_capacity(rows.value.map_or(0, <[T]>::len));
        for i in 0..self.choices.actions.len() {
            let (logits, value) = rows.row(i);
            let policy = LogPolicy::of(logits);
            let scale = mean * grad[i / batch];
            let advantage = T::from_f64(self.choices.advantages[i]);
            let taken = self.choices.actions[i] as usize;
            d_policy.extend(logits.iter().enumerate().map(|(action, z)| {
                let log_pi = *z - policy.log_sum;
                let pi = log_pi.exp();
                let taken = if action == taken { T::one() } else { T::zero() };
                let of_entropy = entropy * pi * (log_pi + policy.entropy);
                scale * (advantage * (pi - taken) + of_entropy)
            }));
            let off = value - T::from_f64(self.choices.returns[i]);
            let slope = scale * twice_value * off;
            match rows.value {
                Some(_) => d_value.push(slope),
                None => d_policy.push(slope),
            }
        }
        (d_policy, d_value)
    }

    /// The number of agents and the length of a row of the policy's outputs; an error if anything does not fit.
    fn sizes(&self, policy: &Shape, value: Option<&Shape>) -> Result<(usize, usize)> {
        let (agents, batch, width) = policy.dims3()?;
        let n = self.choices.actions.len();
        let fits = agents * batch == n
            && [&self.choices.advantages, &self.choices.returns].map(Vec::len) == [n, n]
            && value.is_none_or(|value| value.dims() == [agents, batch, 1]);
        if !fits {
            bail!("actor-critic loss: outputs {policy:?} and {value:?} do not fit {n} choices");
        }
        let actions = width - usize::from(value.is_none());
        match self
            .choices
            .actions
            .iter()
            .find(|action| **action as usize >= actions)
        {
            Some(action) => bail!("actor-critic loss: action {action} of {actions}"),
            None => Ok((agents, width)),
        }
    }

    fn forward_of(
        &self,
        (policy, layout): (&CpuStorage, &Layout),
        value: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let (agents, width) =
            self.sizes(layout.shape(), value.map(|(_, layout)| layout.shape()))?;
        let loss = match policy {
            CpuStorage::F32(_) => {
                let value = value.map(|(value, at)| contiguous(value, at)).transpose()?;
                let rows = OutputRows::new(contiguous(policy, layout)?, value, width);
                CpuStorage::F32(self.forward(rows, agents))
            }
            CpuStorage::F64(_) => {
                let value = value.map(|(value, at)| contiguous(value, at)).transpose()?;
                let rows = OutputRows::new(contiguous(policy, layout)?, value, width);
                CpuStorage::F64(self.forward(rows, agents))
            }
            _ => bail!("actor-critic loss: f32 or f64 only"),
        };
        Ok((loss, Shape::from(agents)))
    }

    fn backward_of<T: WithDType + Float>(
        &self,
        policy: &Tensor,
        value: Option<&Tensor>,
        grad: &Tensor,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let grad: Vec<T> = grad.to_vec1()?;
        let (policy_data, value_data) = (
            policy.storage_and_layout(),
            value.map(Tensor::storage_and_layout),
        );
        let values = match &value_data {
            Some((storage, layout)) => Some(on_cpu::<T>(storage, layout)?),
            None => None,
        };
        let width = policy.dims()[2];
        let rows = OutputRows::new(on_cpu::<T>(&policy_data.0, policy_data.1)?, values, width);
        let (d_policy, d_value) = self.backward(rows, &grad);
        let d_policy = Tensor::from_vec(d_policy, policy.shape(), &Device::Cpu)?;
        let d_value = value.map(|value| Tensor::from_vec(d_value, value.shape(), &Device::Cpu));
        Ok((d_policy, d_value.transpose()?))
    }

    fn gradients(
        &self,
        policy: &Tensor,
        value: Option<&Tensor>,
        grad: &Tensor,
    ) -> Result<(Tensor, Option<Tensor>)> {
        match policy.dtype() {
            DType::F32 => self.backward_of::<f32>(policy, value, grad),
            DType::F64 => self.backward_of::<f64>(policy, value, grad),
            other => bail!("actor-critic loss: {other:?} is not f32 or f64"),
        }
    }
}

impl CustomOp1 for ActorCriticLoss {
    fn name(&self) -> &'static str {
        "actor-critic loss"
    }

    fn cpu_fwd(&self, both: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward_of((both, layout), None)
    }

    fn bwd(&self, both: &Tensor, _loss: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.gradients(both, None, grad)?.0))
    }
}

impl CustomOp2 for ActorCriticLoss {
    fn name(&self) -> &'static str {
        "actor-critic loss"
    }

    fn cpu_fwd(
        &self,
        policy: &CpuStorage,
        policy_layout: &Layout,
        value: &CpuStorage,
        value_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward_of((policy, policy_layout), Some((value, value_layout)))
    }

    fn bwd(
        &self,
        policy: &Tensor,
        value: &Tensor,
        _loss: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (d_policy, d_value) = self.gradients(policy, Some(value), grad)?;
        Ok((Some(d_policy), d_value))
    }
}
