//! Brings the values of requests into the types of their attributes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value as Json, json};

use super::Form;
use crate::error::{Error, ScimType};
use crate::filter::evaluate::moment;
use crate::json::{self, Entries, describe};
use crate::schema::{Attribute, DataType, Mutability};

/// Reads values for one attribute; `open` lets unknown sub-attributes pass.
#[derive(Clone, Copy)]
pub(super) struct Typing {
    pub(super) form: Form,
    pub(super) open: bool,
}

impl Typing {
    /// The value as the attribute holds it: an array for a multi-valued one, the single value for others, and null
    /// where the value means that there is none.
    pub(super) fn whole(
        self,
        value: &Json,
        attribute: Option<&Attribute>,
        place: &str,
    ) -> Result<Json, Error> {
        let Some(attribute) = attribute else {
            return Ok(if json::is_unassigned(value) { Json::Null } else { value.clone() });
        };
        if json::is_unassigned(value) {
            return Ok(Json::Null);
        }
        match (attribute.multi_valued, value) {
            (true, Json::Array(values)) => self.several(values, attribute, place),
            (true, one) => self.several(std::slice::from_ref(one), attribute, place),
            (false, Json::Array(values)) => match values.as_slice() {
                [one] if self.form == Form::Entra => self.single(one, attribute, place),
                _ => Err(wrong(place, &format!("holds one value, but an array of {} came", values.len()))),
            },
            (false, one) => self.single(one, attribute, place),
        }
    }

    fn several(self, values: &[Json], attribute: &Attribute, place: &str) -> Result<Json, Error> {
        let mut typed = Vec::with_capacity(values.len());
        for value in values {
            let one = self.single(value, attribute, place)?;
            if !one.is_null() {
                typed.push(one);
            }
        }
        if typed.iter().filter(|value| is_primary(value)).count() > 1 {
            return Err(wrong(place, "can have one primary value, but several came"));
        }
        Ok(if typed.is_empty() { Json::Null } else { Json::Array(typed) })
    }

    /// One value of the attribute.
    pub(super) fn single(self, value: &Json, attribute: &Attribute, place: &str) -> Result<Json, Error> {
        if value.is_null() {
            return Ok(Json::Null);
        }
        let typed = match (attribute.kind, value) {
            (DataType::Complex, _) => return self.complex(value, attribute, place),
            (kind, value) if fits(kind, value) => Some(value.clone()),
            (kind, Json::String(text)) if self.form == Form::Entra => from_text(kind, text.trim()),
            _ => None,
        };
        typed.ok_or_else(|| {
            let seen = match value {
                Json::String(text) => format!("\"{}\"", crate::syntax::shorten(text, 40)),
                other => describe(other).to_owned(),
            };
            wrong(place, &format!("is of type {}, but {seen} came", attribute.kind.as_str()))
        })
    }

    fn complex(self, value: &Json, attribute: &Attribute, place: &str) -> Result<Json, Error> {
        let entries = match value {
            Json::Object(entries) => self.parts(entries, attribute, place)?,
            scalar if self.form == Form::Entra && !scalar.is_array() => {
                let Some(part) = attribute.sub_attribute(&"value".into()) else {
                    return Err(wrong(place, &format!("is complex, but {} came", describe(value))));
                };
                let one = self.single(scalar, part, place)?;
                [(part.name.clone(), one)].into_iter().collect()
            }
            other => return Err(wrong(place, &format!("is complex, but {} came", describe(other)))),
        };
        let refers_to_nothing = self.form == Form::Entra
            && attribute.refers_to_resources()
            && entries.get("value").is_some_and(|value| *value == json!(""));
        Ok(if refers_to_nothing || entries.is_empty() { Json::Null } else { Json::Object(entries) })
    }

    /// The sub-attributes that a client may write, without nulls; what the service alone writes is left out.
    fn parts(self, entries: &Entries, attribute: &Attribute, place: &str) -> Result<Entries, Error> {
        let service_only = attribute.mutability == Mutability::ReadOnly;
        let mut typed = Entries::new();
        for (key, value) in entries {
            let place = format!("{place}.{key}");
            match attribute.sub_attribute(&key.as_str().into()) {
                Some(part) if part.mutability == Mutability::ReadOnly && !service_only => {}
                Some(part) => {
                    let value = self.whole(value, Some(part), &place)?;
                    if !value.is_null() {
                        typed.insert(part.name.clone(), value);
                    }
                }
                None if self.open => {
                    typed.insert(key.clone(), value.clone());
                }
                None => return Err(wrong(&place, "is no attribute of this resource type")),
            }
        }
        Ok(typed)
    }
}

/// True where a JSON value is of a simple type.
fn fits(kind: DataType, value: &Json) -> bool {
    match (kind, value) {
        (DataType::Boolean, Json::Bool(_))
        | (DataType::Decimal, Json::Number(_))
        | (DataType::String | DataType::Reference, Json::String(_)) => true,
        (DataType::Integer, Json::Number(number)) => number.is_i64() || number.is_u64(),
        (DataType::DateTime, Json::String(text)) => moment(text).is_some(),
        (DataType::Binary, Json::String(text)) => STANDARD.decode(text).is_ok(),
        _ => false,
    }
}

/// The boolean or number that a text spells.
fn from_text(kind: DataType, text: &str) -> Option<Json> {
    match kind {
        DataType::Boolean => json::truth(&text.into()).map(Json::Bool),
        DataType::Integer => text.parse::<i64>().ok().map(Json::from),
        DataType::Decimal => Number::from_f64(text.parse().ok()?).map(Json::Number),
        _ => None,
    }
}

/// True where an element is marked as the preferred one.
pub(super) fn is_primary(element: &Json) -> bool {
    element.as_object().and_then(|entries| json::get(entries, "primary")) == Some(&Json::Bool(true))
}

fn wrong(place: &str, reason: &str) -> Error {
    Error::bad_request(ScimType::InvalidValue, format!("{place} {reason}"))
}
