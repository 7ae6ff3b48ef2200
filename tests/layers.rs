//! Networks say which of their layers are the first and the last, for optimisers that are for hidden layers alone.

use candle_core::{DType, Device};
use optim::{Layer, Parameter};
use optimiser_paradigms::nn::{
    Activation, Architecture, InitialWeights, Network, NormedArchitecture, NormedNetwork,
    Rectifier, ResNet, Stem, single::Layers,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn architecture(conv: &str, hidden: &[usize], dueling: bool) -> Architecture {
    let filters = conv.split(',').filter(|f| !f.is_empty());
    Architecture {
        observation: vec![2, 6, 6],
        conv: filters.map(|f| f.parse().unwrap()).collect(),
        hidden: hidden.to_vec(),
        activation: Activation::Relu,
        outputs: 3,
        dueling,
    }
}

/// The names of the weights that are in no hidden layer, with their layer.
fn outer(parameters: Vec<Parameter>) -> Vec<(String, Layer)> {
    let weights = parameters
        .into_iter()
        .filter(|p| p.name.ends_with(".weight"));
    let outer = weights.filter(|p| p.layer != Layer::Hidden);
    outer.map(|p| (p.name, p.layer)).collect()
}

fn network(conv: &str, hidden: &[usize], dueling: bool) -> Vec<(String, Layer)> {
    let architecture = architecture(conv, hidden, dueling);
    let network = Network::new(&architecture, &mut [rng()], DType::F32, &Device::Cpu);
    outer(network.unwrap().parameters())
}

fn named(names: &[(&str, Layer)]) -> Vec<(String, Layer)> {
    let named = names.iter().map(|(name, layer)| (name.to_string(), *layer));
    named.collect()
}

#[test]
fn the_first_and_the_last_layer_are_marked() {
    use Layer::{Input, Output};
    let plain = network("", &[8, 5], false);
    assert_eq!(plain, named(&[("0.weight", Input), ("2.weight", Output)]));
    let image = network("4x3,4x3", &[8], false);
    assert_eq!(
        image,
        named(&[("conv.0.weight", Input), ("1.weight", Output)])
    );
    assert_eq!(network("", &[], false), named(&[("0.weight", Output)]));
    let heads = [("value.1.weight", Output), ("advantage.1.weight", Output)];
    let dueling = network("", &[8, 5], true);
    assert_eq!(
        dueling,
        named(&[&[("0.weight", Input)], &heads[..]].concat())
    );
    // Both streams of a small one begin at the observation.
    let small = [
        ("value.0.weight", Input),
        heads[0],
        ("advantage.0.weight", Input),
        heads[1],
    ];
    assert_eq!(network("", &[8], true), named(&small));
}

#[test]
fn every_kind_of_network_marks_them() {
    use Layer::{Input, Output};
    let layers = architecture("4x3", &[8, 5], false);
    let single = Layers::new(&layers, Rectifier::Relu(0.0), false).unwrap();
    let places: Vec<Layer> = single.tensors().iter().step_by(2).map(|t| t.1).collect();
    assert_eq!(places, [Input, Layer::Hidden, Layer::Hidden, Output]);
    let normed = NormedArchitecture {
        layers,
        eps: 1e-5,
        initial: InitialWeights::He,
    };
    let normed = NormedNetwork::new(&normed, &mut [rng()], DType::F32, &Device::Cpu).unwrap();
    let ends = [
        ("conv.0.weight", Input),
        ("conv.0.norm.weight", Input),
        ("2.weight", Output),
    ];
    assert_eq!(outer(normed.parameters()), named(&ends));
    let size = [32, 32];
    let resnet = ResNet::new(Stem::Cifar, size, 10, &mut rng(), DType::F32, &Device::Cpu);
    let ends = [
        ("conv1.weight", Input),
        ("bn1.weight", Input),
        ("fc.weight", Output),
    ];
    assert_eq!(outer(resnet.unwrap().parameters()), named(&ends));
}
