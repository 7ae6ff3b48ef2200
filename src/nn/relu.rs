//! `max(x, 0)` and its gradient, as the layers fuse them.

/// `z`, or 0 if it is negative. Not `max`: a NaN must stay a NaN, so that the run is seen to diverge.
#[inline(always)]
pub(super) fn clip_at_zero<T: PartialOrd>(z: T, zero: T) -> T {
    if z < zero { zero } else { z }
}

/// The gradient of relu's input: `dy` if the output `y` is positive, else 0. The arguments come by value,
/// or the compiler selects an address and vectorises nothing.
#[inline(always)]
pub(super) fn relu_gradient<T: PartialOrd>(dy: T, y: T, zero: T) -> T {
    if y > zero { dy } else { zero }
}
