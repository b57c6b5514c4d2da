//! From the tree back to text.

use std::fmt::{self, Write};

use crate::tree::{Call, Node, NodeKind, Tree};

/// Prints the expression so that parsing it gives the same tree.
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.root, f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            NodeKind::Attribute(name) => write!(f, "[{name}]"),
            NodeKind::Text(text) => quote(f, text),
            NodeKind::Number(literal) => f.write_str(literal),
            NodeKind::Word(word) => f.write_str(word.as_str()),
            NodeKind::Setting(setting) => write!(f, "%{setting}%"),
            NodeKind::Compare(comparison) => {
                write!(f, "{} {} {}", comparison.left, comparison.operator, comparison.right)
            }
            NodeKind::Call(call) => print_call(f, call),
        }
    }
}

fn print_call(f: &mut fmt::Formatter<'_>, call: &Call) -> fmt::Result {
    f.write_str(call.function.name)?;
    f.write_char('(')?;
    let places = if call.function.prints_omitted {
        call.arguments.len().max(call.function.parameters.len())
    } else {
        call.arguments.len()
    };
    for position in 0..places {
        if position > 0 {
            f.write_str(", ")?;
        }
        if let Some(Some(argument)) = call.arguments.get(position) {
            fmt::Display::fmt(argument, f)?;
        }
    }
    f.write_char(')')
}

/// Writes a text in quotes.
pub(crate) fn quote(f: &mut impl Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    f.write_char('"')
}
