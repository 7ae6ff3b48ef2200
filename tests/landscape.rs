//! `study landscape` end to end, and the invariants of every surface and every optimiser.

mod common;

use std::{fs, path::Path};

use common::{Ran, run};
use optim::Spec;
use optimiser_paradigms::landscape::{OPTIMISERS, Surface, Tuner, descend, registry};
use tempfile::tempdir;

fn study(folder: &Path, args: &[&str]) -> Ran {
    let args = [&["landscape"], args].concat();
    run(env!("CARGO_BIN_EXE_study"), folder, &args, &[])
}

#[test]
fn every_optimiser_descends_every_surface() {
    let mut tuner = Tuner::default();
    for surface in registry() {
        let rules = optim::registry().into_iter();
        for entry in rules.filter(|entry| entry.lr_of_vectors == "lr") {
            let mut spec: Spec = entry.name.parse().unwrap();
            // The minimum may be at 0, where a large lr times a decay alone leads.
            if spec.get("weight_decay").is_some() {
                spec.set("weight_decay", 0.0).unwrap();
            }
            let tuned = tuner.best(surface, &spec, surface.steps).unwrap();
            let path = descend(surface, &tuned.spec, surface.steps, 100).unwrap();
            let what = format!("{} on {}", tuned.spec, surface.name);
            assert!(!path.diverged && path.mean_value().is_finite(), "{what}");
            assert_eq!(path.points.len() as u64, surface.steps + 1, "{what}");
            assert!(path.mean_value() < path.points[0].value, "{what}");
            // Prodigy's lr is a factor of a step that it finds by itself.
            if entry.name != "prodigy" {
                assert_eq!(tuned.edge, None, "{what}: the grid is too narrow");
            }
        }
    }
}

#[test]
fn what_is_compared_by_default_is_registered() {
    for name in OPTIMISERS {
        assert!(optim::registry().iter().any(|entry| entry.name == name));
    }
}

#[test]
fn a_path_that_explodes_ends_before_it() {
    let surface = Surface::named("rosenbrock").unwrap();
    let path = descend(surface, &"sgd:lr=1".parse().unwrap(), 100, 0).unwrap();
    assert!(path.diverged && path.points.len() < 10);
    assert!(path.last().value.is_finite() && path.mean_value().is_infinite());
}

#[test]
fn draws_and_writes_the_same_twice() {
    let dir = tempdir().unwrap();
    let args = ["ravine", "drift", "ravine", "--out"];
    for out in ["a", "b"] {
        let ran = study(dir.path(), &[&args[..], &[out]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
        assert!(ran.stdout.starts_with("| the note says |"));
        assert!(ran.stdout.contains("Adagrad never forgets"));
        assert!(
            !ran.stdout.contains("sparse"),
            "claims on other surfaces are left out: {}",
            ran.stdout
        );
    }
    let read = |out: &str, file: &str| fs::read(dir.path().join(out).join(file)).unwrap();
    for file in [
        "paths.csv",
        "summary.csv",
        "claims.csv",
        "claims.md",
        "ravine.png",
        "drift.gif",
    ] {
        assert!(read("a", file) == read("b", file), "{file} differs");
    }
    let paths = String::from_utf8(read("a", "paths.csv")).unwrap();
    assert!(paths.starts_with("surface,optimiser,lr,step,x,y,value,distance\n"));
    let points = OPTIMISERS.len() * (201 + 401);
    assert_eq!(paths.lines().count(), 1 + points);
    assert!(read("a", "ravine.gif").starts_with(b"GIF89a"));
    assert!(read("a", "drift.png").starts_with(b"\x89PNG"));
}

#[test]
fn optimisers_and_steps_can_be_chosen() {
    let dir = tempdir().unwrap();
    let args = "saddle --opt sgd:lr=0.1 --opt adam:beta1=0 --opt sgd:lr=9 --steps 30 --no-gif";
    let args: Vec<&str> = args.split(' ').collect();
    let ran = study(dir.path(), &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("saddle: sgd diverged after step"),
        "{}",
        ran.stderr
    );
    let out = dir.path().join("runs/landscape");
    assert!(out.join("saddle.png").exists() && !out.join("saddle.gif").exists());
    let summary = fs::read_to_string(out.join("summary.csv")).unwrap();
    let rows: Vec<&str> = summary.lines().skip(1).collect();
    assert!(
        rows[0].starts_with("saddle,sgd,0.1,,false,1,30,"),
        "{summary}"
    );
    assert!(rows[1].starts_with("saddle,adam:beta1=0,"), "{summary}");
    assert!(rows[2].starts_with("saddle,sgd,9.0,,true,1,"), "{summary}");
    let quiet = study(dir.path(), &[&args[..], &["-q"]].concat());
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn an_lr_at_the_end_of_the_grid_is_said() {
    // On the plateau, the largest lr needs the fewest steps.
    let dir = tempdir().unwrap();
    let args = ["plateau", "--opt", "adamw:eps=1e9", "--no-gif"];
    let ran = study(dir.path(), &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("is the highest of its grid"),
        "{}",
        ran.stderr
    );
}

#[test]
fn listing_and_help_show_what_there_is() {
    let dir = tempdir().unwrap();
    let listed = study(dir.path(), &["--list"]);
    assert_eq!(listed.code, Some(0));
    for surface in registry() {
        assert!(listed.stdout.contains(surface.formula), "{}", surface.name);
    }
    let help = study(dir.path(), &["--help"]).stdout;
    assert!(
        help.contains("Examples:") && help.contains("--no-gif"),
        "{help}"
    );
}

#[test]
fn bad_input_is_refused_with_the_way_out() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("a_file"), "content").unwrap();
    let refused: &[(&[&str], &[&str])] = &[
        (
            &["rosenbrok"],
            &["rosenbrok", "did you mean `rosenbrock`?", "plateau"],
        ),
        (
            &["--opt", "adm"],
            &["unknown optimiser `adm`", "did you mean `adam`?", "nag"],
        ),
        (&["--opt", "adam:beta1=2"], &["beta1 = 2", "0 <= x < 1"]),
        (
            &["--opt", "sgd:nesterov=true"],
            &["sgd:nesterov=true", "momentum > 0"],
        ),
        (
            &["--opt", "muon:lr=0.1"],
            &["muon:lr=0.1", "`adamw_lr`", "such as adamw"],
        ),
        (&["--steps", "0"], &["--steps", "from 1 to 10000"]),
        (
            &["--steps", "-5"],
            &["'-5' for '--steps", "from 1 to 10000"],
        ),
        (&["--steps", "many"], &["--steps", "many"]),
        (&["--out", "a_file"], &["a_file", "--out"]),
        (&["--out", "a_file/below"], &["a_file/below", "--out"]),
    ];
    for (args, words) in refused {
        let ran = study(dir.path(), args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{args:?}: {}", ran.stderr);
        for word in *words {
            assert!(
                ran.stderr.contains(word),
                "{args:?}: no `{word}` in:\n{}",
                ran.stderr
            );
        }
    }
    let many: Vec<String> = (1..=11).map(|i| format!("--opt=sgd:lr={i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let ran = study(dir.path(), &many);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("10 colours"), "{}", ran.stderr);
    assert!(!dir.path().join("runs").exists() && !dir.path().join("results").exists());
}
