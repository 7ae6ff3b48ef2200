//! Runs a rule on an NVIDIA GPU: its kernel, compiled with NVRTC, in one launch for all tensors of all agents.
//!
//! Compiled without fused multiply-add, with correctly rounded division and root, and with
//! subnormal numbers kept, so that a step gives the CPU driver's bits.

use std::hash::{DefaultHasher, Hash, Hasher};

use candle_core::{
    CudaDevice, DType, Device, Result, Storage, Tensor, bail,
    cuda_backend::{
        CudaDType, WrapErr,
        cudarc::{
            driver::{DevicePtr, DeviceRepr, LaunchConfig, PushKernelArg},
            nvrtc::{CompileOptions, compile_ptx_with_opts},
        },
    },
};

use super::agent_step::AgentStep;
use crate::{AnyRule, Error, kernel};

const THREADS: u32 = 256;
/// Enough blocks to fill the largest GPUs; each thread then processes several weights.
const MOST_BLOCKS: u32 = 2048;

/// A compiled kernel.
pub(super) struct Kernel {
    ptx: String,
    module: String,
    states: usize,
}

/// The tensors of one parameter, all contiguous, of one type and on one device.
pub(super) struct Tensors<'a> {
    pub weights: &'a Tensor,
    pub grad: &'a Tensor,
    pub states: &'a [Tensor],
}

/// One step of `tensors`, all in one group, with the kernel of `rule`, which is compiled on first use.
pub(super) fn step(
    kernel: &mut Option<Kernel>,
    rule: &dyn AnyRule,
    steps: &[AgentStep],
    tensors: &[Tensors],
) -> crate::Result<()> {
    let Some(first) = tensors.first().map(|tensors| tensors.weights) else {
        return Ok(());
    };
    let (Device::Cuda(device), f64) = (first.device(), first.dtype() == DType::F64) else {
        return Err(Error::usage(
            "an optimiser runs on the CPU or an NVIDIA GPU",
        ));
    };
    let kernel = match kernel {
        Some(kernel) => kernel,
        none => none.insert(Kernel::compile(rule, f64)?),
    };
    let table = steps.iter().flat_map(|step| {
        let clip = [step.clip.scale, step.clip.bound];
        step.scalars.iter().copied().chain(clip)
    });
    if f64 {
        kernel.launch::<f64>(device, tensors, &table.collect::<Vec<_>>(), steps.len())?;
    } else {
        let table: Vec<f32> = table.map(|x| x as f32).collect();
        kernel.launch::<f32>(device, tensors, &table, steps.len())?;
    }
    Ok(())
}

impl Kernel {
    /// Compiles `rule` for numbers of type f64, or otherwise f32.
    fn compile(rule: &dyn AnyRule, f64: bool) -> Result<Self> {
        let ptx = compile(rule, f64)?;
        let mut hasher = DefaultHasher::new();
        ptx.hash(&mut hasher);
        Ok(Self {
            ptx,
            module: format!("optimiser-{:016x}", hasher.finish()),
            states: rule.state_names().len(),
        })
    }

    /// One step of `tensors`; `table` has each agent's scalars, then its clip's scale and bound.
    fn launch<T: CudaDType + DeviceRepr + 'static>(
        &self,
        device: &CudaDevice,
        tensors: &[Tensors],
        table: &[T],
        agents: usize,
    ) -> Result<()> {
        let room = self.states.max(1);
        let mut rows: Vec<u64> = Vec::with_capacity(tensors.len() * (room + 3));
        let mut longest = 0;
        for t in tensors {
            let n = t.weights.elem_count();
            longest = longest.max(n);
            rows.push(address::<T>(t.weights, device)?);
            rows.push(address::<T>(t.grad, device)?);
            for state in 0..room {
                let state = t.states.get(state);
                rows.push(state.map_or(Ok(0), |state| address::<T>(state, device))?);
            }
            rows.push((n / agents) as u64);
        }
        let rows = device.clone_htod(&rows)?;
        let scalars = device.clone_htod(table)?;
        let function = device.get_or_load_custom_func(kernel::NAME, &self.module, &self.ptx)?;
        let agents = agents as i32;
        let blocks = (longest as u32).div_ceil(THREADS).clamp(1, MOST_BLOCKS);
        let mut launch = function.builder();
        launch.arg(&rows).arg(&scalars).arg(&agents);
        let config = LaunchConfig {
            grid_dim: (blocks, tensors.len() as u32, 1),
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: the arguments are the kernel's own; every address in `rows` is of a tensor that
        // outlives the call and has the length that the row says, and work on the device's one
        // stream happens in order, so nothing is freed or read before the kernel is done with it.
        unsafe { launch.launch(config) }.w()?;
        Ok(())
    }
}

/// The PTX of `rule`'s kernel for numbers of type f64, or otherwise f32. Needs NVRTC, but no GPU.
pub fn compile(rule: &dyn AnyRule, f64: bool) -> Result<String> {
    let kernel = rule.kernel();
    let kernel = kernel.ok_or_else(|| candle_core::Error::Msg("this rule has no kernel".into()))?;
    let text = format!("{}{kernel}", kernel::prelude(f64));
    let options = CompileOptions {
        ftz: Some(false),
        prec_sqrt: Some(true),
        prec_div: Some(true),
        fmad: Some(false),
        ..Default::default()
    };
    let ptx = compile_ptx_with_opts(&text, options);
    Ok(ptx
        .map_err(|error| candle_core::Error::Cuda(Box::new(error)))?
        .to_src())
}

/// The address of a contiguous tensor on the device.
fn address<T: CudaDType + DeviceRepr + 'static>(
    tensor: &Tensor,
    device: &CudaDevice,
) -> Result<u64> {
    if !matches!(tensor.device(), Device::Cuda(of) if of.id() == device.id()) {
        bail!("an optimiser's tensors must all be on one GPU");
    }
    let (storage, layout) = tensor.storage_and_layout();
    let (Storage::Cuda(storage), Some((start, _))) = (&*storage, layout.contiguous_offsets())
    else {
        bail!("an optimiser on a GPU needs contiguous tensors there");
    };
    let stream = device.cuda_stream();
    let (address, _read) = storage.as_cuda_slice::<T>()?.device_ptr(&stream);
    Ok(address + (start * size_of::<T>()) as u64)
}
