//! Vector instructions, chosen for the machine at run time.

/// Runs `f`, compiled for the widest vector instructions of this machine.
///
/// `f` must be `#[inline(always)]`, and so must everything it calls. No width ever fuses a
/// multiplication with an addition, so all widths give the same bits.
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
