//! Five probes: environments so small that failing one shows where the agent's fault is.

use crate::entry::Make;
use crate::state::{self, Variable};
use crate::{Canvas, Draws, EnvEntry, EnvKind, EnvSpec, Environment, Error, Space, Step};

/// The rules of one probe.
struct ProbeRule {
    name: &'static str,
    summary: &'static str,
    /// The least and the greatest observation.
    seen: (f32, f32),
    /// Whether a coin flip decides which of those two is the first observation; otherwise it is 0.
    coin: bool,
    actions: usize,
    steps: u32,
    rewards: (f32, f32),
    /// From the observation and the action: the reward, and the next observation unless the episode
    /// ends.
    step: fn(f64, usize) -> (f64, Option<f64>),
}

/// The value of each action, or its negative.
const SIGN: [f64; 2] = [-1.0, 1.0];

const VALUE_RULE: ProbeRule = ProbeRule {
    name: "probe/value",
    summary: "a constant reward of 1: is a value learnt at all?",
    seen: (0.0, 0.0),
    coin: false,
    actions: 1,
    steps: 1,
    rewards: (1.0, 1.0),
    step: |_, _| (1.0, None),
};

const DISCOUNT_RULE: ProbeRule = ProbeRule {
    name: "probe/discount",
    summary: "a reward of 1 in the second of two steps: is the future discounted?",
    seen: (0.0, 1.0),
    coin: false,
    actions: 1,
    steps: 2,
    rewards: (0.0, 1.0),
    step: |seen, _| match seen == 0.0 {
        true => (0.0, Some(1.0)),
        false => (1.0, None),
    },
};

const INPUT_RULE: ProbeRule = ProbeRule {
    name: "probe/input",
    summary: "the reward equals the observation: does the value depend on it?",
    seen: (-1.0, 1.0),
    coin: true,
    actions: 1,
    steps: 1,
    rewards: (-1.0, 1.0),
    step: |seen, _| (seen, None),
};

const ACTION_RULE: ProbeRule = ProbeRule {
    name: "probe/action",
    summary: "one action wins, the other loses: are they distinguished?",
    seen: (0.0, 0.0),
    coin: false,
    actions: 2,
    steps: 1,
    rewards: (-1.0, 1.0),
    step: |_, action| (SIGN[action], None),
};

const POLICY_RULE: ProbeRule = ProbeRule {
    name: "probe/policy",
    summary: "the observation says which action wins: does the policy depend on it?",
    seen: (-1.0, 1.0),
    coin: true,
    actions: 2,
    steps: 1,
    rewards: (-1.0, 1.0),
    step: |seen, action| (seen * SIGN[action], None),
};

const fn entry(rule: &ProbeRule, make: fn() -> Box<dyn Environment>) -> EnvEntry {
    EnvEntry {
        name: rule.name,
        id: rule.name,
        kind: EnvKind::Probe,
        summary: rule.summary,
        native: true,
        make: Make::Plain(make),
    }
}

pub(crate) const VALUE: EnvEntry = entry(&VALUE_RULE, || Probe::boxed(&VALUE_RULE));
pub(crate) const DISCOUNT: EnvEntry = entry(&DISCOUNT_RULE, || Probe::boxed(&DISCOUNT_RULE));
pub(crate) const INPUT: EnvEntry = entry(&INPUT_RULE, || Probe::boxed(&INPUT_RULE));
pub(crate) const ACTION: EnvEntry = entry(&ACTION_RULE, || Probe::boxed(&ACTION_RULE));
pub(crate) const POLICY: EnvEntry = entry(&POLICY_RULE, || Probe::boxed(&POLICY_RULE));

/// One of five probes. Each adds one thing that an agent must get right to what the previous ones
/// require. If an agent passes one probe and fails the next, the fault is in what the next one adds.
///
/// **State** and **observation**: one number, `seen`.
///
/// **Reward** and **end**, with the values Q(seen, action) that must be learned at a discount of g.
/// Every episode terminates after the number of steps given, which is also its time limit. Its last
/// observation repeats the one before, so that a learner that bootstraps from there gets wrong values:
///
/// ```text
/// name            seen         actions  steps  reward                Q
/// probe/value     0            1        1      1                     Q(0, 0) = 1
/// probe/discount  0, then 1    1        2      0, then 1             Q(0, 0) = g, Q(1, 0) = 1
/// probe/input     -1 or 1      1        1      seen                  Q(s, 0) = s
/// probe/action    0            2        1      -1 for 0, 1 for 1     Q(0, 0) = -1, Q(0, 1) = 1
/// probe/policy    -1 or 1      2        1      -seen for 0,          Q(s, 0) = -s, Q(s, 1) = s
///                                              seen for 1
/// ```
///
/// An agent that fails at `value` has a fault in its loss or its optimiser; at `discount`, in its
/// target; at `input`, on the way from the observation to the network or through the replay memory;
/// at `action`, in the choice of the value to update; at `policy`, in the choice of the action.
///
/// **Start**: if two observations are given, a fair coin decides.
///
/// **Source**: the idea is that of Andy Jones, "Debugging RL, Without the Agonizing
/// Pain" (2021), section "Probe environments"; rejax (Liesen et al.) has such
/// environments among its tests.
pub struct Probe {
    spec: EnvSpec,
    rule: &'static ProbeRule,
    seen: f64,
}

impl Probe {
    fn boxed(rule: &'static ProbeRule) -> Box<dyn Environment> {
        let ProbeRule { name, rewards, .. } = *rule;
        let spec = EnvSpec {
            name: name.to_owned(),
            id: name.to_owned(),
            observation: Space::vector([rule.seen]),
            actions: rule.actions,
            max_steps: Some(rule.steps),
            reward_threshold: None,
            rewards,
            worst_return: f64::from(rewards.0.min(0.0)),
        };
        let seen = 0.0;
        Box::new(Self { spec, rule, seen })
    }

    fn variables(&self) -> [Variable; 1] {
        let (least, most) = self.rule.seen;
        [("seen", f64::from(least), f64::from(most))]
    }
}

impl Environment for Probe {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.seen = match self.rule.coin {
            true => SIGN[draws.index("coin", 2)],
            false => 0.0,
        };
        observation.copy_from_slice(&[self.seen as f32]);
    }

    fn step(&mut self, action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        debug_assert!(action < self.spec.actions);
        let (reward, next) = (self.rule.step)(self.seen, action);
        self.seen = next.unwrap_or(self.seen);
        observation.copy_from_slice(&[self.seen as f32]);
        Step {
            reward: reward as f32,
            terminated: next.is_none(),
            truncated: false,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        Ok(vec![self.seen])
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        let variables = self.variables();
        let [seen] = state::read(self.rule.name, &variables, state)?;
        let known = if self.rule.coin {
            seen.abs() == 1.0
        } else {
            seen.fract() == 0.0
        };
        if !known {
            let found = format!("seen = {seen}, which this probe never shows");
            return Err(state::refuse(self.rule.name, &variables, found));
        }
        self.seen = seen;
        Ok(())
    }

    /// Blue for -1, grey for 0, yellow for 1.
    fn render(&self) -> Option<Canvas> {
        let colour = match self.seen {
            seen if seen < 0.0 => [40, 90, 170],
            seen if seen > 0.0 => [250, 210, 60],
            _ => [190, 190, 190],
        };
        Some(Canvas::new(100, 100, colour))
    }
}
