use settings::{settings, words};

use super::{
    adam::{Adam, AdamRule, ScalarSource, Scalars as AdamScalars},
    orthogonal::{NewtonSchulz, orthogonalise},
};
use crate::{
    AnyRule, Element, OptimiserSettings, Rule, Shape, TensorRule, erase_tensor_rule,
    parts::{Correction, EPS, LR, WEIGHT_DECAY, mix, shrink},
    scalars,
};

words! {
    /// How Muon's lr follows from a matrix's shape.
    pub enum AdjustLr {
        /// times sqrt(max(1, rows / columns)): Keller Jordan's
        Original = "original",
        /// times 0.2 sqrt(max(rows, columns)): steps as large as AdamW's, so that its lr and weight decay fit
        MatchRmsAdamW = "match_rms_adamw",
        /// times sqrt(rows / columns): Jeremy Bernstein's
        SpectralUnclamped = "spectral_unclamped",
    }
}

impl AdjustLr {
    fn factor(self, rows: usize, columns: usize) -> f64 {
        let (rows, columns) = (rows as f64, columns as f64);
        match self {
            Self::Original => (rows / columns).max(1.0).sqrt(),
            Self::MatchRmsAdamW => 0.2 * rows.max(columns).sqrt(),
            Self::SpectralUnclamped => (rows / columns).sqrt(),
        }
    }
}

settings! {
    /// Muon: the matrices of hidden layers are stepped along their orthogonalised momentum, everything else by AdamW.
    ///
    /// ```text
    /// m <- momentum m + (1 - momentum) g
    /// X = (1 - momentum) g + momentum m
    /// X <- X / |X|, then ns_steps times X <- a X + b (X X^T) X + c (X X^T)^2 X
    /// w <- (1 - lr weight_decay) w - lr sqrt(max(1, rows / columns)) X
    /// ```
    ///
    /// A matrix is a tensor with at least two rows and two columns. The first axis (`out`) numbers its rows,
    /// all others together its columns, unless [`Optimiser::lay_out`](crate::Optimiser::lay_out) says otherwise of a
    /// parameter.
    ///
    /// - `hidden_only`: the author leaves the input and the output layer, known by their
    ///   [`Layer`](crate::Layer), to AdamW. `false` steps their matrices as all others.
    /// - `adamw_lr` follows the schedule as `lr` does, and a change of the lr in proportion.
    /// - `nesterov = false` orthogonalises `m` itself.
    pub struct Muon {
        /// learning rate of matrices
        lr: f64 = 1e-3, in LR;
        /// decay of the average of a matrix's gradients
        momentum: f64 = 0.95, in 0.0..1.0;
        /// look ahead: step along (1 - momentum) g + momentum m
        nesterov: bool = true;
        /// shrinks matrices by lr weight_decay a step
        weight_decay: f64 = 0.1, in WEIGHT_DECAY;
        /// step the input and the output layer by AdamW
        hidden_only: bool = true;
        /// how the lr follows from a matrix's shape
        adjust_lr: AdjustLr = AdjustLr::Original;
        /// iterations that orthogonalise
        ns_steps: usize = 5, in 0..=99;
        /// a of the iteration
        ns_a: f64 = 3.4445, in -100.0..=100.0;
        /// b of the iteration
        ns_b: f64 = -4.775, in -100.0..=100.0;
        /// c of the iteration
        ns_c: f64 = 2.0315, in -100.0..=100.0;
        /// the norm that a smaller momentum counts as having
        eps: f64 = 1e-7, in EPS;
        /// learning rate of everything else
        adamw_lr: f64 = 1e-3, in LR;
        /// AdamW's decay of the average of gradients
        adamw_beta1: f64 = 0.9, in 0.0..1.0;
        /// AdamW's decay of the average of squares
        adamw_beta2: f64 = 0.999, in 0.0..1.0;
        /// added to AdamW's root
        adamw_eps: f64 = 1e-8, in EPS;
        /// shrinks everything else by adamw_lr adamw_weight_decay a step
        adamw_weight_decay: f64 = 1e-2, in WEIGHT_DECAY;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Muon {
    const NAME: &'static str = "muon";
    const SUMMARY: &'static str =
        "hidden matrices along their orthogonalised momentum, everything else by AdamW";
    const FORMULA: &'static str =
        "w <- (1 - lr weight_decay) w - lr sqrt(max(1, rows / columns)) orthogonal(m)";
    const SOURCE: &'static str = "Jordan et al. 2024 (kellerjordan.github.io/posts/muon); torch.optim.Muon; match_rms_adamw: Liu et al. 2025, sec. 2.2";
    const VARIANTS: &'static [&'static str] = &[
        "muon",
        "muon:adjust_lr=match_rms_adamw,nesterov=false,adamw_lr=0.01",
        "muon:adjust_lr=spectral_unclamped,momentum=0.8,weight_decay=0.01,ns_steps=3,adamw_beta2=0.95,maximize=true",
        "muon:adamw_lr=0.02,adamw_weight_decay=0,reset_moments=true",
    ];

    const LR_OF_VECTORS: &'static str = "adamw_lr";

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Correction::check(self.adamw_beta2, self.adamw_eps, false)?;
        let adamw = Adam {
            lr: self.adamw_lr,
            beta1: self.adamw_beta1,
            beta2: self.adamw_beta2,
            eps: self.adamw_eps,
            weight_decay: self.adamw_weight_decay,
            maximize: self.maximize,
            ..Adam::default()
        };
        let (settings, adamw) = (self.clone(), ScalarSource::new(adamw, true));
        Ok(match self.hidden_only {
            true => erase_tensor_rule(MuonRule::<true> { settings, adamw }),
            false => erase_tensor_rule(MuonRule::<false> { settings, adamw }),
        })
    }
}

