//! Asterix: gather gold and avoid the enemies.

use super::frame::Frame;
use super::game::{About, Action, Game};
use super::grid::{LAST, ahead, inside};
use super::state_reader::StateReader;
use crate::{Draws, Error};

/// Rows in which something can move; the topmost and the lowest stay empty.
const ROWS: usize = 8;
const SPAWN_INTERVAL: i32 = 10;
const MOVE_INTERVAL: i32 = 5;
const RAMP_INTERVAL: i32 = 100;
/// After this many ramps both intervals are 1.
const RAMPS: i32 = 9;

const PLAYER: usize = 0;
const ENEMY: usize = 1;
const TRAIL: usize = 2;
const GOLD: usize = 3;

/// Asterix: gather gold and avoid the enemies. [`MinAtar`](crate::minatar::MinAtar) describes what all
/// games share.
///
/// **State**: the player's cell; in each of the rows 1 to 8 nothing, one enemy or one gold, with its
/// column and direction; timers for the next arrival, the next move and the next ramp; the number of
/// ramps so far.
///
/// **Observation**: 4 channels: 0 the player, 1 enemies, 2 the cell that each
/// enemy or gold comes from (unless that is off the grid), 3 gold.
///
/// **Actions**: stay, left, up, right, down matter; the player stays in the
/// columns 0 to 9 and the rows 1 to 8.
///
/// **Dynamics**, in this order:
/// 1. If the arrival timer is 0, something arrives and the timer is set to the arrival interval. It
///    comes from the left or the right with equal chances. It is gold with probability 1/3, otherwise an
///    enemy. Its row is drawn uniformly from the empty rows. If no row is empty the arrival is lost, but
///    both chances have been drawn.
/// 2. The player moves.
/// 3. If something is in the player's cell, gold is taken for a reward of 1, and an enemy ends the
///    episode.
/// 4. If the move timer is 0 it is set to the move interval, everything moves one cell, things that
///    leave the grid disappear, and 3 is repeated.
/// 5. The arrival timer and the move timer go down by 1.
/// 6. Ramping, as long as a ramp can change something: the ramp timer goes down by 1 unless it is
///    negative. Otherwise it is set to 100, so that ramps are 102 steps apart. The arrival interval then
///    falls by 1 if above 1. At every second ramp, starting with the second, the move interval falls by 1
///    if above 1.
///
/// **Reward**: 1 for each gold, at most one a step.
///
/// **Start**: the player in column 5, row 5; nothing else; arrival interval 10, move interval 5, ramp
/// timer 100, and the other timers at their intervals.
///
/// **End**: terminates when the player meets an enemy. The rest of that step still happens.
pub struct Asterix {
    x: i32,
    y: i32,
    rows: [Option<Mover>; ROWS],
    spawn_timer: i32,
    move_timer: i32,
    ramp_timer: i32,
    /// The number of ramps so far.
    ramps: i32,
}

#[derive(Clone, Copy)]
struct Mover {
    x: i32,
    right: bool,
    gold: bool,
}

impl Default for Asterix {
    fn default() -> Self {
        Self {
            x: 5,
            y: 5,
            rows: [None; ROWS],
            spawn_timer: SPAWN_INTERVAL,
            move_timer: MOVE_INTERVAL,
            ramp_timer: RAMP_INTERVAL,
            ramps: 0,
        }
    }
}

impl Asterix {
    fn spawn(&mut self, draws: &mut dyn Draws) {
        let right = draws.chance("from the left", 0.5);
        let gold = draws.chance("gold", 1.0 / 3.0);
        let free = self.rows.iter().filter(|row| row.is_none()).count();
        if free == 0 {
            return;
        }
        let nth = draws.index("row", free);
        let x = if right { 0 } else { LAST };
        if let Some(row) = self.rows.iter_mut().filter(|row| row.is_none()).nth(nth) {
            *row = Some(Mover { x, right, gold });
        }
    }

    /// Handles whatever is in the player's cell. Returns the reward and whether the episode is over.
    fn meet(&mut self) -> (u32, bool) {
        let row = &mut self.rows[self.y as usize - 1];
        match row {
            Some(mover) if mover.x == self.x && mover.gold => {
                *row = None;
                (1, false)
            }
            Some(mover) if mover.x == self.x => (0, true),
            _ => (0, false),
        }
    }

