//! What a declaration provides: defaults, ranges, tables, and errors that say what is allowed.

use settings::{Field, Interval, Settings, Table, Value, settings, words};

words! {
    /// A loss.
    pub enum Loss {
        /// The square
        Mse = "mse",
        /// Linear beyond 1
        Huber = "huber",
    }
}

settings! {
    /// An agent.
    pub struct Agent {
        /// Discount
        gamma: f64 = 0.99, in 0.0..=1.0;
        /// Learning rate
        lr: f64 = 1e-3, in Interval::above(0.0);
        /// Samples
        /// in a batch
        batch: usize = 32, in 1..=1024;
        /// The loss
        loss: Loss = Loss::Mse;
        /// Whether two networks are used
        double: bool = false;
        /// Something else
        note: Option<String> = None;
    }
}

settings! {
    /// A file.
    pub table File {
        /// What it asks
        question: String;
        /// Agents
        agents: Vec<Agent> = Vec::new();
        /// One agent
        agent: Agent = Agent::default();
    }
}

fn table(values: &[(&str, Value)]) -> Table {
    values.iter().cloned().collect()
}

fn error(name: &str, text: &str) -> String {
    let error = Agent::default().set_text(name, text).unwrap_err();
    error.to_string()
}

#[test]
fn text_is_read_and_refused_with_what_is_allowed() {
    let mut agent = Agent::default();
    for (name, text) in [
        ("gamma", "0.5"),
        ("lr", "3e-4"),
        ("batch", "1e3"),
        ("loss", "huber"),
        ("double", "true"),
        ("note", "x"),
    ] {
        agent.set_text(name, text).unwrap();
    }
    assert_eq!((agent.gamma, agent.lr, agent.batch), (0.5, 3e-4, 1000));
    assert_eq!((agent.loss, agent.double), (Loss::Huber, true));
    assert_eq!(agent.note.as_deref(), Some("x"));
    for (name, text, allowed) in [
        ("gamma", "1.1", "0 <= x <= 1"),
        ("gamma", "nan", "0 <= x <= 1"),
        ("gamma", "big", "0 <= x <= 1"),
        ("lr", "0", "a finite number > 0"),
        ("lr", "inf", "a finite number > 0"),
        ("batch", "0", "a whole number from 1 to 1024"),
        ("batch", "1.5", "a whole number from 1 to 1024"),
        ("loss", "l1", "mse or huber"),
        ("double", "yes", "true or false"),
    ] {
        let said = format!("{name} = {text} is not allowed; allowed: {allowed}");
        assert_eq!(error(name, text), said);
    }
    let empty = error("batch", "");
    assert!(empty.starts_with("batch = \"\" is not allowed"), "{empty}");
    let unknown = error("gama", "1");
    assert!(unknown.starts_with("unknown key `gama`; did you mean `gamma`? allowed: gamma, lr,"));
}

#[test]
fn tables_are_read_whole_or_refused_with_the_path() {
    let whole = File {
        question: "why".into(),
        agents: vec![Agent {
            batch: 7,
            ..Agent::default()
        }],
        agent: Agent::default(),
    };
    assert_eq!(File::from_table(&whole.to_table()).unwrap(), whole);
    let agent = |key: &str, value: Value| Value::Table(table(&[(key, value)]));
    let question = ("question", Value::from("why"));
    for (values, said) in [
        (vec![], "the key `question` is missing"),
        (
            vec![("question", Value::Whole(3))],
            "question = 3 is not allowed; allowed: text",
        ),
        (
            vec![question.clone(), ("agent", agent("gamma", Value::Whole(2)))],
            "agent.gamma = 2 is not allowed; allowed: 0 <= x <= 1",
        ),
        (
            vec![question.clone(), ("agent", agent("gama", Value::Whole(2)))],
            "unknown key `gama` in `agent`; did you mean `gamma`? allowed: gamma, lr, batch, loss, double, note",
        ),
        (
            vec![
                question,
                ("agents", Value::List(vec![agent("loss", Value::Whole(2))])),
            ],
            "agents.1.loss = 2 is not allowed; allowed: mse or huber",
        ),
    ] {
        let error = File::from_table(&table(&values)).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
}

#[test]
fn ranges_hold_for_fields_set_by_hand_too() {
    assert!(Agent::default().check_ranges().is_ok());
    let agent = Agent {
        gamma: 7.0,
        ..Agent::default()
    };
    assert!(agent.check_ranges().is_err());
}

#[test]
fn a_declaration_documents_itself() {
    let batch = Agent::find("batch").unwrap();
    assert_eq!(batch.help, "Samples in a batch");
    assert_eq!(batch.default, Some(Value::Whole(32)));
    assert!(File::find("question").unwrap().required);
    assert_eq!(batch.allowed.bounds(), Some((1.0, 1024.0)));
    let gamma = Agent::find("gamma").unwrap();
    assert_eq!(gamma.allowed.bounds(), Some((0.0, 1.0)));
    assert_eq!(Agent::find("note").unwrap().allowed.bounds(), None);
    assert_eq!(<Vec<Agent> as Field>::allowed().kind(), "a list: a table");
}
