//! A document as one self-contained HTML file.

use super::{
    document::{Block, Document, Figure, SectionPlace, TextTable},
    glossary,
};

/// Colours for light and dark pages.
pub const COLOURS: &str = include_str!("colours.css");
/// The layout, for wide and narrow screens.
const STYLE: &str = include_str!("style.css");

/// The HTML of `document`.
pub fn html(document: &Document) -> String {
    let title = escaped(&document.title);
    let (mut contents, mut main, mut appendix) = (String::new(), String::new(), String::new());
    for (number, section) in document.sections.iter().enumerate() {
        let heading = escaped(section.title);
        let blocks: String = section.blocks.iter().map(block).collect();
        let id = format!("id=\"s{number}\"");
        match section.place {
            SectionPlace::Lead => {
                main += &format!(
                    "<section {id} class=\"lead\">\n<h2>{heading}</h2>\n{blocks}</section>\n"
                );
            }
            SectionPlace::Main => {
                contents += &format!("<a href=\"#s{number}\">{heading}</a>\n");
                main += &format!("<section {id}>\n<h2>{heading}</h2>\n{blocks}</section>\n");
            }
            SectionPlace::Appendix => {
                appendix += &format!(
                    "<section {id}>\n<details><summary><h2>{heading}</h2></summary>\n{blocks}</details>\n</section>\n"
                );
            }
        }
    }
    if !appendix.is_empty() {
        contents += "<a href=\"#appendix\">Appendix</a>\n";
        main += &format!(
            "<div id=\"appendix\" class=\"appendix\">\n<h2>Appendix</h2>\n{appendix}</div>\n"
        );
    }
    // The policy forbids scripts and anything that is not in this file.
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{COLOURS}{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n\
         <nav aria-label=\"Sections\">\n{contents}</nav>\n</header>\n<main>\n{main}</main>\n</body>\n</html>\n"
    )
}

fn block(block: &Block) -> String {
    match block {
        Block::Verdict {
            question,
            word,
            why,
        } => format!(
            "<div class=\"verdict {word}\"><h3>{}</h3><strong>{}</strong><p>{}</p></div>\n",
            escaped(question),
            explained(word),
            escaped(why)
        ),
        Block::Text(text) => format!("<p>{}</p>\n", escaped(text)),
        Block::List(items) => {
            let item = |item: &String| format!("<li>{}</li>\n", escaped(item));
            let items: String = items.iter().map(item).collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Table(table) => rows(table),
        Block::Figure(one) => figure(one),
        Block::Code(text) => format!("<pre tabindex=\"0\"><code>{}</code></pre>\n", escaped(text)),
    }
}

/// A word with its explanation under the pointer, if it has one.
fn explained(word: &str) -> String {
    match glossary::explanation(word) {
        Some(why) => format!("<abbr title=\"{}\">{}</abbr>", escaped(why), escaped(word)),
        None => escaped(word),
    }
}

fn rows(table: &TextTable) -> String {
    let head = table
        .head
        .iter()
        .map(|cell| format!("<th scope=\"col\">{}</th>", explained(cell)));
    let row = |row: &Vec<String>| {
        let cells: String = row
            .iter()
            .map(|cell| format!("<td>{}</td>", escaped(cell)))
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    // A wide table scrolls by itself, so that the page does not have to.
    format!(
        "<div class=\"wide\" tabindex=\"0\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
        head.collect::<String>(),
        table.rows.iter().map(row).collect::<String>()
    )
}

fn figure(figure: &Figure) -> String {
    let entry = |(name, colour): &(String, usize)| {
        format!(
            "<li><svg class=\"dash\" viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path d=\"M0 4H24\" \
             style=\"stroke:var(--s{}){}\"/></svg>{}</li>\n",
            colour % crate::figures::LINE_COLOURS,
            if *colour < crate::figures::LINE_COLOURS {
                ""
            } else {
                ";stroke-dasharray:6 3"
            },
            escaped(name)
        )
    };
    let key: String = figure.key.iter().map(entry).collect();
    let key = match key.is_empty() {
        true => key,
        false => format!("<ul class=\"key\">\n{key}</ul>\n"),
    };
    let panel = |panel: &super::document::ReportPanel| {
        let title = escaped(&panel.title);
        let svg = panel.svg.replacen(
            "<svg",
            &format!("<svg role=\"img\" aria-label=\"{title}\""),
            1,
        );
        format!("<div class=\"panel\"><h3>{title}</h3>\n{svg}</div>\n")
    };
    let panels: String = figure.panels.iter().map(panel).collect();
    format!(
        "<figure>\n{key}<div class=\"panels\">\n{panels}</div>\n<figcaption>{}</figcaption>\n</figure>\n",
        escaped(&figure.caption)
    )
}

/// `text` with the characters escaped that mean something in HTML.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            letter => out.push(letter),
        }
    }
    out
}
