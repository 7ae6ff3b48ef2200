//! `max(x, 0)` and its gradient, as the layers fuse them.

/// `z`, or 0 if it is negative. Not `max`: a NaN must stay a NaN, so that divergence is noticed.
#[inline(always)]
pub(super) fn clip_at_zero<T: PartialOrd>(z: T, zero: T) -> T {
    if z < zero { zero } else { z }
}

/// The gradient of relu's input: `dy` if the output `y` is positive, otherwise 0. The arguments are
/// passed by value; otherwise the compiler selects an address and does not vectorise.
#[inline(always)]
pub(super) fn relu_gradient<T: PartialOrd>(dy: T, y: T, zero: T) -> T {
    if y > zero { dy } else { zero }
}
