//! Reads flat values out of a resource.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::schema::AttributeType;
use model::{Anchor, Value};
use serde_json::Value as Json;

use super::value::is_value;
use crate::filter::evaluate::moment;
use crate::json;
use crate::name::CaselessName;
use crate::path::Path;
use crate::schema::{Attribute, DataType, ResourceSchema};

/// The value at a path, as an attribute of the wanted type holds it; null where there is none.
///
/// Where no type is wanted, the schema says it, and where the schema does not know the attribute, the JSON does. A
/// complex value without a sub-attribute in the path is read as its `value`, or as the text of its JSON where it has
/// none. Several values give a list. What is not of the type is given as text, so that nothing is taken for absent
/// that is there.
#[must_use]
pub fn read_path(
    resource: &Json,
    path: &Path,
    kind: Option<AttributeType>,
    schema: &ResourceSchema,
) -> Value {
    let path = schema.settle(path.clone());
    let known = path.attribute().and_then(|attribute| schema.attribute(attribute));
    let kind = kind.or_else(|| known.map(attribute_type));
    let found = values_at(resource, &path, schema);
    let mut values: Vec<Value> = found.into_iter().map(|value| from_json(value, kind)).collect();
    let listed = path.filter().is_none()
        && path.attribute().is_some_and(|attribute| is_array(resource, attribute, schema));
    match values.pop() {
        Some(only) if values.is_empty() && !listed => only,
        Some(last) => {
            values.push(last);
            Value::list(values)
        }
        None => Value::Null,
    }
}

/// The type that an attribute's values have in objects: that of its `value` where it is complex.
fn attribute_type(attribute: &Attribute) -> AttributeType {
    if attribute.refers_to_resources() {
        return AttributeType::Reference;
    }
    let simple = attribute.sub_attribute(&"value".into()).filter(|_| attribute.kind == DataType::Complex);
    simple.unwrap_or(attribute).kind.attribute_type()
}

/// True where the resource has a value that a PATCH operation at the path would meet: for a filtered path a value that
/// satisfies the filter, whether or not it has the sub-attribute.
#[must_use]
pub fn has_value(resource: &Json, path: &Path, schema: &ResourceSchema) -> bool {
    match path {
        Path::Values { attribute, filter } => !values_at(
            resource,
            &Path::Values { attribute: attribute.whole(), filter: filter.clone() },
            schema,
        )
        .is_empty(),
        _ => !values_at(resource, path, schema).is_empty(),
    }
}

fn is_array(resource: &Json, attribute: &crate::AttributePath, schema: &ResourceSchema) -> bool {
    json::attribute(resource, attribute, schema).is_some_and(Json::is_array)
}

/// The single JSON values at a path.
fn values_at<'a>(resource: &'a Json, path: &Path, schema: &ResourceSchema) -> Vec<&'a Json> {
    let Some(attribute) = path.attribute() else {
        let uri = path.schema().map_or("", CaselessName::as_str);
        let whole = resource.as_object().and_then(|entries| json::get(entries, uri));
        return whole.into_iter().filter(|value| is_value(Some(value))).collect();
    };
    let whole = json::attribute(resource, attribute, schema);
    let known = schema.whole_attribute(attribute);
    let elements =
        singles(whole).filter(|value| path.filter().is_none_or(|filter| filter.matches_value(value, known)));
    match &attribute.sub_attribute {
        None => elements.collect(),
        // `value` of a value that is no object is the value itself.
        Some(name) => elements
            .filter_map(|value| match value {
                Json::Object(_) => json::part(value, name),
                simple => name.is("value").then_some(simple),
            })
            .flat_map(|value| singles(Some(value)))
            .collect(),
    }
}

fn singles(value: Option<&Json>) -> impl Iterator<Item = &Json> {
    let values = match value {
        None => &[],
        Some(Json::Array(values)) => values.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    values.iter().filter(|value| is_value(Some(value)))
}

fn from_json(value: &Json, kind: Option<AttributeType>) -> Value {
    if let Json::Object(entries) = value {
        return match json::get(entries, "value").filter(|inner| !inner.is_object() && is_value(Some(inner))) {
            Some(inner) => from_json(inner, kind),
            None => Value::text(value.to_string()),
        };
    }
    let typed = match (kind, value) {
        (Some(kind), _) => typed(value, kind),
        (None, Json::Bool(truth)) => Some(Value::Boolean(*truth)),
        (None, _) => value.as_i64().map(Value::Integer),
    };
    typed.unwrap_or_else(|| Value::text(plain(value)))
}

fn typed(value: &Json, kind: AttributeType) -> Option<Value> {
    match kind {
        AttributeType::String => None,
        AttributeType::Boolean => json::truth(value).map(Value::Boolean),
        AttributeType::Integer => match value {
            Json::String(text) => text.trim().parse().ok().map(Value::Integer),
            other => other.as_i64().map(Value::Integer),
        },
        AttributeType::Reference => Some(Value::Reference(Anchor::new(plain(value)))),
        AttributeType::Binary => {
            let octets = STANDARD.decode(value.as_str()?.trim()).ok()?;
            Some(Value::Binary(octets.into_boxed_slice()))
        }
        AttributeType::DateTime => value.as_str().and_then(moment).map(Value::DateTime),
    }
}

/// A single value as text; booleans as expressions print them.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(truth) => Value::Boolean(*truth).to_string(),
        other => other.to_string(),
    }
}
