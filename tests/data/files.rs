//! Files of every form, and fixtures written by Python.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use optimiser_paradigms::{
    Error,
    data::{Dataset, DatasetName},
};
use safetensors::SafeTensors;
use tempfile::{TempDir, tempdir};

pub const RECORD: usize = 3073;
pub const BATCHES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];
pub const IDX: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
pub const DEBIAN: &str = "/usr/share/datasets/fashion-mnist";

pub fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/data")
        .join(file)
}

pub fn cifar(folder: &Path) -> Result<Dataset, Error> {
    Dataset::load(DatasetName::Cifar10, Some(folder))
}

pub fn fashion(folder: &Path) -> Result<Dataset, Error> {
    Dataset::load(DatasetName::FashionMnist, Some(folder))
}

/// Asserts that the request is at fault and that the message contains all `parts`.
#[track_caller]
pub fn usage(result: Result<Dataset, Error>, parts: &[&str]) {
    let Err(Error::Usage(message)) = result else {
        panic!("{result:?}");
    };
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

/// A batch of `n` images: image `i` has label `i % 10`, and its byte `j` is `7 i + j`.
pub fn batch(n: usize) -> Vec<u8> {
    let record = |i: usize| {
        let image = (0..RECORD - 1).map(move |j| (7 * i + j) as u8);
        std::iter::once((i % 10) as u8).chain(image)
    };
    (0..n).flat_map(record).collect()
}

/// Six batches of 1 to 6 images.
pub fn batches() -> [(&'static str, Vec<u8>); 6] {
    let mut n = 0;
    BATCHES.map(|name| {
        n += 1;
        (name, batch(n))
    })
}

pub fn tar<'a>(files: impl IntoIterator<Item = &'a (&'static str, Vec<u8>)>) -> Vec<u8> {
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

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

pub fn folder_with(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// The four files of a Fashion-MNIST of `train` and `test` images, with their names.
pub fn idx_files(train: usize, test: usize) -> [(&'static str, Vec<u8>); 4] {
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

pub fn write_all(folder: &Path, files: &[(&str, Vec<u8>)]) {
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// `data.safetensors`. Its images are stored as one number per square of 4x4 pixels.
pub struct Fixture(Vec<u8>);

impl Fixture {
    pub fn read() -> Self {
        Self(fs::read(fixture("data.safetensors")).unwrap())
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.tensor(name).unwrap().data().to_vec()
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name);
        let (floats, _) = bytes.as_chunks();
        floats
            .iter()
            .map(|float| f32::from_le_bytes(*float))
            .collect()
    }

    #[cfg(feature = "parquet")]
    pub fn images(&self, split: &str) -> Vec<u8> {
        let squares = self.bytes(&format!("{split}.squares"));
        let row = |row: &[u8]| -> Vec<u8> { row.iter().flat_map(|square| [*square; 4]).collect() };
        squares
            .chunks(8)
            .flat_map(|squares| row(squares).repeat(4))
            .collect()
    }
}
