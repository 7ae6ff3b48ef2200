//! The steps of seaquest's dynamics, in order.

use super::Seaquest;
use super::limits::{
    ABOARD, AIR, BOTTOM, CELL_OF_AIR, DIVER_PACE, ENEMY_INTERVAL, FASTEST, RAMPS, RELOAD, ROWS,
    SHOT_INTERVAL, SLOWEST,
};
use super::swimmer::Swimmer;
use crate::Draws;
use crate::minatar::game::Action;
use crate::minatar::grid::{LAST, ahead};

impl Seaquest {
    pub(super) fn enemy_interval(&self) -> i32 {
        ENEMY_INTERVAL - self.ramps
    }

    fn move_interval(&self) -> i32 {
        (SLOWEST - self.ramps / 2).max(FASTEST)
    }

    pub(super) fn spawn_enemy(&mut self, draws: &mut dyn Draws) {
        let right = draws.chance("enemy from the left", 0.5);
        let submarine = draws.chance("submarine", 1.0 / 3.0);
        let row = draws.index("enemy's row", ROWS);
        let mut enemy = Swimmer::arriving(right, row, self.move_interval());
        let mut others = self.submarines.iter().chain(&self.fish);
        if others.any(|other| other.y == enemy.y && other.right != right) {
            return;
        }
        if submarine {
            enemy.reload = RELOAD;
            self.submarines.push(enemy);
        } else {
            self.fish.push(enemy);
        }
    }

    pub(super) fn spawn_diver(&mut self, draws: &mut dyn Draws) {
        let right = draws.chance("diver from the left", 0.5);
        let row = draws.index("diver's row", ROWS);
        self.divers.push(Swimmer::arriving(right, row, DIVER_PACE));
    }

    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Fire if self.shot_timer == 0 => {
                let bullet = Swimmer::bullet(self.x, self.y, self.right);
                self.bullets.push(bullet);
                self.shot_timer = SHOT_INTERVAL;
            }
            Action::Left | Action::Right => {
                self.right = action == Action::Right;
                self.x = ahead(self.x, self.right).clamp(0, LAST);
            }
            Action::Up => self.y = (self.y - 1).max(0),
            Action::Down => self.y = (self.y + 1).min(BOTTOM),
            Action::Stay | Action::Fire => {}
        }
    }

    /// Moves the player's bullets and returns the reward.
    pub(super) fn move_bullets(&mut self) -> u32 {
        let mut reward = 0;
        for i in (0..self.bullets.len()).rev() {
            let inside = self.bullets[i].advance();
            let Swimmer { x, y, .. } = self.bullets[i];
            let hit = [&mut self.fish, &mut self.submarines]
                .into_iter()
                .any(|enemies| {
                    let here = enemies.iter().position(|enemy| enemy.is_at(x, y));
                    here.map(|here| enemies.remove(here)).is_some()
                });
            if hit || !inside {
                self.bullets.remove(i);
                reward += u32::from(hit);
            }
        }
        reward
    }

    pub(super) fn move_divers(&mut self) {
        for i in (0..self.divers.len()).rev() {
            let here = |diver: &Swimmer| diver.is_at(self.x, self.y) && self.aboard < ABOARD;
            let diver = &mut self.divers[i];
            let (mut taken, mut inside) = (here(diver), true);
            if !taken && diver.timer == 0 {
                diver.timer = DIVER_PACE;
                inside = diver.advance();
                taken = here(diver);
            } else if !taken {
                diver.timer -= 1;
            }
            if taken || !inside {
                self.divers.remove(i);
                self.aboard += i32::from(taken);
            }
        }
    }

    /// Moves the submarines and lets them shoot. Returns the reward and whether the episode is over.
    pub(super) fn move_submarines(&mut self) -> (u32, bool) {
        let (mut reward, mut over) = (0, false);
        let (interval, player) = (self.move_interval(), (self.x, self.y));
        for i in (0..self.submarines.len()).rev() {
            let submarine = &mut self.submarines[i];
            let outcome = submarine.move_as_enemy(interval, player, &mut self.bullets);
            if submarine.reload == 0 {
                submarine.reload = RELOAD;
                let bullet = Swimmer::bullet(submarine.x, submarine.y, submarine.right);
                self.enemy_bullets.push(bullet);
            } else {
                submarine.reload -= 1;
            }
            if outcome.gone {
                self.submarines.remove(i);
            }
            reward += outcome.reward;
            over |= outcome.over;
        }
        (reward, over)
    }

    /// Moves the enemies' bullets and returns whether one has met the player.
    pub(super) fn move_enemy_bullets(&mut self) -> bool {
        let mut over = false;
        for i in (0..self.enemy_bullets.len()).rev() {
            let bullet = &mut self.enemy_bullets[i];
            over |= bullet.is_at(self.x, self.y);
            let inside = bullet.advance();
            over |= bullet.is_at(self.x, self.y);
            if !inside {
                self.enemy_bullets.remove(i);
            }
        }
        over
    }

    pub(super) fn move_fish(&mut self) -> (u32, bool) {
        let (mut reward, mut over) = (0, false);
        let (interval, player) = (self.move_interval(), (self.x, self.y));
        for i in (0..self.fish.len()).rev() {
            let outcome = self.fish[i].move_as_enemy(interval, player, &mut self.bullets);
            if outcome.gone {
                self.fish.remove(i);
            }
            reward += outcome.reward;
            over |= outcome.over;
        }
        (reward, over)
    }

    /// Breathing and surfacing. Returns the reward and whether the episode is over.
    pub(super) fn breathe(&mut self, ramping: bool) -> (u32, bool) {
        let out_of_air = self.air <= 0;
        if self.y > 0 {
            self.air -= 1;
            self.surfaced = false;
            return (0, out_of_air);
        }
        if self.surfaced {
            return (0, out_of_air);
        }
        if self.aboard == 0 {
            return (0, true);
        }
        self.surfaced = true;
        let mut reward = 0;
        if self.aboard == ABOARD {
            self.aboard = 0;
            reward = self.air / CELL_OF_AIR;
        }
        self.air = AIR;
        self.aboard = self.aboard.saturating_sub(1);
        if ramping && self.ramps < RAMPS {
            self.ramps += 1;
        }
        (reward as u32, out_of_air)
    }
}
