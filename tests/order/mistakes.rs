//! What is refused, and what it says.

use super::*;

#[test]
fn what_cannot_be_is_an_error_that_says_what_can() {
    let dir = tempdir().unwrap();
    let wrong: [(&[&str], &str); 16] = [
        (&["--window", "0"], "allowed: a whole number >= 1"),
        (
            &["--order", "windows", "--window", "1901"],
            "at most 1900, the transitions that are learned from",
        ),
        (&["--window", "7"], "with order = windows"),
        (&["--target-every", "7"], "with targets = bootstrapped"),
        (&["--gamma", "1.5"], "allowed: 0 <= x <= 1"),
        (&["--gamma", "nan"], "allowed: 0 <= x <= 1"),
        (&["--batch", "1901"], "at most 1900"),
        (&["--held-out", "2000"], "below stream = 2000"),
        (
            &["--evaluations", "1901"],
            "at most 1900, the updates of the run",
        ),
        (&["--stream", "999999999"], "a whole number from 1 to"),
        (
            &["--env", "gymnasium-rs/CartPole"],
            "environments that can be saved",
        ),
        (&["--env", "carpole"], "did you mean \"cartpole\""),
        (&["--preset", "nobodys"], "unknown preset"),
        (&["--opt", "adam:restart_t=true"], "target_every above 1"),
        (
            &[
                "--env",
                "mountain_car",
                "--stream",
                "150",
                "--held-out",
                "10",
            ],
            "no episode ended in it",
        ),
        (&["--env", "mountain_car"], "there is nothing to learn"),
    ];
    for (flags, part) in wrong {
        let ran = run(ORDER, dir.path(), &[&QUICK[..], flags].concat(), &[]);
        assert_eq!(ran.code, Some(2), "{flags:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{flags:?}: {}", ran.stderr);
    }
    let error = run(
        ORDER,
        dir.path(),
        &[&QUICK[..], &["--env", "mountain_car", "--gamma", "1"]].concat(),
        &[],
    );
    assert!(
        error.stderr.contains("gamma = 1 is not allowed"),
        "{}",
        error.stderr
    );
    let leftovers = fs::read_dir(dir.path()).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        files_in(&path).then_some(path)
    });
    assert_eq!(
        leftovers.collect::<Vec<_>>(),
        Vec::<std::path::PathBuf>::new()
    );
}

/// Whether there is a file anywhere in `folder`.
fn files_in(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries
        .into_iter()
        .any(|path| path.is_file() || files_in(&path))
}
