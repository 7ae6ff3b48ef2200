use super::limits::{BOTTOM, DIVER_PACE, RELOAD, ROOM};
use crate::Error;
use crate::minatar::grid::{LAST, ahead, inside};
use crate::minatar::numbers::Numbers;

/// Anything in the water but the player. Timers that it does not have are 0.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Swimmer {
    pub x: i32,
    pub y: i32,
    pub right: bool,
    /// Until its next move.
    pub timer: i32,
    /// Until its next shot.
    pub reload: i32,
}

/// What an enemy's turn brought, but for a shot of its own.
pub(super) struct Turn {
    /// It has left the grid or was shot.
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

    /// Something that comes in at the side; rows count from 0 here.
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

    /// Moves one cell, and tells whether it is still on the grid.
    pub fn advance(&mut self) -> bool {
        self.x = ahead(self.x, self.right);
        inside(self.x)
    }

    /// An enemy's turn, with the player in this cell.
    pub fn take_turn(
        &mut self,
        interval: i32,
        (x, y): (i32, i32),
        bullets: &mut Vec<Swimmer>,
    ) -> Turn {
        let mut turn = Turn {
            gone: false,
            reward: 0,
            over: self.is_at(x, y),
        };
        if self.timer > 0 {
            self.timer -= 1;
            return turn;
        }
        self.timer = interval;
        if !self.advance() {
            turn.gone = true;
        } else if self.is_at(x, y) {
            turn.over = true;
        } else if let Some(hit) = bullets.iter().position(|b| b.is_at(self.x, self.y)) {
            bullets.remove(hit);
            turn.gone = true;
            turn.reward = 1;
        }
        turn
    }

    fn save(&self, state: &mut Vec<f64>) {
        let numbers = [self.x, self.y, self.right.into(), self.timer, self.reload];
        state.extend(numbers.map(f64::from));
    }

    fn load(numbers: &mut Numbers) -> Result<Self, Error> {
        Ok(Self {
            x: numbers.whole("a swimmer's column", 0, LAST)?,
            y: numbers.whole("its row", 0, BOTTOM)?,
            right: numbers.flag("rightwards")?,
            timer: numbers.whole("its move timer", 0, DIVER_PACE)?,
            reload: numbers.whole("its shot timer", 0, RELOAD)?,
        })
    }
}

/// How many, then each.
pub(super) fn save(list: &[Swimmer], state: &mut Vec<f64>) {
    state.push(list.len() as f64);
    for swimmer in list {
        swimmer.save(state);
    }
}

pub(super) fn load(numbers: &mut Numbers, what: &str) -> Result<Vec<Swimmer>, Error> {
    let mut list = Vec::with_capacity(ROOM);
    for _ in 0..numbers.whole(what, 0, ROOM as i32)? {
        list.push(Swimmer::load(numbers)?);
    }
    Ok(list)
}
