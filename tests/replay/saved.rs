//! A saved buffer continues exactly, and one that does not fit is refused.

use super::*;

#[test]
fn goes_on_after_a_restore_as_if_nothing_had_happened() {
    for pushed in [0, 1, 2, 9, 10, 11, 37] {
        for ((encoding, mut replay), (_, mut other)) in kinds().into_iter().zip(kinds()) {
            let all = steps(80, 13, encoding, 3);
            go_on(&mut replay, &all[..pushed], 1);
            let saved = replay.to_safetensors().unwrap();
            // Its earlier content is forgotten.
            go_on(&mut other, &steps(15, 13, encoding, 4), 2);
            other.restore(&saved).unwrap();
            assert_eq!(other.to_safetensors().unwrap(), saved);
            let went_on = go_on(&mut replay, &all[pushed..], 5);
            assert_eq!(went_on, go_on(&mut other, &all[pushed..], 5));
            assert_eq!(
                replay.to_safetensors().unwrap(),
                other.to_safetensors().unwrap()
            );
        }
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let state = |make: &dyn Fn() -> Replay, encoding| {
        let all = steps(30, 13, encoding, 3);
        filled(make(), &all).to_safetensors().unwrap()
    };
    let floats = Encoding::Floats;
    let ours = || Replay::new(10, 13, floats, GAMMA).prioritized(0.6, 1e-6);
    let good = state(&ours, floats);
    let mut replay = filled(ours(), &steps(17, 13, floats, 9));
    let before = replay.to_safetensors().unwrap();
    let mut refuse = |data: &[u8], words: &[&str]| {
        let error = replay.restore(data).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "no `{word}` in: {error}");
        }
        assert_eq!(replay.to_safetensors().unwrap(), before);
    };
    for length in [0, 7, 8, 100, good.len() / 2, good.len() - 1] {
        refuse(&good[..length], &["no replay buffer state"]);
    }
    refuse(b"not a state at all", &["no replay buffer state"]);
    let spec = "adam".parse().unwrap();
    let optimiser = optim::Optimiser::new(&[spec], Vec::new()).unwrap();
    refuse(
        &optimiser.to_safetensors().unwrap(),
        &["no replay buffer", "capacity=10"],
    );
    let others: [(&str, &dyn Fn() -> Replay, Encoding); 4] = [
        (
            "capacity=11",
            &|| Replay::new(11, 13, floats, GAMMA).prioritized(0.6, 1e-6),
            floats,
        ),
        (
            "13 bits",
            &|| Replay::new(10, 13, Encoding::Bits, GAMMA),
            Encoding::Bits,
        ),
        (
            "n_step=2",
            &|| Replay::new(10, 13, floats, GAMMA).n_step(2),
            floats,
        ),
        ("uniform", &|| Replay::new(10, 13, floats, GAMMA), floats),
    ];
    for (what, make, encoding) in others {
        refuse(
            &state(make, encoding),
            &[what, "needed", "priority_alpha=0.6"],
        );
    }
    // The same file with one array damaged.
    let tensors = safetensors::SafeTensors::deserialize(&good).unwrap();
    let damaged = |name: &str, damage: &dyn Fn(&mut Vec<u8>)| {
        let (_, header) = safetensors::SafeTensors::read_metadata(&good).unwrap();
        let all = tensors.tensors().into_iter().map(|(found, view)| {
            let mut bytes = view.data().to_vec();
            if found == name {
                damage(&mut bytes);
            }
            (found, view.dtype(), view.shape().to_vec(), bytes)
        });
        let all: Vec<_> = all.collect();
        let views = all.iter().map(|(name, dtype, shape, bytes)| {
            let view = safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes);
            (name, view.unwrap())
        });
        safetensors::serialize(views, header.metadata().clone()).unwrap()
    };
    let written = &["its numbers are not those that were written"];
    refuse(&damaged("ends", &|bytes| bytes[3] = 3), written);
    refuse(
        &damaged("priorities", &|bytes| bytes[8..16].fill(0)),
        written,
    );
    refuse(&damaged("pushed", &|bytes| bytes[0] ^= 1), written);
    replay.restore(&good).unwrap();
}
