//! The sentences, and how each is measured.

use super::{
    claim::{Claim, Measurement},
    measure::{
        each, growth, late_over_early, moved, noisy_share, objective, on, steps_to_share,
        steps_until,
    },
};
use optim::Spec;

use crate::{
    Result,
    landscape::{
        descent::{DescentPath, descend},
        surface::Surface,
        tune::{REPORT_SEEDS, Tuner},
    },
};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        name: "small_gradients",
        sentence: "Where gradients are very small, SGD moves slowly.",
        surfaces: &["plateau"],
        measure: small_gradients,
    },
    Claim {
        name: "sparse_gradients",
        sentence: "Where gradients are sparse, SGD moves slowly.",
        surfaces: &["sparse"],
        measure: sparse_gradients,
    },
    Claim {
        name: "per_parameter_steps",
        sentence: "A separate step size for each parameter helps.",
        surfaces: &["ravine", "sparse", "diagonal"],
        measure: per_parameter_steps,
    },
    Claim {
        name: "agreeing_directions",
        sentence: "While gradients agree in direction, steps should grow; momentum makes them grow.",
        surfaces: &["ravine"],
        measure: agreeing_directions,
    },
    Claim {
        name: "high_variance",
        sentence: "Where the gradient's variance is high, steps should be small; dividing by its root mean square makes \
                   them small.",
        surfaces: &["noisy"],
        measure: high_variance,
    },
    Claim {
        name: "adagrad_never_forgets",
        sentence: "Adagrad never forgets, so its steps only get smaller.",
        surfaces: &["drift"],
        measure: adagrad_never_forgets,
    },
    Claim {
        name: "adadelta_limits_the_past",
        sentence: "Adadelta limits how much of the past counts, so its steps do not die out.",
        surfaces: &["drift"],
        measure: adadelta_limits_the_past,
    },
    Claim {
        name: "bias_correction",
        sentence: "Adam's bias correction makes up for averages that start at zero.",
        surfaces: &["ravine"],
        measure: bias_correction,
    },
    Claim {
        name: "momentum_when_data_shift",
        sentence: "When the data shift, momentum is a detriment.",
        surfaces: &MOVING_AND_STILL,
        measure: momentum_when_data_shift,
    },
    Claim {
        name: "rmsprop_when_data_shift",
        sentence: "When the data shift, RMSprop is better than Adam.",
        surfaces: &MOVING_AND_STILL,
        measure: rmsprop_when_data_shift,
    },
    Claim {
        name: "adam_memory",
        sentence: "Adam keeps two more values for each parameter, which triples memory.",
        surfaces: &[],
        measure: adam_memory,
    },
];

/// Surfaces whose minimum moves, and a control whose minimum does not.
const MOVING_AND_STILL: [&str; 4] = ["drift", "slow_drift", "jump", "still"];

fn small_gradients(tuner: &mut Tuner) -> Result<Vec<Measurement>> {
    // When half of the objective is gone, the path has crossed the plateau and reached the well.
    let mut steps = |spec| each(tuner, "plateau", spec, |path| steps_to_share(path, 0.5));
    let (sgd, rmsprop, adam) = (steps("sgd")?, steps("rmsprop")?, steps("adam")?);
    let numbers = [
        Measurement::ratio(
            "steps until half of the objective is gone, SGD / RMSprop",
            &sgd,
            &rmsprop,
        )
        .above(1.0),
        Measurement::ratio("the same, SGD / Adam", &sgd, &adam).above(1.0),
        Measurement::of("the same, SGD alone", sgd),
    ];
    Ok(on("plateau", numbers))
}

