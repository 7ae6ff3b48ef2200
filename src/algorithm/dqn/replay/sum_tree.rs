//! A sum tree: non-negative numbers, their sum, and a search for the number on which a point of that
//! sum falls.

use super::rows::make_room;
use crate::Result;

/// Children of a node: as many as a cache line holds, so that each level costs one memory access.
const FAN: usize = 8;

/// A tree in which every node is the sum of its children, added in order. Sums are always recomputed
/// from below, so rounding errors never accumulate.
pub(super) struct SumTree {
    /// The capacity.
    most: usize,
    /// The leaves, then the sums of each [`FAN`] of them, and so on to the last level, which is a
    /// single group. Every level is padded to whole groups with zeros.
    levels: Vec<Vec<f64>>,
}

impl SumTree {
    /// Empty, with room for `most` numbers. Memory grows as positions are set.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            levels: vec![vec![0.0; FAN]],
        }
    }

    /// The sum of all.
    pub fn total(&self) -> f64 {
        self.levels[self.levels.len() - 1].iter().sum()
    }

    /// The number at `i`, 0 where none was set.
    pub fn get(&self, i: usize) -> f64 {
        self.levels[0].get(i).copied().unwrap_or(0.0)
    }

    /// Sets the number at `i`, which is at most one beyond the places set so far. An error if there is no memory
    /// for it.
    pub fn set(&mut self, i: usize, value: f64) -> Result<()> {
        if i >= self.levels[0].len() {
            self.grow()?;
        }
        self.replace(i, value);
        Ok(())
    }

    /// Sets the number at `i`, which has been set before.
    pub fn replace(&mut self, mut i: usize, value: f64) {
        self.levels[0][i] = value;
        for level in 1..self.levels.len() {
            let group = i / FAN;
            let sum = self.levels[level - 1][group * FAN..][..FAN].iter().sum();
            self.levels[level][group] = sum;
            i = group;
        }
    }

    /// Adds a group of leaves, and above it the groups that it needs.
    fn grow(&mut self) -> Result<()> {
        let mut most = self.most;
        for level in 0.. {
            most = most.next_multiple_of(FAN);
            let nodes = &mut self.levels[level];
            make_room(nodes, FAN, most)?;
            nodes.resize(nodes.len() + FAN, 0.0);
            let groups = nodes.len() / FAN;
            let first: f64 = nodes[..FAN].iter().sum();
            match self.levels.get(level + 1) {
                Some(above) if groups > above.len() => most /= FAN,
                Some(_) => return Ok(()),
                None => {
                    // So far there was a single group, and nothing held its sum.
                    let mut above = vec![0.0; FAN];
                    above[0] = first;
                    self.levels.push(above);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// For each point of `0..total`, the number on which it falls when the numbers are laid end to end.
    /// The total must be above 0. The numbers found are above 0 too: rounding never leads to one that
    /// is 0.
    pub fn find(&self, mut points: Vec<f64>) -> Vec<u32> {
        let mut found = vec![0; points.len()];
        // Level by level, so that the processor can work on several points at once.
        for level in self.levels.iter().rev() {
            let groups = level.as_chunks::<FAN>().0;
            for (at, x) in found.iter_mut().zip(&mut points) {
                let group = &groups[*at as usize];
                let i = child(group, x);
                *at = *at * FAN as u32 + i as u32;
            }
        }
        found
    }

    /// The bytes of memory that it holds.
    pub fn bytes(&self) -> usize {
        let held = self.levels.iter().map(Vec::capacity);
        held.sum::<usize>() * size_of::<f64>()
    }
}

/// The number of `group` on which the point `x` falls; `x` becomes its distance from the start of that
/// number.
#[inline]
fn child(group: &[f64; FAN], x: &mut f64) -> usize {
    let mut starts = [0.0; FAN + 1];
    for i in 0..FAN {
        starts[i + 1] = starts[i] + group[i];
    }
    // Counts how many numbers end at or before the point; a branch would be unpredictable. The next
    // number reaches beyond the point, so it is above 0.
    let before = starts[1..].iter().map(|end| usize::from(*x >= *end)).sum();
    let i = match before {
        // Rounding may leave the point after all of them.
        FAN => group.iter().rposition(|node| *node > 0.0).unwrap_or(0),
        i => i,
    };
    *x -= starts[i];
    i
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn memory_is_what_is_needed() {
        for n in [1, 8, 9, 1000, 100_000] {
            let mut tree = SumTree::new(n);
            (0..n).for_each(|i| tree.set(i, 1.0).unwrap());
            let sum: usize = std::iter::successors(Some(n.div_ceil(FAN)), |groups| {
                (*groups > 1).then(|| groups.div_ceil(FAN))
            })
            .sum();
            assert_eq!(tree.bytes(), 8 * FAN * sum, "{n}");
            assert_eq!(tree.total(), n as f64);
        }
    }

    /// A tree that adds each change to every sum above it loses small numbers next to large ones that come and go.
    #[test]
    fn ten_million_updates_leave_no_drift() {
        let n = 1000;
        let (mut tree, mut plain) = (SumTree::new(n), vec![0.0; n]);
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for round in 0..10_000_000_usize {
            let i = round % n;
            let value = match round / n % 2 {
                0 => rng.random::<f64>() * 1e12,
                _ => rng.random::<f64>() * 1e-6,
            };
            plain[i] = value;
            tree.set(i, value).unwrap();
        }
        let mut anew = SumTree::new(n);
        plain
            .iter()
            .enumerate()
            .for_each(|(i, value)| anew.set(i, *value).unwrap());
        assert_eq!(tree.levels, anew.levels);
        let sum: f64 = plain.iter().sum();
        assert!(sum < 1e-2 && (tree.total() - sum).abs() <= 1e-12 * sum);
    }

    #[test]
    fn every_node_is_the_sum_of_its_children_and_every_point_falls_on_its_number() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for n in [1, 2, 8, 9, 64, 65, 100, 600] {
            let (mut tree, mut plain) = (SumTree::new(n), vec![0.0; n]);
            for round in 0..3 * n + 100 {
                // Filled in order first, as a ring is.
                let i = match round < n {
                    true => round,
                    false => rng.random_range(0..n as u32) as usize,
                };
                let value = match round % 3 {
                    0 => 0.0,
                    _ => rng.random::<f64>() * 10f64.powi(rng.random_range(-6..6)),
                };
                plain[i] = value;
                tree.set(i, value).unwrap();
                for pair in tree.levels.windows(2) {
                    for (group, node) in pair[0].chunks(FAN).zip(&pair[1]) {
                        let sum: f64 = group.iter().sum();
                        assert_eq!(node.to_bits(), sum.to_bits());
                    }
                }
                let held: Vec<f64> = (0..n).map(|i| tree.get(i)).collect();
                assert_eq!(held, plain);
                let sum: f64 = plain.iter().sum();
                assert!((tree.total() - sum).abs() <= 1e-12 * sum);
                if sum == 0.0 {
                    continue;
                }
                let x = rng.random::<f64>() * tree.total();
                let find = |x| tree.find(vec![x])[0] as usize;
                let found = find(x);
                assert!(plain[found] > 0.0);
                // Where the point should fall, up to the rounding of sums taken in another order.
                let before: f64 = plain[..found].iter().sum();
                let slack = 1e-12 * sum;
                assert!(before - slack <= x && x <= before + plain[found] + slack);
                assert!(plain[find(tree.total())] > 0.0, "the far end");
                assert!(plain[find(0.0)] > 0.0, "the near end");
            }
        }
    }
}
