//! Values at paths of JSON objects.

use serde_json::{Map, Value as Json};

/// The value at a path; none where it is absent or null.
pub(super) fn get<'a>(entries: &'a Map<String, Json>, path: &[&str]) -> Option<&'a Json> {
    let (first, rest) = path.split_first()?;
    let mut value = entries.get(*first)?;
    for step in rest {
        value = value.get(*step)?;
    }
    (!value.is_null()).then_some(value)
}

/// Sets the value at a path, whose objects are made where they are missing; none removes it, and the objects that this
/// leaves empty.
pub(super) fn set(entries: &mut Map<String, Json>, path: &[&str], value: Option<Json>) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        match value {
            Some(value) => drop(entries.insert((*first).to_owned(), value)),
            None => drop(entries.remove(*first)),
        }
        return;
    }
    let mut inner = match entries.remove(*first) {
        Some(Json::Object(inner)) => inner,
        _ => Map::new(),
    };
    set(&mut inner, rest, value);
    if !inner.is_empty() {
        entries.insert((*first).to_owned(), Json::Object(inner));
    }
}

/// Takes the value at a path out, and the objects that this leaves empty.
pub(super) fn take(entries: &mut Map<String, Json>, path: &[&str]) -> Option<Json> {
    let value = get(entries, path).cloned();
    set(entries, path, None);
    value
}

/// True where an element's `type` is this one.
pub(super) fn is_of(element: &Json, kind: &str) -> bool {
    element.get("type").and_then(Json::as_str).is_some_and(|own| own.eq_ignore_ascii_case(kind))
}

/// True where an element has a null part, which marks that a property fills it.
pub(super) fn is_marked(element: &Json) -> bool {
    element.as_object().is_some_and(|parts| parts.values().any(Json::is_null))
}

/// The texts of a property that is a list, or one text.
pub(super) fn texts<'a>(properties: &'a Map<String, Json>, property: &str) -> Vec<&'a str> {
    match properties.get(property) {
        Some(Json::Array(values)) => values.iter().filter_map(Json::as_str).collect(),
        Some(Json::String(text)) => vec![text],
        _ => Vec::new(),
    }
}
