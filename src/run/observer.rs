//! Observers of a run. Nothing here knows the time.

use super::{Row, Snapshot};
use crate::Result;

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Environment steps, or batches, done.
    pub step: u64,
    /// Names and values that describe the run at this moment, such as DQN's epsilon or a batch's loss.
    pub now: &'a [(&'static str, f64)],
}

/// Watches a run.
pub trait Observer {
    /// Reports the run's progress. Called often.
    fn progress(&mut self, progress: &Progress) -> Result<()> {
        let _ = progress;
        Ok(())
    }

    /// A line of one of the run's tables.
    fn row(&mut self, row: Row) -> Result<()> {
        let _ = row;
        Ok(())
    }

    /// The run can continue from here.
    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        let _ = snapshot;
        Ok(())
    }

    /// The run has done all its steps, and a longer run can continue from here.
    fn end(&mut self, snapshot: &Snapshot) -> Result<()> {
        let _ = snapshot;
        Ok(())
    }

    /// The run is over and leaves these weights, in safetensors: those of the policy that did best in an evaluation, or
    /// of the network at the end.
    fn weights(&mut self, safetensors: &[u8]) -> Result<()> {
        let _ = safetensors;
        Ok(())
    }
}

/// Ignores everything.
impl Observer for () {}

/// Two observers. The first one is always told first.
impl<A: Observer, B: Observer> Observer for (&mut A, &mut B) {
    fn progress(&mut self, progress: &Progress) -> Result<()> {
        self.0.progress(progress)?;
        self.1.progress(progress)
    }
    fn row(&mut self, row: Row) -> Result<()> {
        self.0.row(row)?;
        self.1.row(row)
    }
    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.0.checkpoint(snapshot)?;
        self.1.checkpoint(snapshot)
    }
    fn end(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.0.end(snapshot)?;
        self.1.end(snapshot)
    }
    fn weights(&mut self, safetensors: &[u8]) -> Result<()> {
        self.0.weights(safetensors)?;
        self.1.weights(safetensors)
    }
}
