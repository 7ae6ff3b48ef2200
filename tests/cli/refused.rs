//! What `rl` refuses, and what cannot be written.

use super::*;

/// Arguments that must be refused, and what each error must say.
const REFUSED: &[(&[&str], &[&str])] = &[
    (
        &["--conv", "16x3"],
        &["conv", "[channels, height, width]", "[4]", "allowed: none"],
    ),
    (
        &["--conv", "16"],
        &["conv = 16", "such as 16x3,32x3", "`none`"],
    ),
    (&["--conv", "16x0"], &["conv = 16x0", "filters of size"]),
    (
        &["--conv", "9999x3"],
        &["conv = 9999x3", "at most 4096 filters"],
    ),
    (
        &["--preset", "minatar", "--env", "cartpole"],
        &["conv", "allowed: none"],
    ),
    (&["--dueling", "perhaps"], &["--dueling", "true or false"]),
    (
        &["--env", "cartpol"],
        &["cartpol", "did you mean \"cartpole\"?", "mountain_car"],
    ),
    (
        &["--opt", "rmspop"],
        &[
            "unknown optimiser `rmspop`",
            "did you mean `rmsprop`?",
            "adadelta",
        ],
    ),
    (
        &["--opt", "adam:beta3=0.9"],
        &["beta3", "beta1, beta2, eps"],
    ),
    (&["--opt", "adam:beta1=1"], &["beta1 = 1", "0 <= x < 1"]),
    (&["--opt", "adam:lr=-0.1"], &["lr = -0.1", ">= 0"]),
    (&["--opt", "adam:lr"], &["key=value"]),
    (&["--lr", "-1"], &["lr = -1", ">= 0"]),
    (&["--lr=-1"], &["lr = -1", ">= 0"]),
    (&["--lr", "nan"], &["lr", ">= 0"]),
    (
        &["--lr", "fast"],
        &["'fast' for '--lr", "allowed: a number"],
    ),
    (
        &["--gamma", "x"],
        &["'x' for '--gamma", "allowed: 0 <= x <= 1"],
    ),
    (&["--gamma", "1.5"], &["'1.5' for '--gamma", "0 <= x <= 1"]),
    (&["--tau", "0"], &["'0' for '--tau", "0 < x <= 1"]),
    (
        &["--steps", "0"],
        &["'0' for '--steps", "a whole number >= 1"],
    ),
    (
        &["--steps", "-5"],
        &["'-5' for '--steps", "allowed: a whole number >= 1"],
    ),
    (&["--steps", "1.5"], &["'1.5' for '--steps", "whole number"]),
    (&["--steps", ""], &["'' for '--steps", "whole number"]),
    (
        &["--seed", "-1"],
        &["'-1' for '--seed", "a whole number >= 0"],
    ),
    (
        &["--seed", "1e20"],
        &["'1e20' for '--seed", "a whole number >= 0"],
    ),
    (
        &["--batch-size", "big"],
        &[
            "'big' for '--batch-size",
            "a whole number from 1 to 1048576",
        ],
    ),
    (&["--agents", "0"], &["'0' for '--agents", "from 1 to 1024"]),
    (
        &["--checkpoint-every", "0"],
        &["'0' for '--checkpoint-every", "from 1 on"],
    ),
    (
        &["--batch-size", "0"],
        &["'0' for '--batch-size", "from 1 to 1048576"],
    ),
    (
        &["--buffer-size", "0"],
        &["'0' for '--buffer-size", "from 1 to 1073741824"],
    ),
    (&["--n-step", "0"], &["'0' for '--n-step", "from 1 to 1000"]),
    (
        &["--n-step", "1001"],
        &["'1001' for '--n-step", "from 1 to 1000"],
    ),
    (
        &["--n-step", "5", "--learning-starts", "2"],
        &["n_step = 5", "at most learning_starts + 2"],
    ),
    (
        &["--n-step", "-1"],
        &["'-1' for '--n-step", "from 1 to 1000"],
    ),
    (
        &["--munchausen", "maybe"],
        &["--munchausen", "true or false"],
    ),
    (
        &["--munchausen", "--double"],
        &["double = true", "false where munchausen is set"],
    ),
    (
        &["--munchausen", "--n-step", "3"],
        &["n_step = 3", "1 where munchausen is set"],
    ),
    (
        &["--munchausen-alpha", "1.5"],
        &["'1.5' for '--munchausen-alpha", "0 <= x <= 1"],
    ),
    (
        &["--munchausen-temperature", "0"],
        &["'0' for '--munchausen-temperature", "1e-6 <= x <= 1e6"],
    ),
    (
        &["--munchausen-clip", "0.5"],
        &["'0.5' for '--munchausen-clip", "a finite number <= 0"],
    ),
    (
        &["--munchausen-clip=-inf"],
        &["'-inf' for '--munchausen-clip", "finite"],
    ),
    (
        &["--prioritized", "yes"],
        &["--prioritized", "true or false"],
    ),
    (
        &["--priority-alpha", "-0.1"],
        &["'-0.1' for '--priority-alpha", "0 <= x <= 1"],
    ),
    (
        &["--priority-beta", "nan"],
        &["'nan' for '--priority-beta", "0 <= x <= 1"],
    ),
    (
        &["--priority-eps", "0"],
        &["'0' for '--priority-eps", "0 < x <= 1e9"],
    ),
    (&["--hidden", "120,many"], &["120,84"]),
    (
        &["--hidden", "65536,65536"],
        &["hidden = 65536,65536", "100 million"],
    ),
    (
        &["--batch-size", "1048576", "--hidden", "65536"],
        &["batch_size = 1048576", "at most 4096"],
    ),
    (&["--hidden", "0"], &["hidden = 0", "sizes from 1"]),
    (&["--loss", "l1"], &["mse", "huber"]),
    (&["--max-grad-norm", "inf"], &["'inf' for '--max-grad-norm"]),
    (&["--eval-episodes", "0"], &["'0' for '--eval-episodes"]),
    (
        &["--seed", "18446744073709551615"],
        &["'18446744073709551615' for '--seed", "a whole number >= 0"],
    ),
    (&["--gama", "0.9"], &["--gama", "--gamma"]),
    (
        &["--config", "missing.toml"],
        &["--config", "missing.toml", "allowed: a TOML file"],
    ),
    (
        &["--config", "."],
        &["--config", "cannot read .:", "allowed: a TOML file"],
    ),
    (&["--config", "broken.toml"], &["broken.toml", "line 2"]),
    (
        &["--config", "wrong_key.toml"],
        &["wrong_key.toml", "line 2", "gama", "did you mean `gamma`?"],
    ),
    (
        &["--config", "wrong_section.toml"],
        &[
            "wrong_section.toml",
            "line 1",
            "agnt",
            "did you mean `agent`?",
        ],
    ),
    (
        &["--config", "wrong_type.toml"],
        &[
            "wrong_type.toml",
            "line 2",
            "steps",
            "\"many\" is not allowed; allowed: a whole number >= 1",
        ],
    ),
    (
        &["--config", "wrong_optimiser.toml"],
        &["wrong_optimiser.toml", "line 3", "beta1 = 1", "0 <= x < 1"],
    ),
    (
        &["--config", "no_name.toml"],
        &["no_name.toml", "line 1", "name"],
    ),
    (&["--out", "a_file"], &["a_file"]),
    (
        &["--out", "a_file/below"],
        &["a_file/below", "a writable folder with --out"],
    ),
    (
        &["--out", "somebody_elses"],
        &["somebody_elses", "already holds"],
    ),
];

