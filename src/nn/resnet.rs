//! ResNet-18 (He et al. 2016, table 1 and figure 5 left), torchvision's `resnet18` to the last detail.
//!
//! The way back through the convolutions is written out here, block by block: candle's own chain fills
//! a tensor with zeros for each gradient and adds to it, on one thread. The last layer and the loss
//! are candle's.

use std::collections::BTreeMap;

use candle_core::{D, DType, Device, Result, Tensor, Var, backprop::GradStore, bail};
use rand::Rng;

use super::{
    Linear,
    columns::Window,
    init,
    spatial::{ConvNorm, InputGrad, Kept, Pool, WeightGrads},
};
use optim::Parameter;

/// Channels of the four stages; each has two blocks, and all but the first halve the image.
const STAGES: [usize; 4] = [64, 128, 256, 512];

settings::words! {
    /// How an image comes in.
    pub enum Stem {
        /// torchvision's: 7x7 with stride 2, then 3x3 max pooling with stride 2
        Imagenet = "imagenet",
        /// For small images: 3x3, no pooling
        Cifar = "cifar",
    }
}

/// The network. Images come position by position, `[height * width, batch, 3]`.
///
/// It computes in the type of its images; on a GPU that may be bf16 while the weights are f32: then the
/// moments, the last layer, the loss and the weights' gradients are f32 too.
pub struct ResNet {
    stem: ConvNorm,
    pool: Option<Pool>,
    blocks: Vec<Block>,
    head: Linear,
    /// Batches the running statistics have taken in.
    pub batches: u64,
}

/// Two 3x3 convolutions beside a shortcut.
struct Block {
    first: ConvNorm,
    second: ConvNorm,
    /// A 1x1 convolution in the shortcut where the shape changes.
    down: Option<ConvNorm>,
}

/// What one batch says.
pub struct Learned {
    /// The mean cross entropy.
    pub loss: f64,
    /// `[batch, classes]`.
    pub logits: Tensor,
    /// The gradients of the trained parameters.
    pub grads: GradStore,
}

/// What the last layer says of a batch.
struct Head {
    loss: Tensor,
    logits: Tensor,
    grads: GradStore,
}

impl Head {
    /// Waits for the loss: last of all, so that a GPU has all of the step before it.
    fn read(self) -> Result<Learned> {
        Ok(Learned {
            loss: self.loss.to_dtype(DType::F64)?.to_scalar()?,
            logits: self.logits,
            grads: self.grads,
        })
    }
}

/// What the way back needs, in the order of the way there.
struct Tape {
    stem: Kept,
    found: Option<Tensor>,
    blocks: Vec<[Option<Kept>; 3]>,
    /// Positions behind the last block.
    positions: usize,
    /// The type of the activations.
    dtype: DType,
}

/// Makes the layers one after the other, from one stream.
struct Builder<'a, R> {
    rng: &'a mut R,
    dtype: DType,
    device: &'a Device,
    /// The image so far.
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
            window.seen(),
            outputs * window.seen(),
            &mut weight,
        );
        self.image = [outputs, window.out_height, window.out_width];
        ConvNorm::new(names, &window, weight, relu, self.dtype, self.device)
    }

    fn block(&mut self, name: &str, outputs: usize, stride: usize) -> Result<Block> {
        let names = |conv: &str, norm: &str| [format!("{name}.{conv}"), format!("{name}.{norm}")];
        let before = self.image;
        let first = self.layer(names("conv1", "bn1"), outputs, [3, stride], true)?;
        let second = self.layer(names("conv2", "bn2"), outputs, [3, 1], true)?;
        let after = std::mem::replace(&mut self.image, before);
        let down = match before == after {
            true => None,
            false => {
                let names = names("downsample.0", "downsample.1");
                Some(self.layer(names, outputs, [1, stride], false)?)
            }
        };
        self.image = after;
        Ok(Block {
            first,
            second,
            down,
        })
    }
}

