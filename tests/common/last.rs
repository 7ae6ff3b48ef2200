//! The last checkpoint of a run in memory, and its parts.

use candle_core::{Device, Tensor};
use optimiser_paradigms::{
    Result,
    run::{Observer, Snapshot},
};
use safetensors::SafeTensors;

/// Keeps the last checkpoint.
#[derive(Default)]
pub struct Last(Vec<u8>);

impl Observer for Last {
    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.0 = snapshot.to_safetensors(&[])?;
        Ok(())
    }
}

impl Last {
    /// The array of this name, as f32.
    pub fn tensor(&self, name: &str) -> Tensor {
        let saved = SafeTensors::deserialize(&self.0).unwrap();
        let array = saved.tensor(name).unwrap();
        let values = array.data().as_chunks().0.iter();
        let values = values.map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Tensor::from_vec::<_, f32>(values, array.shape(), &Device::Cpu).unwrap()
    }
}
