//! Reading and writing JSON objects whose keys compare without case.

use serde_json::{Map, Value as Json};

use crate::name::CaselessName;
use crate::path::AttributePath;
use crate::schema::ResourceSchema;

/// An object's entries.
pub(crate) type Entries = Map<String, Json>;

/// The key under which an object holds a name.
pub(crate) fn key_of<'a>(entries: &'a Entries, name: &str) -> Option<&'a str> {
    if let Some((key, _)) = entries.get_key_value(name) {
        return Some(key);
    }
    entries.keys().find(|key| key.eq_ignore_ascii_case(name)).map(String::as_str)
}

/// The value that an object holds under a name.
pub(crate) fn get<'a>(entries: &'a Entries, name: &str) -> Option<&'a Json> {
    entries
        .get(name)
        .or_else(|| entries.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Sets a value under the key that is there, or under the name.
pub(crate) fn set(entries: &mut Entries, name: &str, value: Json) {
    let key = key_of(entries, name).unwrap_or(name).to_owned();
    entries.insert(key, value);
}

/// Removes a value.
pub(crate) fn remove(entries: &mut Entries, name: &str) -> Option<Json> {
    let key = key_of(entries, name)?.to_owned();
    entries.remove(&key)
}

/// The part of a complex value.
pub(crate) fn part<'a>(value: &'a Json, name: &CaselessName) -> Option<&'a Json> {
    get(value.as_object()?, name.as_str())
}

/// True where SCIM sees no value: null and the empty array (RFC 7643 §2.5).
pub(crate) fn is_unassigned(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(values) => values.is_empty(),
        _ => false,
    }
}

/// The value of the attribute that a path names, without regard to the path's sub-attribute.
pub(crate) fn attribute<'a>(
    resource: &'a Json,
    path: &AttributePath,
    schema: &ResourceSchema,
) -> Option<&'a Json> {
    let entries = resource.as_object()?;
    let holder = match &path.schema {
        Some(uri) if !schema.is_base(uri) => get(entries, uri.as_str())?.as_object()?,
        _ => entries,
    };
    get(holder, path.attribute.as_str())
}

/// The truth of a JSON boolean, or of a text that spells one in any case.
pub(crate) fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(truth) => Some(*truth),
        Json::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Json::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// What stands in a value, named for people.
pub(crate) fn describe(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

/// Takes the elements of a value out of an object: all of an array, or the one value.
pub(crate) fn take_elements(entries: &mut Entries, name: &str) -> Vec<Json> {
    match remove(entries, name) {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(elements)) => elements,
        Some(one) => vec![one],
    }
}

/// Takes a complex value out of an object; no entries where it is absent or no object.
pub(crate) fn take_entries(entries: &mut Entries, name: &str) -> Entries {
    match remove(entries, name) {
        Some(Json::Object(inner)) => inner,
        _ => Entries::new(),
    }
}
