use super::frame::Frame;
use super::state_reader::StateReader;
use crate::{Draws, Error};

/// MinAtar's six actions. Each game uses some of them.
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

/// The description of a game.
pub struct About {
    /// Its name here.
    pub name: &'static str,
    /// MinAtar's name for it in Gymnasium, with all six actions.
    pub id: &'static str,
    /// MinAtar's name for it with only the actions that matter.
    pub minimal_id: &'static str,
    /// One line for a list.
    pub summary: &'static str,
    /// What each channel shows, in their order.
    pub channels: &'static [&'static str],
    /// The actions that matter.
    pub minimal: &'static [Action],
    /// Whether it becomes harder during an episode.
    pub ramps: bool,
    /// The greatest reward of a step; the least is 0.
    pub max_reward: f32,
}

/// The rules of one game. Every value of the type, the default included, is a state that an
/// episode can be in.
pub trait Game: Default + Send {
    /// The game's description.
    const ABOUT: About;

    /// Starts an episode.
    fn start(&mut self, draws: &mut dyn Draws);

    /// Takes one step of an episode that is not over. Returns the reward and whether the episode is
    /// over now.
    fn play(&mut self, action: Action, ramping: bool, draws: &mut dyn Draws) -> (u32, bool);

    /// Marks in each channel the cells that hold what the channel shows.
    fn show(&self, frame: &mut Frame);

    /// Appends the state as whole numbers.
    fn save(&self, state: &mut Vec<f64>);

    /// Reads what [`save`](Self::save) appended; `over` says whether the episode has ended.
    fn load(reader: &mut StateReader, over: bool) -> Result<Self, Error>;
}
