/// Runs `f`, compiled for the widest vector instructions that this machine has.
///
/// `f` must be `#[inline(always)]`, and so must what it calls. No width ever
/// fuses a multiplication with an addition, so all give the same bits.
pub fn wide<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
