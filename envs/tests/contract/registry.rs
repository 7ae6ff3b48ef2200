//! The registry and its names.

use super::*;

#[test]
fn the_registry_says_what_the_specs_say() {
    for entry in registry() {
        let spec = make(entry.name).unwrap().spec().clone();
        assert_eq!(
            (spec.name.as_str(), spec.id.as_str()),
            (entry.name, entry.id)
        );
        assert!(!entry.summary.is_empty(), "{}", entry.name);
        assert!(spec.actions > 0, "{}", entry.name);
        let space = &spec.observation;
        assert_eq!(
            space.shape.iter().product::<usize>(),
            space.len(),
            "{}",
            entry.name
        );
        assert_eq!(space.low.len(), space.high.len(), "{}", entry.name);
        let namesakes = |name| {
            registry()
                .iter()
                .filter(move |e| e.name == name || e.id == name)
        };
        assert_eq!(namesakes(entry.name).count(), 1, "{}", entry.name);
        assert_eq!(namesakes(entry.id).count(), 1, "{}", entry.id);
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest_and_the_list() {
    let message = |name| make(name).err().expect("no such name").to_string();
    let nearest = [
        ("cartpol", "cartpole"),
        ("acrobat", "acrobot"),
        ("MountainCar", "mountain_car"),
        ("CartPole-v0", "CartPole-v1"),
    ];
    for (wrong, right) in nearest {
        let message = message(wrong);
        assert!(
            message.contains(&format!("did you mean \"{right}\"?")),
            "{message}"
        );
        for entry in registry() {
            assert!(
                message.contains(entry.name) && message.contains(entry.id),
                "{message}"
            );
        }
    }
    assert!(!message("").contains("did you mean"));
    assert!(!message("zzz").contains("did you mean"));
}
