//! What `TimeLimit` adds.

use super::*;

/// Ends after two steps, or never, and counts.
struct Counter {
    spec: EnvSpec,
    ends: bool,
    count: f32,
}

impl Counter {
    fn limited(max_steps: Option<u32>, ends: bool) -> Play {
        let spec = EnvSpec {
            name: "counter".to_owned(),
            id: "counter".to_owned(),
            observation: Space::symmetric(&[f32::INFINITY]),
            actions: 1,
            max_steps,
            reward_threshold: None,
            rewards: (0.0, 0.0),
            worst_return: 0.0,
        };
        let mut play = Play::new(
            TimeLimit::new(Box::new(Self {
                spec,
                ends,
                count: 0.0,
            })),
            0,
        );
        play.reset();
        play
    }
}

impl Environment for Counter {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, _draws: &mut dyn Draws, observation: &mut [f32]) {
        self.count = 0.0;
        observation.fill(self.count);
    }

    fn step(&mut self, _action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        self.count += 1.0;
        observation.fill(self.count);
        Step {
            reward: 0.0,
            terminated: self.ends && self.count == 2.0,
            truncated: false,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        Ok(vec![f64::from(self.count)])
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        self.count = state[0] as f32;
        Ok(())
    }
}

#[test]
fn a_time_limit_truncates_as_gymnasiums_does() {
    let ends = |max_steps, ends| {
        let mut play = Counter::limited(max_steps, ends);
        let first = play.step();
        assert!(!first.terminated && !first.truncated);
        let second = play.step();
        (second.terminated, second.truncated)
    };
    assert_eq!(ends(Some(2), true), (true, true), "both, on the same step");
    assert_eq!(ends(Some(2), false), (false, true));
    assert_eq!(ends(Some(3), true), (true, false));
    assert_eq!(ends(None, true), (true, false));
    assert_eq!(ends(None, false), (false, false));
}
