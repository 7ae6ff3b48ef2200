//! An NVIDIA GPU: kernels compiled with NVRTC, products by cuBLAS.
//!
//! Kernels may fuse a multiplication with an addition. They round division and square roots correctly.

use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    ffi::c_void,
    sync::{LazyLock, Mutex},
};

use candle_core::{
    CudaDevice, CudaStorage, DType, Device, Result, Storage, Tensor, bail,
    cuda::gemm_reduced_precision_f32,
    cuda_backend::{
        CudaStorageSlice, DeviceId, WrapErr,
        cudarc::{
            cublas::{
                result::gemm_ex,
                sys::{cublasComputeType_t, cublasGemmAlgo_t, cublasOperation_t, cudaDataType_t},
            },
            driver::{CudaFunction, CudaSlice, DevicePtr, LaunchConfig, PushKernelArg},
            nvrtc::{CompileOptions, compile_ptx_with_opts},
        },
    },
};

use super::{
    machine::{Address, ColumnMajor, LaunchGrid, MatrixProduct, PassMachine, TICKETS},
    text::{Kernels, NumberType},
};

/// The PTX of each text, compiled once for all threads.
static COMPILED: LazyLock<Mutex<HashMap<Kernels, String>>> = LazyLock::new(Mutex::default);

thread_local! {
    static THREAD_STATES: RefCell<HashMap<DeviceId, ThreadState>> = RefCell::default();
}

/// What a thread keeps for its stream on a GPU.
struct ThreadState {
    functions: HashMap<(Kernels, &'static str), CudaFunction>,
    /// One per stream, because launches of two streams must not count together.
    tickets: Tensor,
}

/// A GPU, used through the calling thread's stream there.
pub(super) struct Gpu(CudaDevice);

impl Gpu {
    /// candle's GPU `device`.
    pub fn new(device: CudaDevice) -> Self {
        Self(device)
    }

    /// Calls `with` with this thread's state for this GPU.
    fn thread_state<T>(&self, with: impl FnOnce(&mut ThreadState) -> Result<T>) -> Result<T> {
        THREAD_STATES.with_borrow_mut(|all| match all.entry(self.0.id()) {
            Entry::Occupied(state) => with(state.into_mut()),
            Entry::Vacant(new) => with(new.insert(ThreadState {
                functions: HashMap::new(),
                tickets: Tensor::zeros(TICKETS, DType::U32, &Device::Cuda(self.0.clone()))?,
            })),
        })
    }

    fn function(&self, kernels: Kernels, name: &'static str) -> Result<CudaFunction> {
        self.thread_state(|state| {
            Ok(match state.functions.entry((kernels, name)) {
                Entry::Occupied(function) => function.get().clone(),
                Entry::Vacant(new) => new.insert(self.load(kernels, name)?).clone(),
            })
        })
    }

