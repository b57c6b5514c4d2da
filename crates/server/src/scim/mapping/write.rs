//! From SCIM attributes to the directory's properties.

use serde_json::{Map, Value as Json};

use super::fields::{get, is_marked, is_of, set, take};
use super::names::{nickname, principal_name};
use super::{Elements, KEPT, Which};
use crate::scim::kind::{ENTERPRISE, Kind};

/// Characters of a name for people, as the directory limits it.
const DISPLAY_NAME: usize = 256;

/// The properties of a new object, before its attributes are written.
pub(in crate::scim) fn new_properties(kind: Kind) -> Map<String, Json> {
    let mut properties = Map::new();
    match kind {
        Kind::User => drop(properties.insert("userType".to_owned(), "Member".into())),
        Kind::Group => {
            properties.insert("mailEnabled".to_owned(), false.into());
            properties.insert("securityEnabled".to_owned(), true.into());
            properties.insert("groupTypes".to_owned(), Json::Array(Vec::new()));
        }
    }
    properties
}

/// Writes all attributes of a resource into the properties of its object. Properties that no attribute is mapped to stay
/// as they are. What the service alone says, relations and passwords are left out: nobody signs in with a password that
/// is kept here, so none is kept.
pub(in crate::scim) fn write(
    kind: Kind,
    mut resource: Map<String, Json>,
    properties: &mut Map<String, Json>,
    domain: &str,
) {
    for name in ["schemas", "id", "meta", "groups", "members", "password"] {
        resource.remove(name);
    }
    take(&mut resource, &[ENTERPRISE, "manager"]);
    write_names(kind, &mut resource, properties, domain);
    for single in kind.singles() {
        let value = take(&mut resource, single.scim);
        set(properties, single.graph, value);
    }
    if kind == Kind::User {
        let active = take(&mut resource, &["active"]).filter(Json::is_boolean);
        if active.is_none() {
            set(&mut resource, &["active", "derived"], Some(Json::Bool(true)));
        }
        set(properties, &["accountEnabled"], Some(active.unwrap_or(Json::Bool(true))));
    }
    for elements in kind.elements() {
        let mut present = match resource.remove(elements.scim) {
            Some(Json::Array(present)) => present,
            _ => Vec::new(),
        };
        match elements.which {
            Which::One { kind, or_untyped } => mark(elements, kind, or_untyped, &mut present, properties),
            Which::All { kind } => list(elements, Some(kind), &present, properties),
            Which::Others => list(elements, None, &present, properties),
        }
        if !present.is_empty() {
            resource.insert(elements.scim.to_owned(), Json::Array(present));
        }
    }
    let kept = (!resource.is_empty()).then_some(Json::Object(resource));
    set(properties, &[KEPT], kept);
}

/// Writes the names that Graph demands of every object, derived from what SCIM has where it has not the same.
fn write_names(
    kind: Kind,
    resource: &mut Map<String, Json>,
    properties: &mut Map<String, Json>,
    domain: &str,
) {
    let text = |resource: &Map<String, Json>, path: &[&str]| {
        let text = get(resource, path).and_then(Json::as_str).filter(|text| !text.trim().is_empty());
        text.map(str::to_owned)
    };
    let user_name = text(resource, &["userName"]).filter(|_| kind == Kind::User);
    if let Some(user_name) = &user_name {
        let principal_name = Json::String(principal_name(user_name, domain));
        let mut kept = Map::new();
        if principal_name.as_str() != Some(user_name) {
            kept.insert("value".to_owned(), user_name.as_str().into());
            kept.insert("userPrincipalName".to_owned(), principal_name.clone());
        }
        set(resource, &["userName"], (!kept.is_empty()).then_some(Json::Object(kept)));
        set(properties, &["userPrincipalName"], Some(principal_name));
    }
    if let Some(name) = text(resource, &["displayName"]) {
        set(resource, &["displayName"], None);
        set(properties, &["displayName"], Some(name.into()));
    } else if kind == Kind::User {
        let derived = text(resource, &["name", "formatted"]).or_else(|| {
            let parts = ["givenName", "familyName"].map(|part| text(resource, &["name", part]));
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        });
        let derived: String = derived.or(user_name).unwrap_or_default().chars().take(DISPLAY_NAME).collect();
        set(resource, &["displayName", "derived"], Some(derived.as_str().into()));
        set(properties, &["displayName"], Some(derived.into()));
    }
    let named = if kind == Kind::User { "userPrincipalName" } else { "displayName" };
    if let Some(name) = properties.get(named).and_then(Json::as_str) {
        let nickname = nickname(name);
        properties.entry("mailNickname").or_insert_with(|| nickname.into());
    }
}

/// Moves the parts of the one element that properties stand for into them, and marks it.
fn mark(
    elements: &Elements,
    kind: &str,
    or_untyped: bool,
    present: &mut [Json],
    properties: &mut Map<String, Json>,
) {
    let has_parts = |element: &Json| elements.parts.iter().any(|(part, _)| element.get(*part).is_some());
    let is_primary = |element: &Json| element.get("primary") == Some(&Json::Bool(true));
    let of_kind = |element: &Json| has_parts(element) && is_of(element, kind);
    let untyped = |element: &Json| or_untyped && has_parts(element) && element.get("type").is_none();
    let place = present
        .iter()
        .position(|element| of_kind(element) && is_primary(element))
        .or_else(|| present.iter().position(of_kind))
        .or_else(|| present.iter().position(|element| untyped(element) && is_primary(element)))
        .or_else(|| present.iter().position(untyped));
    let mut element = place.and_then(|place| present.get_mut(place)).and_then(Json::as_object_mut);
    for (part, graph) in elements.parts {
        let value = element.as_mut().and_then(|element| element.insert((*part).to_owned(), Json::Null));
        set(properties, &[graph], value);
    }
}

/// Copies the values of the elements of a type, or of those that are not mapped otherwise, into a list.
fn list(elements: &Elements, kind: Option<&str>, present: &[Json], properties: &mut Map<String, Json>) {
    let Some((part, property)) = elements.parts.first() else { return };
    let mut values: Vec<&Json> = Vec::new();
    for element in present {
        let concerned = kind.map_or_else(|| !is_marked(element), |kind| is_of(element, kind));
        if let Some(value) = element.get(*part).filter(|value| concerned && value.is_string())
            && !values.contains(&value)
        {
            values.push(value);
        }
    }
    let values: Vec<Json> = values.into_iter().cloned().collect();
    set(properties, &[property], (!values.is_empty()).then_some(Json::Array(values)));
}
