//! The gradients of losses.

use super::*;

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
