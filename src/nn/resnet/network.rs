//! The network: forward and backward passes.
//!
//! The backward pass through the convolutions is written out here, block by block. candle's own would
//! fill a tensor with zeros for each gradient and add to it, on one thread. The last layer and the loss
//! use candle's.

use candle_core::{DType, Result, Tensor, Var, backprop::GradStore, bail};
use optim::{Layer, Parameter};

use crate::nn::{
    linear::Linear,
    spatial::{ConvNorm, ConvNormTape, InputGrad, PoolLayer, WeightGrads},
};

settings::words! {
    /// The first layers, which take the image.
    pub enum Stem {
        /// torchvision's: 7x7 with stride 2, then 3x3 max pooling with stride 2
        Imagenet = "imagenet",
        /// For small images: 3x3, no pooling
        Cifar = "cifar",
    }
}

/// ResNet-18. Images lie position by position, `[height * width, batch, 3]`.
///
/// It computes in the type of its images. On a GPU that may be bf16 while the weights are f32. The
/// moments, the last layer, the loss and the gradients of the weights are then f32 too.
pub struct ResNet {
    pub(super) stem: ConvNorm,
    pub(super) pool: Option<PoolLayer>,
    pub(super) blocks: Vec<BasicBlock>,
    pub(super) head: Linear,
    /// The number of batches in the running statistics.
    pub batches: u64,
}

/// Two 3x3 convolutions and a shortcut around them.
pub(super) struct BasicBlock {
    pub first: ConvNorm,
    pub second: ConvNorm,
    /// The shortcut's 1x1 convolution, if the shape changes.
    pub downsample: Option<ConvNorm>,
}

/// The loss of one batch and its gradients.
pub struct BatchGradients {
    /// The mean cross entropy.
    pub loss: f64,
    /// `[batch, classes]`.
    pub logits: Tensor,
    /// The gradients of the trained parameters.
    pub grads: GradStore,
}

/// [`BatchGradients`] whose loss may not have arrived from the GPU yet.
struct PendingGradients {
    loss: Tensor,
    logits: Tensor,
    grads: GradStore,
}

impl PendingGradients {
    /// Waits for the loss. This comes last, so that the whole step has already been queued on the GPU.
    fn wait(self) -> Result<BatchGradients> {
        Ok(BatchGradients {
            loss: self.loss.to_dtype(DType::F64)?.to_scalar()?,
            logits: self.logits,
            grads: self.grads,
        })
    }
}

/// What the backward pass needs, in the order of the forward pass.
struct Tape {
    stem: ConvNormTape,
    /// The taps at which the pooling found its numbers.
    pooled_from: Option<Tensor>,
    blocks: Vec<BlockTape>,
    /// Positions of the last block's output.
    positions: usize,
    /// The type of the activations.
    dtype: DType,
}

/// What a block's backward pass needs.
struct BlockTape {
    first: ConvNormTape,
    second: ConvNormTape,
    downsample: Option<ConvNormTape>,
}

impl ResNet {
    /// The loss of a batch and the gradients of all parameters. Normalises by the batch's statistics
    /// and updates the running ones with them.
    ///
    /// `images` is `[height * width, batch, 3]`, `labels` `[batch]` of u32.
    pub fn learn(&mut self, images: &Tensor, labels: &Tensor) -> Result<BatchGradients> {
        let (features, tape) = self.forward(images)?;
        self.batches += 1;
        let features = Var::from_tensor(&features)?;
        let (mut learned, d_features) = self.learn_head(&features, labels)?;
        for (var, grad) in self.backward(tape, &d_features)? {
            learned.grads.insert(var.as_tensor(), grad);
        }
        learned.wait()
    }

    /// The loss of a batch and the gradients of the last layer alone, from what the
    /// [other layers](Self::features) make of the images.
    pub fn learn_last(&self, features: &Tensor, labels: &Tensor) -> Result<BatchGradients> {
        self.learn_head(&Var::from_tensor(features)?, labels)?
            .0
            .wait()
    }

    /// The logits `[batch, classes]`, normalised by the running statistics.
    pub fn infer(&self, images: &Tensor) -> Result<Tensor> {
        self.logits(&self.features(images)?)
    }

    /// The logits `[batch, classes]` of [features](Self::features).
    pub fn logits(&self, features: &Tensor) -> Result<Tensor> {
        self.head.infer(&features.unsqueeze(0)?)?.squeeze(0)
    }

    fn learn_head(&self, features: &Var, labels: &Tensor) -> Result<(PendingGradients, Tensor)> {
        let logits = self.head.forward(&features.unsqueeze(0)?)?.squeeze(0)?;
        let loss = candle_nn::loss::cross_entropy(&logits, labels)?;
        let mut grads = loss.backward()?;
        let Some(d_features) = grads.remove(features) else {
            bail!("the loss has no gradient for the last layer's input");
        };
        let learned = PendingGradients {
            loss,
            logits: logits.detach(),
            grads,
        };
        Ok((learned, d_features))
    }

