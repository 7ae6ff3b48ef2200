//! `rl --play` and `--render` with trained agents.

mod common;

use common::{SHORT, run};
use std::fs;
use tempfile::tempdir;

const RL: &str = env!("CARGO_BIN_EXE_rl");

#[test]
fn a_trained_agent_can_be_played_and_drawn() {
    let dir = tempdir().unwrap();
    let train = ["--out", "run", "--render", "after/pole.gif"];
    let ran = run(RL, dir.path(), &[&SHORT[..], &train].concat(), &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("after/pole.gif: return"),
        "{}",
        ran.stdout
    );
    let gif = fs::read(dir.path().join("after/pole.gif")).unwrap();
    assert!(gif.starts_with(b"GIF89a"));

    let play = ["--play", "run", "--eval-episodes", "3", "--seed", "5"];
    let played = run(RL, dir.path(), &play, &[]);
    assert_eq!(played.code, Some(0), "{}", played.stderr);
    let lines: Vec<&str> = played.stdout.lines().collect();
    assert_eq!(lines.len(), 6, "{}", played.stdout);
    assert!(lines[2].trim_start().starts_with("5 ") && lines[5].contains("mean"));
    // The same episodes from the weights file alone; this agent is also drawn after training.
    let file = [
        "--play",
        "run/policy.safetensors",
        "--eval-episodes",
        "3",
        "--seed",
        "5",
    ];
    let again = run(
        RL,
        dir.path(),
        &[&file[..], &["--render", "frames/p.png"]].concat(),
        &[],
    );
    assert_eq!(again.stdout.lines().nth(2), Some(lines[2]));
    assert!(dir.path().join("frames/p-0001.png").exists());
    // With a different pole.
    let other = run(
        RL,
        dir.path(),
        &[&play[..], &["--env", "cartpole?length=1.5"]].concat(),
        &[],
    );
    assert_eq!(other.code, Some(0), "{}", other.stderr);
}

#[test]
#[cfg(unix)]
fn an_interrupted_agent_is_played_from_its_checkpoint() {
    let dir = tempdir().unwrap();
    let drifting = "cartpole?drift=length:0.5..1.5/period=900,shape=walk";
    // Limiting files to 96 blocks ends the run after its first checkpoints.
    let small = "--hidden 8 --buffer-size 300 --log-every 1 --train-frequency 1 --steps 20000";
    let command = format!(
        "trap '' XFSZ; ulimit -f 96; exec {RL} --env '{drifting}' {small} --learning-starts 500 \
         --checkpoint-every 500 --quiet --out run"
    );
    let ended = run("sh", dir.path(), &["-c", &command], &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for path in ["run", "run/checkpoint.safetensors"] {
        let played = run(
            RL,
            dir.path(),
            &["--play", path, "--eval-episodes", "2"],
            &[],
        );
        assert_eq!(played.code, Some(0), "{}", played.stderr);
        assert!(played.stdout.contains(drifting), "{}", played.stdout);
    }
    let missing = run(RL, dir.path(), &["--play", "run/policy.safetensors"], &[]);
    assert_eq!(missing.code, Some(2));
}

#[test]
#[cfg(feature = "gymnasium-rs")]
fn what_cannot_be_drawn_can_be_played() {
    let dir = tempdir().unwrap();
    let train = ["--quiet", "--out", "run", "--env", "gymnasium-rs/CartPole"];
    run(RL, dir.path(), &[&SHORT[..], &train].concat(), &[]);
    let played = run(RL, dir.path(), &["--play", "run"], &[]);
    assert_eq!(played.code, Some(0), "{}", played.stderr);
    assert_eq!(played.stdout.lines().count(), 13);
}

#[test]
fn what_cannot_be_played_says_why() {
    let dir = tempdir().unwrap();
    let train = ["--quiet", "--out", "run"];
    run(RL, dir.path(), &[&SHORT[..], &train].concat(), &[]);
    for (args, words) in [
        (
            &["--play", "nowhere"][..],
            "a run's folder with config.toml",
        ),
        (
            &["--play", "run", "--env", "acrobot"],
            "the agent learned on cartpole",
        ),
        (&["--play", "run", "--render", "film.mp4"], "NAME.gif"),
        (&["--play", "run", "--resume"], "cannot be used with"),
        (
            &[
                "--play",
                "run",
                "--env",
                "gymnasium-rs/CartPole",
                "--render",
                "x.gif",
            ],
            "cannot be drawn",
        ),
        (&["--play", "run", "--gamma", "0.5"], "--play takes"),
        (
            &["--play", "run", "--eval-episodes", "0"],
            "--eval-episodes",
        ),
        (&["--play", "run", "--eval-epsilon", "7"], "--eval-epsilon"),
        (&["--play", "run", "--seed", "18446744073709551615"], "seed"),
    ] {
        let ran = run(RL, dir.path(), args, &[]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(
            ran.stderr.contains(words),
            "no `{words}` in: {}",
            ran.stderr
        );
    }
}
