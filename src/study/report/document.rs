//! The content of a report. [`super::markdown`] and [`super::html`] write it.

/// A report.
pub struct Document {
    pub title: String,
    pub sections: Vec<Section>,
    /// Sections that have nothing to say.
    pub absent: Vec<Section>,
}

/// Where a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionPlace {
    /// What a reader sees first.
    Lead,
    /// What supports it.
    Main,
    /// Everything else, which is folded.
    Appendix,
}

/// A part of it with a heading, and at most one figure.
pub struct Section {
    pub title: &'static str,
    pub place: SectionPlace,
    pub blocks: Vec<Block>,
    /// Why it has nothing to say, if that is so.
    pub nothing: Option<String>,
}

/// A part of a section. All text is plain; the writers of HTML and Markdown escape it.
pub enum Block {
    /// A question, the verdict on it in a word, and its grounds.
    Verdict {
        question: String,
        word: &'static str,
        why: String,
    },
    Text(String),
    List(Vec<String>),
    Table(TextTable),
    Figure(Figure),
    /// Commands.
    Code(String),
}

/// Rows with as many cells as the head has.
pub struct TextTable {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Panels with one key.
pub struct Figure {
    pub caption: String,
    /// Names, with the number of their colour.
    pub key: Vec<(String, usize)>,
    pub panels: Vec<ReportPanel>,
}

/// One drawing.
pub struct ReportPanel {
    pub title: String,
    /// An `<svg>` element.
    pub svg: String,
}

impl Document {
    /// Made of `sections`. A last section names those that have nothing to say.
    pub fn new(title: String, sections: Vec<Section>) -> Self {
        let says_nothing = |section: &Section| section.nothing.is_some();
        let (absent, mut sections): (Vec<Section>, Vec<Section>) =
            sections.into_iter().partition(says_nothing);
        let why =
            |section: &Section| Some(format!("{}: {}", section.title, section.nothing.as_ref()?));
        let why: Vec<String> = absent.iter().filter_map(why).collect();
        if !why.is_empty() {
            sections.push(
                Section::new("What is not in this report")
                    .appendix()
                    .list(why),
            );
        }
        Self {
            title,
            sections,
            absent,
        }
    }
}

impl Section {
    pub fn new(title: &'static str) -> Self {
        Self {
            title,
            place: SectionPlace::Main,
            blocks: Vec::new(),
            nothing: None,
        }
    }

    /// The section as one that a reader sees first.
    pub fn lead(self) -> Self {
        let place = SectionPlace::Lead;
        Self { place, ..self }
    }

    /// The section as one that is folded.
    pub fn appendix(self) -> Self {
        let place = SectionPlace::Appendix;
        Self { place, ..self }
    }

    /// The section without content, and `why`.
    pub fn nothing(self, why: impl Into<String>) -> Self {
        Self {
            blocks: Vec::new(),
            nothing: Some(why.into()),
            ..self
        }
    }

    /// The file of its figure, below the report's folder.
    pub fn picture(&self) -> String {
        let slug = self.title.to_lowercase().replace(' ', "_");
        format!("figures/{slug}.svg")
    }

    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    pub fn list(mut self, items: Vec<String>) -> Self {
        if !items.is_empty() {
            self.blocks.push(Block::List(items));
        }
        self
    }

    pub fn table(mut self, head: &[&str], rows: Vec<Vec<String>>) -> Self {
        let head = head.iter().map(|&cell| cell.to_owned()).collect();
        self.blocks.push(Block::Table(TextTable { head, rows }));
        self
    }

    /// Its figure, if it has one.
    pub fn find_figure(&self) -> Option<&Figure> {
        self.blocks.iter().find_map(|block| match block {
            Block::Figure(figure) => Some(figure),
            _ => None,
        })
    }

    pub fn figure(mut self, figure: Figure) -> Self {
        self.blocks.push(Block::Figure(figure));
        self
    }

    pub fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }
}
