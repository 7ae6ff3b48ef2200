use settings::Setting;

use crate::{Canvas, Draws, EnvSpec, Environment, Error, Step};

/// Whether an episode is running.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Unstarted,
    Running,
    Ended,
}

const PHASES: [Phase; 3] = [Phase::Unstarted, Phase::Running, Phase::Ended];

/// An environment with its time limit, which answers every mistake of the caller with an error.
///
/// As in Gymnasium, the step that reaches the limit is `truncated` even if it also `terminated`. A
/// learner that stops its bootstrap only on `terminated` is right in both cases.
pub struct TimeLimit {
    inner: Box<dyn Environment>,
    spec: EnvSpec,
    // Copies from the spec, close together in memory, because every step reads them.
    actions: usize,
    limit: u32,
    elapsed: u32,
    phase: Phase,
}

impl TimeLimit {
    /// Limits `inner` to its `spec().max_steps`.
    pub fn new(inner: Box<dyn Environment>) -> Self {
        let spec = inner.spec().clone();
        Self::of(inner, spec)
    }

    /// Limits `inner` to `spec.max_steps`; `spec` is what callers see.
    pub(crate) fn of(inner: Box<dyn Environment>, spec: EnvSpec) -> Self {
        Self {
            actions: spec.actions,
            limit: spec.max_steps.unwrap_or(u32::MAX),
            elapsed: 0,
            phase: Phase::Unstarted,
            inner,
            spec,
        }
    }

    /// The environment's description.
    pub fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    /// The settings that can be made to drift; see [`Environment::dials`].
    pub fn dials(&self) -> &'static [Setting] {
        self.inner.dials()
    }

    /// The number of steps taken in the episode.
    pub fn elapsed(&self) -> u32 {
        self.elapsed
    }

    /// The same environment without its limit.
    pub fn unlimited(mut self) -> Self {
        self.limit = u32::MAX;
        self
    }

    /// Lets an episode that was truncated go on, as if it had not been.
    pub fn go_on(&mut self) {
        if self.phase == Phase::Ended {
            self.phase = Phase::Running;
        }
    }

    /// Starts an episode. Panics if `observation` is not of
    /// `spec().observation.len()`.
    pub fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.inner.reset(draws, observation);
        self.elapsed = 0;
        self.phase = Phase::Running;
    }

    /// Takes one step, allocating nothing. Panics if `observation` is not of
    /// `spec().observation.len()`.
    pub fn step(
        &mut self,
        action: usize,
        draws: &mut dyn Draws,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        if action >= self.actions || self.phase != Phase::Running {
            return Err(self.refusal(action));
        }
        let mut step = self.inner.step(action, draws, observation);
        // Without a limit nothing depends on the count, so it may saturate.
        self.elapsed = self.elapsed.saturating_add(1);
        step.truncated |= self.limit != u32::MAX && self.elapsed >= self.limit;
        if step.terminated || step.truncated {
            self.phase = Phase::Ended;
        }
        Ok(step)
    }

    /// The environment's state, then the steps taken and the phase (0 before the
    /// first reset, 1 running, 2 ended).
    pub fn save(&self) -> Result<Vec<f64>, Error> {
        let mut state = self.inner.save()?;
        state.push(f64::from(self.elapsed));
        state.push(f64::from(self.phase as u8));
        Ok(state)
    }

    /// Restores what [`save`](Self::save) returned. After an error nothing has changed.
    pub fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        let Some((inner, &[elapsed, phase])) = state.split_last_chunk::<2>() else {
            return Err(self.not_a_state(format!("{} numbers", state.len())));
        };
        let Some(phase) = PHASES.into_iter().find(|&p| f64::from(p as u8) == phase) else {
            return Err(self.not_a_state(format!("phase = {phase}")));
        };
        let steps = elapsed as u32;
        let beyond = phase == Phase::Running && steps >= self.limit && self.limit != u32::MAX;
        if f64::from(steps) != elapsed || beyond {
            return Err(self.not_a_state(format!("steps = {elapsed}")));
        }
        self.inner.load(inner)?;
        (self.elapsed, self.phase) = (steps, phase);
        Ok(())
    }

    /// The part of the state that outlasts episodes; see [`Environment::world`].
    pub fn world(&self) -> Vec<f64> {
        self.inner.world()
    }

    /// Takes on the world of another copy and keeps it from changing; see [`Environment::hold`].
    pub fn hold(&mut self, world: &[f64]) -> Result<(), Error> {
        self.inner.hold(world)
    }

    /// A picture of the state, if it can be drawn.
    pub fn render(&self) -> Option<Canvas> {
        self.inner.render()
    }

    #[cold]
    fn refusal(&self, action: usize) -> Error {
        let name = self.spec().name.clone();
        match self.phase {
            Phase::Unstarted => Error::NotReset { name },
            Phase::Ended => Error::Ended { name },
            Phase::Running => Error::Action {
                name,
                action,
                actions: self.actions,
            },
        }
    }

    fn not_a_state(&self, found: String) -> Error {
        let running = match self.spec().max_steps {
            Some(limit) => format!(", below {limit} while running,"),
            None => String::new(),
        };
        Error::State {
            name: self.spec().name.clone(),
            expected: format!(
                "the environment's own, then the steps taken (a whole number{running}) \
                 and the phase (0 before the first reset, 1 running, 2 ended)"
            ),
            found,
        }
    }
}
