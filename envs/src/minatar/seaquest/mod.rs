//! Seaquest: fetch divers with a submarine, shoot enemies and watch the air.

mod limits;
mod rules;
mod swimmer;

use super::frame::Frame;
use super::game::{About, Action, Game};
use super::grid::{LAST, ahead};
use super::state_reader::StateReader;
use crate::{Draws, Error};
use limits::{
    ABOARD, AIR, BOTTOM, CELL_OF_AIR, DIVER_INTERVAL, ENEMY_INTERVAL, RAMPS, ROOM, SHOT_INTERVAL,
};
use swimmer::Swimmer;

const FRONT: usize = 0;
const BACK: usize = 1;
const BULLET: usize = 2;
const TRAIL: usize = 3;
const ENEMY_BULLET: usize = 4;
const FISH: usize = 5;
const SUBMARINE: usize = 6;
const AIR_GAUGE: usize = 7;
const DIVER_GAUGE: usize = 8;
const DIVER: usize = 9;

/// Seaquest: fetch divers with a submarine, shoot enemies and watch the air.
/// [`MinAtar`](crate::minatar::MinAtar) describes what all games share.
///
/// **State**: the player's cell and direction; the air; the divers aboard; whether the player is at the
/// surface; timers for the player's shot, the next enemy and the next diver; the number of ramps so
/// far; lists, in the order of arrival, of the player's bullets, the enemies' bullets, fish, enemy
/// submarines and divers. Each list entry has its cell and direction; all except bullets have a timer
/// for the next move; submarines have one for the next shot.
///
/// **Observation**: 10 channels: 0 the player, 1 the cell behind the player, 2 the player's bullets, 3
/// the cells that fish, submarines and divers come from (unless off the grid), 4 the enemies' bullets,
/// 5 fish, 6 enemy submarines, 7 the air: the first air / 20 cells of row 9, rounded down, 8 the divers
/// aboard: that many cells of row 9, from column 8 to the left, 9 divers.
///
/// **Actions**: all six; the player stays in the columns 0 to 9 and the rows 0 (the surface) to 8 and
/// faces the direction of its last sideways move.
///
/// **Dynamics**, in this order:
/// 1. If the enemy timer is 0 an enemy arrives and the timer is set to the enemy interval. It comes
///    from the left or the right with equal chances, is a submarine with probability 1/3 and otherwise a
///    fish, and enters in one of the rows 1 to 8. If an enemy of the other direction is in that row, the
///    arrival is lost. Its timer is the move interval; a submarine's shot timer is 10.
/// 2. If the diver timer is 0 a diver arrives and the timer is set to 30: from
///    either side, in one of the rows 1 to 8. Its timer is 5.
/// 3. Fire, if the shot timer is 0, puts a bullet in the player's cell, flying in the direction that
///    the player faces, and sets the timer to 5. Other actions move the player.
/// 4. Each of the player's bullets moves one cell. Off the grid it disappears. If a fish, or otherwise
///    a submarine, is in its cell, both disappear for a reward of 1.
/// 5. Each diver is taken aboard if it is in the player's cell and fewer than 6 are aboard. Otherwise
///    it moves if its timer is 0, which sets the timer to 5: off the grid it disappears; in the player's
///    cell it is taken aboard as before. If its timer is not 0, the timer goes down by 1.
/// 6. Each enemy submarine ends the episode if it is in the player's cell. It moves if its timer is 0,
///    which sets the timer to the move interval: off the grid, it disappears; in the player's cell, it
///    ends the episode; in a cell with a player's bullet, both disappear for a reward of 1. If its timer
///    is not 0, the timer goes down by 1. If its shot timer is 0, it puts a bullet in its cell, flying in
///    its direction, and sets that timer to 10, **even if it has just been shot**; otherwise that timer
///    goes down by 1.
/// 7. Each enemy bullet ends the episode if it is in the player's cell. Otherwise it moves one cell; it
///    disappears off the grid, and ends the episode if it is now in the player's cell.
/// 8. The fish follow the rules of the submarines in 6, but do not shoot.
/// 9. The timers for enemy, diver and shot go down by 1 if above 0.
/// 10. If no air is left, the episode ends.
/// 11. Below the surface the air goes down by 1. On coming to the surface with *no* divers aboard the
///     episode ends; with 6, they all go ashore for a reward of air / 20, rounded down. Then the air is
///     refilled, **one diver fewer is aboard, even after all 6 went ashore**, which leaves -1. With a
///     negative number one can surface again and again, and it falls by one each time. The game ramps.
///
/// "Each" goes from the last of the list to the first. (The reference removes by value, so it removes
/// the first of two entries whose numbers are all equal, and lets the other take another turn. In
/// episodes that start from a reset that never makes a difference: no bullet is left where an enemy is
/// when another enemy moves there, divers are never equal, and there are never more than two bullets of
/// the player.)
///
/// **Ramping**: at every surfacing the enemy interval falls by 1 if above 1; at
/// every second, the second first, the move interval falls by 1 if above 2.
///
/// **Reward**: 1 for each enemy shot and up to 9 for six divers. At most two of the
/// player's bullets are in the water at a time, so at most 11 a step.
///
/// **Start**: the player at the surface in column 5, looking left; 200 units of air;
/// nothing else; enemy interval and timer 20, diver timer 30, move interval 5.
///
/// **End**: terminates as described above. The rest of that step still happens.
pub struct Seaquest {
    x: i32,
    y: i32,
    right: bool,
    air: i32,
    aboard: i32,
    surfaced: bool,
    shot_timer: i32,
    enemy_timer: i32,
    diver_timer: i32,
    /// The number of ramps so far.
    ramps: i32,
    bullets: Vec<Swimmer>,
    enemy_bullets: Vec<Swimmer>,
    fish: Vec<Swimmer>,
    submarines: Vec<Swimmer>,
    divers: Vec<Swimmer>,
}

