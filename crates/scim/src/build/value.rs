//! Values of objects as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Value;
use serde_json::{Number, Value as Json};

use super::{BuildError, roles};
use crate::json;
use crate::path::AttributePath;
use crate::schema::{Attribute, DataType};

/// A value as an attribute of its type holds it; where nothing is known of the attribute, as the value's own type.
/// Null gives JSON null.
pub(super) fn to_json(
    value: &Value,
    path: &AttributePath,
    attribute: Option<&Attribute>,
) -> Result<Json, BuildError> {
    let Some(attribute) = attribute else {
        return Ok(untyped(value, path));
    };
    if attribute.multi_valued {
        let all: Result<Vec<_>, _> = value.values().iter().map(|one| single(one, path, attribute)).collect();
        return Ok(if value.is_null() { Json::Null } else { Json::Array(all?) });
    }
    match value.values() {
        [] => Ok(Json::Null),
        [one] => single(one, path, attribute),
        several => {
            let reason = format!("{} values for an attribute that holds one", several.len());
            Err(BuildError::new(path, reason))
        }
    }
}

/// A value of an attribute that is not known.
fn untyped(value: &Value, path: &AttributePath) -> Json {
    match value {
        Value::Text(text) if roles::holds(path) => roles::role(text).unwrap_or_else(|| text.as_str().into()),
        Value::Null => Json::Null,
        Value::Boolean(truth) => Json::Bool(*truth),
        Value::Integer(number) => Json::from(*number),
        Value::Reference(anchor) if path.sub_attribute.is_none() => {
            serde_json::json!({"value": anchor.as_str()})
        }
        Value::List(values) => Json::Array(values.iter().map(|one| untyped(one, path)).collect()),
        other => Json::String(text(other)),
    }
}

fn single(value: &Value, path: &AttributePath, attribute: &Attribute) -> Result<Json, BuildError> {
    let wrong = || {
        let reason = format!("\"{value}\" is no value of type {}", attribute.kind.as_str());
        BuildError::new(path, reason)
    };
    match attribute.kind {
        DataType::Boolean => value.as_boolean().map(Json::Bool).ok_or_else(wrong),
        DataType::Integer => integer(value).map(Json::from).ok_or_else(wrong),
        DataType::Decimal => decimal(value).map(Json::Number).ok_or_else(wrong),
        DataType::Complex => complex(value, path, attribute),
        _ => Ok(Json::String(text(value))),
    }
}

/// A complex value from the text of a JSON object, or from its `value` alone.
fn complex(value: &Value, path: &AttributePath, attribute: &Attribute) -> Result<Json, BuildError> {
    if let Value::Text(text) = value
        && roles::holds(path)
        && let Some(role) = roles::role(text)
    {
        return Ok(role);
    }
    if let Value::Text(text) = value
        && text.trim_start().starts_with('{')
        && let Ok(object @ Json::Object(_)) = serde_json::from_str(text)
    {
        return Ok(object);
    }
    let Some(part) = attribute.sub_attribute(&"value".into()) else {
        let reason = "a complex attribute takes a JSON object, or a value at one of its sub-attributes";
        return Err(BuildError::new(path, reason));
    };
    Ok(serde_json::json!({"value": single(value, path, part)?}))
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn decimal(value: &Value) -> Option<Number> {
    match value {
        Value::Integer(number) => Some((*number).into()),
        Value::Text(text) => Number::from_f64(text.trim().parse().ok()?),
        _ => None,
    }
}

/// A value as text, in the forms of RFC 7643 §2.3.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::DateTime(moment) => moment.to_string(),
        Value::Binary(octets) => STANDARD.encode(octets),
        other => other.to_string(),
    }
}

/// True where there is a value.
#[must_use]
pub(super) fn is_value(value: Option<&Json>) -> bool {
    value.is_some_and(|value| !json::is_unassigned(value))
}
