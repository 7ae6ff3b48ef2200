//! When a run is looked at closely, and at which of its past minibatches. This is known in advance
//! from the configuration alone, so only what is needed is kept and no plan has to be saved.

use std::collections::VecDeque;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use optim::{Restart, Spec};

use super::Asked;
use crate::{algorithm::TargetClock, streams::diagnostics_stream};

/// The decay of the average that stands for momentum if an optimiser has none.
pub(super) const HYPOTHETICAL_BETA: f64 = 0.9;
/// Gradients further back than this are left out of the average's oracle.
const FURTHEST: u64 = 1_000;
/// So are the oldest gradients, as long as their weights add up to less than this.
const LEFT_OUT: f64 = 0.01;
/// Lags at which the gradient's autocorrelation is measured, as far as gradients go back.
pub(super) const AUTOCORRELATION: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// A gradient step to be looked at.
pub(super) struct Plan {
    /// Its number, from 1.
    pub update: u64,
    /// How many gradients before it are in the average.
    pub gradients: u64,
    /// How many of these were taken since the last update of the target network.
    pub since_target: u64,
    /// Which minibatches are evaluated again, given by how many gradient steps ago they were learned
    /// from, and the weight of each; the weights sum to 1.
    pub past: Vec<(u64, f64)>,
    /// The stream of this look, after the draws of `past`.
    pub rng: ChaCha8Rng,
}

/// Plans ahead.
pub(super) struct Planner {
    asked: Asked,
    /// When targets move.
    clock: TargetClock,
    beta: f64,
    restarts: bool,
    /// The furthest lag at which a minibatch can be.
    reach: u64,
    /// The furthest lag of the autocorrelation.
    pub autocorrelation: u64,
    coming: VecDeque<Plan>,
    /// Lines planned so far.
    planned: u64,
}

impl Planner {
    /// Plans from the first update on, if momentum decays by `beta`.
    pub fn new(asked: Asked, optimiser: &Spec, beta: f64, clock: TargetClock) -> Self {
        let mut planner = Self {
            reach: reach(beta),
            autocorrelation: 16.max((2.0 / (1.0 - beta)) as u64).min(256),
            coming: VecDeque::new(),
            planned: 0,
            asked,
            restarts: optimiser.restart() == Restart::State,
            clock,
            beta,
        };
        planner.restart(1);
        planner
    }

    /// Plans from update `first` on.
    pub fn restart(&mut self, first: u64) {
        self.coming.clear();
        self.planned = (first - 1) / self.asked.every;
        self.go_on(first);
    }

    /// Whether the average of gradients begins anew with update number `update`.
    pub fn begins_anew(&self, update: u64) -> bool {
        self.restarts && (self.clock)(update) == 0
    }

    /// Tells that update number `update` is next: forgets the plans before it and makes those that could need it.
    pub fn go_on(&mut self, update: u64) {
        while self.coming.front().is_some_and(|plan| plan.update < update) {
            self.coming.pop_front();
        }
        let reach = update.saturating_add(self.reach.max(self.autocorrelation));
        while self.coming.back().is_none_or(|plan| plan.update <= reach) {
            let plan = self.plan(self.planned);
            self.planned += 1;
            if plan.update >= update {
                self.coming.push_back(plan);
            }
        }
    }

    /// The plan for update number `update`, which is next, if it is to be looked at.
    pub fn due(&mut self, update: u64) -> Option<Plan> {
        self.coming.pop_front_if(|plan| plan.update == update)
    }

    /// Whether a coming look needs update number `update`'s gradient, and whether its minibatch too.
    pub fn needs(&self, update: u64) -> (bool, bool) {
        let lags = self.coming.iter().map(|plan| plan.update - update);
        let mut lags = lags.take_while(|lag| *lag <= self.autocorrelation);
        let correlated = lags.any(|lag| AUTOCORRELATION.contains(&lag));
        let again = |plan: &Plan| {
            let lag = plan.update - update;
            plan.past.iter().any(|(past, _)| *past == lag)
        };
        let again = self.coming.iter().any(again);
        (correlated || again, again)
    }

    /// The look of line number `line`, from 0. There is one in each `diagnostics` updates. Its
    /// position among them is `line + 1` times the golden ratio, modulo 1, so that it is not in step
    /// with the target network's updates and falls on all their phases equally.
    fn plan(&self, line: u64) -> Plan {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let every = self.asked.every;
        let fraction = GOLDEN.wrapping_mul(line.wrapping_add(1));
        let place = (u128::from(fraction) * u128::from(every)) >> 64;
        let update = line.saturating_mul(every).saturating_add(1 + place as u64);
        let since_target = (self.clock)(update);
        let gradients = match self.restarts {
            true => since_target,
            false => update - 1,
        };
        let mut rng = diagnostics_stream(self.asked.seed, line);
        Plan {
            past: past(
                self.asked.lags,
                self.beta,
                gradients.min(self.reach),
                &mut rng,
            ),
            update,
            gradients,
            since_target,
            rng,
        }
    }
}

/// The furthest lag that counts.
fn reach(beta: f64) -> u64 {
    let lags = (LEFT_OUT.ln() / beta.ln()).ceil();
    (lags as u64).clamp(1, FURTHEST)
}

