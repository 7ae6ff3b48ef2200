//! A progress bar and the text beside it, fitted to the terminal's width.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};
use terminal_size::{Width, terminal_size_of};

/// Columns that the bar keeps when there is little room.
const LEAST_BAR: usize = 10;
/// Columns of the percentage after the bar.
const PERCENTAGE: usize = 5;
/// The width if the terminal does not report one.
const USUAL_COLUMNS: usize = 80;

/// A bar on a terminal.
pub(in crate::cli) struct Bar(ProgressBar);

impl Bar {
    /// A bar of `length` on stderr; `None` if `quiet`, or if stderr is no terminal.
    pub(in crate::cli) fn new(quiet: bool, length: u64) -> Option<Self> {
        if quiet || !stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::new(length);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar:.cyan/dim} {percent:>3}%{msg}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Some(Self(bar))
    }

    /// Changes the length.
    pub(in crate::cli) fn set_length(&self, length: u64) {
        self.0.set_length(length);
    }

    /// Shows the bar at `position` and, of `pieces`, as many from the first on as fit.
    pub(in crate::cli) fn show(&self, position: u64, pieces: &[String]) {
        let columns = terminal_size_of(stderr())
            .map_or(USUAL_COLUMNS, |(Width(columns), _)| usize::from(columns));
        self.0.set_position(position);
        self.0.set_message(fitting(pieces, columns));
    }

    /// Prints `line` above the bar.
    pub(in crate::cli) fn println(&self, line: &str) {
        self.0.println(line);
    }

    /// Removes the bar.
    pub(in crate::cli) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// As many of `pieces`, from the first on, as fit beside the bar in a line of `columns` columns.
fn fitting(pieces: &[String], columns: usize) -> String {
    let mut room = columns.saturating_sub(LEAST_BAR + PERCENTAGE);
    let mut line = String::new();
    for piece in pieces {
        let needed = piece.chars().count() + 2;
        if needed > room {
            break;
        }
        room -= needed;
        line += "  ";
        line += piece;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_left_out_whole() {
        let pieces = [
            "14s left",
            "return 450.6",
            "evaluation 500.0",
            "60568 steps/s",
        ];
        let pieces = pieces.map(String::from);
        assert_eq!(
            fitting(&pieces, 80),
            "  14s left  return 450.6  evaluation 500.0  60568 steps/s"
        );
        assert_eq!(
            fitting(&pieces, 60),
            "  14s left  return 450.6  evaluation 500.0"
        );
        assert_eq!(fitting(&pieces, 40), "  14s left  return 450.6");
        assert_eq!(fitting(&pieces, 30), "  14s left");
        for columns in 0..120 {
            let line = fitting(&pieces, columns).chars().count();
            assert!(line == 0 || line + LEAST_BAR + PERCENTAGE <= columns);
        }
    }
}
