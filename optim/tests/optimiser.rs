//! Optimisers that step candle variables.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::Optimizer;
use optim::{Clipping, Optimiser, Parameter, Shape, Spec, registry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every variant of every optimiser.
fn variants() -> impl Iterator<Item = &'static str> {
    registry()
        .into_iter()
        .flat_map(|entry| entry.variants)
        .copied()
}

fn named(name: &str, var: &Var) -> Parameter {
    Parameter::new(name, var.clone())
}

fn spec(text: &str) -> Spec {
    text.parse().unwrap()
}

/// A small model: two parameters for each of `agents`.
fn model(agents: usize, dtype: DType) -> Vec<Parameter> {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut one = |name: &str, shape: &[usize]| {
        let n = shape.iter().product();
        let data: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
        let tensor = Tensor::from_vec(data, shape, &Device::Cpu).unwrap();
        Parameter::new(
            name,
            Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap(),
        )
    };
    vec![one("weight", &[agents, 3, 5]), one("bias", &[agents, 3])]
}

/// One step whose gradient depends on the weights and on `t`.
fn step(optimiser: &mut Optimiser, model: &[Parameter], t: u64) {
    let square = |p: &Parameter| {
        (p.var.as_tensor() * (1.0 + (t as f64).sin()))
            .unwrap()
            .sqr()
            .unwrap()
            .sum_all()
            .unwrap()
    };
    let loss = (square(&model[0]) + square(&model[1])).unwrap();
    optimiser.step(&loss.backward().unwrap()).unwrap();
}

fn numbers(model: &[Parameter]) -> Vec<f64> {
    let flat = |p: &Parameter| -> Vec<f64> {
        p.var
            .to_dtype(DType::F64)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1()
            .unwrap()
    };
    model.iter().flat_map(flat).collect()
}

#[test]
fn a_saved_state_goes_on_as_if_nothing_had_happened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("optimiser.safetensors");
    for dtype in [DType::F32, DType::F64] {
        for variant in variants() {
            let specs = [spec(variant), spec(variant)];
            let (whole, halved) = (model(2, dtype), model(2, dtype));
            let schedule = "linear:warmup=3".parse().unwrap();
            let new = |model: &[Parameter]| {
                Optimiser::cohort(&specs, model.to_vec())
                    .unwrap()
                    .schedule(schedule, 30)
            };
            let (mut uninterrupted, mut first) = (new(&whole), new(&halved));
            for t in 0..20 {
                step(&mut uninterrupted, &whole, t);
                if t < 11 {
                    step(&mut first, &halved, t);
                }
                if t == 7 {
                    uninterrupted.target_updated().unwrap();
                    first.target_updated().unwrap();
                }
            }
            first.save(&path).unwrap();
            let mut second = new(&halved);
            second.load(&path).unwrap();
            (11..20).for_each(|t| step(&mut second, &halved, t));
            assert_eq!(numbers(&whole), numbers(&halved), "{variant} {dtype:?}");
            assert_eq!(
                second.to_safetensors().unwrap(),
                uninterrupted.to_safetensors().unwrap()
            );
        }
    }
}

