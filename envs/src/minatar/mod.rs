//! MinAtar: miniatures of five Atari games on a grid of 10 x 10 cells.
//!
//! Each game is one file with its rules; what they share is in [`MinAtar`].

mod asterix;
mod breakout;
mod cubehelix;
mod frame;
mod freeway;
mod numbers;
mod seaquest;
mod space_invaders;

pub use asterix::Asterix;
pub use breakout::Breakout;
pub use frame::Frame;
pub use freeway::Freeway;
pub use numbers::Numbers;
pub use seaquest::Seaquest;
pub use space_invaders::SpaceInvaders;

use crate::settings::{Setting, Values};
use crate::{Canvas, Dial, Draws, Entry, Environment, Error, Kind, Space, Spec, Step};

/// Rows and columns of the grid.
const SIDE: usize = 10;
/// The greatest x and y: columns count from the left, rows from the top.
const LAST: i32 = 9;

const MAX_STEPS: u32 = 10_000;
const PIXELS: u32 = 32;

const STICKY: Dial = Dial {
    key: "sticky",
    plain: 0.1,
    low: 0.0,
    high: 1.0,
    help: "chance that a step repeats the action before instead of taking its own",
};
const RAMPING: Dial = Dial {
    key: "ramping",
    plain: 1.0,
    low: 0.0,
    high: 1.0,
    help: "the game grows harder while this is at least 0.5",
};

/// What MinAtar's six actions are called; each game makes use of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Do nothing.
    Stay,
    /// One column to the left.
    Left,
    /// One row up.
    Up,
    /// One column to the right.
    Right,
    /// One row down.
    Down,
    /// Shoot.
    Fire,
}

impl Action {
    /// Every action, by its number.
    pub const ALL: [Action; 6] = [
        Action::Stay,
        Action::Left,
        Action::Up,
        Action::Right,
        Action::Down,
        Action::Fire,
    ];
}

/// What a game is, seen from outside.
pub struct About {
    /// Its name here.
    pub name: &'static str,
    /// MinAtar's name for it in Gymnasium, with all six actions.
    pub id: &'static str,
    /// The same with the actions that matter.
    pub minimal_id: &'static str,
    /// One line for a list.
    pub summary: &'static str,
    /// What each channel shows, in their order.
    pub channels: &'static [&'static str],
    /// The actions that matter.
    pub minimal: &'static [Action],
    /// Whether it grows harder.
    pub ramps: bool,
    /// The greatest reward of a step; the least is 0.
    pub most: f32,
}

/// The rules of one game. A value of it, the default included, is a state that an
/// episode can be in.
pub trait Game: Default + Send {
    /// What the game is.
    const ABOUT: About;

    /// Starts an episode.
    fn start(&mut self, draws: &mut dyn Draws);

    /// Takes one step of an episode that is not over, and tells the reward and
    /// whether the episode is over now.
    fn play(&mut self, action: Action, ramping: bool, draws: &mut dyn Draws) -> (u32, bool);

    /// Marks what is where.
    fn show(&self, frame: &mut Frame);

    /// Appends the state, in whole numbers.
    fn save(&self, state: &mut Vec<f64>);

    /// Reads what [`save`](Self::save) appended in an episode that is `over` or not.
    fn load(numbers: &mut Numbers, over: bool) -> Result<Self, Error>;
}

/// The registry's line for a game.
pub(crate) const fn entry<G: Game + 'static>() -> Entry {
    Entry {
        name: G::ABOUT.name,
        id: G::ABOUT.id,
        kind: Kind::MinAtar,
        summary: G::ABOUT.summary,
        native: true,
        settings: &[Setting {
            key: "actions",
            default: "full",
            values: Values::Choice(&["full", "minimal"]),
            help: "all six actions, or those that make a difference in this game",
        }],
        make: |settings| {
            let minimal = settings.text("actions") == "minimal";
            Ok(Box::new(MinAtar::<G>::new(minimal)))
        },
    }
}

