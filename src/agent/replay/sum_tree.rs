//! A sum tree: non-negative numbers, their sum, and which of them a point on that sum falls on.

/// A binary tree in which every node is the sum of the two below it, to the bit: sums are computed
/// anew from below, so they never drift away from their leaves.
pub(super) struct SumTree {
    /// The root is at 1, the children of `i` are at `2 i` and `2 i + 1`, the leaves fill the second half.
    nodes: Vec<f64>,
}

impl SumTree {
    /// All zeros.
    pub fn new() -> Self {
        Self {
            nodes: vec![0.0; 2],
        }
    }

    fn leaves(&self) -> usize {
        self.nodes.len() / 2
    }

    /// The sum of all.
    pub fn total(&self) -> f64 {
        self.nodes[1]
    }

    /// The number at `i`.
    pub fn get(&self, i: usize) -> f64 {
        self.nodes.get(self.leaves() + i).copied().unwrap_or(0.0)
    }

    /// Sets the number at `i`; the tree grows to hold it.
    pub fn set(&mut self, i: usize, value: f64) {
        if i >= self.leaves() {
            self.grow(i);
        }
        let mut at = self.leaves() + i;
        self.nodes[at] = value;
        while at > 1 {
            at /= 2;
            self.nodes[at] = self.nodes[2 * at] + self.nodes[2 * at + 1];
        }
    }

    fn grow(&mut self, i: usize) {
        let (old, new) = (self.leaves(), (i + 1).next_power_of_two());
        let mut nodes = vec![0.0; 2 * new];
        nodes[new..new + old].copy_from_slice(&self.nodes[old..]);
        for at in (1..new).rev() {
            nodes[at] = nodes[2 * at] + nodes[2 * at + 1];
        }
        self.nodes = nodes;
    }

    /// The number that the point `x` of `0..total` falls on when they are laid end to end. The total
    /// is above 0, and so is the number: rounding leads to none that is 0.
    pub fn find(&self, mut x: f64) -> usize {
        let mut at = 1;
        while at < self.leaves() {
            at *= 2;
            let left = self.nodes[at];
            if x >= left && self.nodes[at + 1] > 0.0 {
                x -= left;
                at += 1;
            }
        }
        at - self.leaves()
    }

    /// Bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn every_node_is_the_sum_of_its_children_and_every_point_falls_on_its_number() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for n in [1, 2, 5, 64, 100] {
            let (mut tree, mut plain) = (SumTree::new(), vec![0.0; n]);
            for round in 0..300 {
                let i = rng.random_range(0..n as u32) as usize;
                let value = match round % 3 {
                    0 => 0.0,
                    _ => rng.random::<f64>() * 10f64.powi(rng.random_range(-6..6)),
                };
                plain[i] = value;
                tree.set(i, value);
                for at in 1..tree.leaves() {
                    let sum = tree.nodes[2 * at] + tree.nodes[2 * at + 1];
                    assert_eq!(tree.nodes[at].to_bits(), sum.to_bits());
                }
                let held: Vec<f64> = (0..n).map(|i| tree.get(i)).collect();
                assert_eq!(held, plain);
                let sum: f64 = plain.iter().sum();
                assert!((tree.total() - sum).abs() <= 1e-12 * sum);
                if sum == 0.0 {
                    continue;
                }
                let x = rng.random::<f64>() * tree.total();
                let found = tree.find(x);
                assert!(plain[found] > 0.0);
                // Where it should fall, up to the rounding of sums taken in another order.
                let before: f64 = plain[..found].iter().sum();
                let slack = 1e-12 * sum;
                assert!(before - slack <= x && x <= before + plain[found] + slack);
                assert!(plain[tree.find(tree.total())] > 0.0, "the far end");
                assert!(plain[tree.find(0.0)] > 0.0, "the near end");
            }
        }
    }
}
