//! The passes, kernels and all, run by the processor: the kernels' text is compiled as C, and BLAS's
//! convention is followed number by number. What they give is compared with the processor's own passes.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fs,
    process::Command,
    rc::Rc,
};

use candle_core::{CpuStorage, DType, Device, Result, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    super::{Geometry, PANEL, Sizes, cpu, passes as spatial, pool::MaxPool},
    machine::{Address, ColumnMajor, Grid, Machine, Product, TICKETS},
    text::{Element, Kernels},
};
use crate::{
    data::{Look, looks, synthetic},
    nn::{ResNet, Stem, columns::Window},
};

thread_local! {
    static EMULATED: RefCell<Option<Rc<Emulated>>> = const { RefCell::new(None) };
}

/// A processor that runs what a GPU would.
#[derive(Default)]
struct Emulated {
    libraries: RefCell<HashMap<Kernels, libloading::Library>>,
    tickets: RefCell<Vec<u128>>,
    /// Whether blocks and threads come last to first.
    reverse: Cell<bool>,
    launches: RefCell<Vec<&'static str>>,
}

/// The machine for tensors on the CPU, while there is one.
pub(super) fn emulated() -> Option<Box<dyn Machine>> {
    let machine = EMULATED.with_borrow(Option::clone)?;
    Some(Box::new(machine))
}

/// Runs `passes` as on a GPU.
fn as_on_a_gpu<T>(machine: &Rc<Emulated>, passes: impl FnOnce() -> T) -> T {
    EMULATED.set(Some(machine.clone()));
    let result = passes();
    EMULATED.set(None);
    result
}

/// Where a storage begins.
pub(super) fn address(storage: &CpuStorage) -> Address {
    match storage {
        CpuStorage::U8(all) => all.as_ptr() as Address,
        CpuStorage::U32(all) => all.as_ptr() as Address,
        CpuStorage::I32(all) => all.as_ptr() as Address,
        CpuStorage::BF16(all) => all.as_ptr() as Address,
        CpuStorage::F32(all) => all.as_ptr() as Address,
        CpuStorage::F64(all) => all.as_ptr() as Address,
        other => panic!("{other:?}"),
    }
}

/// `(name, structure)` of each kernel, as the text has them, and the size of the structure here.
fn kernels() -> Vec<(&'static str, &'static str, usize)> {
    use super::machine::*;
    macro_rules! all {
        ($($structure:ident),*) => {
            vec![$((<$structure as Arguments>::NAME, stringify!($structure), size_of::<$structure>())),*]
        };
    }
    all!(
        Gather, Collect, Moments, Normalise, Sums, Back, Pool, PoolBack, Minibatch
    )
}

fn compile(kernels_of: Kernels) -> libloading::Library {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("kernels.c");
    let library = folder.path().join("kernels.so");
    let text = kernels_of.text();
    let text = text.replace("extern \"C\" __global__", "static");
    let launches = kernels().into_iter();
    let launches: String = launches
        .map(|(name, structure, _)| format!("KERNEL({name}, {structure})\n"))
        .collect();
    fs::write(
        &source,
        format!("{}\n{text}\n{launches}", include_str!("shim.c")),
    )
    .unwrap();
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let flags = [
        "-std=gnu99",
        "-O2",
        "-fno-strict-aliasing",
        "-shared",
        "-fPIC",
        "-o",
    ];
    let output = Command::new(cc)
        .args(flags)
        .arg(&library)
        .arg(&source)
        .arg("-lm")
        .output()
        .expect("a C compiler");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{kernels_of:?}: {said}");
    // SAFETY: the library was compiled just now from the text above and runs nothing when loaded.
    let library = unsafe { libloading::Library::new(&library).unwrap() };
    for (name, _, size) in kernels() {
        // SAFETY: `KERNEL` defines a number of this name.
        let there = unsafe {
            let symbol = library.get::<*const std::ffi::c_ulong>(format!("size_{name}").as_bytes());
            **symbol.unwrap()
        };
        assert_eq!(there as usize, size, "the structure of {name}");
    }
    library
}

