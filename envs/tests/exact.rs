//! Exact optimal values of the small environments: every state is visited through save and load, and
//! every random outcome is tried.

use std::collections::HashMap;

use envs::{Draws, TimeLimit, make};

/// Scripted randomness, decision by decision. A decision that is not in the script gets its first
/// possible outcome and is added with all its outcomes.
#[derive(Default)]
struct Script {
    chosen: Vec<usize>,
    /// The probabilities of each decision's outcomes.
    odds: Vec<Vec<f64>>,
    asked: usize,
}

impl Script {
    fn choose(&mut self, odds: Vec<f64>) -> usize {
        let place = self.asked;
        self.asked += 1;
        if place == self.chosen.len() {
            let first = odds.iter().position(|&p| p > 0.0);
            self.chosen.push(first.unwrap());
            self.odds.push(odds);
        }
        self.chosen[place]
    }

    fn probability(&self) -> f64 {
        let each = self.chosen.iter().zip(&self.odds);
        each.map(|(&choice, odds)| odds[choice]).product()
    }

    /// Moves to the next outcome, if there is one.
    fn advance(&mut self) -> bool {
        self.asked = 0;
        while let (Some(choice), Some(odds)) = (self.chosen.pop(), self.odds.last()) {
            let next = (choice + 1..odds.len()).find(|&choice| odds[choice] > 0.0);
            if let Some(next) = next {
                self.chosen.push(next);
                return true;
            }
            self.odds.pop();
        }
        false
    }
}

impl Draws for Script {
    fn uniform(&mut self, name: &'static str, _low: f64, _high: f64) -> f64 {
        panic!("{name}: not one of finitely many")
    }

    fn index(&mut self, _name: &'static str, n: usize) -> usize {
        self.choose(vec![1.0 / n as f64; n])
    }

    fn chance(&mut self, _name: &'static str, p: f64) -> bool {
        self.choose(vec![p, 1.0 - p]) == 0
    }

    /// No noise: 0 is its mean.
    fn normal(&mut self, _name: &'static str) -> f64 {
        0.0
    }
}

/// The possible outcomes of an action: probability, reward, and the next state unless the episode ends.
type Outcomes = Vec<(f64, f64, Option<usize>)>;

/// An environment as a table.
struct Model {
    env: TimeLimit,
    observation: Vec<f32>,
    /// Without the two numbers of the time limit.
    states: Vec<Vec<f64>>,
    /// The observation in each state.
    seen: Vec<Vec<f32>>,
    numbers: HashMap<Vec<u64>, usize>,
    starts: Vec<(f64, usize)>,
    /// The outcomes of each state and action.
    outcomes: Vec<Vec<Outcomes>>,
}

impl Model {
    fn of(name: &str) -> Self {
        let env = make(name).unwrap();
        let observation = vec![0.0; env.spec().observation.len()];
        let mut model = Self {
            env,
            observation,
            states: vec![],
            seen: vec![],
            numbers: HashMap::new(),
            starts: vec![],
            outcomes: vec![],
        };
        let mut script = Script::default();
        loop {
            model.env.reset(&mut script, &mut model.observation);
            let start = model.number();
            model.starts.push((script.probability(), start));
            if !script.advance() {
                break;
            }
        }
        while model.outcomes.len() < model.states.len() {
            let state = model.outcomes.len();
            let actions = 0..model.env.spec().actions;
            let each = actions.map(|action| model.tried(state, action)).collect();
            model.outcomes.push(each);
        }
        model
    }

    /// The number of the state that the environment is in.
    fn number(&mut self) -> usize {
        let mut state = self.env.save().unwrap();
        state.truncate(state.len() - 2);
        let bits = state.iter().map(|value| value.to_bits()).collect();
        *self.numbers.entry(bits).or_insert_with(|| {
            self.states.push(state);
            self.seen.push(self.observation.clone());
            self.states.len() - 1
        })
    }

    fn tried(&mut self, state: usize, action: usize) -> Outcomes {
        const JUST_STARTED: [f64; 2] = [0.0, 1.0];
        let saved = [&self.states[state][..], &JUST_STARTED].concat();
        let (mut script, mut outcomes) = (Script::default(), vec![]);
        loop {
            self.env.load(&saved).unwrap();
            let step = self.env.step(action, &mut script, &mut self.observation);
            let step = step.unwrap();
            let next = (!step.terminated).then(|| self.number());
            outcomes.push((script.probability(), f64::from(step.reward), next));
            if !script.advance() {
                break;
            }
        }
        outcomes
    }

    /// The best values Q(state, action), by value iteration to the last bits.
    fn best(&self, discount: f64) -> Vec<Vec<f64>> {
        let actions = self.env.spec().actions;
        let mut q = vec![vec![0.0; actions]; self.states.len()];
        loop {
            let mut change = 0.0_f64;
            for (state, each) in self.outcomes.iter().enumerate() {
                for (action, outcomes) in each.iter().enumerate() {
                    let worth =
                        |next: Option<usize>| next.map_or(0.0, |next| q[next][greedy(&q[next])]);
                    let sum = outcomes
                        .iter()
                        .map(|&(p, reward, next)| p * (reward + discount * worth(next)))
                        .sum::<f64>();
                    change = change.max((sum - q[state][action]).abs());
                    q[state][action] = sum;
                }
            }
            if change < 1e-15 {
                return q;
            }
        }
    }