#[test]
fn an_agents_state_is_the_same_in_a_cohort_and_alone() {
    for variant in variants() {
        let specs = |n: usize| vec![spec(variant); n];
        let pair = model(2, DType::F32);
        let mut cohort = Optimiser::cohort(&specs(2), pair.clone()).unwrap();
        (0..5).for_each(|t| step(&mut cohort, &pair, t));
        let saved = cohort.agent_to_safetensors(1).unwrap();

        // The second agent alone, from the weights it had then.
        let second = |p: &Parameter| {
            Parameter::new(
                p.name.clone(),
                Var::from_tensor(&p.var.narrow(0, 1, 1).unwrap().copy().unwrap()).unwrap(),
            )
        };
        let alone: Vec<Parameter> = pair.iter().map(second).collect();
        let mut single = Optimiser::cohort(&specs(1), alone.clone()).unwrap();
        single.restore(&saved).unwrap();
        assert_eq!(single.to_safetensors().unwrap(), saved, "{variant}");
        for t in 5..9 {
            step(&mut cohort, &pair, t);
            step(&mut single, &alone, t);
        }
        let theirs = cohort.agent_to_safetensors(1).unwrap();
        assert_eq!(single.to_safetensors().unwrap(), theirs, "{variant}");

        // And back into a cohort, whose other agent is not affected.
        let first = cohort.agent_to_safetensors(0).unwrap();
        cohort.restore_agent(1, &saved).unwrap();
        assert_eq!(cohort.agent_to_safetensors(1).unwrap(), saved);
        assert_eq!(first.len(), theirs.len());
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let adam = |agents: usize| {
        let specs = vec![spec("adam"); agents];
        Optimiser::new(&specs, model(agents, DType::F32)).unwrap()
    };
    let mut optimiser = adam(2);
    let before = optimiser.to_safetensors().unwrap();
    let sgd = Optimiser::new(&[spec("sgd")], model(1, DType::F32)).unwrap();
    let mut longer = before.clone();
    longer.truncate(before.len() / 2);
    let other_shape = {
        let narrow: Vec<Parameter> = model(4, DType::F32)
            .into_iter()
            .map(|p| {
                Parameter::new(
                    p.name,
                    Var::from_tensor(&p.var.reshape((2, ())).unwrap()).unwrap(),
                )
            })
            .collect();
        Optimiser::new(&vec![spec("adam"); 2], narrow).unwrap()
    };
    for (data, words) in [
        (sgd.to_safetensors().unwrap(), "the state of `sgd`"),
        (adam(1).to_safetensors().unwrap(), "needed: of `adam; adam`"),
        (
            other_shape.to_safetensors().unwrap(),
            "needed: F32 [2, 3, 5]",
        ),
        (longer, "no optimiser state"),
        (b"not a state".to_vec(), "no optimiser state"),
    ] {
        let error = optimiser.restore(&data).unwrap_err().to_string();
        assert!(error.contains(words), "no `{words}` in: {error}");
        assert_eq!(optimiser.to_safetensors().unwrap(), before);
    }
    let error = optimiser.load("nowhere/optimiser.safetensors").unwrap_err();
    assert!(error.to_string().contains("nowhere/optimiser.safetensors"));
}

#[test]
fn a_parameter_without_a_gradient_is_named_and_nothing_moves() {
    let model = model(1, DType::F32);
    let mut optimiser = Optimiser::new(&[spec("adam")], model.clone()).unwrap();
    let (weights, state) = (numbers(&model), optimiser.to_safetensors().unwrap());
    let loss = model[0].var.as_tensor().sqr().unwrap().sum_all().unwrap();
    let error = optimiser
        .step(&loss.backward().unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("`bias` has no gradient"), "{error}");
    assert_eq!(
        (numbers(&model), optimiser.to_safetensors().unwrap()),
        (weights, state)
    );
}

#[test]
fn agents_of_a_cohort_share_a_rule_and_nothing_else() {
    let error = Optimiser::new(&[spec("adam"), spec("rmsprop")], model(2, DType::F32))
        .err()
        .unwrap();
    assert!(error.to_string().contains("share one rule"), "{error}");
    let twice = [model(1, DType::F32), model(1, DType::F32)].concat();
    let error = Optimiser::new(&[spec("adam")], twice).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("two parameters are called `weight`"),
        "{error}"
    );
    let error = Optimiser::new(&[spec("adam"), spec("adam")], model(3, DType::F32))
        .err()
        .unwrap();
    assert!(error.to_string().contains("first axis 2"), "{error}");
    // Different numbers are allowed; the initial value of v is one of them.
    let specs = [spec("rmsprop:v0=1"), spec("rmsprop:decay=0.5,lr=0.1")];
    let together = model(2, DType::F64);
    let mut optimiser = Optimiser::new(&specs, together.clone()).unwrap();
    (0..9).for_each(|t| step(&mut optimiser, &together, t));
    for (agent, spec) in specs.iter().enumerate() {
        let start = model(2, DType::F64);
        let alone: Vec<Parameter> = start
            .iter()
            .map(|p| {
                Parameter::new(
                    p.name.clone(),
                    Var::from_tensor(&p.var.narrow(0, agent, 1).unwrap().copy().unwrap()).unwrap(),
                )
            })
            .collect();
        let mut optimiser = Optimiser::new(std::slice::from_ref(spec), alone.clone()).unwrap();
        (0..9).for_each(|t| step(&mut optimiser, &alone, t));
        for (alone, together) in alone.iter().zip(&together) {
            let together = together.var.narrow(0, agent, 1).unwrap();
            let difference = (alone.var.as_tensor() - together).unwrap().abs().unwrap();
            assert_eq!(
                difference.sum_all().unwrap().to_scalar::<f64>().unwrap(),
                0.0
            );
        }
    }
}

