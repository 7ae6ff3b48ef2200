//! Every operation with its own backward pass, against finite differences in f64.

#[path = "common/differences.rs"]
mod differences;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use candle_core::{DType, Device, Tensor, Var, safetensors};
use differences::{check, check_grads};
use optim::Parameter;
use optimiser_paradigms::{
    algorithm::{
        a2c::{Choices, Outputs, Weighting, actor_critic_loss},
        dqn::{Loss, td_loss},
    },
    nn::{Activation, Architecture, Conv, Filters, Mlp, Network},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn streams(agents: u64) -> Vec<ChaCha8Rng> {
    (0..agents).map(ChaCha8Rng::seed_from_u64).collect()
}

#[test]
fn mlp() {
    let net = Mlp::new(&[3, 6, 5, 2], &mut streams(2), DType::F64, &Device::Cpu).unwrap();
    let x: Vec<f64> = (0..2 * 4 * 3).map(|i| (i as f64 * 0.7).sin()).collect();
    let x = Tensor::from_vec(x, (2, 4, 3), &Device::Cpu).unwrap();
    let vars: Vec<Var> = net.parameters().into_iter().map(|p| p.var).collect();
    // A square on top makes the incoming gradient differ between elements.
    check(&vars, || net.forward(&x).unwrap().sqr().unwrap());
}

#[test]
fn mlp_is_what_candle_computes_op_by_op() {
    let net = Mlp::new(&[3, 6, 2], &mut streams(2), DType::F64, &Device::Cpu).unwrap();
    let x = Tensor::randn(0.0, 1.0, (2, 4, 3), &Device::Cpu).unwrap();
    let mut expected = x.clone();
    let parameters = net.parameters();
    for (i, layer) in parameters.chunks(2).enumerate() {
        let weight = layer[0].var.transpose(1, 2).unwrap();
        let bias = layer[1].var.unsqueeze(1).unwrap();
        expected = expected
            .matmul(&weight)
            .unwrap()
            .broadcast_add(&bias)
            .unwrap();
        if i == 0 {
            expected = expected.relu().unwrap();
        }
    }
    for y in [net.forward(&x).unwrap(), net.infer(&x).unwrap()] {
        let difference = (y - &expected).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f64>().unwrap() < 1e-14);
    }
}

#[test]
fn the_td_loss() {
    let actions = Tensor::new(&[[0u32, 2, 1], [1, 1, 0]], &Device::Cpu).unwrap();
    // Differences on both sides of 1 and -1, where Huber's loss changes its form.
    let targets = Tensor::new(&[[0.1, 3.0, -2.5], [0.4, -0.3, 2.0]], &Device::Cpu).unwrap();
    let q: Vec<f64> = (0..18).map(|i| (i as f64 * 1.3).cos()).collect();
    let q = Var::from_vec(q, (2, 3, 3), &Device::Cpu).unwrap();
    let weights = Tensor::new(&[[0.2, 1.0, 0.7], [0.9, 0.01, 0.4]], &Device::Cpu).unwrap();
    for loss in [Loss::Mse, Loss::Huber] {
        for weights in [None, Some(&weights)] {
            let scaled = || {
                let each = td_loss(q.as_tensor(), &actions, &targets, weights, loss);
                (each.unwrap() * Tensor::new(&[1.0, 3.0], &Device::Cpu).unwrap()).unwrap()
            };
            check(std::slice::from_ref(&q), scaled);
        }
    }
}

#[test]
fn td_loss_with_weights_of_1_is_the_one_without() {
    let device = &Device::Cpu;
    let numbers = |n: usize, k: f32| (0..n).map(|i| (i as f32 * k).sin() * 3.0).collect();
    let q = Var::from_vec(numbers(2 * 50 * 3, 1.3), (2, 50, 3), device).unwrap();
    let targets = Tensor::from_vec(numbers(100, 0.7), (2, 50), device).unwrap();
    let actions = Tensor::from_vec((0..100u32).map(|i| i % 3).collect(), (2, 50), device).unwrap();
    let ones = targets.ones_like().unwrap();
    let halves = (&ones * 0.5).unwrap();
    for loss in [Loss::Mse, Loss::Huber] {
        let bits = |weights: Option<&Tensor>| -> Vec<u32> {
            let each = td_loss(q.as_tensor(), &actions, &targets, weights, loss).unwrap();
            let grads = each.backward().unwrap();
            let all = [each, grads.get(&q).unwrap().flatten_all().unwrap()];
            let all = Tensor::cat(&all, 0).unwrap().to_vec1::<f32>().unwrap();
            all.iter().map(|x| x.to_bits()).collect()
        };
        assert_eq!(bits(None), bits(Some(&ones)));
        assert_ne!(bits(None), bits(Some(&halves)));
    }
    let wrong = targets.narrow(1, 0, 49).unwrap();
    let refused = td_loss(q.as_tensor(), &actions, &targets, Some(&wrong), Loss::Mse);
    assert!(refused.unwrap_err().to_string().contains("do not fit"));
}

