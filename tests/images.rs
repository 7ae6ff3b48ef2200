//! Agents that see images: each agent of a cohort equals the agent alone, and the whole network learns.

use candle_core::Tensor;
use optim::{Parameter, Spec, Value};
use optimiser_paradigms::algorithm::dqn::{Batch, Convs, Dqn, DqnConfig, Hidden};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use settings::Field;

const IMAGE: [usize; 3] = [4, 7, 6];
const ACTIONS: usize = 3;

fn config(dueling: bool) -> DqnConfig {
    DqnConfig {
        conv: Convs::from_value(&"6x3,5x2".into()).unwrap(),
        hidden: Hidden(vec![20]),
        dueling,
        ..DqnConfig::minatar()
    }
}

fn agent(config: &DqnConfig, agents: &[u64], optimiser: &str) -> Dqn {
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
    Dqn::new(config, &specs, IMAGE.as_slice(), ACTIONS, &mut init, 1).unwrap()
}

/// Images of 0 and 1; each agent's part depends only on its number.
fn batch(agents: &[u64], update: u64) -> Batch {
    let mut batch = Batch::default();
    for &agent in agents {
        let mut rng = ChaCha8Rng::seed_from_u64(1000 * agent + update);
        for _ in 0..32 {
            for obs in [&mut batch.obs, &mut batch.next_obs] {
                let pixel = |_| f32::from(u8::from(rng.random_bool(0.2)));
                obs.extend((0..IMAGE.iter().product()).map(pixel));
            }
            batch.actions.push(rng.random_range(0..ACTIONS as u32));
            batch.rewards.push(rng.random_range(-1.0..1.0));
            batch.discounts.push(0.99);
            batch.terminated.push(rng.random_bool(0.3));
        }
    }
    batch
}

fn weights(dqn: &Dqn, agent: usize) -> Vec<Vec<u32>> {
    let of = |p: Parameter| -> candle_core::Result<Vec<f32>> {
        let own: Tensor = p.var.get(agent)?;
        own.flatten_all()?.to_vec1()
    };
    let bits = |p| of(p).unwrap().iter().map(|x| x.to_bits()).collect();
    dqn.parameters().into_iter().map(bits).collect()
}

#[test]
fn an_agent_of_a_cohort_is_the_agent_alone() {
    for dueling in [false, true] {
        let trained = |agents: &[u64]| {
            let mut dqn = agent(&config(dueling), agents, "rmsprop-minatar");
            for update in 0..20 {
                dqn.learn(&batch(agents, update), false).unwrap();
                if update == 10 {
                    dqn.update_target().unwrap();
                }
            }
            dqn
        };
        let cohort = trained(&[1, 2, 3]);
        let obs = batch(&[1, 2, 3], 99).obs;
        let values = cohort.values(&obs).unwrap();
        for (i, number) in [1, 2, 3].into_iter().enumerate() {
            let alone = trained(&[number]);
            assert_eq!(
                weights(&alone, 0),
                weights(&cohort, i),
                "{dueling} {number}"
            );
            let own = alone.values(&batch(&[number], 99).obs).unwrap();
            assert_eq!(own, values[i * 32 * ACTIONS..(i + 1) * 32 * ACTIONS]);
        }
    }
}

#[test]
fn all_of_the_network_learns() {
    for dueling in [false, true] {
        let mut dqn = agent(&config(dueling), &[1], "adam");
        let batch = Batch {
            // Every transition is terminal, so the targets are the rewards.
            terminated: vec![true; 32],
            ..batch(&[1], 0)
        };
        let before = weights(&dqn, 0);
        let first = dqn.learn(&batch, false).unwrap().loss[0];
        let after = weights(&dqn, 0);
        for ((name, before), after) in names(&dqn).iter().zip(&before).zip(&after) {
            assert_ne!(before, after, "{name} stays as it is");
        }
        for _ in 0..300 {
            dqn.learn(&batch, false).unwrap();
        }
        let last = dqn.learn(&batch, false).unwrap().loss[0];
        assert!(last < 1e-3 * first, "dueling {dueling}: {first} to {last}");
    }
}

fn names(dqn: &Dqn) -> Vec<String> {
    dqn.parameters().into_iter().map(|p| p.name).collect()
}
