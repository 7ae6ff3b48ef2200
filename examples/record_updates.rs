//! Writes down what a DQN agent learned from: its steps, the minibatch of each update, and its weights before the first
//! update and after some. `tests/fixtures/replay_updates.py` learns from the same minibatches in PyTorch.
//!
//! `record_updates OUT SEED STEPS KEY=VALUE...`: `env` is a setting of the run, the other keys are the agent's.

use std::{cell::RefCell, fs, path::PathBuf, rc::Rc};

use optim::{
    Value,
    state_file::{Array, StatePart},
};
use optimiser_paradigms::{
    Result,
    algorithm::{
        Algorithm, Definition, Experience, Learning, PendingUpdate, Policy, Preset, Setup,
        TargetClock, find,
    },
    run::rl::{ConfigSource, train},
};
use settings::{Setting, Table};

/// After so many updates, the weights are written.
const WRITTEN: [u64; 5] = [0, 1, 100, 1_000, 10_000];

/// DQN, watched.
struct WatchedDqn;

thread_local! {
    static RECORD: Rc<RefCell<Record>> = Rc::default();
}

#[derive(Default)]
struct Record {
    out: PathBuf,
    /// A step: observation, action, reward, next observation, terminated, truncated.
    steps: Vec<f32>,
    /// An update's minibatch, row by row: observation, action, reward, discount, next observation, terminated. Before it
    /// stands how many steps had been taken.
    batches: Vec<f32>,
    taken: u32,
}

impl Record {
    fn update(&mut self, pending: &dyn PendingUpdate) -> Result<()> {
        let arrays = pending.minibatch()?;
        let data = |name: &str| {
            let found = arrays.iter().find(|(known, ..)| known == name);
            found.map(|(.., data)| data.as_slice()).unwrap_or_default()
        };
        let floats = |name: &str| -> Vec<f32> {
            let (fours, _) = data(name).as_chunks();
            fours.iter().map(|x| f32::from_le_bytes(*x)).collect()
        };
        let (obs, next) = (floats("obs"), floats("next_obs"));
        let (rewards, discounts) = (floats("rewards"), floats("discounts"));
        let (actions, _) = data("actions").as_chunks();
        let width = obs.len() / rewards.len();
        self.batches.push(self.taken as f32);
        for row in 0..rewards.len() {
            let own = row * width..(row + 1) * width;
            self.batches.extend(&obs[own.clone()]);
            self.batches.push(u32::from_le_bytes(actions[row]) as f32);
            self.batches.extend([rewards[row], discounts[row]]);
            self.batches.extend(&next[own]);
            self.batches.push(f32::from(data("terminated")[row]));
        }
        Ok(())
    }

    fn write(&self, name: &str, numbers: &[f32]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        fs::write(self.out.join(name), bytes).expect("OUT can be written to");
    }
}

struct WatchedAgent {
    dqn: Box<dyn Algorithm>,
    record: Rc<RefCell<Record>>,
}

struct WatchedLearning<'a> {
    run: &'a mut dyn Learning,
    record: Rc<RefCell<Record>>,
}

impl Learning for WatchedLearning<'_> {
    fn is_alive(&self, agent: usize) -> bool {
        self.run.is_alive(agent)
    }
    fn is_recorded(&self, update: u64) -> bool {
        self.run.is_recorded(update)
    }
    fn pending(&mut self, agent: usize, update: u64, pending: &dyn PendingUpdate) -> Result<()> {
        self.record.borrow_mut().update(pending)?;
        self.run.pending(agent, update, pending)
    }
    fn updated(&mut self, agent: usize, update: u64, measured: &[f64]) -> Result<()> {
        self.run.updated(agent, update, measured)
    }
    fn diverged(&mut self, agent: usize) {
        self.run.diverged(agent);
    }
}

impl WatchedAgent {
    fn write_weights(&self) -> Result<()> {
        let updates = self.dqn.updates(0);
        let path = self
            .record
            .borrow()
            .out
            .join(format!("weights-{updates}.safetensors"));
        if WRITTEN.contains(&updates) && !path.exists() {
            let weights = self.dqn.policy(0)?.to_safetensors()?;
            fs::write(path, weights).expect("OUT can be written to");
        }
        Ok(())
    }
}

