//! Minibatches of images stored on a GPU.

use candle_core::{DType, Result, Tensor, bail};

#[cfg(any(feature = "cuda", test))]
use super::gpu;
use crate::nn::pixels::Augmentation;

/// The minibatch `rows` of `images`, the bytes of a data set on a GPU, `[n, channels, height, width]` of
/// u8: normalised to -1..=1, `[height * width, rows, channels]` of `dtype`, which is f32, f64 or bf16.
///
/// With `augmentations`, image `rows[i]` is cropped and mirrored as `augmentations[i]` says. In f32 the
/// numbers equal, bit for bit, those that the CPU computes from the same images.
///
/// # Errors
///
/// If an image does not exist, if the number of augmentations and rows differ, if the images are not u8
/// on a GPU, or if this program was built without `--features cuda`.
pub fn minibatch(
    images: &Tensor,
    rows: &[u32],
    augmentations: Option<&[Augmentation]>,
    dtype: DType,
) -> Result<Tensor> {
    let n = images.dims4()?.0;
    if images.dtype() != DType::U8 {
        bail!("images are {:?}; allowed: u8", images.dtype());
    }
    if let Some(row) = rows.iter().find(|&&row| row as usize >= n) {
        bail!(
            "there is no image {row}; allowed: 0 to {}",
            n.saturating_sub(1)
        );
    }
    if let Some(augmentations) = augmentations
        && augmentations.len() != rows.len()
    {
        bail!(
            "{} augmentations for {} images; allowed: one each",
            augmentations.len(),
            rows.len()
        );
    }
    #[cfg(any(feature = "cuda", test))]
    if let Some(machine) = gpu::machine(images.device())? {
        return gpu::minibatch(&*machine, images, rows, augmentations, dtype);
    }
    let _ = dtype;
    bail!(
        "minibatches cannot be made on this device; allowed: an NVIDIA GPU, in a program built with `--features cuda`"
    )
}
