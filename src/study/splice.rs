//! Inserts text between two marks in a hand-written page.

use std::{fs, path::Path};

use crate::{Error, Result, files::write_whole};

/// Puts `text` between the marks `<!-- study:NAME -->` and `<!-- /study:NAME -->` of the file at
/// `path`. An error if either mark is missing or appears twice, or if they are in the wrong order.
pub fn splice(path: &Path, name: &str, text: &str) -> Result<()> {
    let page = page_at(path)?;
    let page = spliced(&page, name, text)
        .map_err(|why| Error::usage(format!("{}: {why}", path.display())))?;
    write_whole(path, page)
}

/// An error if the file at `path` does not have both marks for `name`.
pub fn check_marks(path: &Path, name: &str) -> Result<()> {
    let page = page_at(path)?;
    let marked = spliced(&page, name, "");
    marked.map_err(|why| Error::usage(format!("{}: {why}", path.display())))?;
    Ok(())
}

fn page_at(path: &Path) -> Result<String> {
    let page = fs::read_to_string(path).map_err(|e| Error::io("cannot read", path, e));
    page.map_err(Error::of_named)
}

fn spliced(page: &str, name: &str, text: &str) -> std::result::Result<String, String> {
    let marks = [
        format!("<!-- study:{name} -->"),
        format!("<!-- /study:{name} -->"),
    ];
    for mark in &marks {
        match page.matches(mark.as_str()).count() {
            1 => {}
            0 => {
                return Err(format!(
                    "there is no {mark} in it; the text goes between {} and {}",
                    marks[0], marks[1]
                ));
            }
            n => return Err(format!("{mark} is in it {n} times; allowed: once")),
        }
    }
    let (head, rest) = page.split_once(&marks[0]).unwrap_or_default();
    let Some((_, tail)) = rest.split_once(&marks[1]) else {
        return Err(format!("{} comes after {}", marks[0], marks[1]));
    };
    let text = text.trim();
    Ok(format!("{head}{}\n{text}\n{}{tail}", marks[0], marks[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = "before\n<!-- study:a -->\nold\n<!-- /study:a -->\nafter\n";
        let once = spliced(page, "a", "\nnew\n").unwrap();
        assert_eq!(
            once,
            "before\n<!-- study:a -->\nnew\n<!-- /study:a -->\nafter\n"
        );
        assert_eq!(spliced(&once, "a", "new").unwrap(), once);
    }

    #[test]
    fn marks_that_are_missing_repeated_or_in_the_wrong_order_are_errors() {
        for (page, words) in [
            ("nothing", "there is no <!-- study:a -->"),
            ("<!-- study:a -->", "there is no <!-- /study:a -->"),
            (
                "<!-- study:a --><!-- study:a --><!-- /study:a -->",
                "2 times",
            ),
            ("<!-- /study:a --><!-- study:a -->", "comes after"),
        ] {
            let why = spliced(page, "a", "new").unwrap_err();
            assert!(why.contains(words), "{why}");
        }
    }
}
