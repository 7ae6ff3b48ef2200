//! Studies of orders.

use super::*;

#[test]
fn a_study_mixes_orders() {
    let dir = tempdir().unwrap();
    let toml = r#"
question = "Does order matter?"
hypothesis = "It does."
analysis = "Nothing follows from runs as short as these."
[seeds]
tuning = "11..12"
report = "1..5"
[order.run]
stream = 2000
held_out = 100
evaluations = 4
diagnostics = 100
[[environments]]
kind = "order"
[[factors]]
key = "run.order"
values = ["recorded", "shuffled"]
[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e-3, 1e-2] }
[[optimisers]]
name = "sgd"
optimiser = "sgd"
grid = { lr = [1e-5, 1e-4] }
"#;
    fs::write(dir.path().join("mix.toml"), toml).unwrap();
    let study = |args: &[&str]| {
        let ran = run(STUDY, dir.path(), args, &[]);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
        ran.stdout
    };
    study(&["run", "mix.toml", "--quiet"]);
    study(&["verify", "mix.toml"]);
    assert!(study(&["schema"]).contains("`[order.run]`"));
    let runs = fs::read_dir(dir.path().join("results/mix")).unwrap();
    let names: Vec<_> = runs.map(|e| e.unwrap().file_name()).collect();
    assert!(
        names.iter().any(|name| name == "mechanism.csv"),
        "{names:?}"
    );
}
