//! Layer normalisation against PyTorch, against finite differences, and against candle's own operations.

#[path = "common/differences.rs"]
mod differences;

use std::{collections::HashMap, path::PathBuf};

use candle_core::{DType, Device, Tensor, Var, safetensors};
use differences::{check, check_grads};
use optimiser_paradigms::nn::{
    Activation, Architecture, Filters, InitialWeights, LayerNorm, NormedArchitecture,
    NormedNetwork, Rectifier,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims());
    let off = (a - b).unwrap().abs().unwrap().max_all().unwrap();
    off.to_dtype(DType::F64).unwrap().to_scalar().unwrap()
}

fn waves(dims: &[usize], frequency: f64) -> Tensor {
    let wave = |i: usize| (i as f64 * frequency + 0.3).sin();
    let values: Vec<f64> = (0..dims.iter().product()).map(wave).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// Name, eps, whether scale and shift are learned, what follows: as in tests/fixtures/layer_norm.py.
const CASES: [(&str, f64, bool, Rectifier); 7] = [
    ("plain", 1e-5, false, Rectifier::Off),
    ("plain_leaky", 1e-5, false, Rectifier::Relu(0.01)),
    ("learned", 1e-6, true, Rectifier::Off),
    ("learned_relu", 1e-6, true, Rectifier::Relu(0.0)),
    ("image_relu", 1e-6, true, Rectifier::Relu(0.0)),
    ("image_plain", 1e-5, false, Rectifier::Off),
    ("large_eps", 0.5, false, Rectifier::Relu(0.0)),
];

/// A layer with the scale and the shift given, and their variables.
fn layer(
    (eps, rectifier): (f64, Rectifier),
    learned: Option<(&Tensor, &Tensor)>,
) -> (LayerNorm, Vec<Var>) {
    let Some((scale, shift)) = learned else {
        return (LayerNorm::plain(eps, rectifier), Vec::new());
    };
    let size = scale.dims2().unwrap();
    let norm = LayerNorm::learned(size, eps, rectifier, scale.dtype(), &Device::Cpu).unwrap();
    let vars = norm.parameters("norm").into_iter().map(|p| p.var);
    let vars: Vec<Var> = vars.collect();
    vars[0].set(scale).unwrap();
    vars[1].set(shift).unwrap();
    (norm, vars)
}

#[test]
fn it_is_pytorchs() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/layer_norm.safetensors");
    let fixtures: HashMap<String, Tensor> = safetensors::load(path, &Device::Cpu).unwrap();
    for (case, eps, learned, rectifier) in CASES {
        for (dtype, close) in [(DType::F64, 1e-12), (DType::F32, 1e-4)] {
            let part = |name: &str| {
                let found = fixtures.get(&format!("{case}.{name}"));
                found.map(|tensor| tensor.to_dtype(dtype).unwrap())
            };
            let (weight, bias) = (part("weight"), part("bias"));
            assert_eq!(weight.is_some(), learned);
            let (norm, vars) = layer((eps, rectifier), weight.as_ref().zip(bias.as_ref()));
            let x = Var::from_tensor(&part("x").unwrap()).unwrap();
            for norm in [norm.clone(), norm.composed()] {
                let y = norm.forward(x.as_tensor()).unwrap();
                assert!(distance(&y, &part("y").unwrap()) < close, "{case}");
                assert_eq!(distance(&y, &norm.infer(x.as_tensor()).unwrap()), 0.0);
                let grads = (y * part("dy").unwrap()).unwrap().backward().unwrap();
                let of = [x.clone()].into_iter().chain(vars.clone());
                for (name, var) in ["dx", "dw", "db"].into_iter().zip(of) {
                    let off = distance(grads.get(&var).unwrap(), &part(name).unwrap());
                    assert!(off < close, "{case}, {name}: {off:e}");
                }
            }
        }
    }
}

#[test]
fn its_gradients_are_those_of_finite_differences() {
    for (case, eps, learned, rectifier) in CASES {
        let shape: &[usize] = match case.starts_with("image") {
            true => &[2, 3, 4, 3, 2],
            false => &[2, 3, 19],
        };
        let x = Var::from_tensor(&waves(shape, 0.7)).unwrap();
        let given = [
            (waves(&[2, shape[2]], 0.9) + 1.5).unwrap(),
            waves(&[2, shape[2]], 1.3),
        ];
        let (norm, vars) = layer((eps, rectifier), learned.then_some((&given[0], &given[1])));
        let all: Vec<Var> = [x.clone()].into_iter().chain(vars).collect();
        // The sum of a normalised sample, and of its squares, would not depend on it.
        let each = waves(shape, 1.1);
        check(&all, || {
            (norm.forward(x.as_tensor()).unwrap() * &each).unwrap()
        });
    }
}

