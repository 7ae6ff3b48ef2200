//! A network that learns to classify images.

use std::{cell::OnceCell, collections::BTreeMap, path::Path};

use candle_core::{DType, Device, Tensor, backprop::GradStore};
use safetensors::Dtype;

use super::{BatchScore, Learner, Net, Precision, SupervisedConfig, TrainedLayers};
use optim::{Layout, Parameter};

use optim::state_file::{Array, StatePart, bytes, numbers};

use crate::{
    Error, Result,
    algorithm::dqn::DqnConfig,
    data::{self, Dataset, Split},
    nn::{Activation, Architecture, Augmentation, Network, ResNet, minibatch},
    streams::{Stream, stream},
};

/// The batch size of passes without learning.
const FORWARD_BATCH: usize = 256;

/// A network that classifies images.
pub struct Classifier {
    net: ClassifierNet,
    layers: TrainedLayers,
    train: Split,
    test: Split,
    /// The training and test images on the GPU, if the network is there.
    resident: Option<[Tensor; 2]>,
    /// The frozen layers' outputs for the training and test images, once they have been needed.
    features: [OnceCell<Tensor>; 2],
    /// The type of the activations.
    dtype: DType,
    augment: bool,
    seed: u64,
    device: Device,
}

/// Which images of a data set.
#[derive(Clone, Copy)]
enum Subset {
    Train,
    Test,
}

enum ClassifierNet {
    ResNet(Box<ResNet>),
    Mlp(Network),
}

impl Classifier {
    /// The network of `config` at its start, and the images of `dataset`.
    pub fn new(config: &SupervisedConfig, dataset: Dataset) -> Result<Self> {
        let run = &config.run;
        let (device, rng) = (run.device.device()?, &mut stream(run.seed, Stream::Init));
        let classes = dataset.classes.len();
        let (mut train, mut test) = (dataset.train, dataset.test);
        let net = match run.net {
            Net::Resnet18 => {
                (train, test) = (train.padded(), test.padded());
                let [_, height, width] = train.shape();
                let size = [height, width];
                let mut net = ResNet::new(run.stem, size, classes, rng, DType::F32, &device)?;
                if let Some(path) = config.weights() {
                    load(&mut net, &path)?;
                }
                ClassifierNet::ResNet(Box::new(net))
            }
            Net::Mlp => {
                let architecture = Architecture {
                    observation: vec![train.pixels()],
                    conv: Vec::new(),
                    hidden: DqnConfig::cleanrl().hidden.0,
                    activation: Activation::Relu,
                    outputs: classes,
                    dueling: false,
                };
                let streams = std::slice::from_mut(rng);
                ClassifierNet::Mlp(Network::new(&architecture, streams, DType::F32, &device)?)
            }
        };
        let (samples, batch) = (train.len(), run.batch);
        if batch > samples {
            return Err(Error::usage(format!(
                "batch = {batch} is not allowed; allowed: at most the {samples} training images of {}",
                run.dataset
            )));
        }
        if run.net == Net::Resnet18 && samples % batch == 1 {
            return Err(Error::usage(format!(
                "batch = {batch} leaves one image of {samples} for the last batch, and batch \
                 normalisation needs two; choose another batch"
            )));
        }
        let resident = match (&net, device.is_cuda()) {
            (ClassifierNet::ResNet(_), true) => {
                let on = |split: &Split| {
                    let [channels, height, width] = split.shape();
                    let shape = (split.len(), channels, height, width);
                    Tensor::from_slice(split.images(), shape, &device)
                };
                Some([on(&train)?, on(&test)?])
            }
            _ => None,
        };
        // For the whole process; it has no effect on a CPU.
        candle_core::cuda::set_gemm_reduced_precision_f32(run.precision == Precision::Tf32);
        Ok(Self {
            net,
            layers: run.train,
            train,
            test,
            resident,
            features: Default::default(),
            dtype: match run.precision {
                Precision::Bf16 => DType::BF16,
                Precision::F32 | Precision::Tf32 => DType::F32,
            },
            augment: run.augment,
            seed: run.seed,
            device,
        })
    }

