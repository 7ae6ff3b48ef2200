//! A rule of your own: typed settings, stepped in candle, saved by name, checked, and named in an RL run. With `card` as its
//! argument it gets its report card beside the baselines:
//!
//!     cargo run --release --example own_rule -- card

use candle_core::{DType, Device::Cpu};
use candle_nn::{Init, VarMap};
use optim::{
    AnyRule, MomentumState, Optimiser, OptimiserSettings, Real, Rule, Value, contract, erase,
    parts, register, scalars, settings::settings,
};
use optimiser_paradigms::{
    cli::{self, CardArgs},
    run::rl::{ConfigSource, train},
};

settings! {
    /// Steps of one length along the sign of the average gradient.
    pub struct Signum {
        /// learning rate
        lr: f64 = 1e-4, in parts::LR;
        /// decay of the average of gradients: the momentum
        beta: f64 = 0.9, in 0.0..1.0;
    }
}

impl OptimiserSettings for Signum {
    const NAME: &'static str = "signum";
    const SUMMARY: &'static str = "the sign of momentum";
    const FORMULA: &'static str = "m <- beta m + (1 - beta) g; w <- w - lr sign(m)";
    const SOURCE: &'static str = "Bernstein et al. 2018, alg. 2";
    const VARIANTS: &'static [&'static str] = &["signum", "signum:beta=0"];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase(SignumRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta)
    }
}

struct SignumRule(Signum);

scalars! { struct Step { lr, beta, one_minus_beta } }

impl Rule<1> for SignumRule {
    type Scalars<T: Copy> = Step<T>;
    const STATES: [&'static str; 1] = ["m"];

    fn scalars(&self, _t: u64, lr: f64) -> Step<f64> {
        let (beta, one_minus_beta) = (self.0.beta, 1.0 - self.0.beta);
        Step {
            lr, // one number each, for all weights
            beta,
            one_minus_beta,
        }
    }

    #[inline(always)]
    fn update<R: Real>(k: Step<R>, w: R, g: R, [m]: [R; 1]) -> (R, [R; 1]) {
        let m = k.beta * m + k.one_minus_beta * g;
        (w - k.lr * m.signum(), [m])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    register::<Signum>()?;
    contract::check::<Signum>()?;
    if std::env::args().nth(1).as_deref() == Some("card") {
        return Ok(cli::card(&CardArgs::of("signum"), false)?);
    }

    let variables = VarMap::new();
    let w = variables.get(3, "w", Init::Const(1.0), DType::F32, &Cpu)?;
    let mut optimiser = Optimiser::for_varmap(Signum { lr: 0.1, beta: 0.5 }, &variables)?;
    optimiser.step(&w.sqr()?.sum_all()?.backward()?)?;
    let path = std::env::temp_dir().join("signum.safetensors");
    optimiser.save(&path)?;
    optimiser.load(&path)?;

    let mut source = ConfigSource::default();
    source.run.insert("steps", Value::Whole(60_000));
    source.optimiser = Some("signum:beta=0.5,lr=3e-4".parse()?);
    let outcome = train(&source.resolve(None)?, &mut ())?;
    println!("{}: {}", outcome.optimiser, outcome.final_return);
    Ok(())
}
