//! The elements of multi-valued attributes: which ones are the same, and which one is primary.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::typed::is_primary;
use crate::filter::evaluate::fold;
use crate::json;
use crate::schema::{Attribute, Mutability};

/// Adds elements that are not there yet and completes those that are. Gives the places of both.
pub(super) fn add(elements: &mut Vec<Json>, new: Vec<Json>, attribute: Option<&Attribute>) -> Vec<usize> {
    let mut places: HashMap<String, usize> =
        elements.iter().enumerate().map(|(place, element)| (identity(element, attribute), place)).collect();
    let mut touched = Vec::with_capacity(new.len());
    for element in new {
        let identity = identity(&element, attribute);
        let known_place = places.get(&identity).copied();
        if let Some(existing) = known_place.and_then(|place| elements.get_mut(place)) {
            merge(existing, element, attribute);
            touched.extend(known_place);
        } else {
            touched.push(elements.len());
            places.insert(identity, elements.len());
            elements.push(element);
        }
    }
    touched
}

/// The new elements in the place of the old ones; what the service alone writes is kept for those that stay.
pub(super) fn replace(old: &[Json], mut new: Vec<Json>, attribute: Option<&Attribute>) -> Vec<Json> {
    let places: HashMap<String, &Json> =
        old.iter().map(|element| (identity(element, attribute), element)).collect();
    for element in &mut new {
        let (Some(&before), Some(attribute)) = (places.get(&identity(element, attribute)), attribute) else {
            continue;
        };
        if let (Json::Object(after), Json::Object(before)) = (element, before) {
            for part in attribute.sub_attributes.iter().filter(|part| part.mutability == Mutability::ReadOnly)
            {
                if let Some(value) = json::get(before, &part.name) {
                    json::set(after, &part.name, value.clone());
                }
            }
        }
    }
    new
}

/// Removes the elements that are the same as one of these.
pub(super) fn remove(elements: &mut Vec<Json>, gone: &[Json], attribute: Option<&Attribute>) {
    let gone: std::collections::HashSet<String> = gone.iter().map(|one| identity(one, attribute)).collect();
    elements.retain(|element| !gone.contains(&identity(element, attribute)));
}

/// Completes an element with another one that is the same.
fn merge(existing: &mut Json, element: Json, attribute: Option<&Attribute>) {
    let (Json::Object(existing), Json::Object(element)) = (existing, element) else { return };
    for (name, value) in element {
        let part = attribute.and_then(|attribute| attribute.sub_attribute(&name.as_str().into()));
        let fixed = part.is_some_and(|part| part.mutability == Mutability::Immutable);
        let present = json::get(existing, &name).is_some_and(|present| !json::is_unassigned(present));
        let is_identity = name.eq_ignore_ascii_case("value") || name.eq_ignore_ascii_case("type");
        if !(present && (fixed || is_identity)) {
            json::set(existing, &name, value);
        }
    }
}

/// What makes two elements the same: for references to resources their `value`, for other complex elements `value` and
/// `type`, and where there is no `value` all of the element.
fn identity(element: &Json, attribute: Option<&Attribute>) -> String {
    let Json::Object(entries) = element else {
        return fold_json(element, attribute);
    };
    let Some(value) = json::get(entries, "value").filter(|value| !json::is_unassigned(value)) else {
        return element.to_string();
    };
    let part = attribute.and_then(|attribute| attribute.sub_attribute(&"value".into()));
    let value = fold_json(value, part);
    if attribute.is_some_and(Attribute::refers_to_resources) {
        return value;
    }
    let kind = json::get(entries, "type").and_then(Json::as_str).unwrap_or("");
    format!("{value}\n{}", fold(kind, false))
}

fn fold_json(value: &Json, attribute: Option<&Attribute>) -> String {
    match value {
        Json::String(text) => {
            fold(text, attribute.is_some_and(|attribute| attribute.case_exact)).into_owned()
        }
        other => other.to_string(),
    }
}

/// Where one of the touched elements is primary, makes all others not primary.
pub(super) fn settle_primary(elements: &mut [Json], touched: &[usize]) {
    let chosen = touched.iter().rev().find(|place| elements.get(**place).is_some_and(is_primary));
    let Some(&chosen) = chosen else { return };
    for (place, element) in elements.iter_mut().enumerate() {
        if place != chosen
            && is_primary(element)
            && let Json::Object(entries) = element
        {
            json::set(entries, "primary", Json::Bool(false));
        }
    }
}
