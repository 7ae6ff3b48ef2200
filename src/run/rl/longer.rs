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
        let after = longer.spans();
        match before.iter().find(|span| !after.contains(span)) {
            Some(span) => Err(self.begins_otherwise(span, steps)),
            None => Ok(longer),
        }
    }

    /// This configuration with `steps` environment steps and these settings of the agent; an error if there is no such run.
    pub fn with(&self, steps: u64, agent: &Table) -> Result<Self> {
        let mut config = self.clone();
        config.run.steps = steps;
        config.agent.extend(agent.clone());
        config.agent = config.algorithm.complete(&config.agent)?;
        config.check_cohort(1)?;
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
            None => match self.steps_with_a_share(span, steps) {
                Some((other, share)) => format!(
                    "no share of {steps} steps keeps it exactly as it was, but --steps {other} --{} {share} does",
                    key.replace('_', "-")
                ),
                None => format!("only a run that began with {otherwise} can be made longer"),
            },
        };
        Error::usage(format!(
            "{key} = {value} depends on the number of steps: a run of {steps} would not have begun as this one of {} did; {remedy}",
            self.run.steps
        ))
    }

    /// The least number of steps from `steps` on that is this run's doubled again and again, if one of its shares is the
    /// same `span`.
    fn steps_with_a_share(&self, span: &Span, steps: u64) -> Option<(u64, f64)> {
        let mut doubled = std::iter::successors(Some(self.run.steps), |steps| steps.checked_mul(2));
        let longer = doubled.find(|doubled| *doubled >= steps)?;
        Some((longer, self.same_span(span, longer)?))
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
