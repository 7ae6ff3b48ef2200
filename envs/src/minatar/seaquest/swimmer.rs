use crate::Error;
use crate::minatar::{LAST, Numbers, ahead, inside};

use super::{BOTTOM, DIVER_PACE, RELOAD, ROOM};

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

/// What an enemy's turn brought.
pub(super) struct Turn {
    /// The enemy as it is now.
    pub enemy: Swimmer,
    /// Its place in the list, unless it is gone.
    pub place: Option<usize>,
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

/// Removes the first that is like the one at `place`; tells where that one is then.
pub(super) fn remove(list: &mut Vec<Swimmer>, place: usize) -> Option<usize> {
    let first = list.iter().position(|other| *other == list[place]);
    let first = first.unwrap_or(place);
    list.remove(first);
    (first < place).then(|| place - 1)
}

/// Lets the enemy at `place` have its turn, but for a shot of its own.
pub(super) fn take_turn(
    enemies: &mut Vec<Swimmer>,
    place: usize,
    interval: i32,
    (x, y): (i32, i32),
    bullets: &mut Vec<Swimmer>,
) -> Turn {
    let enemy = &mut enemies[place];
    let mut turn = Turn {
        enemy: *enemy,
        place: Some(place),
        reward: 0,
        over: enemy.is_at(x, y),
    };
    if enemy.timer > 0 {
        enemy.timer -= 1;
        turn.enemy = *enemy;
        return turn;
    }
    enemy.timer = interval;
    let inside = enemy.advance();
    turn.enemy = *enemy;
    if !inside {
        turn.place = remove(enemies, place);
    } else if turn.enemy.is_at(x, y) {
        turn.over = true;
    } else {
        let here = |bullet: &Swimmer| bullet.is_at(turn.enemy.x, turn.enemy.y);
        if let Some(hit) = bullets.iter().position(here) {
            bullets.remove(hit);
            turn.place = remove(enemies, place);
            turn.reward = 1;
        }
    }
    turn
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
