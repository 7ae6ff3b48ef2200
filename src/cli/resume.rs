//! `--resume RUN`: goes on with the run in a folder, to its end or beyond.

use std::path::{Path, PathBuf};

use super::RlArgs;
use crate::{
    Error, Result,
    run::{
        self, Again, CONFIG, Configuration, Opened, Status, default_folder,
        rl::{Config, ConfigSource, check_start},
    },
};

/// A run that was asked for.
pub struct Planned {
    /// What is run.
    pub config: Config,
    /// Its folder.
    pub folder: PathBuf,
    /// The shorter run that it continues, and the folder of that.
    shorter: Option<(Config, PathBuf)>,
}

impl Planned {
    /// The run `config` in `folder`.
    pub(super) fn new(config: Config, folder: PathBuf) -> Self {
        Self {
            config,
            folder,
            shorter: None,
        }
    }

    /// [`run::look`] for this run. One that has not begun yet continues its shorter run, if it has one.
    pub fn look(&self, again: Again) -> Result<Opened<Config>> {
        let mut opened = run::look(&self.folder, &self.config, again)?;
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
}

/// An error if the run `config` in `folder` has ended for good.
fn check_goes_on(config: &Config, folder: &Path) -> Result<()> {
    let ended = run::finished(folder, config)?.map(|run| run.outcome);
    match ended {
        Some(outcome) if outcome.status == Status::Diverged => Err(Error::usage(format!(
            "{} diverged at step {}, and no step follows",
            folder.display(),
            outcome.steps
        ))),
        _ => Ok(()),
    }
}

impl RlArgs {
    /// The run in the folder `run`, or a longer one that continues it.
    pub(super) fn resumed(&self, run: &Path) -> Result<Planned> {
        let shown = run.display();
        let strange = self.run.iter().any(|(name, _)| name != "steps");
        let others = self.config.is_some() || self.algo.is_some() || self.preset.is_some();
        let optimiser = self.opt.is_some() || self.lr.is_some();
        if strange || others || optimiser || self.epsilon.is_some() || self.agents > 1 {
            return Err(Error::usage(
                "--resume RUN takes --steps, --exploration-fraction, --out, --checkpoint-every, --render and --quiet; all \
                 other settings are the run's own",
            ));
        }
        let file = run.join(CONFIG);
        if !file.is_file() {
            return Err(Error::usage(format!(
                "--resume {shown}: there is no {}; allowed: the folder of a run",
                file.display()
            )));
        }
        let config = ConfigSource::read(&file)?.resolve(None)?;
        let steps = self.steps().unwrap_or(config.run.steps);
        let longer = config.longer(steps, &self.agent).map_err(|error| {
            let anew = format!(
                "`rl --config {} --steps {steps}` does all steps anew",
                file.display()
            );
            Error::usage(format!("--resume {shown} --steps {steps}: {error}; {anew}"))
        })?;
        if longer.id() == config.id() {
            if self.out.is_some() {
                return Err(Error::usage(
                    "--out is for a longer run, and without more --steps a run goes on in its folder; leave it out",
                ));
            }
            return Ok(Planned::new(config, run.to_path_buf()));
        }
        let folder = self.out.clone();
        Ok(Planned {
            folder: folder.unwrap_or_else(|| default_folder(&longer)),
            config: longer,
            shorter: Some((config, run.to_path_buf())),
        })
    }
}
