//! References of bulk operations to what others make: `bulkId:…` in the place of an id.

use std::collections::HashMap;

use scim::message::BulkOperation;
use serde_json::{Value as Json, json};

use crate::scim::kind::ENTERPRISE;
use crate::scim::members::{MEMBERS, is_members};

/// How a reference to what another operation makes begins.
pub(super) const REFERENCE: &str = "bulkId:";

/// An operation after its references were looked at.
pub(super) enum Resolved {
    /// With ids in the place of references.
    Ready(BulkOperation),
    /// For these bulk ids, which are not known yet.
    Waits(Vec<String>),
}

/// The operation with ids in the place of references; `made` has the ids by bulk id.
pub(super) fn resolve(operation: &BulkOperation, made: &HashMap<String, String>) -> Resolved {
    let mut ready = operation.clone();
    let mut missing = Vec::new();
    let mut replace = |text: &mut String| {
        if let Some(reference) = text.strip_prefix(REFERENCE) {
            match made.get(reference) {
                Some(id) => text.clone_from(id),
                None => missing.push(reference.to_owned()),
            }
        }
    };
    let mut segments: Vec<String> = ready.path.split('/').map(str::to_owned).collect();
    segments.iter_mut().for_each(&mut replace);
    ready.path = segments.join("/");
    if let Some(data) = &mut ready.data {
        each_text(data, &mut replace);
    }
    if missing.is_empty() { Resolved::Ready(ready) } else { Resolved::Waits(missing) }
}

/// A resource without the members and the manager that these references name, and the operations of a PATCH request that
/// add them later; none where nothing of the kind can be left out.
pub(super) fn set_aside(resource: &Json, references: &[String]) -> Option<(Json, Vec<Json>)> {
    let mut resource = resource.clone();
    let mut additions = Vec::new();
    for (name, value) in resource.as_object_mut()? {
        match value {
            Json::Array(elements) if is_members(name) => {
                let (later, now): (Vec<Json>, Vec<Json>) =
                    std::mem::take(elements).into_iter().partition(|element| names(element, references));
                *elements = now;
                if !later.is_empty() {
                    additions.push(json!({"op": "add", "path": MEMBERS, "value": later}));
                }
            }
            Json::Object(extension) if name.eq_ignore_ascii_case(ENTERPRISE) => {
                let manager = extension
                    .iter()
                    .find(|(key, value)| key.eq_ignore_ascii_case("manager") && names(value, references))
                    .map(|(key, _)| key.clone());
                if let Some(manager) = manager.and_then(|key| extension.remove(&key)) {
                    let path = format!("{ENTERPRISE}:manager");
                    additions.push(json!({"op": "add", "path": path, "value": manager}));
                }
            }
            _ => {}
        }
    }
    (!additions.is_empty()).then_some((resource, additions))
}

/// True where a value has one of these references.
fn names(value: &Json, references: &[String]) -> bool {
    let mut found = false;
    each_text(&mut value.clone(), &mut |text| {
        found |= text.strip_prefix(REFERENCE).is_some_and(|named| references.iter().any(|one| one == named));
    });
    found
}

/// Visits the texts in a value.
fn each_text(value: &mut Json, visit: &mut impl FnMut(&mut String)) {
    match value {
        Json::String(text) => visit(text),
        Json::Array(values) => values.iter_mut().for_each(|value| each_text(value, visit)),
        Json::Object(entries) => entries.values_mut().for_each(|value| each_text(value, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_can_wait_are_left_out() {
        let references = ["b".to_owned()];
        let group = json!({"displayName": "A", "Members": [{"value": "bulkId:b"}, {"value": "bulkId:c"}]});
        let (left, additions) = set_aside(&group, &references).unwrap();
        assert_eq!(left, json!({"displayName": "A", "Members": [{"value": "bulkId:c"}]}));
        assert_eq!(additions, [json!({"op": "add", "path": "members", "value": [{"value": "bulkId:b"}]})]);
        let user =
            json!({"userName": "a", ENTERPRISE: {"manager": {"value": "bulkId:b"}, "department": "x"}});
        let (left, additions) = set_aside(&user, &references).unwrap();
        assert_eq!(left, json!({"userName": "a", ENTERPRISE: {"department": "x"}}));
        let path = format!("{ENTERPRISE}:manager");
        assert_eq!(additions, [json!({"op": "add", "path": path, "value": {"value": "bulkId:b"}})]);
        assert!(set_aside(&json!({"title": "bulkId:b", "members": []}), &references).is_none());
    }
}