/// A game of MinAtar: what all five have in common.
///
/// **Observation**: \[channels, 10, 10\], 1 where the cell in this row (from the
/// top) and column (from the left) shows what the channel is for, else 0. That is
/// PyTorch's layout; the reference has the channels last.
///
/// **Actions**: 0 stay, 1 left, 2 up, 3 right, 4 down, 5 fire, all six in every
/// game, as in the reference's `-v0`. `actions=minimal` leaves out those that do
/// nothing in this game, numbered in the same order, as in its `-v1`.
///
/// **Sticky actions**: with probability `sticky`, 0.1, a step repeats the action
/// that the step before *took*, which may itself have been a repeated one. As in
/// the reference the memory outlives a reset: the first step of an episode may
/// repeat the last one of the episode before. At the very first step of all that
/// is 0, to stay.
///
/// **Ramping**: asterix, seaquest and space invaders grow harder as an episode
/// goes on, unless `ramping` is below 0.5. The dial is looked at when the next
/// increase is due, and what has been increased stays.
///
/// **End**: as the game says. The reference has no time limit, and whoever stays at
/// seaquest's surface or never misses breakout's ball would play forever, so here
/// an episode is truncated after 10,000 steps.
///
/// **Rendering**: the reference's colours: of matplotlib's `cubehelix` map, one
/// for each channel, over black; where several channels are on, the last one.
///
/// **Source**: Young and Tian, "MinAtar: An Atari-Inspired Testbed for Thorough
/// and Reproducible Reinforcement Learning Experiments" (2019); rules and numbers
/// of the package minatar 1.0.15, its oddities included, which each game names.
pub struct MinAtar<G> {
    spec: Spec,
    game: G,
    /// The action that each number stands for.
    actions: &'static [Action],
    sticky: f64,
    ramping: f64,
    last: Action,
    over: bool,
}

impl<G: Game> MinAtar<G> {
    /// A game before its first episode, with the actions that matter or all six.
    pub fn new(minimal: bool) -> Self {
        let about = G::ABOUT;
        let (actions, id) = match minimal {
            true => (about.minimal, about.minimal_id),
            false => (&Action::ALL[..], about.id),
        };
        Self {
            spec: Spec {
                name: about.name.to_owned(),
                id: id.to_owned(),
                observation: Space::binary(&[about.channels.len(), SIDE, SIDE]),
                actions: actions.len(),
                max_steps: Some(MAX_STEPS),
                reward_threshold: None,
                rewards: (0.0, about.most),
                worst_return: 0.0,
            },
            game: G::default(),
            actions,
            sticky: STICKY.plain,
            ramping: RAMPING.plain,
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
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn dials(&self) -> &'static [Dial] {
        match G::ABOUT.ramps {
            true => &[STICKY, RAMPING],
            false => &[STICKY],
        }
    }

    fn turn(&mut self, dial: usize, value: f64) {
        *[&mut self.sticky, &mut self.ramping][dial] = value;
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.game.start(draws);
        self.over = false;
        self.observe(observation);
    }

    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        let mut reward = 0;
        if !draws.chance("sticky", self.sticky) {
            self.last = self.actions[action];
        }
        // After its end a game stands still, as the reference's do.
        if !self.over {
            let ramping = self.ramping >= 0.5;
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
        let mut numbers = Numbers::new(G::ABOUT.name, state);
        let last = Action::ALL[numbers.whole("the action last taken", 0, 5)? as usize];
        let over = numbers.flag("over")?;
        let game = G::load(&mut numbers, over)?;
        numbers.end()?;
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

/// One column to the right, or to the left.
fn ahead(x: i32, right: bool) -> i32 {
    if right { x + 1 } else { x - 1 }
}

fn inside(x: i32) -> bool {
    (0..=LAST).contains(&x)
}
