//! Runs that continue beyond their configured end.
//!
//! A longer run is what it would have been had it been configured so from its start. Settings whose effect is spread
//! over the whole run must therefore be spread over as much as before.

use settings::{Table, Value};

use super::Config;
use crate::{Error, Result, algorithm::Span};

impl Config {
    /// This configuration with `steps` environment steps, and with `shares` for settings that are a share of the run.
    ///
    /// # Errors
    /// If `shares` has other settings, or if a run with that configuration would not have begun as this one did.
    pub fn longer(&self, steps: u64, shares: &Table) -> Result<Self> {
        let before = self.spans();
        let is_share = |key: &str| before.iter().any(|span| span.key == key && span.is_share);
        if let Some((key, _)) = shares.iter().find(|(key, _)| !is_share(key)) {
            return Err(Error::usage(format!(
                "{key} cannot change in a run that continues; leave it out"
            )));
        }
        let longer = self.with(steps, shares)?;
        longer.check_cohort(1)?;
        let after = longer.spans();
        match before.iter().find(|span| !after.contains(span)) {
            Some(span) => Err(self.begins_otherwise(span, steps)),
            None => Ok(longer),
        }
    }

    /// This configuration with `steps` environment steps and these settings of the agent.
    fn with(&self, steps: u64, agent: &Table) -> Result<Self> {
        let mut config = self.clone();
        config.run.steps = steps;
        config.agent.extend(agent.clone());
        config.agent = config.algorithm.complete(&config.agent)?;
        Ok(config)
    }

    fn spans(&self) -> Vec<Span> {
        self.algorithm.spans(&self.agent, self.run.steps)
    }

    /// The error about `span`, which is not the same in a run of `steps`.
    fn begins_otherwise(&self, span: &Span, steps: u64) -> Error {
        let Span { key, otherwise, .. } = span;
        let value = self.agent.get(key).map(Value::plain);
        let value = value.unwrap_or_else(|| self.algorithm.name().into());
        let remedy = match self.same_span(span, steps) {
            Some(share) => format!("--{} {share} keeps it as it was", key.replace('_', "-")),
            None => format!("only a run that began with {otherwise} can be made longer"),
        };
        Error::usage(format!(
            "{key} = {value} depends on the number of steps: a run of {steps} would not have begun as this one of {} did; {remedy}",
            self.run.steps
        ))
    }

    /// The share of a run of `steps` that is the same `span`, if its setting is a share.
    fn same_span(&self, span: &Span, steps: u64) -> Option<f64> {
        let was = self.agent.get(span.key)?.as_number()?;
        let share = was * (self.run.steps as f64 / steps as f64);
        // The product may be off by its last digit, and must not be.
        let near = [share, share.next_down(), share.next_up()];
        let is_same = |share: &f64| {
            let agent = [(span.key, Value::Number(*share))].into_iter().collect();
            let with = self.with(steps, &agent);
            with.is_ok_and(|config| config.spans().contains(span))
        };
        near.into_iter().filter(|_| span.is_share).find(is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::rl::ConfigSource;

    fn config(algo: &str, steps: i64, agent: &[(&'static str, Value)]) -> Config {
        let source = ConfigSource {
            algo: Some(algo.into()),
            run: [("steps", Value::Whole(steps))].into_iter().collect(),
            agent: agent.iter().cloned().collect(),
            ..ConfigSource::default()
        };
        source.resolve(None).unwrap()
    }

    fn refused(config: &Config, steps: u64, words: &str) {
        let error = config.longer(steps, &Table::new()).map(drop);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(words), "no `{words}` in: {error}");
    }

    #[test]
    fn what_depends_on_the_number_of_steps_is_named_with_the_way_out() {
        let dqn = config("dqn", 500_000, &[]);
        refused(&dqn, 2_000_000, "exploration_fraction = 0.5 depends");
        refused(&dqn, 2_000_000, "--exploration-fraction 0.125 keeps it");
        let share = [("exploration_fraction", Value::Number(0.125))];
        let longer = dqn.longer(2_000_000, &share.into_iter().collect()).unwrap();
        assert_eq!(longer.run.steps, 2_000_000);
        let beta = [("prioritized", Value::Flag(true))];
        refused(&config("dqn", 500_000, &beta), 600_000, "priority_beta = 1");
        let linear = [("lr_schedule", Value::from("linear"))];
        for algo in ["dqn", "a2c", "pqn", "stream-q"] {
            let linear = config(algo, 500_000, &linear);
            refused(&linear, 1_000_000, "lr_schedule = linear:end=0 depends");
            refused(&linear, 1_000_000, "began with lr_schedule = constant");
        }
    }

    #[test]
    fn what_does_not_depend_on_it_allows_any_number_of_steps() {
        let constant = [
            ("lr_schedule", Value::from("step:every=1000,gamma=0.5")),
            ("start_e", Value::Number(0.1)),
            ("end_e", Value::Number(0.1)),
        ];
        for algo in ["dqn", "pqn", "stream-q"] {
            let longer = config(algo, 500_000, &constant).longer(1_000_000, &Table::new());
            assert_eq!(longer.unwrap().run.steps, 1_000_000, "{algo}");
        }
        let a2c = config("a2c", 500_000, &[]);
        assert!(a2c.longer(1_000_000, &Table::new()).is_ok());
        // Its environments take equally many steps.
        refused(&a2c, 1_000_001, "a multiple of the 8 environments");
        let gamma = [("gamma", Value::Number(0.9))].into_iter().collect();
        let error = a2c.longer(1_000_000, &gamma).map(drop).unwrap_err();
        assert!(error.to_string().contains("gamma cannot change"), "{error}");
    }

    /// The way out that an error offers is one, whatever the numbers.
    #[test]
    fn a_share_that_is_offered_is_the_same_span() {
        let mut offered = 0;
        for fraction in [0.05, 0.1, 0.3, 0.7] {
            for steps in [600_000, 1_234_560, 7_000_000] {
                let share = ("exploration_fraction", Value::Number(fraction));
                let config = config("stream-q", 500_000, &[share]);
                let span = &config.spans()[0];
                let Some(share) = config.same_span(span, steps) else {
                    continue;
                };
                let share = [("exploration_fraction", Value::Number(share))];
                assert!(config.longer(steps, &share.into_iter().collect()).is_ok());
                offered += 1;
            }
        }
        assert!(offered >= 10, "{offered}");
    }
}
