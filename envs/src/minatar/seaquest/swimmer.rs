use super::limits::{BOTTOM, DIVER_PACE, RELOAD, ROOM};
use crate::Error;
use crate::minatar::grid::{LAST, ahead, inside};
use crate::minatar::state_reader::StateReader;

/// Anything in the water except the player. A timer that it does not use is 0.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Swimmer {
    pub x: i32,
    pub y: i32,
    pub right: bool,
    /// Steps until its next move.
    pub timer: i32,
    /// Steps until its next shot.
    pub reload: i32,
}

/// The result of an enemy's move; its own shot is not part of it.
pub(super) struct EnemyMove {
    /// The enemy has left the grid or was shot.
    pub gone: bool,
    pub reward: u32,
    pub over: bool,
}

impl Swimmer {
    /// A bullet from this cell.
    pub fn bullet(x: i32, y: i32, right: bool) -> Self {
        Self {
            x,
            y,
            right,
            timer: 0,
            reload: 0,
        }
    }

    /// Something that enters from a side; `row` counts from 0.
    pub fn arriving(right: bool, row: usize, timer: i32) -> Self {
        Self {
            x: if right { 0 } else { LAST },
            y: 1 + row as i32,
            right,
            timer,
            reload: 0,
        }
    }

    pub fn is_at(&self, x: i32, y: i32) -> bool {
        (self.x, self.y) == (x, y)
    }

    /// Moves one cell and returns whether it is still on the grid.
    pub fn advance(&mut self) -> bool {
        self.x = ahead(self.x, self.right);
        inside(self.x)
    }

    /// Moves as an enemy does, with the player in the cell (x, y).
    pub fn move_as_enemy(
        &mut self,
        interval: i32,
        (x, y): (i32, i32),
        bullets: &mut Vec<Swimmer>,
    ) -> EnemyMove {
        let mut outcome = EnemyMove {
            gone: false,
            reward: 0,
            over: self.is_at(x, y),
        };
        if self.timer > 0 {
            self.timer -= 1;
            return outcome;
        }
        self.timer = interval;
        if !self.advance() {
            outcome.gone = true;
        } else if self.is_at(x, y) {
            outcome.over = true;
        } else if let Some(hit) = bullets.iter().position(|b| b.is_at(self.x, self.y)) {
            bullets.remove(hit);
            outcome.gone = true;
            outcome.reward = 1;
        }
        outcome
    }

    fn save(&self, state: &mut Vec<f64>) {
        let numbers = [self.x, self.y, self.right.into(), self.timer, self.reload];
        state.extend(numbers.map(f64::from));
    }

    fn load(reader: &mut StateReader) -> Result<Self, Error> {
        Ok(Self {
            x: reader.whole("a swimmer's column", 0, LAST)?,
            y: reader.whole("its row", 0, BOTTOM)?,
            right: reader.flag("rightwards")?,
            timer: reader.whole("its move timer", 0, DIVER_PACE)?,
            reload: reader.whole("its shot timer", 0, RELOAD)?,
        })
    }
}

/// Appends the number of entries, then each entry.
pub(super) fn save(list: &[Swimmer], state: &mut Vec<f64>) {
    state.push(list.len() as f64);
    for swimmer in list {
        swimmer.save(state);
    }
}

pub(super) fn load(reader: &mut StateReader, what: &str) -> Result<Vec<Swimmer>, Error> {
    let mut list = Vec::with_capacity(ROOM);
    for _ in 0..reader.whole(what, 0, ROOM as i32)? {
        list.push(Swimmer::load(reader)?);
    }
    Ok(list)
}
