//! Damaged folders of runs.

use super::*;

#[test]
fn a_finished_run_with_a_damaged_file_is_named_and_run_again_by_force() {
    for (program, flags, tables, weights) in FAMILIES {
        let dir = tempdir().unwrap();
        let again = |more: &[&str]| run(program, dir.path(), &[flags, more].concat(), &[]);
        ok(&again(&[]));
        let folder = dir.path().join("r");
        let whole = files(&folder);
        for (damage, happens, words) in DAMAGES {
            for file in tables.iter().chain([&weights, &"outcome.csv"]) {
                let what = format!("{file} {damage}");
                put(&folder.join(file), happens(&whole[*file]).as_deref());
                // Without an outcome it is no finished run.
                if (*file, damage) != ("outcome.csv", "gone") {
                    for more in [&[][..], &["--resume"]] {
                        let ran = again(more);
                        refused(&ran, &[file, words, "--force runs it again"], &what);
                    }
                }
                put(&folder.join(file), Some(&whole[*file]));
            }
        }
        // The checksums themselves.
        for (damage, happens, _) in &DAMAGES[1..3] {
            put(&folder.join(SUMS), happens(&whole[SUMS]).as_deref());
            if *damage == "empty" {
                refused(&again(&["--resume"]), &[SUMS, "--force"], damage);
            }
            put(&folder.join(SUMS), Some(&whole[SUMS]));
        }
        assert_eq!(files(&folder), whole);
        fs::write(folder.join(tables[0]), "mine").unwrap();
        ok(&again(&["--force"]));
        assert_eq!(files(&folder), whole);
    }
}

/// Takes away what a run from before there were checksums did not write.
fn age(folder: &Path) {
    for newer in [SUMS, "machine.toml"] {
        let _ = fs::remove_file(folder.join(newer));
    }
}

