//! Agents that train alone and in a cohort, and continue from saved states.

use candle_core::{Device, Tensor, Var};

use super::{broken, start};
use crate::{Optimiser, Parameter, Restart, Result, Shape, Spec};

/// The shapes of one agent's parameters.
const WEIGHT: [usize; 2] = [3, 5];
const BIAS: [usize; 1] = [3];

/// An optimiser and what it trains.
struct Training {
    optimiser: Optimiser,
    parameters: Vec<Parameter>,
}

impl Training {
    /// Two parameters for `specs`, with one agent for each. The first agent starts like number `first`.
    fn new(specs: &[Spec], first: usize) -> Result<Self> {
        let parameter = |name: &str, shape: &[usize]| -> Result<Parameter> {
            let each: usize = shape.iter().product();
            let numbers = (0..specs.len() * each).map(|i| start(first * each + i) as f32);
            let shape = [&[specs.len()], shape].concat();
            let tensor = Tensor::from_vec(numbers.collect(), shape, &Device::Cpu)?;
            Ok(Parameter::new(name, Var::from_tensor(&tensor)?))
        };
        let parameters = vec![parameter("weight", &WEIGHT)?, parameter("bias", &BIAS)?];
        Ok(Self {
            optimiser: Optimiser::cohort(specs, parameters.clone())?,
            parameters,
        })
    }

    fn train(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            let squares = self.parameters.iter().map(|p| p.var.sqr()?.sum_all());
            let squares = squares.collect::<candle_core::Result<Vec<_>>>()?;
            self.optimiser
                .step(&(&squares[0] + &squares[1])?.backward()?)?;
        }
        Ok(())
    }

    /// The state and the weights of agent number `agent`.
    fn agent(&self, agent: usize) -> Result<(Vec<u8>, Vec<u32>)> {
        let mut weights = Vec::new();
        for parameter in &self.parameters {
            let own = parameter.var.get(agent)?.flatten_all()?.to_vec1::<f32>()?;
            weights.extend(own.into_iter().map(f32::to_bits));
        }
        Ok((self.optimiser.agent_to_safetensors(agent)?, weights))
    }

    /// The same weights with a new optimiser that has restored the state, agent by agent.
    fn restored(&self, specs: &[Spec]) -> Result<Self> {
        let mut parameters = self.parameters.clone();
        for parameter in &mut parameters {
            parameter.var = Var::from_tensor(&parameter.var.copy()?)?;
        }
        let mut optimiser = Optimiser::cohort(specs, parameters.clone())?;
        for agent in 0..specs.len() {
            optimiser.restore_agent(agent, &self.optimiser.agent_to_safetensors(agent)?)?;
        }
        Ok(Self {
            optimiser,
            parameters,
        })
    }
}

/// A cohort of two, its second agent alone, and both again from their saved states.
pub(super) fn check(variant: &str, spec: &Spec) -> Result<()> {
    let pair = [spec.clone(), spec.clone()];
    let mut cohort = Training::new(&pair, 0)?;
    let mut alone = Training::new(&pair[1..], 1)?;
    check_memory(variant, spec, &cohort.optimiser)?;
    for training in [&mut cohort, &mut alone] {
        training.train(4)?;
        if spec.restart() != Restart::Nothing {
            training.optimiser.target_updated()?;
        }
        training.train(2)?;
    }
    if cohort.agent(1)? != alone.agent(0)? {
        return Err(broken(variant, "trains differently in a cohort than alone"));
    }
    let mut restored_cohort = cohort.restored(&pair)?;
    let mut restored_alone = alone.restored(&pair[1..])?;
    for training in [
        &mut cohort,
        &mut alone,
        &mut restored_cohort,
        &mut restored_alone,
    ] {
        training.train(3)?;
    }
    if alone.agent(0)? != restored_alone.agent(0)? {
        return Err(broken(variant, "continues differently from a saved state"));
    }
    for agent in 0..pair.len() {
        if cohort.agent(agent)? != restored_cohort.agent(agent)? {
            let why = "continues differently from a saved state in a cohort";
            return Err(broken(variant, why));
        }
    }
    Ok(())
}

fn check_memory(variant: &str, spec: &Spec, optimiser: &Optimiser) -> Result<()> {
    let counted = optimiser.bytes_per_parameter();
    let rule = spec.plain_rule()?;
    let shapes = [Shape::of(&WEIGHT), Shape::of(&BIAS)];
    let lengths = shapes.iter().flat_map(|shape| rule.tensor_lengths(*shape));
    let weights: usize = shapes.iter().map(|shape| shape.count()).sum();
    let needed = (size_of::<f32>() * lengths.sum::<usize>()) as f64 / weights as f64;
    match counted == needed {
        true => Ok(()),
        false => {
            let why = format!("keeps {counted} bytes for each weight; its states need {needed}");
            Err(broken(variant, &why))
        }
    }
}
