//! DQN runs: act, step, observe, learn, evaluate; one agent or a cohort in lock-step.

use candle_core::DType;

use super::{
    Checkpoint, Config, Control, Observer, Outcome, Status, UpdateRow, checkpoint, member::Member,
};
use crate::{
    Error, Result,
    agent::{Ahead, Batch, Dqn, Learned, epsilon},
    streams::{Stream, stream},
};

/// Steps between two calls of [`Observer::progress`].
const PROGRESS_EVERY: u64 = 500;
/// Steps between two looks at the clock.
const LOOK_EVERY: u64 = 16;

/// A run to be done: its configuration, where it goes on, who watches.
pub struct Task<'a> {
    /// What is run.
    pub config: &'a Config,
    /// Where it goes on; from the start if there is none.
    pub from: Option<Checkpoint>,
    /// Who is told.
    pub observer: &'a mut dyn Observer,
}

/// Trains as `config` says, from its start to its end, and tells `observer`. The result depends on
/// `config` alone.
pub fn run(config: &Config, observer: &mut dyn Observer) -> Result<Outcome> {
    let from = None;
    let task = Task {
        config,
        from,
        observer,
    };
    let mut outcomes = run_cohort(vec![task], &Control::default())?;
    Ok(outcomes.remove(0))
}

/// Trains agents that differ in their seeds and their optimisers' hyper-parameters in lock-step, as
/// one batch. What comes of each is what would come of it alone, to the byte.
///
/// Tasks that go on from checkpoints must be at the same step.
pub fn run_cohort(tasks: Vec<Task>, control: &Control) -> Result<Vec<Outcome>> {
    let mut cohort = Cohort::new(tasks)?;
    let Some(first) = cohort.members.first() else {
        return Ok(Vec::new());
    };
    let run = &first.config.run;
    // A foreign environment's state is hidden.
    let savable = first.env.save().is_ok();
    if cohort.step == 0 {
        cohort.evaluate()?;
    }
    let mut saved = cohort.step;
    while cohort.step < run.steps && cohort.members.iter().any(Member::alive) {
        cohort.take_step()?;
        let step = cohort.step;
        let last = step == run.steps;
        if step.is_multiple_of(run.eval_every) || last {
            cohort.evaluate()?;
        }
        if last {
            continue;
        }
        let stop = control.stopped();
        let look = step.is_multiple_of(LOOK_EVERY);
        if savable && (stop.is_some() || control.save_is_due(step, look)) {
            cohort.save()?;
            control.saved();
            saved = step;
        }
        if let Some(signal) = stop {
            return Err(Error::Stopped {
                signal,
                step,
                of: run.steps,
                saved,
            });
        }
    }
    cohort.finish()
}

/// Agents in lock-step.
struct Cohort<'a> {
    members: Vec<Member<'a>>,
    agents: Dqn,
    batch: Batch,
    /// What they see, `[agents, obs_len]`.
    obs: Vec<f32>,
    actions: Vec<Option<usize>>,
    /// Environment steps each has done.
    step: u64,
}

impl<'a> Cohort<'a> {
    fn new(tasks: Vec<Task<'a>>) -> Result<Self> {
        let (mut members, mut from) = (Vec::new(), Vec::new());
        for task in tasks {
            members.push(Member::new(task.config, task.observer)?);
            from.push(task.from);
        }
        let first = members
            .first()
            .ok_or_else(|| Error::usage("a cohort has at least one agent"))?;
        if let Some(other) = members.iter().find(|m| !alike(first.config, m.config)) {
            return Err(Error::usage(format!(
                "agents of a cohort differ in their seeds and their optimisers' hyper-parameters \
                 alone; seeds {} and {} differ in more",
                first.config.run.seed, other.config.run.seed
            )));
        }
        let config = first.config;
        let spec = first.env.spec();
        let specs: Vec<_> = members.iter().map(|m| m.config.optimiser.clone()).collect();
        let mut init: Vec<_> = members
            .iter()
            .map(|m| stream(m.config.run.seed, Stream::Init))
            .collect();
        let mut cohort = Self {
            agents: Dqn::on(
                &config.agent,
                &specs,
                spec.observation.shape.clone(),
                spec.actions,
                &mut init,
                config.agent.updates(config.run.steps),
                (DType::F32, &config.run.device.device()?),
            )?,
            batch: Batch::default(),
            obs: Vec::new(),
            actions: Vec::new(),
            step: 0,
            members,
        };
        let steps = |from: &Option<Checkpoint>| from.as_ref().map_or(0, |from| from.step);
        cohort.step = from.first().map_or(0, steps);
        if from.iter().any(|from| steps(from) != cohort.step) {
            return Err(Error::usage(
                "agents of a cohort go on together only from the same step",
            ));
        }
        for (agent, from) in from.into_iter().enumerate() {
            if let Some(from) = from {
                from.load(&mut cohort.members[agent], &mut cohort.agents, agent)?;
            }
        }
        Ok(cohort)
    }