#[test]
fn bad_input_is_refused_with_the_way_out() {
    let dir = tempdir().unwrap();
    for (name, text) in [
        ("broken.toml", "[run]\nsteps = = 3\n"),
        ("wrong_key.toml", "[agent]\ngama = 0.9\n"),
        ("wrong_section.toml", "[agnt]\ngamma = 0.9\n"),
        ("wrong_type.toml", "[run]\nsteps = \"many\"\n"),
        (
            "wrong_optimiser.toml",
            "[optimiser]\nname = \"adam\"\nbeta1 = 1\n",
        ),
        ("no_name.toml", "[optimiser]\nlr = 1\n"),
        ("a_file", "content"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    fs::create_dir(dir.path().join("somebody_elses")).unwrap();
    fs::write(dir.path().join("somebody_elses/thesis.tex"), "years").unwrap();
    for (args, words) in REFUSED {
        let ran = short(dir.path(), args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{args:?}: {}", ran.stderr);
        let said = ran.stderr.matches("error: ").count();
        assert_eq!(said, 1, "{args:?}: {}", ran.stderr);
        for word in *words {
            assert!(
                ran.stderr.contains(word),
                "{args:?}: no `{word}` in:\n{}",
                ran.stderr
            );
        }
    }
    assert!(
        !dir.path().join("runs").exists(),
        "a refused run leaves nothing"
    );
    assert_eq!(fs::read(dir.path().join("a_file")).unwrap(), b"content");
}

#[test]
fn a_full_disk_is_said_and_leaves_no_outcome() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let dir = tempdir().unwrap();
    let r = dir.path().join("r");
    fs::create_dir(&r).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/dev/full", r.join("episodes.csv")).unwrap();
    let ran = short(dir.path(), &["--out", "r", "--force"]);
    assert!(matches!(ran.code, Some(1 | 2)), "{:?}", ran.code);
    assert!(
        ran.stderr.contains("No space left") && ran.stderr.contains("episodes.csv"),
        "{}",
        ran.stderr
    );
    assert!(!r.join("outcome.csv").exists());
}

#[test]
fn a_configuration_file_of_another_algorithm_is_named() {
    let dir = tempdir().unwrap();
    let steps = ["--steps", "400", "--eval-every", "400", "--quiet"];
    let made = rl(
        dir.path(),
        &[&steps[..], &["--algo", "a2c", "--out", "a"]].concat(),
    );
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let from = ["--config", "a/config.toml", "--out", "b"];
    let ran = rl(dir.path(), &[&from[..], &["--algo", "dqn"]].concat());
    assert_eq!(ran.code, Some(2));
    for words in ["--algo dqn", "a/config.toml is for a2c"] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    let same = rl(
        dir.path(),
        &[&from[..], &["--algo", "a2c", "--quiet"]].concat(),
    );
    assert_eq!(same.code, Some(0), "{}", same.stderr);
}