impl ResNet {
    /// For images of `size` (height, width), with PyTorch's default initialisation drawn from `rng`
    /// layer by layer, in torchvision's order.
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
        let (kernel, pooled) = match stem {
            Stem::Imagenet => ([7, 2], true),
            Stem::Cifar => ([3, 1], false),
        };
        let stem = builder.layer(names, STAGES[0], kernel, true)?;
        let mut pool = None;
        if pooled {
            let window = Window::new(builder.image, 3, 2, 1)?;
            builder.image = [STAGES[0], window.out_height, window.out_width];
            pool = Some(Pool::new(&window)?);
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
            head: Linear::new(weight, bias, false, true),
            batches: 0,
        })
    }

    /// The loss and the gradients of everything, on batch statistics, which the running ones take in.
    ///
    /// `images` is `[height * width, batch, 3]`, `labels` `[batch]` of u32.
    pub fn learn(&mut self, images: &Tensor, labels: &Tensor) -> Result<Learned> {
        let (features, tape) = self.forward(images)?;
        self.batches += 1;
        let features = Var::from_tensor(&features)?;
        let (mut head, d_features) = self.learn_head(&features, labels)?;
        for (var, grad) in self.backward(tape, &d_features)? {
            head.grads.insert(var.as_tensor(), grad);
        }
        head.read()
    }

    /// The loss and the gradients of the last layer alone; the layers before it normalise by their
    /// running statistics and learn nothing.
    pub fn learn_last(&self, images: &Tensor, labels: &Tensor) -> Result<Learned> {
        let features = Var::from_tensor(&self.features(images)?)?;
        self.learn_head(&features, labels)?.0.read()
    }

    /// Logits `[batch, classes]` by running statistics.
    pub fn infer(&self, images: &Tensor) -> Result<Tensor> {
        let features = self.features(images)?.unsqueeze(0)?;
        self.head.infer(&features)?.squeeze(0)
    }

    fn learn_head(&self, features: &Var, labels: &Tensor) -> Result<(Head, Tensor)> {
        let logits = self.head.forward(&features.unsqueeze(0)?)?.squeeze(0)?;
        let loss = candle_nn::loss::cross_entropy(&logits, labels)?;
        let mut grads = loss.backward()?;
        let Some(d_features) = grads.remove(features) else {
            bail!("the loss has no gradient for the last layer's input");
        };
        let head = Head {
            loss,
            logits: logits.detach(),
            grads,
        };
        Ok((head, d_features))
    }

    fn features(&self, images: &Tensor) -> Result<Tensor> {
        let mut x = self.stem.infer(images, None)?;
        if let Some(pool) = &self.pool {
            [x, _] = pool.forward(&x)?;
        }
        for block in &self.blocks {
            let down = block.down.as_ref().map(|down| down.infer(&x, None));
            let shortcut = down.transpose()?;
            let inner = block.first.infer(&x, None)?;
            x = block
                .second
                .infer(&inner, Some(shortcut.as_ref().unwrap_or(&x)))?;
        }
        self.pooled(&x)
    }

    /// The mean over all positions, in the weights' type.
    fn pooled(&self, x: &Tensor) -> Result<Tensor> {
        x.to_dtype(self.last()[0].var.dtype())?.mean(0)
    }

    /// Features `[batch, 512]`, and the tape.
    fn forward(&self, images: &Tensor) -> Result<(Tensor, Tape)> {
        let (mut x, stem) = self.stem.forward(images, None)?;
        let mut found = None;
        if let Some(pool) = &self.pool {
            let [largest, place] = pool.forward(&x)?;
            (x, found) = (largest, Some(place));
        }
        let mut blocks = Vec::new();
        for block in &self.blocks {
            let down = block.down.as_ref().map(|down| down.forward(&x, None));
            let (shortcut, down) = down.transpose()?.unzip();
            let (inner, first) = block.first.forward(&x, None)?;
            let shortcut = shortcut.as_ref().unwrap_or(&x);
            let (y, second) = block.second.forward(&inner, Some(shortcut))?;
            blocks.push([Some(first), Some(second), down]);
            x = y;
        }
        let tape = Tape {
            stem,
            found,
            blocks,
            positions: x.dim(0)?,
            dtype: x.dtype(),
        };
        Ok((self.pooled(&x)?, tape))
    }

    /// The gradients of all weights before the last layer's; what the tape kept goes as it is used.
    fn backward(&self, tape: Tape, d_features: &Tensor) -> Result<WeightGrads> {
        let mut grads = Vec::new();
        let share = d_features.affine(1.0 / tape.positions as f64, 0.0)?;
        let share = share.to_dtype(tape.dtype)?;
        let (batch, channels) = share.dims2()?;
        let mut dy = share
            .broadcast_as((tape.positions, batch, channels))?
            .contiguous()?;
        for (block, kept) in self.blocks.iter().zip(tape.blocks).rev() {
            dy = block.backward(kept, &dy, &mut grads)?;
        }
        if let (Some(pool), Some(found)) = (&self.pool, &tape.found) {
            dy = pool.backward(&dy, found)?;
        }
        self.stem
            .backward(tape.stem, &dy, InputGrad::Unneeded, false, &mut grads)?;
        Ok(grads)
    }

    fn layers(&self) -> impl Iterator<Item = &ConvNorm> {
        let blocks = self.blocks.iter();
        let layers = blocks.flat_map(|b| [Some(&b.first), Some(&b.second), b.down.as_ref()]);
        std::iter::once(&self.stem).chain(layers.flatten())
    }

    /// Every weight under torchvision's name; a convolution's lie in an order of their own.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut all: Vec<_> = self.layers().flat_map(ConvNorm::parameters).collect();
        all.extend(self.last());
        all
    }

    /// The last layer's weight and bias, `[1, classes, 512]` and `[1, classes]`.
    pub fn last(&self) -> [Parameter; 2] {
        self.head.parameters("fc")
    }

    /// The running means and variances under torchvision's names.
    pub fn running(&self) -> Vec<Parameter> {
        self.layers().flat_map(ConvNorm::running).collect()
    }

    /// Multiplications and additions of the convolutions and the last layer in a step of training,
    /// for one image.
    pub fn operations(&self) -> usize {
        let convolutions: usize = self.layers().map(ConvNorm::operations).sum();
        let last = 2 * self.last()[0].var.elem_count();
        // The images themselves need no gradient.
        3 * (convolutions + last) - self.stem.operations()
    }

    /// Everything that makes the network what it is, in torchvision's `state_dict`: names, shapes, order
    /// of numbers.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut state = BTreeMap::new();
        for layer in self.layers() {
            for (i, Parameter { name, var }) in layer.parameters().into_iter().enumerate() {
                let tensor = var.as_detached_tensor();
                let tensor = if i == 0 {
                    layer.torch_order(&tensor)?
                } else {
                    tensor
                };
                state.insert(name, tensor.contiguous()?);
            }
            for Parameter { name, var } in layer.running() {
                state.insert(name, var.as_detached_tensor());
            }
            let counted = Tensor::new(self.batches as i64, &Device::Cpu)?;
            state.insert(layer.counter(), counted);
        }
        for Parameter { name, var } in self.last() {
            state.insert(name, var.as_detached_tensor().squeeze(0)?);
        }
        Ok(state)
    }

    /// The gradients that `grads` has, in torchvision's names, shapes and order of numbers.
    pub fn torch_grads(&self, grads: &GradStore) -> Result<BTreeMap<String, Tensor>> {
        let mut all = BTreeMap::new();
        for layer in self.layers() {
            for (i, Parameter { name, var }) in layer.parameters().into_iter().enumerate() {
                if let Some(grad) = grads.get(&var) {
                    let grad = if i == 0 {
                        layer.torch_order(grad)?
                    } else {
                        grad.clone()
                    };
                    all.insert(name, grad.contiguous()?);
                }
            }
        }
        for Parameter { name, var } in self.last() {
            if let Some(grad) = grads.get(&var) {
                all.insert(name, grad.squeeze(0)?);
            }
        }
        Ok(all)
    }

    /// Takes over a `state_dict` of torchvision's `resnet18`. A last layer for other classes is left as it
    /// was, and `false` is given back.
    pub fn load(&mut self, state: &BTreeMap<String, Tensor>) -> Result<bool> {
        let found = |name: &str, dims: &[usize]| {
            let Some(tensor) = state.get(name) else {
                bail!("there is no `{name}`; allowed: the weights of torchvision's resnet18");
            };
            if tensor.dims() != dims {
                bail!("`{name}` is {:?}; allowed: {dims:?}", tensor.dims());
            }
            Ok(tensor)
        };
        // All of it is looked at before any of it is taken.
        let mut taken = Vec::new();
        for layer in self.layers() {
            for (i, Parameter { name, var }) in layer
                .parameters()
                .into_iter()
                .chain(layer.running())
                .enumerate()
            {
                let tensor = match i {
                    0 => layer.panels_order(found(&name, &layer.torch_shape())?)?,
                    _ => found(&name, var.dims())?.clone(),
                };
                taken.push((var, tensor));
            }
        }
        let [weight, bias] = self.last();
        let features = weight.var.dim(D::Minus1)?;
        let same = matches!(state.get("fc.weight"), Some(w) if w.dims() == &weight.var.dims()[1..]);
        match state.get("fc.weight").map(Tensor::dims) {
            Some(&[_, width]) if width == features => {}
            other => bail!("`fc.weight` is {other:?}; allowed: [classes, {features}]"),
        }
        if same {
            for Parameter { name, var } in [weight, bias] {
                taken.push((var.clone(), found(&name, &var.dims()[1..])?.unsqueeze(0)?));
            }
        }
        for (var, tensor) in taken {
            var.set(
                &tensor
                    .to_dtype(var.dtype())?
                    .to_device(var.device())?
                    .contiguous()?,
            )?;
        }
        let counter = self.stem.counter();
        if let Some(batches) = state.get(&counter) {
            let batches: i64 = batches
                .to_dtype(DType::I64)?
                .flatten_all()?
                .get(0)?
                .to_scalar()?;
            self.batches = batches.try_into().unwrap_or(0);
        }
        Ok(same)
    }
}

impl Block {
    fn backward(
        &self,
        kept: [Option<Kept>; 3],
        dy: &Tensor,
        grads: &mut WeightGrads,
    ) -> Result<Tensor> {
        let [Some(first), Some(second), down] = kept else {
            bail!("a block's backward without its forward");
        };
        let [d_inner, d_shortcut] =
            self.second
                .backward(second, dy, InputGrad::New, true, grads)?;
        let (Some(d_inner), Some(mut d_shortcut)) = (d_inner, d_shortcut) else {
            bail!("a block's second layer gave no gradients");
        };
        if let (Some(layer), Some(kept)) = (&self.down, down) {
            let [dx, _] = layer.backward(kept, &d_shortcut, InputGrad::New, false, grads)?;
            d_shortcut = dx.unwrap_or(d_shortcut);
        }
        let onto = InputGrad::AddedTo(d_shortcut);
        let [dx, _] = self.first.backward(first, &d_inner, onto, false, grads)?;
        dx.ok_or_else(|| candle_core::Error::msg("a block's first layer gave no gradient"))
    }
}
