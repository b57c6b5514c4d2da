//! What POST and PATCH take.

use model::{Timestamp, Uuid};
use serde_json::{Map, Value as Json};

use super::Kind;
use super::property::{Property, PropertyType, Write, is_extension};
use crate::error::GraphError;
use crate::path::Version;

/// How many values a collection property may have in a request.
const MAX_VALUES: usize = 1000;
/// How many characters a text in a directory extension may have, as documented.
const MAX_EXTENSION: usize = 256;
/// How many references a request may bind, as documented.
pub(super) const MAX_BINDINGS: usize = 20;

/// References that a body binds to a navigation property: `"members@odata.bind": ["https://…/users/1"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The navigation property, as the client spelled it.
    pub property: String,
    /// The addresses of the objects.
    pub references: Vec<String>,
}

/// Takes the bindings out of a body.
///
/// # Errors
/// 400 for a binding that is neither an address nor an array of at most 20 addresses.
pub fn take_bindings(body: &mut Map<String, Json>) -> Result<Vec<Binding>, GraphError> {
    const SUFFIX: &str = "@odata.bind";
    let names: Vec<String> = body.keys().filter(|name| name.ends_with(SUFFIX)).cloned().collect();
    let mut bindings = Vec::new();
    for name in names {
        let invalid = |mend: &str| GraphError::invalid_property(&name, mend);
        let values = match body.remove(&name) {
            Some(Json::Array(values)) => values,
            Some(value) => vec![value],
            None => continue,
        };
        if values.len() > MAX_BINDINGS {
            return Err(invalid(&format!(
                "At most {MAX_BINDINGS} references can be bound in one request. Bind the others in further requests."
            )));
        }
        let references = values
            .into_iter()
            .map(|value| match value {
                Json::String(address) => Ok(address),
                _ => Err(invalid("Send the addresses of objects as texts.")),
            })
            .collect::<Result<_, _>>()?;
        bindings.push(Binding { property: name.trim_end_matches(SUFFIX).to_owned(), references });
    }
    Ok(bindings)
}

/// Checks the body of a POST and returns the properties to keep, in canonical form and without nulls. Annotations are
/// dropped; bindings must have been taken out before.
///
/// # Errors
/// 400 naming the property that is unknown, read-only, missing, or of a wrong type or length.
pub fn validate_create(
    kind: Kind,
    version: Version,
    body: Map<String, Json>,
) -> Result<Map<String, Json>, GraphError> {
    let mut kept = Map::new();
    for (name, value) in body {
        // A null says what absence says, also of a property that only the service sets.
        if name.starts_with('@') || value.is_null() {
            continue;
        }
        let (property, value) = checked(kind, version, &name, value)?;
        match property.map_or(Write::Always, |property| property.write) {
            Write::Never => return Err(GraphError::read_only_property(&name)),
            Write::Forgotten => {}
            Write::Create | Write::Always => {
                kept.insert(name, value);
            }
        }
    }
    for property in kind.properties() {
        if property.required && is_blank(kept.get(property.name)) {
            return Err(GraphError::missing_property(property.name));
        }
    }
    Ok(kept)
}

/// Checks the body of a PATCH and returns the changes in canonical form, in which null removes a property and an
/// object is to be merged. Annotations are dropped; bindings must have been taken out before.
///
/// # Errors
/// 400 naming the property that is unknown, cannot be changed or cleared, or is of a wrong type or length.
pub fn validate_patch(
    kind: Kind,
    version: Version,
    body: Map<String, Json>,
) -> Result<Map<String, Json>, GraphError> {
    let mut changes = Map::new();
    for (name, value) in body {
        if name.starts_with('@') {
            continue;
        }
        let (property, value) = checked(kind, version, &name, value)?;
        let write = property.map_or(Write::Always, |property| property.write);
        match write {
            Write::Never => return Err(GraphError::read_only_property(&name)),
            Write::Create => {
                return Err(GraphError::invalid_property(
                    &name,
                    "It is set when the object is created and cannot be changed: leave it out.",
                ));
            }
            Write::Forgotten => continue,
            Write::Always => {}
        }
        if property.is_some_and(|property| property.required) && is_blank(Some(&value)) {
            return Err(GraphError::invalid_property(
                &name,
                "It cannot be cleared. Send a value, or leave it out.",
            ));
        }
        changes.insert(name, value);
    }
    Ok(changes)
}