impl Algorithm for WatchedAgent {
    fn act(&mut self, step: u64, obs: &[f32], alive: &[bool], actions: &mut [usize]) -> Result<()> {
        self.write_weights()?;
        self.dqn.act(step, obs, alive, actions)
    }
    fn behaviour(&self) -> Vec<f64> {
        self.dqn.behaviour()
    }
    fn observe(&mut self, agent: usize, environment: usize, seen: &Experience) -> Result<()> {
        let mut record = self.record.borrow_mut();
        record.taken += 1;
        record.steps.extend(seen.obs);
        record.steps.extend([seen.action as f32, seen.reward]);
        record.steps.extend(seen.next_obs);
        let ends = [seen.terminated, seen.truncated].map(|end| f32::from(u8::from(end)));
        record.steps.extend(ends);
        self.dqn.observe(agent, environment, seen)
    }
    fn learn(&mut self, step: u64, run: &mut dyn Learning) -> Result<()> {
        let record = self.record.clone();
        self.dqn.learn(step, &mut WatchedLearning { run, record })?;
        self.write_weights()
    }
    fn updates(&self, agent: usize) -> u64 {
        self.dqn.updates(agent)
    }
    fn target_clock(&self) -> TargetClock {
        self.dqn.target_clock()
    }
    fn policy(&self, agent: usize) -> Result<Box<dyn Policy>> {
        self.dqn.policy(agent)
    }
    fn optimiser_bytes_per_parameter(&self) -> f64 {
        self.dqn.optimiser_bytes_per_parameter()
    }
    fn save(&self, agent: usize) -> Result<Vec<Array>> {
        self.dqn.save(agent)
    }
    fn load(&mut self, agent: usize, state: &StatePart) -> Result<()> {
        self.dqn.load(agent, state)
    }
}

fn dqn() -> &'static dyn Definition {
    find("dqn").expect("DQN is registered")
}

impl Definition for WatchedDqn {
    fn name(&self) -> &'static str {
        "watched-dqn"
    }
    fn summary(&self) -> &'static str {
        dqn().summary()
    }
    fn source(&self) -> &'static str {
        dqn().source()
    }
    fn settings(&self) -> &'static [Setting] {
        dqn().settings()
    }
    fn complete(&self, values: &Table) -> Result<Table> {
        dqn().complete(values)
    }
    fn presets(&self) -> &'static [Preset] {
        dqn().presets()
    }
    fn behaviour_columns(&self) -> &'static [&'static str] {
        dqn().behaviour_columns()
    }
    fn update_columns(&self) -> &'static [&'static str] {
        dqn().update_columns()
    }
    fn check(&self, settings: &Table, env: &envs::EnvSpec, agents: usize) -> Result<()> {
        dqn().check(settings, env, agents)
    }
    fn updates(&self, settings: &Table, steps: u64) -> u64 {
        dqn().updates(settings, steps)
    }
    fn learns_nothing(&self, settings: &Table, steps: u64) -> Option<&'static str> {
        dqn().learns_nothing(settings, steps)
    }
    fn effort(&self, settings: &Table, env: &envs::EnvSpec, steps: u64) -> f64 {
        dqn().effort(settings, env, steps)
    }
    fn learning_by(&self, settings: &Table, step: u64) -> Result<Table> {
        dqn().learning_by(settings, step)
    }
    fn make(&self, setup: &Setup) -> Result<Box<dyn Algorithm>> {
        Ok(Box::new(WatchedAgent {
            dqn: dqn().make(setup)?,
            record: RECORD.with(Rc::clone),
        }))
    }
    fn policy(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        saved: &[u8],
    ) -> Result<Box<dyn Policy>> {
        dqn().policy(settings, env, saved)
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [out, seed, steps, settings @ ..] = words.as_slice() else {
        return Err("usage: record_updates OUT SEED STEPS KEY=VALUE...".into());
    };
    fs::create_dir_all(out)?;
    let record = RECORD.with(Rc::clone);
    record.borrow_mut().out = out.into();
    let mut source = ConfigSource::default();
    source.run.insert("seed", Value::Whole(seed.parse()?));
    source.run.insert("steps", Value::Whole(steps.parse()?));
    for setting in settings {
        let (key, value) = setting.split_once('=').ok_or("settings are KEY=VALUE")?;
        if key == "env" {
            source.run.insert("env", Value::from(value));
            continue;
        }
        let known = dqn().settings().iter().find(|setting| setting.name == key);
        let known = known.ok_or_else(|| format!("DQN has no setting {key}"))?;
        source.agent.insert(known.name, known.read(value)?);
    }
    let mut config = source.resolve(None)?;
    config.algorithm = &WatchedDqn;
    let outcome = train(&config, &mut ())?;
    let record = record.borrow();
    record.write("steps.f32", &record.steps);
    record.write("batches.f32", &record.batches);
    println!(
        "{} updates, final return {}",
        outcome.updates, outcome.final_return
    );
    Ok(())
}
