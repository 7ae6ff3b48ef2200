//! Steps candle variables with a rule.

mod candle_nn;
mod flat;
#[cfg(feature = "cuda")]
pub(crate) mod gpu;
mod group;
mod parameter;
mod save;
mod states;
mod step;

use ::candle_nn::VarMap;

pub use flat::flat_gradient;
pub use group::Group;
pub use parameter::Parameter;

use crate::{AnyRule, Clipping, Error, Restart, Result, Schedule, Spec, StepBound};
use parameter::{Slot, check_distinct};
use states::{States, part};

/// An optimiser at work on the parameters of one agent, or of a cohort of agents.
///
/// The agents share a rule and its branches; everything else (lr, betas, eps, ...) is each one's own.
pub struct Optimiser {
    agents: Vec<Agent>,
    slots: Vec<Slot>,
    /// Group number 0 has no entry here: it is the parameters that are in none of these.
    groups: Vec<Group>,
    clipping: Clipping,
    schedule: Schedule,
    /// How many steps the schedule spans.
    horizon: u64,
    /// Steps done.
    step: u64,
    /// Whether the parameters' names mean something from one process to the next.
    named: bool,
    gradients_may_be_missing: bool,
    /// What `set_learning_rate`, which cannot fail, was asked for and is not allowed.
    refused_lr: Option<f64>,
    #[cfg(feature = "cuda")]
    kernel: Option<gpu::Kernel>,
}

/// One agent's rules, and where it is.
struct Agent {
    spec: Spec,
    /// The rule of each group, that of no group first.
    rules: Vec<GroupRule>,
    restart: Restart,
    bound: Option<StepBound>,
    /// Steps since the last restart.
    t: u64,
}

/// How one agent steps the parameters of one group.
struct GroupRule {
    rule: Box<dyn AnyRule>,
    lr: f64,
}

impl Optimiser {
    /// An optimiser for `parameters`, f32 or f64, of a cohort with an agent for each of `specs`.
    ///
    /// With more than one agent, each parameter has the agents as its first axis.
    ///
    /// # Errors
    /// If the agents' rules differ in more than numbers, two parameters share a name or a variable, they
    /// are on different devices, or one is of another type or shape.
    pub fn new(specs: &[Spec], parameters: Vec<Parameter>) -> Result<Self> {
        let agents = specs.iter().map(Agent::new).collect::<Result<Vec<_>>>()?;
        let first = agents
            .first()
            .ok_or_else(|| Error::usage("an optimiser needs at least one agent"))?;
        let other = agents
            .iter()
            .position(|agent| agent.rule().arithmetic() != first.rule().arithmetic());
        if let Some(i) = other {
            return Err(Error::usage(format!(
                "agents of a cohort share one rule and its terms; `{}` and `{}` do not (momentum 0 has no momentum term)",
                specs[0], specs[i]
            )));
        }
        check_distinct(&parameters)?;
        let states = first.rule().state_names().len();
        let slots = parameters
            .into_iter()
            .map(|parameter| Slot::new(parameter, agents.len(), states));
        let mut optimiser = Self {
            slots: slots.collect::<Result<_>>()?,
            agents,
            groups: Vec::new(),
            clipping: Clipping::Off,
            schedule: Schedule::default(),
            horizon: u64::MAX,
            step: 0,
            named: true,
            gradients_may_be_missing: false,
            refused_lr: None,
            #[cfg(feature = "cuda")]
            kernel: None,
        };
        optimiser.check_saved_names()?;
        // The agents of a cohort may start their states from different values.
        for agent in 0..optimiser.agents.len() {
            optimiser.reset_states(agent)?;
        }
        Ok(optimiser)
    }

