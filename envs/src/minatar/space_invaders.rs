//! Space invaders: shoot aliens that come closer and shoot back.

use super::frame::Frame;
use super::game::{About, Action, Game};
use super::grid::{LAST, SIDE, ahead, inside};
use super::state_reader::StateReader;
use crate::{Draws, Error};

/// A bit for every cell: 10 y + x for column x and row y.
type Cells = u128;

const ALL: Cells = (1 << (SIDE * SIDE)) - 1;
const ROW: Cells = (1 << SIDE) - 1;
/// The column at the left.
const COLUMN: Cells = ALL / ROW;
/// Six columns of four rows, at the top.
const WAVE: Cells = (COLUMN & (ROW | ROW << SIDE | ROW << (2 * SIDE) | ROW << (3 * SIDE))) * 0xfc;

const SHOT_INTERVAL: i32 = 5;
const ALIEN_SHOT_INTERVAL: i32 = 10;
/// The intervals of the slowest and the fastest large wave.
const MOVE_INTERVAL: i32 = 12;
const LEAST_MOVE_INTERVAL: i32 = 6;

const CANNON: usize = 0;
const ALIEN: usize = 1;
const ALIEN_LEFT: usize = 2;
const ALIEN_RIGHT: usize = 3;
const BULLET: usize = 4;
const ALIEN_BULLET: usize = 5;

/// Space invaders: shoot aliens that come closer and shoot back.
/// [`MinAtar`](crate::minatar::MinAtar) describes what all games share.
///
/// **State**: the cannon's column, in row 9; the cells of the aliens, the cannon's
/// bullets and the aliens' bullets; the aliens' direction; timers for the cannon's
/// next shot, the aliens' next move and next shot; the aliens' move interval.
///
/// **Observation**: 6 channels: 0 the cannon, 1 aliens, 2 aliens if they go left,
/// 3 aliens if they go right, 4 the cannon's bullets, 5 the aliens' bullets.
///
/// **Actions**: stay, left, right, fire matter; the cannon stays in the columns 0
/// to 9.
///
/// **Dynamics**, in this order:
/// 1. Fire, if the shot timer is 0, puts a bullet in the cannon's cell and sets the
///    timer to 5; left and right move the cannon.
/// 2. The cannon's bullets go up by a row, the aliens' down by one; those that leave the grid
///    disappear. An alien's bullet in the cannon's cell ends the episode.
/// 3. An alien in the cannon's cell ends the episode.
/// 4. If the move timer is 0 it is set to the number of aliens or the move interval, whichever is
///    smaller. Then, if an alien is in the last column in the aliens' direction, they turn around and go
///    down by a row; an alien that was already in row 9 ends the episode **and comes back in row 0**.
///    Otherwise they go one column on. Again, an alien in the cannon's cell ends the episode.
/// 5. If the aliens' shot timer is 0 it is set to 10, and the lowest alien of the
///    column nearest to the cannon (of two, the left one) puts a bullet in its own
///    cell.
/// 6. Where a bullet of the cannon and an alien are in the same cell, both disappear and the reward
///    is 1. A bullet and an alien that swap cells miss each other.
/// 7. The shot timer goes down by 1 if above 0, the aliens' timers by 1.
/// 8. If no alien is left, the next wave appears at the top; it keeps the direction and timers of the
///    wave before. With ramping, the move interval falls by 1 if above 6.
///
/// **Reward**: 1 for each alien. At most two bullets of the cannon are on the grid
/// at a time, so at most 2 a step.
///
/// **Start**: the cannon in column 5; aliens in the columns 2 to 7 of the rows 0 to
/// 3, going left; move interval and timer 12, the aliens' shot timer 10, the
/// cannon's 0.
///
/// **End**: terminates when an alien or its bullet is in the cannon's cell, or when
/// the aliens go down from row 9. Only the sticky actions are random.
pub struct SpaceInvaders {
    x: i32,
    aliens: Cells,
    bullets: Cells,
    alien_bullets: Cells,
    right: bool,
    shot_timer: i32,
    move_timer: i32,
    alien_shot_timer: i32,
    move_interval: i32,
}

impl Default for SpaceInvaders {
    fn default() -> Self {
        Self {
            x: 5,
            aliens: WAVE,
            bullets: 0,
            alien_bullets: 0,
            right: false,
            shot_timer: 0,
            move_timer: MOVE_INTERVAL,
            alien_shot_timer: ALIEN_SHOT_INTERVAL,
            move_interval: MOVE_INTERVAL,
        }
    }
}

impl SpaceInvaders {
    /// The cell of the cannon.
    fn cannon(&self) -> Cells {
        cell(self.x, LAST)
    }

    /// Moves the aliens and returns whether they have landed.
    fn march(&mut self) -> bool {
        let edge = if self.right { LAST } else { 0 };
        if self.aliens & column(edge) == 0 {
            self.aliens = match self.right {
                true => self.aliens << 1,
                false => self.aliens >> 1,
            };
            return false;
        }
        self.right = !self.right;
        let landed = self.aliens >> (SIDE * SIDE - SIDE);
        self.aliens = self.aliens << SIDE & ALL | landed;
        landed != 0
    }