fn sparse_gradients(tuner: &mut Tuner) -> Result<Vec<Measurement>> {
    // Steps until the rare parameter is within a tenth of its way to the minimum.
    let mut steps = |spec| {
        each(tuner, "sparse", spec, |path| {
            let start = path.points[0].at[1].abs();
            steps_until(path, |point| point.at[1].abs() < start / 10.0)
        })
    };
    let sgd = steps("sgd")?;
    let mut numbers = Vec::new();
    for (name, spec) in [
        ("Adagrad", "adagrad"),
        ("RMSprop", "rmsprop"),
        ("Adam", "adam"),
    ] {
        let description =
            format!("steps until the rare parameter has gone nine tenths of the way, SGD / {name}");
        let number = Measurement::ratio(description, &sgd, &steps(spec)?);
        numbers.push(number.on("sparse").above(1.0));
    }
    Ok(numbers)
}

fn per_parameter_steps(tuner: &mut Tuner) -> Result<Vec<Measurement>> {
    let mut numbers = Vec::new();
    for (surface, name, spec) in [
        ("ravine", "RMSprop", "rmsprop"),
        ("sparse", "Adagrad", "adagrad"),
        ("diagonal", "RMSprop", "rmsprop"),
    ] {
        let description = format!("mean objective, SGD / {name}");
        let sgd = each(tuner, surface, "sgd", DescentPath::mean_value)?;
        let other = each(tuner, surface, spec, DescentPath::mean_value)?;
        let number = Measurement::ratio(description, &sgd, &other);
        numbers.push(number.on(surface).above(1.0));
    }
    Ok(numbers)
}

fn agreeing_directions(tuner: &mut Tuner) -> Result<Vec<Measurement>> {
    // Along the floor every gradient points the same way, so the longest step is compared with the first.
    let mut growth = |spec| each(tuner, "ravine", spec, |path| growth(path, 0));
    let (momentum, sgd, adam) = (growth("momentum")?, growth("sgd")?, growth("adam")?);
    let mut steps = |spec| each(tuner, "ravine", spec, |path| steps_to_share(path, 0.01));
    let (slow, fast) = (steps("sgd")?, steps("momentum")?);
    let limit = 1.0 / (1.0 - optim::Momentum::default().momentum);
    Ok(on(
        "ravine",
        [
            Measurement::of("longest step / first, momentum", momentum).above(1.0),
            Measurement::of("the upper limit, 1 / (1 - momentum)", [limit]),
            Measurement::ratio(
                "steps to 1 % of the objective, SGD / momentum",
                &slow,
                &fast,
            )
            .above(1.0),
            Measurement::of("longest step / first, SGD", sgd),
            Measurement::of("longest step / first, Adam", adam),
        ],
    ))
}

fn high_variance(_: &mut Tuner) -> Result<Vec<Measurement>> {
    // On the slope, far from the minimum, both parameters have the same mean gradient. All optimisers have one
    // lr, so small that 100 steps stay on the slope.
    let surface = Surface::named("noisy")?;
    let share = |spec: &str| -> Result<Vec<f64>> {
        let spec = spec.parse()?;
        let share = |seed| descend(surface, &spec, 100, seed).map(|path| noisy_share(&path));
        REPORT_SEEDS.map(share).collect()
    };
    Ok(on(
        "noisy",
        [
            Measurement::of(
                "noisy step / quiet step, RMSprop",
                share("rmsprop:lr=0.01")?,
            )
            .below(1.0),
            Measurement::of("noisy step / quiet step, Adam", share("adam:lr=0.01")?).below(1.0),
            Measurement::of("noisy step / quiet step, SGD", share("sgd:lr=0.01")?),
        ],
    ))
}

fn adagrad_never_forgets(tuner: &mut Tuner) -> Result<Vec<Measurement>> {
    let kept = each(tuner, "drift", "adagrad", late_over_early)?;
    let rmsprop = each(tuner, "drift", "rmsprop", late_over_early)?;
    let costs = objective(
        tuner,
        "drift",
        ("Adagrad", "adagrad"),
        ("RMSprop", "rmsprop"),
    )?;
    Ok(on(
        "drift",
        [
            Measurement::of("step per gradient, last quarter / second, Adagrad", kept).below(1.0),
            costs.above(1.0),
            Measurement::of("step per gradient, last quarter / second, RMSprop", rmsprop),
        ],
    ))
}

