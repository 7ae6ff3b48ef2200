//! Files of runs and studies that are not as they were written: every reader names them, and none believes them.

mod common;

use std::{fs, path::Path};

use common::{Ran, files, run};
use tempfile::tempdir;

const RL: &str = env!("CARGO_BIN_EXE_rl");
const SUPERVISED: &str = env!("CARGO_BIN_EXE_supervised");
const STUDY: &str = env!("CARGO_BIN_EXE_study");

const CONFIG: &str = "config.toml";
const SUMS: &str = "files.toml";

/// A run of an agent with every table.
const AGENT: [&str; 15] = [
    "--quiet",
    "--steps",
    "3000",
    "--learning-starts",
    "500",
    "--eval-every",
    "300",
    "--eval-episodes",
    "1",
    "--log-every",
    "10",
    "--diagnostics",
    "50",
    "--out",
    "r",
];

/// A supervised run without an agent.
const CONTROL: [&str; 11] = [
    "--quiet",
    "--dataset",
    "synthetic",
    "--net",
    "mlp",
    "--steps",
    "80",
    "--batch",
    "16",
    "--out",
    "r",
];

/// A family's program, its flags, its tables and its weights.
type Family = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

const FAMILIES: [Family; 2] = [
    (
        RL,
        &AGENT,
        &[
            "episodes.csv",
            "evaluations.csv",
            "updates.csv",
            "diagnostics.csv",
        ],
        "policy.safetensors",
    ),
    (
        SUPERVISED,
        &CONTROL,
        &["history.csv", "epochs.csv"],
        "weights.safetensors",
    ),
];

/// What can happen to a file; `None` if it is gone.
type Happens = fn(&[u8]) -> Option<Vec<u8>>;

const DAMAGES: [(&str, Happens, &str); 6] = [
    ("gone", |_| None, "is missing"),
    ("empty", |_| Some(Vec::new()), "0 bytes"),
    (
        "cut short",
        |bytes| Some(bytes[..bytes.len() - 1].to_vec()),
        "were written",
    ),
    ("without its last line", without_last_line, "were written"),
    (
        "with a flipped digit",
        flipped_digit,
        "its content is not what was written",
    ),
    (
        "longer",
        |bytes| Some([bytes, b"1\n"].concat()),
        "were written",
    ),
];

