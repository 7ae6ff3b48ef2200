//! Breakout: bounce a ball with a paddle and break three rows of bricks.

use super::frame::Frame;
use super::game::{About, Action, Game};
use super::grid::{LAST, SIDE, ahead, inside};
use super::state_reader::StateReader;
use crate::{Draws, Error};

/// The rows of bricks, from the first to the last.
const BRICKS: std::ops::RangeInclusive<i32> = 1..=3;
const ROW: u32 = (1 << SIDE) - 1;
/// All bricks, bit 10 (y - 1) + x for the one in column x and row y.
const WALL: u32 = (1 << 30) - 1;
const PADDLE_ROW: i32 = LAST;

const PADDLE: usize = 0;
const BALL: usize = 1;
const TRAIL: usize = 2;
const BRICK: usize = 3;

/// Breakout: bounce a ball with a paddle and break three rows of bricks.
/// [`MinAtar`](crate::minatar::MinAtar) describes what all games share.
///
/// **State**: the paddle's column; the ball's cell, its previous cell and its direction, which is
/// always diagonal; the bricks; whether the ball is in a brick.
///
/// **Observation**: 4 channels: 0 the paddle, in row 9, 1 the ball, 2 its previous cell, 3 bricks.
///
/// **Actions**: stay, left, right matter; the paddle stays in the columns 0 to 9.
///
/// **Dynamics**, in this order:
/// 1. The paddle moves.
/// 2. The ball's next cell is one column and one row on. If that is beyond a side wall, its column
///    stays and it turns sideways.
/// 3. Then one of these, the first that holds:
///    - the next cell is beyond the top: its row stays and it turns downwards;
///    - there is a brick in the next cell: if the ball was not in a brick on the
///      previous step, the brick breaks, the row stays and the ball turns up or
///      down; **otherwise it goes into the brick** and does not break it;
///    - the next row is the paddle's: if no brick is left, all are put back. If
///      the paddle is below the cell where the ball *was*, the row stays and the
///      ball turns upwards. Otherwise, if the paddle is in the next cell, the row
///      stays and the ball reverses both its directions. Otherwise the ball is
///      lost.
/// 4. The ball counts as in a brick if the next cell on this step had one, broken or not.
///
/// **Reward**: 1 for each brick broken, at most one a step.
///
/// **Start**: all 30 bricks in the rows 1 to 3; the paddle in column 4; the ball in
/// row 3, in column 0 going down to the right or in column 9 going down to the
/// left, with equal chances. That cell has a brick, which does not matter.
///
/// **End**: terminates when the ball is lost. It does not ramp.
pub struct Breakout {
    paddle: i32,
    x: i32,
    y: i32,
    last_x: i32,
    last_y: i32,
    right: bool,
    down: bool,
    /// Whether a brick was in the ball's way on the step before.
    in_brick: bool,
    bricks: u32,
}

impl Default for Breakout {
    fn default() -> Self {
        Self::begun(true)
    }
}

impl Breakout {
    /// The start with the ball on the left, going right, or the other way around.
    fn begun(right: bool) -> Self {
        let (x, y) = (if right { 0 } else { LAST }, 3);
        Self {
            paddle: 4,
            x,
            y,
            last_x: x,
            last_y: y,
            right,
            down: true,
            in_brick: false,
            bricks: WALL,
        }
    }

    /// The bit of the brick in this cell, or 0.
    fn brick(&self, x: i32, y: i32) -> u32 {
        if BRICKS.contains(&y) {
            self.bricks & 1 << ((y - BRICKS.start()) * SIDE as i32 + x)
        } else {
            0
        }
    }
}

impl Game for Breakout {
    const ABOUT: About = About {
        name: "breakout",
        id: "MinAtar/Breakout-v0",
        minimal_id: "MinAtar/Breakout-v1",
        summary: "bounce a ball, break bricks; 4 channels of 10 x 10, 6 actions",
        channels: &["paddle", "ball", "trail", "brick"],
        minimal: &[Action::Stay, Action::Left, Action::Right],
        ramps: false,
        max_reward: 1.0,
    };

    fn start(&mut self, draws: &mut dyn Draws) {
        *self = Self::begun(draws.index("side", 2) == 0);
    }

    fn play(&mut self, action: Action, _ramping: bool, _draws: &mut dyn Draws) -> (u32, bool) {
        match action {
            Action::Left => self.paddle = (self.paddle - 1).max(0),
            Action::Right => self.paddle = (self.paddle + 1).min(LAST),
            Action::Stay | Action::Up | Action::Down | Action::Fire => {}
        }
        (self.last_x, self.last_y) = (self.x, self.y);
        let mut x = ahead(self.x, self.right);
        let mut y = ahead(self.y, self.down);
        if !inside(x) {
            x = self.x;
            self.right = !self.right;
        }
        let (mut reward, mut over) = (0, false);
        let brick = self.brick(x, y);
        if y < 0 {
            y = 0;
            self.down = true;
        } else if brick != 0 {
            if !self.in_brick {
                reward = 1;
                self.bricks -= brick;
                y = self.last_y;
                self.down = !self.down;
            }
        } else if y == PADDLE_ROW {
            if self.bricks == 0 {
                self.bricks = WALL;
            }
            if self.x == self.paddle {
                self.down = false;
                y = self.last_y;
            } else if x == self.paddle {
                self.down = false;
                self.right = !self.right;
                y = self.last_y;
            } else {
                over = true;
            }
        }
        self.in_brick = brick != 0;
        (self.x, self.y) = (x, y);
        (reward, over)
    }

    fn show(&self, frame: &mut Frame) {
        frame.mark(PADDLE, self.paddle, PADDLE_ROW);
        frame.mark(BALL, self.x, self.y);
        frame.mark(TRAIL, self.last_x, self.last_y);
        let above = *BRICKS.start() as usize * SIDE;
        frame.mark_all(BRICK, u128::from(self.bricks) << above);
    }

    fn save(&self, state: &mut Vec<f64>) {
        let cells = [self.paddle, self.x, self.y, self.last_x, self.last_y];
        let flags = [self.right, self.down, self.in_brick];
        state.extend(cells.map(f64::from));
        state.extend(flags.map(|flag| f64::from(u8::from(flag))));
        let rows = [0, 1, 2].map(|row| self.bricks >> (row * SIDE) & ROW);
        state.extend(rows.map(f64::from));
    }

    fn load(reader: &mut StateReader, over: bool) -> Result<Self, Error> {
        let lowest = if over { PADDLE_ROW } else { PADDLE_ROW - 1 };
        Ok(Self {
            paddle: reader.whole("the paddle's column", 0, LAST)?,
            x: reader.whole("the ball's column", 0, LAST)?,
            y: reader.whole("the ball's row", 0, lowest)?,
            last_x: reader.whole("the column before", 0, LAST)?,
            last_y: reader.whole("the row before", 0, PADDLE_ROW - 1)?,
            right: reader.flag("rightwards")?,
            down: reader.flag("downwards")?,
            in_brick: reader.flag("in a brick")?,
            bricks: {
                let mut row = || reader.whole("a row of bricks", 0, ROW as i32);
                (row()? | row()? << SIDE | row()? << (2 * SIDE)) as u32
            },
        })
    }
}
