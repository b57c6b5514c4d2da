//! What a store can look up in an index before it evaluates a filter.

use super::{Expr, Literal, Operator, Path, Quantifier, TextFunction};

/// An index look-up: objects whose property satisfies a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe<'a> {
    /// The property, multi-valued where the filter had `any` on it.
    pub path: &'a Path,
    /// What it must satisfy.
    pub test: Test<'a>,
}

/// What an indexed property must satisfy.
#[derive(Clone, Debug, PartialEq)]
pub enum Test<'a> {
    /// It equals the literal, which is not null.
    Equals(&'a Literal),
    /// Its text begins so, without regard to case.
    StartsWith(&'a str),
}

impl Expr {
    /// How many comparisons the expression makes at most; each value of `in` is one.
    #[must_use]
    pub fn terms(&self) -> usize {
        match self {
            Self::And(members) | Self::Or(members) => members.iter().map(Self::terms).sum(),
            Self::Not(member) => member.terms(),
            Self::In { values, .. } => values.len(),
            Self::Lambda { condition: Some(condition), .. } => condition.terms(),
            Self::Compare { .. } | Self::Text { .. } | Self::True(_) | Self::Lambda { .. } => 1,
        }
    }

    /// The conditions that must all hold: the members of an `And`, else the expression itself.
    #[must_use]
    pub fn conjuncts(&self) -> &[Expr] {
        match self {
            Self::And(members) => members,
            one => std::slice::from_ref(one),
        }
    }

    /// Look-ups whose results together contain every object that satisfies the filter, each on a property for which
    /// `indexed` is true; none where no such set is to be had and everything has to be read. The fewest look-ups are
    /// chosen, equality before prefixes. What they find must still be evaluated.
    #[must_use]
    pub fn covering(&self, indexed: &dyn Fn(&Path) -> bool) -> Option<Vec<Probe<'_>>> {
        match self {
            Self::And(members) => {
                members.iter().filter_map(|member| member.covering(indexed)).min_by_key(|probes| cost(probes))
            }
            Self::Or(members) => {
                let mut probes = Vec::new();
                for member in members {
                    probes.extend(member.covering(indexed)?);
                }
                Some(probes)
            }
            Self::Compare { path, operator: Operator::Equal, value } if *value != Literal::Null => {
                indexed(path).then(|| vec![Probe { path, test: Test::Equals(value) }])
            }
            Self::In { path, values } if indexed(path) && !values.contains(&Literal::Null) => {
                Some(values.iter().map(|value| Probe { path, test: Test::Equals(value) }).collect())
            }
            Self::Text { function: TextFunction::StartsWith, path, value } if !value.is_empty() => {
                indexed(path).then(|| vec![Probe { path, test: Test::StartsWith(value) }])
            }
            Self::Lambda { path, quantifier: Quantifier::Any, variable, condition: Some(condition) }
                if indexed(path) =>
            {
                // The condition speaks of the member itself: `any(p: p eq 'x')`.
                let member = |inner: &Path| matches!(inner.names(), [name] if name == variable);
                let inner = condition.covering(&member)?;
                Some(inner.into_iter().map(|probe| Probe { path, test: probe.test }).collect())
            }
            _ => None,
        }
    }
}

/// A prefix may find many objects, an equal value few.
fn cost(probes: &[Probe<'_>]) -> usize {
    probes.iter().map(|probe| if matches!(probe.test, Test::Equals(_)) { 1 } else { 16 }).sum()
}