fn without_last_line(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes[..bytes.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n');
    Some(bytes[..end.map_or(0, |end| end + 1)].to_vec())
}

/// The last digit of all becomes another.
fn flipped_digit(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let at = bytes.iter().rposition(u8::is_ascii_digit);
    let at = at.unwrap_or(bytes.len() - 1);
    bytes[at] ^= 1;
    Some(bytes)
}

fn put(path: &Path, content: Option<&[u8]>) {
    match content {
        Some(content) => fs::write(path, content).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
}

fn ok(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// `ran` was refused, in words that have all of `words`.
fn refused(ran: &Ran, words: &[&str], what: &str) {
    assert_eq!(ran.code, Some(2), "{what}: {}", ran.stderr);
    for word in words {
        assert!(
            ran.stderr.contains(word),
            "{what}: no `{word}` in: {}",
            ran.stderr
        );
    }
}

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

/// `flags` to an end half-way, with a checkpoint, as on a full disk.
fn interrupted(program: &str, folder: &Path, flags: &[&str], blocks: &str) {
    let command = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} \"$@\"");
    let args = [&["-c", &command, "sh"], flags].concat();
    let ran = run("sh", folder, &args, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(folder.join("r/checkpoint.safetensors").exists());
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

const SMALL: &str = r#"
question = "?"
hypothesis = "-"
analysis = "-"
score = "area"
seeds = { tuning = "1..1", report = "2..3" }

[rl]
run = { steps = 900, eval_every = 100, eval_episodes = 1, log_every = 10, diagnostics = 50 }
agent = { learning_starts = 200, batch_size = 8, hidden = [8] }

[supervised]
run = { steps = 40, batch = 8 }

[[environments]]
env = "cartpole"

[[environments]]
kind = "supervised"
name = "pictures"
run = { dataset = "synthetic", net = "mlp" }

[[optimisers]]
name = "adam"
optimiser = "adam"
grid = { lr = [1e-3, 1e-2] }
"#;

/// The files of the results that depend on nothing but the experiment.
fn results(dir: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut all = files(&dir.join("results/small"));
    all.retain(|name, _| name != "cost.csv" && name != SUMS);
    all
}

#[test]
fn a_study_does_damaged_runs_again_and_believes_none() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("small.toml"), SMALL).unwrap();
    let study = |args: &[&str]| run(STUDY, dir.path(), args, &[]);
    ok(&study(&["run", "small.toml", "--quiet", "--keep-runs"]));
    let whole = results(dir.path());
    let runs = dir.path().join("runs/small");
    let folders = fs::read_dir(&runs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let folders: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    let with = |file: &str| {
        folders
            .iter()
            .find(|path| path.join(file).exists())
            .unwrap()
    };
    let collected = [
        "outcome.csv",
        "evaluations.csv",
        "diagnostics.csv",
        "epochs.csv",
    ];
    let others = [
        "episodes.csv",
        "history.csv",
        "policy.safetensors",
        "weights.safetensors",
    ];
    for (damage, happens, words) in DAMAGES {
        for file in collected.iter().chain(&others) {
            let what = format!("{file} {damage}");
            let folder = with(file);
            let id = folder.file_name().unwrap().to_str().unwrap();
            let before = files(folder);
            put(&folder.join(file), happens(&before[*file]).as_deref());
            let gone = (*file, damage) == ("outcome.csv", "gone");
            // The tables would be believed.
            fs::remove_dir_all(dir.path().join("results")).unwrap();
            // Only runs of the report stage have diagnostics that are collected.
            if collected.contains(file) && *file != "diagnostics.csv" && !gone {
                let words = [
                    id,
                    file,
                    words,
                    "`study run small.toml` does this run again",
                ];
                refused(&study(&["collect", "small.toml"]), &words, &what);
            }
            let ran = study(&["run", "small.toml"]);
            ok(&ran);
            let said = format!("run {id} starts again: ");
            assert!(gone || ran.stderr.contains(&said), "{what}: {}", ran.stderr);
            assert_eq!(files(folder), before, "{what}");
            assert_eq!(results(dir.path()), whole, "{what}");
        }
    }
    // Neither listing nor trying an experiment needs its runs.
    fs::remove_dir_all(dir.path().join("results")).unwrap();
    fs::write(with("evaluations.csv").join("evaluations.csv"), "").unwrap();
    ok(&study(&["list", "small.toml"]));
    ok(&study(&["verify", "small.toml"]));
}

#[test]
fn results_that_are_damaged_are_not_reported() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("small.toml"), SMALL).unwrap();
    let study = |args: &[&str]| run(STUDY, dir.path(), args, &[]);
    ok(&study(&["run", "small.toml", "--quiet"]));
    let folder = dir.path().join("results/small");
    let whole = files(&folder);
    let report = || study(&["report", "results/small"]);
    for (damage, happens, words) in DAMAGES {
        for file in whole.keys().filter(|file| *file != SUMS) {
            put(&folder.join(file), happens(&whole[file]).as_deref());
            refused(
                &report(),
                &[file, words, "study collect"],
                &format!("{file} {damage}"),
            );
            put(&folder.join(file), Some(&whole[file]));
        }
    }
    // Results from before there were checksums.
    fs::remove_file(folder.join(SUMS)).unwrap();
    for (damage, happens, _) in &DAMAGES[..5] {
        for file in ["curves.csv", "runs.csv", "tuning.csv"] {
            // A digit of a run's own line is only checked where another file has it too.
            if *damage == "with a flipped digit" && file != "curves.csv" {
                continue;
            }
            put(&folder.join(file), happens(&whole[file]).as_deref());
            refused(&report(), &[file], &format!("{file} {damage}"));
            put(&folder.join(file), Some(&whole[file]));
        }
    }
    ok(&report());
}
