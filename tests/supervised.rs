//! The `supervised` binary end to end: what it learns, what it writes, what it refuses.
#![cfg(unix)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use candle_core::{Device, Tensor};
use common::{files, run};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::tempdir;

const SUPERVISED: &str = env!("CARGO_BIN_EXE_supervised");
const SYNTHETIC: [&str; 3] = ["--dataset", "synthetic", "--quiet"];

fn finish_with(folder: &Path, out: &str, args: &[&str], vars: &[(&str, &str)]) {
    let args = [&SYNTHETIC, args, &["--out", out]].concat();
    let ran = run(SUPERVISED, folder, &args, vars);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout + &ran.stderr, "");
}

fn finish(folder: &Path, out: &str, args: &[&str]) -> BTreeMap<String, Vec<u8>> {
    finish_with(folder, out, args, &[]);
    files(&folder.join(out))
}

fn assert_same(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in a {
        assert!(*bytes == b[name], "{name} differs");
    }
}

/// A column of a run's CSV file.
fn column(files: &BTreeMap<String, Vec<u8>>, file: &str, column: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(files[file].as_slice());
    let place = reader.headers().unwrap().iter().position(|h| h == column);
    let place = place.unwrap_or_else(|| panic!("{file} has no {column}"));
    let rows = reader.records().map(|row| row.unwrap()[place].to_owned());
    rows.collect()
}

fn weights(folder: &Path) -> BTreeMap<String, Tensor> {
    let path = folder.join("weights.safetensors");
    let all = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    all.into_iter().collect()
}

fn same(a: &Tensor, b: &Tensor) -> bool {
    let bytes = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    bytes(a) == bytes(b)
}

const RESNET: [&str; 4] = ["--batch", "50", "--steps", "6"];

#[test]
fn resnet_gives_the_same_bytes_on_one_thread_and_on_many_and_when_resumed() {
    let dir = tempdir().unwrap();
    let args = [&RESNET[..], &["--augment", "--opt", "momentum"]].concat();
    finish_with(dir.path(), "one", &args, &[("RAYON_NUM_THREADS", "1")]);
    finish_with(dir.path(), "three", &args, &[("RAYON_NUM_THREADS", "3")]);
    let whole = files(&dir.path().join("one"));
    assert_same(&whole, &files(&dir.path().join("three")));
    assert_eq!(column(&whole, "history.csv", "step"), ["2", "4", "6"]);
    assert!(whole.contains_key("training_metrics.png"));

    // Stopped after its first checkpoint, and resumed.
    let again = ["--resume", "--checkpoint-every", "2", "--out", "stopped"];
    let mut child = Command::new(SUPERVISED)
        .current_dir(dir.path())
        .args([&SYNTHETIC[..], &args, &again].concat())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let checkpoint = dir.path().join("stopped/checkpoint.safetensors");
    while !checkpoint.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it never saved itself");
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_same(
        &whole,
        &finish(dir.path(), "stopped", &[&args[..], &["--resume"]].concat()),
    );
}

