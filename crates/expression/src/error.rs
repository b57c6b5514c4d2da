//! What can be wrong with an expression, and how it is shown.

use std::fmt;

/// An error that points at a place in the text of an expression.
pub trait Located: fmt::Display {
    /// Where it is, in characters from the start; the first character has offset 0.
    fn offset(&self) -> usize;
}

/// The text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", describe(*offset, expected, found, *nearest))]
pub struct ParseError {
    /// Where, in characters from the start; the first character has offset 0.
    pub offset: usize,
    /// What the text should have there, in words.
    pub expected: String,
    /// What it has instead, in words; empty where `expected` says all.
    pub found: String,
    /// The function whose name comes closest, where the place holds a function name that does not exist.
    pub nearest: Option<&'static str>,
}

fn describe(offset: usize, expected: &str, found: &str, nearest: Option<&'static str>) -> String {
    let mut text = format!("character {}: expected {expected}", offset.saturating_add(1));
    if !found.is_empty() {
        text.push_str(", found ");
        text.push_str(found);
    }
    if let Some(name) = nearest {
        text.push_str("; did you mean ");
        text.push_str(name);
        text.push('?');
    }
    text
}

impl Located for ParseError {
    fn offset(&self) -> usize {
        self.offset
    }
}

/// The expression cannot work with the attributes and the mapping that it is for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {}: {message}", .offset.saturating_add(1))]
pub struct CheckError {
    /// Where, in characters from the start; the first character has offset 0.
    pub offset: usize,
    /// What is wrong, and what mends it.
    pub message: String,
    /// Whether a constant argument is to blame, such as a broken pattern: evaluation fails with the same words, if it
    /// comes there.
    pub constant: bool,
}

impl Located for CheckError {
    fn offset(&self) -> usize {
        self.offset
    }
}

/// The expression has no value for this object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", match .cause {
    Cause::Raised(message) => message.clone(),
    Cause::Failed { function, message } => format!("{function} at character {}: {message}", .offset.saturating_add(1)),
})]
pub struct EvaluationError {
    /// Where, in characters from the start; the first character has offset 0.
    pub offset: usize,
    /// Why.
    pub cause: Cause,
}

/// Why an evaluation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The expression itself said so, by the function `Error`.
    Raised(String),
    /// A function could not work with the values that it got.
    Failed {
        /// The function's name, or the operator.
        function: &'static str,
        /// What it could not do.
        message: String,
    },
}

impl EvaluationError {
    pub(crate) fn failed(offset: u32, function: &'static str, message: impl Into<String>) -> Self {
        Self { offset: offset as usize, cause: Cause::Failed { function, message: message.into() } }
    }
}

impl Located for EvaluationError {
    fn offset(&self) -> usize {
        self.offset
    }
}

/// Shows an error below the line that it is in, with a caret under the place:
///
/// ```text
/// Append([mail]
///              ^
/// character 14: expected ',' or ')', found the end of the text
/// ```
#[must_use]
pub fn render_caret(text: &str, error: &dyn Located) -> String {
    let mut line_start = 0;
    let mut line = Vec::new();
    for (at, character) in text.chars().enumerate() {
        if character == '\n' {
            if at >= error.offset() {
                break;
            }
            line_start = at + 1;
            line.clear();
        } else {
            line.push(character);
        }
    }
    let column = error.offset().saturating_sub(line_start).min(line.len());
    let margin: String =
        line.iter().take(column).map(|character| if *character == '\t' { '\t' } else { ' ' }).collect();
    let line: String = line.into_iter().filter(|character| *character != '\r').collect();
    format!("{line}\n{margin}^\n{error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, offset: usize) -> String {
        render_caret(text, &CheckError { offset, message: "wrong".to_owned(), constant: false })
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        assert_eq!(shown("Füü(x)", 4), "Füü(x)\n    ^\ncharacter 5: wrong");
        assert_eq!(shown("abc", 3), "abc\n   ^\ncharacter 4: wrong");
        assert_eq!(shown("", 0), "\n^\ncharacter 1: wrong");
    }

    #[test]
    fn only_the_line_of_the_error_is_shown() {
        assert_eq!(shown("Join(\",\",\r\n\t[a], x)", 17), "\t[a], x)\n\t     ^\ncharacter 18: wrong");
        assert_eq!(shown("ab\ncd", 1), "ab\n ^\ncharacter 2: wrong");
        assert_eq!(shown("ab\ncd", 2), "ab\n  ^\ncharacter 3: wrong");
    }
}
