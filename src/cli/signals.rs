//! Signals that ask a program to end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use crate::{Error, Result};

/// Set to the number of the signal when SIGINT, SIGTERM or SIGHUP comes. A second one ends the process at
/// once. A SIGHUP that is ignored, as nohup has it, stays ignored.
pub fn stop_on_signals() -> Result<Arc<AtomicUsize>> {
    let (stop, again) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let register = |signal: i32| {
        flag::register_conditional_shutdown(signal, 128 + signal, again.clone())?;
        flag::register(signal, again.clone())?;
        flag::register_usize(signal, stop.clone(), signal as usize)
    };
    for signal in [SIGINT, SIGTERM].into_iter().chain(hangup()) {
        register(signal).map_err(|error| Error::usage(format!("cannot watch signals: {error}")))?;
    }
    Ok(stop)
}

/// The signal that the terminal has gone away, for example with a dropped ssh connection, unless it is ignored.
#[cfg(unix)]
fn hangup() -> Option<i32> {
    let hangup = signal_hook::consts::SIGHUP;
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action, sigaction only writes the present one to `action`, which has room for it; a
    // `sigaction` of zeroes is a valid one.
    let present = unsafe {
        libc::sigaction(hangup, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    (present.sa_sigaction != libc::SIG_IGN).then_some(hangup)
}

#[cfg(not(unix))]
fn hangup() -> Option<i32> {
    None
}
