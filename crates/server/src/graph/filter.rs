//! What of a filter the store can answer.

use graph::GraphError;
use graph::directory::Kind;
use graph::odata::Search;
use graph::odata::filter::{Expr, Literal, MAX_TERMS, Operator, Path, Quantifier, TextFunction};
use model::Name;
use serde_json::Value as Json;
use store::{Comparison, Predicate};

/// Properties that objects have beside those that the store can look into.
const OUTSIDE: [&str; 3] = ["createdDateTime", "deletedDateTime", "passwordCredentials"];

/// Comparisons of a filter that is held against one object after another.
const MOST_COMPARED: usize = 50;

/// Refuses a filter of many comparisons, unless all of it is looked up in an index.
pub(super) fn check_size(filter: &Expr) -> Result<(), GraphError> {
    let indexed = |path: &Path| matches!(path.names(), [name] if store::is_indexed(name));
    if filter.covering(&indexed).is_some() { Ok(()) } else { check_terms(filter) }
}

/// Refuses a filter of many comparisons.
pub(super) fn check_terms(filter: &Expr) -> Result<(), GraphError> {
    match filter.terms() {
        0..=MOST_COMPARED => Ok(()),
        terms => Err(GraphError::bad_request(format!(
            "'$filter' makes {terms} comparisons with every object, but {MOST_COMPARED} is the most. Ask in several requests. Of comparisons joined by 'or' that are looked up, such as \"id eq '…'\", there may be {MAX_TERMS} where whole collections are listed."
        ))),
    }
}

