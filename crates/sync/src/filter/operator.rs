//! The operators of scoping filters: their names, what they take, and which values of an attribute must satisfy them.

use model::schema::AttributeType;

/// Which values of a multi-valued attribute must satisfy a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultivaluedComparison {
    /// Every one.
    All,
    /// One is enough.
    Any,
}

impl MultivaluedComparison {
    /// The name that Graph has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Any => "Any",
        }
    }

    /// The comparison of a name, in any case.
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::All, Self::Any].into_iter().find(|one| one.as_str().eq_ignore_ascii_case(name))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equals,
    NotEquals,
    IsTrue,
    IsFalse,
    IsNull,
    IsNotNull,
    RegexMatch,
    NotRegexMatch,
    GreaterThan,
    GreaterThanOrEquals,
    Includes,
    EndsWith,
    Intersects,
    NotIntersects,
    IsMemberOf,
    In,
}

impl Operator {
    pub(super) const ALL: [Self; 16] = [
        Self::Equals,
        Self::NotEquals,
        Self::IsTrue,
        Self::IsFalse,
        Self::IsNull,
        Self::IsNotNull,
        Self::RegexMatch,
        Self::NotRegexMatch,
        Self::GreaterThan,
        Self::GreaterThanOrEquals,
        Self::Includes,
        Self::EndsWith,
        Self::Intersects,
        Self::NotIntersects,
        Self::IsMemberOf,
        Self::In,
    ];

    /// The operator of a name, whatever its case and whether its words are joined by spaces, underscores or nothing.
    pub(super) fn of(name: &str) -> Option<Self> {
        let letters = |name: &str| {
            let letters = name.chars().filter(|one| !matches!(one, ' ' | '_'));
            letters.flat_map(char::to_lowercase).collect::<String>()
        };
        let wanted = letters(name);
        Self::ALL.into_iter().find(|operator| letters(operator.name()) == wanted)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Equals => "EQUALS",
            Self::NotEquals => "NOT EQUALS",
            Self::IsTrue => "IS TRUE",
            Self::IsFalse => "IS FALSE",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
            Self::RegexMatch => "REGEX MATCH",
            Self::NotRegexMatch => "NOT REGEX MATCH",
            Self::GreaterThan => "Greater_Than",
            Self::GreaterThanOrEquals => "Greater_Than_OR_EQUALS",
            Self::Includes => "Includes",
            Self::EndsWith => "ENDS_WITH",
            Self::Intersects => "&",
            Self::NotIntersects => "!&",
            Self::IsMemberOf => "IsMemberOf",
            Self::In => "IN",
        }
    }

    /// The types of attributes that it can tell something about.
    pub(super) fn types(self) -> &'static [AttributeType] {
        use AttributeType::{Binary, Boolean, DateTime, Integer, Reference, String};
        match self {
            Self::IsTrue | Self::IsFalse => &[Boolean],
            Self::RegexMatch | Self::NotRegexMatch | Self::Intersects | Self::NotIntersects => {
                &[String, Integer]
            }
            Self::GreaterThan | Self::GreaterThanOrEquals => &[String, Integer, DateTime],
            Self::Includes | Self::EndsWith | Self::IsMemberOf => &[String],
            Self::Equals | Self::NotEquals | Self::IsNull | Self::IsNotNull | Self::In => {
                &[String, Integer, Reference, Binary, Boolean, DateTime]
            }
        }
    }

    pub(super) fn is_unary(self) -> bool {
        matches!(self, Self::IsTrue | Self::IsFalse | Self::IsNull | Self::IsNotNull)
    }

    /// True where it says that something is not so, which nothing satisfies too.
    pub(super) fn is_negative(self) -> bool {
        matches!(self, Self::NotEquals | Self::NotRegexMatch | Self::NotIntersects)
    }

    /// Which values must satisfy it, where a clause does not say.
    pub(super) fn comparison(self) -> MultivaluedComparison {
        match self {
            Self::Includes | Self::In | Self::IsMemberOf => MultivaluedComparison::Any,
            _ => MultivaluedComparison::All,
        }
    }
}

/// An operator that a clause of a scoping filter may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterOperator {
    /// Its name, such as `NOT EQUALS`.
    pub name: &'static str,
    /// True where it takes no value to compare with.
    pub unary: bool,
    /// Which values of a multi-valued attribute must satisfy it, where a clause does not say.
    pub comparison: MultivaluedComparison,
    /// The types of attributes that it can tell something about.
    pub types: &'static [AttributeType],
}

/// The operators that a clause of a scoping filter may use.
pub fn filter_operators() -> impl Iterator<Item = FilterOperator> {
    Operator::ALL.into_iter().map(|operator| FilterOperator {
        name: operator.name(),
        unary: operator.is_unary(),
        comparison: operator.comparison(),
        types: operator.types(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_joined_in_any_way() {
        for (name, operator) in [
            ("equals", Operator::Equals),
            ("NOT_EQUALS", Operator::NotEquals),
            ("Is Not Null", Operator::IsNotNull),
            ("GREATER THAN", Operator::GreaterThan),
            ("greater_than_or_equals", Operator::GreaterThanOrEquals),
            ("INCLUDES", Operator::Includes),
            ("ENDS WITH", Operator::EndsWith),
            ("!&", Operator::NotIntersects),
            ("ISMEMBEROF", Operator::IsMemberOf),
        ] {
            assert_eq!(Operator::of(name), Some(operator), "{name}");
        }
        assert_eq!(Operator::of(""), None);
        for operator in Operator::ALL {
            assert_eq!(Operator::of(operator.name()), Some(operator));
        }
    }
}