impl Machine for Rc<Emulated> {
    unsafe fn launch(
        &self,
        kernels: Kernels,
        name: &'static str,
        grid: Grid,
        arguments: &u8,
    ) -> Result<()> {
        type Launch = unsafe extern "C" fn(*const u8, *const u32, i32);
        self.launches.borrow_mut().push(name);
        let mut libraries = self.libraries.borrow_mut();
        let library = libraries.entry(kernels).or_insert_with(|| compile(kernels));
        let sizes = [grid.blocks, grid.threads].concat();
        let sizes: Vec<u32> = sizes.into_iter().map(|n| n as u32).collect();
        // SAFETY: `KERNEL` defines a function of this signature; the rest the caller promises.
        unsafe {
            let launch = library
                .get::<Launch>(format!("launch_{name}").as_bytes())
                .unwrap();
            launch(arguments, sizes.as_ptr(), self.reverse.get().into());
        }
        Ok(())
    }

    unsafe fn product(&self, product: &Product) -> Result<()> {
        self.launches.borrow_mut().push("product");
        let call = product.column_major()?;
        // SAFETY: as the caller promises.
        unsafe {
            match (product.element, product.result) {
                (Element::F32, DType::F32) => blas::<f32, f32>(call, product.add),
                (Element::F64, DType::F64) => blas::<f64, f64>(call, product.add),
                (Element::Bf16, DType::BF16) => blas::<Bf16, Bf16>(call, product.add),
                (Element::Bf16, DType::F32) => blas::<Bf16, f32>(call, product.add),
                other => panic!("{other:?}"),
            }
        }
        Ok(())
    }

    fn tickets(&self) -> Result<Address> {
        let mut tickets = self.tickets.borrow_mut();
        tickets.resize(TICKETS / 4, 0);
        Ok(tickets.as_ptr() as Address)
    }
}

/// A number as it lies in memory.
trait Number: Copy {
    fn read(self) -> f64;
    fn write(x: f64) -> Self;
}

impl Number for f32 {
    fn read(self) -> f64 {
        self.into()
    }

    fn write(x: f64) -> Self {
        x as f32
    }
}

impl Number for f64 {
    fn read(self) -> f64 {
        self
    }

    fn write(x: f64) -> Self {
        x
    }
}

/// The upper half of an f32.
#[derive(Clone, Copy)]
struct Bf16(u16);

impl Number for Bf16 {
    fn read(self) -> f64 {
        f32::from_bits(u32::from(self.0) << 16).into()
    }

    fn write(x: f64) -> Self {
        let bits = (x as f32).to_bits();
        Self(((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16)
    }
}

/// What cuBLAS documents `gemm` to do, with matrices column by column; sums in f64.
///
/// # Safety
///
/// The call's addresses lead to matrices of its sizes.
unsafe fn blas<T: Number, R: Number>(call: ColumnMajor, add: bool) {
    let [a, b] = [call.at[0] as *const T, call.at[1] as *const T];
    let c = call.at[2] as *mut R;
    let [lda, ldb, ldc] = call.leading.map(|n| n as usize);
    let [m, n, k] = [call.m, call.n, call.k].map(|n| n as usize);
    let [down_a, along_a] = if call.turned[0] { [lda, 1] } else { [1, lda] };
    let [along_b, across_b] = if call.turned[1] { [ldb, 1] } else { [1, ldb] };
    let mut sums = vec![0.0; m];
    // SAFETY: as the caller promises.
    unsafe {
        for column in 0..n {
            let c = c.add(column * ldc);
            for (row, sum) in sums.iter_mut().enumerate() {
                *sum = if add { (*c.add(row)).read() } else { 0.0 };
            }
            for i in 0..k {
                let y = (*b.add(i * along_b + column * across_b)).read();
                for (row, sum) in sums.iter_mut().enumerate() {
                    *sum += (*a.add(row * down_a + i * along_a)).read() * y;
                }
            }
            for (row, &sum) in sums.iter().enumerate() {
                *c.add(row) = R::write(sum);
            }
        }
    }
}

fn random(rng: &mut ChaCha8Rng, shape: impl Into<candle_core::Shape>, dtype: DType) -> Tensor {
    let shape = shape.into();
    let numbers = (0..shape.elem_count()).map(|_| rng.random_range(-1.0..1.0));
    let numbers: Vec<f64> = numbers.collect();
    let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap();
    tensor.to_dtype(dtype).unwrap()
}

fn numbers(x: &Tensor) -> Vec<f64> {
    let x = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    x.to_vec1().unwrap()
}

/// The largest difference, as a share of the largest number that is expected.
fn error(expected: &Tensor, found: &Tensor) -> f64 {
    assert_eq!(expected.dims(), found.dims());
    let (expected, found) = (numbers(expected), numbers(found));
    let size = expected.iter().fold(0_f64, |size, x| size.max(x.abs()));
    let mut most = 0.0;
    for (a, b) in expected.iter().zip(&found) {
        let off = (a - b).abs();
        assert!(off.is_finite());
        most = off.max(most);
    }
    if most == 0.0 { 0.0 } else { most / size }
}

fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-13,
        DType::F32 => 3e-6,
        _ => 2e-2,
    }
}

