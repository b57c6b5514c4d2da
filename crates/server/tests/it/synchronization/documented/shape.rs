//! Shapes: JSON whose texts name types, and whether a value has one.

use serde_json::{Map, Value as Json, json};

/// Stands in a shape for a text that is JSON of a shape.
const WITHIN: &str = "JSON within a text";
/// Stands in a shape for null, or a value of a shape.
const OR_NULL: &str = "a value or null";

/// A text that is JSON of a shape.
pub(super) fn within(shape: &Json) -> Json {
    json!({ WITHIN: shape })
}

/// Null, or a value of a shape.
pub(super) fn nullable(shape: &Json) -> Json {
    json!({ OR_NULL: shape })
}

/// Whether a value has a shape. Texts of a shape name types, with `?` where null is allowed; a property whose name ends
/// so may be absent. An array of a shape has one member, which every value has the shape of.
pub(super) fn fits(shape: &Json, value: &Json) -> Result<(), String> {
    match (shape, value) {
        (Json::Object(shape), Json::Null) if shape.contains_key(OR_NULL) => Ok(()),
        (Json::Object(shape), value) if shape.contains_key(OR_NULL) => fits(&shape[OR_NULL], value),
        (Json::Object(shape), Json::String(text)) if shape.contains_key(WITHIN) => {
            let value: Json = serde_json::from_str(text).map_err(|error| format!(": {error}"))?;
            fits(&shape[WITHIN], &value).map_err(|error| format!(" >{error}"))
        }
        (Json::Object(shape), Json::Object(value)) => object_fits(shape, value),
        (Json::Array(shape), Json::Array(values)) => {
            values.iter().enumerate().try_for_each(|(place, value)| {
                fits(&shape[0], value).map_err(|error| format!("[{place}]{error}"))
            })
        }
        (Json::String(kind), value) => text_fits(kind, value),
        (Json::Null, value) if value.as_str() == Some("") => Ok(()),
        (shape, value) => Err(format!(": {value} is not {shape}")),
    }
}

fn object_fits(shape: &Map<String, Json>, value: &Map<String, Json>) -> Result<(), String> {
    for (name, shape) in shape {
        let plain = name.trim_end_matches('?');
        match value.get(plain) {
            Some(value) => fits(shape, value).map_err(|error| format!("/{plain}{error}"))?,
            None if plain == name => return Err(format!("/{name} is missing")),
            None => {}
        }
    }
    let known = |name: &str| shape.keys().any(|known| known.trim_end_matches('?') == name);
    match value.keys().find(|name| !known(name)) {
        Some(unknown) => Err(format!("/{unknown} is not documented")),
        None => Ok(()),
    }
}

fn text_fits(kind: &str, value: &Json) -> Result<(), String> {
    let (kind, nullable) = match kind.strip_suffix('?') {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    let text = value.as_str();
    let fits = match kind {
        "text" => text.is_some(),
        "flag" => value.is_boolean(),
        "number" => value.is_i64(),
        "moment" => text.is_some_and(|text| text.parse::<model::Timestamp>().is_ok()),
        "duration" => text.is_some_and(|text| text.parse::<model::SignedDuration>().is_ok()),
        "guid" => text.is_some_and(|text| text.parse::<model::Uuid>().is_ok()),
        // What is told of an object differs from object to object: texts by name.
        "details" => value.as_object().is_some_and(|members| members.values().all(Json::is_string)),
        // One of several words, or several of them.
        words if words.contains('|') => {
            text.is_some_and(|text| text.split(", ").all(|text| words.split('|').any(|word| word == text)))
        }
        other => panic!("no such type: {other}"),
    };
    if fits || (nullable && value.is_null()) { Ok(()) } else { Err(format!(": {value} is not {kind}")) }
}

#[test]
fn a_shape_is_exact() {
    let shape = json!({
        "id": "text", "count": "number?", "more?": [{"a": "A|B"}], "one": nullable(&json!({"a": "flag"})),
        "inner": within(&json!({"a": "details"})),
    });
    let good = json!({"id": "x", "count": null, "one": null, "inner": "{\"a\":{}}"});
    let with = |name: &str, value: Json| {
        let mut changed = good.clone();
        changed[name] = value;
        changed
    };
    for good in [
        good.clone(),
        with("count", json!(1)),
        with("more", json!([{"a": "A, B"}])),
        with("one", json!({"a": true})),
        with("inner", json!("{\"a\":{\"b\":\"c\"}}")),
    ] {
        assert_eq!(fits(&shape, &good), Ok(()));
    }
    for bad in [
        json!({"id": "x", "one": null, "inner": "{\"a\":{}}"}),
        with("id", Json::Null),
        with("count", json!("1")),
        with("more", json!([{"a": "A"}, {"a": "C"}])),
        with("more", json!({"a": "A"})),
        with("one", json!({})),
        with("one", json!({"a": "true"})),
        with("inner", json!({"a": {}})),
        with("inner", json!("{\"a\":{\"b\":1}}")),
        with("inner", json!("{")),
        with("further", json!(1)),
    ] {
        assert!(fits(&shape, &bad).is_err(), "{bad}");
    }
}
