//! The loss of the values against their targets, as one operation with its own backward pass.

use candle_core::{
    CpuStorage, CustomOp3, DType, Device, Layout, Result, Shape, Tensor, WithDType, bail,
};

use super::Loss;
use crate::nn::slices::{contiguous, on_cpu};

/// Each agent's mean loss, `[agents]`, of `q[agent, i, actions[agent, i]]` against `targets[agent, i]`,
/// each multiplied by `weights[agent, i]` if there are weights.
///
/// `q` is `[agents, batch, actions]`, `actions` (u32), `targets` and `weights` (of `q`'s
/// type) are `[agents, batch]`. Only `q` gets a gradient.
pub fn td_loss(
    q: &Tensor,
    actions: &Tensor,
    targets: &Tensor,
    weights: Option<&Tensor>,
    loss: Loss,
) -> Result<Tensor> {
    if let Some(weights) = weights
        && (weights.dims() != targets.dims() || weights.dtype() != q.dtype())
    {
        bail!("td-loss: weights {weights:?} and targets {targets:?} do not fit");
    }
    let weights = weights.map(Tensor::contiguous).transpose()?;
    q.contiguous()?
        .apply_op3(actions, targets, TdLoss { loss, weights })
}

/// [`td_loss`] composed of candle's operations, which is what runs on a GPU.
pub(super) fn composed_td_loss(
    q: &Tensor,
    actions: &Tensor,
    targets: &Tensor,
    weights: Option<&Tensor>,
    loss: Loss,
) -> Result<Tensor> {
    let chosen = q.gather(&actions.unsqueeze(2)?, 2)?.squeeze(2)?;
    let d = (chosen - targets)?;
    let each = match loss {
        Loss::Mse => d.sqr()?,
        Loss::Huber => {
            // c (|d| - c / 2) with c = min(|d|, 1).
            let size = d.abs()?;
            let least = size.clamp(0.0, 1.0)?;
            let rest = (&size - (&least * 0.5)?)?;
            (least * rest)?
        }
    };
    let each = match weights {
        Some(weights) => (each * weights)?,
        None => each,
    };
    each.mean(1)
}

struct TdLoss {
    loss: Loss,
    weights: Option<Tensor>,
}

impl Loss {
    /// The loss of the difference `d` and its derivative.
    #[inline]
    pub(crate) fn of<T: WithDType>(self, d: T) -> (T, T) {
        let (half, one) = (T::from_f64(0.5), T::from_f64(1.0));
        match self {
            Loss::Mse => (d * d, d + d),
            Loss::Huber if d > one => (d - half, one),
            Loss::Huber if d < T::from_f64(-1.0) => {
                (T::from_f64(0.0) - d - half, T::from_f64(-1.0))
            }
            Loss::Huber => (half * d * d, d),
        }
    }
}

fn dims(q: &Shape, actions: &Shape, targets: &Shape) -> Result<(usize, usize, usize)> {
    let (agents, batch, n) = q.dims3()?;
    if actions.dims() != [agents, batch] || targets.dims() != [agents, batch] {
        bail!("td-loss: values {q:?}, actions {actions:?} and targets {targets:?} do not fit");
    }
    Ok((agents, batch, n))
}

impl TdLoss {
    /// Calls `f` with the weights, or with an empty slice if there are none.
    fn with_weights<T: WithDType, R>(&self, f: impl FnOnce(&[T]) -> R) -> Result<R> {
        let Some(weights) = &self.weights else {
            return Ok(f(&[]));
        };
        let (storage, layout) = weights.storage_and_layout();
        Ok(f(on_cpu(&storage, layout)?))
    }

    fn forward<T: WithDType>(
        &self,
        (agents, batch, n): (usize, usize, usize),
        q: &[T],
        actions: &[u32],
        targets: &[T],
        weights: &[T],
    ) -> Vec<T> {
        let mean = T::from_f64(1.0 / batch as f64);
        let of = |i: usize| {
            let loss = self.loss.of(q[i * n + actions[i] as usize] - targets[i]).0;
            weights.get(i).map_or(loss, |weight| *weight * loss)
        };
        let agent = |a: usize| {
            let rows = a * batch..(a + 1) * batch;
            rows.map(of).fold(T::from_f64(0.0), |sum, x| sum + x) * mean
        };
        (0..agents).map(agent).collect()
    }

    fn backward<T: WithDType>(
        &self,
        q: &Tensor,
        actions: &Tensor,
        targets: &Tensor,
        grad: &Tensor,
    ) -> Result<Tensor> {
        let (agents, batch, n) = dims(q.shape(), actions.shape(), targets.shape())?;
        let grad: Vec<T> = grad.to_vec1()?;
        let mut dq = vec![T::from_f64(0.0); agents * batch * n];
        let (q_s, actions_s, targets_s) = (
            q.storage_and_layout(),
            actions.storage_and_layout(),
            targets.storage_and_layout(),
        );
        let (values, actions, targets) = (
            on_cpu::<T>(&q_s.0, q_s.1)?,
            on_cpu::<u32>(&actions_s.0, actions_s.1)?,
            on_cpu::<T>(&targets_s.0, targets_s.1)?,
        );
        let mean = T::from_f64(1.0 / batch as f64);
        self.with_weights(|weights: &[T]| {
            for i in 0..agents * batch {
                let at = i * n + actions[i] as usize;
                let slope = self.loss.of(values[at] - targets[i]).1 * mean * grad[i / batch];
                dq[at] = weights.get(i).map_or(slope, |weight| *weight * slope);
            }
        })?;
        Tensor::from_vec(dq, q.shape(), &Device::Cpu)
    }
}

impl CustomOp3 for TdLoss {
    fn name(&self) -> &'static str {
        "td-loss"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        actions: &CpuStorage,
        actions_layout: &Layout,
        targets: &CpuStorage,
        targets_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let d = dims(
            q_layout.shape(),
            actions_layout.shape(),
            targets_layout.shape(),
        )?;
        let actions: &[u32] = contiguous(actions, actions_layout)?;
        if let Some(action) = actions.iter().find(|a| **a as usize >= d.2) {
            bail!("td-loss: action {action} of {}", d.2);
        }
        let loss = match q {
            CpuStorage::F32(_) => {
                let q = contiguous(q, q_layout)?;
                let targets = contiguous(targets, targets_layout)?;
                let forward = |weights: &[_]| self.forward(d, q, actions, targets, weights);
                CpuStorage::F32(self.with_weights(forward)?)
            }
            CpuStorage::F64(_) => {
                let q = contiguous(q, q_layout)?;
                let targets = contiguous(targets, targets_layout)?;
                let forward = |weights: &[_]| self.forward(d, q, actions, targets, weights);
                CpuStorage::F64(self.with_weights(forward)?)
            }
            _ => bail!("td-loss: f32 or f64 only"),
        };
        Ok((loss, Shape::from(d.0)))
    }

    fn bwd(
        &self,
        q: &Tensor,
        actions: &Tensor,
        targets: &Tensor,
        _loss: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dq = match q.dtype() {
            DType::F32 => self.backward::<f32>(q, actions, targets, grad)?,
            DType::F64 => self.backward::<f64>(q, actions, targets, grad)?,
            other => bail!("td-loss: {other:?} is not f32 or f64"),
        };
        Ok((Some(dq), None, None))
    }
}
