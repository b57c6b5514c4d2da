//! `$filter`: what an object must satisfy to be listed (OData 4.01, part 2, section 5.1.1; the part that Graph has).
//!
//! [`Expr::parse`] reads the text, [`Expr`] prints itself in canonical form (reading that gives the same expression),
//! [`matches`] evaluates it on a resource, and [`Expr::conjuncts`] and [`Expr::covering`] tell a store which indexes
//! can narrow the search. Text compares without regard to case, as Graph compares directory objects.

mod evaluate;
mod lexer;
mod parser;
mod probe;
#[cfg(test)]
mod tests;

use std::fmt;

use model::{Name, Timestamp, Uuid};

pub(crate) use evaluate::lookup;
pub use evaluate::matches;
pub use parser::{FilterError, MAX_DEPTH, MAX_LENGTH, MAX_TERMS};
pub use probe::{Probe, Test};

/// A condition on a resource. `And` and `Or` have two or more members and never contain their own kind directly.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// All members hold.
    And(Vec<Expr>),
    /// At least one member holds.
    Or(Vec<Expr>),
    /// The member does not hold.
    Not(Box<Expr>),
    /// A property compared with a literal.
    Compare {
        /// The property.
        path: Path,
        /// How it is compared.
        operator: Operator,
        /// What it is compared with.
        value: Literal,
    },
    /// A property that equals one of several literals.
    In {
        /// The property.
        path: Path,
        /// The literals, at least one.
        values: Vec<Literal>,
    },
    /// A property whose text has a part.
    Text {
        /// Where the part must be.
        function: TextFunction,
        /// The property.
        path: Path,
        /// The part.
        value: String,
    },
    /// A boolean property that is true.
    True(Path),
    /// Members of a multi-valued property that satisfy a condition.
    Lambda {
        /// The property.
        path: Path,
        /// How many of the members must do so.
        quantifier: Quantifier,
        /// The name of a member in the condition; empty where there is no condition.
        variable: Name,
        /// The condition; none for `any()`, which holds where there is a member at all.
        condition: Option<Box<Expr>>,
    },
}

/// A property, or a property of a property: `a/b`. In the condition of a lambda the first name may be its variable.
/// The last name may be `$count`, the number of values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path(Vec<Name>);

/// How a property is compared with a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// Where a part must be in a property's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextFunction {
    /// `startswith`
    StartsWith,
    /// `endswith`
    EndsWith,
    /// `contains`
    Contains,
}

/// How many members of a multi-valued property must satisfy a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// Every one; true where there is none.
    All,
}

/// A literal of the filter language.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Another finite number.
    Decimal(f64),
    /// A text between single quotes, in which a quote is doubled.
    Text(String),
    /// A GUID without quotes.
    Guid(Uuid),
    /// A moment without quotes; a date means its midnight, UTC.
    DateTime(Timestamp),
}

impl Expr {
    /// Reads a filter, decoded from the query string. Nothing is checked against a resource type yet.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parser::parse(text)
    }

    /// The conjunction of some conditions, flattened; the condition itself where there is one.
    #[must_use]
    pub fn and(members: Vec<Self>) -> Option<Self> {
        Self::flatten(
            members,
            |member| match member {
                Self::And(inner) => Ok(inner),
                other => Err(other),
            },
            Self::And,
        )
    }

    /// The disjunction of some conditions, flattened; the condition itself where there is one.
    #[must_use]
    pub fn or(members: Vec<Self>) -> Option<Self> {
        Self::flatten(
            members,
            |member| match member {
                Self::Or(inner) => Ok(inner),
                other => Err(other),
            },
            Self::Or,
        )
    }

    fn flatten(
        members: Vec<Self>,
        open: impl Fn(Self) -> Result<Vec<Self>, Self>,
        join: impl Fn(Vec<Self>) -> Self,
    ) -> Option<Self> {
        let mut flat = Vec::with_capacity(members.len());
        for member in members {
            match open(member) {
                Ok(inner) => flat.extend(inner),
                Err(other) => flat.push(other),
            }
        }
        if flat.len() > 1 { Some(join(flat)) } else { flat.pop() }
    }

    /// Calls `visit` with every property that the filter names, outside the conditions of lambdas with the path as
    /// written, and for a lambda with the path of its collection.
    pub fn visit_paths<'a>(&'a self, visit: &mut dyn FnMut(&'a Path)) {
        match self {
            Self::And(members) | Self::Or(members) => {
                for member in members {
                    member.visit_paths(visit);
                }
            }
            Self::Not(member) => member.visit_paths(visit),
            Self::Compare { path, .. }
            | Self::In { path, .. }
            | Self::Text { path, .. }
            | Self::True(path)
            | Self::Lambda { path, .. } => visit(path),
        }
    }
}