    /// An optimiser for every variable of `variables`, in the order of their names there.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_varmap(spec: impl Into<Spec>, variables: &VarMap) -> Result<Self> {
        let variables = variables.data().lock();
        let variables = variables.unwrap_or_else(std::sync::PoisonError::into_inner);
        let named = variables.iter().map(|(name, var)| Parameter {
            name: name.clone(),
            var: var.clone(),
        });
        let mut parameters: Vec<Parameter> = named.collect();
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        Self::new(&[spec.into()], parameters)
    }

    /// With gradients clipped.
    pub fn clip(mut self, clipping: Clipping) -> Self {
        self.clipping = clipping;
        self
    }

    /// With lr following `schedule` over `steps` steps.
    pub fn schedule(mut self, schedule: Schedule, steps: u64) -> Self {
        (self.schedule, self.horizon) = (schedule, steps);
        self
    }

    /// With parameters that have no gradient left as they are, their states too. Without this, a step that
    /// finds no gradient for a parameter is an error.
    pub fn allow_missing_gradients(mut self) -> Self {
        self.gradients_may_be_missing = true;
        self
    }

    /// The parameters' names, in the order in which they are stepped.
    pub fn parameter_names(&self) -> Vec<&str> {
        let names = self.slots.iter().map(|slot| slot.parameter.name.as_str());
        names.collect()
    }

    /// Bytes of state that are really allocated, for each trained number; 0 if there is none.
    pub fn bytes_per_parameter(&self) -> f64 {
        let bytes: usize = self.slots.iter().map(|slot| slot.states.byte_count()).sum();
        let counts = self
            .slots
            .iter()
            .map(|slot| slot.parameter.var.elem_count());
        match counts.sum::<usize>() {
            0 => 0.0,
            count => bytes as f64 / count as f64,
        }
    }

    /// The first agent's learning rate, before the schedule.
    pub fn lr(&self) -> f64 {
        self.agents[0].rules[0].lr
    }

    /// Sets the learning rate of every agent, for all parameters but those of a [`Group`] with an lr of its own.
    ///
    /// # Errors
    /// If `lr` is negative, infinite or no number.
    pub fn set_lr(&mut self, lr: f64) -> Result<()> {
        check_lr(lr)?;
        let own = self.groups.iter().map(|group| group.lr.is_some());
        let own: Vec<bool> = std::iter::once(false).chain(own).collect();
        for agent in &mut self.agents {
            for (rule, _) in agent.rules.iter_mut().zip(&own).filter(|(_, own)| !**own) {
                rule.lr = lr;
            }
        }
        self.refused_lr = None;
        Ok(())
    }

    /// To be called when the target network has been updated: what `restart_t` and `reset_moments` wait for.
    pub fn target_updated(&mut self) -> Result<()> {
        for agent in 0..self.agents.len() {
            match self.agents[agent].restart {
                Restart::Nothing => {}
                Restart::Time => self.agents[agent].t = 0,
                Restart::State => {
                    self.agents[agent].t = 0;
                    self.reset_states(agent)?;
                }
            }
        }
        Ok(())
    }

    fn reset_states(&mut self, agent: usize) -> Result<()> {
        let initial = self.agents[agent].rule().initial();
        for slot in &mut self.slots {
            let range = part(slot.parameter.var.elem_count(), agent, self.agents.len());
            slot.states.fill(range, &initial)?;
        }
        Ok(())
    }

    fn check_agent(&self, agent: usize) -> Result<()> {
        let agents = self.agents.len();
        match agent < agents {
            true => Ok(()),
            false => Err(Error::usage(format!(
                "there is no agent number {agent}; allowed: 0 to {}",
                agents - 1
            ))),
        }
    }

    /// The states' names.
    pub fn state_names(&self) -> &'static [&'static str] {
        self.agents[0].rule().state_names()
    }
}

impl Agent {
    fn new(spec: &Spec) -> Result<Self> {
        let (rule, lr) = (spec.rule()?, spec.lr());
        check_lr(lr)?;
        Ok(Self {
            rules: vec![GroupRule { rule, lr }],
            spec: spec.clone(),
            restart: spec.restart(),
            bound: spec.bound(),
            t: 0,
        })
    }

    /// The rule of the parameters in no group. Those of groups differ from it in scalars alone.
    fn rule(&self) -> &dyn AnyRule {
        &*self.rules[0].rule
    }
}

fn check_lr(lr: f64) -> Result<()> {
    match lr.is_finite() && lr >= 0.0 {
        true => Ok(()),
        false => Err(Error::usage(format!(
            "lr = {lr} is not allowed; allowed: a finite number >= 0"
        ))),
    }
}
