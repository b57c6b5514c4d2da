//! Where the resources of a filter are looked for: by an index of the store or by a relation where the filter allows
//! it, else among all resources of the type.
//!
//! What is chosen here may give too many resources, never too few: each is held against the whole filter afterwards.

use directory::{Comparison, Predicate, RelationKind};
use model::Uuid;
use scim::Filter;
use scim::filter::{Literal, Operator};
use scim::path::AttributePath;

use super::kind::{ENTERPRISE, Kind};
use super::mapping::{principal_name, principal_name_start};

/// Where resources are looked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Candidates {
    /// Objects of the kind that satisfy a condition of the store, or all of them.
    Store(Option<Predicate>),
    /// Objects that refer to one.
    Referring(RelationKind, Uuid),
    /// Objects that one refers to.
    Referred(RelationKind, Uuid),
    /// Nothing can satisfy the filter.
    Nothing,
}

impl Candidates {
    /// The narrowest place for a filter. `domain` is that of the tenant.
    pub(super) fn of(kind: Kind, filter: Option<&Filter>, domain: &str) -> Self {
        let Some(filter) = filter else { return Self::Store(None) };
        if let Some(predicate) = predicate(kind, filter, domain) {
            return Self::Store(Some(predicate));
        }
        relation(kind, filter).unwrap_or(Self::Store(None))
    }
}

/// A condition that an index answers and that every resource of the filter satisfies; none where there is no such.
fn predicate(kind: Kind, filter: &Filter, domain: &str) -> Option<Predicate> {
    match filter {
        Filter::Compare(path, operator, Literal::Text(text)) => {
            let attribute = own(kind, path)?;
            compare(kind, attribute, part_of(path), *operator, text, domain)
        }
        Filter::Values(path, inner) => within(kind, own(kind, path)?, inner, domain),
        Filter::And(all) => {
            let known: Vec<Predicate> = all.iter().filter_map(|one| predicate(kind, one, domain)).collect();
            (!known.is_empty()).then_some(Predicate::All(known))
        }
        Filter::Or(any) => {
            let all: Option<Vec<_>> = any.iter().map(|one| predicate(kind, one, domain)).collect();
            all.map(Predicate::Any)
        }
        Filter::Compare(..) | Filter::Present(_) | Filter::Not(_) => None,
    }
}

/// The same for the inside of brackets.
fn within(kind: Kind, attribute: &str, filter: &Filter, domain: &str) -> Option<Predicate> {
    match filter {
        Filter::Compare(part, operator, Literal::Text(text)) if part.sub_attribute.is_none() => {
            compare(kind, attribute, part.attribute.as_str(), *operator, text, domain)
        }
        Filter::And(all) => {
            let known: Vec<_> = all.iter().filter_map(|one| within(kind, attribute, one, domain)).collect();
            (!known.is_empty()).then_some(Predicate::All(known))
        }
        Filter::Or(any) => {
            let all: Option<Vec<_>> = any.iter().map(|one| within(kind, attribute, one, domain)).collect();
            all.map(Predicate::Any)
        }
        _ => None,
    }
}

/// The condition of one comparison on an attribute and its part.
fn compare(
    kind: Kind,
    attribute: &str,
    part: &str,
    operator: Operator,
    text: &str,
    domain: &str,
) -> Option<Predicate> {
    let comparison = match operator {
        Operator::Eq => Comparison::Equal,
        Operator::Sw => Comparison::StartsWith,
        _ => return None,
    };
    let on = |property: &str, text: &str| Predicate::Compare(property.into(), comparison, text.into());
    let attribute = attribute.to_ascii_lowercase();
    Some(match (attribute.as_str(), part.to_ascii_lowercase().as_str(), kind) {
        ("id", "", _) => on("id", text),
        ("externalid", "", _) => on("externalId", text),
        ("displayname", "", _) => on("displayName", text),
        ("username", "", Kind::User) if comparison == Comparison::Equal => {
            on("userPrincipalName", &principal_name(text, domain))
        }
        ("username", "", Kind::User) => {
            let start = principal_name_start(text);
            return (!start.is_empty()).then(|| on("userPrincipalName", start));
        }
        ("emails", "" | "value", Kind::User) => {
            Predicate::Any(vec![on("mail", text), on("otherMails", text)])
        }
        _ => return None,
    })
}

/// A relation that leads to every resource of the filter.
fn relation(kind: Kind, filter: &Filter) -> Option<Candidates> {
    match filter {
        Filter::Compare(path, Operator::Eq, Literal::Text(text)) => relation_to(kind, path, text),
        Filter::Values(path, inner) => match &**inner {
            Filter::Compare(part, Operator::Eq, Literal::Text(text)) if part.attribute.is("value") => {
                relation_to(kind, &path.whole(), text)
            }
            _ => None,
        },
        Filter::And(all) => all.iter().find_map(|one| relation(kind, one)),
        _ => None,
    }
}