    /// One step of each agent, and the updates that are due after it.
    fn take_step(&mut self) -> Result<()> {
        let (config, steps) = {
            let config = self.members[0].config;
            (&config.agent, config.run.steps)
        };
        let epsilon = epsilon(config, self.step, steps);
        self.act(epsilon)?;
        self.learn()?;
        self.step += 1;
        if self.step.is_multiple_of(PROGRESS_EVERY) || self.step == steps {
            for member in &mut self.members {
                member.observer.progress(self.step, epsilon)?;
            }
        }
        Ok(())
    }

    fn act(&mut self, epsilon: f64) -> Result<()> {
        self.actions.clear();
        for member in &mut self.members {
            let random = match member.alive() {
                true => member.random_action(epsilon),
                false => Some(0),
            };
            self.actions.push(random);
        }
        if self.actions.contains(&None) {
            self.obs.clear();
            for member in &self.members {
                self.obs.extend_from_slice(&member.obs);
            }
            let greedy = self.agents.act(&self.obs)?;
            for (action, greedy) in self.actions.iter_mut().zip(greedy) {
                action.get_or_insert(greedy);
            }
        }
        for (member, action) in self.members.iter_mut().zip(&self.actions) {
            if let (true, Some(action)) = (member.alive(), *action) {
                member.act(action, self.step, epsilon)?;
            }
        }
        Ok(())
    }

    /// The updates that are due at this step, in CleanRL's order: steps count from 0, and none
    /// happens before `learning_starts` is passed.
    fn learn(&mut self) -> Result<()> {
        let agent = &self.members[0].config.agent;
        if self.step <= agent.learning_starts {
            return Ok(());
        }
        if self.step.is_multiple_of(agent.train_frequency) {
            for _ in 0..agent.gradient_steps {
                if !self.members.iter().any(Member::alive) {
                    break;
                }
                self.gradient_step()?;
            }
        }
        // An agent that has just diverged is past caring.
        if self.step.is_multiple_of(agent.target_network_frequency) {
            self.agents.update_target()?;
        }
        Ok(())
    }

    fn gradient_step(&mut self) -> Result<()> {
        self.batch.clear();
        for member in &mut self.members {
            // One that diverged still has its place in the batch; nobody looks at what it learns.
            member.sample(self.step, &mut self.batch);
            if member.alive() {
                member.updates += 1;
            }
        }
        let first = &self.members[0];
        let updates = self.members.iter().map(|m| m.updates).max().unwrap_or(1);
        let record = (updates - 1).is_multiple_of(first.config.run.log_every);
        let (step, agents, batch) = (self.step, self.members.len(), &self.batch);
        let watch = |ahead: &Ahead| {
            let members = self.members.iter_mut().enumerate();
            let sound = members.filter(|(agent, member)| member.alive() && !ahead.diverged[*agent]);
            let mut each =
                sound.map(|(agent, member)| member.watch(step, (agent, agents), batch, ahead));
            each.try_for_each(|watched| watched)
        };
        let learned = self.agents.learn_watched(batch, record, watch)?;
        let size = self.members[0].config.agent.batch_size;
        for (agent, member) in self.members.iter_mut().enumerate() {
            if member.alive() {
                let own = agent * size..(agent + 1) * size;
                hear(member, agent, self.step + 1, record, &learned)?;
                if let (true, Some(errors)) = (member.alive(), &learned.td_errors) {
                    let indices = &self.batch.indices[own.clone()];
                    member.replay.update_priorities(indices, &errors[own]);
                }
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<()> {
        for (agent, member) in self.members.iter_mut().enumerate() {
            if member.alive() {
                member.evaluate(&self.agents.policy(agent)?, self.step)?;
            }
        }
        Ok(())
    }

    /// Gives each observer what it takes to go on from here.
    fn save(&mut self) -> Result<()> {
        for (agent, member) in self.members.iter_mut().enumerate() {
            if member.alive() {
                let snapshot = checkpoint::snapshot(member, &self.agents, agent, self.step)?;
                member.observer.checkpoint(&snapshot)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Outcome>> {
        let bytes = self.agents.optimiser_bytes_per_parameter();
        let finish = |member: Member| {
            member.observer.policy(&member.best_policy)?;
            Ok(member.outcome(self.step, bytes))
        };
        self.members.into_iter().map(finish).collect()
    }
}

/// Tells a member what came of a gradient step.
fn hear(member: &mut Member, agent: usize, step: u64, record: bool, of: &Learned) -> Result<()> {
    let diverged = of.diverged[agent];
    if let (true, Some(details)) = (record || diverged, &of.details) {
        member.observer.update(&UpdateRow {
            step,
            update: member.updates,
            loss: of.loss[agent],
            mean_q: details.mean_q[agent],
            grad_norm: details.grad_norm[agent],
        })?;
    }
    if diverged {
        member.status = Status::Diverged;
        member.diverged_at = Some(step);
    }
    Ok(())
}

/// Whether two agents can be in one cohort, as far as anything but their optimisers goes.
fn alike(a: &Config, b: &Config) -> bool {
    let mut run = b.run.clone();
    run.seed = a.run.seed;
    a.run == run && a.agent == b.agent
}
