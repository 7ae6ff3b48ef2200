//! The numbers that other libraries computed.

use std::{fs, path::PathBuf};

use safetensors::{Dtype, SafeTensors};

/// A file in `tests/fixtures`.
pub struct Fixtures(Vec<u8>);

impl Fixtures {
    pub fn load(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        Self(fs::read(folder.join(name).with_extension("safetensors")).unwrap())
    }

    /// All numbers of an array.
    pub fn vector(&self, name: &str) -> Vec<f64> {
        let arrays = SafeTensors::deserialize(&self.0).unwrap();
        let array = arrays.tensor(name).unwrap();
        let data = array.data();
        match array.dtype() {
            Dtype::F64 => chunks(data).map(f64::from_le_bytes).collect(),
            Dtype::F32 => chunks(data)
                .map(|bytes| f64::from(f32::from_le_bytes(bytes)))
                .collect(),
            other => panic!("`{name}` is {other:?}"),
        }
    }

    /// The rows of an array of two dimensions.
    pub fn rows(&self, name: &str) -> Vec<Vec<f64>> {
        let arrays = SafeTensors::deserialize(&self.0).unwrap();
        let [_, width] = *arrays.tensor(name).unwrap().shape() else {
            panic!("`{name}` has no rows");
        };
        self.vector(name)
            .chunks(width)
            .map(<[f64]>::to_vec)
            .collect()
    }
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks().0.iter().copied()
}

/// Fails unless `found` is within `tolerance` of `expected`, relative to the larger of `expected` and 1.
pub fn close(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{found} is not {expected}");
}
