//! Agents of a cohort against agents alone.

use super::*;

/// The weights of each agent, bit by bit, after 50 updates of a cohort in which each agent has its own
/// lr.
fn trained(agents: &[u64], optimiser: &str) -> Vec<Vec<u32>> {
    let config = DqnConfig {
        max_grad_norm: 0.2,
        lr_schedule: "cosine:warmup=5".parse().unwrap(),
        ..DqnConfig::cleanrl()
    };
    let spec = |agent: &u64| {
        let mut spec: Spec = optimiser.parse().unwrap();
        spec.set("lr", Value::Number(1e-3 * *agent as f64)).unwrap();
        spec
    };
    let specs: Vec<Spec> = agents.iter().map(spec).collect();
    let mut init: Vec<_> = agents
        .iter()
        .map(|a| ChaCha8Rng::seed_from_u64(*a))
        .collect();
    let mut dqn = Dqn::new(&config, &specs, 4, 2, &mut init, 50).unwrap();
    for update in 0..50 {
        dqn.learn(&random_batch(agents, update), false).unwrap();
        if update % 10 == 0 {
            dqn.update_target().unwrap();
        }
    }
    let weights = |agent: usize| {
        let one = |p: &Parameter| -> Vec<f32> {
            p.var
                .get(agent)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap()
        };
        let all = dqn.parameters().iter().flat_map(one).collect::<Vec<_>>();
        all.iter().map(|x| x.to_bits()).collect()
    };
    (0..agents.len()).map(weights).collect()
}

#[test]
fn an_agent_of_a_cohort_is_the_agent_alone() {
    for optimiser in [
        "adam",
        "rmsprop:centered=true,momentum=0.9",
        "sgd",
        "adam:reset_moments=true",
    ] {
        let cohort = trained(&[1, 2, 3], optimiser);
        for (agent, weights) in [1, 2, 3].into_iter().zip(&cohort) {
            assert_eq!(
                &trained(&[agent], optimiser)[0],
                weights,
                "{optimiser} {agent}"
            );
        }
        assert_ne!(cohort[0], cohort[1]);
    }
}