    fn split(&self, subset: Subset) -> &Split {
        match subset {
            Subset::Train => &self.train,
            Subset::Test => &self.test,
        }
    }

    /// The frozen layers' outputs for all images of `subset`, `[images, 512]`. They are the same in every epoch and are
    /// computed once.
    fn features(&self, net: &ResNet, subset: Subset) -> Result<&Tensor> {
        let kept = &self.features[subset as usize];
        if let Some(features) = kept.get() {
            return Ok(features);
        }
        let rows: Vec<u32> = (0..self.split(subset).len() as u32).collect();
        let batches = rows.chunks(FORWARD_BATCH);
        let features = batches.map(|rows| Ok(net.features(&self.images(subset, rows, None)?)?));
        let features = Tensor::cat(&features.collect::<Result<Vec<_>>>()?, 0)?;
        Ok(kept.get_or_init(|| features))
    }

    /// The input of the layers that learn, for the images `rows`, and their labels.
    fn batch(
        &self,
        subset: Subset,
        rows: &[u32],
        augmentations: Option<&[Augmentation]>,
    ) -> Result<(Tensor, Tensor)> {
        let split = self.split(subset);
        let labels = rows
            .iter()
            .map(|&row| u32::from(split.labels()[row as usize]));
        let labels = Tensor::from_iter(labels, &self.device)?;
        let input = match (&self.net, self.layers) {
            (ClassifierNet::ResNet(net), TrainedLayers::Fc) if augmentations.is_none() => {
                let rows = Tensor::from_slice(rows, rows.len(), &self.device)?;
                self.features(net, subset)?.index_select(&rows, 0)?
            }
            (ClassifierNet::ResNet(net), TrainedLayers::Fc) => {
                net.features(&self.images(subset, rows, augmentations)?)?
            }
            _ => self.images(subset, rows, augmentations)?,
        };
        Ok((input, labels))
    }

    /// The images `rows` as the network reads them.
    fn images(
        &self,
        subset: Subset,
        rows: &[u32],
        augmentations: Option<&[Augmentation]>,
    ) -> Result<Tensor> {
        if let Some(images) = &self.resident {
            let images = &images[subset as usize];
            return Ok(minibatch(images, rows, augmentations, self.dtype)?);
        }
        let split = self.split(subset);
        let [channels, height, width] = split.shape();
        let mut pixels = vec![0.0; rows.len() * split.pixels()];
        let shape = match self.net {
            ClassifierNet::ResNet(_) => {
                split.fill(rows, augmentations, &mut pixels);
                (height * width, rows.len(), channels)
            }
            ClassifierNet::Mlp(_) => {
                split.fill_rows(rows, &mut pixels);
                (1, rows.len(), split.pixels())
            }
        };
        Ok(Tensor::from_vec(pixels, shape, &self.device)?)
    }
}

/// Loads the weights in the file `path`.
fn load(net: &mut ResNet, path: &Path) -> Result<()> {
    let within = |error: candle_core::Error| {
        Error::usage(format!(
            "cannot read weights from {}: {error}",
            path.display()
        ))
    };
    let state = candle_core::safetensors::load(path, &Device::Cpu).map_err(within)?;
    let state: BTreeMap<String, Tensor> = state.into_iter().collect();
    net.load(&state).map(drop).map_err(within)
}

/// The share of `labels` that `logits` have as their largest.
fn accuracy(logits: &Tensor, labels: &Tensor) -> Result<f64> {
    let right = logits
        .argmax(1)?
        .eq(labels)?
        .to_dtype(DType::F32)?
        .sum_all()?;
    Ok(f64::from(right.to_scalar::<f32>()?) / labels.dim(0)? as f64)
}

impl Learner for Classifier {
    fn samples(&self) -> usize {
        self.train.len()
    }