    fn load(&self, kernels: Kernels, name: &str) -> Result<CudaFunction> {
        let mut compiled = COMPILED.lock().unwrap_or_else(|held| held.into_inner());
        let ptx = match compiled.entry(kernels) {
            Entry::Occupied(ptx) => ptx.into_mut(),
            Entry::Vacant(new) => new.insert(compile(kernels)?),
        };
        let module = format!("images-{kernels:?}");
        let function = self.0.get_or_load_custom_func(name, &module, ptx)?;
        Ok(function.into_cuda_function())
    }
}

impl PassMachine for Gpu {
    unsafe fn launch(
        &self,
        kernels: Kernels,
        name: &'static str,
        grid: LaunchGrid,
        arguments: &u8,
    ) -> Result<()> {
        let function = self.function(kernels, name)?;
        let stream = self.0.cuda_stream();
        let mut launch = stream.launch_builder(&function);
        // CUDA copies the kernel's structure from this address.
        launch.arg(arguments);
        let config = LaunchConfig {
            grid_dim: (grid.blocks[0] as u32, grid.blocks[1] as u32, 1),
            block_dim: (grid.threads[0] as u32, grid.threads[1] as u32, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: as the caller promises. Work on the thread's one stream happens in order, and so does the
        // freeing of memory.
        unsafe { launch.launch(config) }.w()?;
        Ok(())
    }

    unsafe fn product(&self, product: &MatrixProduct) -> Result<()> {
        let ColumnMajor {
            at: [a, b, c],
            transposed,
            m,
            n,
            k,
            leading: [lda, ldb, ldc],
        } = product.column_major()?;
        let [of_a, of_b] = transposed.map(|transposed| match transposed {
            true => cublasOperation_t::CUBLAS_OP_T,
            false => cublasOperation_t::CUBLAS_OP_N,
        });
        let (factors, compute) = match product.element {
            NumberType::F32 if gemm_reduced_precision_f32() => (
                cudaDataType_t::CUDA_R_32F,
                cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            ),
            NumberType::F32 => (
                cudaDataType_t::CUDA_R_32F,
                cublasComputeType_t::CUBLAS_COMPUTE_32F,
            ),
            NumberType::F64 => (
                cudaDataType_t::CUDA_R_64F,
                cublasComputeType_t::CUBLAS_COMPUTE_64F,
            ),
            NumberType::Bf16 => (
                cudaDataType_t::CUDA_R_16BF,
                cublasComputeType_t::CUBLAS_COMPUTE_32F,
            ),
        };
        let result = match product.result {
            DType::F64 => cudaDataType_t::CUDA_R_64F,
            DType::BF16 => cudaDataType_t::CUDA_R_16BF,
            _ => cudaDataType_t::CUDA_R_32F,
        };
        // The factors alpha and beta have the type of the computation.
        let beta = f64::from(u8::from(product.add));
        let (wide, narrow) = ([1.0, beta], [1.0, beta as f32]);
        let [alpha, beta]: [*const c_void; 2] = match product.element {
            NumberType::F64 => [(&raw const wide[0]).cast(), (&raw const wide[1]).cast()],
            _ => [(&raw const narrow[0]).cast(), (&raw const narrow[1]).cast()],
        };
        let blas = self.0.cublas_handle();
        // SAFETY: as the caller promises; the handle is bound to the thread's stream.
        let done = unsafe {
            gemm_ex(
                *blas.handle(),
                of_a,
                of_b,
                m,
                n,
                k,
                alpha,
                a as *const c_void,
                factors,
                lda,
                b as *const c_void,
                factors,
                ldb,
                beta,
                c as *mut c_void,
                result,
                ldc,
                compute,
                cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT_TENSOR_OP,
            )
        };
        done.w()?;
        Ok(())
    }

    fn tickets(&self) -> Result<Address> {
        self.thread_state(|state| {
            let (storage, _) = state.tickets.storage_and_layout();
            match &*storage {
                Storage::Cuda(storage) => address(storage),
                _ => bail!("counters that are not on the GPU"),
            }
        })
    }
}

/// The PTX of `kernels`. This needs NVRTC, but no GPU.
pub(super) fn compile(kernels: Kernels) -> Result<String> {
    let options = CompileOptions {
        ftz: Some(false),
        prec_sqrt: Some(true),
        prec_div: Some(true),
        fmad: Some(true),
        ..Default::default()
    };
    let ptx = compile_ptx_with_opts(kernels.text(), options);
    Ok(ptx
        .map_err(|error| candle_core::Error::Cuda(Box::new(error)))?
        .to_src())
}

/// The address of a storage.
pub(super) fn address(storage: &CudaStorage) -> Result<Address> {
    fn of<T>(slice: &CudaSlice<T>) -> Address {
        let stream = slice.stream().clone();
        let (address, _read) = slice.device_ptr(&stream);
        address
    }
    Ok(match &storage.slice {
        CudaStorageSlice::U8(slice) => of(slice),
        CudaStorageSlice::U32(slice) => of(slice),
        CudaStorageSlice::I32(slice) => of(slice),
        CudaStorageSlice::BF16(slice) => of(slice),
        CudaStorageSlice::F32(slice) => of(slice),
        CudaStorageSlice::F64(slice) => of(slice),
        _ => bail!(
            "layers of images on a GPU: a tensor of another type than u8, u32, i32, bf16, f32 or f64"
        ),
    })
}
