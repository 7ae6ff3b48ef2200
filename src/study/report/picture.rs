//! A figure as an SVG file, light or dark to match the reader's system.

use super::{
    document::{Figure, ReportPanel},
    html::{COLOURS, escaped},
};

/// The width of a panel's drawing, and the gap between panels, in units.
const PANEL: usize = 800;
const GAP: usize = 60;
/// The most panels in a row.
const COLUMNS: usize = 3;
/// The height of letters in names and titles, and of a line of them.
const LETTER: usize = 32;
const LINE: usize = 56;

/// The SVG of `figure`.
pub fn picture(figure: &Figure) -> String {
    let columns = figure.panels.len().clamp(1, COLUMNS);
    let width = GAP + columns * (PANEL + GAP);
    let (key, mut y) = key(figure, width);
    let mut panels = String::new();
    for row in figure.panels.chunks(columns) {
        for (i, panel) in row.iter().enumerate() {
            panels += &panel_element(panel, GAP + i * (PANEL + GAP), y);
        }
        y += LINE + row.iter().map(height).max().unwrap_or(0) + GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {y}\">\n<style>\n{COLOURS}\
         text {{ font-family: system-ui, \"DejaVu Sans\", sans-serif; }}\n</style>\n\
         <rect width=\"{width}\" height=\"{y}\" fill=\"var(--page)\"/>\n{key}{panels}</svg>\n",
        width / 2,
        y / 2
    )
}

/// Names with their colours, and the height at which they end.
fn key(figure: &Figure, width: usize) -> (String, usize) {
    let (mut out, mut x, mut y) = (String::new(), GAP, GAP);
    for (name, colour) in &figure.key {
        // A letter is less than two thirds as wide as it is high.
        let length = 90 + name.chars().count() * LETTER * 2 / 3;
        if x > GAP && x + length > width - GAP {
            (x, y) = (GAP, y + LINE);
        }
        let dashes = match *colour < crate::figures::LINE_COLOURS {
            true => "",
            false => " stroke-dasharray=\"16 10\"",
        };
        out += &format!(
            "<path d=\"M{x} {}h50\" stroke=\"var(--s{})\" stroke-width=\"6\"{dashes}/>\n",
            y - LETTER / 3,
            colour % crate::figures::LINE_COLOURS,
        );
        out += &text_element(name, x + 64, y, LETTER, "");
        x += length;
    }
    (out, if figure.key.is_empty() { GAP } else { y + LINE })
}

fn text_element(text: &str, x: usize, y: usize, size: usize, more: &str) -> String {
    let text = escaped(text);
    format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"var(--ink)\"{more}>{text}</text>\n"
    )
}

/// A panel below its title.
fn panel_element(panel: &ReportPanel, x: usize, y: usize) -> String {
    let place = format!(
        "<svg x=\"{x}\" y=\"{}\" width=\"{PANEL}\" height=\"{}\"",
        y + LINE / 2,
        height(panel)
    );
    // Small enough to end before the next panel. A bold letter is about two thirds as wide as it is high.
    let room = PANEL * 3 / 2 / panel.title.chars().count().max(1);
    let title = text_element(&panel.title, x, y, LETTER.min(room), " font-weight=\"600\"");
    title + &panel.svg.replacen("<svg", &place, 1)
}

/// The height of a panel's drawing: the last number of its `viewBox`.
fn height(panel: &ReportPanel) -> usize {
    let (_, rest) = panel.svg.split_once("viewBox=\"").unwrap_or_default();
    let (numbers, _) = rest.split_once('"').unwrap_or_default();
    let last = numbers.split(' ').next_back();
    last.and_then(|number| number.parse().ok()).unwrap_or(PANEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_stand_side_by_side_and_below_each_other() {
        let panel = |height: usize| ReportPanel {
            title: "a <b>".into(),
            svg: format!("<svg viewBox=\"0 0 800 {height}\"></svg>"),
        };
        let mut figure = Figure {
            caption: String::new(),
            key: vec![("x & y".into(), 3), ("z".repeat(200), 12)],
            panels: vec![panel(500), panel(560), panel(300), panel(560)],
        };
        // A long title has small letters.
        figure.panels[1].title = "t".repeat(100);
        let svg = picture(&figure);
        assert_eq!(svg.matches("<svg x=").count(), 4);
        assert!(
            svg.contains("a &lt;b&gt;") && svg.contains("x &amp; y"),
            "{svg}"
        );
        assert!(svg.contains("font-size=\"12\" fill=\"var(--ink)\" font-weight"));
        // A long name is on a line of its own, and two rows of panels follow.
        let first = GAP + 2 * LINE;
        let second = first + LINE + 560 + GAP;
        assert!(
            svg.contains(&format!("<svg x=\"920\" y=\"{}\"", first + LINE / 2)),
            "{svg}"
        );
        assert!(
            svg.contains(&format!("<svg x=\"60\" y=\"{}\"", second + LINE / 2)),
            "{svg}"
        );
        assert!(svg.contains(&format!(
            "viewBox=\"0 0 2640 {}\"",
            second + LINE + 560 + GAP
        )));
    }
}
