use settings::{Interval, settings};

use crate::{
    AnyRule, Element, OptimiserSettings, Shape, TensorRule, erase_tensor_rule,
    parts::{LR, WEIGHT_DECAY, mix, shrink, sum_of, sum_of_squares},
    scalars,
};

settings! {
    /// Adafactor: a step per weight from the mean squares of its row and its column alone, in proportion to the
    /// weights' size. A matrix needs a number for each row and each column in place of one for each weight.
    ///
    /// ```text
    /// row <- (1 - t^beta2_decay) row + t^beta2_decay (mean of g^2 over the row), and column alike
    /// v = row column / (mean of row);  for what is no matrix v <- (1 - t^beta2_decay) v + t^beta2_decay g^2
    /// u = g / sqrt(v)
    /// w <- w - max(eps2, rms(w)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / d)
    /// ```
    ///
    /// - `eps1` is the least root of `v`; 0 stands for the distance from 1 to the next number, 1.2e-7 in f32.
    pub struct Adafactor {
        /// the largest learning rate
        lr: f64 = 1e-2, in LR;
        /// power of t that the averages' newest share follows
        beta2_decay: f64 = -0.8, in -100.0..=0.0;
        /// the least that a gradient is divided by; 0: the precision of the numbers
        eps1: f64 = 0.0, in Interval::at_least(0.0);
        /// the least size that a tensor counts as having
        eps2: f64 = 1e-3, in Interval::at_least(0.0);
        /// the largest root mean square of u
        d: f64 = 1.0, in Interval::at_least(1.0);
        /// shrinks the weights by lr weight_decay a step
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

/// The smallest eps1 whose square f32 has.
const LEAST_EPS1: f64 = 1.1e-19;

impl OptimiserSettings for Adafactor {
    const NAME: &'static str = "adafactor";
    const SUMMARY: &'static str =
        "a step per weight from the mean squares of its row and column alone";
    const FORMULA: &'static str = "u = g / sqrt(row column / mean(row)); w <- w - max(eps2, rms(w)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / d)";
    const SOURCE: &'static str = "Shazeer & Stern 2018, alg. 4 and 5; torch.optim.Adafactor";
    const VARIANTS: &'static [&'static str] = &[
        "adafactor",
        "adafactor:beta2_decay=-0.5,eps1=1e-3,eps2=0.1,d=2,weight_decay=0.1,maximize=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        if self.eps1 != 0.0 && self.eps1 < LEAST_EPS1 {
            return Err(format!(
                "the square of eps1 = {:e} is 0 in f32; allowed: 0, or a finite number >= {LEAST_EPS1:e}",
                self.eps1
            ));
        }
        Ok(erase_tensor_rule(AdafactorRule(self.clone())))
    }
}

struct AdafactorRule(Adafactor);

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { sign, kept, newest, shrink, rate }
}

impl TensorRule<3> for AdafactorRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 3] = ["row", "column", "v"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let newest = (t as f64).powf(self.0.beta2_decay);
        Scalars {
            sign: if self.0.maximize { -1.0 } else { 1.0 },
            kept: 1.0 - newest,
            newest,
            shrink: shrink(lr, self.0.weight_decay),
            rate: lr.min(1.0 / (t as f64).sqrt()),
        }
    }

    fn lengths(&self, shape: Shape) -> [usize; 3] {
        match shape {
            Shape::Vector(n) => [0, 0, n],
            Shape::Matrix { rows, columns } => [rows, columns, 0],
        }
    }

    #[inline(always)]
    fn update<R: Element>(
        &self,
        k: Scalars<R>,
        shape: Shape,
        w: &mut [R],
        g: &[R],
        [row, column, v]: [&mut [R]; 3],
    ) {
        let eps1 = match self.0.eps1 {
            0.0 => R::PRECISION,
            eps1 => eps1,
        };
        let least = R::constant(eps1 * eps1);
        let divided = |g: R, v: R| k.sign * g / v.max(least).sqrt();
        let mut u = Vec::with_capacity(w.len());
        match shape {
            Shape::Vector(_) => {
                for (g, v) in g.iter().zip(v) {
                    *v = mix(k.kept, *v, k.newest, *g * *g);
                    u.push(divided(*g, *v));
                }
            }
            Shape::Matrix { rows, columns } => {
                for (row, g) in row.iter_mut().zip(g.chunks(columns)) {
                    let mean = R::constant(sum_of_squares(g) / columns as f64);
                    *row = mix(k.kept, *row, k.newest, mean);
                }
                let mut sums = vec![0.0; columns];
                for g in g.chunks(columns) {
                    for (sum, g) in sums.iter_mut().zip(g) {
                        *sum += g.as_f64() * g.as_f64();
                    }
                }
                for (column, sum) in column.iter_mut().zip(sums) {
                    let mean = R::constant(sum / rows as f64);
                    *column = mix(k.kept, *column, k.newest, mean);
                }
                let mean = R::constant(sum_of(row, |x| x) / rows as f64);
                let mean = mean.max(R::constant(eps1));
                for (row, g) in row.iter().zip(g.chunks(columns)) {
                    // The quotient first: a product of two mean squares may be too large for f32.
                    let share = *row / mean;
                    for (g, column) in g.iter().zip(&*column) {
                        u.push(divided(*g, share * *column));
                    }
                }
            }
        }
        let count = (w.len().max(1) as f64).sqrt();
        let size = (sum_of_squares(w).sqrt() / count).max(self.0.eps2);
        let excess = (sum_of_squares(&u).sqrt() / (count * self.0.d)).max(1.0);
        let step = k.rate * R::constant(size / excess);
        for (w, u) in w.iter_mut().zip(u) {
            *w = k.shrink * *w - step * u;
        }
    }
}