#[test]
fn killed_at_twenty_moments_and_resumed_it_ends_in_the_same_bytes() {
    let dir = tempdir().unwrap();
    let args = [
        "--net", "mlp", "--opt", "adam", "--epochs", "60", "--batch", "32",
    ];
    let whole = finish(dir.path(), "whole", &args);
    let more = ["--resume", "--checkpoint-every", "20", "--out", "killed"];
    let mut moments = ChaCha8Rng::seed_from_u64(3);
    let mut survived = 0;
    for _ in 0..20 {
        let mut child = Command::new(SUPERVISED)
            .current_dir(dir.path())
            .args([&SYNTHETIC[..], &args, &more].concat())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_micros(moments.random_range(0..400_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        survived += u32::from(dir.path().join("killed/checkpoint.safetensors").exists());
    }
    assert!(survived > 0, "no run got as far as a checkpoint");
    assert_same(
        &whole,
        &finish(dir.path(), "killed", &[&args[..], &["--resume"]].concat()),
    );
}

#[test]
fn learns() {
    let dir = tempdir().unwrap();
    for (out, args) in [
        ("resnet", &["--batch", "64", "--steps", "32"][..]),
        ("mlp", &["--net", "mlp", "--epochs", "15"]),
    ] {
        let run = finish(dir.path(), out, args);
        let accuracy: f64 = column(&run, "outcome.csv", "test_accuracy")[0]
            .parse()
            .unwrap();
        assert!(accuracy > 0.8, "{out}: {accuracy}");
    }
}

#[test]
fn the_last_layer_alone_learns_on_a_frozen_backbone() {
    let dir = tempdir().unwrap();
    finish(dir.path(), "all", &RESNET);
    // A state from elsewhere, with a last layer for other classes.
    let mut pretrained = weights(&dir.path().join("all"));
    let other = Tensor::zeros((1000, 512), candle_core::DType::F32, &Device::Cpu).unwrap();
    pretrained.insert("fc.weight".into(), other);
    let before: std::collections::HashMap<_, _> = pretrained.clone().into_iter().collect();
    let file = dir.path().join("pretrained.safetensors");
    candle_core::safetensors::save(&before, &file).unwrap();
    let frozen = ["--train", "fc", "--weights", "pretrained.safetensors"];
    let run = finish(dir.path(), "fc", &[&RESNET[..], &frozen].concat());
    assert_eq!(column(&run, "outcome.csv", "parameters"), ["5130"]);
    let losses = column(&run, "history.csv", "loss");
    assert!(losses[0].parse::<f64>().unwrap() > losses[2].parse().unwrap());
    for (name, after) in weights(&dir.path().join("fc")) {
        if name.ends_with("num_batches_tracked") {
            continue;
        }
        let moved = name.starts_with("fc.");
        let unlike = after.dims() != pretrained[&name].dims() || !same(&after, &pretrained[&name]);
        assert_eq!(unlike, moved, "{name}");
    }
}

#[test]
fn optimisers_of_a_comparison_start_from_the_same_weights_and_are_drawn_together() {
    let dir = tempdir().unwrap();
    let args = [
        "--net",
        "mlp",
        "--epochs",
        "2",
        "--opt",
        "sgd,adam:lr=1e-3,beta1=0,rmsprop",
    ];
    let args = [&SYNTHETIC[..2], &args, &["--out", "all", "--seeds", "2"]].concat();
    let ran = run(SUPERVISED, dir.path(), &args, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("adam:lr=0.001,beta1=0").count(), 2);
    assert!(dir.path().join("all/training_metrics.png").exists());
    let all: BTreeMap<_, _> = ["runs.csv", "epochs.csv"]
        .map(|name| {
            (
                name.to_owned(),
                fs::read(dir.path().join("all").join(name)).unwrap(),
            )
        })
        .into();
    assert_eq!(
        column(&all, "runs.csv", "seed"),
        ["1", "2", "1", "2", "1", "2"]
    );
    assert_eq!(column(&all, "epochs.csv", "epoch").len(), 12);
    // There is nothing to play.
    assert!(
        column(&all, "epochs.csv", "test_return")
            .iter()
            .all(String::is_empty)
    );
    let mut first: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(dir.path().join("all")).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            let run = files(&folder);
            let seed = column(&run, "outcome.csv", "seed")[0].clone();
            // The first loss comes before any update.
            first
                .entry(seed)
                .or_default()
                .push(column(&run, "history.csv", "loss")[0].clone());
        }
    }
    assert_eq!(first.len(), 2);
    assert!(first.values().all(|losses| losses.len() == 3));
    // A second call leaves them as they are.
    let again = run(SUPERVISED, dir.path(), &args, &[]);
    assert_eq!((again.code, again.stderr), (Some(0), String::new()));
}

#[test]
fn a_run_that_diverges_is_a_row() {
    let dir = tempdir().unwrap();
    let args = ["--net", "mlp", "--epochs", "3", "--opt", "sgd:lr=1e30"];
    let run = finish(dir.path(), "wild", &args);
    assert_eq!(column(&run, "outcome.csv", "status"), ["diverged"]);
    assert_eq!(column(&run, "outcome.csv", "test_accuracy"), ["0.0"]);
}

#[test]
fn mistakes_are_answered() {
    let dir = tempdir().unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::write(dir.path().join("text.safetensors"), "no weights").unwrap();
    for (args, words) in [
        (&["--opt", "adm"][..], &["adm", "adam"][..]),
        (&["--opt", "adam,adam"], &["twice"]),
        (&["--opt", "adam:beta3=1"], &["beta3", "beta1"]),
        (&["--batch", "501"], &["batch = 501", "500"]),
        (&["--batch", "1"], &["batch = 1", "from 2 to 65536"]),
        (&["--batch", "499"], &["batch = 499", "one image"]),
        (
            &["--epochs", "0"],
            &["'0' for '--epochs", "a whole number >= 1"],
        ),
        (
            &["--net", "mlp", "--train", "fc"],
            &["train = fc", "resnet18"],
        ),
        (&["--precision", "bf16"], &["precision", "f32"]),
        (&["--device", "cuda"], &["device = cuda"]),
        (&["--weights", "text.safetensors"], &["text.safetensors"]),
        (&["--weights", "nowhere"], &["nowhere"]),
        (&["--teacher", "runs/x"], &["teacher", "q-regression"]),
        (
            &["--dataset", "cifar10", "--data-dir", "empty"],
            &["empty", "cifar-10-binary.tar.gz"],
        ),
        (&["--dataset", "mnist"], &["mnist", "fashion-mnist"]),
        (
            &["--dataset", "synthetic", "--download"],
            &["synthetic", "download"],
        ),
    ] {
        let args = [&SYNTHETIC[..], args, &["--out", "x"]].concat();
        let ran = run(SUPERVISED, dir.path(), &args, &[]);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        for word in words {
            assert!(ran.stderr.contains(word), "{args:?}: {}", ran.stderr);
        }
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        // A run that never started leaves no files.
        assert!(!dir.path().join("x").exists(), "{args:?}");
    }
}