fn relation_to(kind: Kind, path: &AttributePath, text: &str) -> Option<Candidates> {
    let extension = path.schema.as_ref().is_some_and(|uri| uri.is(ENTERPRISE));
    if !matches!(part_of(path).to_ascii_lowercase().as_str(), "" | "value") {
        return None;
    }
    let attribute = path.attribute.as_str().to_ascii_lowercase();
    let candidates = match (kind, attribute.as_str(), extension) {
        (Kind::User, "manager", true) => Candidates::Referring as fn(RelationKind, Uuid) -> Candidates,
        (Kind::User, "groups", false) => Candidates::Referred,
        (Kind::Group, "members", false) => Candidates::Referring,
        _ => return None,
    };
    let relation = if extension { RelationKind::Manager } else { RelationKind::Member };
    Some(text.parse().map_or(Candidates::Nothing, |id| candidates(relation, id)))
}

/// The attribute of a path in the resource's own schema; none of extensions.
fn own(kind: Kind, path: &AttributePath) -> Option<&str> {
    let own = path.schema.as_ref().is_none_or(|uri| kind.schema().is_base(uri));
    own.then_some(path.attribute.as_str())
}

fn part_of(path: &AttributePath) -> &str {
    path.sub_attribute.as_ref().map_or("", scim::CaselessName::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn of(kind: Kind, filter: &str) -> Candidates {
        Candidates::of(kind, Some(&filter.parse().unwrap()), "home.example")
    }

    fn store(predicate: Predicate) -> Candidates {
        Candidates::Store(Some(predicate))
    }

    fn equal(property: &str, value: &str) -> Predicate {
        Predicate::Compare(property.into(), Comparison::Equal, Json::from(value))
    }

    fn emails(value: &str) -> Predicate {
        Predicate::Any(vec![equal("mail", value), equal("otherMails", value)])
    }

    #[test]
    fn what_clients_look_for_is_looked_up() {
        for (filter, expected) in [
            ("userName eq \"Bob\"", equal("userPrincipalName", "Bob@home.example")),
            (
                "urn:ietf:params:scim:schemas:core:2.0:User:USERNAME eq \"b@c.de\"",
                equal("userPrincipalName", "b@c.de"),
            ),
            ("externalId eq \"1\"", equal("externalId", "1")),
            ("displayName eq \"B\" and active eq true", Predicate::All(vec![equal("displayName", "B")])),
            ("emails.value eq \"b@c\"", emails("b@c")),
            ("emails eq \"b@c\"", emails("b@c")),
            ("emails[type eq \"work\" and value eq \"b@c\"]", Predicate::All(vec![emails("b@c")])),
            (
                "id eq \"x\" or userName eq \"b@c.de\"",
                Predicate::Any(vec![equal("id", "x"), equal("userPrincipalName", "b@c.de")]),
            ),
        ] {
            assert_eq!(of(Kind::User, filter), store(expected), "{filter}");
        }
        let starts = Predicate::Compare("userPrincipalName".into(), Comparison::StartsWith, json!("bo"));
        assert_eq!(of(Kind::User, "userName sw \"bo@x\""), store(starts));
    }

    #[test]
    fn what_no_index_narrows_is_looked_for_everywhere() {
        for filter in [
            "title eq \"x\"",
            "userName co \"b\"",
            "userName ne \"b\"",
            "not (userName eq \"b\")",
            "userName eq \"b\" or title eq \"x\"",
            "userName pr",
            "userName sw \"@\"",
            "emails[type eq \"work\"]",
            "urn:example:x:2.0:User:displayName eq \"b\"",
        ] {
            assert_eq!(of(Kind::User, filter), Candidates::Store(None), "{filter}");
        }
        assert_eq!(of(Kind::Group, "userName eq \"b\""), Candidates::Store(None));
    }

    #[test]
    fn relations_lead_to_those_who_have_them() {
        let id = Uuid::from_u128(5);
        let (member, manager) = (RelationKind::Member, RelationKind::Manager);
        for (kind, filter, expected) in [
            (Kind::Group, format!("members eq \"{id}\""), Candidates::Referring(member, id)),
            (Kind::Group, format!("members[value eq \"{id}\"]"), Candidates::Referring(member, id)),
            (
                Kind::User,
                format!("groups.value eq \"{id}\" and active eq true"),
                Candidates::Referred(member, id),
            ),
            (
                Kind::User,
                format!("{ENTERPRISE}:manager.value eq \"{id}\""),
                Candidates::Referring(manager, id),
            ),
            (Kind::Group, "members eq \"x\"".to_owned(), Candidates::Nothing),
            (Kind::Group, "members.display eq \"x\"".to_owned(), Candidates::Store(None)),
        ] {
            assert_eq!(of(kind, &filter), expected, "{filter}");
        }
        let both = format!("id eq \"{id}\" and members eq \"{id}\"");
        assert_eq!(of(Kind::Group, &both), store(Predicate::All(vec![equal("id", &id.to_string())])));
    }
}
