//! A run that was asked for, and the folder that it should go to.

use std::path::{Path, PathBuf};

use crate::{
    Error, Result,
    run::{
        self, Again, CONFIG, Opened, Status,
        rl::{Config, check_start},
    },
};

/// A run that was asked for.
pub struct Planned {
    /// What is run.
    pub config: Config,
    /// Its folder.
    pub folder: PathBuf,
    /// Whether it was asked for by the folder of a run.
    pub(super) resumed: bool,
    /// The shorter run that it continues, and the folder of that.
    pub(super) shorter: Option<(Config, PathBuf)>,
}

impl Planned {
    /// The run `config` in `folder`.
    pub(super) fn new(config: Config, folder: PathBuf) -> Self {
        Self {
            config,
            folder,
            resumed: false,
            shorter: None,
        }
    }

    /// [`run::look`] for this run. One that has not begun yet continues its shorter run, if it has one.
    pub fn look(&self, again: Again) -> Result<Opened<Config>> {
        check_source_is_elsewhere(&self.config, &self.folder)?;
        let opened = run::look(&self.folder, &self.config, again);
        let mut opened = opened.map_err(|error| self.way_out(error))?;
        if let Opened::Unfinished(ready) = &mut opened
            && ready.step() == 0
        {
            match &self.shorter {
                None => check_start(&self.config)?,
                Some((shorter, folder)) => {
                    check_goes_on(shorter, folder)?;
                    ready.continue_from(folder, shorter)?;
                    let (done, steps) = (ready.step(), self.config.run.steps);
                    if done > steps {
                        return Err(Error::usage(format!(
                            "--steps {steps}: {} has done {done} steps already; allowed: from {done} on",
                            folder.display()
                        )));
                    }
                }
            }
        }
        Ok(opened)
    }

    /// `error`, with advice that fits `--resume RUN`.
    fn way_out(&self, error: Error) -> Error {
        match self.resumed {
            true => error.mended_by(starts_again(&self.folder)),
            false => error,
        }
    }
}

/// The command that starts the run in `folder` again.
fn starts_again(folder: &Path) -> String {
    format!(
        "`rl --config {} --out {} --force` starts the run again",
        folder.join(CONFIG).display(),
        folder.display()
    )
}

/// An error if the run `config` would overwrite the agent that it starts with.
fn check_source_is_elsewhere(config: &Config, folder: &Path) -> Result<()> {
    let Some(from) = &config.run.from else {
        return Ok(());
    };
    let (Ok(from_path), Ok(out)) = (Path::new(from).canonicalize(), folder.canonicalize()) else {
        return Ok(());
    };
    match from_path == out || from_path.parent() == Some(&out) {
        true => Err(Error::usage(format!(
            "--from {from} is in {}, the folder of this run; choose another --out",
            folder.display()
        ))),
        false => Ok(()),
    }
}

/// An error if the run `config` in `folder` has ended for good.
fn check_goes_on(config: &Config, folder: &Path) -> Result<()> {
    let ended =
        run::finished(folder, config).map_err(|error| error.mended_by(starts_again(folder)))?;
    let ended = ended.map(|run| run.outcome);
    match ended {
        Some(outcome) if outcome.status == Status::Diverged => Err(Error::usage(format!(
            "{} diverged at step {}, and no step follows",
            folder.display(),
            outcome.steps
        ))),
        _ => Ok(()),
    }
}
