//! Steps candle variables with a rule.

mod agent_step;
mod candle_nn;
mod evaluation;
mod flat;
#[cfg(feature = "cuda")]
pub(crate) mod gpu;
mod group;
mod layout;
mod parameter;
mod save;
mod slot;
mod states;
mod step;
mod whole;

use ::candle_nn::VarMap;

pub use flat::flat_gradient;
pub use group::Group;
pub use layout::Layout;
pub use parameter::Parameter;

use crate::{AnyRule, Clipping, Error, Restart, Result, Schedule, Spec, StepBound};
use parameter::check_distinct;
use slot::Slot;
use states::{States, part};

/// An optimiser that steps the parameters of one agent or of a cohort of agents.
///
/// The agents share a rule and its branches; everything else (lr, betas, eps, ...) may differ between
/// agents.
pub struct Optimiser {
    agents: Vec<AgentRules>,
    /// Whether the first axis of each parameter is the agents'.
    agents_axis: bool,
    slots: Vec<Slot>,
    /// The states of each agent as a whole, if the rule has such.
    of_agents: States,
    /// Room for all parameters of an agent side by side, if the rule sees them so.
    gathered: whole::AnyGathered,
    /// Group number 0 has no entry here: it holds the parameters that are in none of these groups.
    groups: Vec<Group>,
    clipping: Clipping,
    schedule: Schedule,
    /// The number of steps that the schedule spans.
    horizon: u64,
    /// Steps done.
    step: u64,
    /// Whether the parameters' names are the same in every process.
    named: bool,
    gradients_may_be_missing: bool,
    /// An lr that was given to `set_learning_rate`, which cannot fail, but is not allowed.
    refused_lr: Option<f64>,
    #[cfg(feature = "cuda")]
    kernel: Option<gpu::Kernel>,
}

/// One agent's rules and its progress.
struct AgentRules {
    spec: Spec,
    /// The rule of each group; first, that of parameters in no group.
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
    /// With more than one agent, each parameter has the agents as its first axis. With one it does not: see
    /// [`cohort`](Self::cohort).
    ///
    /// # Errors
    /// If the agents' rules differ in more than numbers, if two parameters share a name or a variable,
    /// if they are on different devices, or if one has another type or shape.
    pub fn new(specs: &[Spec], parameters: Vec<Parameter>) -> Result<Self> {
        Self::with_axis(specs, parameters, specs.len() > 1)
    }

    /// [`new`](Self::new) for parameters whose first axis is the agents', even if there is only one. The two
    /// differ for rules that step whole tensors, which have to know where a matrix begins.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn cohort(specs: &[Spec], parameters: Vec<Parameter>) -> Result<Self> {
        Self::with_axis(specs, parameters, true)
    }

    fn with_axis(specs: &[Spec], parameters: Vec<Parameter>, agents_axis: bool) -> Result<Self> {
        let agents = specs
            .iter()
            .map(AgentRules::new)
            .collect::<Result<Vec<_>>>()?;
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
        let rules: Vec<&dyn AnyRule> = agents.iter().map(AgentRules::rule).collect();
        let slots = parameters
            .into_iter()
            .map(|parameter| Slot::new(parameter, agents_axis, &rules));
        let slots = slots.collect::<Result<Vec<_>>>()?;
        let mut optimiser = Self {
            of_agents: whole::states(first.rule(), &slots, agents.len())?,
            gathered: Default::default(),
            slots,
            agents,
            agents_axis,
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
        optimiser.reset_states(|_| true)?;
        Ok(optimiser)
    }

    /// An optimiser for every variable of `variables`, in the order of their names there.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_varmap(spec: impl Into<Spec>, variables: &VarMap) -> Result<Self> {
        let variables = variables.data().lock();
        let variables = variables.unwrap_or_else(std::sync::PoisonError::into_inner);
        let named = variables
            .iter()
            .map(|(name, var)| Parameter::new(name, var.clone()));
        let mut parameters: Vec<Parameter> = named.collect();
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        Self::new(&[spec.into()], parameters)
    }

    /// Clips gradients. An error unless the norm or the value is above 0 and finite.
    pub fn clip(mut self, clipping: Clipping) -> Result<Self> {
        clipping.check()?;
        self.clipping = clipping;
        Ok(self)
    }

    /// Makes lr follow `schedule` over `steps` steps.
    pub fn schedule(mut self, schedule: Schedule, steps: u64) -> Self {
        (self.schedule, self.horizon) = (schedule, steps);
        self
    }

    /// Leaves parameters without a gradient, and their states, as they are. Without this, a step that
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

    /// Bytes of state that are actually allocated, for each trained number; 0 if there are no
    /// parameters.
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

    /// Sets the learning rate of every agent, for all parameters except those of a [`Group`] with its
    /// own lr.
    ///
    /// # Errors
    /// If `lr` is negative, infinite or NaN.
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

    /// Must be called after an update of the target network; it triggers `restart_t` and
    /// `reset_moments`.
    pub fn target_updated(&mut self) -> Result<()> {
        for agent in &mut self.agents {
            match agent.restart {
                Restart::Nothing => {}
                Restart::Time | Restart::State => agent.t = 0,
            }
        }
        self.reset_states(|agent| matches!(agent.restart, Restart::State))
    }

    /// Sets the states of the agents that `which` selects to what they are at first.
    fn reset_states(&mut self, which: impl Fn(&AgentRules) -> bool) -> Result<()> {
        let initial = |agent: &AgentRules| which(agent).then(|| agent.rule().initial());
        let initial: Vec<Option<Vec<f64>>> = self.agents.iter().map(initial).collect();
        if initial.iter().all(Option::is_none) {
            return Ok(());
        }
        let each: Vec<Option<&[f64]>> = initial.iter().map(Option::as_deref).collect();
        for slot in &mut self.slots {
            slot.states.fill(&each)?;
        }
        // The last of them belong to an agent as a whole.
        let last = self.agents[0].rule().states_of_agent();
        let of_agents = each.iter().map(|of| of.map(|of| &of[of.len() - last..]));
        self.of_agents.fill(&of_agents.collect::<Vec<_>>())
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

impl AgentRules {
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

    /// The rule of the parameters in no group. The rules of groups differ from it only in scalars.
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
