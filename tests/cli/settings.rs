//! Where settings come from, and what is listed of them.

use super::*;

#[test]
fn flags_go_before_the_file_and_the_file_before_the_preset() {
    let dir = tempdir().unwrap();
    let file = "[run]\nseed = 5\nsteps = 9\n[optimiser]\nlr = 0.5\nname = \"adam\"\nbeta1 = 0\n[agent]\ngamma = 0.9\n";
    fs::write(dir.path().join("c.toml"), file).unwrap();
    let args = [
        "--config",
        "c.toml",
        "--steps",
        "7",
        "--opt",
        "rmsprop:centered=true",
        "-q",
        "--out",
        "r",
    ];
    let ran = rl(dir.path(), &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let config = fs::read_to_string(dir.path().join("r/config.toml")).unwrap();
    for line in [
        "seed = 5",
        "steps = 7",
        "name = \"rmsprop\"",
        "centered = true",
        "gamma = 0.9",
        "batch_size = 128",
    ] {
        assert!(
            config.lines().any(|l| l == line),
            "no `{line}` in:\n{config}"
        );
    }
}

#[test]
fn presets_and_their_networks_are_written_out() {
    let dir = tempdir().unwrap();
    let args = [
        "--env",
        "cartpole",
        "--preset",
        "minatar",
        "--conv",
        "none",
        "--dueling",
    ];
    let ran = short(dir.path(), &[&args[..], &["-q", "--out", "r"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let config = fs::read_to_string(dir.path().join("r/config.toml")).unwrap();
    for line in [
        "preset = \"minatar\"",
        "conv = \"none\"",
        "hidden = [128]",
        "dueling = true",
        "loss = \"huber\"",
        "buffer_size = 100000",
        "lr = 0.00025",
        "decay = 0.95",
        "centered = true",
    ] {
        assert!(
            config.lines().any(|l| l == line),
            "no `{line}` in:\n{config}"
        );
    }
    let again = rl(
        dir.path(),
        &["-q", "--config", "r/config.toml", "--out", "s"],
    );
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let updates = |folder: &str| fs::read(dir.path().join(folder).join("updates.csv")).unwrap();
    assert_eq!(updates("r"), updates("s"));
    let plain = short(
        dir.path(),
        &[&args[..6], &["-q", "--out", "plain"]].concat(),
    );
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    assert_ne!(updates("r"), updates("plain"));
}

#[test]
fn every_optimiser_and_environment_runs() {
    let dir = tempdir().unwrap();
    for entry in optim::registry() {
        let ran = short(dir.path(), &["-q", "--opt", entry.name, "--steps", "800"]);
        assert_eq!(ran.code, Some(0), "{}: {}", entry.name, ran.stderr);
    }
    for entry in envs::registry() {
        let ran = short(dir.path(), &["-q", "--env", entry.name, "--steps", "800"]);
        assert_eq!(ran.code, Some(0), "{}: {}", entry.name, ran.stderr);
    }
}

#[test]
fn every_dial_of_the_agent_turns_all_the_way() {
    let dir = tempdir().unwrap();
    let updates = |name: &str, more: &[&str]| -> (u64, String) {
        let small = ["--steps", "700", "--hidden", "16", "--batch-size", "8"];
        let args = [&small[..], &["-q", "--out", name], more].concat();
        let ran = short(dir.path(), &args);
        assert_eq!(ran.code, Some(0), "{more:?}: {}", ran.stderr);
        let (header, rows) = csv(&dir.path().join(name).join("outcome.csv"));
        assert!(rows[0].contains(",finished,700,"), "{more:?}: {}", rows[0]);
        let column = header.split(',').position(|name| name == "updates");
        let updates = rows[0].split(',').nth(column.unwrap()).unwrap();
        let rows = fs::read_to_string(dir.path().join(name).join("updates.csv"));
        (updates.parse().unwrap(), rows.unwrap())
    };
    let mut seen = vec![updates("plain", &[])];
    assert_eq!(seen[0].0, 19, "every tenth of the last 199 steps");
    for (name, more, expected) in [
        // Pure online learning from a single transition.
        ("online", &["--buffer-size", "1"][..], 19),
        ("small", &["--buffer-size", "5", "--batch-size", "64"], 19),
        ("often", &["--train-frequency", "1"], 199),
        ("repeated", &["--gradient-steps", "3"], 3 * 19),
        ("no-target", &["--target-network-frequency", "1"], 19),
        (
            "soft",
            &["--target-network-frequency", "1", "--tau", "0.01"],
            19,
        ),
        ("n-step", &["--n-step", "5"], 19),
        (
            "n-step-longest",
            &["--n-step", "1000", "--learning-starts", "998"],
            0,
        ),
        ("at-once", &["--n-step", "2", "--learning-starts", "0"], 69),
        ("prioritized", &["--prioritized"], 19),
        ("alpha", &["--prioritized", "--priority-alpha", "0.1"], 19),
        ("beta", &["--prioritized", "--priority-beta", "1"], 19),
        ("eps", &["--prioritized", "--priority-eps", "0.5"], 19),
        (
            "prioritized-online",
            &["--prioritized", "--buffer-size", "1", "--n-step", "3"],
            19,
        ),
        ("munchausen", &["--munchausen"], 19),
        (
            "munchausen-alpha",
            &["--munchausen", "--munchausen-alpha", "0.5"],
            19,
        ),
        (
            "munchausen-temperature",
            &["--munchausen", "--munchausen-temperature", "1"],
            19,
        ),
        (
            "munchausen-clip",
            &["--munchausen", "--munchausen-clip", "-0.001"],
            19,
        ),
    ] {
        let found = updates(name, more);
        assert_eq!(found.0, expected, "{name}");
        assert!(
            seen.iter().all(|other| other.1 != found.1),
            "{name} changes nothing"
        );
        seen.push(found);
    }
}

#[test]
fn listing_shows_every_name_and_parameter() {
    let dir = tempdir().unwrap();
    let ran = rl(dir.path(), &["--list"]);
    assert_eq!(ran.code, Some(0));
    for entry in optim::registry() {
        assert!(ran.stdout.contains(entry.formula));
        for param in entry.params {
            assert!(ran.stdout.contains(&param.help), "{}", param.help);
        }
    }
    for entry in envs::registry() {
        assert!(ran.stdout.contains(entry.name));
    }
    let help = rl(dir.path(), &["--help"]).stdout;
    assert!(
        help.contains("[default: 120,84]") && help.contains("Examples:"),
        "{help}"
    );
}
