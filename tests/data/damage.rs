//! Damaged and missing files are errors, never panics.

use std::{fs, path::Path};

use optimiser_paradigms::data::{Dataset, DatasetName};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::tempdir;

#[cfg(feature = "parquet")]
use crate::files::fixture;
use crate::files::{
    IDX, batches, cifar, fashion, folder_with, gz, idx_files, tar, usage, write_all,
};

#[test]
fn a_missing_data_set_is_an_error_that_says_how_to_get_it() {
    let empty = tempdir().unwrap();
    let here = empty.path().display().to_string();
    let url = "fetches cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz";
    let parts = [
        &*here,
        "data_batch_1.bin",
        "parquet",
        "--download",
        url,
        "--data-dir",
    ];
    usage(cifar(empty.path()), &parts);
    let parts = [
        &*here,
        "t10k-labels-idx1-ubyte",
        "apt install dataset-fashion-mnist",
        "--download",
    ];
    usage(fashion(empty.path()), &parts);
    usage(
        cifar(&empty.path().join("nowhere")),
        &["nowhere", "--download"],
    );
    let python = folder_with(&[("cifar-10-batches-py/data_batch_1", b"")]);
    usage(
        cifar(python.path()),
        &["version for Python", "cifar-10-binary.tar.gz"],
    );
}

/// Asserts that no damage to the file `name` of a data set in `folder` causes a panic.
fn survives_damage(data: DatasetName, folder: &Path, name: &str, tries: u32) {
    let path = folder.join(name);
    let good = fs::read(&path).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut refused = 0;
    for i in 0..tries {
        let mut bad = good.clone();
        if i % 3 == 0 {
            bad.truncate(rng.random_range(0..good.len()));
        }
        for _ in 0..i % 4 {
            let at = rng.random_range(0..=bad.len());
            if let Some(byte) = bad.get_mut(at) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
        fs::write(&path, &bad).unwrap();
        refused += u32::from(Dataset::load(data, Some(folder)).is_err());
    }
    assert!(refused > tries / 4, "{name}: {refused} of {tries} refused");
}

#[test]
fn no_damage_makes_a_panic() {
    let archive = "cifar-10-binary.tar.gz";
    let folder = folder_with(&[(archive, &gz(&tar(&batches())))]);
    survives_damage(DatasetName::Cifar10, folder.path(), archive, 300);

    for name in IDX {
        let folder = tempdir().unwrap();
        write_all(folder.path(), &idx_files(2, 2));
        survives_damage(DatasetName::FashionMnist, folder.path(), name, 100);
    }
    let packed = folder_with(&[]);
    for (name, bytes) in idx_files(2, 2) {
        fs::write(packed.path().join(format!("{name}.gz")), gz(&bytes)).unwrap();
    }
    let name = format!("{}.gz", IDX[0]);
    survives_damage(DatasetName::FashionMnist, packed.path(), &name, 200);
}

#[cfg(feature = "parquet")]
#[test]
fn no_damage_of_parquet_makes_a_panic() {
    let folder = tempdir().unwrap();
    for name in ["train", "test"] {
        let name = format!("{name}-00000-of-00001.parquet");
        fs::copy(fixture("plain_text").join(&name), folder.path().join(&name)).unwrap();
    }
    let name = "test-00000-of-00001.parquet";
    survives_damage(DatasetName::Cifar10, folder.path(), name, 400);
}
