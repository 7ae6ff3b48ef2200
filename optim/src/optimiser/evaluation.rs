//! Weights to evaluate with.

use candle_core::{Tensor, Var};

use super::{Optimiser, Parameter, Slot};
use crate::{Error, EvaluationWeights, Result};

impl Optimiser {
    /// The weights to evaluate with, one tensor for each parameter in order; `None` if they are those that are
    /// stepped, as with most optimisers.
    ///
    /// The parameters keep the weights at which gradients are taken: [`evaluating`](Self::evaluating) exchanges
    /// them for a while, and [`evaluate_with`](Self::evaluate_with) sets a copy of a model.
    ///
    /// # Errors
    /// If a computation fails, or if the optimiser declares a state that it does not have for each weight.
    pub fn evaluation_weights(&self) -> Result<Option<Vec<Tensor>>> {
        let declared = self.agents.iter().map(|agent| agent.spec.evaluation());
        let Some(declared) = declared.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let weights = self
            .slots
            .iter()
            .map(|slot| self.evaluated(slot, &declared));
        weights.collect::<Result<_>>().map(Some)
    }

    fn evaluated(&self, slot: &Slot, declared: &[EvaluationWeights]) -> Result<Tensor> {
        let var: &Var = &slot.parameter.var;
        let names = self.state_names();
        let k = names.iter().position(|name| *name == declared[0].state);
        let k = k.filter(|k| slot.states.len(*k) == var.elem_count() && slot.places.is_none());
        let k = k.ok_or_else(|| {
            Error::usage(format!(
                "this optimiser has no state `{}` with a number for each weight to evaluate with",
                declared[0].state
            ))
        })?;
        let mut axes = vec![1; var.rank()];
        if self.agents_axis {
            axes[0] = declared.len();
        }
        let factors: Vec<f64> = declared.iter().map(|agent| agent.factor).collect();
        let factors = Tensor::from_vec(factors, axes, var.device())?.to_dtype(var.dtype())?;
        let moved = slot.states.tensor(k, var)?.broadcast_mul(&factors)?;
        Ok((var.as_tensor() + moved)?)
    }

    /// What `evaluate` returns while the parameters have the weights to evaluate with. Afterwards they have their
    /// own again, to the bit.
    ///
    /// # Errors
    /// If the weights cannot be computed or set.
    pub fn evaluating<T>(&self, evaluate: impl FnOnce() -> T) -> Result<T> {
        let Some(weights) = self.evaluation_weights()? else {
            return Ok(evaluate());
        };
        let vars = || self.slots.iter().map(|slot| &slot.parameter.var);
        let own = vars().map(|var| var.as_tensor().copy());
        let own = own.collect::<candle_core::Result<Vec<_>>>()?;
        let set = |all: &[Tensor]| vars().zip(all).try_for_each(|(var, x)| var.set(x));
        set(&weights)?;
        let found = evaluate();
        set(&own)?;
        Ok(found)
    }

    /// Sets `copies`, which are copies of agent number `agent`'s parameters under their names, to the weights to
    /// evaluate with. A copy has the agents' axis, of one agent, if the parameters have it. Copies of some of the
    /// parameters are enough. Nothing happens where the weights are those that are stepped.
    ///
    /// # Errors
    /// If there is no such agent or no parameter of a copy's name, or if a copy has another shape.
    pub fn evaluate_with(&self, agent: usize, copies: &[Parameter]) -> Result<()> {
        self.check_agent(agent)?;
        let Some(weights) = self.evaluation_weights()? else {
            return Ok(());
        };
        for Parameter { name, var, .. } in copies {
            let mut slots = self.slots.iter();
            let i = slots.position(|slot| slot.parameter.name == *name);
            let i = i.ok_or_else(|| {
                Error::usage(settings::unknown("parameter", name, self.parameter_names()))
            })?;
            let own = match self.agents_axis {
                true => weights[i].narrow(0, agent, 1)?.contiguous()?,
                false => weights[i].clone(),
            };
            var.set(&own.to_device(var.device())?)?;
        }
        Ok(())
    }
}