/// Refuses a filter of what is held against one row after another: one of many comparisons, and one that names a property
/// which there is not. A property that is absent is null, so that it would silently hold for nothing, or for everything.
pub(super) fn check_paths(what: &str, known: &[&str], filter: &Expr) -> Result<(), GraphError> {
    check_terms(filter)?;
    let mut unknown = None;
    filter.visit_paths(&mut |path| {
        if !known.iter().any(|known| path.is(known)) {
            unknown.get_or_insert_with(|| path.to_string());
        }
    });
    match unknown {
        Some(path) => Err(GraphError::bad_request(format!(
            "The {what} cannot be filtered by '{path}'. It can be by: {}.",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}

/// A condition for the store. What it finds must still be checked against the filter unless the condition is exact.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lowered {
    /// Holds for every object that satisfies the filter; none where nothing can be said.
    pub(super) predicate: Option<Predicate>,
    /// Holds for no other object.
    pub(super) exact: bool,
}

impl Lowered {
    /// What satisfies both.
    pub(super) fn and(self, other: Self) -> Self {
        let mut parts: Vec<Predicate> = self.predicate.into_iter().chain(other.predicate).collect();
        let predicate = if parts.len() > 1 { Some(Predicate::All(parts)) } else { parts.pop() };
        Self { predicate, exact: self.exact && other.exact }
    }

    /// What everything satisfies.
    pub(super) const EVERYTHING: Self = Self { predicate: None, exact: true };

    fn exact(predicate: Predicate) -> Self {
        Self { predicate: Some(predicate), exact: true }
    }

    const UNKNOWN: Self = Self { predicate: None, exact: false };
}

/// The store's share of a filter on a kind of object.
pub(super) fn lower(kind: Kind, filter: &Expr) -> Lowered {
    match filter {
        Expr::And(members) => {
            let members: Vec<_> = members.iter().map(|member| lower(kind, member)).collect();
            let exact = members.iter().all(|member| member.exact);
            let known: Vec<_> = members.into_iter().filter_map(|member| member.predicate).collect();
            let predicate = (!known.is_empty()).then_some(Predicate::All(known));
            Lowered { predicate, exact }
        }
        Expr::Or(members) => {
            let members: Vec<_> = members.iter().map(|member| lower(kind, member)).collect();
            let exact = members.iter().all(|member| member.exact);
            let known: Option<Vec<_>> = members.into_iter().map(|member| member.predicate).collect();
            known.map_or(Lowered::UNKNOWN, |known| Lowered { predicate: Some(Predicate::Any(known)), exact })
        }
        Expr::Not(member) => match lower(kind, member) {
            Lowered { predicate: Some(predicate), exact: true } => {
                Lowered::exact(Predicate::Not(Box::new(predicate)))
            }
            _ => Lowered::UNKNOWN,
        },
        Expr::Compare { path, operator, value } => compare(kind, path, *operator, value),
        Expr::In { path, values } => {
            let members = values.iter().map(|value| compare(kind, path, Operator::Equal, value).predicate);
            members
                .collect::<Option<Vec<_>>>()
                .map_or(Lowered::UNKNOWN, |any| Lowered::exact(Predicate::Any(any)))
        }
        Expr::Text { function, path, value } => match (property(kind, path), text_comparison(*function)) {
            (Some(name), Some(comparison)) if !value.is_empty() => {
                Lowered::exact(Predicate::Compare(name, comparison, Json::from(value.as_str())))
            }
            _ => Lowered::UNKNOWN,
        },
        Expr::True(path) => compare(kind, path, Operator::Equal, &Literal::Boolean(true)),
        Expr::Lambda { path, quantifier: Quantifier::Any, variable, condition: Some(condition) } => {
            any(kind, path, variable, condition)
        }
        Expr::Lambda { .. } => Lowered::UNKNOWN,
    }
}

/// The store's share of a search on a kind of object: all of it.
pub(super) fn lower_search(kind: Kind, search: &Search) -> Lowered {
    let word = |(name, word): (&str, &str)| {
        let known = kind.property(name).map_or(name, |property| property.name);
        Predicate::Compare(Name::from(known), Comparison::WordStartsWith, Json::from(word))
    };
    let groups = search.groups().map(|group| Predicate::All(group.into_iter().map(word).collect()));
    Lowered::exact(Predicate::Any(groups.collect()))
}

/// `list/any(x: …)` where the condition is about the element itself: the store compares lists element by element. Only
/// one comparison, or several joined by `or`, is about the same element for sure.
fn any(kind: Kind, path: &Path, variable: &Name, condition: &Expr) -> Lowered {
    match condition {
        Expr::Or(members) => {
            let members: Option<Vec<_>> =
                members.iter().map(|member| any(kind, path, variable, member).predicate).collect();
            members.map_or(Lowered::UNKNOWN, |members| Lowered::exact(Predicate::Any(members)))
        }
        Expr::Compare { path: inner, operator: Operator::Equal, value } if is_variable(inner, variable) => {
            compare(kind, path, Operator::Equal, value)
        }
        Expr::Text { function, path: inner, value } if is_variable(inner, variable) => {
            lower(kind, &Expr::Text { function: *function, path: path.clone(), value: value.clone() })
        }
        _ => Lowered::UNKNOWN,
    }
}

fn is_variable(path: &Path, variable: &Name) -> bool {
    matches!(path.names(), [name] if name == variable)
}

fn compare(kind: Kind, path: &Path, operator: Operator, value: &Literal) -> Lowered {
    let (Some(name), Some(json)) = (property(kind, path), json(value)) else { return Lowered::UNKNOWN };
    let comparison = match operator {
        Operator::Equal => Comparison::Equal,
        Operator::NotEqual => {
            return Lowered::exact(Predicate::Not(Box::new(Predicate::Compare(
                name,
                Comparison::Equal,
                json,
            ))));
        }
        // Nothing is before or after null.
        _ if json.is_null() => return Lowered::UNKNOWN,
        Operator::Greater => Comparison::Greater,
        Operator::GreaterOrEqual => Comparison::GreaterOrEqual,
        Operator::Less => Comparison::Less,
        Operator::LessOrEqual => Comparison::LessOrEqual,
    };
    Lowered::exact(Predicate::Compare(name, comparison, json))
}

/// The property as the store spells it; none where the store cannot look into it.
fn property(kind: Kind, path: &Path) -> Option<Name> {
    let (head, rest) = path.names().split_first()?;
    let known = kind.property(head).map_or_else(|| head.clone(), |property| Name::from(property.name));
    if OUTSIDE.contains(&known.as_str()) || rest.iter().any(|name| name == "$count") {
        return None;
    }
    match rest {
        [] => Some(known),
        [inner] => Some(Name::from(format!("{known}/{inner}"))),
        _ => None,
    }
}

fn text_comparison(function: TextFunction) -> Option<Comparison> {
    match function {
        TextFunction::StartsWith => Some(Comparison::StartsWith),
        TextFunction::EndsWith => Some(Comparison::EndsWith),
        TextFunction::Contains => None,
    }
}

fn json(value: &Literal) -> Option<Json> {
    match value {
        Literal::Null => Some(Json::Null),
        Literal::Boolean(truth) => Some(Json::from(*truth)),
        Literal::Integer(number) => Some(Json::from(*number)),
        Literal::Decimal(number) => serde_json::Number::from_f64(*number).map(Json::Number),
        Literal::Text(text) => Some(Json::from(text.as_str())),
        Literal::Guid(guid) => Some(Json::from(guid.to_string())),
        // Kept moments are canonical, but a client may have written them otherwise: the filter itself decides.
        Literal::DateTime(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(filter: &str) -> Lowered {
        lower(Kind::User, &Expr::parse(filter).unwrap())
    }

    fn equal(name: &str, value: impl Into<Json>) -> Predicate {
        Predicate::Compare(name.into(), Comparison::Equal, value.into())
    }

    #[test]
    fn what_the_store_knows_is_exact() {
        for (filter, predicate) in [
            ("displayname eq 'Ada'", equal("displayName", "Ada")),
            ("accountEnabled", equal("accountEnabled", true)),
            ("mail eq null", equal("mail", Json::Null)),
            ("mail ne 'x'", Predicate::Not(Box::new(equal("mail", "x")))),
            ("id in ('1','2')", Predicate::Any(vec![equal("id", "1"), equal("id", "2")])),
            ("employeeOrgData/division eq 'x'", equal("employeeOrgData/division", "x")),
            ("proxyAddresses/any(p:p eq 'x')", equal("proxyAddresses", "x")),
            (
                "city eq 'a' and not (state eq 'b')",
                Predicate::All(vec![equal("city", "a"), Predicate::Not(Box::new(equal("state", "b")))]),
            ),
            (
                "startswith(city,'a') or endswith(mail,'b')",
                Predicate::Any(vec![
                    Predicate::Compare("city".into(), Comparison::StartsWith, "a".into()),
                    Predicate::Compare("mail".into(), Comparison::EndsWith, "b".into()),
                ]),
            ),
        ] {
            assert_eq!(lowered(filter), Lowered::exact(predicate), "{filter}");
        }
    }

    #[test]
    fn what_it_cannot_know_is_left_to_the_filter() {
        for filter in [
            "contains(displayName,'x')",
            "createdDateTime gt 2026-01-01T00:00:00Z",
            "not (contains(displayName,'x'))",
            "businessPhones/$count eq 1",
            "businessPhones/all(p:p eq '1')",
            "identities/any(i:i/issuer eq 'x')",
            "proxyAddresses/any(p:startswith(p,'a') and endswith(p,'b'))",
            "contains(displayName,'x') or city eq 'a'",
            "displayName gt null",
            "startswith(city,'')",
        ] {
            assert_eq!(lowered(filter), Lowered::UNKNOWN, "{filter}");
        }
        let partly = lowered("contains(displayName,'x') and city eq 'a'");
        assert_eq!(
            partly,
            Lowered { predicate: Some(Predicate::All(vec![equal("city", "a")])), exact: false }
        );
    }
}
