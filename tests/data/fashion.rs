//! Fashion-MNIST's IDX files.

use std::{fs, path::Path};

use optimiser_paradigms::data::{Dataset, DatasetName};
use sha2::{Digest, Sha256};
use tempfile::tempdir;

use crate::files::{DEBIAN, IDX, fashion, gz, idx_files, usage, write_all};

pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn idx_packed_and_unpacked_are_the_same_images() {
    let files = idx_files(12, 3);
    let folder = tempdir().unwrap();
    write_all(folder.path(), &files);
    let data = fashion(folder.path()).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (12, 3));
    assert_eq!(data.train.shape(), [1, 28, 28]);
    assert_eq!(data.train.labels()[11], 1);
    assert_eq!(data.train.images(), &files[0].1[16..]);
    assert_eq!(data.classes[9], "Ankle boot");

    let packed = files.map(|(name, bytes)| (name, gz(&bytes)));
    let folder = tempdir().unwrap();
    let raw = folder.path().join("FashionMNIST/raw");
    fs::create_dir_all(&raw).unwrap();
    for (name, bytes) in &packed {
        fs::write(raw.join(format!("{name}.gz")), bytes).unwrap();
    }
    assert_eq!(fashion(folder.path()).unwrap(), data);
}

#[test]
fn bad_idx_files_are_errors_that_name_them() {
    let with = |file: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut files = idx_files(12, 3);
        change(&mut files[file].1);
        let folder = tempdir().unwrap();
        write_all(folder.path(), &files);
        fashion(folder.path())
    };
    usage(
        with(0, &|file| file[2] = 9),
        &[IDX[0], "needed: [00, 00, 08, 03]"],
    );
    usage(
        with(1, &|file| file[3] = 3),
        &[IDX[1], "needed: [00, 00, 08, 01]"],
    );
    usage(
        with(2, &|file| file.truncate(15)),
        &[IDX[2], "15 bytes are not an IDX file"],
    );
    usage(
        with(2, &|file| file.truncate(784)),
        &[IDX[2], "768 bytes follow", "[3, 28, 28]"],
    );
    usage(
        with(3, &|file| file[8] = 10),
        &[IDX[3], "label 10", "0 to 9"],
    );
    usage(
        with(0, &|file| file[4..16].fill(255)),
        &[IDX[0], "4294967295"],
    );
    let fewer = |file: &mut Vec<u8>| {
        file[7] = 11;
        file.pop();
    };
    usage(
        with(1, &fewer),
        &[IDX[0], "12 images, but 11 labels", IDX[1]],
    );
    let narrow = |file: &mut Vec<u8>| {
        file[11] = 14;
        file[15] = 56;
    };
    usage(with(0, &narrow), &[IDX[0], "14x56", "28x28"]);

    let folder = tempdir().unwrap();
    write_all(folder.path(), &idx_files(2, 2)[..3]);
    usage(fashion(folder.path()), &[IDX[3], "missing"]);
    let truncated = gz(&idx_files(2, 2)[3].1);
    let path = folder.path().join(format!("{}.gz", IDX[3]));
    fs::write(&path, &truncated[..truncated.len() - 9]).unwrap();
    usage(
        fashion(folder.path()),
        &[".gz", "damaged", "ends too early"],
    );
}

/// The digests are those that `data.py` prints for the same files.
#[test]
fn fashion_mnist_is_what_python_reads() {
    if !Path::new(DEBIAN).exists() {
        eprintln!("skipped: Debian's dataset-fashion-mnist is not installed");
        return;
    }
    // This folder is found without being named.
    assert!(Dataset::load(DatasetName::FashionMnist, None).is_ok());
    let data = fashion(Path::new(DEBIAN)).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (60_000, 10_000));
    for (split, each) in [(&data.train, 6_000), (&data.test, 1_000)] {
        for class in 0..10 {
            let n = split
                .labels()
                .iter()
                .filter(|label| **label == class)
                .count();
            assert_eq!(n, each, "{class}");
        }
    }
    let digests = [
        data.train.images(),
        data.train.labels(),
        data.test.images(),
        data.test.labels(),
    ];
    let needed = [
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ];
    assert_eq!(digests.map(sha256), needed);
}