/// Numbers of either sign that vary from place to place.
fn waves(dims: &[usize], frequency: f64) -> Tensor {
    let wave = |i: usize| (i as f64 * frequency + 0.3).sin();
    let values: Vec<f64> = (0..dims.iter().product()).map(wave).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// The largest difference between two tensors of one shape.
fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b).unwrap().abs().unwrap();
    difference.max_all().unwrap().to_scalar().unwrap()
}

#[test]
fn conv() {
    for (kernel, stride, padding) in [
        (1, 1, 0),
        (1, 2, 0),
        (3, 1, 0),
        (3, 1, 1),
        (3, 2, 0),
        (3, 2, 1),
        (2, 3, 1),
    ] {
        for (bias, relu) in [(true, true), (true, false), (false, true), (false, false)] {
            // Small, so that the rounding of the summed loss stays below the tolerance.
            let weight = (waves(&[2, 3, 2, kernel, kernel], 0.7) * 0.2).unwrap();
            let weight = Var::from_tensor(&weight).unwrap();
            let bias = bias.then(|| Var::from_tensor(&waves(&[2, 3], 1.9)).unwrap());
            let x = Var::from_tensor(&waves(&[2, 2, 2, 5, 4], 0.9)).unwrap();
            let conv =
                Conv::new(weight.clone(), bias.clone(), relu, true).stepping(stride, padding);
            let vars: Vec<Var> = [x.clone(), weight].into_iter().chain(bias).collect();
            check(&vars, || {
                conv.forward(x.as_tensor()).unwrap().sqr().unwrap()
            });
        }
    }
}

#[test]
fn conv_is_pytorchs() {
    // tests/fixtures/conv.py
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conv.safetensors");
    let fixtures: HashMap<String, Tensor> = safetensors::load(path, &Device::Cpu).unwrap();
    let cases: Vec<&str> = fixtures
        .keys()
        .filter_map(|key| key.strip_suffix(".x"))
        .collect();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let part = |name: &str| fixtures.get(&format!("{case}.{name}"));
        let var = |name: &str| Some(Var::from_tensor(part(name)?).unwrap());
        let size = |letter: char| -> usize {
            let part = case.split('_').find_map(|word| word.strip_prefix(letter));
            part.unwrap().parse().unwrap()
        };
        let (x, weight, bias) = (var("x").unwrap(), var("weight").unwrap(), var("bias"));
        assert_eq!(bias.is_some(), case.contains("bias"));
        let conv = Conv::new(weight.clone(), bias.clone(), case.contains("relu"), true);
        let conv = conv.stepping(size('s'), size('p'));
        let y = conv.forward(x.as_tensor()).unwrap();
        assert!(distance(&y, part("y").unwrap()) < 1e-13, "{case}");
        assert_eq!(distance(&y, &conv.infer(x.as_tensor()).unwrap()), 0.0);
        let grads = (y * part("dy").unwrap()).unwrap().backward().unwrap();
        for (name, var) in [("dx", Some(x)), ("dw", Some(weight)), ("db", bias)] {
            let Some(var) = var else { continue };
            let grad = grads.get(&var).expect("a gradient");
            assert!(
                distance(grad, part(name).unwrap()) < 1e-13,
                "{case}, {name}"
            );
        }
    }
}

#[test]
fn conv_of_many_tiles_is_candles() {
    // Many channels make tiles small: the first images are cut across several tiles or share one; the
    // later ones fit several to a tile.
    let (channels, outputs, batch) = (40, 5, 7);
    for (height, width, padding) in [(20, 19, 1), (17, 13, 0), (3, 40, 1)] {
        let x = Var::from_tensor(&waves(&[2, batch, channels, height, width], 0.37)).unwrap();
        let weight = Var::from_tensor(&waves(&[2, outputs, channels, 3, 3], 0.83)).unwrap();
        let ours = Conv::new(weight.clone(), None, false, true).stepping(1, padding);
        let ours = ours.forward(x.as_tensor()).unwrap();
        let each = |agent: usize| {
            let (x, weight) = (x.get(agent).unwrap(), weight.get(agent).unwrap());
            x.conv2d(&weight, padding, 1, 1, 1).unwrap()
        };
        let candles = Tensor::stack(&[each(0), each(1)], 0).unwrap();
        assert!(distance(&ours, &candles) < 1e-11);
        let [ours, candles] = [ours, candles].map(|y| y.sqr().unwrap().backward().unwrap());
        for var in [&x, &weight] {
            let distance = distance(ours.get(var).unwrap(), candles.get(var).unwrap());
            assert!(distance < 1e-9, "{height}x{width}: {distance:e}");
        }
    }
}

