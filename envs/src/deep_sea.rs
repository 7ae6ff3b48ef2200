//! Deep sea: dive along the diagonal to a treasure, although every step to the right costs.

use rand_mt::Mt;
use settings::settings;

use crate::draws::NORMAL_REACH;
use crate::entry::{Make, check_settings, settings_from};
use crate::state::{self, Variable};
use crate::{Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step};

const TREASURE: f64 = 1.0;
const MOVE_COST: f64 = 0.01;

settings! {
    /// The settings of a deep sea.
    pub struct DeepSeaSettings {
        /// rows and columns, and steps in an episode
        size: usize = 10, in 2..=100;
        /// moves to the right may fail, and both ends of the bottom row add noise to the reward
        stochastic: bool = false;
        /// draw at random, for each cell, which action goes right; otherwise it is 1 everywhere
        randomize_actions: bool = true;
        /// the seed for drawing those actions
        mapping_seed: u32 = 42;
    }
}

pub(crate) const ENTRY: EnvEntry = EnvEntry {
    name: "deep_sea",
    id: "deep_sea",
    summary: "one path of 2^size leads to a treasure; size x size observations, 2 actions, size steps",
    kind: EnvKind::Exploration,
    native: true,
    make: Make::with::<DeepSeaSettings>(|table| {
        let settings = settings_from(ENTRY.name, table)?;
        Ok(Box::new(DeepSea::new(&settings)?))
    }),
};

/// Deep sea as in bsuite: an N x N grid in which a diver finds the treasure only by going right in all
/// N steps, each of which costs a little. Random actions find it in one of 2^N episodes.
///
/// **State**: the diver's `row` from 0 at the top to N once the episode has ended,
/// and `column`, which never exceeds the row.
///
/// **Observation**: N x N, 1 in the diver's cell and 0 elsewhere; all 0 when the
/// episode has ended.
///
/// **Actions**: 0 and 1; in each cell one of them goes right and the other left. Which one goes right
/// is drawn from `mapping_seed` (42, as in bsuite's experiments) as numpy's
/// `RandomState(seed).binomial(1, 0.5, [N, N])` draws it, so a seed means the same here as in bsuite.
/// With `randomize_actions=false` it is 1 everywhere.
///
/// **Dynamics**: every step goes one row down, and one column right or left unless a side is in the
/// way.
///
/// **Reward**: -0.01 / N for going right, 0 for going left, and an additional 1 for going right in the
/// last column, which can only be reached in the last row. The best return is 0.99.
///
/// **Stochastic**: a move to the right fails with probability 1 / N and stays in its column; its cost
/// and treasure are unchanged. A step from either end of the last row adds a standard normal number to
/// the reward. The best mean return is (1 - 1/N)^(N-1) - 0.01 (1 - (1 - 1/N)^N), 0.381 for N = 10: a
/// diver whose move has failed goes left from then on, which costs nothing. (bsuite's own figure
/// overlooks that.)
///
/// **Start**: the upper left corner.
///
/// **End**: terminates after N steps, which is also its time limit.
///
/// **Source**: Osband et al., "Behaviour Suite for Reinforcement Learning" (2020);
/// rules and order of draws of bsuite 0.3.6, `environments/deep_sea.py`. Our own
/// noise comes from Box and Muller's method and stays within 8.58.
pub struct DeepSea {
    spec: EnvSpec,
    size: usize,
    stochastic: bool,
    /// The action that goes right in each cell.
    right: Vec<u8>,
    row: usize,
    column: usize,
}

impl DeepSea {
    /// A diver in the upper left corner; an error if a setting is out of its range.
    pub fn new(settings: &DeepSeaSettings) -> Result<Self, Error> {
        check_settings(ENTRY.name, settings)?;
        let &DeepSeaSettings {
            size, stochastic, ..
        } = settings;
        let right = match settings.randomize_actions {
            true => mapping(settings.mapping_seed, size),
            false => vec![1; size * size],
        };
        let cost = MOVE_COST / size as f64;
        let noise = if stochastic { NORMAL_REACH } else { 0.0 };
        let least = (-cost) as f32;
        Ok(Self {
            spec: EnvSpec {
                name: ENTRY.name.to_owned(),
                id: ENTRY.id.to_owned(),
                observation: Space::binary(&[size, size]),
                actions: 2,
                max_steps: Some(size as u32),
                reward_threshold: None,
                rewards: ((-cost - noise) as f32, (TREASURE - cost + noise) as f32),
                worst_return: f64::from(least) * size as f64 - noise,
            },
            size,
            stochastic,
            right,
            row: 0,
            column: 0,
        })
    }

    fn variables(&self) -> [Variable; 2] {
        let size = self.size as f64;
        [("row", 0.0, size), ("column", 0.0, size - 1.0)]
    }

    /// The diver's position in a table of cells; beyond its end once the episode has ended.
    fn cell(&self) -> usize {
        self.row * self.size + self.column
    }

    fn observe(&self, observation: &mut [f32]) {
        assert_eq!(observation.len(), self.right.len());
        observation.fill(0.0);
        if let Some(cell) = observation.get_mut(self.cell()) {
            *cell = 1.0;
        }
    }
}

/// The action that goes right in each cell, drawn like numpy's coin for each: by inverting the
/// distribution, and so from one uniform number of 53 bits.
fn mapping(seed: u32, size: usize) -> Vec<u8> {
    let mut twister = Mt::new(seed);
    let mut uniform = || {
        let (high, low) = (twister.next_u32() >> 5, twister.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    };
    (0..size * size)
        .map(|_| u8::from(uniform() > 0.5))
        .collect()
}

impl Environment for DeepSea {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, _draws: &mut dyn Draws, observation: &mut [f32]) {
        (self.row, self.column) = (0, 0);
        self.observe(observation);
    }

    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        let (size, last) = (self.size as f64, self.size - 1);
        let right = self.right.get(self.cell()).copied().map(usize::from) == Some(action);
        let mut reward = 0.0;
        if right && self.column == last {
            reward += TREASURE;
        }
        if self.stochastic && self.row == last && (self.column == 0 || self.column == last) {
            reward += draws.normal("noise");
        }
        if right {
            if !self.stochastic || draws.chance("right", 1.0 - 1.0 / size) {
                self.column = (self.column + 1).min(last);
            }
            reward -= MOVE_COST / size;
        } else {
            self.column = self.column.saturating_sub(1);
        }
        self.row = (self.row + 1).min(self.size);
        self.observe(observation);
        Step {
            reward: reward as f32,
            terminated: self.row == self.size,
            truncated: false,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        Ok(vec![self.row as f64, self.column as f64])
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        let variables = self.variables();
        let [row, column] = state::whole(ENTRY.name, &variables, state)?;
        if column > row {
            let found = format!("column {column} in row {row}, which is too far right");
            return Err(state::refuse(ENTRY.name, &variables, found));
        }
        (self.row, self.column) = (row, column);
        Ok(())
    }

    /// The diver is yellow. Cells are blue, darker where the diver cannot be. The treasure, the last
    /// row's right corner, is green.
    fn render(&self) -> Option<Canvas> {
        let (size, last) = (self.size, self.size - 1);
        let side = (400 / size as u32).max(4);
        Some(Canvas::grid((size, size), side, |row, column| {
            if (row, column) == (self.row, self.column) {
                [250, 210, 60]
            } else if (row, column) == (last, last) {
                [60, 170, 90]
            } else if column > row {
                [20, 40, 75]
            } else if (row + column) % 2 == 0 {
                [70, 130, 190]
            } else {
                [80, 140, 200]
            }
        }))
    }
}
