//! `--list`: the environments and the optimisers, with everything that can be set.

use std::fmt::Write;

use candle_core::{DType, Device, Var};
use optim::{Optimiser, Parameter, Spec, published, registry};
use settings::Value;

use crate::{
    Result,
    algorithm::{self, Definition},
    numbers::count,
};

/// The listing as text.
pub fn list() -> Result<String> {
    let mut out = String::from("Environments (--env)\n\n");
    for entry in envs::registry() {
        out.push_str(&environment(entry)?);
    }
    out.push_str("\n  Every environment also takes\n\n");
    for setting in envs::common_settings() {
        let _ = writeln!(out, "{}", environment_setting(setting));
    }
    out.push_str(
        "\n  as in\n  \
         'cartpole?length=0.7&max_steps=200'\n  \
         'cartpole?drift=length:0.5..1.5/period=20000,shape=sine'\n  \
         'acrobot?drift=actions/period=50000' (the actions are renumbered)\n  \
         'cartpole?drift=length:0.5..1.5/period=20000,shuffle=episode' (the same tasks, one drawn for each episode)\n",
    );
    out.push_str("\nAlgorithms (--algo)\n");
    for definition in algorithm::registry() {
        list_algorithm(&mut out, definition);
    }
    // The learning rates of runs that do not set one.
    let preset = &algorithm::registry()[0].presets()[0];
    out.push_str("\nOptimisers (--opt name:key=value,...)\n");
    for entry in registry() {
        let spec = Spec::new(entry.name)?;
        let rule = spec.rule()?;
        let _ = writeln!(out, "\n  {:<24} {}", entry.name, entry.summary);
        let _ = writeln!(out, "  {:24} {}", "", entry.formula);
        let _ = writeln!(out, "  {:24} {}", "", entry.source);
        let states = rule.state_names();
        let bytes = state_bytes(&spec)?;
        let names = if states.is_empty() {
            "none".into()
        } else {
            states.join(", ")
        };
        let _ = writeln!(
            out,
            "  {:24} state: {names}; {} per weight",
            "",
            count(bytes, "byte")
        );
        for param in entry.params {
            let default = param.default.as_ref().map_or(String::new(), Value::plain);
            let allowed = &param.allowed;
            let _ = write!(out, "    {:<22} {default:<9} {}", param.name, param.help);
            match preset.lr(entry.name) {
                Some(lr) if param.name == "lr" => {
                    let _ = writeln!(out, " ({allowed}); --preset {} has {lr:e}", preset.name);
                }
                _ => {
                    let _ = writeln!(out, " ({allowed})");
                }
            }
        }
    }
    out.push_str("\nPublished settings (--opt name, changed by :key=value as above)\n\n");
    for known in published() {
        let _ = writeln!(out, "  {:<24} {}", known.name, known.setting);
        let _ = writeln!(out, "  {:24} {}", "", known.source);
    }
    out.push_str(
        "\nEach value shown is the default, used unless a flag or --config sets another.\n",
    );
    Ok(out)
}

/// An algorithm, with its presets and everything that can be set in it.
fn list_algorithm(out: &mut String, definition: &dyn Definition) {
    let _ = writeln!(
        out,
        "\n  {:<24} {}",
        definition.name(),
        definition.summary()
    );
    let _ = writeln!(out, "  {:24} {}", "", definition.source());
    for preset in definition.presets() {
        let _ = writeln!(out, "  {:24} --preset {}: {}", "", preset.name, preset.help);
    }
    for setting in definition.settings() {
        let default = setting.default.as_ref();
        let default = default.map(Value::plain).unwrap_or_default();
        let (name, help, allowed) = (setting.name, &setting.help, &setting.allowed);
        let _ = writeln!(out, "    {name:<24} {default:<9} {help} ({allowed})");
    }
}

/// An environment, with everything that can be set in it.
fn environment(entry: &envs::EnvEntry) -> Result<String> {
    let env = envs::make(entry.name)?;
    let spec = env.spec();
    let shape = &spec.observation.shape;
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    let limit = spec.max_steps.map_or("none".into(), |n| n.to_string());
    let solved = spec.reward_threshold.map_or("-".into(), |r| r.to_string());
    let mut out = format!(
        "  {:<24} {}\n  {:24} observation [{}], {}, time limit {limit}, solved at {solved}\n",
        entry.name,
        entry.summary,
        "",
        shape.join(", "),
        count(spec.actions, "action"),
    );
    for setting in entry.settings().iter().chain(env.dials()) {
        let _ = writeln!(out, "{}", environment_setting(setting));
    }
    Ok(out)
}

/// A line about a setting of an environment: its name, default, help and allowed values.
pub(super) fn environment_setting(setting: &envs::Setting) -> String {
    let default = setting
        .default
        .as_ref()
        .map_or("-".into(), |value| value.plain());
    let (name, help, allowed) = (setting.name, &setting.help, &setting.allowed);
    format!("    {name:<22} {default:<9} {help} ({allowed})")
}

/// Bytes of state for each f32 weight of a square matrix, counted on an optimiser that is actually made.
fn state_bytes(spec: &Spec) -> Result<f64> {
    let weights = Parameter::new("weights", Var::zeros((32, 32), DType::F32, &Device::Cpu)?);
    let optimiser = Optimiser::new(std::slice::from_ref(spec), vec![weights])?;
    Ok(optimiser.bytes_per_parameter())
}