/// Lags from 1 to `most`, and weights that sum to 1. These are all lags, with the weights of the
/// average; or `n` of them, each with weight `1 / n`, drawn in proportion to these weights, one from
/// each of `n` parts of equal weight, nearest first. Both have the same expectation.
fn past(n: u32, beta: f64, most: u64, rng: &mut impl Rng) -> Vec<(u64, f64)> {
    if most == 0 {
        return Vec::new();
    }
    let whole = 1.0 - beta.powf(most as f64);
    if n == 0 || u64::from(n) >= most {
        let weight = |lag: u64| (1.0 - beta) * beta.powf((lag - 1) as f64) / whole;
        return (1..=most).map(|lag| (lag, weight(lag))).collect();
    }
    let each = 1.0 / f64::from(n);
    let mut past: Vec<(u64, f64)> = Vec::new();
    for part in 0..n {
        let share = (f64::from(part) + rng.random::<f64>()) * each * whole;
        let lag = 1 + ((-share).ln_1p() / beta.ln()) as u64;
        match past.last_mut() {
            // Where two parts meet, both can draw the same lag.
            Some((last, weight)) if *last == lag.min(most) => *weight += each,
            _ => past.push((lag.min(most), each)),
        }
    }
    past
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::algorithm::dqn::DqnConfig;

    #[test]
    fn lags_are_drawn_as_the_average_weighs_them() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (beta, most) in [(0.9, 44), (0.5, 7), (0.99, 459), (0.9, 12)] {
            let exact = past(0, beta, most, &mut rng);
            let sum: f64 = exact.iter().map(|(_, weight)| weight).sum();
            assert!((sum - 1.0).abs() < 1e-12);
            let (rounds, n) = (40_000, 4);
            let mut weights = vec![0.0; most as usize];
            for _ in 0..rounds {
                let drawn = past(n, beta, most, &mut rng);
                assert!(drawn.is_sorted_by(|a, b| a.0 < b.0), "{drawn:?}");
                let sum: f64 = drawn.iter().map(|(_, weight)| weight).sum();
                assert!((sum - 1.0).abs() < 1e-12);
                drawn
                    .iter()
                    .for_each(|(lag, w)| weights[*lag as usize - 1] += w);
            }
            for ((lag, weight), drawn) in exact.into_iter().zip(weights) {
                let drawn = drawn / f64::from(rounds);
                // Five standard errors; the variance of a share of parts is at most its mean / n.
                let slack = 5.0 * (weight / f64::from(n) / f64::from(rounds)).sqrt();
                assert!(
                    (drawn - weight).abs() < slack,
                    "{beta} {lag}: {drawn} {weight}"
                );
            }
        }
    }

    #[test]
    fn the_reach_leaves_out_one_percent() {
        for beta in [1e-9, 0.3, 0.5, 0.9, 0.95, 0.99] {
            let lags = reach(beta) as f64;
            assert!(
                beta.powf(lags) <= LEFT_OUT && (beta.powf(lags - 1.0) > LEFT_OUT || lags == 1.0)
            );
        }
        assert_eq!(reach(0.99999), FURTHEST);
    }

    fn planner(every: u64, first: u64) -> Planner {
        let asked = Asked {
            every,
            lags: 4,
            seed: 1,
        };
        let dqn = DqnConfig::cleanrl();
        let clock = Box::new(move |update| dqn.since_target(update));
        let mut planner = Planner::new(asked, &"adam".parse().unwrap(), 0.9, clock);
        planner.restart(first);
        planner
    }

    #[test]
    fn one_update_of_every_k_at_all_phases_and_wherever_one_begins() {
        for every in [1, 7, 100] {
            let mut planner = planner(every, 1);
            let mut phases = vec![0; 50];
            let looks = 2_000;
            let mut due = Vec::new();
            for update in 1..=looks * every {
                planner.go_on(update);
                if let Some(plan) = planner.due(update) {
                    phases[plan.since_target as usize % 50] += 1;
                    due.push(update);
                }
            }
            assert_eq!(due.len() as u64, looks);
            let blocks = due.iter().enumerate();
            assert!(
                blocks
                    .map(|(i, u)| (u - 1) / every - i as u64)
                    .all(|off| off == 0)
            );
            let (least, most) = (phases.iter().min(), phases.iter().max());
            assert!(
                least >= Some(&30) && most <= Some(&50),
                "{every}: {phases:?}"
            );
            for first in [2, 99, 100, 101, 1234] {
                let mut late = super::tests::planner(every, first);
                let later: Vec<u64> = (first..=looks * every)
                    .filter(|update| {
                        late.go_on(*update);
                        late.due(*update).is_some()
                    })
                    .collect();
                let same: Vec<u64> = due.iter().copied().filter(|u| *u >= first).collect();
                assert_eq!(later, same);
            }
        }
    }

    #[test]
    fn what_a_look_needs_was_asked_for() {
        let mut planner = planner(30, 1);
        let mut asked: Vec<(bool, bool)> = Vec::new();
        for update in 1..2_000 {
            planner.go_on(update);
            if let Some(plan) = planner.due(update) {
                for (lag, _) in plan.past {
                    assert_eq!(asked[(update - lag - 1) as usize], (true, true), "{lag}");
                }
                for lag in AUTOCORRELATION
                    .into_iter()
                    .filter(|l| *l <= 20 && *l < update)
                {
                    assert!(asked[(update - lag - 1) as usize].0);
                }
            }
            asked.push(planner.needs(update));
        }
        let kept = asked.iter().filter(|(gradient, _)| *gradient).count();
        assert!(kept < 2_000 / 2, "{kept}");
    }

    #[test]
    fn no_number_of_updates_is_too_large() {
        let mut planner = planner(i64::MAX as u64, 1);
        planner.go_on(5);
        assert!(planner.due(5).is_none());
        assert_eq!(planner.needs(5), (false, false));
    }
}