    /// What the last layer reads, `[batch, 512]`; the other layers normalise by their running statistics.
    pub fn features(&self, images: &Tensor) -> Result<Tensor> {
        let mut x = self.stem.infer(images, None)?;
        if let Some(pool) = &self.pool {
            [x, _] = pool.forward(&x)?;
        }
        for block in &self.blocks {
            let down = block.downsample.as_ref().map(|down| down.infer(&x, None));
            let shortcut = down.transpose()?;
            let inner = block.first.infer(&x, None)?;
            x = block
                .second
                .infer(&inner, Some(shortcut.as_ref().unwrap_or(&x)))?;
        }
        self.mean_over_positions(&x)
    }

    /// The mean over all positions, in the weights' type.
    fn mean_over_positions(&self, x: &Tensor) -> Result<Tensor> {
        x.to_dtype(self.last()[0].var.dtype())?.mean(0)
    }

    /// The features `[batch, 512]`, and the tape.
    fn forward(&self, images: &Tensor) -> Result<(Tensor, Tape)> {
        let (mut x, stem) = self.stem.forward(images, None)?;
        let mut pooled_from = None;
        if let Some(pool) = &self.pool {
            let [largest, taps] = pool.forward(&x)?;
            (x, pooled_from) = (largest, Some(taps));
        }
        let mut blocks = Vec::new();
        for block in &self.blocks {
            let down = block.downsample.as_ref().map(|down| down.forward(&x, None));
            let (shortcut, downsample) = down.transpose()?.unzip();
            let (inner, first) = block.first.forward(&x, None)?;
            let shortcut = shortcut.as_ref().unwrap_or(&x);
            let (y, second) = block.second.forward(&inner, Some(shortcut))?;
            blocks.push(BlockTape {
                first,
                second,
                downsample,
            });
            x = y;
        }
        let tape = Tape {
            stem,
            pooled_from,
            blocks,
            positions: x.dim(0)?,
            dtype: x.dtype(),
        };
        Ok((self.mean_over_positions(&x)?, tape))
    }

    /// The gradients of all parameters except the last layer's. Each part of the tape is freed once it
    /// has been used.
    fn backward(&self, tape: Tape, d_features: &Tensor) -> Result<WeightGrads> {
        let mut grads = Vec::new();
        let dy = d_features.affine(1.0 / tape.positions as f64, 0.0)?;
        let dy = dy.to_dtype(tape.dtype)?;
        let (batch, channels) = dy.dims2()?;
        let mut dy = dy
            .broadcast_as((tape.positions, batch, channels))?
            .contiguous()?;
        for (block, tape) in self.blocks.iter().zip(tape.blocks).rev() {
            dy = block.backward(tape, &dy, &mut grads)?;
        }
        if let (Some(pool), Some(taps)) = (&self.pool, &tape.pooled_from) {
            dy = pool.backward(&dy, taps)?;
        }
        self.stem
            .backward(tape.stem, &dy, InputGrad::Unneeded, false, &mut grads)?;
        Ok(grads)
    }

    /// The last layer's weight and bias, `[1, classes, 512]` and `[1, classes]`.
    pub fn last(&self) -> Vec<Parameter> {
        let last = self.head.parameters("fc").into_iter();
        last.map(|p| p.of(Layer::Output)).collect()
    }

    /// All layers but the last.
    pub(super) fn layers(&self) -> impl Iterator<Item = &ConvNorm> {
        let blocks = self.blocks.iter();
        let layers = blocks.flat_map(|b| [Some(&b.first), Some(&b.second), b.downsample.as_ref()]);
        std::iter::once(&self.stem).chain(layers.flatten())
    }

    /// The number of multiplications and additions in the convolutions and the last layer, for one
    /// image in a training step.
    pub fn operations(&self) -> usize {
        let convolutions: usize = self.layers().map(ConvNorm::operations).sum();
        let last = 2 * self.last()[0].var.elem_count();
        // The images themselves need no gradient.
        3 * (convolutions + last) - self.stem.operations()
    }
}

impl BasicBlock {
    fn backward(&self, tape: BlockTape, dy: &Tensor, grads: &mut WeightGrads) -> Result<Tensor> {
        let [d_inner, d_shortcut] =
            self.second
                .backward(tape.second, dy, InputGrad::New, true, grads)?;
        let (Some(d_inner), Some(mut d_shortcut)) = (d_inner, d_shortcut) else {
            bail!("a block's second layer gave no gradients");
        };
        if let (Some(layer), Some(tape)) = (&self.downsample, tape.downsample) {
            let [dx, _] = layer.backward(tape, &d_shortcut, InputGrad::New, false, grads)?;
            d_shortcut = dx.unwrap_or(d_shortcut);
        }
        let onto = InputGrad::AddedTo(d_shortcut);
        let [dx, _] = self
            .first
            .backward(tape.first, &d_inner, onto, false, grads)?;
        dx.ok_or_else(|| candle_core::Error::msg("a block's first layer gave no gradient"))
    }
}