#[test]
fn an_input_that_needs_no_gradient_gets_none() {
    let weight = Var::from_tensor(&waves(&[1, 2, 1, 3, 3], 0.7)).unwrap();
    let x = Var::from_tensor(&waves(&[1, 2, 1, 4, 4], 0.9)).unwrap();
    let conv = Conv::new(weight.clone(), None, true, false);
    let grads = conv.forward(x.as_tensor()).unwrap().backward().unwrap();
    assert!(grads.get(&x).is_none() && grads.get(&weight).is_some());
}

fn network(conv: &[Filters], hidden: &[usize], dueling: bool) -> Network {
    network_of(Activation::Relu, conv, hidden, dueling)
}

fn network_of(
    activation: Activation,
    conv: &[Filters],
    hidden: &[usize],
    dueling: bool,
) -> Network {
    let architecture = Architecture {
        observation: vec![2, 5, 4],
        conv: conv.to_vec(),
        hidden: hidden.to_vec(),
        activation,
        outputs: 3,
        dueling,
    };
    let network = Network::new(&architecture, &mut streams(2), DType::F64, &Device::Cpu).unwrap();
    let count = |p: &Parameter| p.var.elem_count();
    let counted: usize = network.parameters().iter().map(count).sum();
    assert_eq!(counted, 2 * architecture.weights().unwrap());
    network
}

#[test]
fn networks() {
    let two = [Filters { count: 3, size: 2 }, Filters { count: 2, size: 3 }];
    let x = waves(&[2, 3, 40], 0.7);
    use Activation::{Relu, Tanh};
    for (activation, conv, hidden, dueling) in [
        (Relu, &two[..], &[6][..], false),
        (Relu, &two[..1], &[5, 4], true),
        (Relu, &two, &[], true),
        (Relu, &[], &[6], true),
        (Relu, &[], &[], true),
        (Tanh, &[], &[5, 4], false),
        (Tanh, &two, &[6], true),
    ] {
        let net = network_of(activation, conv, hidden, dueling);
        let vars: Vec<Var> = net.parameters().into_iter().map(|p| p.var).collect();
        let loss = || net.forward(&x).unwrap().sqr().unwrap();
        // Leftovers of a backward pass that is not the network's must not count.
        loss().backward().unwrap();
        check_grads(&vars, &net.backward(&loss()).unwrap(), loss);
        let (forward, infer) = (net.forward(&x).unwrap(), net.infer(&x).unwrap());
        assert_eq!(distance(&forward, &infer), 0.0);
        let copy = net.detached().unwrap().infer(&x).unwrap();
        assert_eq!(distance(&forward, &copy), 0.0);
    }
}

#[test]
fn a_network_used_twice_has_the_sum_of_both_gradients() {
    let net = network(&[], &[4], false);
    let [one, other] = [waves(&[2, 3, 40], 0.7), waves(&[2, 3, 40], 1.1)];
    let vars: Vec<Var> = net.parameters().into_iter().map(|p| p.var).collect();
    let loss = || (net.forward(&one).unwrap() * net.forward(&other).unwrap()).unwrap();
    check_grads(&vars, &net.backward(&loss()).unwrap(), loss);
}

#[test]
fn a_dueling_value_is_the_states_and_the_advantage_over_the_mean() {
    let net = network(&[], &[], true);
    let names: Vec<String> = net.parameters().into_iter().map(|p| p.name).collect();
    let expected = [
        "value.0.weight",
        "value.0.bias",
        "advantage.0.weight",
        "advantage.0.bias",
    ];
    assert_eq!(names, expected);
    let x = waves(&[2, 3, 40], 0.7);
    let q = net.infer(&x).unwrap();
    let [value, advantage] = [0, 2].map(|i| {
        let (weight, bias) = (&net.parameters()[i].var, &net.parameters()[i + 1].var);
        let product = x.matmul(&weight.transpose(1, 2).unwrap()).unwrap();
        product.broadcast_add(&bias.unsqueeze(1).unwrap()).unwrap()
    });
    // Values differ from the mean by the centred advantages; their mean is the state's value.
    let mean = q.mean_keepdim(2).unwrap();
    assert!(distance(&mean, &value) < 1e-14);
    let centred = advantage
        .broadcast_sub(&advantage.mean_keepdim(2).unwrap())
        .unwrap();
    assert!(distance(&q.broadcast_sub(&mean).unwrap(), &centred) < 1e-14);
}

