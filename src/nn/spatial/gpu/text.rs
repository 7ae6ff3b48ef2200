//! The kernels' text: one text for every number type, with a prelude for each.

use candle_core::{DType, Result, bail};

/// Groups of channels that a block of batch normalisation processes.
pub(in crate::nn::spatial) const COLUMNS: usize = 16;
/// Rows that a block of batch normalisation processes at a time.
pub(in crate::nn::spatial) const LANES: usize = 16;

/// The type of the activations' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::nn::spatial) enum NumberType {
    F32,
    F64,
    /// Kernels compute and sum in f32.
    Bf16,
}

impl NumberType {
    /// The element of tensors of type `dtype`.
    pub fn of(dtype: DType) -> Result<Self> {
        match dtype {
            DType::F32 => Ok(Self::F32),
            DType::F64 => Ok(Self::F64),
            DType::BF16 => Ok(Self::Bf16),
            other => bail!("layers of images on a GPU: {other:?} is none of f32, f64 and bf16"),
        }
    }

    /// The type of the computation, which weights, moments and sums have.
    pub fn real(self) -> DType {
        match self {
            Self::F64 => DType::F64,
            Self::F32 | Self::Bf16 => DType::F32,
        }
    }

    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn prelude(self) -> &'static str {
        match self {
            Self::F32 => {
                "\
typedef float element;
typedef float real;
#define root sqrtf
static __device__ real load(element x) { return x; }
static __device__ element store(real x) { return x; }
"
            }
            Self::F64 => {
                "\
typedef double element;
typedef double real;
#define root sqrt
static __device__ real load(element x) { return x; }
static __device__ element store(real x) { return x; }
"
            }
            // Rounded to the nearest, ties to even.
            Self::Bf16 => {
                "\
typedef unsigned short element;
typedef float real;
#define root sqrtf
union Bits { unsigned bits; float number; };
static __device__ real load(element x) {
    union Bits u;
    u.bits = (unsigned)x << 16;
    return u.number;
}
static __device__ element store(real x) {
    union Bits u;
    u.number = x;
    return x != x ? 0x7fc0 : (element)((u.bits + 0x7fff + (u.bits >> 16 & 1)) >> 16);
}
"
            }
        }
    }
}

/// The kernels for one number type and one number of channels per thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::nn::spatial) struct Kernels {
    pub element: NumberType,
    /// Neighbouring channels that a thread processes: 1, or 16 bytes' worth.
    pub channels_each: usize,
}

impl Kernels {
    /// The kernels for images of `channels`: 16 bytes at a time if the channels divide evenly.
    pub fn of(element: NumberType, channels: usize) -> Self {
        let in_16_bytes = 16 / element.size();
        Self {
            element,
            channels_each: if channels.is_multiple_of(in_16_bytes) {
                in_16_bytes
            } else {
                1
            },
        }
    }

    /// Their text.
    pub fn text(self) -> String {
        let Self {
            element,
            channels_each,
        } = self;
        format!(
            "{}#define WIDE {channels_each}\n#define COLUMNS {COLUMNS}\n#define LANES {LANES}\n\n{}",
            element.prelude(),
            include_str!("kernels.cu")
        )
    }
}
