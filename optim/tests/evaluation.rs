//! Weights that are evaluated and not stepped.

use candle_core::{DType, Device, Tensor, Var};
use optim::{Optimiser, Parameter, Spec};

const SHAPES: [(&str, &[usize]); 2] = [("weight", &[3, 5]), ("bias", &[3])];

/// Parameters of `agents` that are the same for each, with or without an axis for them.
fn model(agents: Option<usize>, dtype: DType) -> Vec<Parameter> {
    let parameter = |&(name, dims): &(&str, &[usize])| {
        let n = dims.iter().product::<usize>();
        let numbers = (0..agents.unwrap_or(1)).flat_map(|_| (0..n).map(|i| (i as f64).cos()));
        let dims = [agents.as_slice(), dims].concat();
        let tensor = Tensor::from_vec(numbers.collect::<Vec<f64>>(), dims, &Device::Cpu).unwrap();
        Parameter::new(
            name,
            Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap(),
        )
    };
    SHAPES.iter().map(parameter).collect()
}

fn copies(model: &[Parameter], agent: usize) -> Vec<Parameter> {
    let copy = |p: &Parameter| {
        Parameter::new(
            p.name.clone(),
            Var::from_tensor(&p.var.narrow(0, agent, 1).unwrap().copy().unwrap()).unwrap(),
        )
    };
    model.iter().map(copy).collect()
}

fn numbers(model: &[Parameter]) -> Vec<f64> {
    let flat = |p: &Parameter| {
        let flat = p.var.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
        flat.to_vec1::<f64>().unwrap()
    };
    model.iter().flat_map(flat).collect()
}

/// Steps down the sum of squares.
fn train(optimiser: &mut Optimiser, model: &[Parameter], steps: usize) {
    for _ in 0..steps {
        let squares = model
            .iter()
            .map(|p| p.var.sqr().unwrap().sum_all().unwrap());
        let loss = squares.reduce(|a, b| (a + b).unwrap()).unwrap();
        optimiser.step(&loss.backward().unwrap()).unwrap();
    }
}

fn spec(text: &str) -> Spec {
    text.parse().unwrap()
}

#[test]
fn the_average_of_schedule_free_sgd_is_the_average_of_where_it_was() {
    let model = model(None, DType::F64);
    let sgd = [spec("schedule-free-sgd:lr=0.1,momentum=0.75")];
    let mut optimiser = Optimiser::new(&sgd, model.clone()).unwrap();
    // By the definition: z steps along the gradient at w, and x is the mean of every z but the first.
    let start = numbers(&model);
    let (mut z, mut x) = (start.clone(), start.clone());
    for t in 1..=30 {
        for (z, x) in z.iter_mut().zip(&mut x) {
            let w = 0.25 * *z + 0.75 * *x;
            *z -= 0.1 * 2.0 * w;
            *x += (*z - *x) / t as f64;
        }
        train(&mut optimiser, &model, 1);
        let evaluated = optimiser.evaluating(|| numbers(&model)).unwrap();
        for ((evaluated, own), (z, x)) in
            evaluated.iter().zip(numbers(&model)).zip(z.iter().zip(&x))
        {
            assert!((evaluated - x).abs() < 1e-14, "step {t}: {evaluated} {x}");
            assert!((own - (0.25 * z + 0.75 * x)).abs() < 1e-14, "step {t}");
        }
    }
    assert_ne!(x, numbers(&model));
}

#[test]
fn evaluating_leaves_no_trace() {
    for dtype in [DType::F32, DType::F64] {
        let paths = [false, true].map(|looks| {
            let model = model(Some(2), dtype);
            let specs = [
                "schedule-free-adamw",
                "schedule-free-adamw:lr=0.1,beta1=0.5",
            ]
            .map(spec);
            let mut optimiser = Optimiser::cohort(&specs, model.clone()).unwrap();
            for _ in 0..5 {
                train(&mut optimiser, &model, 3);
                if looks {
                    let own = numbers(&model);
                    let seen = optimiser.evaluating(|| numbers(&model)).unwrap();
                    assert_ne!(own, seen);
                    assert_eq!(own, numbers(&model));
                }
            }
            (numbers(&model), optimiser.to_safetensors().unwrap())
        });
        assert_eq!(paths[0], paths[1]);
    }
}

#[test]
fn a_copy_of_an_agent_gets_its_average() {
    let specs = [
        "schedule-free-sgd:lr=0.1",
        "schedule-free-sgd:lr=0.02,momentum=0.5",
    ]
    .map(spec);
    let together = model(Some(2), DType::F32);
    let mut cohort = Optimiser::cohort(&specs, together.clone()).unwrap();
    train(&mut cohort, &together, 7);
    for (agent, spec) in specs.iter().enumerate() {
        let copies = copies(&together, agent);
        cohort.evaluate_with(agent, &copies).unwrap();
        // The same agent alone, without an axis for agents.
        let single = model(None, DType::F32);
        let mut alone = Optimiser::new(std::slice::from_ref(spec), single.clone()).unwrap();
        train(&mut alone, &single, 7);
        assert_eq!(
            numbers(&copies),
            alone.evaluating(|| numbers(&single)).unwrap()
        );
        // Some of the parameters are enough.
        cohort.evaluate_with(agent, &copies[1..]).unwrap();
    }
    let other = Parameter {
        name: "wight".into(),
        ..copies(&together, 0)[0].clone()
    };
    let error = cohort.evaluate_with(0, &[other]).unwrap_err().to_string();
    assert!(error.contains("did you mean `weight`?"), "{error}");
    let error = cohort.evaluate_with(2, &[]).unwrap_err().to_string();
    assert!(error.contains("there is no agent number 2"), "{error}");
}

#[test]
fn most_optimisers_are_evaluated_at_their_own_weights() {
    let model = model(Some(1), DType::F32);
    let mut adam = Optimiser::cohort(&[spec("adam")], model.clone()).unwrap();
    train(&mut adam, &model, 3);
    assert!(adam.evaluation_weights().unwrap().is_none());
    let copies = copies(&model, 0);
    adam.evaluate_with(0, &copies).unwrap();
    assert_eq!(numbers(&copies), numbers(&model));
    assert_eq!(
        adam.evaluating(|| numbers(&model)).unwrap(),
        numbers(&model)
    );
}
