//! One step of candle-optimisers' optimisers, as CSV on stdout.

#[path = "../../../measure/mod.rs"]
mod measure;

use candle_core::Result;
use candle_nn::Optimizer;
use candle_optimisers::{
    Decay, Momentum,
    adadelta::{Adadelta, ParamsAdaDelta},
    adagrad::{Adagrad, ParamsAdaGrad},
    adam::{Adam, ParamsAdam},
    adamax::{Adamax, ParamsAdaMax},
    esgd::{ParamsSGD, SGD},
    nadam::{NAdam, ParamsNAdam},
    radam::{ParamsRAdam, RAdam},
    rmsprop::{ParamsRMSprop, RMSprop},
};
use measure::{CASES, Case, LR, Problem, ResultRows};

// The same allocator as ours, with which temporary tensors cost least.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    // SAFETY: no other thread has been started yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
    let mut rows = ResultRows::new();
    for case in &CASES {
        all(&mut rows, case)?;
    }
    rows.print();
    Ok(())
}

/// Every optimiser, under our name for it and with the number of states it needs.
fn all(rows: &mut ResultRows, case: &Case) -> Result<()> {
    let sgd = |momentum| ParamsSGD {
        lr: LR,
        momentum,
        ..Default::default()
    };
    let rmsprop = ParamsRMSprop {
        lr: LR,
        ..Default::default()
    };
    let adam = ParamsAdam {
        lr: LR,
        ..Default::default()
    };
    one::<SGD>(rows, case, "sgd", 0, sgd(None))?;
    one::<SGD>(
        rows,
        case,
        "momentum",
        1,
        sgd(Some(Momentum::Classical(0.9))),
    )?;
    one::<SGD>(rows, case, "nag", 1, sgd(Some(Momentum::Nesterov(0.9))))?;
    one::<RMSprop>(rows, case, "rmsprop", 1, rmsprop.clone())?;
    let centred = ParamsRMSprop {
        centered: true,
        ..rmsprop.clone()
    };
    one::<RMSprop>(rows, case, "rmsprop:centered=true", 2, centred)?;
    let with_momentum = ParamsRMSprop {
        momentum: Some(0.9),
        ..rmsprop
    };
    one::<RMSprop>(rows, case, "rmsprop:momentum=0.9", 2, with_momentum)?;
    let adagrad = ParamsAdaGrad {
        lr: LR,
        ..Default::default()
    };
    one::<Adagrad>(rows, case, "adagrad", 1, adagrad)?;
    let adadelta = ParamsAdaDelta {
        lr: LR,
        ..Default::default()
    };
    one::<Adadelta>(rows, case, "adadelta", 2, adadelta)?;
    one::<Adam>(rows, case, "adam", 2, adam.clone())?;
    let amsgrad = ParamsAdam {
        amsgrad: true,
        ..adam.clone()
    };
    one::<Adam>(rows, case, "adam:amsgrad=true", 3, amsgrad)?;
    let adamw = ParamsAdam {
        weight_decay: Some(Decay::DecoupledWeightDecay(0.01)),
        ..adam
    };
    one::<Adam>(rows, case, "adamw", 2, adamw)?;
    let adamax = ParamsAdaMax {
        lr: LR,
        ..Default::default()
    };
    one::<Adamax>(rows, case, "adamax", 2, adamax)?;
    let nadam = ParamsNAdam {
        lr: LR,
        ..Default::default()
    };
    one::<NAdam>(rows, case, "nadam", 2, nadam)?;
    let radam = ParamsRAdam {
        lr: LR,
        ..Default::default()
    };
    one::<RAdam>(rows, case, "radam", 2, radam)
}

fn one<O: Optimizer>(
    rows: &mut ResultRows,
    case: &Case,
    name: &str,
    states: usize,
    config: O::Config,
) -> Result<()> {
    if !rows.wants("candle-optimisers", name, case) {
        return Ok(());
    }
    let problem = Problem::new(case)?;
    let mut optimiser = O::new(problem.vars.clone(), config)?;
    rows.measure("candle-optimisers", name, states, case, &problem, |grads| {
        optimiser.step(grads)
    })
}
