//! The filter that finds resources by a value.

use model::Value;
use serde_json::Value as Json;

use super::resource::part_json;
use super::value::to_json;
use super::{BuildError, typed_filter};
use crate::filter::{Filter, Literal};
use crate::path::{AttributePath, Path};
use crate::schema::{Attribute, ResourceSchema};

/// `path eq value`, for a filtered path within the brackets: `emails[type eq "work" and value eq "x"]`, the only form
/// that RFC 7644 has for it. A complex attribute is compared by its `value`.
pub fn equality(path: &Path, value: &Value, schema: &ResourceSchema) -> Result<Filter, BuildError> {
    let path = schema.settle(path.clone());
    let Some(attribute) = path.attribute() else {
        return Err(BuildError::new(&path, "the path names a schema; an attribute of it must follow"));
    };
    let Some(value) = value.single() else {
        return Err(BuildError::new(&path, "exactly one value can be looked for"));
    };
    let known = schema.whole_attribute(attribute);
    let is_complex = known.is_some_and(|known| !known.sub_attributes.is_empty());
    match path.filter() {
        Some(filter) => {
            let part = attribute.sub_attribute.clone().unwrap_or_else(|| "value".into());
            let literal = literal(&part_json(value, attribute, known).map_err(|error| error.at(&path))?);
            let equal =
                Filter::equal(AttributePath { schema: None, attribute: part, sub_attribute: None }, literal);
            let inner = match typed_filter(filter, known) {
                Filter::And(mut all) => {
                    all.push(equal);
                    Filter::And(all)
                }
                other => Filter::And(vec![other, equal]),
            };
            Ok(Filter::Values(attribute.whole(), Box::new(inner)))
        }
        None if attribute.sub_attribute.is_some() || is_complex => {
            let value = part_json(value, attribute, known).map_err(|error| error.at(&path))?;
            let attribute = match &attribute.sub_attribute {
                Some(_) => attribute.clone(),
                None => attribute.clone().with_sub_attribute("value"),
            };
            Ok(Filter::equal(attribute, literal(&value)))
        }
        None => {
            let one = known.map(|known| Attribute { multi_valued: false, ..known.clone() });
            let value = to_json(value, attribute, one.as_ref()).map_err(|error| error.at(&path))?;
            Ok(Filter::equal(attribute.clone(), literal(&value)))
        }
    }
}

/// `path eq value` with the path as it is written.
pub(super) fn plain_equality(
    path: &Path,
    value: &Value,
    schema: &ResourceSchema,
) -> Result<String, BuildError> {
    match equality(path, value, schema)? {
        Filter::Compare(_, _, literal) => Ok(format!("{path} eq {literal}")),
        Filter::Values(_, inner) => {
            // The value is the last of the equalities.
            let literal =
                inner.equalities().and_then(|all| all.last().map(|(_, literal)| literal.to_string()));
            literal.map(|literal| format!("{path} eq {literal}")).ok_or_else(|| {
                let reason = "only a filter of equalities joined by \"and\" can be looked for";
                BuildError::new(path, reason)
            })
        }
        other => Ok(other.to_string()),
    }
}

fn literal(value: &Json) -> Literal {
    match value {
        Json::Null => Literal::Null,
        Json::Bool(truth) => Literal::Boolean(*truth),
        Json::Number(number) => Literal::Number(number.clone()),
        Json::String(text) => Literal::Text(text.clone()),
        other => match other.get("value").and_then(Json::as_str) {
            Some(text) => text.into(),
            None => Literal::Text(other.to_string()),
        },
    }
}
