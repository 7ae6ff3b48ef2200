//! Configurations, and the files that they are written to.

use super::*;

#[test]
fn the_same_run_is_written_the_same_however_its_lr_was_given() {
    for definition in algorithms() {
        for preset in definition.presets() {
            for entry in optim::registry() {
                let resolved = |lr: Option<f64>, text: &str| {
                    let source = ConfigSource {
                        algo: Some(definition.name().into()),
                        preset: Some(preset.name.into()),
                        // A multiple of every number of environments.
                        run: [("steps", Value::Whole(3 << 17))].into_iter().collect(),
                        optimiser: Some(text.parse().unwrap()),
                        ..ConfigSource::default()
                    };
                    source.resolve(lr).unwrap()
                };
                let plain = resolved(None, entry.name);
                let lr = plain.optimiser.lr();
                let texts = [
                    resolved(Some(lr), entry.name),
                    resolved(None, &format!("{}:lr={lr:e}", entry.name)),
                    resolved(None, &plain.optimiser.to_string()),
                ];
                for other in texts {
                    assert_eq!(other.id(), plain.id(), "{}", plain.optimiser);
                    assert_eq!(other.optimiser.to_string(), plain.optimiser.to_string());
                }
            }
        }
    }
}

#[test]
fn a_configuration_file_names_its_algorithm() {
    let dir = tempfile::tempdir().unwrap();
    for definition in algorithms() {
        let config = short(definition, 9);
        let path: &Path = &dir.path().join("config.toml");
        std::fs::write(path, config.to_toml()).unwrap();
        let read = ConfigSource::read(path).unwrap().resolve(None).unwrap();
        assert_eq!(
            (read.id(), read.algorithm.name()),
            (config.id(), definition.name())
        );
    }
    std::fs::write(dir.path().join("bad.toml"), "algo = \"tabula\"\n").unwrap();
    let error = ConfigSource::read(&dir.path().join("bad.toml")).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("did you mean `tabular`?"), "{error}");
}