#[test]
fn a_sample_that_is_constant_has_finite_gradients() {
    let x = Var::from_tensor(&Tensor::full(0.25f32, (1, 2, 16), &Device::Cpu).unwrap()).unwrap();
    let norm = LayerNorm::plain(1e-5, Rectifier::Off);
    let y = norm.forward(x.as_tensor()).unwrap();
    assert_eq!(distance(&y, &y.zeros_like().unwrap()), 0.0);
    let grads = y.exp().unwrap().backward().unwrap();
    let grad = grads.get(&x).unwrap().flatten_all().unwrap();
    assert!(grad.to_vec1::<f32>().unwrap().iter().all(|x| x.is_finite()));
}

#[test]
fn a_nan_stays_one() {
    let mut x = vec![0.5f32; 20];
    x[7] = f32::NAN;
    let x = Tensor::from_vec(x, (1, 1, 20), &Device::Cpu).unwrap();
    for rectifier in [Rectifier::Off, Rectifier::Relu(0.0)] {
        let y = LayerNorm::plain(1e-5, rectifier).infer(&x).unwrap();
        let y = y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(y.iter().all(|y| y.is_nan()));
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let norm = LayerNorm::plain(1e-5, Rectifier::Off);
    assert!(norm.forward(&waves(&[2, 3], 0.7)).is_err());
    assert!(norm.forward(&waves(&[2, 3, 4, 5], 0.7)).is_err());
    let (norm, _) = layer(
        (1e-5, Rectifier::Off),
        Some((&waves(&[2, 4], 1.0), &waves(&[2, 4], 1.0))),
    );
    assert!(norm.forward(&waves(&[2, 3, 5], 0.7)).is_err());
    assert!(norm.forward(&waves(&[1, 3, 4], 0.7)).is_err());
}

fn network(conv: &[Filters], hidden: &[usize]) -> NormedNetwork {
    let architecture = NormedArchitecture {
        layers: Architecture {
            observation: vec![2, 5, 4],
            conv: conv.to_vec(),
            hidden: hidden.to_vec(),
            activation: Activation::Relu,
            outputs: 3,
            dueling: false,
        },
        eps: 1e-6,
        initial: InitialWeights::He,
    };
    let mut streams = [1, 2].map(ChaCha8Rng::seed_from_u64);
    let network =
        NormedNetwork::new(&architecture, &mut streams, DType::F64, &Device::Cpu).unwrap();
    let counts = network.parameters().into_iter().map(|p| p.var.elem_count());
    assert_eq!(counts.sum::<usize>(), 2 * architecture.weights().unwrap());
    network
}

#[test]
fn networks_with_it_have_the_gradients_of_finite_differences() {
    let x = waves(&[2, 3, 40], 0.7);
    for (conv, hidden) in [
        (&[Filters { count: 3, size: 2 }][..], &[6][..]),
        (&[], &[6, 5]),
        (&[], &[]),
    ] {
        let net = network(conv, hidden);
        // Scales of 1 and shifts of 0 would hide a factor that is missing.
        for (i, p) in net.parameters().iter().enumerate() {
            let by = waves(p.var.dims(), 0.3 + i as f64);
            p.var
                .set(&(p.var.as_tensor() + (by * 0.2).unwrap()).unwrap())
                .unwrap();
        }
        let vars: Vec<Var> = net.parameters().into_iter().map(|p| p.var).collect();
        let loss = || net.forward(&x).unwrap().sqr().unwrap();
        check_grads(&vars, &net.backward(&loss()).unwrap(), loss);
        let y = net.forward(&x).unwrap();
        assert_eq!(distance(&y, &net.infer(&x).unwrap()), 0.0);
        let composed = net.clone().composed().infer(&x).unwrap();
        assert!(distance(&y, &composed) < 1e-12);
        let second = net.agent(1, &Device::Cpu).unwrap();
        let own = second.infer(&x.narrow(0, 1, 1).unwrap()).unwrap();
        assert_eq!(distance(&own, &y.narrow(0, 1, 1).unwrap()), 0.0);
    }
}
