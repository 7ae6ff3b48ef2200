//! Groups, learning rates, schedules, clipping and missing gradients.

use candle_core::{DType, Device, Var};
use candle_nn::Optimizer;
use optim::{Adam, Clipping, Group, Optimiser, Parameter, Sgd, Spec};

fn parameter(name: &str, weights: usize) -> Parameter {
    let ones = candle_core::Tensor::ones(weights, DType::F64, &Device::Cpu).unwrap();
    Parameter::new(name, Var::from_tensor(&ones).unwrap())
}

fn of(spec: impl Into<Spec>, model: &[Parameter]) -> Optimiser {
    Optimiser::new(&[spec.into()], model.to_vec()).unwrap()
}

/// One step along a gradient of 1 for each of `model`.
fn step(optimiser: &mut Optimiser, model: &[Parameter]) -> optim::Result<()> {
    let sums = model.iter().map(|p| p.var.as_tensor().sum_all().unwrap());
    let loss = sums.reduce(|a, b| (a + b).unwrap()).unwrap();
    optimiser.step(&loss.backward().unwrap())
}

fn first(parameter: &Parameter) -> f64 {
    parameter.var.to_vec1::<f64>().unwrap()[0]
}

fn biases() -> Group {
    Group {
        parameters: vec!["bias".into()],
        lr: Some(0.5),
        weight_decay: Some(0.0),
        ..Group::new("biases")
    }
}

#[test]
fn groups_have_their_own_lr_and_weight_decay_and_are_saved() {
    let model = [parameter("weight", 2), parameter("bias", 2)];
    let sgd = Sgd {
        lr: 0.1,
        weight_decay: 1.0,
        ..Sgd::default()
    };
    let mut optimiser = of(sgd.clone(), &model).group(biases()).unwrap();
    step(&mut optimiser, &model).unwrap();
    assert_eq!((first(&model[0]), first(&model[1])), (1.0 - 0.1 * 2.0, 0.5));
    optimiser.set_lr(0.2).unwrap();
    optimiser.set_group_lr("biases", 0.25).unwrap();
    step(&mut optimiser, &model).unwrap();
    assert_eq!(first(&model[1]), 0.25);
    let state = optimiser.to_safetensors().unwrap();

    let mut again = of(sgd.clone(), &model).group(biases()).unwrap();
    again.restore(&state).unwrap();
    step(&mut again, &model).unwrap();
    assert_eq!(first(&model[1]), 0.0);
    let error = of(sgd.clone(), &model).restore(&state).unwrap_err();
    assert!(error.to_string().contains("group biases"), "{error}");

    let error = |group: Group| {
        of(sgd.clone(), &model)
            .group(group)
            .err()
            .unwrap()
            .to_string()
    };
    let named = |name: &str| Group {
        parameters: vec![name.into()],
        ..Group::new("some")
    };
    assert!(error(named("bios")).contains("did you mean `bias`?"));
    let negative = Group {
        lr: Some(-1.0),
        ..named("bias")
    };
    assert!(error(negative).contains("group `some`: sgd: lr = -1 is not allowed"));
    let twice = of(sgd.clone(), &model)
        .group(biases())
        .unwrap()
        .group(named("bias"));
    assert!(twice.err().unwrap().to_string().contains("allowed: one"));
}

