//! The construction of the network, with its initialisation.

use candle_core::{DType, Device, Result};
use rand::Rng;

use super::network::{BasicBlock, ResNet, Stem};
use crate::nn::{
    init,
    linear::Linear,
    spatial::{ConvNorm, PoolLayer},
    window::Window,
};

/// Channels of the four stages; each has two blocks, and all but the first halve the image.
const STAGES: [usize; 4] = [64, 128, 256, 512];

/// Makes the layers in order, drawing from one stream.
struct Builder<'a, R> {
    rng: &'a mut R,
    dtype: DType,
    device: &'a Device,
    /// The shape of an image after the layers made so far.
    image: [usize; 3],
}

impl<R: Rng> Builder<'_, R> {
    fn layer(
        &mut self,
        names: [String; 2],
        outputs: usize,
        [kernel, stride]: [usize; 2],
        relu: bool,
    ) -> Result<ConvNorm> {
        let window = Window::new(self.image, kernel, stride, kernel / 2)?;
        let mut weight = Vec::new();
        init::uniform_fan_in(
            self.rng,
            window.receptive_field(),
            outputs * window.receptive_field(),
            &mut weight,
        );
        self.image = [outputs, window.out_height, window.out_width];
        ConvNorm::new(names, &window, weight, relu, self.dtype, self.device)
    }

    fn block(&mut self, name: &str, outputs: usize, stride: usize) -> Result<BasicBlock> {
        let names = |conv: &str, norm: &str| [format!("{name}.{conv}"), format!("{name}.{norm}")];
        let before = self.image;
        let first = self.layer(names("conv1", "bn1"), outputs, [3, stride], true)?;
        let second = self.layer(names("conv2", "bn2"), outputs, [3, 1], true)?;
        let after = std::mem::replace(&mut self.image, before);
        let downsample = match before == after {
            true => None,
            false => {
                let names = names("downsample.0", "downsample.1");
                Some(self.layer(names, outputs, [1, stride], false)?)
            }
        };
        self.image = after;
        Ok(BasicBlock {
            first,
            second,
            downsample,
        })
    }
}

impl ResNet {
    /// A network for images of `size` (height, width), with PyTorch's default initialisation drawn from `rng`
    /// layer by layer, in torchvision's order.
    ///
    /// # Errors
    ///
    /// If the images are too small for a kernel.
    pub fn new(
        stem: Stem,
        size: [usize; 2],
        classes: usize,
        rng: &mut impl Rng,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let image = [3, size[0], size[1]];
        let mut builder = Builder {
            rng,
            dtype,
            device,
            image,
        };
        let names = ["conv1".into(), "bn1".into()];
        let (shape, pooled) = match stem {
            Stem::Imagenet => ([7, 2], true),
            Stem::Cifar => ([3, 1], false),
        };
        let stem = builder.layer(names, STAGES[0], shape, true)?;
        let mut pool = None;
        if pooled {
            let window = Window::new(builder.image, 3, 2, 1)?;
            builder.image = [STAGES[0], window.out_height, window.out_width];
            pool = Some(PoolLayer::new(&window)?);
        }
        let mut blocks = Vec::new();
        for (stage, channels) in STAGES.into_iter().enumerate() {
            for block in 0..2 {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                let name = format!("layer{}.{block}", stage + 1);
                blocks.push(builder.block(&name, channels, stride)?);
            }
        }
        let features = builder.image[0];
        let (weight, bias) = init::layer(&[classes, features], &mut [rng], dtype, device)?;
        Ok(Self {
            stem,
            pool,
            blocks,
            head: Linear::new(weight, bias, None, true),
            batches: 0,
        })
    }
}