impl Path {
    /// A path of some names, of which there must be at least one.
    pub fn new(names: impl IntoIterator<Item = impl Into<Name>>) -> Option<Self> {
        let names: Vec<Name> = names.into_iter().map(Into::into).collect();
        (!names.is_empty()).then_some(Self(names))
    }

    /// The names, outermost first.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.0
    }

    /// The first name.
    #[must_use]
    pub fn head(&self) -> &str {
        self.0.first().map_or("", |name| name.as_str())
    }

    /// True where the path is this one, names compared without regard to case.
    #[must_use]
    pub fn is(&self, path: &str) -> bool {
        let mut names = path.split('/');
        self.0.iter().all(|name| names.next().is_some_and(|other| name.eq_ignore_ascii_case(other)))
            && names.next().is_none()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("/")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl Operator {
    /// The operator's keyword.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }

    fn from_keyword(word: &str) -> Option<Self> {
        [Self::Equal, Self::NotEqual, Self::Greater, Self::GreaterOrEqual, Self::Less, Self::LessOrEqual]
            .into_iter()
            .find(|operator| word.eq_ignore_ascii_case(operator.keyword()))
    }

    /// The operator that says the same with the sides exchanged.
    fn mirrored(self) -> Self {
        match self {
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            same => same,
        }
    }
}

impl TextFunction {
    /// The function's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StartsWith => "startswith",
            Self::EndsWith => "endswith",
            Self::Contains => "contains",
        }
    }

    fn from_name(word: &str) -> Option<Self> {
        [Self::StartsWith, Self::EndsWith, Self::Contains]
            .into_iter()
            .find(|function| word.eq_ignore_ascii_case(function.name()))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(members) => join(f, members, " and ", |member| matches!(member, Self::Or(_))),
            Self::Or(members) => join(f, members, " or ", |_| false),
            Self::Not(member) => write!(f, "not ({member})"),
            Self::Compare { path, operator, value } => write!(f, "{path} {} {value}", operator.keyword()),
            Self::In { path, values } => {
                write!(f, "{path} in (")?;
                for (position, value) in values.iter().enumerate() {
                    let comma = if position > 0 { "," } else { "" };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str(")")
            }
            Self::Text { function, path, value } => {
                write!(f, "{}({path},{})", function.name(), Quoted(value))
            }
            Self::True(path) => write!(f, "{path}"),
            Self::Lambda { path, quantifier, variable, condition } => {
                let word = match quantifier {
                    Quantifier::Any => "any",
                    Quantifier::All => "all",
                };
                match condition {
                    Some(condition) => write!(f, "{path}/{word}({variable}:{condition})"),
                    None => write!(f, "{path}/{word}()"),
                }
            }
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    members: &[Expr],
    word: &str,
    enclosed: impl Fn(&Expr) -> bool,
) -> fmt::Result {
    for (position, member) in members.iter().enumerate() {
        if position > 0 {
            f.write_str(word)?;
        }
        if enclosed(member) {
            write!(f, "({member})")?;
        } else {
            write!(f, "{member}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::Integer(number) => write!(f, "{number}"),
            // The debug form keeps the point of a whole decimal.
            Self::Decimal(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "{}", Quoted(text)),
            Self::Guid(guid) => write!(f, "{guid}"),
            Self::DateTime(moment) => write!(f, "{moment}"),
        }
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}
