//! CIFAR-10 in its binary version and as parquet.

use std::fs;

use optimiser_paradigms::Error;
use tempfile::tempdir;

#[cfg(feature = "parquet")]
use crate::files::Fixture;
use crate::files::{RECORD, batches, cifar, fixture, folder_with, gz, tar, usage, write_all};

#[test]
fn the_archive_and_its_files_are_the_same_images() {
    let batches = batches();
    let packed = folder_with(&[("cifar-10-binary.tar.gz", &gz(&tar(&batches)))]);
    let data = cifar(packed.path()).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (15, 6));
    assert_eq!(data.train.shape(), [3, 32, 32]);
    assert_eq!(data.classes[9], "truck");
    // The third image of data_batch_3 comes after 1 + 2 + 2.
    assert_eq!(data.train.labels()[5], 2);
    assert_eq!(data.train.image(5), &batches[2].1[2 * RECORD + 1..]);
    let test: Vec<u8> = batches[5]
        .1
        .chunks(RECORD)
        .flat_map(|it| it[1..].to_vec())
        .collect();
    assert_eq!(data.test.images(), test);

    for below in ["", "cifar-10-batches-bin"] {
        let folder = tempdir().unwrap();
        let at = folder.path().join(below);
        fs::create_dir_all(&at).unwrap();
        write_all(&at, &batches);
        assert_eq!(cifar(folder.path()).unwrap(), data, "{below}");
    }
    // The order in the archive does not matter.
    let mut reversed = batches;
    reversed.reverse();
    let packed = folder_with(&[("cifar-10-binary.tar.gz", &gz(&tar(&reversed)))]);
    assert_eq!(cifar(packed.path()).unwrap(), data);
}

#[test]
fn a_bad_archive_is_an_error_that_names_it() {
    const NAME: &str = "cifar-10-binary.tar.gz";
    let batches = batches();
    let tarred = tar(&batches);
    let with = |bytes: &[u8]| folder_with(&[(NAME, bytes)]);
    let try_with = |bytes: &[u8]| cifar(with(bytes).path());

    usage(
        try_with(b"<html>Not Found</html>"),
        &[NAME, "damaged, or not what its name says"],
    );
    usage(try_with(b""), &[NAME]);
    usage(
        try_with(&gz(b"text, not tar, and long enough for no header at all")),
        &[NAME],
    );
    let whole = gz(&tarred);
    usage(try_with(&whole[..whole.len() / 2]), &[NAME, "damaged"]);
    usage(try_with(&whole[..whole.len() - 1]), &[NAME, "damaged"]);
    usage(try_with(&gz(&tarred[..tarred.len() / 2])), &[NAME]);
    usage(
        try_with(&gz(&tar(&batches[..5]))),
        &[NAME, "no test_batch.bin"],
    );
    // Only gzip's checksum is wrong.
    let mut damaged = whole.clone();
    let at = damaged.len() - 8;
    damaged[at] ^= 1;
    usage(try_with(&damaged), &[NAME, "damaged"]);

    let mut odd = batches.clone();
    odd[1].1.pop();
    usage(
        try_with(&gz(&tar(&odd))),
        &[NAME, "data_batch_2.bin", "6145 bytes", "multiple of 3073"],
    );
    let mut wrong = batches.clone();
    wrong[5].1[2 * RECORD] = 10;
    usage(
        try_with(&gz(&tar(&wrong))),
        &[NAME, "test_batch.bin", "label 10", "0 to 9"],
    );
    let mut long = batches.clone();
    long[0].1 = vec![0; 10_001 * RECORD];
    usage(
        try_with(&gz(&tar(&long))),
        &[NAME, "data_batch_1.bin", "30730000 bytes"],
    );
}

#[test]
fn bad_batches_are_errors_that_name_them() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    write_all(at, &batches());
    fs::write(at.join("data_batch_4.bin"), "").unwrap();
    usage(cifar(at), &["data_batch_4.bin", "0 bytes"]);
    fs::write(at.join("data_batch_4.bin"), vec![255; RECORD]).unwrap();
    usage(cifar(at), &["data_batch_4.bin", "label 255"]);
    fs::remove_file(at.join("data_batch_4.bin")).unwrap();
    usage(cifar(at), &["data_batch_4.bin is missing"]);
    // If the system fails, the request is not at fault.
    fs::create_dir(at.join("data_batch_4.bin")).unwrap();
    assert!(matches!(cifar(at), Err(Error::Io { path, .. }) if path.ends_with("data_batch_4.bin")));
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder_with(&[("cifar-10-binary.tar.gz", b"")]);
    let path = folder.path().join("cifar-10-binary.tar.gz");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read(&path).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    assert!(matches!(cifar(folder.path()), Err(Error::Io { path: named, .. }) if named == path));
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_what_hugging_face_wrote() {
    let data = cifar(&fixture("")).unwrap();
    let fixture_values = Fixture::read();
    for (split, name) in [(&data.train, "train"), (&data.test, "test")] {
        assert_eq!(split.images(), fixture_values.images(name), "{name}");
        assert_eq!(
            split.labels(),
            fixture_values.bytes(&format!("{name}.labels"))
        );
    }
    assert_eq!((data.train.len(), data.test.len()), (25, 10));
    assert_eq!(cifar(&fixture("plain_text")).unwrap(), data);
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_program_without_parquet_says_so() {
    usage(
        cifar(&fixture("")),
        &["train-00000", "without the feature `parquet`"],
    );
}

#[cfg(feature = "parquet")]
#[test]
fn bad_parquet_is_an_error_that_names_it() {
    const TRAIN: &str = "train-00000-of-00001.parquet";
    let good = fs::read(fixture("plain_text").join(TRAIN)).unwrap();
    let test = "test-00000-of-00001.parquet";
    let test = (
        test,
        &fs::read(fixture("plain_text").join(test)).unwrap()[..],
    );
    let try_with = |bytes: &[u8]| cifar(folder_with(&[(TRAIN, bytes), test]).path());
    usage(
        try_with(b"PAR1 is how one begins"),
        &[TRAIN, "not usable as parquet"],
    );
    usage(try_with(b""), &[TRAIN]);
    usage(
        try_with(&good[..good.len() / 2]),
        &[TRAIN, "not usable as parquet"],
    );
    // The dictionary holds the PNG of the first image uncompressed.
    let mut damaged = good.clone();
    let at = damaged.windows(4).position(|it| it == b"IHDR").unwrap();
    damaged[at] ^= 1;
    usage(try_with(&damaged), &[TRAIN, "image 0 is not usable"]);
    let mut other = good;
    let names = |other: &[u8]| other.windows(5).rposition(|it| it == b"label");
    while let Some(at) = names(&other) {
        other[at..at + 5].copy_from_slice(b"lobel");
    }
    usage(try_with(&other), &[TRAIN, "no column `label`", "img.bytes"]);
}
