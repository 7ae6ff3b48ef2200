//! Key and door: a small reward is near; a large one is behind a locked door.

use settings::{Setting, Settings, settings};

use crate::canvas::Colour;
use crate::dials::dials;
use crate::entry::{Make, check_settings, settings_from};
use crate::state::{self, Variable};
use crate::{Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step};

const STEP_COST: f64 = 0.01;
/// The time limit, in steps per cell of a room's side.
const PATIENCE: u32 = 50;

settings! {
    /// The settings of key and door.
    pub struct KeyDoorSettings {
        /// rows and columns of each of the three rooms
        size: usize = 3, in 2..=20;
    }
}

dials! {
    /// The dials of key and door.
    struct KeyDoorDials {
        /// the reward at the exit, near the start
        exit = 0.1, in 0.0..=1.0;
        /// the reward at the goal, behind the door
        goal = 1.0, in 0.0..=1.0;
        /// probability that a step goes in a random direction
        slip = 0.0, in 0.0..=1.0;
    }
}

/// Rows and columns that each action moves by.
const MOVES: [(isize, isize); 4] = [(-1, 0), (0, 1), (1, 0), (0, -1)];

/// What the observation's channels show.
#[derive(Clone, Copy)]
enum Channel {
    Agent,
    Wall,
    Door,
    Key,
    Exit,
    Goal,
}
const CHANNELS: usize = 6;

pub(crate) const ENTRY: EnvEntry = EnvEntry {
    name: "key_door",
    id: "key_door",
    summary: "take the near exit or find the key to the goal; 6 x 5 x 13 observations, 4 actions, 150 steps",
    kind: EnvKind::Exploration,
    native: true,
    make: Make::with::<KeyDoorSettings>(|table| {
        let settings = settings_from(ENTRY.name, table)?;
        Ok(Box::new(KeyDoor::new(&settings)?))
    }),
};

/// Three rooms, in which the behaviour that is best at first is wrong later.
///
/// ```text
/// #############     A  the agent's start
/// #G..#...#...#     E  the exit: a small reward, and the end
/// #...D.A.....#     K  the key
/// #...#E..#..K#     D  the door, locked without the key
/// #############     G  the goal: a large reward, and the end
/// ```
///
/// An explorer finds the exit long before it carries the key to the goal. Until then the exit is the
/// best it knows, so it has to unlearn a habit. What it learns first keeps it from finding what is
/// better, so its data shift late and permanently.
///
/// **State**: `row`, `column`, and whether the agent has the `key`.
///
/// **Observation**: 6 x rows x columns, with size + 2 rows and 3 size + 4 columns.
/// The channels show, as 1 among zeros, the agent, the walls, the locked door, the key, the exit
/// and the goal. Once the agent has the key, the channels of door
/// and key are empty.
///
/// **Actions**: 0 up, 1 right, 2 down, 3 left. A step into a wall or the locked door does not move the
/// agent.
///
/// **Reward**: 0.1 at the exit, 1 at the goal, and -0.01 on every other step.
///
/// **Start**: always the cell marked above: in the middle room, in line with both doorways. In general,
/// it is row and column (size + 1) / 2 of that room, rounded down.
///
/// **End**: terminates at the exit and at the goal; limit 50 size steps, about eight times the length
/// of the way to the goal.
///
/// **What is best**, by exact dynamic programming (`tests/exact.rs`) for size 3: at a discount of 0.9
/// or more, the key and then the goal, in 18 steps for a return of 0.83 (0.686 discounted by 0.99). At
/// 0.89 or less, or for an agent that does not know of the goal, it is the exit, in 2 steps for a
/// return of 0.09. An agent that acts at random reaches the exit within the limit in 89.4 % of its
/// episodes and the goal in 0.66 %. With `exit=1` the exit is best again.
///
/// **Source**: this project. Early habits that hinder later learning are the subject of Nikishin et al., "The Primacy Bias in Deep Reinforcement
/// Learning" (2022).
///
/// **Dials**: `exit` and `goal`, the two rewards, from 0 to 1; `slip`, the probability that a step goes
/// in a random one of the four directions.
pub struct KeyDoor {
    spec: EnvSpec,
    plan: FloorPlan,
    /// The observation without the agent, the door and the key.
    board: Vec<f32>,
    agent: Square,
    has_key: bool,
    dials: KeyDoorDials,
}

/// Row and column.
type Square = (usize, usize);

/// The layout for rooms of this size.
#[derive(Clone, Copy)]
struct FloorPlan {
    size: usize,
}

impl FloorPlan {
    const GOAL: Square = (1, 1);

    fn rows(self) -> usize {
        self.size + 2
    }

    fn columns(self) -> usize {
        3 * self.size + 4
    }

    /// Columns from the left side of one room to that of the next, including the wall between them.
    fn room(self) -> usize {
        self.size + 1
    }

    /// The row of both doorways.
    fn middle(self) -> usize {
        self.size.div_ceil(2)
    }

    fn door(self) -> Square {
        (self.middle(), self.room())
    }

    fn start(self) -> Square {
        (self.middle(), self.room() + self.middle())
    }

    fn exit(self) -> Square {
        (self.size, self.room() + 1)
    }

    fn key(self) -> Square {
        (self.size, 3 * self.size + 2)
    }

    fn is_wall(self, (row, column): Square) -> bool {
        let (bottom, right) = (self.rows() - 1, self.columns() - 1);
        let around = row == 0 || row == bottom || column == 0 || column == right;
        around || column.is_multiple_of(self.room()) && row != self.middle()
    }