#[test]
fn a_networks_parameters_have_names() {
    let one = [Filters { count: 3, size: 2 }];
    let names = |net: Network| -> Vec<String> {
        let weights = net.parameters().into_iter().map(|p| p.name);
        weights.filter(|name| name.ends_with("weight")).collect()
    };
    assert_eq!(
        names(network(&[], &[6, 5], false)),
        ["0.weight", "1.weight", "2.weight"]
    );
    assert_eq!(
        names(network(&one, &[6, 5], true)),
        [
            "conv.0.weight",
            "0.weight",
            "value.0.weight",
            "value.1.weight",
            "advantage.0.weight",
            "advantage.1.weight",
        ]
    );
}

/// What three steps of each of two agents chose among three actions.
fn choices() -> Arc<Choices> {
    let wave = |frequency: f64| (0..6).map(|i| (f64::from(i) * frequency).sin()).collect();
    Arc::new(Choices {
        actions: vec![0, 2, 1, 1, 0, 2],
        advantages: wave(1.7),
        returns: wave(2.3),
    })
}

const WEIGHTING: Weighting = Weighting {
    entropy: 0.3,
    value: 0.7,
};

/// Weights of the agents' losses, so that one's gradient is not the other's.
fn weighted(loss: Tensor) -> Tensor {
    let weights = Tensor::new(&[1.0, -2.0], &Device::Cpu).unwrap();
    (loss * weights).unwrap()
}

#[test]
fn the_loss_of_an_actor_and_a_critic() {
    let policy = Var::from_tensor(&waves(&[2, 3, 3], 0.9)).unwrap();
    let value = Var::from_tensor(&waves(&[2, 3, 1], 0.4)).unwrap();
    check(&[policy.clone(), value.clone()], || {
        let outputs = Outputs {
            policy: policy.as_tensor().clone(),
            value: Some(value.as_tensor().clone()),
        };
        weighted(actor_critic_loss(&outputs, &choices(), WEIGHTING).unwrap())
    });
    let both = Var::from_tensor(&waves(&[2, 3, 4], 0.9)).unwrap();
    check(std::slice::from_ref(&both), || {
        let outputs = Outputs {
            policy: both.as_tensor().clone(),
            value: None,
        };
        weighted(actor_critic_loss(&outputs, &choices(), WEIGHTING).unwrap())
    });
}

#[test]
fn one_network_has_the_loss_of_two_with_the_same_outputs() {
    let both = waves(&[2, 3, 4], 0.9);
    let two = Outputs {
        policy: both.narrow(2, 0, 3).unwrap(),
        value: Some(both.narrow(2, 3, 1).unwrap()),
    };
    let one = Outputs {
        policy: both,
        value: None,
    };
    let [one, two] = [one, two].map(|outputs| actor_critic_loss(&outputs, &choices(), WEIGHTING));
    assert_eq!(distance(&one.unwrap(), &two.unwrap()), 0.0);
}

#[test]
fn choices_that_do_not_fit_are_errors() {
    let outputs = |batch, actions| Outputs {
        policy: waves(&[2, batch, actions], 0.9),
        value: Some(waves(&[2, batch, 1], 0.4)),
    };
    let error = |batch, actions| {
        let loss = actor_critic_loss(&outputs(batch, actions), &choices(), WEIGHTING);
        loss.unwrap_err().to_string()
    };
    assert!(error(4, 3).contains("do not fit 6 choices"));
    assert!(error(3, 2).contains("action 2 of 2"));
}

#[test]
fn several_networks_have_one_backward_pass() {
    let nets = [
        network(&[], &[4], false),
        network_of(Activation::Tanh, &[], &[5], false),
    ];
    let x = waves(&[2, 3, 40], 0.7);
    let vars: Vec<Var> = nets
        .iter()
        .flat_map(|net| net.parameters())
        .map(|p| p.var)
        .collect();
    let loss = || (nets[0].forward(&x).unwrap() * nets[1].forward(&x).unwrap()).unwrap();
    let grads = Network::backward_all(&[&nets[0], &nets[1]], &loss()).unwrap();
    check_grads(&vars, &grads, loss);
}
