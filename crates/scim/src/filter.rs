//! Filters (RFC 7644 §3.4.2.2): conditions on a resource, or in brackets on the values of a multi-valued attribute.

use std::fmt;
use std::str::FromStr;

use serde_json::{Number, Value as Json};

use crate::path::AttributePath;
use crate::syntax::{Parsed, SyntaxError};

pub(crate) mod evaluate;
pub(crate) mod parse;
#[cfg(test)]
mod tests;

/// The longest filter that is read, in octets.
pub const MAX_FILTER_LENGTH: usize = 64 * 1024;
/// How many comparisons a filter may have.
pub const MAX_FILTER_TERMS: usize = 1024;
/// How deep parentheses, `not` and brackets may stand inside each other.
pub const MAX_FILTER_DEPTH: usize = 32;

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// `path pr`: the attribute has a value.
    Present(AttributePath),
    /// `path eq "value"` and the like.
    Compare(AttributePath, Operator, Literal),
    /// All hold; at least two.
    And(Vec<Filter>),
    /// One holds; at least two.
    Or(Vec<Filter>),
    /// The condition does not hold.
    Not(Box<Filter>),
    /// `path[…]`: one value of a multi-valued attribute satisfies the condition as a whole.
    Values(AttributePath, Box<Filter>),
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains the text.
    Co,
    /// Starts with the text.
    Sw,
    /// Ends with the text.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
}

impl Operator {
    /// All operators.
    pub const ALL: [Self; 9] =
        [Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// The operator as filters write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.as_str().eq_ignore_ascii_case(word))
    }
}

/// What an attribute is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `null`: no value.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A JSON number.
    Number(Number),
    /// A JSON string.
    Text(String),
}

impl Literal {
    /// The literal as a JSON value.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Boolean(truth) => Json::Bool(*truth),
            Self::Number(number) => Json::Number(number.clone()),
            Self::Text(text) => Json::String(text.clone()),
        }
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Filter {
    /// `path eq literal`.
    pub fn equal(path: AttributePath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, Operator::Eq, literal.into())
    }

    /// The comparisons that must all be equalities for the filter to name one value, such as the `type` in
    /// `emails[type eq "work"]`; none where the filter says more or else than equalities joined by `and`.
    #[must_use]
    pub fn equalities(&self) -> Option<Vec<(&AttributePath, &Literal)>> {
        match self {
            Self::Compare(path, Operator::Eq, literal) => Some(vec![(path, literal)]),
            Self::And(all) => {
                let nested: Option<Vec<_>> = all.iter().map(Self::equalities).collect();
                nested.map(|found| found.into_iter().flatten().collect())
            }
            _ => None,
        }
    }
}

/// Prints the filter so that reading it gives the same filter; texts are escaped as JSON strings.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(path, operator, literal) => write!(f, "{path} {} {literal}", operator.as_str()),
            Self::And(all) => join(f, all, " and ", |one| matches!(one, Self::And(_) | Self::Or(_))),
            Self::Or(any) => join(f, any, " or ", |one| matches!(one, Self::Or(_))),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Values(path, inner) => write!(f, "{path}[{inner}]"),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    filters: &[Filter],
    word: &str,
    needs_parentheses: impl Fn(&Filter) -> bool,
) -> fmt::Result {
    for (position, filter) in filters.iter().enumerate() {
        if position > 0 {
            f.write_str(word)?;
        }
        if needs_parentheses(filter) {
            write!(f, "({filter})")?;
        } else {
            write!(f, "{filter}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

impl FromStr for Filter {
    type Err = SyntaxError;

    /// Reads a filter; `and` binds tighter than `or`, keywords and operators in any case.
    fn from_str(text: &str) -> Parsed<Self> {
        parse::filter(text)
    }
}
