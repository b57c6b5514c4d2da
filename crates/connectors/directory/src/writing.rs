//! Changes of attributes as changes of the directory's properties.

use connector::{AttributeChange, ChangeKind, ChangeSet, ConnectorError, ErrorClass, Result};
use directory::ObjectKind;
use model::{FailureCode, Name, Value};
use serde_json::{Map, Value as Json};

use crate::definition::{Origin, attributes_of};

/// How the names of directory extensions begin.
const EXTENSION: &str = "extension_";

/// Where an attribute is written.
enum Place {
    Property(Name),
    First(&'static str),
    Nested(&'static str, &'static str),
}

fn place(kind: ObjectKind, name: &Name) -> Result<(Place, bool)> {
    let listed = attributes_of(kind).iter().find(|attribute| attribute.name == name);
    let Some(attribute) = listed else {
        return if name.starts_with(EXTENSION) {
            Ok((Place::Property(name.clone()), false))
        } else {
            let words =
                format!("the embedded directory has no attribute '{name}': correct the mapping's target");
            Err(refused(name, words).code(FailureCode::SchemaAttributeNotFound))
        };
    };
    let place = match attribute.origin {
        Origin::Property(property) => Place::Property(property.into()),
        Origin::HomePrincipalName => Place::Property("userPrincipalName".into()),
        Origin::First(list) => Place::First(list),
        Origin::Nested(outer, inner) => Place::Nested(outer, inner),
        Origin::Id
        | Origin::Created
        | Origin::Manager
        | Origin::Roles
        | Origin::Members
        | Origin::Computed => {
            let words = format!("'{name}' of the embedded directory cannot be written as a value");
            return Err(refused(name, words));
        }
    };
    Ok((place, attribute.multivalued))
}

fn refused(name: &Name, words: String) -> ConnectorError {
    ConnectorError::new(ErrorClass::Invalid { attribute: Some(name.clone()) }, words)
}

/// The property that holds an attribute, as conditions on objects name it.
pub(crate) fn property_of(kind: ObjectKind, name: &Name) -> Result<Name> {
    if attributes_of(kind).iter().any(|one| one.name == name && matches!(one.origin, Origin::Id)) {
        return Ok("id".into());
    }
    Ok(match place(kind, name)?.0 {
        Place::Property(property) => property,
        Place::First(list) => list.into(),
        Place::Nested(outer, inner) => format!("{outer}/{inner}").into(),
    })
}

/// A value as a property holds it.
pub(crate) fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(truth) => Json::Bool(*truth),
        Value::Integer(number) => Json::from(*number),
        Value::DateTime(moment) => Json::String(moment.to_string()),
        Value::List(values) => Json::Array(values.iter().map(json).collect()),
        Value::Text(_) | Value::Binary(_) | Value::Reference(_) => Json::String(value.to_string()),
    }
}

/// Makes changes in an object's properties. Fails, before anything is changed, where an attribute cannot be written.
pub(crate) fn apply(kind: ObjectKind, properties: &mut Map<String, Json>, changes: &ChangeSet) -> Result<()> {
    let places: Vec<_> =
        changes.changes.iter().map(|change| place(kind, &change.attribute)).collect::<Result<_>>()?;
    for (change, (place, several)) in changes.changes.iter().zip(places) {
        match place {
            Place::Property(name) => {
                let value = property(properties.get(name.as_str()), change, several);
                properties.insert(name.to_string(), value);
            }
            Place::First(list) => first(properties, list, json(&change.new)),
            Place::Nested(outer, inner) => nested(properties, outer, inner, json(&change.new)),
        }
    }
    Ok(())
}

fn property(present: Option<&Json>, change: &AttributeChange, several: bool) -> Json {
    if !several {
        return json(&change.new);
    }
    let mut values: Vec<Json> = match (change.kind, present) {
        (ChangeKind::Add, Some(Json::Array(present))) => present.clone(),
        _ => Vec::new(),
    };
    for value in change.new.values().iter().map(json) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Json::Array(values)
}

/// Sets or removes the first element of a list.
fn first(properties: &mut Map<String, Json>, list: &str, value: Json) {
    let mut values = match properties.remove(list) {
        Some(Json::Array(values)) => values,
        _ => Vec::new(),
    };
    match (values.first_mut(), value) {
        (Some(_), Json::Null) => drop(values.remove(0)),
        (None, Json::Null) => {}
        (Some(present), value) => *present = value,
        (None, value) => values.push(value),
    }
    properties.insert(list.to_owned(), Json::Array(values));
}

/// Sets or removes a property of a nested object.
fn nested(properties: &mut Map<String, Json>, outer: &str, inner: &str, value: Json) {
    let mut members = match properties.remove(outer) {
        Some(Json::Object(members)) => members,
        _ => Map::new(),
    };
    if value.is_null() {
        members.remove(inner);
    } else {
        members.insert(inner.to_owned(), value);
    }
    if !members.is_empty() {
        properties.insert(outer.to_owned(), Json::Object(members));
    }
}
