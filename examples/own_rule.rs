//! A rule of your own: typed settings, stepped in candle, saved by name, checked, and used by name in an RL run.

use candle_core::{DType, Device};
use candle_nn::{Init, VarMap};
use optim::{
    AnyRule, MomentumState, Optimiser, OptimiserSettings, Real, Rule, contract, erase,
    parts::{EPS, LR, mix},
    register, scalars,
    settings::settings,
};
use optimiser_paradigms::train::{Config, ConfigSource, run};

settings! {
    /// AdaBelief (Zhuang et al. 2020): the variance of g around m in place of its mean square.
    pub struct Belief {
        /// learning rate
        lr: f64 = 1e-3, in LR;
        /// of the average of gradients: the momentum
        beta1: f64 = 0.9, in 0.0..1.0;
        /// of the average of squares
        beta2: f64 = 0.999, in 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-8, in EPS;
    }
}

impl OptimiserSettings for Belief {
    const NAME: &'static str = "belief";
    const SUMMARY: &'static str = "Adam with the variance of g around m";
    const FORMULA: &'static str = "s <- beta2 s + (1 - beta2) (g - m)^2; w <- w - lr m / (sqrt(s) + eps)";
    const SOURCE: &'static str = "Zhuang et al. 2020, without bias correction";
    const VARIANTS: &'static [&'static str] = &["belief", "belief:beta1=0.5,eps=1e-4"];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase(BeliefRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

struct BeliefRule(Belief);

scalars! { struct Step { lr, beta1, fresh1, beta2, fresh2, eps } }

impl Rule<2> for BeliefRule {
    type Scalars<T: Copy> = Step<T>;
    const STATES: [&'static str; 2] = ["m", "s"];

    fn scalars(&self, _t: u64, lr: f64) -> Step<f64> {
        let Belief { beta1, beta2, eps, .. } = self.0;
        Step { lr, beta1, fresh1: 1.0 - beta1, beta2, fresh2: 1.0 - beta2, eps }
    }

    #[inline(always)]
    fn update<R: Real>(k: Step<R>, w: R, g: R, [m, s]: [R; 2]) -> (R, [R; 2]) {
        let m = mix(k.beta1, m, k.fresh1, g);
        let s = mix(k.beta2, s, k.fresh2, (g - m) * (g - m));
        (w - k.lr * (m / (s.sqrt() + k.eps)), [m, s])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    register::<Belief>()?;
    contract::check::<Belief>()?;
    let variables = VarMap::new();
    let w = variables.get((2, 3), "w", Init::Const(1.0), DType::F32, &Device::Cpu)?;
    let mut optimiser = Optimiser::for_varmap(Belief { lr: 0.1, ..Belief::default() }, &variables)?;
    optimiser.step(&w.sqr()?.sum_all()?.backward()?)?;
    let path = std::env::temp_dir().join("belief.safetensors");
    optimiser.save(&path)?;
    optimiser.load(&path)?;
    println!("bytes of state per weight: {}", optimiser.bytes_per_parameter());
    RL
}
