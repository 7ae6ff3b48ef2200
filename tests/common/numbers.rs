//! Numbers that a test and the Python script of its fixture both draw.

use candle_core::{Device, Tensor};
use optim::Parameter;

/// Knuth's MMIX recurrence; each number is the upper 24 bits.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn draw(&mut self) -> u32 {
        const FACTOR: u64 = 6364136223846793005;
        self.0 = self
            .0
            .wrapping_mul(FACTOR)
            .wrapping_add(1442695040888963407);
        (self.0 >> 40) as u32
    }

    /// From -1 to 1, without rounding in f32.
    pub fn uniform(&mut self) -> f64 {
        f64::from(self.draw()) / f64::from(1 << 23) - 1.0
    }
}

/// Sets the weights and then the biases of each layer to numbers rounded to f32.
pub fn initialise(parameters: &[Parameter], numbers: &mut Numbers) {
    for layer in parameters.chunks_exact(2) {
        let fan_in: usize = layer[0].var.dims()[2..].iter().product();
        for Parameter { var, .. } in layer {
            let value = |_| (numbers.uniform() / (fan_in as f64).sqrt()) as f32;
            let values: Vec<f32> = (0..var.elem_count()).map(value).collect();
            let values = Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap();
            var.set(&values.to_dtype(var.dtype()).unwrap()).unwrap();
        }
    }
}