fn is_blank(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null) => true,
        Some(Json::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

/// The property of a name, none for a directory extension, and the value in canonical form.
fn checked(
    kind: Kind,
    version: Version,
    name: &str,
    value: Json,
) -> Result<(Option<&'static Property>, Json), GraphError> {
    let exact = kind.properties().iter().find(|property| property.name == name);
    match exact.filter(|property| property.exists_in(version)) {
        // The value does not matter where it must not be sent at all.
        Some(property) if property.write == Write::Never => Ok((Some(property), value)),
        Some(property) => Ok((Some(property), canonical(property, value)?)),
        None if is_extension(name) && matches!(kind, Kind::User | Kind::Group | Kind::Application) => {
            Ok((None, extension(name, value)?))
        }
        None if kind.navigates(name) => Err(GraphError::invalid_property(
            name,
            &format!(
                "It is a relation. Send '{name}@odata.bind' with the addresses of objects, or use its own path."
            ),
        )),
        None => Err(GraphError::unknown_property(name, kind.type_name(), kind.names(version))),
    }
}

/// A value as it is kept.
fn canonical(property: &Property, value: Json) -> Result<Json, GraphError> {
    match (property.many, value) {
        (_, Json::Null) if !property.many => Ok(Json::Null),
        // No values and no collection are the same.
        (true, Json::Null) => Ok(Json::Array(Vec::new())),
        (true, Json::Array(values)) => {
            if values.len() > MAX_VALUES {
                return Err(GraphError::invalid_property(
                    property.name,
                    &format!("At most {MAX_VALUES} values can be sent."),
                ));
            }
            values.into_iter().map(|value| single(property.name, property.kind, value)).collect()
        }
        (true, _) => Err(GraphError::invalid_property(property.name, "Send an array.")),
        (false, value) => single(property.name, property.kind, value),
    }
}

fn single(name: &str, kind: PropertyType, value: Json) -> Result<Json, GraphError> {
    let kept = match (kind, value) {
        (PropertyType::Text(longest), Json::String(text)) => return bounded(name, text, longest),
        (PropertyType::Texts(members, longest), Json::Object(sent)) => {
            return texts(name, members, longest, sent);
        }
        (PropertyType::Choice(choices), Json::String(text)) => {
            choices.iter().find(|choice| choice.eq_ignore_ascii_case(&text)).map(|choice| Json::from(*choice))
        }
        (PropertyType::DateTime, Json::String(text)) => {
            moment(&text).map(|moment| Json::from(moment.to_string()))
        }
        (PropertyType::Guid, Json::String(text)) => {
            text.parse::<Uuid>().ok().map(|guid| Json::from(guid.to_string()))
        }
        (PropertyType::Integer, Json::Number(number)) if number.is_i64() => Some(Json::Number(number)),
        (PropertyType::Boolean, value @ Json::Bool(_))
        | (PropertyType::Binary, value @ Json::String(_))
        | (PropertyType::Object, value @ Json::Object(_)) => Some(value),
        _ => None,
    };
    kept.ok_or_else(|| GraphError::invalid_property(name, &expected(kind)))
}

/// A moment; without an offset it is in UTC, as clients mean it that leave the offset out.
fn moment(text: &str) -> Option<Timestamp> {
    match text.parse::<Timestamp>() {
        Ok(moment) => Some(moment),
        Err(_) if text.contains('T') => format!("{text}Z").parse().ok(),
        Err(_) => None,
    }
}

fn expected(kind: PropertyType) -> String {
    match kind {
        PropertyType::Text(_) => "Send a text.".to_owned(),
        PropertyType::Choice(choices) => format!("Send one of: {}.", choices.join(", ")),
        PropertyType::Boolean => "Send true or false.".to_owned(),
        PropertyType::Integer => "Send a whole number.".to_owned(),
        PropertyType::DateTime => {
            "Send a moment with its offset as text, such as 2026-01-31T00:00:00Z.".to_owned()
        }
        PropertyType::Guid => "Send a GUID, such as 8adf8e6e-67b2-4cf2-a259-e3dc5476c621.".to_owned(),
        PropertyType::Binary => "Send octets as base64 text.".to_owned(),
        PropertyType::Texts(..) | PropertyType::Object => "Send an object.".to_owned(),
    }
}

fn bounded(name: &str, text: String, longest: usize) -> Result<Json, GraphError> {
    // Few directories and databases that a value goes to can hold this character.
    if text.contains('\0') {
        return Err(GraphError::invalid_property(name, "Leave the character U+0000 out."));
    }
    if text.chars().count() > longest {
        return Err(GraphError::invalid_property(name, &format!("Send at most {longest} characters.")));
    }
    Ok(Json::String(text))
}

fn texts(
    name: &str,
    members: &[&'static str],
    longest: usize,
    sent: Map<String, Json>,
) -> Result<Json, GraphError> {
    let mut kept = Map::new();
    for (member, value) in sent {
        let path = format!("{name}/{member}");
        match value {
            _ if member.starts_with('@') => {}
            _ if !members.contains(&member.as_str()) => {
                return Err(GraphError::unknown_property(&member, name, members.iter().copied()));
            }
            Json::Null => {
                kept.insert(member, Json::Null);
            }
            Json::String(text) => {
                let text = bounded(&path, text, longest)?;
                kept.insert(member, text);
            }
            _ => return Err(GraphError::invalid_property(&path, "Send a text.")),
        }
    }
    Ok(Json::Object(kept))
}

/// A directory extension holds a text, a truth, a number, or several of them.
fn extension(name: &str, value: Json) -> Result<Json, GraphError> {
    match value {
        Json::Array(values) => values.into_iter().map(|value| scalar(name, value)).collect(),
        Json::Null => Ok(Json::Null),
        value => scalar(name, value),
    }
}

fn scalar(name: &str, value: Json) -> Result<Json, GraphError> {
    match value {
        Json::String(text) => bounded(name, text, MAX_EXTENSION),
        Json::Bool(_) | Json::Number(_) => Ok(value),
        _ => Err(GraphError::invalid_property(name, "Send a text, a truth or a number.")),
    }
}