fn adadelta_limits_the_past(tuner: &mut Tuner) -> Result<Vec<Measurement>> {
    let kept = each(tuner, "drift", "adadelta", late_over_early)?;
    let adagrad = each(tuner, "drift", "adagrad", late_over_early)?;
    let gains = objective(
        tuner,
        "drift",
        ("Adagrad", "adagrad"),
        ("Adadelta", "adadelta"),
    )?;
    Ok(on(
        "drift",
        [
            Measurement::ratio(
                "step per gradient, last quarter / second, Adadelta over Adagrad",
                &kept,
                &adagrad,
            )
            .above(1.0),
            gains.above(1.0),
            Measurement::of("step per gradient, last quarter / second, Adadelta", kept),
        ],
    ))
}

fn bias_correction(_: &mut Tuner) -> Result<Vec<Measurement>> {
    // The factor by which the length of the first step differs from lr.
    let surface = Surface::named("ravine")?;
    let first = |spec: &str| -> Result<f64> {
        let spec: Spec = spec.parse()?;
        let path = descend(surface, &spec, 1, 0)?;
        Ok(moved(&path, 0, 1) / spec.lr())
    };
    let with = first("adam")?;
    let without = first("adam:correct_m=false,correct_v=false")?;
    let off = |step: f64| step.max(1.0 / step);
    Ok(on(
        "ravine",
        [
            Measurement::of(
                "first step's error as a factor, without / with",
                [off(without) / off(with)],
            )
            .above(1.0),
            Measurement::of("first step / lr, with", [with]),
            Measurement::of("first step / lr, without", [without]),
        ],
    ))
}

fn momentum_when_data_shift(tuner: &mut Tuner) -> Result<Vec<Measurement>> {
    let pairs = [
        (("momentum", "momentum"), ("SGD", "sgd")),
        (("Adam", "adam"), ("Adam(beta1 = 0)", "adam:beta1=0")),
    ];
    shifting_and_still(tuner, &pairs)
}

fn rmsprop_when_data_shift(tuner: &mut Tuner) -> Result<Vec<Measurement>> {
    shifting_and_still(tuner, &[(("Adam", "adam"), ("RMSprop", "rmsprop"))])
}

/// An optimiser's name and its spec.
type Named = (&'static str, &'static str);

/// The mean objective of each pair's first optimiser over its second's: predicted to be above 1 where the
/// minimum moves, and for context where it does not.
fn shifting_and_still(tuner: &mut Tuner, pairs: &[(Named, Named)]) -> Result<Vec<Measurement>> {
    let mut numbers = Vec::new();
    for surface in MOVING_AND_STILL {
        for (over, under) in pairs {
            let number = objective(tuner, surface, *over, *under)?;
            let shifts = Surface::named(surface)?.is_shifting();
            numbers.push(if shifts { number.above(1.0) } else { number });
        }
    }
    Ok(numbers)
}

fn adam_memory(_: &mut Tuner) -> Result<Vec<Measurement>> {
    let states = |name: &str| -> Result<f64> {
        let rule = Spec::new(name)?.rule()?;
        Ok(rule.initial().len() as f64)
    };
    let (adam, sgd) = (states("adam")?, states("sgd")?);
    // Per parameter, the values are the weight and the states; training needs the gradient too.
    Ok(vec![
        Measurement::of("values kept, Adam - SGD", [adam - sgd]).above(1.5),
        Measurement::of(
            "weights and state, Adam / SGD",
            [(1.0 + adam) / (1.0 + sgd)],
        )
        .above(2.5),
        Measurement::of(
            "weights, gradients and state, Adam / SGD",
            [(2.0 + adam) / (2.0 + sgd)],
        )
        .above(2.5),
    ])
}
