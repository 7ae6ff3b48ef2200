//! How likely a run of one arm is to do better than a run of another.

use rand::Rng;

use super::{Bootstrap, Estimate, Scores};
use crate::Result;

/// The runs of one task in both arms, by their places in the order of all their scores; equal scores share
/// one place.
struct Ranked {
    a: Vec<usize>,
    b: Vec<usize>,
    places: usize,
}

impl Ranked {
    fn new(a: &[f64], b: &[f64]) -> Self {
        let mut all = [a, b].concat();
        all.sort_unstable_by(f64::total_cmp);
        // Not `total_cmp`: 0 and -0 are the same score.
        all.dedup();
        let rank = |scores: &[f64]| {
            let ranks = scores
                .iter()
                .map(|score| all.partition_point(|other| other < score));
            ranks.collect()
        };
        Self {
            a: rank(a),
            b: rank(b),
            places: all.len(),
        }
    }

    /// The Mann-Whitney U statistic of the runs drawn over the number of their pairs: the share in which `a`
    /// is above `b`, half of the equal ones included (Mann & Whitney 1947).
    fn share(&self, a: &[usize], b: &[usize], counts: &mut Vec<[usize; 2]>) -> f64 {
        counts.clear();
        counts.resize(self.places, [0, 0]);
        a.iter().for_each(|&run| counts[self.a[run]][0] += 1);
        b.iter().for_each(|&run| counts[self.b[run]][1] += 1);
        // Doubled, so that halves are whole.
        let (mut below, mut doubled) = (0, 0);
        for &[here_a, here_b] in counts.iter() {
            doubled += here_a * (2 * below + here_b);
            below += here_b;
        }
        doubled as f64 / (2 * a.len() * b.len()) as f64
    }
}

impl Scores {
    /// The probability that a run of this arm does better than one of `other`'s, half of the ties included,
    /// as the mean over tasks (Agarwal et al. 2021, section 4.3; rliable's `probability_of_improvement`).
    ///
    /// The arms are drawn apart: they may differ in seeds and numbers of runs. Its `n` is the runs of both.
    /// An error if they differ in tasks.
    pub fn improvement_over(
        &self,
        other: &Self,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Estimate> {
        let others = other.as_tasks_of(self)?;
        let tasks = self.tasks().iter().zip(&others);
        let ranked: Vec<Ranked> = tasks
            .map(|(a, b)| Ranked::new(a.scores(), b.scores()))
            .collect();
        let sizes_of_others = others.iter().map(|task| task.scores().len());
        let strata: Vec<usize> = self.sizes().into_iter().chain(sizes_of_others).collect();
        let mut counts = Vec::new();
        let statistic = |drawn: &[Vec<usize>]| {
            let (a, b) = drawn.split_at(ranked.len());
            let pairs = ranked.iter().zip(a).zip(b);
            let sum: f64 = pairs
                .map(|((ranked, a), b)| ranked.share(a, b, &mut counts))
                .sum();
            sum / ranked.len() as f64
        };
        Ok(bootstrap.estimate(&strata, statistic, rng))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn of(a: &[f64], b: &[f64]) -> Estimate {
        let arm = |scores: &[f64]| {
            let rows = scores.iter().enumerate();
            Scores::new(rows.map(|(seed, score)| ("a", seed as u64, *score))).unwrap()
        };
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let found = arm(a).improvement_over(&arm(b), &Bootstrap::default(), rng);
        found.unwrap()
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(of(&[1.0, 2.0], &[0.0, 0.5, -1.0]).point, 1.0);
        assert_eq!(of(&[1.0, 1.0], &[1.0]).point, 0.5);
        assert_eq!(of(&[0.0], &[-0.0]).point, 0.5);
        assert_eq!(of(&[1.0, 2.0, 3.0], &[2.0, 0.0]).point, 4.5 / 6.0);
        assert_eq!(of(&[1.0, 2.0, 3.0], &[2.0, 0.0]).n, 5);
    }

    #[test]
    fn either_arm_is_better_or_the_other_is() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..20 {
            let mut draw = |n| -> Vec<f64> {
                (0..n)
                    .map(|_| f64::from(rng.random_range(0..9u32)))
                    .collect()
            };
            let (a, b) = (draw(13), draw(8));
            let sum = of(&a, &b).point + of(&b, &a).point;
            assert!((sum - 1.0).abs() < 1e-12);
        }
    }
}
