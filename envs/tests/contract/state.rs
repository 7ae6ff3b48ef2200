//! States that are saved and loaded.

use super::*;

#[test]
fn a_loaded_state_goes_on_as_the_saved_one_did() {
    for (name, native) in &cases() {
        let mut play = Play::of(name, 7);
        if !native {
            let hidden = |verb| Error::Hidden {
                name: name.clone(),
                verb,
            };
            assert_eq!(play.env.save(), Err(hidden("saved")));
            assert_eq!(play.env.load(&[0.0, 0.0]), Err(hidden("loaded")));
            continue;
        }
        for _ in 0..5 {
            let step = play.step();
            if step.terminated || step.truncated {
                play.reset();
            }
        }
        let saved = play.env.save().unwrap();
        let mut other = Play::of(name, 99);
        other.env.load(&saved).unwrap();
        (other.draws, other.actions) = (play.draws.clone(), play.actions.clone());
        assert_eq!(other.env.elapsed(), play.env.elapsed());
        assert!(play.trajectory() == other.trajectory(), "{}", name);
    }
}

#[test]
fn what_is_not_a_state_is_refused_and_changes_nothing() {
    for (name, _) in cases().iter().filter(|(_, native)| *native) {
        let mut play = Play::of(name, 7);
        play.step();
        let saved = play.env.save().unwrap();
        let last = saved.len() - 1;
        let with = |place: usize, value: f64| {
            let mut state = saved.clone();
            state[place] = value;
            state
        };
        let bad = [
            vec![],
            vec![1.0],
            saved[1..].to_vec(),
            [&saved[..], &[0.0]].concat(),
            with(0, f64::NAN),
            with(0, f64::INFINITY),
            with(last, 3.0),
            with(last, f64::NAN),
            with(last - 1, 0.5),
            with(last - 1, -1.0),
            with(last - 1, 5e9),
        ];
        for state in bad {
            let error = play.env.load(&state).unwrap_err();
            // A wrapper's error may be that of the inner environment.
            assert!(matches!(error, Error::State { .. }), "{state:?}: {error}");
            assert_eq!(play.env.save().unwrap(), saved, "{error}");
        }
    }
    let mut car = make("mountain_car").unwrap();
    assert_eq!(
        car.load(&[7.0, 0.0, 0.0, 1.0]).unwrap_err().to_string(),
        "mountain_car: a saved state is 2 finite numbers, position (from -1.2 to 0.6), \
         velocity (from -0.07 to 0.07); found position = 7"
    );
}
