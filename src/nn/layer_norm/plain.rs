//! A layer normalisation without a scale and a shift.

use candle_core::{
    CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor, WithDType, bail,
};

use super::kernel::{NormKernel, NormSizes};
use crate::nn::{
    fused::LayerKernel,
    slices::{contiguous, on_cpu},
};

/// A normalisation that learns nothing, as candle's operation.
pub(super) struct PlainNorm(pub NormKernel);

impl CustomOp1 for PlainNorm {
    fn name(&self) -> &'static str {
        NormKernel::NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let s = NormSizes::of(layout.shape())?;
        let y = match x {
            CpuStorage::F32(_) => {
                CpuStorage::F32(self.0.output_of(s, contiguous(x, layout)?, &[], &[]))
            }
            CpuStorage::F64(_) => {
                CpuStorage::F64(self.0.output_of(s, contiguous(x, layout)?, &[], &[]))
            }
            _ => bail!("layer norm: the input is neither f32 nor f64"),
        };
        Ok((y, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        match x.dtype() {
            DType::F32 => self.input_gradient::<f32>([x, y, dy]),
            DType::F64 => self.input_gradient::<f64>([x, y, dy]),
            other => bail!("layer norm: {other:?} is neither f32 nor f64"),
        }
        .map(Some)
    }
}

impl PlainNorm {
    fn input_gradient<T: WithDType>(&self, [x, y, dy]: [&Tensor; 3]) -> Result<Tensor> {
        let (x, dy) = (x.contiguous()?, dy.contiguous()?);
        let stored = [&x, y, &dy].map(Tensor::storage_and_layout);
        let [x_data, y_data, dy_data] = &stored;
        let s = NormSizes::of(x.shape())?;
        let lists = [
            on_cpu::<T>(&x_data.0, x_data.1)?,
            &[],
            on_cpu::<T>(&y_data.0, y_data.1)?,
            on_cpu::<T>(&dy_data.0, dy_data.1)?,
        ];
        Tensor::from_vec(self.0.gradients(s, lists).x, x.shape(), &Device::Cpu)
    }
}
