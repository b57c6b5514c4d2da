//! Properties of the directory as attributes of an object.

use std::collections::HashMap;

use directory::{DirectoryObject, ObjectKind, app_roles};
use model::schema::AttributeType;
use model::{Anchor, Attributes, Name, Object, Uuid, Value};
use serde::Serialize;
use serde_json::Value as Json;

use crate::definition::{Attribute, Origin, attributes_of, name_of};

/// What is known of a page's objects beyond their properties.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// The manager of each user who has one.
    pub(crate) managers: HashMap<Uuid, Uuid>,
    /// The roles of each entitled object; nil for default access.
    pub(crate) app_roles: HashMap<Uuid, Vec<Uuid>>,
    /// The application's roles as [`roles_of`] gives them, in its order.
    pub(crate) roles: Vec<(Uuid, Name)>,
}

/// The selected attributes of a type, looked up once for many objects.
pub(crate) struct Columns<'a> {
    kind: &'static str,
    selected: Vec<(&'a Name, Option<&'static Attribute>)>,
    /// True where principal names of guests are shown as they are, not as they are at their home.
    as_written: bool,
}

impl<'a> Columns<'a> {
    /// The selected attributes of a kind of object; none of a kind that synchronization does not know.
    pub(crate) fn of(kind: ObjectKind, selected: &'a [Name]) -> Option<Self> {
        let listed = |name: &Name| attributes_of(kind).iter().find(|attribute| attribute.name == name);
        let selected = selected.iter().map(|name| (name, listed(name))).collect();
        Some(Self { kind: name_of(kind)?, selected, as_written: false })
    }

    /// The same for a target, which shows what was written.
    pub(crate) fn of_target(kind: ObjectKind, selected: &'a [Name]) -> Option<Self> {
        Self::of(kind, selected).map(|columns| Self { as_written: true, ..columns })
    }

    /// An object with these attributes.
    pub(crate) fn shape(&self, object: &DirectoryObject, surroundings: &Surroundings) -> Object {
        let values = self.selected.iter().map(|(name, listed)| {
            let value = match listed {
                Some(Attribute { origin: Origin::HomePrincipalName, .. }) if self.as_written => {
                    unlisted(object, "userPrincipalName")
                }
                Some(attribute) => value(object, attribute, surroundings),
                None => unlisted(object, name),
            };
            ((*name).clone(), value)
        });
        Object {
            kind: self.kind.into(),
            anchor: anchor(object.id),
            attributes: values.collect::<Attributes>(),
        }
    }
}

/// The anchor of an object.
pub(crate) fn anchor(id: Uuid) -> Anchor {
    Anchor::new(id.to_string())
}

/// The roles of an application by id, as `appRoleAssignments` shows them: the text of a JSON object with the role's `id`,
/// `value` (where it has one) and `displayName`, which the functions for app roles read.
pub(crate) fn roles_of(service_principal: &DirectoryObject) -> Vec<(Uuid, Name)> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Role<'a> {
        id: Uuid,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<&'a str>,
        display_name: &'a str,
    }
    let read = |role: &Json| {
        let text = |name: &str| role.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let id = text("id")?.parse().ok()?;
        let shown = Role { id, value: text("value"), display_name: text("displayName")? };
        Some((id, Name::from(serde_json::to_string(&shown).ok()?)))
    };
    app_roles(service_principal).iter().filter_map(read).collect()
}

fn value(object: &DirectoryObject, attribute: &Attribute, surroundings: &Surroundings) -> Value {
    let property = |name: &str| object.properties.get(name).unwrap_or(&Json::Null);
    match attribute.origin {
        Origin::Id => Value::text(object.id.to_string()),
        Origin::Created => Value::DateTime(object.created),
        Origin::Property(name) => read(property(name), attribute.kind),
        Origin::First(name) => property(name).get(0).map_or(Value::Null, |one| read(one, attribute.kind)),
        Origin::Nested(outer, inner) => {
            property(outer).get(inner).map_or(Value::Null, |one| read(one, attribute.kind))
        }
        Origin::HomePrincipalName => {
            property("userPrincipalName").as_str().map_or(Value::Null, |name| Value::text(home_name(name)))
        }
        Origin::Manager => {
            surroundings.managers.get(&object.id).map_or(Value::Null, |id| Value::Reference(anchor(*id)))
        }
        Origin::Roles => roles(object.id, surroundings),
        Origin::Members | Origin::Computed => Value::Null,
    }
}

/// A property under its own name: directory extensions, and whatever else the directory holds.
fn unlisted(object: &DirectoryObject, name: &str) -> Value {
    if let Some(value) = object.properties.get(name) {
        return read(value, AttributeType::String);
    }
    let nested = name.split_once('.').and_then(|(outer, inner)| object.properties.get(outer)?.get(inner));
    nested.map_or(Value::Null, |value| read(value, AttributeType::String))
}

fn read(json: &Json, kind: AttributeType) -> Value {
    match json {
        Json::Null | Json::Object(_) => Value::Null,
        Json::Bool(truth) => Value::Boolean(*truth),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::text(number.to_string()), Value::Integer)
        }
        Json::String(text) if kind == AttributeType::DateTime => {
            text.parse().map_or_else(|_| Value::text(text.as_str()), Value::DateTime)
        }
        Json::String(text) => Value::text(text.as_str()),
        Json::Array(elements) => Value::list(elements.iter().map(|element| read(element, kind))),
    }
}

