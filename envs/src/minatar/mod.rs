//! MinAtar: miniatures of five Atari games on a grid of 10 x 10 cells.
//!
//! Each game is one file with its rules; [`MinAtar`] has what they share.

mod asterix;
mod breakout;
mod cubehelix;
mod environment;
mod frame;
mod freeway;
mod game;
mod grid;
mod seaquest;
mod space_invaders;
mod state_reader;

pub use asterix::Asterix;
pub use breakout::Breakout;
pub(crate) use environment::entry;
pub use environment::{ActionSet, MinAtar, MinAtarSettings};
pub use freeway::Freeway;
pub use seaquest::Seaquest;
pub use space_invaders::SpaceInvaders;
