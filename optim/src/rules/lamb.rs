use settings::settings;

use crate::{
    AnyRule, Element, MomentumState, OptimiserSettings, Shape, TensorRule, erase_tensor_rule,
    parts::{AdamMoments, Correction, EPS, LR, WEIGHT_DECAY, power, root, sum_of_squares},
    scalars,
};

settings! {
    /// LAMB: Adam's direction, stretched for each tensor to the length of its weights.
    ///
    /// ```text
    /// r = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay w
    /// w <- w - lr |w| / |r| r
    /// ```
    ///
    /// The norms are over a tensor of one agent. If one of them is 0, their ratio counts as 1.
    ///
    /// - `bias_correction = false`: both averages as they are, as in the paper's third version.
    pub struct Lamb {
        /// learning rate: the share of its length that a tensor moves
        lr: f64 = 1e-3, in LR;
        /// decay of the average of gradients: the momentum
        beta1: f64 = 0.9, in 0.0..1.0;
        /// decay of the average of squares
        beta2: f64 = 0.999, in 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-6, in EPS;
        /// correct both averages for their start
        bias_correction: bool = true;
        /// weights' share in the direction
        weight_decay: f64 = 0.0, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Lamb {
    const NAME: &'static str = "lamb";
    const SUMMARY: &'static str = "Adam's direction, for each tensor as long as its weights";
    const FORMULA: &'static str =
        "r = m / (sqrt(v) + eps) + weight_decay w, corrected; w <- w - lr |w| / |r| r";
    const SOURCE: &'static str = "You et al. 2020, alg. 2; optax.lamb";
    const VARIANTS: &'static [&'static str] = &[
        "lamb",
        "lamb:beta2=0.99,eps=1e-4,weight_decay=0.1,maximize=true",
        "lamb:bias_correction=false",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        if self.bias_correction {
            Correction::check(self.beta2, self.eps, false)?;
        }
        Ok(erase_tensor_rule(LambRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

struct LambRule(Lamb);

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { moments: AdamMoments, gain, eps, weight_decay, lr }
}

impl TensorRule<2> for LambRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["m", "v"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let Lamb {
            beta1,
            beta2,
            bias_correction,
            weight_decay,
            maximize,
            ..
        } = self.0;
        let corrected = Correction::new(bias_correction, beta2, t, self.0.eps, false);
        let first = match bias_correction {
            true => 1.0 - power(beta1, t),
            false => 1.0,
        };
        Scalars {
            moments: AdamMoments::new([beta1, beta2], maximize, (0.0, false), lr),
            gain: corrected.gain / first,
            eps: corrected.eps,
            weight_decay,
            lr,
        }
    }

    #[inline(always)]
    fn update<R: Element>(
        &self,
        k: Scalars<R>,
        _: Shape,
        w: &mut [R],
        g: &[R],
        [m, v]: [&mut [R]; 2],
    ) {
        let mut r = vec![R::constant(0.0); w.len()];
        for ((((r, w), g), m), v) in r.iter_mut().zip(&*w).zip(g).zip(m).zip(v) {
            (_, *m, *v) = k.moments.next(*w, *g, *m, *v);
            let adam = k.gain * (*m / root::<false, R>(*v, k.eps));
            *r = adam + k.weight_decay * *w;
        }
        let lengths = [sum_of_squares(w).sqrt(), sum_of_squares(&r).sqrt()];
        let ratio = match lengths.contains(&0.0) {
            true => 1.0,
            false => lengths[0] / lengths[1],
        };
        let step = k.lr * R::constant(ratio);
        for (w, r) in w.iter_mut().zip(r) {
            *w = *w - step * r;
        }
    }
}