#[track_caller]
fn same(what: &str, dtype: DType, expected: &Tensor, found: &Tensor) {
    let error = error(expected, found);
    assert!(error <= tolerance(dtype), "{what} in {dtype:?}: {error:e}");
}

/// Runs `passes` with blocks and threads in order and in reverse: the same bits both times.
fn both_ways(machine: &Rc<Emulated>, passes: impl Fn() -> Vec<Tensor>) -> Vec<Tensor> {
    let [there, back] = [false, true].map(|reverse| {
        machine.reverse.set(reverse);
        as_on_a_gpu(machine, &passes)
    });
    for (i, (there, back)) in there.iter().zip(&back).enumerate() {
        let bits = |x: &Tensor| -> Vec<u64> { numbers(x).into_iter().map(f64::to_bits).collect() };
        assert!(bits(there) == bits(back), "result {i} depends on the order");
    }
    assert!(machine.tickets.borrow().iter().all(|&four| four == 0));
    there
}

/// In f64, for bf16 from numbers that are bf16: what the processor's passes make of it.
fn exact(x: &Tensor) -> Tensor {
    x.to_dtype(DType::F64).unwrap()
}

/// A weight `[places, in, out]` in the processor's panels.
fn panels(weight: &Tensor, sizes: Sizes) -> Tensor {
    let Sizes {
        outputs,
        inputs,
        places,
    } = sizes;
    let shape = (places, inputs, outputs / PANEL, PANEL);
    let weight = weight.reshape(shape).unwrap();
    weight.permute((2, 0, 1, 3)).unwrap().contiguous().unwrap()
}

#[test]
fn convolutions_are_the_processors() {
    // Channels, height, width; kernel, stride, padding: ResNet-18's, and odd ones.
    let windows = [
        ([3, 9, 9], 7, 2, 3),
        ([3, 6, 5], 3, 1, 1),
        ([32, 8, 8], 3, 1, 1),
        ([64, 2, 2], 3, 1, 1),
        ([64, 1, 1], 3, 1, 1),
        ([32, 5, 7], 3, 2, 1),
        ([64, 2, 2], 3, 2, 1),
        ([32, 4, 4], 1, 2, 0),
        ([32, 5, 3], 1, 2, 0),
        ([32, 3, 4], 1, 1, 0),
    ];
    let machine = Rc::default();
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for (image, kernel, stride, padding) in windows {
            let window = Window::new(image, kernel, stride, padding).unwrap();
            let geometry = Geometry::new(&window, 64).unwrap();
            let (sizes, [positions, outputs]) = (geometry.sizes(), geometry.positions());
            let (batch, real) = (5, Element::of(dtype).unwrap().real());
            let x = random(rng, (positions, batch, sizes.inputs), dtype);
            let dy = random(rng, (outputs, batch, sizes.outputs), dtype);
            let weight = random(rng, (sizes.places, sizes.inputs, sizes.outputs), dtype);
            let like = weight.to_dtype(real).unwrap();
            let onto = random(rng, x.dims(), dtype);
            let found = both_ways(&machine, || {
                let [y, seen] = spatial::convolve(&geometry, &x, &weight).unwrap();
                let d_weight = spatial::weight_grad(&geometry, &seen, &dy, &like).unwrap();
                let dx = spatial::input_grad(&geometry, &dy, &weight, None).unwrap();
                let onto = onto.copy().unwrap();
                let added = spatial::input_grad(&geometry, &dy, &weight, Some(onto)).unwrap();
                vec![y, d_weight, dx, added]
            });
            assert_eq!(found[1].dtype(), real);
            let [x, dy, onto] = [&x, &dy, &onto].map(exact);
            let weight = panels(&exact(&weight), sizes);
            let what = format!("{window:?}");
            let [y, _] = cpu::convolve(&geometry, &x, &weight).unwrap();
            same(&format!("{what}: y"), dtype, &y, &found[0]);
            let d_weight = panels(&exact(&found[1]), sizes);
            let expected = cpu::weight_grad(&geometry, &x, &dy, &weight).unwrap();
            // Its products are summed up in f32 and stay so.
            same(&format!("{what}: weight"), real, &expected, &d_weight);
            if sizes.inputs % PANEL == 0 {
                let dx = cpu::input_grad(&geometry, &dy, &weight, None).unwrap();
                same(&format!("{what}: dx"), dtype, &dx, &found[2]);
                let added = cpu::input_grad(&geometry, &dy, &weight, Some(onto)).unwrap();
                same(&format!("{what}: onto"), dtype, &added, &found[3]);
            }
        }
    }
}

