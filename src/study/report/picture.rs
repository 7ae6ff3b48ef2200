//! A figure as an SVG file of its own, light or dark as whoever looks at it has it.

use super::{
    document::{Figure, Panel},
    html::{COLOURS, escaped},
};

/// Units across a panel's drawing, and between panels.
const PANEL: usize = 800;
const GAP: usize = 60;
/// Panels in a row, at most.
const ACROSS: usize = 3;
/// Of letters in names and titles, and of a line of them.
const LETTER: usize = 32;
const LINE: usize = 56;

/// The whole of it.
pub fn picture(figure: &Figure) -> String {
    let across = figure.panels.len().clamp(1, ACROSS);
    let width = GAP + across * (PANEL + GAP);
    let (key, mut y) = key(figure, width);
    let mut panels = String::new();
    for row in figure.panels.chunks(across) {
        for (i, panel) in row.iter().enumerate() {
            panels += &drawn(panel, GAP + i * (PANEL + GAP), y);
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
        // A letter is less than two thirds of its height.
        let wide = 90 + name.chars().count() * LETTER * 2 / 3;
        if x > GAP && x + wide > width - GAP {
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
        out += &letters(name, x + 64, y, LETTER, "");
        x += wide;
    }
    (out, if figure.key.is_empty() { GAP } else { y + LINE })
}

fn letters(text: &str, x: usize, y: usize, size: usize, more: &str) -> String {
    let text = escaped(text);
    format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"var(--ink)\"{more}>{text}</text>\n"
    )
}

/// A panel below its title.
fn drawn(panel: &Panel, x: usize, y: usize) -> String {
    let place = format!(
        "<svg x=\"{x}\" y=\"{}\" width=\"{PANEL}\" height=\"{}\"",
        y + LINE / 2,
        height(panel)
    );
    // As small as it takes to end before the next panel; a bold letter is two thirds as wide as it is high, about.
    let room = PANEL * 3 / 2 / panel.title.chars().count().max(1);
    let title = letters(&panel.title, x, y, LETTER.min(room), " font-weight=\"600\"");
    title + &panel.svg.replacen("<svg", &place, 1)
}

/// The height of a panel's drawing: the last number of its `viewBox`.
fn height(panel: &Panel) -> usize {
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
        let panel = |height: usize| Panel {
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
