use settings::{Interval, settings};

use crate::{
    AnyRule, Element, OptimiserSettings, Shape, TensorRule, erase_tensor_rule,
    parts::{EPS, LR, WEIGHT_DECAY, mix, power, root, sum_of, sum_of_terms},
    scalars,
};

settings! {
    /// Prodigy: Adam that estimates its lr as the distance `d` from where it began to the solution.
    ///
    /// ```text
    /// l = d lr,  w0 where it began
    /// a <- beta3 a + (d / d0) l <g, w0 - w>           a sum over all weights
    /// s <- beta3 s + (d / d0) l g
    /// m <- beta1 m + (1 - beta1) d g
    /// v <- beta2 v + (1 - beta2) d^2 g^2
    /// d <- the largest of d and d_coef a / sum |s| so far
    /// w <- (1 - l weight_decay) w - l m / (sqrt(v) + d eps)
    /// ```
    ///
    /// `d` is one number for all parameters of an agent, so groups of parameters are refused. What is stored of `w0`
    /// is `moved = w0 - w`. A cosine schedule of the lr, from 1, is what the authors advise.
    pub struct Prodigy {
        /// factor of the estimated learning rate
        lr: f64 = 1.0, in LR;
        /// decay of the average of gradients
        beta1: f64 = 0.9, in 0.0..1.0;
        /// decay of the average of squares
        beta2: f64 = 0.999, in 0.0..1.0;
        /// decay of the sums that d follows from; 0: sqrt(beta2)
        beta3: f64 = 0.0, in 0.0..1.0;
        /// added to the root, times d
        eps: f64 = 1e-8, in EPS;
        /// shrinks the weights by d lr weight_decay a step, or without decouple is an L2 penalty
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// weight decay as AdamW's
        decouple: bool = true;
        /// correct both averages for their start
        use_bias_correction: bool = false;
        /// leave the lr out of s, for an lr that warms up
        safeguard_warmup: bool = false;
        /// d at first
        d0: f64 = 1e-6, in Interval::at_least(1e-12);
        /// factor of the estimate
        d_coef: f64 = 1.0, in Interval::at_least(0.0);
        /// the largest factor by which d grows in a step; 0: any
        growth_rate: f64 = 0.0, in Interval::at_least(0.0);
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states, d and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Prodigy {
    const NAME: &'static str = "prodigy";
    const SUMMARY: &'static str = "Adam whose lr is an estimate of the distance to the solution";
    const FORMULA: &'static str = "d <- max(d, sum d lr <g, w0 - w> / sum |s|), decaying sums; w <- w - d lr m / (sqrt(v) + d eps)";
    const SOURCE: &'static str = "Mishchenko & Defazio 2024, alg. 4; prodigyopt.Prodigy";
    const VARIANTS: &'static [&'static str] = &[
        "prodigy",
        "prodigy:lr=0.5,beta2=0.99,beta3=0.9,eps=1e-6,weight_decay=0.1,use_bias_correction=true,d0=1e-3,d_coef=2,growth_rate=1.5,maximize=true",
        "prodigy:lr=0.5,weight_decay=0.01,decouple=false,safeguard_warmup=true,d0=1e-3",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        if ((self.d0 * self.eps) as f32) < f32::MIN_POSITIVE {
            return Err(format!(
                "d0 eps = {:e} is 0 in f32, and a gradient of 0 would give 0/0; choose a larger eps",
                self.d0 * self.eps
            ));
        }
        if self.growth_rate > 0.0 && self.growth_rate < 1.0 {
            return Err(format!(
                "growth_rate = {} would shrink d; allowed: 0, or a finite number >= 1",
                self.growth_rate
            ));
        }
        Ok(erase_tensor_rule(ProdigyRule(self.clone())))
    }
}

struct ProdigyRule(Prodigy);

scalars! {
    /// A step's numbers: the lr, and what both bias corrections together make of it.
    pub(crate) struct Scalars { lr, corrected }
}

impl TensorRule<7> for ProdigyRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 7] = ["m", "v", "s", "moved", "d", "d_max", "a"];
    const OF_AGENT: usize = 3;

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let Prodigy { beta1, beta2, .. } = self.0;
        let corrected = match self.0.use_bias_correction {
            true => lr * (1.0 - power(beta2, t)).sqrt() / (1.0 - power(beta1, t)),
            false => lr,
        };
        Scalars { lr, corrected }
    }

    fn initial(&self) -> [f64; 7] {
        let d0 = self.0.d0;
        [0.0, 0.0, 0.0, 0.0, d0, d0, 0.0]
    }

    fn lengths(&self, shape: Shape) -> [usize; 7] {
        let n = shape.count();
        // Without weights there is nothing to estimate.
        let one = n.min(1);
        [n, n, n, n, one, one, one]
    }

    #[inline(always)]
    fn update<R: Element>(
        &self,
        k: Scalars<R>,
        _: Shape,
        w: &mut [R],
        g: &[R],
        [m, v, s, moved, d_now, d_max, a]: [&mut [R]; 7],
    ) {
        let prodigy = &self.0;
        // As in the reference, a step at an lr of 0 changes nothing.
        if w.is_empty() || k.lr.as_f64() == 0.0 {
            return;
        }
        let d = d_now[0].as_f64();
        let rate = d * k.corrected.as_f64();
        // In units of d0, so that the numbers do not get too small.
        let share = d / prodigy.d0;
        let beta3 = match prodigy.beta3 {
            0.0 => prodigy.beta2.sqrt(),
            beta3 => beta3,
        };
        let number = R::constant;
        let sign = number(if prodigy.maximize { -1.0 } else { 1.0 });
        let penalty = number(if prodigy.decouple {
            0.0
        } else {
            prodigy.weight_decay
        });
        let of_s = number(share * if prodigy.safeguard_warmup { d } else { rate });
        let betas = [prodigy.beta1, prodigy.beta2, beta3].map(number);
        let (of_m, of_v) = (
            number(d * (1.0 - prodigy.beta1)),
            number(d * d * (1.0 - prodigy.beta2)),
        );
        let along = |w: R, g: R| sign * g + penalty * w;
        let (now, gone) = (&*w, &*moved);
        let product = sum_of_terms(w.len(), |i| (along(now[i], g[i]) * gone[i]).as_f64());
        let states = m.iter_mut().zip(&mut *v).zip(s.iter_mut());
        for ((w, g), ((m, v), s)) in w.iter().zip(g).zip(states) {
            let g = along(*w, *g);
            *m = mix(betas[0], *m, of_m, g);
            *v = mix(betas[1], *v, of_v, g * g);
            *s = mix(betas[2], *s, of_s, g);
        }
        let sizes = sum_of(s, f64::abs);
        if sizes == 0.0 {
            return;
        }
        let sum = beta3 * a[0].as_f64() + share * rate * product;
        let estimate = prodigy.d_coef * sum / sizes;
        let at_first = d_now[0].as_f64() == number(prodigy.d0).as_f64();
        let raised = if at_first { d.max(estimate) } else { d };
        let most = d_max[0].as_f64().max(estimate);
        let next = match prodigy.growth_rate {
            0.0 => most,
            factor => most.min(raised * factor),
        };
        (d_now[0], d_max[0], a[0]) = (number(next), number(most), number(sum));
        let eps = number(next * prodigy.eps);
        let (decay, step) = (
            match prodigy.decouple {
                true => number(prodigy.weight_decay * rate),
                false => number(0.0),
            },
            number(rate),
        );
        for (((w, moved), m), v) in w.iter_mut().zip(moved).zip(m).zip(v) {
            let by = decay * *w + step * (*m / root::<false, R>(*v, eps));
            *moved = *moved + by;
            *w = *w - by;
        }
    }
}