#[test]
fn batch_normalisation_is_the_processors() {
    let machine = Rc::default();
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    // Few rows and many, channels that come out even and not, one group and more than a block of them.
    let shapes = [
        (1, 6, 64),
        (3, 5, 6),
        (4, 7, 96),
        (1, 3, 7),
        (40, 33, 32),
        (2, 4, 512),
    ];
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for (positions, batch, channels) in shapes {
            let real = Element::of(dtype).unwrap().real();
            let shape = (positions, batch, channels);
            // Far from 0, where squares would lose what the variance is.
            let far = random(rng, shape, DType::F64).affine(0.5, 9.0).unwrap();
            let x = far.to_dtype(dtype).unwrap();
            let [dy, shortcut] = [0; 2].map(|_| random(rng, shape, dtype));
            let [gamma, beta, mean, variance] = [0; 4].map(|_| random(rng, channels, real));
            let running = |dtype: DType| {
                [&mean, &variance].map(|x| Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap())
            };
            for (with, relu) in [(true, true), (true, false), (false, true), (false, false)] {
                let run = |x: &Tensor, dy: &Tensor, shortcut: &Tensor, real: DType| {
                    let shortcut = with.then_some(shortcut);
                    let [gamma, beta] = [&gamma, &beta].map(|x| x.to_dtype(real).unwrap());
                    let running = running(real);
                    let moments = spatial::moments(x, &running, 0.1).unwrap();
                    let scale = [&gamma, &beta];
                    let y = spatial::normalise(x, &moments, scale, 1e-5, shortcut, relu).unwrap();
                    let clipped = relu.then_some(&y);
                    let (dx, d_gamma, d_beta, d_shortcut) =
                        spatial::normalise_backward(x, dy, clipped, &moments, &gamma, 1e-5, with)
                            .unwrap();
                    let [mean, variance] = moments;
                    let [running_mean, running_variance] =
                        running.map(|var| var.as_detached_tensor());
                    let mut all = vec![mean, variance, running_mean, running_variance];
                    all.extend([d_gamma, d_beta, y, dx]);
                    all.extend(d_shortcut);
                    all
                };
                let found = both_ways(&machine, || run(&x, &dy, &shortcut, real));
                let expected = run(&exact(&x), &exact(&dy), &exact(&shortcut), DType::F64);
                assert_eq!(found.len(), expected.len());
                for (i, (expected, found)) in expected.iter().zip(&found).enumerate() {
                    let error = error(expected, found);
                    // The mean is rounded, and far from 0.
                    let most = 30.0 * tolerance(found.dtype());
                    assert!(error < most, "{i} of {shape:?} in {dtype:?}: {error:e}");
                }
            }
        }
    }
}