#[test]
fn state_is_counted_as_it_is_allocated() {
    for variant in variants() {
        let rule = spec(variant).rule().unwrap();
        let shapes = [Shape::of(&[3, 5]), Shape::of(&[3])];
        let kept = shapes.iter().flat_map(|shape| rule.tensor_lengths(*shape));
        let kept: usize = kept.sum();
        for (dtype, size) in [(DType::F32, 4), (DType::F64, 8)] {
            let optimiser = Optimiser::cohort(&[spec(variant)], model(1, dtype)).unwrap();
            let expected = (size * kept) as f64 / 18.0;
            assert_eq!(optimiser.bytes_per_parameter(), expected, "{variant}");
        }
    }
}

#[test]
fn as_a_candle_nn_optimiser_it_is_candle_nns_adamw() {
    let start = [0.5f64, -1.5, 2.0];
    let ours = Var::new(&start, &Device::Cpu).unwrap();
    let theirs = Var::new(&start, &Device::Cpu).unwrap();
    let mut a: Optimiser = Optimizer::new(vec![ours.clone()], spec("adamw")).unwrap();
    let mut b =
        candle_nn::AdamW::new(vec![theirs.clone()], candle_nn::ParamsAdamW::default()).unwrap();
    a.set_learning_rate(b.learning_rate());
    for _ in 0..100 {
        let loss = |w: &Var| w.as_tensor().sqr().unwrap().sum_all().unwrap();
        a.backward_step(&loss(&ours)).unwrap();
        b.backward_step(&loss(&theirs)).unwrap();
    }
    let (ours, theirs) = (
        ours.to_vec1::<f64>().unwrap(),
        theirs.to_vec1::<f64>().unwrap(),
    );
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-12, "{ours:?} {theirs:?}");
    }
    assert!((ours[0] - start[0]).abs() > 0.05, "it moved");
}

#[test]
fn schedules_reach_the_step() {
    // SGD on a constant gradient of 1 moves by the sum of its learning rates.
    let w = Var::new(&[0f64], &Device::Cpu).unwrap();
    let sgd = Optimiser::new(&[spec("sgd:lr=1")], vec![named("w", &w)]).unwrap();
    let mut sgd = sgd.schedule("linear".parse().unwrap(), 4);
    for _ in 0..4 {
        sgd.step(&w.as_tensor().sum_all().unwrap().backward().unwrap())
            .unwrap();
    }
    assert!((w.to_vec1::<f64>().unwrap()[0] + 1.0 + 0.75 + 0.5 + 0.25).abs() < 1e-15);
}

#[test]
fn clipping_is_pytorchs() {
    // Gradient (3, 4): norm 5.
    let moved = |clipping| {
        let w = Var::new(&[0f64, 0.0], &Device::Cpu).unwrap();
        let sgd = Optimiser::new(&[spec("sgd:lr=1")], vec![named("w", &w)]).unwrap();
        let pull = Tensor::new(&[3f64, 4.0], &Device::Cpu).unwrap();
        let loss = (w.as_tensor() * pull).unwrap().sum_all().unwrap();
        sgd.clip(clipping)
            .unwrap()
            .step(&loss.backward().unwrap())
            .unwrap();
        w.to_vec1::<f64>().unwrap()
    };
    assert_eq!(moved(Clipping::Off), [-3.0, -4.0]);
    assert_eq!(moved(Clipping::Norm(10.0)), [-3.0, -4.0]);
    let shorter = moved(Clipping::Norm(1.0));
    // torch.nn.utils.clip_grad_norm_ divides by the norm plus 1e-6.
    assert!(
        (shorter[0] + 3.0 / 5.000001).abs() < 1e-15 && (shorter[1] + 4.0 / 5.000001).abs() < 1e-15
    );
    assert_eq!(moved(Clipping::Value(3.5)), [-3.0, -3.5]);
}
