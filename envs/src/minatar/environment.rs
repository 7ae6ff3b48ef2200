use settings::{Setting, Settings, settings, words};

use super::cubehelix;
use super::frame::Frame;
use super::game::{Action, Game};
use super::grid::SIDE;
use super::state_reader::StateReader;
use crate::dials::dials;
use crate::entry::{Make, settings_from};
use crate::{Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step};

const MAX_STEPS: u32 = 10_000;
/// Width and height of a cell in a picture.
const PIXELS: u32 = 32;

words! {
    /// Which actions an agent has.
    pub enum ActionSet {
        /// All six actions
        Full = "full",
        /// Those that make a difference in the game
        Minimal = "minimal",
    }
}

settings! {
    /// The settings of a game.
    pub struct MinAtarSettings {
        /// all six actions, or only those that make a difference in this game
        actions: ActionSet = ActionSet::Full;
    }
}

dials! {
    /// The dials of a game.
    struct MinAtarDials {
        /// probability that a step repeats the previous action instead of taking its own
        sticky = 0.1, in 0.0..=1.0;
        /// the game grows harder while this is at least 0.5
        ramping = 1.0, in 0.0..=1.0;
    }
}

/// The registry's entry for a game.
pub(crate) const fn entry<G: Game + 'static>() -> EnvEntry {
    EnvEntry {
        name: G::ABOUT.name,
        id: G::ABOUT.id,
        kind: EnvKind::MinAtar,
        summary: G::ABOUT.summary,
        native: true,
        make: Make::with::<MinAtarSettings>(|table| {
            let settings = settings_from(G::ABOUT.name, table)?;
            Ok(Box::new(MinAtar::<G>::new(&settings)))
        }),
    }
}

/// A game of MinAtar: what all five games share.
///
/// **Observation**: \[channels, 10, 10\], 1 where the cell in this row (from the top) and column (from
/// the left) holds what the channel shows, otherwise 0. This is PyTorch's layout; the reference has the
/// channels last.
///
/// **Actions**: 0 stay, 1 left, 2 up, 3 right, 4 down, 5 fire: all six in every game, as in the
/// reference's `-v0`. `actions=minimal` leaves out those that do nothing in this game and numbers the
/// rest in the same order, as in its `-v1`.
///
/// **Sticky actions**: with probability `sticky`, 0.1, a step repeats the action that the previous step
/// *took*, which may itself have been a repeat. As in the reference, a reset does not clear this
/// memory: the first step of an episode may repeat the last action of the previous episode. Before the
/// very first step it is 0, to stay.
///
/// **Ramping**: asterix, seaquest and space invaders become harder during an episode, unless `ramping`
/// is below 0.5. The dial is read when the next increase is due; earlier increases stay.
///
/// **End**: as each game describes. The reference has no time limit, so an agent that stays at
/// seaquest's surface or never misses breakout's ball would play forever. Here an episode is truncated
/// after 10,000 steps.
///
/// **Rendering**: the reference's colours, which are matplotlib's `cubehelix` map: one for each
/// channel, over black; where several channels are on, the last one shows.
///
/// **Source**: Young and Tian, "MinAtar: An Atari-Inspired Testbed for Thorough
/// and Reproducible Reinforcement Learning Experiments" (2019); rules and numbers
/// of the package minatar 1.0.15, including its oddities, which each game names.
pub struct MinAtar<G> {
    spec: EnvSpec,
    game: G,
    /// The action that each number stands for.
    actions: &'static [Action],
    dials: MinAtarDials,
    last: Action,
    over: bool,
}

impl<G: Game> MinAtar<G> {
    /// A game before its first episode.
    pub fn new(settings: &MinAtarSettings) -> Self {
        let about = G::ABOUT;
        let (actions, id) = match settings.actions {
            ActionSet::Full => (&Action::ALL[..], about.id),
            ActionSet::Minimal => (about.minimal, about.minimal_id),
        };
        Self {
            spec: EnvSpec {
                name: about.name.to_owned(),
                id: id.to_owned(),
                observation: Space::binary(&[about.channels.len(), SIDE, SIDE]),
                actions: actions.len(),
                max_steps: Some(MAX_STEPS),
                reward_threshold: None,
                rewards: (0.0, about.max_reward),
                worst_return: 0.0,
            },
            game: G::default(),
            actions,
            dials: MinAtarDials::default(),
            last: Action::Stay,
            over: false,
        }
    }

    fn observe(&self, observation: &mut [f32]) {
        self.game
            .show(&mut Frame::empty(observation, G::ABOUT.channels.len()));
    }
}

impl<G: Game> Environment for MinAtar<G> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn dials(&self) -> &'static [Setting] {
        let dials = MinAtarDials::declared();
        match G::ABOUT.ramps {
            true => dials,
            false => &dials[..1],
        }
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.dials.turn(dial, value);
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.game.start(draws);
        self.over = false;
        self.observe(observation);
    }

    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        let mut reward = 0;
        if !draws.chance("sticky", self.dials.sticky) {
            self.last = self.actions[action];
        }
        // After its end a game stands still, as in the reference.
        if !self.over {
            let ramping = self.dials.ramping >= 0.5;
            (reward, self.over) = self.game.play(self.last, ramping, draws);
        }
        self.observe(observation);
        Step {
            reward: reward as f32,
            terminated: self.over,
            truncated: false,
        }
    }

    /// The action last taken, whether the episode is over, and the game's numbers.
    fn save(&self) -> Result<Vec<f64>, Error> {
        let mut state = vec![f64::from(self.last as u8), f64::from(u8::from(self.over))];
        self.game.save(&mut state);
        Ok(state)
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        let mut reader = StateReader::new(G::ABOUT.name, state);
        let last = Action::ALL[reader.whole("the action last taken", 0, 5)? as usize];
        let over = reader.flag("over")?;
        let game = G::load(&mut reader, over)?;
        reader.end()?;
        (self.last, self.over, self.game) = (last, over, game);
        Ok(())
    }

    fn render(&self) -> Option<Canvas> {
        let channels = G::ABOUT.channels.len();
        let mut cells = vec![0.0; channels * SIDE * SIDE];
        self.observe(&mut cells);
        let colour = |row, column| {
            let on = |&channel: &usize| cells[(channel * SIDE + row) * SIDE + column] == 1.0;
            match (0..channels).rev().find(on) {
                Some(channel) => cubehelix::colour(channel, channels),
                None => [0; 3],
            }
        };
        Some(Canvas::grid((SIDE, SIDE), PIXELS, colour))
    }
}