#[test]
fn max_pooling_is_the_processors() {
    let machine = Rc::default();
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for (image, batch) in [([8, 6, 6], 3), ([5, 7, 4], 3), ([3, 1, 1], 2)] {
            let pool = MaxPool::new(&Window::new(image, 3, 2, 1).unwrap()).unwrap();
            let [positions, outputs] = pool.positions();
            // Few different numbers, so that some are equal.
            let x = random(rng, (positions, batch, image[0]), DType::F64);
            let x = x.affine(3.0, 0.0).unwrap().round().unwrap();
            let x = x.to_dtype(dtype).unwrap();
            let dy = random(rng, (outputs, batch, image[0]), dtype);
            let run = |x: &Tensor, dy: &Tensor| {
                let [largest, found] = spatial::max_pool(&pool, x).unwrap();
                let dx = spatial::max_pool_backward(&pool, dy, &found).unwrap();
                vec![largest, found, dx]
            };
            let found = both_ways(&machine, || run(&x, &dy));
            let expected = run(&exact(&x), &exact(&dy));
            assert_eq!(numbers(&expected[0]), numbers(&found[0]));
            assert_eq!(numbers(&expected[1]), numbers(&found[1]));
            same("dx", dtype, &expected[2], &found[2]);
        }
    }
}

#[test]
fn a_nan_is_the_largest_and_is_not_clipped() {
    let machine = Rc::default();
    let pool = MaxPool::new(&Window::new([1, 2, 2], 3, 2, 1).unwrap()).unwrap();
    let x = Tensor::new(&[1_f32, f32::NAN, 2., 3.], &Device::Cpu).unwrap();
    let x = x.reshape((4, 1, 1)).unwrap();
    as_on_a_gpu(&machine, || {
        let [largest, found] = spatial::max_pool(&pool, &x).unwrap();
        assert!(numbers(&largest)[0].is_nan());
        assert_eq!(numbers(&found), [5.0]);
        let one = Tensor::ones(1, DType::F32, &Device::Cpu).unwrap();
        let moments = [one.clone(), one.clone()];
        let y = spatial::normalise(&x, &moments, [&one, &one], 0.0, None, true).unwrap();
        assert!(numbers(&y)[1].is_nan());
    });
}

#[test]
fn minibatches_are_the_processors_to_the_bit() {
    let machine = Rc::default();
    let split = synthetic(4, 20, 10).train;
    let [channels, height, width] = split.shape();
    let images = Tensor::from_slice(
        split.images(),
        (split.len(), channels, height, width),
        &Device::Cpu,
    )
    .unwrap();
    let rows = [3, 19, 0, 7, 7];
    for looks in [None, Some(looks(1, 2, 0..rows.len()))] {
        let looks: Option<&[Look]> = looks.as_deref();
        let found = both_ways(&machine, || {
            vec![spatial::minibatch(&images, &rows, looks, DType::F32).unwrap()]
        });
        let mut expected = vec![0.0; rows.len() * split.pixels()];
        split.fill(&rows, looks, &mut expected);
        let found: Vec<f32> = found[0].flatten_all().unwrap().to_vec1().unwrap();
        assert!(expected == found);
    }
    as_on_a_gpu(&machine, || {
        let refused = |rows: &[u32], looks: Option<&[Look]>| {
            let batch = spatial::minibatch(&images, rows, looks, DType::F32);
            batch.unwrap_err().to_string()
        };
        assert!(refused(&[20], None).contains("no image 20; allowed: 0 to 19"));
        assert!(refused(&[1], Some(&[])).contains("0 looks for 1 images"));
    });
    let nowhere = spatial::minibatch(&images, &rows, None, DType::F32);
    assert!(nowhere.unwrap_err().to_string().contains("--features cuda"));
}

fn net(dtype: DType, stem: Stem, side: usize) -> ResNet {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    ResNet::new(stem, [side; 2], 10, rng, dtype, &Device::Cpu).unwrap()
}