    /// The cell of the alien that shoots next.
    fn shooter(&self) -> Cells {
        let left_then_right = (0..SIDE as i32).flat_map(|far| [self.x - far, self.x + far]);
        let mut columns = left_then_right.filter(|&x| inside(x));
        let aliens = columns.find_map(|x| match self.aliens & column(x) {
            0 => None,
            aliens => Some(aliens),
        });
        aliens.map_or(0, |aliens| 1 << aliens.ilog2())
    }
}

fn cell(x: i32, y: i32) -> Cells {
    1 << (y as usize * SIDE + x as usize)
}

fn column(x: i32) -> Cells {
    COLUMN << x
}

impl Game for SpaceInvaders {
    const ABOUT: About = About {
        name: "space_invaders",
        id: "MinAtar/SpaceInvaders-v0",
        minimal_id: "MinAtar/SpaceInvaders-v1",
        summary: "shoot aliens that shoot back; 6 channels of 10 x 10, 6 actions",
        channels: &[
            "cannon",
            "alien",
            "alien going left",
            "alien going right",
            "bullet",
            "alien's bullet",
        ],
        minimal: &[Action::Stay, Action::Left, Action::Right, Action::Fire],
        ramps: true,
        max_reward: 2.0,
    };

    fn start(&mut self, _draws: &mut dyn Draws) {
        *self = Self::default();
    }

    fn play(&mut self, action: Action, ramping: bool, _draws: &mut dyn Draws) -> (u32, bool) {
        match action {
            Action::Fire if self.shot_timer == 0 => {
                self.bullets |= self.cannon();
                self.shot_timer = SHOT_INTERVAL;
            }
            Action::Left | Action::Right => {
                self.x = ahead(self.x, action == Action::Right).clamp(0, LAST);
            }
            _ => {}
        }
        let cannon = self.cannon();
        self.bullets >>= SIDE;
        self.alien_bullets = self.alien_bullets << SIDE & ALL;
        let mut over = (self.alien_bullets | self.aliens) & cannon != 0;

        if self.move_timer == 0 {
            self.move_timer = self.move_interval.min(self.aliens.count_ones() as i32);
            over |= self.march();
            over |= self.aliens & cannon != 0;
        }
        if self.alien_shot_timer == 0 {
            self.alien_shot_timer = ALIEN_SHOT_INTERVAL;
            self.alien_bullets |= self.shooter();
        }
        let hits = self.aliens & self.bullets;
        self.aliens ^= hits;
        self.bullets ^= hits;

        self.shot_timer -= i32::from(self.shot_timer > 0);
        self.move_timer -= 1;
        self.alien_shot_timer -= 1;
        if self.aliens == 0 {
            if ramping && self.move_interval > LEAST_MOVE_INTERVAL {
                self.move_interval -= 1;
            }
            self.aliens = WAVE;
        }
        (hits.count_ones(), over)
    }

    fn show(&self, frame: &mut Frame) {
        frame.mark(CANNON, self.x, LAST);
        let going = if self.right { ALIEN_RIGHT } else { ALIEN_LEFT };
        frame.mark_all(ALIEN, self.aliens);
        frame.mark_all(going, self.aliens);
        frame.mark_all(BULLET, self.bullets);
        frame.mark_all(ALIEN_BULLET, self.alien_bullets);
    }

    /// Cells are saved by rows, because an f64 cannot hold a hundred bits.
    fn save(&self, state: &mut Vec<f64>) {
        let numbers = [
            self.x,
            self.right.into(),
            self.shot_timer,
            self.move_timer,
            self.alien_shot_timer,
            self.move_interval,
        ];
        state.extend(numbers.map(f64::from));
        for cells in [self.aliens, self.bullets, self.alien_bullets] {
            let rows = (0..SIDE).map(|y| cells >> (y * SIDE) & ROW);
            state.extend(rows.map(|row| row as f64));
        }
    }

    fn load(reader: &mut StateReader, _over: bool) -> Result<Self, Error> {
        let x = reader.whole("the cannon's column", 0, LAST)?;
        let right = reader.flag("rightwards")?;
        let shot_timer = reader.whole("the shot timer", 0, SHOT_INTERVAL)?;
        let move_timer = reader.whole("the move timer", 0, MOVE_INTERVAL)?;
        let alien_shot_timer = reader.whole("the aliens' shot timer", 0, ALIEN_SHOT_INTERVAL)?;
        let (fastest, slowest) = (LEAST_MOVE_INTERVAL, MOVE_INTERVAL);
        let move_interval = reader.whole("the move interval", fastest, slowest)?;
        let mut cells = |what: &str, least: i32| {
            let mut cells: Cells = 0;
            for y in 0..SIDE {
                // There is always an alien: if the rows above had none, the last must.
                let least = if y == SIDE - 1 && cells == 0 {
                    least
                } else {
                    0
                };
                let row = reader.whole(what, least, ROW as i32)?;
                cells |= (row as Cells) << (y * SIDE);
            }
            Ok(cells)
        };
        Ok(Self {
            aliens: cells("a row of aliens", 1)?,
            bullets: cells("a row of bullets", 0)?,
            alien_bullets: cells("a row of the aliens' bullets", 0)?,
            x,
            right,
            shot_timer,
            move_timer,
            alien_shot_timer,
            move_interval,
        })
    }
}