struct MuonRule<const HIDDEN_ONLY: bool> {
    settings: Muon,
    adamw: ScalarSource,
}

impl<const HIDDEN_ONLY: bool> MuonRule<HIDDEN_ONLY> {
    /// AdamW's lr where Muon's is `lr`.
    fn adamw_lr(&self, lr: f64) -> f64 {
        let Muon {
            lr: full, adamw_lr, ..
        } = self.settings;
        // An lr of 0 freezes matrices alone; there is no schedule to see in it.
        match full > 0.0 {
            true => adamw_lr * (lr / full),
            false => adamw_lr,
        }
    }
}

scalars! {
    /// A step's numbers.
    pub(crate) struct Scalars { sign, momentum, one_minus_momentum, shrink, lr, adamw: AdamScalars }
}

impl<const HIDDEN_ONLY: bool> TensorRule<2> for MuonRule<HIDDEN_ONLY> {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 2] = ["m", "v"];
    const HIDDEN_ONLY: bool = HIDDEN_ONLY;

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let muon = &self.settings;
        Scalars {
            sign: if muon.maximize { -1.0 } else { 1.0 },
            momentum: muon.momentum,
            one_minus_momentum: 1.0 - muon.momentum,
            shrink: shrink(lr, muon.weight_decay),
            lr,
            adamw: self.adamw.scalars(t, self.adamw_lr(lr)),
        }
    }

    /// A matrix has no use for `v`.
    fn lengths(&self, shape: Shape) -> [usize; 2] {
        match shape {
            Shape::Vector(n) => [n, n],
            Shape::Matrix { .. } => [shape.count(), 0],
        }
    }

    #[inline(always)]
    fn update<R: Element>(
        &self,
        k: Scalars<R>,
        shape: Shape,
        w: &mut [R],
        g: &[R],
        [m, v]: [&mut [R]; 2],
    ) {
        let Shape::Matrix { rows, columns } = shape else {
            for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
                (*w, [*m, *v]) = AdamRule::<false>::update(k.adamw, *w, *g, [*m, *v]);
            }
            return;
        };
        let muon = &self.settings;
        let mut x = Vec::with_capacity(w.len());
        for (g, m) in g.iter().zip(m) {
            let g = k.sign * *g;
            *m = mix(k.momentum, *m, k.one_minus_momentum, g);
            x.push(match muon.nesterov {
                true => mix(k.one_minus_momentum, g, k.momentum, *m),
                false => *m,
            });
        }
        let how = NewtonSchulz {
            coefficients: [muon.ns_a, muon.ns_b, muon.ns_c],
            steps: muon.ns_steps,
            eps: muon.eps,
        };
        orthogonalise(how, &mut x, rows, columns);
        let step = k.lr * R::constant(muon.adjust_lr.factor(rows, columns));
        for (w, x) in w.iter_mut().zip(x) {
            *w = k.shrink * *w - step * x;
        }
    }
}