    fn parameters(&self) -> Vec<Parameter> {
        match (&self.net, self.layers) {
            (ClassifierNet::ResNet(net), TrainedLayers::All) => net.parameters(),
            (ClassifierNet::ResNet(net), TrainedLayers::Fc) => net.last(),
            (ClassifierNet::Mlp(net), _) => net.parameters(),
        }
    }

    fn layouts(&self) -> Vec<(String, Layout)> {
        let layout = |p: &Parameter| match (&self.net, p.var.rank()) {
            // The panels of a ResNet's convolution are axis 0, the outputs in each axis 3.
            (ClassifierNet::ResNet(_), 4) => Layout::Rows(vec![0, 3]),
            (ClassifierNet::ResNet(_), 1) => Layout::FirstAxis,
            _ => Layout::Rows(vec![1]),
        };
        let parameters = self.parameters().into_iter();
        let layouts = parameters.map(|p| (p.name.clone(), layout(&p)));
        layouts.collect()
    }

    fn learn(&mut self, rows: &[u32], epoch: u64, start: usize) -> Result<(BatchScore, GradStore)> {
        let places = start..start + rows.len();
        let augmentations = self
            .augment
            .then(|| data::augmentations(self.seed, epoch, places));
        let (input, labels) = self.batch(Subset::Train, rows, augmentations.as_deref())?;
        let (loss, logits, grads) = match (&mut self.net, self.layers) {
            (ClassifierNet::ResNet(net), layers) => {
                let learned = match layers {
                    TrainedLayers::All => net.learn(&input, &labels)?,
                    TrainedLayers::Fc => net.learn_last(&input, &labels)?,
                };
                (learned.loss, learned.logits, learned.grads)
            }
            (ClassifierNet::Mlp(net), _) => {
                let logits = net.forward(&input)?.squeeze(0)?;
                let loss = candle_nn::loss::cross_entropy(&logits, &labels)?;
                let value = f64::from(loss.to_scalar::<f32>()?);
                (value, logits.detach(), net.backward(&loss)?)
            }
        };
        let accuracy = accuracy(&logits, &labels)?;
        Ok((BatchScore { loss, accuracy }, grads))
    }

    fn test(&self) -> Result<BatchScore> {
        let rows: Vec<u32> = (0..self.test.len() as u32).collect();
        let mut sums = BatchScore::default();
        for rows in rows.chunks(FORWARD_BATCH) {
            let (input, labels) = self.batch(Subset::Test, rows, None)?;
            let logits = match (&self.net, self.layers) {
                (ClassifierNet::ResNet(net), TrainedLayers::All) => net.infer(&input)?,
                (ClassifierNet::ResNet(net), TrainedLayers::Fc) => net.logits(&input)?,
                (ClassifierNet::Mlp(net), _) => net.infer(&input)?.squeeze(0)?,
            };
            let loss = candle_nn::loss::cross_entropy(&logits, &labels)?.to_scalar::<f32>()?;
            sums.loss += f64::from(loss) * rows.len() as f64;
            sums.accuracy += accuracy(&logits, &labels)? * rows.len() as f64;
        }
        let n = self.test.len() as f64;
        Ok(BatchScore {
            loss: sums.loss / n,
            accuracy: sums.accuracy / n,
        })
    }

    /// The entropy of the labels: that of their shares as the answer.
    fn constant_loss(&self) -> f64 {
        let mut counts = BTreeMap::<u8, f64>::new();
        for label in self.test.labels() {
            *counts.entry(*label).or_default() += 1.0;
        }
        let shares = counts.values().map(|count| count / self.test.len() as f64);
        shares.map(|share| -share * share.ln()).sum()
    }

