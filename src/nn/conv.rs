//! `relu(conv(x) + b)` for a cohort, as one operation with its own backward pass.
//!
//! candle's own convolution always computes the input gradient, needed or not. It uses a transposed
//! convolution that is slow on the CPU and fails on some sizes with a stride.

use candle_core::{Result, Tensor, Var};

use super::{bypass::GradientBypass, conv_kernel::ConvKernel, fused::FusedLayer};
use optim::Parameter;

/// A convolution with square kernels for each agent: weight `[agents, out, in, k, k]`, bias `[agents,
/// out]` or none, images `[agents, batch, in, height, width]`. After the agents' axis this is the
/// layout of `torch.nn.Conv2d`.
#[derive(Clone)]
pub struct Conv(FusedLayer<ConvKernel>);

impl Conv {
    /// A layer with the given weights, stride 1 and no padding.
    ///
    /// `relu` clips its output at 0. `input_grad` says whether the input needs a gradient; the first
    /// layer's does not.
    pub fn new(weight: Var, bias: Option<Var>, relu: bool, input_grad: bool) -> Self {
        let kernel = ConvKernel {
            stride: 1,
            padding: 0,
            relu,
            input_grad,
        };
        Self(FusedLayer::new(weight, bias, kernel))
    }

    /// The same layer with an output at every `stride`-th position of images padded by `padding` zeros on
    /// each side.
    pub fn stepping(mut self, stride: usize, padding: usize) -> Self {
        let kernel = &mut self.0.op.kernel;
        (kernel.stride, kernel.padding) = (stride, padding);
        self
    }

    /// The same layer computed by candle's operations, as on a GPU.
    pub(super) fn composed(self) -> Self {
        Self(self.0.composed())
    }

    /// The same layer, with the gradients of its weight and bias stored in `bypass`.
    pub(super) fn bypassing(self, bypass: &GradientBypass) -> Self {
        Self(self.0.bypassing(bypass))
    }

    /// `[agents, batch, in, height, width]` to `[agents, batch, out, height', width']`, recorded for
    /// the backward pass.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit together, or the kernel does not fit into the padded image.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.0.forward(x)
    }

    /// [`forward`](Self::forward) without recording a backward pass.
    pub fn infer(&self, x: &Tensor) -> Result<Tensor> {
        self.0.infer(x)
    }

    /// The weight and, if there is one, the bias as `{prefix}.weight` and `{prefix}.bias`.
    pub(super) fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        self.0.parameters(prefix)
    }

    /// A layer like this one, with `map` applied to its variables.
    pub(super) fn map_vars(&self, map: impl Fn(&Var) -> Result<Var>) -> Result<Self> {
        self.0.map_vars(map).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::nn::{Activation, linear::Linear};

    fn waves(dims: &[usize], frequency: f64) -> Var {
        let wave = |i: usize| (i as f64 * frequency + 0.3).sin();
        let values: Vec<f64> = (0..dims.iter().product()).map(wave).collect();
        Var::from_vec(values, dims, &Device::Cpu).unwrap()
    }

    /// Asserts that two results have the same values and give `vars` the same gradients.
    fn alike(fused: &Tensor, composed: &Tensor, vars: &[&Var]) {
        let close = |a: &Tensor, b: &Tensor| {
            assert_eq!((a.dims(), a.dtype()), (b.dims(), DType::F64));
            let off = (a - b).unwrap().abs().unwrap().max_all().unwrap();
            assert!(off.to_scalar::<f64>().unwrap() < 1e-12);
        };
        close(fused, composed);
        let grads = |y: &Tensor| y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let (fused, composed) = (grads(fused), grads(composed));
        for var in vars {
            close(fused.get(var).unwrap(), composed.get(var).unwrap());
        }
    }

    #[test]
    fn composed_layers_are_the_fused_ones() {
        let x = waves(&[2, 5, 4], 0.9);
        let (w, b) = (waves(&[2, 3, 4], 0.7), waves(&[2, 3], 1.9));
        for activation in [None, Some(Activation::Relu), Some(Activation::Tanh)] {
            let fused = Linear::new(w.clone(), b.clone(), activation, true);
            let composed = fused.clone().composed().forward(&x).unwrap();
            alike(&fused.forward(&x).unwrap(), &composed, &[&x, &w, &b]);
        }
        for (kernel, stride, padding) in [(1, 1, 0), (3, 1, 0), (3, 1, 1), (3, 2, 1), (2, 3, 1)] {
            let x = waves(&[2, 3, 2, 5, 4], 0.9);
            let w = waves(&[2, 3, 2, kernel, kernel], 0.7);
            for (bias, relu) in [(Some(b.clone()), true), (None, false)] {
                let fused = Conv::new(w.clone(), bias, relu, true).stepping(stride, padding);
                let composed = fused.clone().composed().forward(&x).unwrap();
                alike(&fused.forward(&x).unwrap(), &composed, &[&x, &w]);
            }
        }
    }
}
