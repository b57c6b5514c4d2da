//! From the directory's properties to SCIM attributes.

use serde_json::{Map, Value as Json};

use super::fields::{get, is_marked, is_of, set, texts};
use super::{Elements, KEPT, Which};
use crate::scim::kind::Kind;

/// The attributes of an object, but for those of every resource (`id`, `schemas`, `meta`) and its relations.
pub(in crate::scim) fn read(kind: Kind, properties: &Map<String, Json>) -> Map<String, Json> {
    let mut resource = match properties.get(KEPT) {
        Some(Json::Object(kept)) => kept.clone(),
        _ => Map::new(),
    };
    read_names(kind, &mut resource, properties);
    for single in kind.singles() {
        if let Some(value) = get(properties, single.graph) {
            set(&mut resource, single.scim, Some(value.clone()));
        }
    }
    // The last first: what is not mapped otherwise is told by the marks, which the filling removes.
    for elements in kind.elements().iter().rev() {
        let mut present = match resource.remove(elements.scim) {
            Some(Json::Array(present)) => present,
            _ => Vec::new(),
        };
        match elements.which {
            Which::One { kind, .. } => fill(elements, kind, &mut present, properties),
            Which::All { kind } => settle(elements, Some(kind), &mut present, properties),
            Which::Others => settle(elements, None, &mut present, properties),
        }
        if !present.is_empty() {
            resource.insert(elements.scim.to_owned(), Json::Array(present));
        }
    }
    resource
}

/// `userName` as the client chose it, and `displayName` and `active` unless they were derived, each for as long as the
/// property is what it was made then.
fn read_names(kind: Kind, resource: &mut Map<String, Json>, properties: &Map<String, Json>) {
    let derived: &[_] = match kind {
        Kind::User => &[("displayName", "displayName"), ("active", "accountEnabled")],
        Kind::Group => &[("displayName", "displayName")],
    };
    for (attribute, property) in derived {
        let kept = resource.remove(*attribute);
        let present = properties.get(*property);
        if let Some(present) =
            present.filter(|_| kept.as_ref().and_then(|kept| kept.get("derived")) != present)
        {
            resource.insert((*attribute).to_owned(), present.clone());
        }
    }
    if kind == Kind::User {
        let principal_name = properties.get("userPrincipalName");
        let kept = resource.remove("userName");
        let chosen = kept
            .as_ref()
            .filter(|kept| kept.get("userPrincipalName") == principal_name)
            .and_then(|kept| kept.get("value"));
        if let Some(name) = chosen.or(principal_name) {
            resource.insert("userName".to_owned(), name.clone());
        }
    }
}

/// Fills the marked element with its properties; an element that this leaves without content goes, and where properties
/// have no element one is made.
fn fill(elements: &Elements, kind: &str, present: &mut Vec<Json>, properties: &Map<String, Json>) {
    let names_part = |part: &str| elements.parts.iter().any(|(name, _)| *name == part);
    // The other marked elements of the attribute are of other types.
    let is_it =
        |element: &Json| is_marked(element) && (is_of(element, kind) || element.get("type").is_none());
    let values =
        || elements.parts.iter().filter_map(|(part, graph)| Some((*part, get(properties, &[graph])?)));
    let Some(place) = present.iter().position(is_it) else {
        let mut fresh: Map<String, Json> =
            values().map(|(part, value)| (part.to_owned(), value.clone())).collect();
        if !fresh.is_empty() {
            fresh.insert("type".to_owned(), kind.into());
            present.push(Json::Object(fresh));
        }
        return;
    };
    if let Some(Json::Object(element)) = present.get_mut(place) {
        element.retain(|part, _| !names_part(part));
        element.extend(values().map(|(part, value)| (part.to_owned(), value.clone())));
        if !element.keys().any(|part| part != "type" && part != "primary") {
            present.remove(place);
        }
    }
}

/// Leaves of the elements of a type, or of those that are not mapped otherwise, the ones whose value is in the
/// property's list, and adds one for each further value.
fn settle(elements: &Elements, kind: Option<&str>, present: &mut Vec<Json>, properties: &Map<String, Json>) {
    let Some((part, property)) = elements.parts.first() else { return };
    let value_of = |element: &Json| element.get(*part).and_then(Json::as_str).map(str::to_owned);
    let mut missing = texts(properties, property);
    present.retain(|element| {
        let concerned = match kind {
            Some(kind) => is_of(element, kind),
            None => !is_marked(element),
        };
        let Some(value) = value_of(element).filter(|_| concerned) else { return true };
        let listed = texts(properties, property).contains(&value.as_str());
        missing.retain(|one| *one != value);
        listed
    });
    for value in missing {
        let mut fresh = Map::new();
        fresh.insert((*part).to_owned(), value.into());
        fresh.insert("type".to_owned(), kind.unwrap_or("other").into());
        present.push(Json::Object(fresh));
    }
}
