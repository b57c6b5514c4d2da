//! Holds directory objects against a filter.

use directory::{DirectoryObject, RelationKind, TenantDirectory};
use model::Uuid;
use scim::Filter;
use scim::filter::{Literal, Operator};
use scim::path::AttributePath;
use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::failure::{Failure, Result};
use super::kind::{ENTERPRISE, Kind};
use super::membership::is_member;
use super::view::{Managers, announce, attributes, put_manager};

/// A filter on resources of a type, with what must be known of their relations.
pub(super) struct Matcher {
    kind: Kind,
    filter: Filter,
    /// The filter speaks of managers.
    manager: bool,
    /// What the filter says of `members` or `groups`; none where it says nothing.
    references: Option<References>,
}

/// What a filter says of a multi-valued reference: whom it looks for, and whether it asks for anybody at all. So much is
/// looked up of each resource, because there may be very many references.
#[derive(Default, PartialEq, Debug)]
struct References {
    wanted: Vec<Uuid>,
    anybody: bool,
}

impl Matcher {
    /// Refuses a filter that cannot be answered.
    pub(super) fn new(kind: Kind, filter: Filter) -> Result<Self> {
        filter.check(kind.schema())?;
        let attribute = match kind {
            Kind::User => "groups",
            Kind::Group => "members",
        };
        let mut found = Found { kind, attribute, manager: false, references: None };
        found.walk(&filter)?;
        Ok(Self { kind, filter, manager: found.manager, references: found.references })
    }

    /// Of these objects, those whose resources satisfy the filter.
    pub(super) async fn matching(
        &self,
        call: &Call,
        objects: Vec<DirectoryObject>,
    ) -> Result<Vec<DirectoryObject>> {
        let managers = if self.manager { Some(Managers::of(call, &objects, true).await?) } else { None };
        let mut matching = Vec::new();
        for object in objects {
            let mut resource = attributes(call, self.kind, &object);
            if let Some((_, manager)) = managers.as_ref().and_then(|of| of.of_user(call, object.id)) {
                put_manager(&mut resource, manager);
            }
            if let Some(references) = &self.references {
                self.put_references(call, &mut resource, object.id, references).await?;
            }
            announce(self.kind, &mut resource);
            if self.filter.matches(&Json::Object(resource), self.kind.schema()) {
                matching.push(object);
            }
        }
        Ok(matching)
    }

    /// Sets as much of `members` or `groups` as decides the filter.
    async fn put_references(
        &self,
        call: &Call,
        resource: &mut Map<String, Json>,
        id: Uuid,
        references: &References,
    ) -> Result<()> {
        let directory = call.directory();
        let mut present = Vec::new();
        for wanted in &references.wanted {
            let (group, member) = match self.kind {
                Kind::User => (*wanted, id),
                Kind::Group => (id, *wanted),
            };
            if is_member(&directory, group, member).await? {
                present.push(json!({"value": wanted.to_string()}));
            }
        }
        if present.is_empty() && references.anybody {
            present.extend(self.first(&directory, id).await?.map(|id| json!({"value": id.to_string()})));
        }
        if !present.is_empty() {
            let attribute = if self.kind == Kind::User { "groups" } else { "members" };
            resource.insert(attribute.to_owned(), Json::Array(present));
        }
        Ok(())
    }

    async fn first(&self, directory: &TenantDirectory, id: Uuid) -> Result<Option<Uuid>> {
        let found = match self.kind {
            Kind::User => directory.relating(RelationKind::Member, id, None, 1).await?,
            Kind::Group => directory.related(RelationKind::Member, id, None, 1).await?,
        };
        Ok(found.first().copied())
    }
}

/// What was found in a filter so far.
struct Found {
    kind: Kind,
    attribute: &'static str,
    manager: bool,
    references: Option<References>,
}

impl Found {
    fn walk(&mut self, filter: &Filter) -> Result<()> {
        match filter {
            Filter::And(all) | Filter::Or(all) => all.iter().try_for_each(|one| self.walk(one)),
            Filter::Not(inner) => self.walk(inner),
            Filter::Present(path) => {
                if self.sees(path)? {
                    self.references.get_or_insert_default().anybody = true;
                }
                Ok(())
            }
            Filter::Compare(path, operator, literal) => {
                if self.sees(path)? {
                    self.compare(*operator, literal)
                } else {
                    Ok(())
                }
            }
            Filter::Values(path, inner) => {
                if self.sees(path)? {
                    self.walk_values(inner)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Notes a path; true where it is that of the multi-valued reference.
    fn sees(&mut self, path: &AttributePath) -> Result<bool> {
        if path.schema.as_ref().is_some_and(|uri| uri.is(ENTERPRISE)) {
            self.manager |= path.attribute.is("manager");
            return Ok(false);
        }
        let part = path.sub_attribute.as_ref();
        let own = path.schema.as_ref().is_none_or(|uri| self.kind.schema().is_base(uri));
        if !own || !path.attribute.is(self.attribute) {
            return Ok(false);
        }
        if part.is_some_and(|part| !part.is("value")) {
            return Err(self.refusal());
        }
        Ok(true)
    }

    /// The inside of brackets.
    fn walk_values(&mut self, filter: &Filter) -> Result<()> {
        match filter {
            Filter::Compare(part, operator, literal) if part.attribute.is("value") => {
                self.compare(*operator, literal)
            }
            Filter::Or(any) => any.iter().try_for_each(|one| self.walk_values(one)),
            _ => Err(self.refusal()),
        }
    }

    fn compare(&mut self, operator: Operator, literal: &Literal) -> Result<()> {
        match (operator, literal) {
            (Operator::Eq, Literal::Text(text)) => {
                // What is no id is nobody's.
                self.references.get_or_insert_default().wanted.extend(text.parse::<Uuid>().ok());
                Ok(())
            }
            (Operator::Eq | Operator::Ne, Literal::Null) => {
                self.references.get_or_insert_default().anybody = true;
                Ok(())
            }
            _ => Err(self.refusal()),
        }
    }

    fn refusal(&self) -> Failure {
        let name = self.attribute;
        Failure::invalid_filter(format!(
            "{name} can be compared by {name}.value, with eq and pr alone, because there may be very many"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(kind: Kind, filter: &str) -> Result<Matcher> {
        Matcher::new(kind, filter.parse().unwrap())
    }

    #[test]
    fn what_filters_say_of_references_is_found() {
        let id = Uuid::from_u128(5);
        let wanted = |anybody| Some(References { wanted: vec![id], anybody });
        let found = |filter: &str| matcher(Kind::Group, filter).unwrap().references;
        assert_eq!(found("displayName eq \"x\""), None);
        assert_eq!(found(&format!("members eq \"{id}\" and id pr")), wanted(false));
        assert_eq!(
            found(&format!("not (members[value eq \"{id}\" or value eq \"x\"]) or members pr")),
            wanted(true)
        );
        assert!(matcher(Kind::User, &format!("{ENTERPRISE}:manager pr")).unwrap().manager);
        assert!(!matcher(Kind::User, "title pr").unwrap().manager);
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        for filter in [
            "members.value co \"x\"",
            "members.display eq \"x\"",
            "members[type eq \"User\"]",
            "members ne \"x\"",
        ] {
            let error = matcher(Kind::Group, filter).err().unwrap().error;
            assert_eq!(error.scim_type, Some(scim::ScimType::InvalidFilter), "{filter}");
        }
        assert!(matcher(Kind::User, "active gt true").is_err());
    }
}
