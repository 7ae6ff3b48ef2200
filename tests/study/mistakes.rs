//! Mistakes in experiments and flags.

use super::*;

#[test]
fn a_mistake_is_answered_with_its_line_and_what_is_allowed() {
    for (old, new, words) in [
        (
            "hypothesis",
            "hypotesis",
            &["line 3", "`hypotesis`", "did you mean `hypothesis`?"][..],
        ),
        (
            "report = \"1",
            "reports = \"1",
            &["line 8", "did you mean `report`?"],
        ),
        (
            "report = \"1..2\"",
            "report = \"2..1\"",
            &["line 8", "allowed: \"1..30\""],
        ),
        (
            "report = \"1..2\"",
            "report = [1, 11]",
            &["seed 11 is in both seeds.tuning and seeds.report"],
        ),
        (
            "report = \"1..2\"",
            "",
            &["line 6", "the key `seeds.report` is missing"],
        ),
        (
            "hidden = [16]",
            "hiden = [16]",
            &["line 12", "did you mean `hidden`?"],
        ),
        (
            "hidden = [16]",
            "hidden = \"big\"",
            &[
                "line 12: rl.agent.hidden = big",
                "allowed: at most 16 sizes",
            ],
        ),
        (
            "run = { steps = 2500 }",
            "report_seeds = [11]",
            &[
                "seed 11 is in both",
                "report_seeds of environment `slow catch`",
            ],
        ),
        (
            "run = { steps = 2500 }",
            "report_seeds = []",
            &["report_seeds of environment `slow catch` is empty"],
        ),
        (
            "run = { steps = 2500 }",
            "report_seeds = [7]",
            &[
                "no report seed is in every environment",
                "`cartpole` and `slow catch` share none",
            ],
        ),
        (
            "[[factors]]",
            "[[environments]]\nname = \"third\"\nenv = \"catch\"\nreport_seeds = [7]\n[[factors]]",
            &["`cartpole` and `third` share none"],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { \"agent.los\" = \"huber\" }",
            &["optimiser `fixed`", "did you mean `loss`?"],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { \"agent.batch_size\" = \"big\" }",
            &[
                "optimiser `fixed`",
                "agent.batch_size = \"big\" is not allowed; allowed: a whole number",
            ],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { \"run.seed\" = 3 }",
            &["optimiser `fixed`", "`run.seed`", "seeds are in [seeds]"],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { env = \"catch\" }",
            &["optimiser `fixed`", "`env`", "[[environments]]"],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { agent.loss = \"huber\" }",
            &["optimiser `fixed`", "`agent`", "such as \"agent.loss\""],
        ),
        (
            "optimiser = \"rmsprop-tf\"",
            "optimiser = \"rmsprop-tf\"\nset = { \"agent.target_network_frequency\" = 7 }",
            &[
                "optimiser `fixed`",
                "`agent.target_network_frequency` of its `set` is also a factor",
            ],
        ),
        (
            "agent.target_network_frequency",
            "run.seed",
            &["factor `run.seed`", "seeds are in [seeds]"],
        ),
        (
            "agent.target_network_frequency",
            "run.env",
            &["factor `run.env`", "[[environments]]"],
        ),
        (
            "key = \"agent.target_network_frequency\"\nvalues = [50, 400]",
            "key = \"env\"\nvalues = [\"acrobot\"]",
            &[
                "factor `env`",
                "[[environments]]",
                "`env.<dial>` is allowed",
            ],
        ),
        (
            "[[optimisers]]",
            "[[factors]]\nkey = \"agent.target_network_frequency\"\nvalues = [1]\n[[optimisers]]",
            &["environment `cartpole` has two factors `agent.target_network_frequency`"],
        ),
        (
            "values = [50, 400]",
            "values = [50, 50]",
            &[
                "factor `agent.target_network_frequency`",
                "50 is listed twice",
            ],
        ),
        (
            "lr = [1e-3, 1e-2]",
            "lr = [1e-3, 1e-3]",
            &["`lr` of its grid has 0.001 twice"],
        ),
        (
            "optimiser = \"adam:beta1=0\"",
            "optimiser = \"adam:beta1=0,lr=1e-3\"",
            &["`lr` of its grid is also in `adam:beta1=0,lr=1e-3`"],
        ),
        (
            "key = \"agent.target_network_frequency\"\nvalues = [50, 400]",
            "key = \"optimiser.lr\"\nvalues = [1e-3]",
            &["`lr` of its grid is also the factor `optimiser.lr`"],
        ),
        (
            "key = \"agent.target_network_frequency\"\nvalues = [50, 400]",
            "key = \"optimiser.beta1\"\nvalues = [0.5, 0.9]",
            &["factor `optimiser.beta1`: optimiser `adam` also sets it, in `adam:beta1=0`"],
        ),
        // Returns have another scale then.
        (
            "key = \"agent.target_network_frequency\"\nvalues = [50, 400]",
            "key = \"env.reward\"\nvalues = [1, 2]",
            &["give `random` and `reference`"],
        ),
        (
            "[[optimisers]]\nname = \"fixed\"",
            "[[optimisers]]\nname = \"fixed\"\nset = { \"env.reward\" = 2 }",
            &["`env.reward` of its `set`", "give `random` and `reference`"],
        ),
        (
            "name = \"slow catch\"\nenv = \"catch\"\nrun = { steps = 2500 }\n\n[[factors]]\n",
            "name = \"cartpole agent.target_network_frequency=50\"\nenv = \"catch\"\n\n[[factors]]\n\
             environments = [\"cartpole\"]\n",
            &["names that tell all of them apart"],
        ),
        (
            "grid = { lr = [1e-3, 1e-2] }",
            "grid = { lr = { from = 1e-6, to = 1, points = 1000 }, eps = { from = 1e-9, to = 1, points = 1000 } }",
            &["1000000 combinations; allowed: at most 100000"],
        ),
        (
            "[seeds]",
            "budget = { core_hours = -1 }\n[seeds]",
            &["budget.core_hours = -1 is not allowed"],
        ),
        (
            "name = \"slow catch\"",
            "name = \"\"",
            &["the `name` of one environment is empty"],
        ),
        (
            "learning_starts = 300",
            "learning_starts = 1500",
            &["agent.learning_starts = 1500 leaves no update in run.steps = 1500"],
        ),
        (
            "batch_size = 16",
            "batch_size = 0",
            &[
                "line 12",
                "rl.agent.batch_size = 0",
                "a whole number from 1",
            ],
        ),
        (
            "run = { steps = 1500,",
            "run = { seed = 3, steps = 1500,",
            &["line 11", "run.seed", "[seeds]"],
        ),
        (
            "run = { steps = 2500 }",
            "runs = { steps = 2500 }",
            &["line 20", "did you mean `run`?"],
        ),
        (
            "run = { steps = 2500 }",
            "run = { stebs = 2500 }",
            &["line 20", "did you mean `steps`?"],
        ),
        (
            "name = \"slow catch\"",
            "name = \"cartpole\"",
            &["two environments called `cartpole`"],
        ),
        ("env = \"catch\"", "env = \"cach\"", &["did you mean"]),
        (
            "env = \"catch\"",
            "env = \"breakout\"",
            &["`random` and `reference`"],
        ),
        (
            "env = \"catch\"",
            "env = \"catch\"\nkind = \"rk\"",
            &["line 20", "unknown kind `rk`", "allowed: rl"],
        ),
        (
            "optimiser = \"adam:beta1=0\"",
            "optimiser = \"adm\"",
            &["`adam`", "did you mean `adam`?"],
        ),
        ("lr = [1e-3, 1e-2]", "lr = [1e-3]\nlrs = [1]", &["line 30"]),
        (
            "lr = [1e-3, 1e-2]",
            "learning_rate = [1e-3, 1e-2]",
            &["unknown adam hyper-parameter"],
        ),
        (
            "lr = [1e-3, 1e-2]",
            "lr = [1e-3, 1e-2, 3e-2]",
            &["the same tuning budget"],
        ),
        (
            "lr = [1e-3, 1e-2]",
            "lr = { from = 1.0, to = 0.1, points = 2 }",
            &["line 29"],
        ),
        (
            "agent.target_network",
            "agent.taget_network",
            &["did you mean `target_network_frequency`?"],
        ),
        (
            "agent.target_network_frequency",
            "optimiser.nothing",
            &["unknown adam hyper-parameter `nothing`"],
        ),
        (
            "agent.target_network_frequency",
            "env.length",
            &[
                "environment `cartpole env.length=50`",
                "allowed: 0.01 <= x <= 10",
            ],
        ),
        (
            "values = [50, 400]",
            "values = [50, 400]\nenvironments = [\"slow cat\"]",
            &["factor `agent.target", "did you mean `slow catch`?"],
        ),
        (
            "without = \"the same\"",
            "without = \"the same\"\nalong = \"agent.target_network_frequenzy\"",
            &[
                "contrast `nothing`",
                "unknown factor",
                "did you mean `agent.target_network_frequency`?",
            ],
        ),
        (
            "values = [50, 400]",
            "values = [50, 400]\nenvironments = [\"cartpole\"]\n[[contrasts]]\nname = \"flat\"\nwith = \"adam\"\n\
             without = \"fixed\"\nenvironments = [\"slow catch\"]\nalong = \"agent.target_network_frequency\"",
            &["contrast `flat`", "fewer than two levels in `slow catch`"],
        ),
        (
            "values = [50, 400]",
            "values = [50, 400]\nenvironments = [\"cartpole\"]\n[[factors]]\nkey = \"agent.target_network_frequency\"\n\
             values = [5, 50]\nenvironments = [\"slow catch\"]\n[[contrasts]]\nname = \"staggered\"\nwith = \"adam\"\n\
             without = \"fixed\"\nalong = \"agent.target_network_frequency\"",
            &[
                "contrast `staggered`",
                "other levels in `slow catch` than in `cartpole`",
            ],
        ),
        (
            "without = \"the same\"",
            "without = \"the same\"\nenvironments = [\"cartpole\"]\nless = [\"slow catch\"]\nalong = \"agent.target_network_frequency\"",
            &["both `along` and `less` are given"],
        ),
        (
            "without = \"the same\"",
            "without = \"tha same\"",
            &["contrast `nothing`", "did you mean `the same`?"],
        ),
        (
            "without = \"the same\"",
            "without = \"adam\"",
            &["contrast `nothing`", "are both `adam`"],
        ),
    ] {
        assert!(SMALL.contains(old), "{old}");
        let dir = with(&SMALL.replacen(old, new, 1));
        let ran = study(dir.path(), &["run", "small.toml"]);
        assert_eq!(ran.code, Some(2), "{new}: {}", ran.stderr);
        assert!(ran.stderr.contains("small.toml"), "{}", ran.stderr);
        for word in words {
            assert!(
                ran.stderr.contains(word),
                "{new}: no `{word}` in: {}",
                ran.stderr
            );
        }
        assert!(!dir.path().join("runs").exists(), "{new}");
    }
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    let dir = with(SMALL);
    for (args, words) in [
        (&["run", "nowhere.toml"][..], "nowhere"),
        (&["run", "small.toml", "--shard", "1/2"], "--stage"),
        (
            &["run", "small.toml", "--stage", "tune", "--shard", "3/2"],
            "allowed: I/N",
        ),
        (
            &["run", "small.toml", "--stage", "tune", "--shard", "0/2"],
            "allowed: I/N",
        ),
        (
            &["run", "small.toml", "--stage", "tune", "--index", "32"],
            "allowed: 0 to 31",
        ),
        (
            &["run", "small.toml", "--stage", "report"],
            "runs of stage tune are not done",
        ),
        (&["run", "small.toml", "--jobs", "0"], "jobs"),
        (
            &["collect", "small.toml"],
            "32 of 32 runs of stage tune are not done",
        ),
        (&["slurm", "small.toml", "--tasks", "0"], "tasks"),
    ] {
        let ran = study(dir.path(), args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    }
    let theirs = dir.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("manifest.toml"), "experiment = \"another\"\n").unwrap();
    let ran = study(dir.path(), &["run", "small.toml", "--out", "theirs"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("those of `another`"), "{}", ran.stderr);
    fs::create_dir(dir.path().join("experiments")).unwrap();
    fs::copy(
        dir.path().join("small.toml"),
        dir.path().join("experiments/tiny.toml"),
    )
    .unwrap();
    works(dir.path(), &["list", "tiny"]);
    let ran = study(dir.path(), &["collect", "tiny"]);
    assert!(
        ran.stderr.contains("runs of stage tune are not done"),
        "{}",
        ran.stderr
    );
    let ran = study(dir.path(), &["list", "tini"]);
    assert!(
        ran.stderr.contains("did you mean `tiny`?"),
        "{}",
        ran.stderr
    );
}
