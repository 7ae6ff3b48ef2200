//! `--resume RUN`: goes on with the run in a folder, to its end or beyond.

use std::path::Path;

use super::{Planned, RlArgs};
use crate::{
    Error, Result,
    run::{CONFIG, Configuration, default_folder, rl::ConfigSource},
};

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
            let anew = match self.agent.is_empty() && config.with(steps, &self.agent).is_ok() {
                true => format!(
                    "; `rl --config {} --steps {steps}` does all steps anew",
                    file.display()
                ),
                false => String::new(),
            };
            Error::usage(format!("--resume {shown} --steps {steps}: {error}{anew}"))
        })?;
        if longer.id() == config.id() {
            if self.out.is_some() {
                return Err(Error::usage(
                    "--out is for a longer run, and without more --steps a run goes on in its folder; leave it out",
                ));
            }
            return Ok(Planned {
                resumed: true,
                ..Planned::new(config, run.to_path_buf())
            });
        }
        let folder = self.out.clone();
        Ok(Planned {
            folder: folder.unwrap_or_else(|| default_folder(&longer)),
            config: longer,
            resumed: true,
            shorter: Some((config, run.to_path_buf())),
        })
    }
}
