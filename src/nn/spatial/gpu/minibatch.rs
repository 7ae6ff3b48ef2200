//! Minibatches, cropped, mirrored and normalised in one launch.

use candle_core::{DType, Result, Tensor};

use super::{
    launch::{known_address, launch, over_positions, table_address, unwritten},
    machine::{Minibatch, PassMachine, size},
    text::{Kernels, NumberType},
};
use crate::nn::pixels::Augmentation;

/// Images `rows` of `images`, `[n, channels, height, width]` of u8, each cropped and mirrored as its
/// augmentation says. The result is `[height * width, batch, channels]` of `dtype`.
pub(in crate::nn::spatial) fn minibatch(
    machine: &dyn PassMachine,
    images: &Tensor,
    rows: &[u32],
    augmentations: Option<&[Augmentation]>,
    dtype: DType,
) -> Result<Tensor> {
    let (_, channels, height, width) = images.dims4()?;
    let batch = rows.len();
    let numbers = rows.iter().enumerate().flat_map(|(i, &row)| {
        let augmentation = augmentations.map_or(Augmentation::NONE, |all| all[i]);
        let offset = |crop: u8, none: u8| i32::from(crop) - i32::from(none);
        [
            row as i32,
            offset(augmentation.down, Augmentation::NONE.down),
            offset(augmentation.right, Augmentation::NONE.right),
            augmentation.flip.into(),
        ]
    });
    let augmentations = Tensor::from_iter(numbers, images.device())?;
    let out = unwritten((height * width, batch, channels), dtype, images)?;
    let kernels = Kernels {
        element: NumberType::of(dtype)?,
        channels_each: 1,
    };
    let arguments = Minibatch {
        images: known_address(images)?,
        augmentations: table_address(&augmentations)?,
        out: known_address(&out)?,
        batch: size(batch)?,
        channels: size(channels)?,
        height: size(height)?,
        width: size(width)?,
    };
    let grid = over_positions(batch * channels, height * width)?;
    launch(machine, kernels, grid, &arguments)?;
    Ok(out)
}
