//! How likely a run of one arm is to do better than a run of another.

use rand::Rng;

use crate::{Bootstrap, Estimate, Result, Scores};

/// The ranks of the runs of one task among the runs of both arms. Equal scores share a rank.
struct Ranked {
    a: Vec<usize>,
    b: Vec<usize>,
    ranks: usize,
}

impl Ranked {
    fn new(a: &[f64], b: &[f64]) -> Self {
        let mut all = [a, b].concat();
        all.sort_unstable_by(f64::total_cmp);
        // `dedup` compares with `==`, for which 0 and -0 are the same score; for `total_cmp` they differ.
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
            ranks: all.len(),
        }
    }

    /// The share of pairs of drawn runs in which `a` is above `b`, plus half the share in which they are equal:
    /// the Mann-Whitney U statistic over the number of pairs (Mann & Whitney 1947).
    fn share(&self, a: &[usize], b: &[usize], counts: &mut Vec<[usize; 2]>) -> f64 {
        counts.clear();
        counts.resize(self.ranks, [0, 0]);
        a.iter().for_each(|&run| counts[self.a[run]][0] += 1);
        b.iter().for_each(|&run| counts[self.b[run]][1] += 1);
        // Counted twice, so that half a pair is a whole number.
        let (mut below, mut doubled) = (0, 0);
        for &[equal_a, equal_b] in counts.iter() {
            doubled += equal_a * (2 * below + equal_b);
            below += equal_b;
        }
        doubled as f64 / (2 * a.len() * b.len()) as f64
    }
}

impl Scores {
    /// The probability that a run of this arm scores higher than a run of `other`, as the mean over tasks; ties
    /// count half (Agarwal et al. 2021, section 4.3; rliable's `probability_of_improvement`).
    ///
    /// The arms are resampled independently, so they may differ in seeds and numbers of runs. The estimate's `n` is
    /// the number of runs of both.
    ///
    /// # Errors
    /// If the arms do not have the same tasks.
    pub fn improvement_over(
        &self,
        other: &Self,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Estimate> {
        let others = other.tasks_in_the_order_of(self)?;
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
    fn the_probabilities_of_both_arms_add_up_to_one() {
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
