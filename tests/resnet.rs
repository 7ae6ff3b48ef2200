//! ResNet-18 against torchvision's, from the same weights on the same images (`fixtures/resnet18.py`).

#[path = "common/larger.rs"]
mod larger;

use std::{collections::BTreeMap, path::Path};

use candle_core::{DType, Device, Tensor};
use larger::larger;
use optim::Optimiser;
use optimiser_paradigms::nn::{ResNet, Stem};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const KEPT: usize = 32;

fn splitmix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The words of the stream called `name`.
fn words(name: &str) -> impl Iterator<Item = u64> + use<> {
    let seed = name
        .bytes()
        .fold(0, |seed, byte| splitmix64(seed ^ u64::from(byte)));
    (0..).map(move |i: u64| splitmix64(seed.wrapping_add(i)))
}

/// Numbers from -1 to 1.
fn uniform(name: &str, n: usize) -> Vec<f64> {
    let unit = |word: u64| (word >> 11) as f64 / (1_u64 << 53) as f64;
    words(name)
        .take(n)
        .map(|word| 2.0 * unit(word) - 1.0)
        .collect()
}

/// The weights that `fixtures/resnet18.py` makes, for tensors like those of `like`.
fn state(like: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let made = like.iter().map(|(name, like)| {
        let dims = like.dims();
        if name.ends_with("num_batches_tracked") {
            return (name.clone(), Tensor::new(3_i64, &Device::Cpu).unwrap());
        }
        let fan_in: usize = dims.iter().skip(1).product();
        let fan_in = fan_in as f64;
        let number = |x: f64| match dims.len() {
            1 if name.ends_with("running_var") => 1.0 + 0.5 * x,
            1 if name.ends_with("weight") => 1.0 + 0.3 * x,
            1 => 0.1 * x,
            _ => x / fan_in.sqrt(),
        };
        let numbers = uniform(name, like.elem_count()).into_iter().map(number);
        let numbers: Vec<f64> = numbers.collect();
        (
            name.clone(),
            Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap(),
        )
    });
    made.collect()
}

fn numbers(x: &Tensor) -> Vec<f64> {
    let x = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    x.to_vec1().unwrap()
}

/// The part of a tensor that the fixture keeps: some of its numbers, and its norm.
fn kept(name: &str, x: &Tensor) -> Vec<f64> {
    let x = numbers(x);
    let places = words(&format!("places of {name}")).take(KEPT);
    let mut kept: Vec<f64> = places
        .map(|word| x[(word % x.len() as u64) as usize])
        .collect();
    kept.push(x.iter().map(|x| x * x).sum::<f64>().sqrt());
    kept
}

struct Fixture(BTreeMap<String, Tensor>);

impl Fixture {
    fn read() -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/resnet18.safetensors");
        let tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
        Self(tensors.into_iter().collect())
    }

    /// The distance of `found` from the numbers called `key`, relative to their norm.
    fn error(&self, key: &str, found: &[f64]) -> f64 {
        let expected = numbers(&self.0[key]);
        assert_eq!(expected.len(), found.len(), "{key}");
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let off = norm(&mut expected.iter().zip(found).map(|(a, b)| a - b));
        let size = norm(&mut expected.iter().copied());
        if off == 0.0 { 0.0 } else { off / size }
    }
}

/// `[batch, 3, side, side]` in the layout that the network reads.
fn by_position(images: Vec<f64>, batch: usize, side: usize, dtype: DType) -> Tensor {
    let images = Tensor::from_vec(images, (batch, 3, side * side), &Device::Cpu).unwrap();
    let images = images.permute((2, 0, 1)).unwrap().contiguous().unwrap();
    images.to_dtype(dtype).unwrap()
}

struct Case {
    name: &'static str,
    stem: Stem,
    side: usize,
    batch: usize,
    dtype: DType,
    optimisers: &'static [(&'static str, &'static str)],
}

const MOMENTUM: (&str, &str) = ("momentum", "momentum:lr=0.0003,momentum=0.9");
const ALL: [(&str, &str); 4] = [
    MOMENTUM,
    ("adam", "adam:lr=0.0001"),
    ("rmsprop", "rmsprop:lr=0.0001"),
    ("adagrad", "adagrad:lr=0.001"),
];

/// The largest error of everything in the fixture for this case.
fn worst(case: &Case) -> (f64, String) {
    let fixture = Fixture::read();
    let mut worst = (0.0, String::new());
    let mut compare = |key: String, found: &[f64]| {
        let error = fixture.error(&key, found);
        if key.starts_with("f32/grad") {
            println!("{error:.1e} {key}");
        }
        if larger(error, worst.0) != worst.0 {
            worst = (error, key);
        }
    };
    let &Case {
        name,
        stem,
        side,
        batch,
        dtype,
        optimisers,
    } = case;
    let images = uniform("images", batch * 3 * side * side);
    let images = by_position(images, batch, side, dtype);
    let labels: Vec<u32> = words("labels")
        .take(batch)
        .map(|word| (word % 10) as u32)
        .collect();
    let labels = Tensor::from_vec(labels, batch, &Device::Cpu).unwrap();
    for (optimiser, spec) in optimisers {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let mut net = ResNet::new(stem, [side; 2], 10, rng, dtype, &Device::Cpu).unwrap();
        assert!(net.load(&state(&net.state().unwrap())).unwrap());
        let mut steps = Optimiser::new(&[spec.parse().unwrap()], net.parameters()).unwrap();
        compare(
            format!("{name}/infer"),
            &numbers(&net.infer(&images).unwrap()),
        );
        let mut losses = Vec::new();
        for i in 0..10 {
            let learned = net.learn(&images, &labels).unwrap();
            losses.push(learned.loss);
            if i == 0 {
                compare(format!("{name}/logits"), &numbers(&learned.logits));
                for (parameter, grad) in net.torch_grads(&learned.grads).unwrap() {
                    let kept = kept(&parameter, &grad);
                    compare(format!("{name}/grad/{parameter}"), &kept);
                }
            }
            steps.step(&learned.grads).unwrap();
        }
        compare(format!("{name}/{optimiser}/losses"), &losses);
        for (tensor, found) in net.state().unwrap() {
            let kept = kept(&tensor, &found);
            compare(format!("{name}/{optimiser}/after/{tensor}"), &kept);
        }
    }
    worst
}

#[test]
fn is_torchvisions_in_f64() {
    let cases = [
        ("f64", Stem::Imagenet, 32, 5, &ALL[..]),
        ("odd", Stem::Imagenet, 37, 3, &ALL[..1]),
        ("cifar", Stem::Cifar, 12, 3, &ALL[..1]),
    ];
    for (name, stem, side, batch, optimisers) in cases {
        let (error, key) = worst(&Case {
            name,
            stem,
            side,
            batch,
            dtype: DType::F64,
            optimisers,
        });
        println!("{name}: {error:.1e} ({key})");
        assert!(error < 1e-9, "{key}: {error:e}");
    }
}

/// On few images: of millions of numbers, some are so near 0 that in f32 they fall on relu's other
/// side, and each of these changes the gradients of its channel by a thousandth.
#[test]
fn is_torchvisions_in_f32() {
    let (error, key) = worst(&Case {
        name: "f32",
        stem: Stem::Imagenet,
        side: 32,
        batch: 16,
        dtype: DType::F32,
        optimisers: &ALL[..1],
    });
    println!("f32: {error:.1e} ({key})");
    assert!(error < 1e-3, "{key}: {error:e}");
}
