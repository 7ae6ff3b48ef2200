//! A chain: one environment after the other, with one observation and one set of actions.

use settings::{Table, settings};

use crate::drift::Shuffle;
use crate::entry::{MEMBERS, Make, check_settings, settings_from};
use crate::{
    Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step, TimeLimit,
};

/// The most steps between switches: clocks stay exact in an f64.
const LONGEST: i64 = 1 << 53;

settings! {
    /// The settings of a chain.
    struct ChainSettings {
        /// steps between switches
        every: u64 = 100_000, in 1..=LONGEST;
        /// whether its environments come in turn or are drawn by episode
        shuffle: Shuffle = Shuffle::Never;
        /// its environments in order; comes last, because it takes all the text that follows
        of: String = "asterix|breakout|freeway".into(), in "names of environments with | between them";
    }
}

pub(crate) const ENTRY: EnvEntry = EnvEntry {
    name: "chain",
    id: "chain",
    kind: EnvKind::Sequence,
    summary: "several environments in turn, switched after a fixed number of steps",
    native: true,
    make: Make::of_members::<ChainSettings>(|table, members| {
        Ok(Box::new(Chain::from_table(table, members)?))
    }),
};

/// Several environments in turn, each for a number of steps; after the last, the first plays again.
///
/// **Observation**: the members' observations must agree in every axis except the first (MinAtar's
/// channels, a vector's length). Channels that a member lacks are 0. All members must have the same
/// number of actions.
///
/// **Shuffled** (`shuffle=episode`): each episode is one of a member drawn from all alike, independently of the others.
/// This is the control that has the same tasks and no sequence. Shares are of episodes: a member whose episodes are
/// longer has more of the steps. The current episode is truncated every K steps all the same.
///
/// **The switch**: after every K steps, counted over all episodes, the current episode is *truncated*,
/// never terminated, and the next reset starts an episode of the next member. Each member keeps its own
/// time limit and, if it drifts, its own clock, which stops while another member plays.
pub struct Chain {
    spec: EnvSpec,
    members: Vec<TimeLimit>,
    every: u64,
    shuffle: Shuffle,
    /// Steps taken in all episodes.
    clock: u64,
    active: usize,
    held: bool,
}

impl Chain {
    fn from_table(table: &Table, members: Vec<TimeLimit>) -> Result<Self, Error> {
        let settings: ChainSettings = settings_from(ENTRY.name, table)?;
        let mut chain = Self::new(settings.every, members)?;
        chain.shuffle = settings.shuffle;
        Ok(chain)
    }

    /// A chain of `members` that switches after `every` steps. It needs at least two members, whose
    /// observations and actions must agree and whose states can be saved.
    pub fn new(every: u64, members: Vec<TimeLimit>) -> Result<Self, Error> {
        let names: Vec<&str> = members.iter().map(|m| m.spec().name.as_str()).collect();
        let refused = |found, allowed| Err(Error::refused(ENTRY.name, MEMBERS, found, allowed));
        if members.len() < 2 {
            let allowed = "two environments or more, with | between them";
            return refused(&names.concat(), allowed);
        }
        // A foreign environment's state is hidden, but a chain must be able to save its members.
        if let Some(member) = members.iter().find(|member| member.save().is_err()) {
            let allowed = "environments whose state can be saved";
            return refused(&member.spec().name, allowed);
        }
        let settings = ChainSettings {
            every,
            ..ChainSettings::default()
        };
        check_settings(ENTRY.name, &settings)?;
        Ok(Self {
            spec: joint_spec(&members)?,
            members,
            every,
            shuffle: Shuffle::Never,
            clock: 0,
            active: 0,
            held: false,
        })
    }

    fn clock_state(&self) -> [f64; 3] {
        [
            self.clock as f64,
            self.active as f64,
            f64::from(u8::from(self.held)),
        ]
    }

    fn read_clock_state(&self, own: &[f64; 3]) -> Result<(u64, usize, bool), Error> {
        let &[clock, active, held] = own;
        let whole = |x: f64, end: f64| x >= 0.0 && x < end && x.fract() == 0.0;
        let sound = whole(clock, LONGEST as f64)
            && whole(active, self.members.len() as f64)
            && whole(held, 2.0);
        if sound {
            Ok((clock as u64, active as usize, held == 1.0))
        } else {
            Err(self.not_a_state(format!("clock {clock}, member {active}, held {held}")))
        }
    }

    fn not_a_state(&self, found: String) -> Error {
        Error::State {
            name: self.spec.name.clone(),
            expected: format!(
                "the clock, which of the {} members is playing, whether that is held; then each \
                 member's state, its length before it",
                self.members.len()
            ),
            found,
        }
    }

    /// The members' parts of a saved state or world.
    fn parts<'a>(&self, mut rest: &'a [f64]) -> Result<Vec<&'a [f64]>, Error> {
        let short = || self.not_a_state("too few numbers or too many".to_owned());
        let mut parts = Vec::with_capacity(self.members.len());
        for _ in &self.members {
            let (&length, after) = rest.split_first().ok_or_else(short)?;
            let (part, after) = after
                .split_at_checked(length as usize)
                .filter(|(part, _)| part.len() as f64 == length)
                .ok_or_else(short)?;
            parts.push(part);
            rest = after;
        }
        if rest.is_empty() {
            Ok(parts)
        } else {
            Err(short())
        }
    }
}

