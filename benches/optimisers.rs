//! One step of every optimiser, and of candle-nn's, as CSV on stdout.
//!
//! ```sh
//! cargo bench --bench optimisers                   # all
//! cargo bench --bench optimisers -- rms adam/10M   # those whose library/optimiser/case has such a part
//! MILLISECONDS=10 REPETITIONS=5 cargo bench --bench optimisers
//! ```
//!
//! `peers/optimisers.sh` runs it side by side with other libraries.

mod measure;

use candle_core::{Result, Var};
use candle_nn::{AdamW, ParamsAdamW, SGD};
use measure::{CASES, Case, LR, Problem, ResultRows};
use optim::{Optimiser, Parameter, Spec, registry};
use optimiser_paradigms::cli;

// The binaries' allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Forms of an optimiser that run different code from its defaults.
const FORMS: [&str; 3] = [
    "rmsprop:centered=true",
    "rmsprop:momentum=0.9",
    "adam:amsgrad=true",
];

fn main() -> Result<()> {
    cli::one_thread_an_operation();
    cli::keep_freed_memory();
    let mut rows = ResultRows::new();
    let names = registry().into_iter().map(|entry| entry.name);
    for name in names.chain(FORMS) {
        for case in &CASES {
            ours(&mut rows, name, case)?;
        }
    }
    for case in &CASES {
        candle::<SGD>(&mut rows, "sgd", 0, LR, case)?;
        let params = ParamsAdamW {
            lr: LR,
            ..ParamsAdamW::default()
        };
        candle::<AdamW>(&mut rows, "adamw", 2, params, case)?;
    }
    rows.print();
    Ok(())
}

fn ours(rows: &mut ResultRows, name: &str, case: &Case) -> Result<()> {
    if !rows.wants("ours", name, case) {
        return Ok(());
    }
    let problem = Problem::new(case)?;
    let parameter = |(i, var): (usize, &Var)| Parameter::new(format!("p{i}"), var.clone());
    let parameters = problem.vars.iter().enumerate().map(parameter).collect();
    let mut spec: Spec = name.parse().expect("a registered optimiser");
    spec.set("lr", LR).expect("every optimiser has lr");
    let mut optimiser = Optimiser::new(&[spec], parameters).expect("contiguous variables");
    let states = optimiser.state_names().len();
    rows.measure("ours", name, states, case, &problem, |grads| {
        optimiser.step(grads).map_err(candle_core::Error::wrap)
    })
}

fn candle<O: candle_nn::Optimizer>(
    rows: &mut ResultRows,
    name: &str,
    states: usize,
    config: O::Config,
    case: &Case,
) -> Result<()> {
    if !rows.wants("candle-nn", name, case) {
        return Ok(());
    }
    let problem = Problem::new(case)?;
    let mut optimiser = O::new(problem.vars.clone(), config)?;
    rows.measure("candle-nn", name, states, case, &problem, |grads| {
        optimiser.step(grads)
    })
}