#[test]
fn checksums_that_were_written_and_are_gone_are_missed() {
    for (program, flags, ..) in FAMILIES {
        let dir = tempdir().unwrap();
        let again = |more: &[&str]| run(program, dir.path(), &[flags, more].concat(), &[]);
        ok(&again(&[]));
        let folder = dir.path().join("r");
        let whole = files(&folder);
        fs::remove_file(folder.join(SUMS)).unwrap();
        for more in [&[][..], &["--resume"]] {
            refused(&again(more), &[SUMS, "is missing", "--force"], program);
        }
        ok(&again(&["--force"]));
        assert_eq!(files(&folder), whole);
        // Nothing says that it had any.
        age(&folder);
        let loud: Vec<&str> = flags
            .iter()
            .copied()
            .filter(|flag| *flag != "--quiet")
            .collect();
        let ran = run(
            program,
            dir.path(),
            &[&loud[..], &["--resume"]].concat(),
            &[],
        );
        ok(&ran);
        assert!(
            ran.stderr.contains("has no files.toml"),
            "{program}: {}",
            ran.stderr
        );
    }
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_named_and_nothing_hangs() {
    for (program, flags, tables, weights) in FAMILIES {
        let dir = tempdir().unwrap();
        let again = |more: &[&str]| run(program, dir.path(), &[flags, more].concat(), &[]);
        ok(&again(&[]));
        let folder = dir.path().join("r");
        let whole = files(&folder);
        let mut names = vec![
            CONFIG,
            SUMS,
            "outcome.csv",
            "machine.toml",
            weights,
            tables[0],
        ];
        names.extend(["checkpoint.safetensors", ".lock", "outcome.csv.part"]);
        for name in names {
            let path = folder.join(name);
            let there = fs::read(&path).ok();
            for kind in ["a folder", "a pipe"] {
                let _ = fs::remove_file(&path);
                if kind == "a folder" {
                    fs::create_dir(&path).unwrap();
                } else {
                    let made = std::process::Command::new("mkfifo").arg(&path).status();
                    assert!(made.unwrap().success());
                }
                for more in [&[][..], &["--resume"], &["--force"]] {
                    let what = format!("{program} {name} {kind} {more:?}");
                    refused(&again(more), &[name, kind, "move it away"], &what);
                }
                let _ = fs::remove_dir(&path);
                let _ = fs::remove_file(&path);
            }
            if let Some(content) = there {
                fs::write(&path, content).unwrap();
            }
        }
        ok(&again(&["--resume"]));
        assert_eq!(files(&folder), whole);
    }
}

#[test]
fn a_run_from_before_there_were_checksums_is_held_against_its_outcome() {
    for (program, flags, tables, _) in FAMILIES {
        let dir = tempdir().unwrap();
        let again = || run(program, dir.path(), &[flags, &["--resume"]].concat(), &[]);
        ok(&again());
        let folder = dir.path().join("r");
        age(&folder);
        ok(&again());
        let diverging = [
            flags,
            &["--opt", "sgd", "--lr", "1e20", "--out", "d", "--resume"],
        ]
        .concat();
        for _ in 0..2 {
            ok(&run(program, dir.path(), &diverging, &[]));
            age(&dir.path().join("d"));
        }
        let whole = files(&folder);
        for (damage, happens, _) in &DAMAGES[..4] {
            for file in tables {
                // Which updates are looked at is random: how many lines there are is not known.
                if *file == "diagnostics.csv" && *damage == "without its last line" {
                    continue;
                }
                put(&folder.join(file), happens(&whole[*file]).as_deref());
                refused(
                    &again(),
                    &[file, "--force runs it again"],
                    &format!("{file} {damage}"),
                );
                put(&folder.join(file), Some(&whole[*file]));
            }
        }
    }
}

#[test]
fn a_run_without_its_configuration_gets_it_back_or_is_refused() {
    for (program, flags, tables, _) in FAMILIES {
        let dir = tempdir().unwrap();
        let again = |more: &[&str]| run(program, dir.path(), &[flags, more].concat(), &[]);
        ok(&again(&[]));
        let folder = dir.path().join("r");
        let whole = files(&folder);
        for left in [None, Some(&b""[..]), Some(b"\n \n")] {
            for more in [&[][..], &["--resume"]] {
                put(&folder.join(CONFIG), left);
                let other = again(&[more, &["--seed", "7"]].concat());
                refused(&other, &["already holds another run"], "another seed");
                ok(&again(more));
                assert_eq!(files(&folder), whole, "{left:?}");
            }
        }
        // It became something else.
        for (damage, happens, _) in &DAMAGES[2..] {
            put(&folder.join(CONFIG), happens(&whole[CONFIG]).as_deref());
            for more in [&[][..], &["--resume"]] {
                let words = [CONFIG, "is not the configuration of run", "--force"];
                refused(&again(more), &words, damage);
            }
        }
        ok(&again(&["--force"]));
        assert_eq!(files(&folder), whole);
        // It became another's.
        let edited = String::from_utf8(whole[CONFIG].clone()).unwrap();
        fs::write(folder.join(CONFIG), edited.replace("seed = 1", "seed = 7")).unwrap();
        refused(
            &again(&["--seed", "7"]),
            &["outcome.csv", "--force"],
            "edited",
        );
        // Nobody knows whose tables these are.
        for file in [CONFIG, SUMS, "outcome.csv"] {
            fs::remove_file(folder.join(file)).unwrap();
        }
        for more in [&[][..], &["--resume"]] {
            refused(&again(more), &[CONFIG, "is missing", "--force"], "unknown");
        }
        assert_eq!(files(&folder)[tables[0]], whole[tables[0]]);
        ok(&again(&["--force"]));
        assert_eq!(files(&folder), whole);
    }
}

/// A run whose log of updates outgrows 96 blocks, long after its first checkpoint.
const TALKATIVE: [&str; 8] = [
    "--steps",
    "6000",
    "--log-every",
    "1",
    "--train-frequency",
    "1",
    "--checkpoint-every",
    "1000",
];

#[test]
fn an_interrupted_run_goes_on_from_whole_files_alone() {
    let small = ["--buffer-size", "500", "--hidden", "8", "--batch-size", "8"];
    let flags = [&AGENT[..], &TALKATIVE, &small].concat();
    let dir = tempdir().unwrap();
    let whole = tempdir().unwrap();
    ok(&run(RL, whole.path(), &flags, &[]));
    interrupted(RL, dir.path(), &flags, "96");
    let folder = dir.path().join("r");
    let left = files(&folder);
    let resume = |more: &[&str]| {
        run(
            RL,
            dir.path(),
            &[&flags[..], &["--resume"], more].concat(),
            &[],
        )
    };
    let way_out = "--force starts the run again";
    for file in [
        "episodes.csv",
        "evaluations.csv",
        "updates.csv",
        "diagnostics.csv",
    ] {
        // What is behind the checkpoint is done again; these are before it.
        let mut flipped = left[file].clone();
        let header = flipped.iter().position(|byte| *byte == b'\n').unwrap();
        let digit = header
            + 1
            + flipped[header + 1..]
                .iter()
                .position(u8::is_ascii_digit)
                .unwrap();
        flipped[digit] ^= 1;
        let short = flipped[..digit].to_vec();
        for (content, words) in [
            (Some(&flipped[..]), "not what it was at the checkpoint"),
            (Some(&short), "the checkpoint expects"),
            (Some(b""), "the checkpoint expects"),
            (None, "is missing"),
        ] {
            put(&folder.join(file), content);
            let before = files(&folder);
            refused(&resume(&[]), &[file, words, way_out], file);
            assert_eq!(files(&folder), before);
            put(&folder.join(file), Some(&left[file]));
        }
    }
    for config in [None, Some(&b""[..]), Some(b"seed = ")] {
        put(&folder.join(CONFIG), config);
        if config.is_some_and(|config| !config.is_empty()) {
            continue;
        }
        refused(
            &resume(&["--gamma", "0.5"]),
            &["checkpoint.safetensors", way_out],
            "gamma",
        );
    }
    // Its configuration is gone, and comes back.
    ok(&resume(&[]));
    assert_eq!(files(&folder), files(&whole.path().join("r")));
}

#[test]
fn an_agent_that_is_damaged_is_not_played() {
    let dir = tempdir().unwrap();
    ok(&run(RL, dir.path(), &AGENT, &[]));
    let folder = dir.path().join("r");
    let whole = files(&folder);
    let play = ["--play", "r", "--quiet", "--eval-episodes", "1"];
    let taught = [
        "--dataset",
        "q-regression",
        "--teacher",
        "r",
        "--buffer",
        "200",
        "--quiet",
    ];
    let described = [
        "describe-env",
        "cartpole",
        "--policy",
        "r",
        "--streams",
        "2",
        "--steps",
        "100",
    ];
    let readers = [(RL, &play[..]), (SUPERVISED, &taught), (STUDY, &described)];
    for sums in [true, false] {
        if !sums {
            age(&folder);
        }
        for (damage, happens, _) in DAMAGES {
            for file in ["policy.safetensors", CONFIG] {
                // Without checksums, weights that have the right shape are believed.
                if !sums && file == "policy.safetensors" && damage.contains("digit") {
                    continue;
                }
                put(&folder.join(file), happens(&whole[file]).as_deref());
                for (program, args) in readers {
                    let ran = run(program, dir.path(), args, &[]);
                    refused(&ran, &[file], &format!("{program} {file} {damage}, {sums}"));
                    if sums {
                        assert!(ran.stderr.contains("--out r --force"), "{}", ran.stderr);
                    }
                }
                put(&folder.join(file), Some(&whole[file]));
            }
        }
    }
}

#[test]
fn a_configuration_with_nothing_in_it_is_an_error_and_comments_are_not() {
    let dir = tempdir().unwrap();
    for text in ["", "\n", " \t\n\n", "\u{feff}"] {
        fs::write(dir.path().join("c.toml"), text).unwrap();
        let ran = run(
            RL,
            dir.path(),
            &[&AGENT[..], &["--config", "c.toml"]].concat(),
            &[],
        );
        refused(&ran, &["c.toml", "it is empty; write settings"], text);
        assert!(!dir.path().join("r").exists());
    }
    fs::write(dir.path().join("c.toml"), "# seed = 3\n").unwrap();
    ok(&run(
        RL,
        dir.path(),
        &[&AGENT[..], &["--config", "c.toml"]].concat(),
        &[],
    ));
}