    /// The best value at the start.
    fn value(&self, discount: f64) -> f64 {
        let q = self.best(discount);
        let best = |state: usize| q[state][greedy(&q[state])];
        self.starts.iter().map(|&(p, state)| p * best(state)).sum()
    }

    /// The rewards of an episode under the policy that is best at this discount, if nothing is random.
    fn episode(&self, discount: f64) -> Vec<f64> {
        let q = self.best(discount);
        let (mut rewards, mut at) = (vec![], Some(self.starts[0].1));
        while let Some(state) = at {
            let [(_, reward, next)] = self.outcomes[state][greedy(&q[state])][..] else {
                panic!("chance")
            };
            rewards.push(reward);
            at = next;
        }
        rewards
    }

    /// The probability that an episode of random actions ends within its limit with a reward of `last`.
    fn random_end(&self, last: f64) -> f64 {
        let mut likely = vec![0.0; self.states.len()];
        for &(p, state) in &self.starts {
            likely[state] += p;
        }
        let mut ended = 0.0;
        for _ in 0..self.env.spec().max_steps.unwrap() {
            let mut after = vec![0.0; self.states.len()];
            for (here, each) in likely.iter().zip(&self.outcomes) {
                let share = here / each.len() as f64;
                for &(p, reward, next) in each.iter().flatten() {
                    match next {
                        Some(next) => after[next] += share * p,
                        None if (reward - last).abs() < 1e-6 => ended += share * p,
                        None => {}
                    }
                }
            }
            likely = after;
        }
        ended
    }
}

/// The first of the best actions.
fn greedy(values: &[f64]) -> usize {
    let better = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (0..values.len()).reduce(better).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    // Rewards are f32.
    (a - b).abs() < 1e-6
}

/// An observation, and the value of each action there.
type Values = (f32, &'static [f64]);

#[test]
fn each_probe_asks_for_the_values_in_its_comment() {
    const DISCOUNT: f64 = 0.9;
    let tables: [(&str, &[Values]); 5] = [
        ("probe/value", &[(0.0, &[1.0])]),
        ("probe/discount", &[(0.0, &[DISCOUNT]), (1.0, &[1.0])]),
        ("probe/input", &[(-1.0, &[-1.0]), (1.0, &[1.0])]),
        ("probe/action", &[(0.0, &[-1.0, 1.0])]),
        ("probe/policy", &[(-1.0, &[1.0, -1.0]), (1.0, &[-1.0, 1.0])]),
    ];
    for (name, table) in tables {
        let model = Model::of(name);
        let q = model.best(DISCOUNT);
        assert_eq!(q.len(), table.len(), "{name}");
        for (seen, values) in table {
            let state = model.seen.iter().position(|s| s == &[*seen]).unwrap();
            assert_eq!(&q[state], values, "{name}: {seen}");
        }
    }
}

#[test]
fn deep_sea_is_worth_what_its_comment_says() {
    for size in [2, 10, 25] {
        let n = f64::from(size);
        let model = Model::of(&format!("deep_sea?size={size}"));
        assert_eq!(model.states.len(), size as usize * (size as usize + 1) / 2);
        assert!(near(model.value(1.0), 0.99), "{}", model.value(1.0));
        assert!(near(model.random_end(1.0 - 0.01 / n), 0.5_f64.powf(n)));

        let stay = 1.0 - 1.0 / n;
        let expected = stay.powf(n - 1.0) - 0.01 * (1.0 - stay.powf(n));
        let windy = Model::of(&format!("deep_sea?size={size}&stochastic")).value(1.0);
        assert!(near(windy, expected), "{size}: {windy}, {expected}");
    }
}

#[test]
fn every_ball_can_be_caught_wherever_the_goal_is() {
    for offset in 0..5 {
        let model = Model::of(&format!("catch?offset={offset}"));
        assert!(near(model.value(1.0), 1.0));
        assert!(near(model.value(0.99), 0.99_f64.powi(8)));
    }
}

#[test]
fn what_is_best_early_in_key_door_is_wrong_later() {
    let model = Model::of("key_door");
    let exit = [-0.01, 0.1];
    let goal = [[-0.01; 17].as_slice(), &[1.0]].concat();
    let same = |ours: Vec<f64>, expected: &[f64]| {
        ours.len() == expected.len() && ours.iter().zip(expected).all(|(&a, &b)| near(a, b))
    };

    // An agent that knows of the goal goes there, if the future counts enough.
    for discount in [0.9, 0.99, 1.0] {
        assert!(same(model.episode(discount), &goal), "{discount}");
    }
    assert!(near(model.value(1.0), 0.83));
    assert!(near(model.value(0.99), 0.685886));
    for discount in [0.1, 0.5, 0.89] {
        assert!(same(model.episode(discount), &exit), "{discount}");
    }

    // An agent that does not know of it, or that acts at random, takes the exit.
    let unknown = Model::of("key_door?goal=0");
    assert!(same(unknown.episode(0.99), &exit));
    assert!(near(model.random_end(0.1), 0.893780));
    assert!(near(model.random_end(1.0), 0.006570));

    // A slippery floor makes the way longer but does not change it.
    let slippery = Model::of("key_door?slip=0.1");
    assert!(near(slippery.value(0.99), 0.628348));

    // If the exit is worth as much, it is best again.
    assert!(same(
        Model::of("key_door?exit=1").episode(0.99),
        &[-0.01, 1.0]
    ));
}