fn roles(id: Uuid, surroundings: &Surroundings) -> Value {
    let Some(held) = surroundings.app_roles.get(&id) else { return Value::Null };
    let roles = surroundings.roles.iter().filter(|(role, _)| held.contains(role));
    Value::list(roles.map(|(_, role)| Value::Text(role.clone())))
}

/// The principal name that a guest has at home, of `ada_home.example#EXT#@here.example` thus `ada@home.example`; other
/// principal names as they are.
fn home_name(name: &str) -> String {
    let Some(at) = name.find("#EXT#").or_else(|| name.find("#ext#")) else { return name.to_owned() };
    let alias = name.get(..at).unwrap_or(name);
    // Domains have no underscore, so the last one stands for the @.
    match alias.rsplit_once('_') {
        Some((local, domain)) => format!("{local}@{domain}"),
        None => format!("{alias}{}", name.get(at + "#EXT#".len()..).unwrap_or_default()),
    }
}

/// A name for people.
pub(crate) fn display_name(object: &DirectoryObject) -> Option<Name> {
    object.text("displayName").map(Name::from)
}

/// False where the account is disabled.
pub(crate) fn is_enabled(object: &DirectoryObject) -> bool {
    object.kind != ObjectKind::User || object.properties.get("accountEnabled") != Some(&Json::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user(properties: Json) -> DirectoryObject {
        let Json::Object(properties) = properties else { panic!("properties are an object") };
        DirectoryObject {
            id: Uuid::from_u128(1),
            kind: ObjectKind::User,
            version: 1,
            created: "2026-01-02T03:04:05Z".parse().unwrap(),
            modified: "2026-01-02T03:04:05Z".parse().unwrap(),
            deleted: None,
            properties,
        }
    }

    fn shape(object: &DirectoryObject, selected: &[Name], surroundings: &Surroundings) -> Object {
        Columns::of(object.kind, selected).unwrap().shape(object, surroundings)
    }

    #[test]
    fn attributes_come_from_their_properties() {
        let object = user(json!({
            "accountEnabled": false, "displayName": "Ada", "userPrincipalName": "ada@example.com",
            "officeLocation": "B 2", "mobilePhone": "+44 1", "businessPhones": ["+44 2", "+44 3"], "faxNumber": "4",
            "otherMails": ["a@x.example", "b@x.example"], "employeeHireDate": "2020-02-03T00:00:00Z",
            "employeeOrgData": {"costCenter": "77", "division": "Engines"},
            "onPremisesExtensionAttributes": {"extensionAttribute3": "three"},
            "extension_0123_level": 5, "department": null
        }));
        let surroundings = Surroundings {
            managers: [(Uuid::from_u128(1), Uuid::from_u128(2))].into(),
            app_roles: [(Uuid::from_u128(1), vec![Uuid::nil(), Uuid::from_u128(8)])].into(),
            roles: vec![(Uuid::from_u128(8), "Reader".into()), (Uuid::from_u128(9), "Writer".into())],
        };
        let moment: model::Timestamp = "2020-02-03T00:00:00Z".parse().unwrap();
        for (name, expected) in [
            ("objectId", Value::text(Uuid::from_u128(1).to_string())),
            ("accountEnabled", false.into()),
            ("physicalDeliveryOfficeName", "B 2".into()),
            ("mobile", "+44 1".into()),
            ("telephoneNumber", "+44 2".into()),
            ("facsimileTelephoneNumber", "4".into()),
            ("otherMails", Value::list(["a@x.example".into(), "b@x.example".into()])),
            ("employeeHireDate", Value::DateTime(moment)),
            ("employeeOrgData.costCenter", "77".into()),
            ("extensionAttribute3", "three".into()),
            ("extensionAttribute4", Value::Null),
            ("extension_0123_level", 5.into()),
            ("department", Value::Null),
            ("manager", Value::Reference(anchor(Uuid::from_u128(2)))),
            ("appRoleAssignments", Value::list(["Reader".into()])),
            ("IsSoftDeleted", Value::Null),
        ] {
            let shaped = shape(&object, &[name.into()], &surroundings);
            assert_eq!(*shaped.get(name), expected, "{name}");
        }
    }

    #[test]
    fn only_selected_attributes_are_read() {
        let object = user(json!({"displayName": "Ada", "jobTitle": "Analyst"}));
        let shaped = shape(&object, &["jobTitle".into()], &Surroundings::default());
        assert_eq!(shaped.attributes.len(), 1);
    }

    #[test]
    fn guests_have_the_name_of_their_home() {
        for (name, home) in [
            ("ada@example.com", "ada@example.com"),
            ("ada_b_home.example#EXT#@here.example", "ada_b@home.example"),
            ("ada#EXT#@here.example", "ada@here.example"),
        ] {
            let object = user(json!({"userPrincipalName": name}));
            let selected = ["userPrincipalName".into(), "originalUserPrincipalName".into()];
            let shaped = shape(&object, &selected, &Surroundings::default());
            assert_eq!(shaped.get("userPrincipalName").as_text(), Some(home));
            assert_eq!(shaped.get("originalUserPrincipalName").as_text(), Some(name));
        }
    }
}
