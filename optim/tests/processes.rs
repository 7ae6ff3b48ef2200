//! State belongs to parameters by name: other processes load what one process saves, in whatever order
//! a `VarMap` lists its variables there.

use std::{env, fs, path::Path, process::Command};

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{Init, VarMap};
use optim::{Adam, Optimiser, Parameter, Spec};

const LAYERS: [&str; 4] = ["first", "second", "third", "fourth"];
const STEPS: usize = 3;
/// The folder with the state; set in the processes that this test starts.
const FOLDER: &str = "OPTIM_TEST_STATE";

/// Variables of equal shapes, which only their names tell apart.
fn variables() -> VarMap {
    let variables = VarMap::new();
    for name in LAYERS {
        let made = variables.get((4, 4), name, Init::Const(1.0), DType::F32, &Device::Cpu);
        made.unwrap();
    }
    variables
}

fn var(variables: &VarMap, name: &str) -> Var {
    variables.data().lock().unwrap()[name].clone()
}

/// An optimiser made from a `VarMap`, and one from named parameters in the order of [`VarMap::all_vars`].
fn optimisers(variables: &VarMap) -> [(&'static str, Optimiser); 2] {
    let spec: Spec = Adam::default().into();
    let parameters = variables.all_vars().into_iter().map(|var| {
        let known = variables.data().lock().unwrap();
        let (name, _) = known
            .iter()
            .find(|(_, known)| known.id() == var.id())
            .unwrap();
        Parameter::new(name, var)
    });
    let by_parameters = Optimiser::new(std::slice::from_ref(&spec), parameters.collect());
    [
        ("varmap", Optimiser::for_varmap(&spec, variables).unwrap()),
        ("named", by_parameters.unwrap()),
    ]
}

/// Steps each layer along a gradient of its own magnitude that depends on its weights.
fn train(optimiser: &mut Optimiser, variables: &VarMap, steps: usize) {
    for _ in 0..steps {
        let terms = LAYERS.iter().enumerate().map(|(i, name)| {
            let sum = var(variables, name).sqr().unwrap().sum_all().unwrap();
            (sum * 10f64.powi(i as i32)).unwrap()
        });
        let loss = terms.reduce(|a, b| (a + b).unwrap()).unwrap();
        optimiser.step(&loss.backward().unwrap()).unwrap();
    }
}

/// The weights of every layer, in the order of [`LAYERS`].
fn weights(variables: &VarMap) -> Vec<u8> {
    let of_layer = |name| var(variables, name).flatten_all()?.to_vec1::<f32>();
    let all = LAYERS.into_iter().flat_map(|name| of_layer(name).unwrap());
    all.flat_map(f32::to_le_bytes).collect()
}

/// Loads what the other process saved and trains on to the same final weights.
fn go_on(folder: &Path) {
    for way in [0, 1] {
        let mut variables = variables();
        let (name, mut optimiser) = optimisers(&variables).into_iter().nth(way).unwrap();
        let file = |what: &str| folder.join(format!("{name}.{what}"));
        variables.load(file("model")).unwrap();
        optimiser.load(file("state")).unwrap();
        train(&mut optimiser, &variables, STEPS);
        let expected = fs::read(file("weights")).unwrap();
        assert_eq!(weights(&variables), expected, "{name}");
    }
}

#[test]
fn twenty_processes_go_on_from_one_saved_state_alike() {
    if let Some(folder) = env::var_os(FOLDER) {
        return go_on(folder.as_ref());
    }
    let folder = tempfile::tempdir().unwrap();
    for way in [0, 1] {
        let variables = variables();
        let (name, mut optimiser) = optimisers(&variables).into_iter().nth(way).unwrap();
        let file = |what: &str| folder.path().join(format!("{name}.{what}"));
        train(&mut optimiser, &variables, STEPS);
        variables.save(file("model")).unwrap();
        optimiser.save(file("state")).unwrap();
        train(&mut optimiser, &variables, STEPS);
        fs::write(file("weights"), weights(&variables)).unwrap();
    }
    for _ in 0..20 {
        let test = "twenty_processes_go_on_from_one_saved_state_alike";
        let other = Command::new(env::current_exe().unwrap())
            .args(["--exact", test])
            .env(FOLDER, folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&other.stdout);
        assert!(other.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
    }
}

#[test]
fn other_parameters_are_refused_with_both_sides() {
    let adam = |names: &[(&str, &[usize])]| {
        let parameters = names.iter().map(|(name, shape)| {
            Parameter::new(*name, Var::zeros(*shape, DType::F32, &Device::Cpu).unwrap())
        });
        Optimiser::new(&[Adam::default().into()], parameters.collect()).unwrap()
    };
    let state = adam(&[("a", &[2]), ("b", &[3]), ("c", &[1])])
        .to_safetensors()
        .unwrap();
    let mut other = adam(&[("a", &[2]), ("b", &[4]), ("d", &[1])]);
    let error = other.restore(&state).unwrap_err().to_string();
    for words in [
        "missing in the file: d.m, d.v",
        "only in the file: c.m, c.v",
        "b.m is F32 [3] (needed: F32 [4])",
    ] {
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
    let x = Var::from_tensor(&Tensor::ones(1, DType::F32, &Device::Cpu).unwrap()).unwrap();
    let mut unnamed: Optimiser =
        candle_nn::Optimizer::new(vec![x], Adam::default().into()).unwrap();
    for error in [
        unnamed.to_safetensors().unwrap_err(),
        unnamed.restore(&state).unwrap_err(),
    ] {
        assert!(
            error.to_string().contains("Optimiser::for_varmap"),
            "{error}"
        );
    }
}
