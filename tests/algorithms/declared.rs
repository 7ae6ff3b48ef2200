//! What an algorithm says of itself.

use super::*;

#[test]
fn an_algorithm_says_what_it_is() {
    for definition in algorithms() {
        let name = definition.name();
        assert!(!definition.summary().is_empty() && !definition.source().is_empty());
        for setting in definition.settings() {
            assert!(!setting.help.is_empty(), "{name}: {}", setting.name);
            assert!(setting.default.is_some(), "{name}: {}", setting.name);
        }
        for key in definition.network_settings() {
            let mut names = definition.settings().iter().map(|setting| setting.name);
            assert!(names.any(|name| name == *key), "{name}: {key}");
        }
        assert!(!definition.presets().is_empty(), "{name}");
        for preset in definition.presets() {
            let agent = (preset.agent)();
            assert_eq!(definition.complete(&agent).unwrap(), agent, "{name}");
            let names = definition.settings().iter().map(|setting| setting.name);
            assert!(
                agent.iter().map(|(key, _)| key).eq(names),
                "{name}: all, in order"
            );
            preset.optimiser.parse::<optim::Spec>().unwrap();
        }
        let unknown: Table = [("no such setting", Value::Flag(true))]
            .into_iter()
            .collect();
        let error = definition
            .complete(&unknown)
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown key"), "{name}: {error}");
    }
}

#[test]
fn no_setting_has_the_name_of_another_flag_of_rl() {
    for definition in algorithms() {
        RlArgs::command_for(definition).unwrap();
    }
    let error = RlArgs::command_for(&tabular::Tabular::Clashing).unwrap_err();
    assert_eq!(
        error.to_string(),
        "algorithm `tabular-clashing`: its setting `agents` has the name of another flag of rl, --agents; give the setting \
         another name"
    );
}

/// Nobody knows what depends on the number of steps in an algorithm that does not say so.
#[test]
fn only_an_algorithm_that_declares_its_spans_has_longer_runs() {
    for definition in algorithms() {
        let longer = short(definition, 1).longer(2 * STEPS, &Table::new());
        let error = longer.map(drop).err();
        let error = error.map_or(String::new(), |error| error.to_string());
        let undeclared = error.contains(&format!("algo = {} depends", definition.name()));
        let name = definition.name();
        assert_eq!(
            undeclared,
            name.starts_with("tabular"),
            "{name}: `Definition::spans` must be implemented: {error}"
        );
    }
}

#[test]
fn its_records_have_the_columns_and_the_updates_that_it_declares() {
    for definition in algorithms() {
        let config = short(definition, 1);
        let (record, outcome) = alone(&config);
        assert!(outcome.updates > 0 && outcome.episodes > 0);
        assert_eq!(outcome.updates, config.updates(), "{}", definition.name());
        assert_eq!(definition.learns_nothing(&config.agent, STEPS), None);
        struct Columns(usize, usize);
        impl Observer for Columns {
            fn row(&mut self, row: Row) -> Result<()> {
                match row {
                    Row::Episode(row) => assert_eq!(row.behaviour.len(), self.0),
                    Row::Update(row) => assert_eq!(row.measured.len(), self.1),
                    _ => {}
                }
                Ok(())
            }
        }
        let (behaviour, measured) = (definition.behaviour_columns(), definition.update_columns());
        train(&config, &mut Columns(behaviour.len(), measured.len())).unwrap();
        let is_update = |row: &&String| row.starts_with("Update");
        let recorded = record.rows.iter().filter(is_update).count() as u64;
        assert_eq!(recorded, outcome.updates.div_ceil(config.run.log_every));
        // The toys do not show their updates.
        let shown = record.rows.iter().any(|row| row.starts_with("Diagnostics"));
        let name = definition.name();
        assert!(
            shown || name.starts_with("tabular"),
            "{name}: `learn` must call `pending` before each update"
        );
    }
}

#[test]
fn rounds_of_learning_are_all_alike() {
    for definition in algorithms() {
        for preset in definition.presets() {
            let settings = (preset.agent)();
            let Some(round) = definition.learning_round(&settings) else {
                continue;
            };
            let name = preset.name;
            let each = definition.updates(&settings, round);
            assert!(each > 0, "{name}: a round without learning");
            for rounds in [2, 7] {
                let all = definition.updates(&settings, rounds * round);
                assert_eq!(all, rounds * each, "{name}");
            }
            let settings = definition.complete(&settings).unwrap();
            assert_eq!(
                definition.learning_by(&settings, round).unwrap(),
                settings,
                "{name}"
            );
        }
    }
}

#[test]
fn learning_that_is_brought_forward_has_a_transition_to_learn_from() {
    let dqn = algorithm::find("dqn").unwrap();
    let mut settings = (dqn.presets()[0].agent)();
    settings.insert("n_step", Value::Whole(1000));
    let early = dqn.learning_by(&settings, 150).unwrap();
    assert_eq!(early.get("n_step"), Some(&Value::Whole(151)));
}

#[test]
fn learning_that_starts_early_can_be_put_off() {
    for definition in algorithms() {
        let settings = (definition.presets()[0].agent)();
        if definition.learning_round(&settings).is_none() {
            let early = definition.learning_by(&settings, 50).unwrap();
            let late = definition.learning_by(&early, 400).unwrap();
            let expected = definition.learning_by(&settings, 400).unwrap();
            assert_eq!(late, expected, "{}", definition.name());
        }
    }
}