    fn advance(&mut self) {
        for row in &mut self.rows {
            if let Some(mover) = row {
                mover.x = ahead(mover.x, mover.right);
                if !inside(mover.x) {
                    *row = None;
                }
            }
        }
    }

    fn ramp(&mut self) {
        if self.ramps == RAMPS {
            return;
        }
        if self.ramp_timer >= 0 {
            self.ramp_timer -= 1;
        } else {
            self.ramps += 1;
            self.ramp_timer = RAMP_INTERVAL;
        }
    }
}

impl Game for Asterix {
    const ABOUT: About = About {
        name: "asterix",
        id: "MinAtar/Asterix-v0",
        minimal_id: "MinAtar/Asterix-v1",
        summary: "gather gold, avoid enemies; 4 channels of 10 x 10, 6 actions",
        channels: &["player", "enemy", "trail", "gold"],
        minimal: &[
            Action::Stay,
            Action::Left,
            Action::Up,
            Action::Right,
            Action::Down,
        ],
        ramps: true,
        max_reward: 1.0,
    };

    fn start(&mut self, _draws: &mut dyn Draws) {
        *self = Self::default();
    }

    fn play(&mut self, action: Action, ramping: bool, draws: &mut dyn Draws) -> (u32, bool) {
        if self.spawn_timer == 0 {
            self.spawn(draws);
            self.spawn_timer = SPAWN_INTERVAL - self.ramps;
        }
        match action {
            Action::Left => self.x = (self.x - 1).max(0),
            Action::Right => self.x = (self.x + 1).min(LAST),
            Action::Up => self.y = (self.y - 1).max(1),
            Action::Down => self.y = (self.y + 1).min(LAST - 1),
            Action::Stay | Action::Fire => {}
        }
        let (mut reward, mut over) = self.meet();
        if self.move_timer == 0 {
            self.move_timer = MOVE_INTERVAL - self.ramps / 2;
            self.advance();
            let (more, end) = self.meet();
            (reward, over) = (reward + more, over || end);
        }
        self.spawn_timer -= 1;
        self.move_timer -= 1;
        if ramping {
            self.ramp();
        }
        (reward, over)
    }

    fn show(&self, frame: &mut Frame) {
        frame.mark(PLAYER, self.x, self.y);
        for (mover, y) in self.rows.iter().zip(1..) {
            if let Some(mover) = mover {
                let channel = if mover.gold { GOLD } else { ENEMY };
                frame.mark(channel, mover.x, y);
                frame.trail(TRAIL, (mover.x, y), mover.right);
            }
        }
    }

    fn save(&self, state: &mut Vec<f64>) {
        let timers = [self.spawn_timer, self.move_timer, self.ramp_timer];
        let rows = self.rows.iter().flat_map(|row| match *row {
            Some(mover) => [1 + i32::from(mover.gold), mover.x, mover.right.into()],
            None => [0; 3],
        });
        let numbers = [self.x, self.y].into_iter().chain(timers);
        state.extend(numbers.chain([self.ramps]).chain(rows).map(f64::from));
    }

    fn load(reader: &mut StateReader, _over: bool) -> Result<Self, Error> {
        let mut game = Self {
            x: reader.whole("the player's column", 0, LAST)?,
            y: reader.whole("the player's row", 1, LAST - 1)?,
            rows: [None; ROWS],
            spawn_timer: reader.whole("the arrival timer", 0, SPAWN_INTERVAL)?,
            move_timer: reader.whole("the move timer", 0, MOVE_INTERVAL)?,
            ramp_timer: reader.whole("the ramp timer", -1, RAMP_INTERVAL)?,
            ramps: reader.whole("how many ramps", 0, RAMPS)?,
        };
        for row in &mut game.rows {
            let kind = reader.whole("nothing, an enemy or gold", 0, 2)?;
            let mover = Mover {
                x: reader.whole("its column", 0, LAST)?,
                right: reader.flag("rightwards")?,
                gold: kind == 2,
            };
            *row = (kind > 0).then_some(mover);
        }
        Ok(game)
    }
}
