//! The numbers of seaquest's rules.

use crate::minatar::grid::LAST;

pub(super) const AIR: i32 = 200;
/// The units of air that one cell of the gauge stands for.
pub(super) const CELL_OF_AIR: i32 = AIR / 10;
pub(super) const ABOARD: i32 = 6;
/// The lowest row of the water; below it are the gauges.
pub(super) const BOTTOM: i32 = LAST - 1;
/// The number of rows in which something can enter; the first is row 1.
pub(super) const ROWS: usize = 8;
pub(super) const ENEMY_INTERVAL: i32 = 20;
pub(super) const DIVER_INTERVAL: i32 = 30;
pub(super) const SLOWEST: i32 = 5;
pub(super) const FASTEST: i32 = 2;
pub(super) const DIVER_PACE: i32 = 5;
pub(super) const SHOT_INTERVAL: i32 = 5;
pub(super) const RELOAD: i32 = 10;
/// After this many ramps an enemy arrives at every step.
pub(super) const RAMPS: i32 = ENEMY_INTERVAL - 1;

/// Room for more than can be on the grid at once, so that no step allocates. An enemy moves at least
/// every 6 steps, so at most 60 are in the water. Each shoots every 11 steps, and its bullet leaves the
/// grid within 10.
pub(super) const ROOM: usize = 72;
