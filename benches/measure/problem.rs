//! What is stepped: variables and their gradients.

use candle_core::{Device, Result, Tensor, Var, backprop::GradStore};

/// The shapes of a set of variables.
pub struct Case {
    pub name: &'static str,
    shapes: &'static [&'static [usize]],
}

/// One large tensor, where memory is the limit, and CleanRL's DQN for CartPole, where the cost of a
/// call is the limit.
pub const CASES: [Case; 2] = [
    Case {
        name: "10M",
        shapes: &[&[10_000_000]],
    },
    Case {
        name: "dqn-mlp",
        shapes: &[&[120, 4], &[120], &[84, 120], &[84], &[2, 84], &[2]],
    },
];

impl Case {
    /// The number of weights.
    pub fn parameters(&self) -> usize {
        let sizes = self
            .shapes
            .iter()
            .map(|dims| dims.iter().product::<usize>());
        sizes.sum()
    }
}

/// Variables, and two gradients for each.
pub struct Problem {
    pub vars: Vec<Var>,
    pub grads: [GradStore; 2],
}

impl Problem {
    pub fn new(case: &Case) -> Result<Self> {
        let mut values = Values(1);
        let vars = case
            .shapes
            .iter()
            .map(|dims| Var::from_tensor(&values.tensor(dims)?))
            .collect::<Result<Vec<_>>>()?;
        let grads = [values.grads(&vars)?, values.grads(&vars)?];
        Ok(Self { vars, grads })
    }

    /// Whether every weight is still a normal number; otherwise the speed would not be typical.
    pub fn is_sound(&self) -> Result<bool> {
        for var in &self.vars {
            let weights = var.flatten_all()?.to_vec1::<f32>()?;
            if !weights.iter().all(|w| w.is_normal()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Numbers of either sign with an absolute value between 0.5 and 1.5 (splitmix64).
struct Values(u64);

impl Values {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let size = 0.5 + (z >> 40) as f32 / (1u64 << 24) as f32;
        if z & 1 == 0 { size } else { -size }
    }

    fn tensor(&mut self, dims: &[usize]) -> Result<Tensor> {
        let n = dims.iter().product();
        let values: Vec<f32> = (0..n).map(|_| self.next()).collect();
        Tensor::from_vec(values, dims, &Device::Cpu)
    }

    /// The gradients of `sum(w c)` for random `c`, by candle's own backward pass.
    fn grads(&mut self, vars: &[Var]) -> Result<GradStore> {
        let terms = vars
            .iter()
            .map(|var| (var.as_tensor() * self.tensor(var.dims())?)?.sum_all())
            .collect::<Result<Vec<_>>>()?;
        Tensor::stack(&terms, 0)?.sum_all()?.backward()
    }
}
