//! The data sets: what files of each form give, and what they give when they are damaged.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use optimiser_paradigms::{
    Error,
    data::{Dataset, DatasetName, Split, augmentations, order},
    nn::Augmentation,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use tempfile::{TempDir, tempdir};

const RECORD: usize = 3073;
const BATCHES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];
const IDX: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
const DEBIAN: &str = "/usr/share/datasets/fashion-mnist";

fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/data")
        .join(file)
}

fn cifar(folder: &Path) -> Result<Dataset, Error> {
    Dataset::load(DatasetName::Cifar10, Some(folder))
}

fn fashion(folder: &Path) -> Result<Dataset, Error> {
    Dataset::load(DatasetName::FashionMnist, Some(folder))
}

/// The message of an error for which the request is at fault; it names `parts`.
#[track_caller]
fn usage(result: Result<Dataset, Error>, parts: &[&str]) {
    let Err(Error::Usage(message)) = result else {
        panic!("{result:?}");
    };
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

/// A batch of `n` images: image `i` has label `i % 10`, and its byte `j` is `7 i + j`.
fn batch(n: usize) -> Vec<u8> {
    let record = |i: usize| {
        let image = (0..RECORD - 1).map(move |j| (7 * i + j) as u8);
        std::iter::once((i % 10) as u8).chain(image)
    };
    (0..n).flat_map(record).collect()
}

/// Six batches of 1 to 6 images.
fn batches() -> [(&'static str, Vec<u8>); 6] {
    let mut n = 0;
    BATCHES.map(|name| {
        n += 1;
        (name, batch(n))
    })
}

fn tar<'a>(files: impl IntoIterator<Item = &'a (&'static str, Vec<u8>)>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let path = format!("cifar-10-batches-bin/{name}");
        tar.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

fn folder_with(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// The four files of a Fashion-MNIST of `train` and `test` images, with their names.
fn idx_files(train: usize, test: usize) -> [(&'static str, Vec<u8>); 4] {
    let images = |n: usize| {
        let mut file = vec![0, 0, 8, 3];
        for axis in [n, 28, 28] {
            file.extend((axis as u32).to_be_bytes());
        }
        file.extend((0..n * 784).map(|i| (i * 31) as u8));
        file
    };
    let labels = |n: usize| {
        let mut file = vec![0, 0, 8, 1];
        file.extend((n as u32).to_be_bytes());
        file.extend((0..n).map(|i| (i % 10) as u8));
        file
    };
    [
        (IDX[0], images(train)),
        (IDX[1], labels(train)),
        (IDX[2], images(test)),
        (IDX[3], labels(test)),
    ]
}

fn write_all(folder: &Path, files: &[(&str, Vec<u8>)]) {
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

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
    // In whatever order they are packed.
    let mut turned = batches;
    turned.reverse();
    let packed = folder_with(&[("cifar-10-binary.tar.gz", &gz(&tar(&turned)))]);
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
    // gzip's checksum, over bytes that are otherwise well.
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
    // The system's no is no fault of the request.
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

#[test]
fn where_nothing_is_the_error_says_what_to_do() {
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
        &[IDX[2], "15 bytes are no IDX file"],
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

/// As Python reads the same files (`data.py` prints the digests).
#[test]
fn fashion_mnist_is_what_python_reads() {
    if !Path::new(DEBIAN).exists() {
        eprintln!("skipped: Debian's dataset-fashion-mnist is not installed");
        return;
    }
    // Where nobody names a folder, this one is found.
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

/// `data.safetensors`, and the images that its squares of 4x4 pixels make.
struct Fixture(Vec<u8>);

impl Fixture {
    fn read() -> Self {
        Self(fs::read(fixture("data.safetensors")).unwrap())
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.tensor(name).unwrap().data().to_vec()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name);
        let (floats, _) = bytes.as_chunks();
        floats
            .iter()
            .map(|float| f32::from_le_bytes(*float))
            .collect()
    }

    #[cfg(feature = "parquet")]
    fn images(&self, split: &str) -> Vec<u8> {
        let squares = self.bytes(&format!("{split}.squares"));
        let row = |row: &[u8]| -> Vec<u8> { row.iter().flat_map(|square| [*square; 4]).collect() };
        squares
            .chunks(8)
            .flat_map(|squares| row(squares).repeat(4))
            .collect()
    }
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
    // The PNG of the first image is in the dictionary as it is.
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

/// No bytes whatever make a panic; `name` is one of the files of a data set in `folder`.
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

/// Six images of the test's own, and their bytes.
fn small() -> (Split, Vec<u8>) {
    let folder = tempdir().unwrap();
    write_all(folder.path(), &batches());
    let test = cifar(folder.path()).unwrap().test;
    let images = test.images().to_vec();
    (test, images)
}

#[test]
fn minibatches_are_as_torchvision_normalises_and_positions_come_first() {
    let normalised = Fixture::read().floats("normalised");
    let (split, images) = small();
    let rows = [4, 0, 4, 2];
    let mut positions_first = vec![f32::NAN; rows.len() * 3072];
    split.fill(&rows, None, &mut positions_first);
    let mut plain = positions_first.clone();
    split.fill(&rows, Some(&[Augmentation::NONE; 4]), &mut plain);
    assert_eq!(plain, positions_first);
    let mut in_rows = vec![f32::NAN; rows.len() * 3072];
    split.fill_rows(&rows, &mut in_rows);
    for (i, row) in rows.into_iter().enumerate() {
        for c in 0..3 {
            for at in 0..1024 {
                let brightness = images[row as usize * 3072 + c * 1024 + at];
                let needed = normalised[usize::from(brightness)];
                assert_eq!(positions_first[at * rows.len() * 3 + i * 3 + c], needed);
                assert_eq!(in_rows[i * 3072 + c * 1024 + at], needed);
            }
        }
    }
    split.fill(&[], None, &mut []);
    split.fill_rows(&[], &mut []);
}

#[cfg(feature = "parquet")]
#[test]
fn augmentations_are_as_torchvision_crops_and_flips() {
    let fixture_values = Fixture::read();
    let normalised = fixture_values.floats("normalised");
    let split = cifar(&fixture("")).unwrap().train;
    let looks = fixture_values.bytes("looks");
    let crops: Vec<Augmentation> = looks
        .chunks(3)
        .map(|it| Augmentation {
            down: it[0],
            right: it[1],
            flip: it[2] == 1,
        })
        .collect();
    let n = crops.len();
    let mut out = vec![f32::NAN; n * 3072];
    split.fill(&vec![0; n], Some(&crops), &mut out);
    let seen = fixture_values.bytes("seen");
    for (i, seen) in seen.chunks(3072).enumerate() {
        for (at, brightness) in seen.iter().enumerate() {
            let (c, position) = (at / 1024, at % 1024);
            let value = out[position * n * 3 + i * 3 + c];
            assert_eq!(
                value,
                normalised[usize::from(*brightness)],
                "augmentation {i}, {at}"
            );
        }
    }
}

#[test]
fn grey_images_are_padded_to_three_channels() {
    let folder = tempdir().unwrap();
    write_all(folder.path(), &idx_files(3, 2));
    let grey = fashion(folder.path()).unwrap().train;
    let padded = grey.clone().padded();
    assert_eq!(padded.shape(), [3, 32, 32]);
    assert_eq!(padded.labels(), grey.labels());
    for i in 0..3 {
        for (at, value) in padded.image(i).iter().enumerate() {
            let (y, x) = (at / 32 % 32, at % 32);
            let needed = match ((2..30).contains(&y), (2..30).contains(&x)) {
                (true, true) => grey.image(i)[(y - 2) * 28 + x - 2],
                _ => 0,
            };
            assert_eq!(*value, needed, "image {i}, {at}");
        }
    }
    let (coloured, _) = small();
    assert_eq!(coloured.clone().padded(), coloured);
}

#[test]
fn an_epoch_goes_through_every_image_once_in_its_own_order() {
    let n = 1000;
    let first = order(1, 0, n);
    let mut sorted = first.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..n as u32));
    assert_eq!(order(1, 0, n), first);
    let same = |other: &[u32]| first.iter().zip(other).filter(|(a, b)| a == b).count();
    for other in [order(1, 1, n), order(1, 2, n), order(2, 0, n)] {
        assert!(same(&other) < 10, "{}", same(&other));
    }
    // Fixed for good: results depend on it.
    assert_eq!(order(1, 0, 10), [1, 5, 7, 8, 9, 3, 0, 4, 6, 2]);
    assert!(order(1, 0, 0).is_empty());
}

#[test]
fn every_crop_occurs_and_half_of_the_images_are_flipped() {
    let n = 20_000;
    let all = augmentations(1, 3, 0..n);
    let flipped = all.iter().filter(|look| look.flip).count() as f64;
    // Four standard deviations of a fair coin.
    assert!(
        (flipped - n as f64 / 2.0).abs() < 4.0 * (n as f64 / 4.0).sqrt(),
        "{flipped}"
    );
    let mut crops = [[0_u32; 9]; 9];
    for look in &all {
        crops[usize::from(look.down)][usize::from(look.right)] += 1;
    }
    // Chi-squared with 80 degrees of freedom: 4 standard deviations above its mean are 131.
    let each = n as f64 / 81.0;
    let chi: f64 = crops
        .as_flattened()
        .iter()
        .map(|n| (f64::from(*n) - each).powi(2) / each)
        .sum();
    assert!(chi < 131.0, "{chi}");
    // Any part of an epoch is the same whether or not what came before was looked at.
    assert_eq!(augmentations(1, 3, 700..900), all[700..900]);
    assert_ne!(augmentations(1, 4, 0..50), all[..50]);
    assert_ne!(augmentations(2, 3, 0..50), all[..50]);
}

/// What a class looks like on average in training tells the class of most test images.
#[test]
fn the_synthetic_set_can_be_learnt() {
    let data = Dataset::load(DatasetName::Synthetic, None).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (500, 200));
    let mut means = vec![vec![0.0; 3072]; 10];
    for (i, label) in data.train.labels().iter().enumerate() {
        let mean = means[usize::from(*label)].iter_mut();
        for (mean, value) in mean.zip(data.train.image(i as u32)) {
            *mean += f64::from(*value) / 50.0;
        }
    }
    let nearest = |image: &[u8]| {
        let distance = |mean: &[f64]| -> f64 {
            let pairs = mean.iter().zip(image);
            pairs
                .map(|(mean, value)| (mean - f64::from(*value)).powi(2))
                .sum()
        };
        (0..10).min_by(|a, b| distance(&means[*a]).total_cmp(&distance(&means[*b])))
    };
    let right =
        |i: &usize| nearest(data.test.image(*i as u32)) == Some(data.test.labels()[*i].into());
    let right = (0..200).filter(right).count();
    assert!(right > 190, "{right} of 200");
    // It comes from the seed alone.
    assert_eq!(Dataset::synthetic(1, 500, 200), data);
    assert_ne!(Dataset::synthetic(2, 500, 200), data);
    assert_eq!(
        Dataset::synthetic(1, 20, 0).train.images(),
        &data.train.images()[..20 * 3072]
    );
}
