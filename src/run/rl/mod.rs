//! Runs of agents: act, observe, learn, evaluate; one agent or a cohort in lock-step. Which algorithm the
//! agents follow makes no difference here.

mod actor;
mod config;
mod configuration;
mod evaluate;
mod longer;
mod member;
mod memory;
mod play;
mod start;
mod state;

use std::ops::Range;

pub use actor::{Actor, Trained};
pub(super) use config::optimiser;
pub use config::{Config, ConfigSource, RunConfig};
pub use evaluate::Evaluator;
pub use memory::check as check_memory;
pub use play::{Episode, Picture, drawable, play};
pub use start::check_start;

use self::member::Member;
use crate::{
    Error, Result,
    algorithm::{Algorithm, Experience, Learning, PendingUpdate, Setup},
    run::{
        Checkpoint, Control, Observer, Progress, RlOutcome, Row, Snapshot, Status, UpdateRow,
        control::passes,
        diagnose::{Asked, Diagnostics},
    },
};

/// Steps between two calls of [`Observer::progress`].
const PROGRESS_EVERY: u64 = 500;
/// Steps between two looks at the clock.
const LOOK_EVERY: u64 = 16;

/// A run to be done: its configuration, where it continues, its observer.
pub struct RunTask<'a> {
    /// What is run.
    pub config: &'a Config,
    /// Where it continues; from the start if there is none.
    pub from: Option<Checkpoint>,
    /// Who is told.
    pub observer: &'a mut dyn Observer,
}

/// Trains an agent as `config` says, from start to end, and tells `observer`. The result depends only on
/// `config`.
pub fn train(config: &Config, observer: &mut dyn Observer) -> Result<RlOutcome> {
    let from = None;
    let task = RunTask {
        config,
        from,
        observer,
    };
    let mut outcomes = train_cohort(vec![task], &Control::default())?;
    Ok(outcomes.remove(0))
}