    fn arrays(&self) -> Result<Vec<Array>> {
        let mut arrays = Vec::new();
        let mut all = match &self.net {
            ClassifierNet::ResNet(net) => [net.parameters(), net.running()].concat(),
            ClassifierNet::Mlp(net) => net.parameters(),
        };
        for Parameter { name, var, .. } in all.drain(..) {
            let numbers: Vec<f32> = var.flatten_all()?.to_vec1()?;
            let data = bytes(&numbers, |x| x.to_le_bytes());
            arrays.push((name, Dtype::F32, var.dims().to_vec(), data));
        }
        if let ClassifierNet::ResNet(net) = &self.net {
            let batches = net.batches.to_le_bytes().to_vec();
            arrays.push(("batches".into(), Dtype::U64, vec![1], batches));
        }
        Ok(arrays)
    }

    fn restore(&mut self, saved: &StatePart) -> Result<()> {
        // The file of the weights may have changed since they were saved.
        self.features = Default::default();
        let all = match &self.net {
            ClassifierNet::ResNet(net) => [net.parameters(), net.running()].concat(),
            ClassifierNet::Mlp(net) => net.parameters(),
        };
        for Parameter { name, var, .. } in all {
            let found = numbers(
                saved.find(&name, Dtype::F32, var.dims())?,
                f32::from_le_bytes,
            );
            var.set(&Tensor::from_vec(found, var.dims(), var.device())?)?;
        }
        if let ClassifierNet::ResNet(net) = &mut self.net {
            net.batches = saved.count("batches")?;
        }
        Ok(())
    }

    fn weights(&self) -> Result<Vec<u8>> {
        let state: BTreeMap<String, Tensor> = match &self.net {
            ClassifierNet::ResNet(net) => net.state()?,
            ClassifierNet::Mlp(net) => {
                let one = |p: Parameter| Ok((p.name, p.var.as_detached_tensor().squeeze(0)?));
                let all = net.parameters().into_iter().map(one);
                all.collect::<candle_core::Result<_>>()?
            }
        };
        let bytes = safetensors::serialize(&state, None);
        bytes.map_err(|error| Error::usage(format!("weights cannot be saved: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use optim::state_file::{self, StateFile, of_part};

    /// `--train fc` on the pictures.
    fn last_layer(seed: u64) -> Classifier {
        let mut config = SupervisedConfig {
            run: super::super::SupervisedRun::note(Net::Resnet18),
            optimiser: "adam".parse().unwrap(),
        };
        (config.run.train, config.run.seed) = (TrainedLayers::Fc, seed);
        let pictures = Dataset::load(data::DatasetName::Synthetic, None).unwrap();
        Classifier::new(&config, pictures).unwrap()
    }

    /// Asserts that the inputs of the last layer are those of its own network for each batch alone.
    fn reads_its_own_features(classifier: &Classifier) {
        let ClassifierNet::ResNet(net) = &classifier.net else {
            panic!("not a ResNet");
        };
        for subset in [Subset::Train, Subset::Test] {
            let last = classifier.split(subset).len() as u32 - 1;
            let rows = [last, 7, last - 1, 0, 7];
            let (input, labels) = classifier.batch(subset, &rows, None).unwrap();
            assert_eq!((input.dims(), labels.dims()), (&[5, 512][..], &[5][..]));
            let images = classifier.images(subset, &rows, None).unwrap();
            let fresh = net.features(&images).unwrap();
            let [kept, fresh] = [input, fresh].map(|x| x.to_vec2::<f32>().unwrap());
            assert_eq!(kept, fresh);
        }
    }

    #[test]
    fn frozen_layers_see_each_image_once_and_give_the_same_as_in_any_batch() {
        let (mut classifier, other) = (last_layer(1), last_layer(2));
        reads_its_own_features(&classifier);
        // Other weights than those the features came from.
        let arrays: Vec<Array> = of_part("learner", other.arrays().unwrap()).collect();
        let saved = state_file::write("run", "other".into(), &arrays).unwrap();
        let saved = StateFile::read("run", "other", &saved).unwrap();
        classifier
            .restore(&StatePart::new(&saved, "learner"))
            .unwrap();
        reads_its_own_features(&classifier);
    }
}
