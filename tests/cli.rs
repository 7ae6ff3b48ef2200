//! `rl` and `study` end to end: good input and bad.

mod common;

use std::{fs, path::Path};

use common::{Ran, SHORT, run};
use tempfile::tempdir;

fn rl(folder: &Path, args: &[&str]) -> Ran {
    run(env!("CARGO_BIN_EXE_rl"), folder, args, &[])
}

fn short(folder: &Path, more: &[&str]) -> Ran {
    rl(folder, &[&SHORT, more].concat())
}

/// The data lines of a CSV file, and its header.
fn csv(path: &Path) -> (String, Vec<String>) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(String::from);
    (lines.next().unwrap(), lines.collect())
}

#[test]
fn trains_and_leaves_everything_in_its_folder() {
    let dir = tempdir().unwrap();
    let ran = short(
        dir.path(),
        &["--env", "cartpole", "--opt", "rmsprop", "--out", "r"],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for word in [
        "final evaluation",
        "best evaluation",
        "solved (475)",
        "steps/s",
        "4 bytes per parameter",
    ] {
        assert!(ran.stdout.contains(word), "no `{word}` in:\n{}", ran.stdout);
    }
    // Without a terminal, a plain line every tenth.
    assert_eq!(ran.stderr.lines().count(), 10 - 5 + 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .lines()
            .all(|l| l.contains("steps/s") && l.contains("epsilon"))
    );

    let r = dir.path().join("r");
    let (header, rows) = csv(&r.join("episodes.csv"));
    assert_eq!(header, "step,episode,return,length,epsilon");
    assert!(rows.len() > 20);
    let (header, rows) = csv(&r.join("evaluations.csv"));
    assert_eq!(
        header,
        "step,episodes,mean_return,std_return,min_return,max_return,mean_length"
    );
    assert_eq!(rows.len(), 4, "at 0, 1000, 2000 and 3000 steps");
    let (header, rows) = csv(&r.join("updates.csv"));
    assert_eq!(header, "step,update,loss,mean_q,grad_norm");
    assert_eq!(rows.len(), 25, "every tenth of 249 updates");
    let (_, rows) = csv(&r.join("outcome.csv"));
    assert_eq!(rows.len(), 1);
    assert!(rows[0].contains(",finished,3000,"));
    let png = fs::read(r.join("learning_curve.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000);

    // The configuration that it wrote, with every value, gives the same run.
    let again = rl(dir.path(), &["--config", "r/config.toml", "--out", "r"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(
        again.stdout.contains("--force runs it again"),
        "{}",
        again.stdout
    );
    assert!(again.stdout.contains("final evaluation"));
}

#[test]
fn a_run_that_learns_nothing_says_so_at_its_start() {
    let dir = tempdir().unwrap();
    let args = ["--steps", "1e3", "--eval-every", "1_000", "--out", "r"];
    let ran = rl(dir.path(), &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(
        ran.stderr.lines().next(),
        Some(
            "warning: nothing is learned in 1000 steps: learning_starts = 10000; --learning-starts changes it"
        ),
        "{}",
        ran.stderr
    );
    let config = fs::read_to_string(dir.path().join("r/config.toml")).unwrap();
    for line in ["steps = 1000", "eval_every = 1000"] {
        assert!(config.lines().any(|l| l == line), "{line}: {config}");
    }
    let quiet = rl(dir.path(), &[&args[..], &["--force", "--quiet"]].concat());
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_finished_run_is_left_alone_until_forced() {
    let dir = tempdir().unwrap();
    let args = ["--quiet", "--out", "r"];
    let first = short(dir.path(), &args);
    assert_eq!(
        (first.code, first.stdout.as_str(), first.stderr.as_str()),
        (Some(0), "", "")
    );
    let machine = dir.path().join("r/machine.toml");
    fs::write(&machine, "mine = 1\n").unwrap();
    assert_eq!(short(dir.path(), &args).code, Some(0));
    assert_eq!(fs::read_to_string(&machine).unwrap(), "mine = 1\n");

    let other = short(dir.path(), &[&args[..], &["--seed", "2"]].concat());
    assert_eq!(other.code, Some(2));
    assert!(
        other.stderr.contains("already holds") && other.stderr.contains("--out"),
        "{}",
        other.stderr
    );
    assert_eq!(fs::read_to_string(&machine).unwrap(), "mine = 1\n");

    assert_eq!(
        short(dir.path(), &[&args[..], &["--force"]].concat()).code,
        Some(0)
    );
    assert_ne!(fs::read_to_string(&machine).unwrap(), "mine = 1\n");
}

#[test]
fn the_configuration_it_wrote_gives_the_same_bytes() {
    let dir = tempdir().unwrap();
    let first = short(
        dir.path(),
        &["-q", "--opt", "adam:eps=1e-4,beta1=0.9", "--out", "a"],
    );
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let again = rl(
        dir.path(),
        &["-q", "--config", "a/config.toml", "--out", "b"],
    );
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    for file in [
        "config.toml",
        "outcome.csv",
        "episodes.csv",
        "evaluations.csv",
        "updates.csv",
    ] {
        let read = |folder: &str| fs::read_to_string(dir.path().join(folder).join(file)).unwrap();
        assert_eq!(read("a"), read("b"), "{file}");
    }
}

#[test]
fn what_is_no_runs_is_never_overwritten() {
    let dir = tempdir().unwrap();
    let theirs = dir.path().join("site");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("config.toml"), "title = \"my page\"\n").unwrap();
    let ran = short(dir.path(), &["--out", "site", "--force"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr
            .contains("config.toml, which does not belong to a run"),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 1);
    // `study` does not overwrite a run either.
    assert_eq!(short(dir.path(), &["-q", "--out", "r"]).code, Some(0));
    let ran = run(
        env!("CARGO_BIN_EXE_study"),
        dir.path(),
        &["describe-env", "cartpole", "--out", "r"],
        &[],
    );
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("is a run's folder"), "{}", ran.stderr);
}

#[test]
fn a_run_killed_at_its_start_or_without_its_figure_is_mended() {
    let dir = tempdir().unwrap();
    fs::create_dir(dir.path().join("r")).unwrap();
    fs::write(dir.path().join("r/config.toml.part"), "prese").unwrap();
    assert_eq!(short(dir.path(), &["-q", "--out", "r"]).code, Some(0));
    let figure = dir.path().join("r/learning_curve.png");
    fs::remove_file(&figure).unwrap();
    assert_eq!(short(dir.path(), &["-q", "--out", "r"]).code, Some(0));
    assert!(figure.exists());
}

#[test]
fn a_reader_that_goes_away_does_not_stop_a_run() {
    let dir = tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_rl"))
        .current_dir(dir.path())
        .args([&SHORT[..], &["--out", "r"]].concat())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(dir.path().join("r/learning_curve.png").exists());
}

#[test]
fn two_processes_do_not_write_one_run() {
    let dir = tempdir().unwrap();
    let long = ["--steps", "100000000", "-q", "--out", "r"];
    let mut first = std::process::Command::new(env!("CARGO_BIN_EXE_rl"))
        .current_dir(dir.path())
        .args(long)
        .spawn()
        .unwrap();
    while !dir.path().join("r/updates.csv").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let second = rl(dir.path(), &long);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.code, Some(2));
    assert!(
        second.stderr.contains("another process"),
        "{}",
        second.stderr
    );
}

#[test]
fn an_unfinished_run_is_started_again() {
    let dir = tempdir().unwrap();
    assert_eq!(short(dir.path(), &["-q", "--out", "r"]).code, Some(0));
    let read = || fs::read(dir.path().join("r/episodes.csv")).unwrap();
    let whole = read();
    fs::remove_file(dir.path().join("r/outcome.csv")).unwrap();
    fs::write(dir.path().join("r/episodes.csv"), &whole[..whole.len() / 2]).unwrap();
    assert_eq!(short(dir.path(), &["-q", "--out", "r"]).code, Some(0));
    assert_eq!(read(), whole);
}

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

#[test]
fn a_diverging_run_is_a_row() {
    let dir = tempdir().unwrap();
    for (name, opt) in [("explodes", "sgd:lr=1e3"), ("nan", "sgd:lr=1e38")] {
        let ran = short(dir.path(), &["--opt", opt, "--out", name]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains("DIVERGED"), "{}", ran.stdout);
        let (_, rows) = csv(&dir.path().join(name).join("outcome.csv"));
        assert!(rows[0].contains(",diverged,"), "{}", rows[0]);
        let (_, updates) = csv(&dir.path().join(name).join("updates.csv"));
        let loss: f64 = updates
            .last()
            .unwrap()
            .split(',')
            .nth(2)
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            loss.is_nan() || loss > 1e9,
            "the last row shows why: {loss}"
        );
        assert!(dir.path().join(name).join("learning_curve.png").exists());
    }
}

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