/// Trains agents that differ in their seeds and their optimisers' hyper-parameters in lock-step, as
/// one batch. Each agent's results are, to the byte, those that it would have alone.
///
/// Tasks that continue from checkpoints must be at the same step.
pub fn train_cohort(tasks: Vec<RunTask>, control: &Control) -> Result<Vec<RlOutcome>> {
    let mut cohort = CohortRun::new(tasks)?;
    let run = &cohort.members[0].config.run;
    // A foreign environment's state is hidden.
    let savable = cohort.members[0].envs[0].env.save().is_ok();
    if cohort.step == 0 {
        cohort.evaluate()?;
    }
    let mut saved = cohort.step;
    while cohort.step < run.steps && cohort.members.iter().any(Member::is_alive) {
        let before = cohort.step;
        cohort.take_step(control, saved)?;
        let step = cohort.step;
        if passes(before, step, run.eval_every) {
            cohort.evaluate()?;
        }
        if step == run.steps {
            continue;
        }
        if passes(before, step, PROGRESS_EVERY) {
            cohort.tell_progress()?;
        }
        let stop = control.stopped();
        let look = passes(before, step, LOOK_EVERY);
        if savable && (stop.is_some() || control.save_is_due(before, step, look)) {
            cohort.save(|observer, snapshot| observer.checkpoint(snapshot))?;
            control.checkpoint_made();
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
    if cohort.step == run.steps {
        // A longer run would not make an evaluation that only the end of this one calls for.
        if savable && control.keep_end {
            cohort.save(|observer, snapshot| observer.end(snapshot))?;
        }
        let before = run.steps - cohort.environments as u64;
        if !passes(before, run.steps, run.eval_every) {
            cohort.evaluate()?;
        }
        cohort.tell_progress()?;
    }
    cohort.finish()
}

/// Agents in lock-step; there is at least one.
struct CohortRun<'a> {
    members: Vec<Member<'a>>,
    algorithm: Box<dyn Algorithm>,
    /// The environments of each agent.
    environments: usize,
    /// The numbers in an observation.
    obs_len: usize,
    /// What the agents see, `[agents, environments, observation]`.
    obs: Vec<f32>,
    /// What they see after their steps.
    next_obs: Vec<f32>,
    /// `[agents, environments]`.
    actions: Vec<usize>,
    alive: Vec<bool>,
    /// Environment steps that each agent has done, over all of its environments.
    step: u64,
}

impl<'a> CohortRun<'a> {
    fn new(tasks: Vec<RunTask<'a>>) -> Result<Self> {
        let (mut members, mut from) = (Vec::new(), Vec::new());
        for task in tasks {
            members.push(Member::new(task.config, task.observer)?);
            from.push(task.from);
        }
        let first = members
            .first()
            .ok_or_else(|| Error::usage("a cohort has at least one agent"))?;
        let config = first.config;
        if let Some(other) = members.iter().find(|m| !config.is_like(m.config)) {
            return Err(Error::usage(format!(
                "agents of a cohort may differ only in their seeds and their optimisers' hyper-parameters; seeds {} and {} \
                 differ in more",
                config.run.seed, other.config.run.seed
            )));
        }
        let steps_done = |from: &Option<Checkpoint>| from.as_ref().map_or(0, |from| from.step);
        let step = steps_done(&from[0]);
        if from.iter().any(|from| steps_done(from) != step) {
            return Err(Error::usage(
                "agents of a cohort can continue together only from the same step",
            ));
        }
        check_memory(config, members.len())?;
        let algorithm = make(&members)?;
        let agents = members.len();
        let (environments, obs_len) = (members[0].envs.len(), members[0].spec().observation.len());
        let mut cohort = Self {
            obs: vec![0.0; agents * environments * obs_len],
            next_obs: vec![0.0; agents * environments * obs_len],
            actions: vec![0; agents * environments],
            alive: vec![true; agents],
            environments,
            obs_len,
            members,
            algorithm,
            step,
        };
        for (agent, from) in from.into_iter().enumerate() {
            cohort.prepare(agent, from)?;
        }
        Ok(cohort)
    }

    /// Puts agent number `agent` at its start, or at the state in `from`.
    fn prepare(&mut self, agent: usize, from: Option<Checkpoint>) -> Result<()> {
        let own = self.seen_by(agent);
        let obs = &mut self.obs[own];
        let member = &mut self.members[agent];
        let run = &member.config.run;
        let asked = Asked {
            every: run.diagnostics,
            lags: run.diagnostics_lags,
            seed: run.seed,
        };
        let clock = self.algorithm.target_clock();
        member.diagnostics = Diagnostics::new(asked, &member.config.optimiser, clock);
        for (own, obs) in member
            .envs
            .iter_mut()
            .zip(obs.chunks_exact_mut(self.obs_len))
        {
            own.reset(obs);
        }
        let Some(from) = from else {
            let networks = start::networks(member.config)?;
            return networks.map_or(Ok(()), |networks| {
                self.algorithm.start_from(agent, &networks)
            });
        };
        from.restore(|saved| state::load(member, self.algorithm.as_mut(), agent, obs, saved))
    }

    /// Where agent number `agent`'s observations are in those of all.
    fn seen_by(&self, agent: usize) -> Range<usize> {
        let each = self.environments * self.obs_len;
        agent * each..(agent + 1) * each
    }

    /// One step of each agent in each of its environments, and the updates that are due after it. An error if `control`
    /// ends the run while the agents learn, whose last checkpoint is at step `saved`.
    fn take_step(&mut self, control: &Control, saved: u64) -> Result<()> {
        for (alive, member) in self.alive.iter_mut().zip(&self.members) {
            *alive = member.is_alive();
        }
        let step = self.step;
        let after = step + self.environments as u64;
        self.algorithm
            .act(step, &self.obs, &self.alive, &mut self.actions)?;
        self.act()?;
        let mut listeners = Listeners {
            log_every: self.members[0].config.run.log_every,
            members: &mut self.members,
            step: after,
            control,
            saved,
        };
        self.algorithm.learn(step, &mut listeners)?;
        self.step = after;
        Ok(())
    }

    fn tell_progress(&mut self) -> Result<()> {
        let columns = self.members[0].config.algorithm.behaviour_columns();
        let values = self.algorithm.behaviour();
        let now: Vec<_> = columns.iter().copied().zip(values).collect();
        let step = self.step;
        let progress = Progress { step, now: &now };
        let mut observers = self.members.iter_mut();
        observers.try_for_each(|member| member.observer.progress(&progress))
    }

    /// Each agent's actions in its environments.
    fn act(&mut self) -> Result<()> {
        let after = self.step + self.environments as u64;
        for (agent, member) in self.members.iter_mut().enumerate() {
            if !member.is_alive() {
                continue;
            }
            for environment in 0..self.environments {
                let place = agent * self.environments + environment;
                let seen = place * self.obs_len..(place + 1) * self.obs_len;
                let (obs, next_obs) = (&mut self.obs[seen.clone()], &mut self.next_obs[seen]);
                let action = self.actions[place];
                let own = &mut member.envs[environment];
                let step = own.env.step(action, &mut own.stream, next_obs)?;
                self.algorithm.observe(
                    agent,
                    environment,
                    &Experience {
                        obs,
                        action,
                        reward: step.reward,
                        next_obs,
                        terminated: step.terminated,
                        truncated: step.truncated,
                    },
                )?;
                obs.copy_from_slice(next_obs);
                own.episode_return += f64::from(step.reward);
                if step.terminated || step.truncated {
                    member.end_episode(environment, after, self.algorithm.behaviour())?;
                    member.envs[environment].reset(obs);
                }
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<()> {
        for (agent, member) in self.members.iter_mut().enumerate() {
            if member.is_alive() {
                let policy = self.algorithm.policy(agent)?;
                member.evaluate(policy.as_ref(), self.step)?;
            }
        }
        Ok(())
    }

    /// Gives each observer, with `give`, what is needed to continue from here.
    fn save(&mut self, give: impl Fn(&mut dyn Observer, &Snapshot) -> Result<()>) -> Result<()> {
        let each = self.environments * self.obs_len;
        for (agent, member) in self.members.iter_mut().enumerate() {
            if member.is_alive() {
                let obs = &self.obs[agent * each..(agent + 1) * each];
                let snapshot =
                    state::snapshot(member, self.algorithm.as_ref(), agent, obs, self.step)?;
                give(member.observer, &snapshot)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<RlOutcome>> {
        let finish = |(agent, member): (usize, Member)| {
            member.observer.weights(&member.best_policy)?;
            Ok(member.outcome(self.step, self.algorithm.as_ref(), agent))
        };
        self.members.into_iter().enumerate().map(finish).collect()
    }
}

/// The agents of `members`, which share a configuration except for their seeds and optimisers.
fn make(members: &[Member]) -> Result<Box<dyn Algorithm>> {
    let config = members[0].config;
    let optimisers: Vec<_> = members.iter().map(|m| m.config.optimiser.clone()).collect();
    let seeds: Vec<u64> = members.iter().map(|m| m.config.run.seed).collect();
    config.algorithm.make(&Setup {
        settings: &config.agent,
        optimisers: &optimisers,
        seeds: &seeds,
        env: members[0].spec(),
        steps: config.run.steps,
        device: &config.run.device.device()?,
    })
}

/// Members that are told of updates.
struct Listeners<'a, 'b> {
    members: &'a mut [Member<'b>],
    /// Environment steps done.
    step: u64,
    log_every: u64,
    control: &'a Control,
    /// The step of the last checkpoint.
    saved: u64,
}

impl Learning for Listeners<'_, '_> {
    fn is_alive(&self, agent: usize) -> bool {
        self.members[agent].is_alive()
    }

    fn is_recorded(&self, update: u64) -> bool {
        (update - 1).is_multiple_of(self.log_every)
    }

    /// Every algorithm calls this before each update, so a run ends here if its learning takes too long after a
    /// signal. What it has learned since the last checkpoint is lost, and is learned again, identically, when the run
    /// continues.
    fn pending(&mut self, agent: usize, update: u64, pending: &dyn PendingUpdate) -> Result<()> {
        if let Some(signal) = self.control.out_of_patience() {
            let member = &self.members[agent];
            return Err(Error::Stopped {
                signal,
                step: self.step - member.envs.len() as u64,
                of: member.config.run.steps,
                saved: self.saved,
            });
        }
        self.members[agent].examine(self.step, update, pending)
    }

    fn updated(&mut self, agent: usize, update: u64, measured: &[f64]) -> Result<()> {
        self.members[agent].observer.row(Row::Update(&UpdateRow {
            step: self.step,
            update,
            measured: measured.to_vec(),
        }))
    }

    fn diverged(&mut self, agent: usize) {
        let member = &mut self.members[agent];
        member.status = Status::Diverged;
        member.diverged_at = Some(self.step);
    }
}
