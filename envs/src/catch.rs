//! Catch: move a paddle to where a ball lands.

use settings::{Setting, Settings};

use crate::dials::dials;
use crate::entry::Make;
use crate::state::{self, Variable};
use crate::{Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step};

const ROWS: usize = 10;
const COLUMNS: usize = 5;
/// The paddle's row, where the ball lands.
const BOTTOM: usize = ROWS - 1;

const STATE: [Variable; 3] = [
    ("ball_row", 0.0, BOTTOM as f64),
    ("ball_column", 0.0, (COLUMNS - 1) as f64),
    ("paddle", 0.0, (COLUMNS - 1) as f64),
];

dials! {
    /// What can be set of catch.
    struct CatchDials {
        /// how many columns to the right of the ball, up to the nearest whole column, the paddle
        /// must be
        offset = 0.0, in 0.0..=(COLUMNS - 1) as f64;
    }
}

pub(crate) const ENTRY: EnvEntry = EnvEntry {
    name: "catch",
    id: "catch",
    summary: "catch a falling ball; 10 x 5 observations, 3 actions, 9 steps",
    kind: EnvKind::Exploration,
    native: true,
    make: Make::Plain(|| Box::<Catch>::default()),
};

/// Catch as in bsuite, with a goal that can move.
///
/// **State**: `ball_row` (0 at the top), `ball_column` and the column of the
/// `paddle`, which stays in the lowest row, 9.
///
/// **Observation**: 10 x 5, 1 in the cells of the ball and of the paddle (which is
/// one cell when they meet), 0 elsewhere.
///
/// **Actions**: 0 moves the paddle left, 1 leaves it, 2 moves it right; it stops
/// at the sides.
///
/// **Dynamics**: the paddle moves, then the ball falls by a row.
///
/// **Reward**: 0 until the ball lands; then 1 if the paddle is where it must be and -1 if not.
///
/// **Start**: the ball in the top row in any of the 5 columns, the paddle in the
/// middle.
///
/// **End**: terminates when the ball lands, after 9 steps, which is also its time limit. The best
/// return is 1.
///
/// **Source**: Mnih et al., "Recurrent Models of Visual Attention" (2014), section
/// 4.2; rules of Osband et al., "Behaviour Suite for Reinforcement Learning"
/// (2020), as in bsuite 0.3.6, `environments/catch.py`.
///
/// **Dial**: `offset`, which bsuite does not have. The paddle must be that many columns to the right of
/// the ball, wrapping around at the side; the observation does not show it. The default is 0, under the
/// ball. If it drifts (`catch?drift=offset:0..4/period=20000,shape=step`) the goal moves, and a paddle
/// that used to catch the ball misses it.
pub struct Catch {
    spec: EnvSpec,
    ball: (usize, usize),
    paddle: usize,
    dials: CatchDials,
    /// The dial, in whole columns.
    offset: usize,
}

/// A ball at the top left; reset it to start an episode.
impl Default for Catch {
    fn default() -> Self {
        Self {
            spec: EnvSpec {
                name: ENTRY.name.to_owned(),
                id: ENTRY.id.to_owned(),
                observation: Space::binary(&[ROWS, COLUMNS]),
                actions: 3,
                max_steps: Some(BOTTOM as u32),
                reward_threshold: None,
                rewards: (-1.0, 1.0),
                worst_return: -1.0,
            },
            ball: (0, 0),
            paddle: COLUMNS / 2,
            dials: CatchDials::default(),
            offset: 0,
        }
    }
}

impl Catch {
    /// The column where the paddle must be.
    fn goal(&self) -> usize {
        (self.ball.1 + self.offset) % COLUMNS
    }

    fn observe(&self, observation: &mut [f32]) {
        assert_eq!(observation.len(), ROWS * COLUMNS);
        observation.fill(0.0);
        let (row, column) = self.ball;
        observation[row * COLUMNS + column] = 1.0;
        observation[BOTTOM * COLUMNS + self.paddle] = 1.0;
    }
}

impl Environment for Catch {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn dials(&self) -> &'static [Setting] {
        CatchDials::declared()
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.dials.turn(dial, value);
        self.offset = self.dials.offset.round() as usize;
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.ball = (0, draws.index("ball", COLUMNS));
        self.paddle = COLUMNS / 2;
        self.observe(observation);
    }

    fn step(&mut self, action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        self.paddle = (self.paddle + action).saturating_sub(1).min(COLUMNS - 1);
        self.ball.0 = (self.ball.0 + 1).min(BOTTOM);
        self.observe(observation);
        let landed = self.ball.0 == BOTTOM;
        let reward = match landed {
            false => 0.0,
            true if self.paddle == self.goal() => 1.0,
            true => -1.0,
        };
        Step {
            reward,
            terminated: landed,
            truncated: false,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        let (row, column) = self.ball;
        Ok([row, column, self.paddle].map(|n| n as f64).to_vec())
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        let [row, column, paddle] = state::whole(ENTRY.name, &STATE, state)?;
        (self.ball, self.paddle) = ((row, column), paddle);
        Ok(())
    }

    /// The ball is orange, the paddle blue, and the column where the paddle must be is green.
    fn render(&self) -> Option<Canvas> {
        Some(Canvas::grid((ROWS, COLUMNS), 40, |row, column| {
            if (row, column) == self.ball {
                [240, 140, 40]
            } else if (row, column) == (BOTTOM, self.paddle) {
                [60, 110, 190]
            } else if (row, column) == (BOTTOM, self.goal()) {
                [150, 210, 160]
            } else if (row + column) % 2 == 0 {
                [245, 245, 245]
            } else {
                [235, 235, 235]
            }
        }))
    }
}