/// A step of the whole network: forward, back, and the running statistics.
#[test]
fn a_step_of_resnet_is_the_processors() {
    let machine: Rc<Emulated> = Rc::default();
    for (dtype, stem, side, most) in [
        (DType::F64, Stem::Imagenet, 32, 1e-10),
        (DType::F64, Stem::Imagenet, 37, 1e-10),
        (DType::F32, Stem::Imagenet, 32, 1e-3),
    ] {
        let rng = &mut ChaCha8Rng::seed_from_u64(6);
        let batch = 4;
        let images = random(rng, (side * side, batch, 3), dtype);
        let labels = Tensor::new(&[1_u32, 0, 7, 7], &Device::Cpu).unwrap();
        let step = || {
            let mut net = net(dtype, stem, side);
            machine.launches.borrow_mut().clear();
            let learned = net.learn(&images, &labels).unwrap();
            let grads = net.torch_grads(&learned.grads).unwrap();
            let infer = net.infer(&images).unwrap();
            (learned.loss, grads, net.state().unwrap(), infer)
        };
        let expected = step();
        let found = as_on_a_gpu(&machine, step);
        assert!(
            (expected.0 - found.0).abs() < most,
            "{} {}",
            expected.0,
            found.0
        );
        let pairs = expected.1.iter().zip(&found.1);
        for ((name, expected), (_, found)) in pairs.chain(expected.2.iter().zip(&found.2)) {
            let error = error(expected, found);
            assert!(error < most, "{name}: {error:e}");
        }
        assert!(error(&expected.3, &found.3) < most);
    }
}

/// What the module's documentation says of a step.
#[test]
fn launches_are_counted() {
    let machine: Rc<Emulated> = Rc::default();
    let rng = &mut ChaCha8Rng::seed_from_u64(7);
    let images = random(rng, (32 * 32, 2, 3), DType::F32);
    let labels = Tensor::new(&[1_u32, 0], &Device::Cpu).unwrap();
    as_on_a_gpu(&machine, || {
        let mut net = net(DType::F32, Stem::Imagenet, 32);
        net.learn(&images, &labels).unwrap();
    });
    let launches = machine.launches.borrow();
    let products = launches.iter().filter(|&&name| name == "product").count();
    assert_eq!([launches.len() - products, products], [115, 59]);
}

/// With activations in bf16 the gradients are those of f32 but for rounding.
#[test]
fn a_step_of_resnet_in_bf16_comes_close() {
    let machine: Rc<Emulated> = Rc::default();
    let rng = &mut ChaCha8Rng::seed_from_u64(8);
    let images = random(rng, (32 * 32, 8, 3), DType::BF16);
    let labels = Tensor::new(&[1_u32, 0, 7, 3, 9, 2, 5, 4], &Device::Cpu).unwrap();
    let step = |dtype: DType| {
        let mut net = net(DType::F32, Stem::Imagenet, 32);
        let images = images.to_dtype(dtype).unwrap();
        let learned = net.learn(&images, &labels).unwrap();
        (learned.loss, net.torch_grads(&learned.grads).unwrap())
    };
    let expected = step(DType::F32);
    let found = as_on_a_gpu(&machine, || step(DType::BF16));
    let off = (expected.0 - found.0).abs();
    assert!(off < 0.05, "{} {}", expected.0, found.0);
    for (name, expected) in &expected.1 {
        let found = &found.1[name];
        assert_eq!(found.dtype(), DType::F32);
        let (a, b) = (numbers(expected), numbers(found));
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let cosine = a.iter().zip(&b).map(|(a, b)| a * b).sum::<f64>() / (norm(&a) * norm(&b));
        // Batches of 8 behind the last pooling make it this sensitive.
        assert!(cosine > 0.8, "{name}: {cosine}");
    }
}

/// With `NVRTC=1`, where the library is but no GPU: it takes every text.
#[cfg(feature = "cuda")]
#[test]
fn nvrtc_takes_the_kernels() {
    // Without the library, the bindings would panic.
    if std::env::var_os("NVRTC").is_none() && Device::new_cuda(0).is_err() {
        eprintln!("skipped: neither a GPU nor NVRTC=1");
        return;
    }
    for element in [Element::F32, Element::F64, Element::Bf16] {
        for channels in [3, 64] {
            let ptx = super::cuda::compile(Kernels::of(element, channels)).unwrap();
            for (name, ..) in kernels() {
                assert!(
                    ptx.contains(&format!(".entry {name}(")),
                    "{element:?}: {name}"
                );
            }
            assert!(
                !ptx.contains(".ftz") && !ptx.contains("approx"),
                "{element:?}"
            );
            // Numbers travel 16 bytes at a time.
            assert_eq!(
                ptx.contains("ld.global.v4"),
                channels == 64 && element != Element::F64
            );
        }
    }
}
