//! Single keys from a terminal, which is left as it was found.

use std::{
    io::{IsTerminal, Read, stdin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
};

use crate::{Error, Result};

/// The longest time between two looks for a key or a signal.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Keys as they are pressed. Until this is dropped, the terminal neither shows them nor waits for the end of a line;
/// signals are caught, so that none ends the process before the terminal is restored.
pub(super) struct Keys {
    found: Option<Termios>,
    /// The signal that came.
    signal: Arc<AtomicUsize>,
    /// Whether signals end the process as usual.
    restored: Arc<AtomicBool>,
}

impl Keys {
    /// Of stdin, if it is a terminal.
    pub(super) fn new() -> Result<Self> {
        let mut keys = Self {
            found: None,
            signal: Arc::default(),
            restored: Arc::default(),
        };
        if !stdin().is_terminal() {
            return Ok(keys);
        }
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            flag::register_conditional_default(signal, keys.restored.clone())
                .and_then(|_| flag::register_usize(signal, keys.signal.clone(), signal as usize))
                .map_err(|error| Error::usage(format!("cannot watch signals: {error}")))?;
        }
        let found = tcgetattr(stdin()).map_err(unread)?;
        let mut raw = found.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        // Reading waits for nothing.
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        keys.found = Some(found);
        tcsetattr(stdin(), OptionalActions::Now, &raw).map_err(unread)?;
        Ok(keys)
    }

    /// Whether there is a terminal whose keys are read.
    pub(super) fn are_read(&self) -> bool {
        self.found.is_some()
    }

    /// Waits for `time` and returns whether `key` was pressed meanwhile. An error if a signal came that ends the
    /// process.
    pub(super) fn pressed(&mut self, key: u8, time: Duration) -> Result<bool> {
        let end = Instant::now() + time;
        loop {
            if let signal @ 1.. = self.signal.load(Ordering::Relaxed) {
                return Err(Error::Ended { signal });
            }
            let mut keys = [0; 64];
            // Returns at once; nothing is read where no key was pressed.
            let read = match self.found {
                Some(_) => stdin().lock().read(&mut keys).unwrap_or(0),
                None => 0,
            };
            if keys[..read].contains(&key) {
                return Ok(true);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            sleep(left.min(LOOK_EVERY));
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(found) = &self.found {
            // Where the terminal has gone away, there is nothing to restore.
            let _ = tcsetattr(stdin(), OptionalActions::Now, found);
        }
        self.restored.store(true, Ordering::Relaxed);
    }
}

fn unread(error: rustix::io::Errno) -> Error {
    Error::usage(format!("cannot read keys from the terminal: {error}"))
}
