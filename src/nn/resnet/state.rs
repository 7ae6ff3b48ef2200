//! Weights, running statistics and gradients under torchvision's names.

use std::collections::BTreeMap;

use candle_core::{D, DType, Device, Result, Tensor, backprop::GradStore, bail};

use super::network::ResNet;
use optim::{Layer, Parameter};

use crate::nn::spatial::ConvNorm;

impl ResNet {
    /// Every parameter under torchvision's name. The numbers of a convolution's weight are in our own
    /// order; [`state`](Self::state) gives torchvision's.
    pub fn parameters(&self) -> Vec<Parameter> {
        let first = self.layers().take(1).flat_map(ConvNorm::parameters);
        let hidden = self.layers().skip(1).flat_map(ConvNorm::parameters);
        let mut all: Vec<_> = first.map(|p| p.of(Layer::Input)).chain(hidden).collect();
        all.extend(self.last());
        all
    }

    /// The running means and variances under torchvision's names.
    pub fn running(&self) -> Vec<Parameter> {
        self.layers().flat_map(ConvNorm::running).collect()
    }

    /// All parameters and running statistics, with the names, shapes and order of numbers of torchvision's
    /// `state_dict`.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut state = BTreeMap::new();
        for layer in self.layers() {
            for (i, Parameter { name, var, .. }) in layer.parameters().into_iter().enumerate() {
                let tensor = var.as_detached_tensor();
                let tensor = if i == 0 {
                    layer.torch_order(&tensor)?
                } else {
                    tensor
                };
                state.insert(name, tensor.contiguous()?);
            }
            for Parameter { name, var, .. } in layer.running() {
                state.insert(name, var.as_detached_tensor());
            }
            let counted = Tensor::new(self.batches as i64, &Device::Cpu)?;
            state.insert(layer.counter(), counted);
        }
        for Parameter { name, var, .. } in self.last() {
            state.insert(name, var.as_detached_tensor().squeeze(0)?);
        }
        Ok(state)
    }

    /// The gradients in `grads`, with torchvision's names, shapes and order of numbers.
    pub fn torch_grads(&self, grads: &GradStore) -> Result<BTreeMap<String, Tensor>> {
        let mut all = BTreeMap::new();
        for layer in self.layers() {
            for (i, Parameter { name, var, .. }) in layer.parameters().into_iter().enumerate() {
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
        for Parameter { name, var, .. } in self.last() {
            if let Some(grad) = grads.get(&var) {
                all.insert(name, grad.squeeze(0)?);
            }
        }
        Ok(all)
    }

    /// Loads a `state_dict` of torchvision's `resnet18`. Returns whether its last layer was loaded; a
    /// last layer for another number of classes is not.
    ///
    /// # Errors
    ///
    /// If a tensor is missing or has another shape; the network is then as it was.
    pub fn load(&mut self, state: &BTreeMap<String, Tensor>) -> Result<bool> {
        let found = |name: &str, dims: &[usize]| {
            let Some(tensor) = state.get(name) else {
                bail!("there is no `{name}`; needed: all weights of torchvision's resnet18");
            };
            if tensor.dims() != dims {
                bail!("`{name}` is {:?}; needed: {dims:?}", tensor.dims());
            }
            Ok(tensor)
        };
        // Everything is checked before anything is changed.
        let mut loaded = Vec::new();
        for layer in self.layers() {
            for (i, Parameter { name, var, .. }) in layer
                .parameters()
                .into_iter()
                .chain(layer.running())
                .enumerate()
            {
                let tensor = match i {
                    0 => layer.panels_order(found(&name, &layer.torch_shape())?)?,
                    _ => found(&name, var.dims())?.clone(),
                };
                loaded.push((var, tensor));
            }
        }
        let last = self.last();
        let weight = &last[0].var;
        let features = weight.dim(D::Minus1)?;
        let same_classes =
            matches!(state.get("fc.weight"), Some(w) if w.dims() == &weight.dims()[1..]);
        match state.get("fc.weight").map(Tensor::dims) {
            Some(&[_, width]) if width == features => {}
            other => bail!("`fc.weight` is {other:?}; needed: [classes, {features}]"),
        }
        if same_classes {
            for Parameter { name, var, .. } in last {
                loaded.push((var.clone(), found(&name, &var.dims()[1..])?.unsqueeze(0)?));
            }
        }
        for (var, tensor) in loaded {
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
        Ok(same_classes)
    }
}