fn push_part(state: &mut Vec<f64>, part: &[f64]) {
    state.push(part.len() as f64);
    state.extend_from_slice(part);
}

/// The spec that covers all members.
fn joint_spec(members: &[TimeLimit]) -> Result<EnvSpec, Error> {
    let first = members[0].spec();
    let mut longest = &first.observation;
    for member in &members[1..] {
        let (spec, space) = (member.spec(), &member.spec().observation);
        if space.shape[1..] != first.observation.shape[1..] {
            let allowed = format!(
                "observations of the shape of {}, {:?}, except in the first axis",
                first.name, first.observation.shape
            );
            let found = format!("{}, of shape {:?}", spec.name, space.shape);
            return Err(Error::refused(ENTRY.name, MEMBERS, &found, allowed));
        }
        if spec.actions != first.actions {
            let allowed = format!("{} actions, as {} has", first.actions, first.name);
            let found = format!("{}, with {}", spec.name, spec.actions);
            return Err(Error::refused(ENTRY.name, MEMBERS, &found, allowed));
        }
        if space.len() > longest.len() {
            longest = space;
        }
    }
    let specs = || members.iter().map(TimeLimit::spec);
    let bound = |end: fn(&Space) -> &[f32], worse: fn(f32, f32) -> f32| -> Vec<f32> {
        let at = |i: usize| {
            let values = specs().map(|spec| end(&spec.observation).get(i).copied().unwrap_or(0.0));
            values.reduce(worse).unwrap_or(0.0)
        };
        (0..longest.len()).map(at).collect()
    };
    Ok(EnvSpec {
        name: ENTRY.name.to_owned(),
        id: ENTRY.id.to_owned(),
        observation: Space {
            shape: longest.shape.clone(),
            low: bound(|space| &space.low, f32::min),
            high: bound(|space| &space.high, f32::max),
            binary: specs().all(|spec| spec.observation.binary),
        },
        actions: first.actions,
        // Each member has its own limit, so this one ends no episode.
        max_steps: specs().filter_map(|s| s.max_steps).max(),
        reward_threshold: None,
        rewards: (
            specs().map(|s| s.rewards.0).fold(f32::INFINITY, f32::min),
            specs()
                .map(|s| s.rewards.1)
                .fold(f32::NEG_INFINITY, f32::max),
        ),
        worst_return: specs()
            .map(|s| s.worst_return)
            .fold(f64::INFINITY, f64::min),
    })
}

impl Environment for Chain {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        assert_eq!(observation.len(), self.spec.observation.len());
        match self.shuffle {
            // An evaluation, for which time stands still, sees the mixture too.
            Shuffle::Episode => self.active = draws.index("member", self.members.len()),
            Shuffle::Never if !self.held => {
                self.active = (self.clock / self.every) as usize % self.members.len();
            }
            Shuffle::Never => {}
        }
        let member = &mut self.members[self.active];
        let (seen, missing) = observation.split_at_mut(member.spec().observation.len());
        missing.fill(0.0);
        member.reset(draws, seen);
    }

    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        assert_eq!(observation.len(), self.spec.observation.len());
        let member = &mut self.members[self.active];
        let (seen, missing) = observation.split_at_mut(member.spec().observation.len());
        missing.fill(0.0);
        let Ok(mut step) = member.step(action, draws, seen) else {
            // Only after loading a state can the member that plays be one whose episode is over.
            member.reset(draws, seen);
            return Step {
                reward: 0.0,
                terminated: false,
                truncated: true,
            };
        };
        if !self.held {
            self.clock += 1;
            step.truncated |= self.clock.is_multiple_of(self.every);
        }
        step
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        let mut state = self.clock_state().to_vec();
        for member in &self.members {
            push_part(&mut state, &member.save()?);
        }
        Ok(state)
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        let Some((own, rest)) = state.split_first_chunk::<3>() else {
            return Err(self.not_a_state(format!("{} numbers", state.len())));
        };
        let (clock, active, held) = self.read_clock_state(own)?;
        let parts = self.parts(rest)?;
        let before: Vec<Vec<f64>> = self
            .members
            .iter()
            .map(TimeLimit::save)
            .collect::<Result<_, _>>()?;
        for (place, part) in parts.into_iter().enumerate() {
            if let Err(error) = self.members[place].load(part) {
                // After an error nothing has changed.
                for (member, before) in self.members.iter_mut().zip(&before).take(place) {
                    member.load(before)?;
                }
                return Err(error);
            }
        }
        (self.clock, self.active, self.held) = (clock, active, held);
        Ok(())
    }

    fn world(&self) -> Vec<f64> {
        let mut world = self.clock_state().to_vec();
        for member in &self.members {
            push_part(&mut world, &member.world());
        }
        world
    }

    fn hold(&mut self, world: &[f64]) -> Result<(), Error> {
        let Some((own, rest)) = world.split_first_chunk::<3>() else {
            return Err(self.not_a_state(format!("{} numbers", world.len())));
        };
        // The clock says which member plays next; the current episode may have begun before a
        // switch.
        let (clock, _, _) = self.read_clock_state(own)?;
        let parts = self.parts(rest)?;
        for (member, part) in self.members.iter_mut().zip(parts) {
            member.hold(part)?;
        }
        self.clock = clock;
        self.active = (clock / self.every) as usize % self.members.len();
        self.held = true;
        Ok(())
    }

    fn render(&self) -> Option<Canvas> {
        self.members[self.active].render()
    }
}
