//! A document as Markdown. Its figures are in separate files.

use super::document::{Block, Document, Section, TextTable};

/// The Markdown of `document`.
pub fn markdown(document: &Document) -> String {
    let mut out = format!("# {}\n", escaped(&document.title));
    for section in &document.sections {
        out += &format!("\n## {}\n", escaped(section.title));
        out += &body(section);
    }
    out
}

/// A section without its heading.
pub fn body(section: &Section) -> String {
    let mut out = String::new();
    for block in &section.blocks {
        out.push('\n');
        match block {
            Block::Verdict {
                question,
                word,
                why,
            } => {
                let [question, word, why] = [question, *word, why].map(escaped);
                out += &format!("{}\n\n**{word}**: {why}\n", escaped_start(&question));
            }
            Block::Text(text) => out += &format!("{}\n", escaped_start(&escaped(text))),
            Block::List(items) => {
                for item in items {
                    out += &format!("- {}\n", escaped_start(&escaped(item)));
                }
            }
            Block::Table(table) => out += &rows(table),
            Block::Figure(figure) => {
                out += &format!("![{}]({})\n", escaped(&figure.caption), section.picture());
                out += &format!("\n{}\n", escaped_start(&escaped(&figure.caption)));
            }
            Block::Code(text) => out += &format!("```sh\n{}\n```\n", text.replace("```", "'''")),
        }
    }
    out
}

fn rows(table: &TextTable) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = "|---".repeat(table.head.len()) + "|\n";
    let rows = table.rows.iter().map(|row| line(row));
    line(&table.head) + &rule + &rows.collect::<String>()
}

/// `text` escaped for the beginning of a line, where it could begin a heading, a list or a rule.
fn escaped_start(text: &str) -> String {
    match text.starts_with(['#', '+', '-', '=', '~']) {
        true => format!("\\{text}"),
        false => text.to_owned(),
    }
}

/// `text` on one line, with the characters escaped that mean something in Markdown or HTML.
pub fn escaped(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (i, &letter) in letters.iter().enumerate() {
        let alphanumeric = |at: Option<&char>| at.is_some_and(|c| c.is_alphanumeric());
        let inside = alphanumeric(i.checked_sub(1).and_then(|i| letters.get(i)))
            && alphanumeric(letters.get(i + 1));
        let special = match letter {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' => true,
            '_' => !inside,
            _ => false,
        };
        if special {
            out.push('\\');
        }
        match letter {
            '&' => out += "&amp;",
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (text, expected) in [
            ("a | b", "a \\| b"),
            (
                "<script>alert(1)</script>",
                "\\<script\\>alert(1)\\</script\\>",
            ),
            ("rmsprop_vs_adam _x_", "rmsprop_vs_adam \\_x\\_"),
            (
                "[a](http://b) `c` &amp;",
                "\\[a\\](http://b) \\`c\\` &amp;amp;",
            ),
        ] {
            assert_eq!(escaped(text), expected);
        }
        assert_eq!(escaped_start(&escaped("# no\nheading")), "\\# no heading");
    }
}
