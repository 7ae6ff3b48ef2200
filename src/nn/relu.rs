//! `max(x, 0)` and its gradient, as the layers fuse them.

/// `z` clipped at 0 from below. Not `max`: a NaN must stay a NaN, so that the run is seen to diverge.
#[inline(always)]
pub(super) fn clipped<T: PartialOrd>(z: T, zero: T) -> T {
    if z < zero { zero } else { z }
}

/// The gradient behind the clipping that gave `y`. By value, or the compiler selects an address
/// and vectorises nothing.
#[inline(always)]
pub(super) fn passed<T: PartialOrd>(dz: T, y: T, zero: T) -> T {
    if y > zero { dz } else { zero }
}
