//! Values in the type that a schema says an attribute has, whatever form they came in.

use std::borrow::Cow;

use model::Value;
use model::schema::AttributeType;

/// A single value in a type; none where it means nothing there. An empty text means null where the type is no text.
pub(crate) fn single(kind: AttributeType, value: &Value) -> Option<Cow<'_, Value>> {
    use AttributeType::{Binary, Boolean, DateTime, Integer, Reference, String};
    let converted = match (kind, value) {
        (String, Value::Text(_))
        | (Boolean, Value::Boolean(_))
        | (Integer, Value::Integer(_))
        | (DateTime, Value::DateTime(_))
        | (Binary | Reference, _) => return Some(Cow::Borrowed(value)),
        (Boolean | Integer | DateTime, Value::Text(text)) if text.is_empty() => Value::Null,
        (Boolean, Value::Text(_)) => Value::Boolean(value.as_boolean()?),
        (Integer, Value::Text(text)) => Value::Integer(text.trim().parse().ok()?),
        (DateTime, Value::Text(text)) => Value::DateTime(expression::moment(text)?),
        (String, other) => Value::text(other.to_string()),
        _ => return None,
    };
    Some(Cow::Owned(converted))
}

/// A value as it compares: in the attribute's type where it means something there, else as it is.
pub(crate) fn comparable(kind: AttributeType, value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Null => Cow::Borrowed(value),
        Value::List(values) => {
            let mut converted = values.iter().map(|one| single(kind, one).unwrap_or(Cow::Borrowed(one)));
            if converted.clone().all(|one| matches!(one, Cow::Borrowed(_))) {
                return Cow::Borrowed(value);
            }
            Cow::Owned(Value::list(converted.by_ref().map(Cow::into_owned)))
        }
        one => single(kind, one).unwrap_or(Cow::Borrowed(one)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_compares_in_the_type_of_its_attribute() {
        let moment: model::Timestamp = "2024-01-31T10:00:00Z".parse().unwrap();
        for (kind, value, expected) in [
            (AttributeType::Boolean, Value::from("True"), Value::Boolean(true)),
            (AttributeType::Boolean, "perhaps".into(), "perhaps".into()),
            (AttributeType::Integer, " 7 ".into(), Value::Integer(7)),
            (AttributeType::Integer, "".into(), Value::Null),
            (AttributeType::String, Value::Integer(7), "7".into()),
            (AttributeType::DateTime, "2024-01-31T11:00:00+01:00".into(), Value::DateTime(moment)),
            (AttributeType::DateTime, "2024-01-31 10:00".into(), Value::DateTime(moment)),
            (
                AttributeType::String,
                Value::list(["a".into(), 1.into()]),
                Value::list(["a".into(), "1".into()]),
            ),
        ] {
            assert_eq!(*comparable(kind, &value), expected, "{value:?} as {kind:?}");
        }
    }
}
