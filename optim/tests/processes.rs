//! State belongs to parameters by name: what one process saves, others take up, in whatever order a
//! `VarMap` lists its variables there.

use std::{env, path::Path, process::Command};

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{Init, VarMap};
use optim::{Adam, Optimiser, Parameter, Spec};

const LAYERS: [&str; 4] = ["first", "second", "third", "fourth"];
/// Set in the processes that this test starts, to the folder with the state.
const FOLDER: &str = "OPTIM_TEST_STATE";

/// Variables of equal shapes, which nothing but their names tells apart.
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
        let name = name.clone();
        Parameter { name, var }
    });
    let by_parameters = Optimiser::new(std::slice::from_ref(&spec), parameters.collect());
    [
        ("varmap", Optimiser::for_varmap(&spec, variables).unwrap()),
        ("named", by_parameters.unwrap()),
    ]
}

/// Steps each layer along a gradient of its own size.
fn step(optimiser: &mut Optimiser, variables: &VarMap) {
    let terms = LAYERS.iter().enumerate().map(|(i, name)| {
        let sum = var(variables, name).as_tensor().sum_all().unwrap();
        (sum * 10f64.powi(i as i32)).unwrap()
    });
    let loss = terms.reduce(|a, b| (a + b).unwrap()).unwrap();
    optimiser.step(&loss.backward().unwrap()).unwrap();
}

/// Loads what the other process saved; each layer's `m` must be the average of its own gradient.
fn load(folder: &Path) {
    for (way, mut optimiser) in optimisers(&variables()) {
        optimiser.load(folder.join(way)).unwrap();
        let m = optimiser.flat_state("m", 0).unwrap();
        for (name, m) in optimiser.parameter_names().iter().zip(m.chunks(16)) {
            let i = LAYERS.iter().position(|layer| layer == name).unwrap();
            let expected = 0.1 * 10f32.powi(i as i32);
            let right = m.iter().all(|m| (m / expected - 1.0).abs() < 1e-5);
            assert!(right, "{way}: {name} has {m:?}; needed: {expected}");
        }
    }
}

#[test]
fn state_is_found_by_name_in_twenty_processes() {
    if let Some(folder) = env::var_os(FOLDER) {
        return load(folder.as_ref());
    }
    let folder = tempfile::tempdir().unwrap();
    let variables = variables();
    for (way, mut optimiser) in optimisers(&variables) {
        step(&mut optimiser, &variables);
        optimiser.save(folder.path().join(way)).unwrap();
    }
    for _ in 0..20 {
        let loaded = Command::new(env::current_exe().unwrap())
            .args(["--exact", "state_is_found_by_name_in_twenty_processes"])
            .env(FOLDER, folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&loaded.stdout);
        assert!(loaded.status.success(), "{said}");
    }
}

#[test]
fn other_parameters_are_refused_with_both_sides() {
    let adam = |names: &[(&str, &[usize])]| {
        let parameters = names.iter().map(|(name, shape)| Parameter {
            name: (*name).into(),
            var: Var::zeros(*shape, DType::F32, &Device::Cpu).unwrap(),
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
        "in the file alone: c.m, c.v",
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
