//! Request bodies: read strictly, refused with the name of the property that is wrong.

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::error::{BAD_REQUEST, GraphError};

/// How deep a body may nest: as deep as a schema in a list in a batch, whose expressions have all the levels that the
/// language allows. Each level of an expression is a comparison within a function, and each of these an object in a
/// pair in a list.
pub const MAX_DEPTH: usize = 420;

/// Reads a body as JSON. An empty body is an empty object: actions without parameters may be sent so.
///
/// # Errors
/// 400 for text that is no JSON, with line and column, and for JSON that nests deeper than [`MAX_DEPTH`].
pub fn json(octets: &[u8]) -> Result<Json, GraphError> {
    if octets.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Object(Map::new()));
    }
    if deepest(octets) > MAX_DEPTH {
        return Err(GraphError::bad_request(format!(
            "The request body nests deeper than {MAX_DEPTH} levels."
        )));
    }
    let mut reader = serde_json::Deserializer::from_slice(octets);
    // Its own limit is lower; the depth is known.
    reader.disable_recursion_limit();
    let body = Json::deserialize(&mut reader).and_then(|body| reader.end().map(|()| body));
    body.map_err(|error| {
        GraphError::new(
            400,
            BAD_REQUEST,
            format!("The request body is not valid JSON: {error}. Correct it there."),
        )
    })
}

/// The body as an object, without the annotations that clients may send and that mean nothing here.
///
/// # Errors
/// 400 where the body is no object.
pub fn object(body: Json) -> Result<Map<String, Json>, GraphError> {
    match body {
        Json::Object(mut members) => {
            drop_annotations(&mut members);
            Ok(members)
        }
        _ => Err(GraphError::bad_request("The request body must be a JSON object.")),
    }
}

/// Reads a body into its type. Annotations (`@odata.…`) are dropped at every level. The type should be marked
/// `deny_unknown_fields`, so that a misspelled property is refused and not ignored.
///
/// # Errors
/// 400 that names the property: one that is unknown, missing, or of a wrong type.
pub fn read<T: DeserializeOwned>(body: Json) -> Result<T, GraphError> {
    let mut members = object(body)?;
    for value in members.values_mut() {
        drop_annotations_below(value);
    }
    typed(members)
}

/// Reads a body that carries bodies of others into its type: annotations are dropped at its own level alone.
///
/// # Errors
/// As [`read`].
pub fn read_envelope<T: DeserializeOwned>(body: Json) -> Result<T, GraphError> {
    typed(object(body)?)
}

fn typed<T: DeserializeOwned>(members: Map<String, Json>) -> Result<T, GraphError> {
    serde_path_to_error::deserialize(Json::Object(members)).map_err(|error| {
        let path = error.path().to_string();
        let reason = plain(&error.inner().to_string());
        if path == "." {
            GraphError::bad_request(format!("The request body cannot be used: {reason}."))
        } else {
            GraphError::invalid_property(&path, &format!("The value cannot be used: {reason}."))
        }
    })
}

/// A reader's words about a value of a wrong type, in words for people; other words as they are.
fn plain(reason: &str) -> String {
    let types = reason.strip_prefix("invalid type: ").and_then(|types| types.split_once(", expected "));
    let Some((found, wanted)) = types else { return reason.to_owned() };
    let found = match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        other => match other.split_once(' ') {
            Some(("string", text)) => format!("the text {text}"),
            Some((_, literal)) if literal.contains('`') => {
                literal.rsplit(' ').next().unwrap_or(literal).trim_matches('`').to_owned()
            }
            _ => other.to_owned(),
        },
    };
    let wanted = match wanted {
        "a sequence" => "a list",
        "a string" => "a text",
        "a boolean" => "true or false",
        "a map" => "an object",
        "i64" | "u64" | "i32" | "u32" | "usize" => "a whole number",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("it is {found}, but must be {wanted}")
}

/// Removes `@odata.…` and other instance annotations, but not annotations of a property such as `members@odata.bind`.
fn drop_annotations(members: &mut Map<String, Json>) {
    members.retain(|name, _| !name.starts_with('@'));
}

fn drop_annotations_below(value: &mut Json) {
    match value {
        Json::Object(members) => {
            drop_annotations(members);
            members.values_mut().for_each(drop_annotations_below);
        }
        Json::Array(values) => values.iter_mut().for_each(drop_annotations_below),
        _ => {}
    }
}

/// How deep a text nests, at least up to where it stops being JSON.
fn deepest(octets: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for octet in octets {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json as value;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Outer {
        template_id: String,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        number: u8,
    }

    #[test]
    fn annotations_are_dropped_at_every_level() {
        let body =
            value!({"@odata.type": "x", "templateId": "scim", "inner": {"@odata.id": "y", "number": 1}});
        let read: Outer = read(body).unwrap();
        assert_eq!(read, Outer { template_id: "scim".to_owned(), inner: Some(Inner { number: 1 }) });
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, words) in [
            (value!({"templateID": "scim"}), "unknown field `templateID`, expected `templateId` or `inner`"),
            (
                value!({"templateId": 5}),
                "'templateId'. The value cannot be used: it is 5, but must be a text.",
            ),
            (value!({"templateId": null}), "it is null, but must be a text."),
            (value!({"templateId": "x", "inner": "y"}), "it is the text \"y\", but must be an object."),
            (value!({"templateId": ["x"]}), "it is a list, but must be a text."),
            (value!({"templateId": "x", "inner": {"number": 300}}), "'inner.number'"),
            (value!({"templateId": "x", "inner": {"nmber": 3}}), "unknown field `nmber`"),
            (value!({}), "missing field `templateId`"),
            (value!([]), "must be a JSON object"),
        ] {
            let error = read::<Outer>(body).unwrap_err();
            assert_eq!(error.status(), 400);
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn bodies_are_json_of_a_limited_depth() {
        assert_eq!(json(b" \n").unwrap(), value!({}));
        let error = json(b"{\"a\": }").unwrap_err();
        assert!(error.message().contains("line 1 column 7"), "{error}");
        for (depth, good) in [(MAX_DEPTH, true), (MAX_DEPTH + 1, false)] {
            let text = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(json(text.as_bytes()).is_ok(), good, "{depth}");
        }
        assert!(json("[".repeat(1_000_000).as_bytes()).is_err());
        // Brackets in texts nest nothing.
        let text = Json::from(format!("{}\\\"{{", "[\\".repeat(MAX_DEPTH)));
        assert_eq!(json(text.to_string().as_bytes()).unwrap(), text);
        assert!(json(b"{} {}").is_err());
    }
}
