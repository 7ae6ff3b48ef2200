//! The gradients of whole networks, and the names of their parameters.

use super::*;

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
