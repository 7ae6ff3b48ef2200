//! Freeway: cross a road with eight lanes.

use super::frame::Frame;
use super::game::{About, Action, Game};
use super::grid::{LAST, ahead};
use super::state_reader::StateReader;
use crate::{Draws, Error};

const LANES: usize = 8;
/// The column in which the chicken walks.
const COLUMN: i32 = 4;
const START: i32 = LAST;
const WALK_INTERVAL: i32 = 3;
const SPEEDS: usize = 5;
const FRAMES: i32 = 2500;

const CHICKEN: usize = 0;
const CAR: usize = 1;
/// The trail channel of the fastest cars; those of slower cars follow.
const FASTEST: usize = 2;

/// Freeway: cross a road with eight lanes. [`MinAtar`](crate::minatar::MinAtar) describes what all
/// games share.
///
/// **State**: the chicken's row; its timer; in each of the rows 1 to 8 one car with
/// its column, direction, interval (1 to 5) and timer; and the number of steps taken.
///
/// **Observation**: 7 channels: 0 the chicken, 1 cars, 2 to 6 the cell that a car of interval 1 to 5
/// comes from. Lanes wrap around: column 9 is next to column 0.
///
/// **Actions**: stay, up, down matter.
///
/// **Dynamics**, in this order:
/// 1. If the chicken's timer is 0, up or down moves it one row, but not below row 9, and sets the timer
///    to 3. The timer goes down by 1 every step while above 0, so a chicken can walk every third step.
/// 2. At row 0 the chicken has crossed: the reward is 1, every car's interval and direction are drawn
///    anew, its timer is set to the interval (its column stays), and the chicken returns to row 9.
/// 3. The cars, from the topmost lane down: a car in the chicken's cell sends the chicken back to
///    row 9. Then, if the car's timer is 0, the car moves one cell and sets the timer to the interval, so
///    that a car of interval k moves every k + 1 steps; if it is now in the chicken's cell, it also sends
///    the chicken back. If the timer is not 0 it goes down by 1.
///
/// **Draws** for the cars: the eight intervals, 1 to 5 equally likely, then the eight directions with
/// equal chances. (The reference takes the sign of a number from \[-0.5, 0.5), which is 0 once in 2^53:
/// a car without a direction, which makes it fail. Here that car goes right.)
///
/// **Reward**: 1 for each crossing.
///
/// **Start**: the chicken in row 9, its timer at 3; the cars drawn, all in column 0,
/// their timers at their intervals.
///
/// **End**: terminates at the 2501st step: the reference counts 2500 down to 0 and
/// ends *below* it. Nothing else ends it, and it does not ramp.
pub struct Freeway {
    y: i32,
    timer: i32,
    steps: i32,
    cars: [Car; LANES],
}

#[derive(Clone, Copy)]
struct Car {
    x: i32,
    right: bool,
    interval: i32,
    timer: i32,
}

impl Default for Freeway {
    fn default() -> Self {
        let car = Car {
            x: 0,
            right: true,
            interval: 1,
            timer: 1,
        };
        Self {
            y: START,
            timer: WALK_INTERVAL,
            steps: 0,
            cars: [car; LANES],
        }
    }
}

impl Freeway {
    fn randomize(&mut self, draws: &mut dyn Draws) {
        for car in &mut self.cars {
            car.interval = 1 + draws.index("interval", SPEEDS) as i32;
            car.timer = car.interval;
        }
        for car in &mut self.cars {
            car.right = !draws.chance("leftwards", 0.5);
        }
    }

    fn drive(&mut self) {
        for (car, y) in self.cars.iter_mut().zip(1..) {
            if (car.x, y) == (COLUMN, self.y) {
                self.y = START;
            }
            if car.timer > 0 {
                car.timer -= 1;
                continue;
            }
            car.timer = car.interval;
            car.x = around(car.x, car.right);
            if (car.x, y) == (COLUMN, self.y) {
                self.y = START;
            }
        }
    }
}

/// The next column, wrapping around at the sides.
fn around(x: i32, right: bool) -> i32 {
    match ahead(x, right) {
        ..0 => LAST,
        x if x > LAST => 0,
        x => x,
    }
}

impl Game for Freeway {
    const ABOUT: About = About {
        name: "freeway",
        id: "MinAtar/Freeway-v0",
        minimal_id: "MinAtar/Freeway-v1",
        summary: "cross a road; 7 channels of 10 x 10, 6 actions, 2501 steps",
        channels: &[
            "chicken",
            "car",
            "interval 1",
            "interval 2",
            "interval 3",
            "interval 4",
            "interval 5",
        ],
        minimal: &[Action::Stay, Action::Up, Action::Down],
        ramps: false,
        max_reward: 1.0,
    };

    fn start(&mut self, draws: &mut dyn Draws) {
        *self = Self::default();
        self.randomize(draws);
    }

    fn play(&mut self, action: Action, _ramping: bool, draws: &mut dyn Draws) -> (u32, bool) {
        if self.timer == 0 && matches!(action, Action::Up | Action::Down) {
            self.timer = WALK_INTERVAL;
            self.y = match action {
                Action::Up => self.y - 1,
                _ => (self.y + 1).min(LAST),
            };
        }
        let crossed = self.y == 0;
        if crossed {
            self.randomize(draws);
            self.y = START;
        }
        self.drive();
        self.timer -= i32::from(self.timer > 0);
        self.steps += 1;
        (u32::from(crossed), self.steps > FRAMES)
    }

    fn show(&self, frame: &mut Frame) {
        frame.mark(CHICKEN, COLUMN, self.y);
        for (car, y) in self.cars.iter().zip(1..) {
            frame.mark(CAR, car.x, y);
            let channel = FASTEST + car.interval as usize - 1;
            frame.mark(channel, around(car.x, !car.right), y);
        }
    }

    fn save(&self, state: &mut Vec<f64>) {
        let cars = self.cars.iter();
        let cars = cars.flat_map(|car| [car.x, car.right.into(), car.interval, car.timer]);
        let own = [self.y, self.timer, self.steps];
        state.extend(own.into_iter().chain(cars).map(f64::from));
    }

    fn load(reader: &mut StateReader, over: bool) -> Result<Self, Error> {
        let mut game = Self {
            y: reader.whole("the chicken's row", 1, START)?,
            timer: reader.whole("the chicken's timer", 0, WALK_INTERVAL)?,
            steps: reader.whole("steps taken", 0, FRAMES + i32::from(over))?,
            ..Self::default()
        };
        for car in &mut game.cars {
            *car = Car {
                x: reader.whole("a car's column", 0, LAST)?,
                right: reader.flag("rightwards")?,
                interval: reader.whole("its interval", 1, SPEEDS as i32)?,
                timer: reader.whole("its timer", 0, SPEEDS as i32)?,
            };
        }
        Ok(game)
    }
}