#[test]
fn what_a_group_cannot_be_is_an_error() {
    let model = [parameter("weight", 2), parameter("bias", 2)];
    let adam = || of(Adam::default(), &model);
    let twice = adam().group(biases()).unwrap().group(biases());
    let error = twice.err().unwrap().to_string();
    assert!(error.contains("two groups are called `biases`"), "{error}");

    let mut optimiser = adam().group(Group::new("none")).unwrap();
    for (name, lr, words) in [
        ("none", 0.1, "has no lr of its own"),
        ("nine", 0.1, "did you mean `none`?"),
        ("none", f64::NAN, "a finite number >= 0"),
    ] {
        let error = optimiser.set_group_lr(name, lr).unwrap_err().to_string();
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}

#[test]
fn an_agent_that_does_not_exist_is_an_error() {
    let mut optimiser = of(Adam::default(), &[parameter("w", 1)]);
    let state = optimiser.to_safetensors().unwrap();
    for error in [
        optimiser.agent_to_safetensors(1).err(),
        optimiser.restore_agent(1, &state).err(),
        optimiser.flat_state("m", 1).err(),
    ] {
        let error = error.unwrap().to_string();
        assert!(error.contains("there is no agent number 1"), "{error}");
    }
}

#[test]
fn an_lr_that_is_not_allowed_is_an_error() {
    let model = [parameter("w", 1)];
    let mut optimiser = of(Sgd::default(), &model);
    for lr in [-1.0, f64::NAN, f64::INFINITY] {
        let error = optimiser.set_lr(lr).unwrap_err().to_string();
        assert!(error.contains("a finite number >= 0"), "{error}");
        // candle-nn's `set_learning_rate` cannot fail, so the next step does.
        optimiser.set_learning_rate(lr);
        let loss = model[0].var.as_tensor().sum_all().unwrap();
        assert!(optimiser.backward_step(&loss).is_err());
        assert_eq!((optimiser.lr(), first(&model[0])), (1e-3, 1.0));
    }
    optimiser.set_learning_rate(0.5);
    let loss = model[0].var.as_tensor().sum_all().unwrap();
    optimiser.backward_step(&loss).unwrap();
    assert_eq!(first(&model[0]), 0.5);
}

#[test]
fn a_state_of_another_schedule_or_clipping_is_refused() {
    let model = [parameter("w", 1)];
    let plain = || of(Adam::default(), &model);
    let linear = || plain().schedule("linear".parse().unwrap(), 30);
    let clipped = || linear().clip(Clipping::Norm(10.0)).unwrap();
    let state = clipped().to_safetensors().unwrap();
    clipped().restore(&state).unwrap();
    for mut other in [
        plain(),
        linear(),
        linear().clip(Clipping::Value(10.0)).unwrap(),
        plain()
            .schedule("linear".parse().unwrap(), 40)
            .clip(Clipping::Norm(10.0))
            .unwrap(),
    ] {
        let error = other.restore(&state).unwrap_err().to_string();
        assert!(
            error.contains(
                "schedule linear:end=0 over 30 steps, clipping norm 10`; needed: of `adam"
            ),
            "{error}"
        );
    }
}

#[test]
fn a_missing_gradient_is_an_error_unless_it_is_allowed() {
    let model = [parameter("trained", 1), parameter("frozen", 1)];
    let mut strict = of(Adam::default(), &model);
    let error = step(&mut strict, &model[..1]).unwrap_err().to_string();
    assert!(
        error.contains("parameter `frozen` has no gradient"),
        "{error}"
    );
    let adam = Adam {
        weight_decay: 0.1,
        ..Adam::default()
    };
    let mut lenient = of(adam, &model).allow_missing_gradients();
    step(&mut lenient, &model[..1]).unwrap();
    assert_eq!(first(&model[1]), 1.0);
    assert_eq!(lenient.flat_state("m", 0).unwrap()[1], 0.0);
    assert!(first(&model[0]) < 1.0);
}

#[test]
fn an_optimiser_of_all_parameters_at_once_refuses_less() {
    let model = [parameter("trained", 2), parameter("frozen", 1)];
    let prodigy = || of("prodigy".parse::<Spec>().unwrap(), &model);
    let biases = Group {
        parameters: vec!["frozen".into()],
        ..Group::new("biases")
    };
    let error = prodigy().group(biases).err().unwrap().to_string();
    assert!(error.contains("allowed: no groups"), "{error}");
    let mut lenient = prodigy().allow_missing_gradients();
    let before = lenient.to_safetensors().unwrap();
    let error = step(&mut lenient, &model[..1]).unwrap_err().to_string();
    assert!(error.contains("`frozen` has no gradient"), "{error}");
    assert_eq!(lenient.to_safetensors().unwrap(), before);
    step(&mut lenient, &model).unwrap();
    // One estimate for both parameters.
    assert_eq!(lenient.flat_state("d", 0).unwrap().len(), 1);
    assert_eq!(lenient.flat_state("s", 0).unwrap().len(), 3);
    let mut mixed = vec![parameter("trained", 1)];
    let single = Var::zeros(1, DType::F32, &Device::Cpu).unwrap();
    mixed.push(Parameter::new("single", single));
    let error = Optimiser::new(&["prodigy".parse().unwrap()], mixed);
    let error = error.err().unwrap().to_string();
    assert!(error.contains("allowed: one type"), "{error}");
}

#[test]
fn no_weights_are_no_trouble() {
    assert_eq!(of(Adam::default(), &[]).bytes_per_parameter(), 0.0);
    for text in ["prodigy", "muon", "adafactor"] {
        let spec = || text.parse::<Spec>().unwrap();
        assert_eq!(of(spec(), &[]).bytes_per_parameter(), 0.0);
        let model = [parameter("some", 2), parameter("none", 0)];
        let mut optimiser = of(spec(), &model);
        step(&mut optimiser, &model[..1]).unwrap();
        let state = optimiser.to_safetensors().unwrap();
        optimiser.restore(&state).unwrap();
        assert_eq!(optimiser.to_safetensors().unwrap(), state);
    }
    let model = [parameter("some", 2), parameter("none", 0)];
    let mut optimiser = of(Adam::default(), &model)
        .clip(Clipping::Norm(1.0))
        .unwrap();
    step(&mut optimiser, &model[..1]).unwrap();
    assert_eq!(optimiser.bytes_per_parameter(), 16.0);
    let state = optimiser.to_safetensors().unwrap();
    optimiser.restore(&state).unwrap();
    assert_eq!(optimiser.to_safetensors().unwrap(), state);
}

#[test]
fn values_that_end_in_nothing_over_nothing_are_refused() {
    for text in [
        "adam:eps=0",
        "adam:eps=1e-46",
        "adamw:eps=0",
        "rmsprop:eps=0",
        "rmsprop:eps=1e-46,v0=1",
        "adadelta:eps=0",
        "adamax:eps=1e-46",
        "nadam:eps=0",
        "radam:eps=1e-46",
        "adagrad:eps=0",
        "adagrad:eps=1e-46,initial_accumulator_value=1e-46",
        "adam:beta2=0.999999999999999,eps=1e-37,eps_inside=true",
        "momentum:momentum=0,dampening=0.5",
    ] {
        let rule = text.parse::<Spec>().and_then(|spec| spec.rule());
        let error = rule
            .err()
            .unwrap_or_else(|| panic!("{text} is allowed"))
            .to_string();
        let said = [
            "allowed: a finite number >= 1e-37",
            "allowed: one of",
            "choose a larger",
            "leave dampening at 0",
        ];
        assert!(said.iter().any(|words| error.contains(words)), "{error}");
    }
    for text in [
        "adagrad:eps=0,initial_accumulator_value=0.1",
        "sgd:dampening=0.5",
        "adam:eps=1e-37",
    ] {
        text.parse::<Spec>().unwrap().rule().unwrap();
    }
}

#[test]
fn clipping_to_what_is_no_length_is_refused() {
    let model = [parameter("w", 1)];
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for clipping in [Clipping::Norm(wrong), Clipping::Value(wrong)] {
            let error = of(Adam::default(), &model)
                .clip(clipping)
                .map(drop)
                .unwrap_err();
            assert!(error.to_string().contains("a finite number > 0"), "{error}");
        }
    }
}