impl Default for Seaquest {
    fn default() -> Self {
        Self::with(std::array::from_fn(|_| Vec::with_capacity(ROOM)))
    }
}

impl Seaquest {
    /// The start, reusing lists that may have been used before.
    fn with(mut lists: [Vec<Swimmer>; 5]) -> Self {
        lists.iter_mut().for_each(Vec::clear);
        let [bullets, enemy_bullets, fish, submarines, divers] = lists;
        Self {
            x: 5,
            y: 0,
            right: false,
            air: AIR,
            aboard: 0,
            surfaced: true,
            shot_timer: 0,
            enemy_timer: ENEMY_INTERVAL,
            diver_timer: DIVER_INTERVAL,
            ramps: 0,
            bullets,
            enemy_bullets,
            fish,
            submarines,
            divers,
        }
    }
}

impl Game for Seaquest {
    const ABOUT: About = About {
        name: "seaquest",
        id: "MinAtar/Seaquest-v0",
        minimal_id: "MinAtar/Seaquest-v1",
        summary: "fetch divers, shoot enemies; 10 channels of 10 x 10, 6 actions",
        channels: &[
            "the player's front",
            "the player's back",
            "bullet",
            "trail",
            "enemy's bullet",
            "fish",
            "submarine",
            "air",
            "divers aboard",
            "diver",
        ],
        minimal: &Action::ALL,
        ramps: true,
        max_reward: 11.0,
    };

    fn start(&mut self, _draws: &mut dyn Draws) {
        let lists = [
            &mut self.bullets,
            &mut self.enemy_bullets,
            &mut self.fish,
            &mut self.submarines,
            &mut self.divers,
        ];
        *self = Self::with(lists.map(std::mem::take));
    }

    fn play(&mut self, action: Action, ramping: bool, draws: &mut dyn Draws) -> (u32, bool) {
        if self.enemy_timer == 0 {
            self.spawn_enemy(draws);
            self.enemy_timer = self.enemy_interval();
        }
        if self.diver_timer == 0 {
            self.spawn_diver(draws);
            self.diver_timer = DIVER_INTERVAL;
        }
        self.act(action);
        let shot = self.move_bullets();
        self.move_divers();
        let (submarines, met_submarine) = self.move_submarines();
        let met_bullet = self.move_enemy_bullets();
        let (fish, met_fish) = self.move_fish();
        for timer in [
            &mut self.enemy_timer,
            &mut self.diver_timer,
            &mut self.shot_timer,
        ] {
            *timer -= i32::from(*timer > 0);
        }
        let (ashore, drowned) = self.breathe(ramping);
        let over = met_submarine || met_bullet || met_fish || drowned;
        (shot + submarines + fish + ashore, over)
    }

    fn show(&self, frame: &mut Frame) {
        frame.mark(FRONT, self.x, self.y);
        frame.mark(BACK, ahead(self.x, !self.right), self.y);
        for x in 0..self.air / CELL_OF_AIR {
            frame.mark(AIR_GAUGE, x, LAST);
        }
        for x in LAST - self.aboard.max(0)..LAST {
            frame.mark(DIVER_GAUGE, x, LAST);
        }
        for (list, channel, trail) in [
            (&self.bullets, BULLET, false),
            (&self.enemy_bullets, ENEMY_BULLET, false),
            (&self.fish, FISH, true),
            (&self.submarines, SUBMARINE, true),
            (&self.divers, DIVER, true),
        ] {
            for swimmer in list {
                frame.mark(channel, swimmer.x, swimmer.y);
                if trail {
                    frame.trail(TRAIL, (swimmer.x, swimmer.y), swimmer.right);
                }
            }
        }
    }

    /// Ten numbers, then each list preceded by its length.
    fn save(&self, state: &mut Vec<f64>) {
        let own = [
            self.right.into(),
            self.x,
            self.y,
            self.air,
            self.aboard,
            self.surfaced.into(),
            self.shot_timer,
            self.enemy_timer,
            self.diver_timer,
            self.ramps,
        ];
        state.extend(own.map(f64::from));
        for list in [
            &self.bullets,
            &self.enemy_bullets,
            &self.fish,
            &self.submarines,
            &self.divers,
        ] {
            swimmer::save(list, state);
        }
    }

    fn load(reader: &mut StateReader, over: bool) -> Result<Self, Error> {
        let right = reader.flag("the player looks right")?;
        // There is always a cell behind the player.
        let (leftmost, rightmost) = if right { (1, LAST) } else { (0, LAST - 1) };
        Ok(Self {
            right,
            x: reader.whole("the player's column", leftmost, rightmost)?,
            y: reader.whole("the player's row", 0, BOTTOM)?,
            air: reader.whole("the air", -i32::from(over), AIR)?,
            aboard: reader.whole("the divers aboard", i32::MIN, ABOARD)?,
            surfaced: reader.flag("at the surface")?,
            shot_timer: reader.whole("the shot timer", 0, SHOT_INTERVAL)?,
            enemy_timer: reader.whole("the enemy timer", 0, ENEMY_INTERVAL)?,
            diver_timer: reader.whole("the diver timer", 0, DIVER_INTERVAL)?,
            ramps: reader.whole("how many ramps", 0, RAMPS)?,
            bullets: swimmer::load(reader, "how many bullets")?,
            enemy_bullets: swimmer::load(reader, "how many bullets of enemies")?,
            fish: swimmer::load(reader, "how many fish")?,
            submarines: swimmer::load(reader, "how many submarines")?,
            divers: swimmer::load(reader, "how many divers")?,
        })
    }
}
