//! Runs shared among processes, killed, stopped or failed.

use super::*;

#[test]
fn shards_and_indices_end_in_the_same_bytes() {
    let whole = undisturbed();
    let shards = with(SMALL);
    for stage in ["tune", "report"] {
        for shard in ["1/2", "2/2"] {
            let args = [
                "run",
                "small.toml",
                "--stage",
                stage,
                "--shard",
                shard,
                "--jobs",
                "1",
            ];
            works(shards.path(), &args);
        }
    }
    works(shards.path(), &["collect", "small.toml"]);
    same(&whole, &results(shards.path()));

    let indices = with(SMALL);
    for (stage, runs) in [("tune", TUNING), ("report", REPORT)] {
        for k in (0..runs).rev() {
            let args = [
                "run",
                "small.toml",
                "--stage",
                stage,
                "--index",
                &k.to_string(),
            ];
            works(indices.path(), &args);
        }
    }
    works(indices.path(), &["collect", "small.toml"]);
    same(&whole, &results(indices.path()));
}

#[test]
fn killed_at_random_moments_it_ends_in_the_same_bytes() {
    let whole = undisturbed();
    let dir = with(SMALL);
    let mut moments = ChaCha8Rng::seed_from_u64(9);
    let mut resumed = false;
    for round in 0..15 {
        let mut child = spawn(dir.path(), &["--checkpoint-every", "100"]);
        // On a busy machine a run takes longer to get to a checkpoint.
        let most = if resumed { 120 } else { 120 + 40 * round };
        sleep(Duration::from_millis(moments.random_range(5..most)));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        resumed |= String::from_utf8_lossy(&output.stderr).contains("continues from step");
    }
    assert!(resumed, "no run went on from a checkpoint");
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    same(&whole, &results(dir.path()));
}

#[test]
fn a_signal_ends_all_runs_after_a_checkpoint() {
    let whole = undisturbed();
    let dir = with(SMALL);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let before = recorded(dir.path()).len();
        let mut child = spawn(dir.path(), &["--jobs", "1"]);
        while recorded(dir.path()).len() < before + 2 {
            assert!(child.try_wait().unwrap().is_none(), "it has ended");
            sleep(Duration::from_millis(1));
        }
        let kill = ["-s", signal, &child.id().to_string()];
        assert!(Command::new("kill").args(kill).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("the same command continues"), "{said}");
    }
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    same(&whole, &results(dir.path()));
}

#[test]
fn two_at_once_share_the_work() {
    let whole = undisturbed();
    let dir = with(SMALL);
    let both = [(); 2].map(|()| spawn(dir.path(), &["--jobs", "1"]));
    for child in both {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
    same(&whole, &results(dir.path()));
}

#[test]
fn a_run_that_fails_is_named_and_stops_no_other() {
    let dir = with(SMALL);
    works(
        dir.path(),
        &["run", "small.toml", "--stage", "tune", "--index", "5"],
    );
    let id = recorded(dir.path()).remove(0);
    fs::remove_dir_all(dir.path().join("results")).unwrap();
    let lock = dir.path().join(format!("runs/small/{id}.lock"));
    fs::create_dir(&lock).unwrap();
    let ran = study(dir.path(), &["run", "small.toml", "--stage", "tune"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for words in [id.as_str(), ".lock", "1 of 16 runs failed"] {
        assert!(
            ran.stderr.contains(words),
            "no `{words}` in: {}",
            ran.stderr
        );
    }
    assert_eq!(recorded(dir.path()).len(), 15, "the others are done");
    let ran = study(dir.path(), &["collect", "small.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr
            .contains("2 of 32 runs of stage tune are not done"),
        "{}",
        ran.stderr
    );
    fs::remove_dir(&lock).unwrap();
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    same(&undisturbed(), &results(dir.path()));
}
