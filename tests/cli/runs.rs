//! Runs from their flags to their files.

use super::*;

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
            .all(|l| l.contains("steps/s") && l.contains("epsilon") && !l.contains("- left"))
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
