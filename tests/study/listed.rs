//! What is known of a study before it runs: its keys, its runs, its Slurm arrays.

use super::*;

#[test]
fn the_schema_has_every_key() {
    let dir = with("");
    let schema = works(dir.path(), &["schema"]).stdout;
    let has = |key: &str| {
        assert!(
            schema.contains(&format!("| `{key}` |")),
            "no `{key}` in {schema}"
        );
    };
    // For each table, the keys that the parser lists as allowed.
    let asked = [
        "nonsense = 1",
        "[seeds]\nnonsense = 1",
        "[budget]\nnonsense = 1",
        "[energy]\nnonsense = 1",
        "[[environments]]\nnonsense = 1",
        "[rl]\nnonsense = 1",
        "[rl.run]\nnonsense = 1",
        "[rl.agent]\nnonsense = 1",
        "[supervised]\nnonsense = 1",
        "[supervised.run]\nnonsense = 1",
        "[[optimisers]]\nnonsense = 1",
        "[[factors]]\nnonsense = 1",
        "[[contrasts]]\nnonsense = 1",
    ];
    for text in asked {
        fs::write(dir.path().join("small.toml"), text).unwrap();
        let said = study(dir.path(), &["list", "small.toml"]).stderr;
        let allowed: Vec<String> = match said.split_once("allowed: ") {
            Some((_, list)) => list.trim().split(", ").map(str::to_owned).collect(),
            None => said
                .split('`')
                .skip(3)
                .step_by(2)
                .map(str::to_owned)
                .collect(),
        };
        assert!(!allowed.is_empty(), "{text}: {said}");
        // The tables of the families have their own sections.
        allowed
            .iter()
            .filter(|key| !["rl", "supervised"].contains(&key.as_str()))
            .for_each(|key| has(key));
    }
    let declared = |all: &[settings::Setting]| all.iter().for_each(|one| has(one.name));
    declared(algorithm::registry()[0].settings());
    declared(RunConfig::declared());
}

#[test]
fn a_file_in_the_working_folder_does_not_stand_for_a_name() {
    let dir = with(SMALL);
    let place = |name: &str| dir.path().join(name);
    fs::create_dir(place("experiments")).unwrap();
    fs::copy(place("small.toml"), place("experiments/small.toml")).unwrap();
    fs::write(place("small"), "no experiment").unwrap();
    // An error after the experiment was read.
    let args = ["--stage", "tune", "--index", "999"];
    for (asked, words) in [
        ("small", "there is no run 999"),
        ("small.toml", "there is no run 999"),
        ("./small", "./small: TOML parse error at line 1"),
        ("smal", "did you mean `small`?"),
        ("./smal", "there is no such file"),
    ] {
        let ran = study(dir.path(), &[&["run", asked][..], &args].concat());
        assert_eq!(ran.code, Some(2), "{asked}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{asked}: {}", ran.stderr);
    }
    fs::remove_dir_all(place("experiments")).unwrap();
    let ran = study(dir.path(), &["list", "small"]);
    assert!(ran.stderr.contains("as in ./small"), "{}", ran.stderr);
}

#[test]
fn an_experiment_is_listed_and_tried() {
    let dir = with(SMALL);
    let listed = works(dir.path(), &["list", "small.toml"]).stdout;
    for words in [
        "Does it work?",
        "| slow catch agent.target_network_frequency=400 | 3 | 8 | 6 |",
        "56 runs, 32 of them different, estimated",
        "a burst",
        "gCO2e",
    ] {
        assert!(listed.contains(words), "no `{words}` in {listed}");
    }
    let tried = works(dir.path(), &["verify", "small.toml"]).stdout;
    assert!(tried.contains("12 trials can be run"), "{tried}");
    assert!(!dir.path().join("runs").exists());
    works(dir.path(), &["run", "small.toml", "--quiet"]);
    let listed = works(dir.path(), &["list", "small.toml"]).stdout;
    assert!(listed.contains("8 finished runs"), "{listed}");
    // A factor may be for some environments only.
    let some = SMALL.replacen("[50, 400]", "[50, 400]\nenvironments = [\"cartpole\"]", 1);
    let listed = works(with(&some).path(), &["list", "small.toml"]).stdout;
    assert!(listed.contains("| slow catch | 3 | 8 | 6 |"), "{listed}");
    assert!(
        listed.contains("42 runs, 24 of them different, estimated"),
        "{listed}"
    );
    // Every experiment in the repository can be read.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(here.join("experiments")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let no_images = !Path::new("/usr/share/datasets/fashion-mnist").exists();
        if text.contains("fashion-mnist") && no_images {
            eprintln!("skipped {}: no fashion-mnist here", path.display());
        } else if text.contains("cifar10") {
            // Its images are not in this folder; all else about it is right.
            let ran = study(dir.path(), &["verify", path.to_str().unwrap()]);
            let missing = "there is no cifar10 in data/cifar10";
            assert!(ran.stderr.contains(missing), "{}", ran.stderr);
        } else if path.extension().is_some_and(|end| end == "toml") {
            works(dir.path(), &["verify", path.to_str().unwrap()]);
        }
    }
}

#[test]
fn slurm_gets_arrays_under_its_limits_of_what_is_left() {
    let dir = with(SMALL);
    let slurm = [
        "slurm",
        "small.toml",
        "--checkpoint-every",
        "70",
        "--max-array",
        "10",
        "--at-once",
        "3",
        "--",
        "--mem=1G",
    ];
    let said = works(dir.path(), &slurm).stdout;
    assert!(said.contains("32 tasks to tune, 24 to report"), "{said}");
    let folder = dir.path().join("slurm/small");
    let submit = || fs::read_to_string(folder.join("submit.sh")).unwrap();
    for words in [
        "--job-name='small-tune' --array=0-9%3 '--mem=1G' task.sh tune 32 0\n",
        "--array=0-1%3 '--mem=1G' task.sh tune 32 30\n",
        "--array=0-3%3 '--mem=1G' task.sh report 24 20\n",
        "submit 'tune 32 0 10' --output=",
        "collect.sh",
    ] {
        assert!(submit().contains(words), "no `{words}` in {}", submit());
    }
    let task = fs::read_to_string(folder.join("task.sh")).unwrap();
    assert!(task.contains("--checkpoint-every 70 &\n"), "{task}");
    for script in ["submit.sh", "task.sh", "collect.sh"] {
        let checked = Command::new("sh")
            .arg("-n")
            .arg(folder.join(script))
            .status();
        assert!(checked.unwrap().success(), "{script}");
    }
    // Finished runs are not submitted again, nor the same runs of the other arm.
    let shard = [
        "run",
        "small.toml",
        "--quiet",
        "--stage",
        "tune",
        "--shard",
        "2/4",
    ];
    works(dir.path(), &shard);
    let said = works(dir.path(), &["slurm", "small.toml", "--tasks", "4"]).stdout;
    assert!(said.contains("2 tasks to tune, 4 to report"), "{said}");
    assert!(
        submit().contains("--array=0,2  task.sh tune 4 0\n"),
        "{}",
        submit()
    );
}