    /// Whether an agent can be there.
    fn is_free(self, cell: Square, has_key: bool) -> bool {
        !self.is_wall(cell) && (has_key || cell != self.door())
    }

    /// The position of a cell in a channel of the observation.
    fn place(self, channel: Channel, (row, column): Square) -> usize {
        (channel as usize * self.rows() + row) * self.columns() + column
    }

    /// The part of the observation that never changes.
    fn board(self) -> Vec<f32> {
        let mut board = vec![0.0; CHANNELS * self.rows() * self.columns()];
        board[self.place(Channel::Exit, self.exit())] = 1.0;
        board[self.place(Channel::Goal, Self::GOAL)] = 1.0;
        for row in 0..self.rows() {
            for column in 0..self.columns() {
                let wall = u8::from(self.is_wall((row, column)));
                board[self.place(Channel::Wall, (row, column))] = f32::from(wall);
            }
        }
        board
    }
}

impl KeyDoor {
    /// An agent at its start; an error if a setting is out of its range.
    pub fn new(settings: &KeyDoorSettings) -> Result<Self, Error> {
        check_settings(ENTRY.name, settings)?;
        let plan = FloorPlan {
            size: settings.size,
        };
        let (limit, least) = (PATIENCE * plan.size as u32, -STEP_COST as f32);
        Ok(Self {
            spec: EnvSpec {
                name: ENTRY.name.to_owned(),
                id: ENTRY.id.to_owned(),
                observation: Space::binary(&[CHANNELS, plan.rows(), plan.columns()]),
                actions: MOVES.len(),
                max_steps: Some(limit),
                reward_threshold: None,
                rewards: (least, 1.0),
                worst_return: f64::from(least) * f64::from(limit),
            },
            plan,
            board: plan.board(),
            agent: plan.start(),
            has_key: false,
            dials: KeyDoorDials::default(),
        })
    }

    fn observe(&self, observation: &mut [f32]) {
        observation.copy_from_slice(&self.board);
        let mut show = |channel, cell| observation[self.plan.place(channel, cell)] = 1.0;
        show(Channel::Agent, self.agent);
        if !self.has_key {
            show(Channel::Door, self.plan.door());
            show(Channel::Key, self.plan.key());
        }
    }

    fn variables(&self) -> [Variable; 3] {
        let (rows, columns) = (self.plan.rows() as f64, self.plan.columns() as f64);
        [
            ("row", 1.0, rows - 2.0),
            ("column", 1.0, columns - 2.0),
            ("key", 0.0, 1.0),
        ]
    }
}

impl Environment for KeyDoor {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn dials(&self) -> &'static [Setting] {
        KeyDoorDials::declared()
    }

    fn turn(&mut self, dial: usize, value: f64) {
        self.dials.turn(dial, value);
    }

    fn reset(&mut self, _draws: &mut dyn Draws, observation: &mut [f32]) {
        (self.agent, self.has_key) = (self.plan.start(), false);
        self.observe(observation);
    }

    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        let direction = match draws.chance("slip", self.dials.slip) {
            true => draws.index("direction", MOVES.len()),
            false => action,
        };
        let ((down, right), (row, column)) = (MOVES[direction], self.agent);
        // Walls surround the board, so neither can leave it.
        let ahead = (
            row.wrapping_add_signed(down),
            column.wrapping_add_signed(right),
        );
        if self.plan.is_free(ahead, self.has_key) {
            self.agent = ahead;
        }
        self.has_key |= self.agent == self.plan.key();
        self.observe(observation);
        let prize = match self.agent {
            FloorPlan::GOAL => Some(self.dials.goal),
            cell if cell == self.plan.exit() => Some(self.dials.exit),
            _ => None,
        };
        Step {
            reward: prize.unwrap_or(-STEP_COST) as f32,
            terminated: prize.is_some(),
            truncated: false,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        let (row, column) = self.agent;
        let key = usize::from(self.has_key);
        Ok([row, column, key].map(|n| n as f64).to_vec())
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        let variables = self.variables();
        let [row, column, key] = state::whole(ENTRY.name, &variables, state)?;
        let (cell, has_key) = ((row, column), key == 1);
        let locked_up = column <= self.plan.door().1 && !has_key;
        let unpicked = cell == self.plan.key() && !has_key;
        if !self.plan.is_free(cell, has_key) || locked_up || unpicked {
            let with = if has_key { "with" } else { "without" };
            let found =
                format!("row {row}, column {column} {with} the key, which nothing can reach");
            return Err(state::refuse(ENTRY.name, &variables, found));
        }
        (self.agent, self.has_key) = (cell, has_key);
        Ok(())
    }

    /// Walls are grey, the door brown, the key yellow, the exit blue, the goal green;
    /// the agent is red, orange once it has the key.
    fn render(&self) -> Option<Canvas> {
        let plan = self.plan;
        let side = (640 / plan.columns() as u32).max(8);
        let size = (plan.rows(), plan.columns());
        Some(Canvas::grid(size, side, |row, column| -> Colour {
            let cell = (row, column);
            if cell == self.agent {
                if self.has_key {
                    [245, 150, 30]
                } else {
                    [205, 50, 50]
                }
            } else if plan.is_wall(cell) {
                [90, 90, 95]
            } else if cell == plan.door() && !self.has_key {
                [140, 90, 50]
            } else if cell == plan.key() && !self.has_key {
                [250, 210, 60]
            } else if cell == plan.exit() {
                [80, 140, 210]
            } else if cell == FloorPlan::GOAL {
                [60, 170, 90]
            } else {
                [245, 245, 245]
            }
        }))
    }
}
