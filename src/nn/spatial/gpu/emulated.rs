//! A machine that runs the passes, including the kernels, on the CPU. It compiles the kernels' text as
//! C and follows BLAS's convention element by element.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fs,
    process::Command,
    rc::Rc,
};

use candle_core::{CpuStorage, DType, Result};

use super::{
    machine::{Address, ColumnMajor, LaunchGrid, MatrixProduct, PassMachine, TICKETS},
    text::{Kernels, NumberType},
};

thread_local! {
    static EMULATED: RefCell<Option<Rc<Emulated>>> = const { RefCell::new(None) };
}

/// The CPU as a GPU.
#[derive(Default)]
pub(super) struct Emulated {
    libraries: RefCell<HashMap<Kernels, libloading::Library>>,
    pub tickets: RefCell<Vec<u128>>,
    /// Whether blocks and threads run in reverse order.
    pub reverse: Cell<bool>,
    /// The kernels and products so far.
    pub launches: RefCell<Vec<&'static str>>,
}

/// The machine for tensors on the CPU, inside [`as_on_a_gpu`].
pub(super) fn machine() -> Option<Box<dyn PassMachine>> {
    let machine = EMULATED.with_borrow(Option::clone)?;
    Some(Box::new(machine))
}

/// Runs `passes` as on a GPU.
pub(super) fn as_on_a_gpu<T>(machine: &Rc<Emulated>, passes: impl FnOnce() -> T) -> T {
    EMULATED.set(Some(machine.clone()));
    let result = passes();
    EMULATED.set(None);
    result
}

/// The address of a storage.
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

/// For each kernel, its name, the name of its structure in the text, and the size of the structure
/// here.
pub(super) fn kernels() -> Vec<(&'static str, &'static str, usize)> {
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
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{kernels_of:?}: {stderr}");
    // SAFETY: the library was just compiled from the text above, and runs nothing when loaded.
    let library = unsafe { libloading::Library::new(&library).unwrap() };
    for (name, _, size) in kernels() {
        // SAFETY: `KERNEL` defines a number of this name.
        let size_in_c = unsafe {
            let symbol = library.get::<*const std::ffi::c_ulong>(format!("size_{name}").as_bytes());
            **symbol.unwrap()
        };
        assert_eq!(size_in_c as usize, size, "the structure of {name}");
    }
    library
}

impl PassMachine for Rc<Emulated> {
    unsafe fn launch(
        &self,
        kernels: Kernels,
        name: &'static str,
        grid: LaunchGrid,
        arguments: &u8,
    ) -> Result<()> {
        type Launch = unsafe extern "C" fn(*const u8, *const u32, i32);
        self.launches.borrow_mut().push(name);
        let mut libraries = self.libraries.borrow_mut();
        let library = libraries.entry(kernels).or_insert_with(|| compile(kernels));
        let sizes = [grid.blocks, grid.threads].concat();
        let sizes: Vec<u32> = sizes.into_iter().map(|n| n as u32).collect();
        // SAFETY: `KERNEL` defines a function of this signature. The caller promises the rest.
        unsafe {
            let launch = library
                .get::<Launch>(format!("launch_{name}").as_bytes())
                .unwrap();
            launch(arguments, sizes.as_ptr(), self.reverse.get().into());
        }
        Ok(())
    }

    unsafe fn product(&self, product: &MatrixProduct) -> Result<()> {
        self.launches.borrow_mut().push("product");
        let call = product.column_major()?;
        // SAFETY: as the caller promises.
        unsafe {
            match (product.element, product.result) {
                (NumberType::F32, DType::F32) => blas::<f32, f32>(call, product.add),
                (NumberType::F64, DType::F64) => blas::<f64, f64>(call, product.add),
                (NumberType::Bf16, DType::BF16) => blas::<Bf16, Bf16>(call, product.add),
                (NumberType::Bf16, DType::F32) => blas::<Bf16, f32>(call, product.add),
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

/// A type of number in memory.
trait MemoryNumber: Copy {
    fn read(self) -> f64;
    fn write(x: f64) -> Self;
}

impl MemoryNumber for f32 {
    fn read(self) -> f64 {
        self.into()
    }

    fn write(x: f64) -> Self {
        x as f32
    }
}

impl MemoryNumber for f64 {
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

impl MemoryNumber for Bf16 {
    fn read(self) -> f64 {
        f32::from_bits(u32::from(self.0) << 16).into()
    }

    fn write(x: f64) -> Self {
        let bits = (x as f32).to_bits();
        Self(((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16)
    }
}

/// `gemm` as cuBLAS documents it, with matrices column by column, but with sums in f64.
///
/// # Safety
///
/// The call's addresses must point to matrices of its sizes.
unsafe fn blas<T: MemoryNumber, R: MemoryNumber>(call: ColumnMajor, add: bool) {
    let [a, b] = [call.at[0] as *const T, call.at[1] as *const T];
    let c = call.at[2] as *mut R;
    let [lda, ldb, ldc] = call.leading.map(|n| n as usize);
    let [m, n, k] = [call.m, call.n, call.k].map(|n| n as usize);
    let [down_a, along_a] = if call.transposed[0] {
        [lda, 1]
    } else {
        [1, lda]
    };
    let [along_b, across_b] = if call.transposed[1] {
        [ldb, 1]
    } else {
        [1, ldb]
    };
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
