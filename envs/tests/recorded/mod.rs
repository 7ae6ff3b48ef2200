//! The recording of an environment's reference, from `fixtures/`.
#![allow(
    dead_code,
    reason = "each test file that has this module uses a part of it"
)]

use envs::EnvEntry;
use safetensors::{Dtype, SafeTensors};

/// One file of a recording; the script describes each tensor.
pub struct Record {
    bytes: Vec<u8>,
}

impl Record {
    pub fn of(entry: &EnvEntry) -> Self {
        let path = format!(
            "{}/tests/fixtures/{}.safetensors",
            env!("CARGO_MANIFEST_DIR"),
            entry.name
        );
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { bytes }
    }

    pub fn about(&self) -> String {
        let (_, metadata) = SafeTensors::read_metadata(&self.bytes).unwrap();
        metadata.metadata().as_ref().unwrap()["about"].clone()
    }

    fn tensor<T, const B: usize>(
        &self,
        name: &str,
        dtype: Dtype,
        read: fn([u8; B]) -> T,
    ) -> Vec<T> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), dtype, "{name}");
        let (chunks, _) = tensor.data().as_chunks::<B>();
        chunks.iter().map(|&chunk| read(chunk)).collect()
    }

    pub fn f64(&self, name: &str) -> Vec<f64> {
        self.tensor(name, Dtype::F64, f64::from_le_bytes)
    }

    pub fn f32(&self, name: &str) -> Vec<f32> {
        self.tensor(name, Dtype::F32, f32::from_le_bytes)
    }

    pub fn u32(&self, name: &str) -> Vec<u32> {
        self.tensor(name, Dtype::U32, u32::from_le_bytes)
    }

    pub fn i16(&self, name: &str) -> Vec<i16> {
        self.tensor(name, Dtype::I16, i16::from_le_bytes)
    }

    pub fn u64(&self, name: &str) -> Vec<u64> {
        self.tensor(name, Dtype::U64, u64::from_le_bytes)
    }

    pub fn u8(&self, name: &str) -> Vec<u8> {
        self.tensor(name, Dtype::U8, u8::from_le_bytes)
    }

    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8(self.u8(name)).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}
