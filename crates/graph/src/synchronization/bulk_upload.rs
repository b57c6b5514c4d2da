//! The body of `bulkUpload`: a SCIM bulk request (RFC 7644, section 3.7) that brings users alone.
//!
//! It is read whole or refused whole, in words that name the operation and the member. Names compare without regard to
//! case, as SCIM's do.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use crate::body;
use crate::error::GraphError;

/// The media type of the body.
pub const MEDIA_TYPE: &str = "application/scim+json";
/// The most operations of a request.
pub const MAX_OPERATIONS: usize = 50;
/// Octets that one user may have, as JSON.
pub const MAX_USER: usize = 64 * 1024;

/// The code of an answer to a body that is not understood.
const INVALID_FORMAT: &str = "Invalid Data Format";
const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The longest `externalId`, in characters.
const LONGEST_ID: usize = 256;
/// The longest name of an attribute, in octets.
const LONGEST_NAME: usize = 256;
/// Levels of nesting of a user.
const MAX_DEPTH: usize = 8;
/// What a resource says about itself and not about the person.
const ABOUT_ITSELF: [&str; 3] = ["schemas", "id", "meta"];

/// A user as it was uploaded.
#[derive(Clone, Debug, PartialEq)]
pub struct UploadedUser {
    /// Who it is.
    pub external_id: String,
    /// The attributes that were sent, `externalId` among them, without `schemas`, `id` and `meta`.
    pub attributes: Map<String, Json>,
}

/// 400 for a body of another media type.
#[must_use]
pub fn wrong_media_type() -> GraphError {
    refused("", &format!("Send the header 'Content-Type: {MEDIA_TYPE}'."))
}

/// Reads the body of a request.
///
/// # Errors
/// 400 that names the operation, by its place from 0, and the member, and tells what to send instead.
pub fn parse(octets: &[u8]) -> Result<Vec<UploadedUser>, GraphError> {
    let body = body::json(octets).map_err(|error| refused("", error.message()))?;
    let Json::Object(request) = body else {
        return Err(refused("", "Send a JSON object: a SCIM BulkRequest."));
    };
    members(&request, "", &["schemas", "Operations", "failOnErrors"])?;
    let has_schema = get(&request, "schemas").is_some_and(|schemas| lists(schemas, BULK_REQUEST));
    if !has_schema {
        return Err(refused("schemas", &format!("Send [\"{BULK_REQUEST}\"].")));
    }
    if get(&request, "failOnErrors").is_some_and(|most| !most.is_null() && !most.is_u64()) {
        return Err(refused("failOnErrors", "Send null, or leave it out."));
    }
    let Some(Json::Array(operations)) = get(&request, "Operations") else {
        return Err(refused("Operations", "Send a list of operations."));
    };
    if operations.is_empty() || operations.len() > MAX_OPERATIONS {
        let mend = format!("It has {} operations; send 1 to {MAX_OPERATIONS}.", operations.len());
        return Err(refused("Operations", &mend));
    }
    operations
        .iter()
        .enumerate()
        .map(|(place, one)| operation(&format!("Operations[{place}]"), one))
        .collect()
}

/// A request that would upload these users again, as attributes without `schemas`.
#[must_use]
pub fn request(users: impl IntoIterator<Item = Map<String, Json>>) -> Json {
    let operation = |(place, mut user): (usize, Map<String, Json>)| {
        let extensions = user.keys().filter(|name| is_urn(name)).cloned();
        let schemas: Vec<String> = std::iter::once(USER.to_owned()).chain(extensions).collect();
        user.insert("schemas".to_owned(), json!(schemas));
        json!({ "method": "POST", "bulkId": (place + 1).to_string(), "path": "/Users", "data": user })
    };
    let operations: Vec<Json> = users.into_iter().enumerate().map(operation).collect();
    json!({ "schemas": [BULK_REQUEST], "Operations": operations, "failOnErrors": null })
}

fn operation(place: &str, operation: &Json) -> Result<UploadedUser, GraphError> {
    let Json::Object(operation) = operation else {
        return Err(refused(place, "Send an object with method, bulkId, path and data."));
    };
    members(operation, place, &["method", "bulkId", "path", "data"])?;
    let text = |name: &str| get(operation, name).and_then(Json::as_str).unwrap_or_default();
    let at = |name: &str| format!("{place}.{name}");
    if !text("method").eq_ignore_ascii_case("POST") {
        let mend = "Send \"POST\": whether a user is made or changed, the job finds out.";
        return Err(refused(&at("method"), mend));
    }
    if text("bulkId").trim().is_empty() {
        return Err(refused(&at("bulkId"), "Send a text that identifies the operation."));
    }
    if !text("path").eq_ignore_ascii_case("/Users") {
        return Err(refused(&at("path"), "Send \"/Users\": only users are taken."));
    }
    match get(operation, "data") {
        Some(Json::Object(data)) => user(&at("data"), data),
        _ => Err(refused(&at("data"), "Send the user as an object.")),
    }
}

fn user(place: &str, data: &Map<String, Json>) -> Result<UploadedUser, GraphError> {
    let at = |name: &str| format!("{place}.{name}");
    let size = data.iter().try_fold(0, |sum, (name, value)| {
        Ok::<_, GraphError>(sum + name.len() + measure(&at(name), value, 1)?)
    })?;
    if size > MAX_USER {
        return Err(refused(place, &format!("It is about {size} octets long; send {MAX_USER} at most.")));
    }
    names(place, data)?;
    if !get(data, "schemas").is_some_and(|schemas| lists(schemas, USER)) {
        let mend = format!("Send a list with \"{USER}\" and the schemas of the extensions.");
        return Err(refused(&at("schemas"), &mend));
    }
    let external_id = get(data, "externalId").and_then(Json::as_str).unwrap_or_default();
    if external_id.trim().is_empty() || external_id.chars().count() > LONGEST_ID {
        let mend =
            format!("Send a text of 1 to {LONGEST_ID} characters that identifies the person for good.");
        return Err(refused(&at("externalId"), &mend));
    }
    if external_id.chars().any(char::is_control) {
        return Err(refused(&at("externalId"), "Send a text without control characters."));
    }
    let truth = get(data, "active").is_none_or(|active| match active {
        Json::String(text) => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
        other => other.is_boolean() || other.is_null(),
    });
    if !truth {
        return Err(refused(&at("active"), "Send true or false."));
    }
    if get(data, "password").is_some() {
        return Err(refused(&at("password"), "Leave it out: passwords are not taken."));
    }
    let mut attributes = data.clone();
    attributes.retain(|name, _| !ABOUT_ITSELF.iter().any(|other| name.eq_ignore_ascii_case(other)));
    Ok(UploadedUser { external_id: external_id.to_owned(), attributes })
}

/// Refuses names that are none, and those that differ in case alone.
fn names(place: &str, members: &Map<String, Json>) -> Result<(), GraphError> {
    let mut seen = HashSet::new();
    for (name, value) in members {
        let plain = name.chars().all(|one| one.is_ascii_alphanumeric() || "-_$".contains(one));
        if name.is_empty() || name.len() > LONGEST_NAME || !(plain || is_urn(name)) {
            let shown: String = name.chars().take(40).collect();
            let mend = format!(
                "'{shown}' is no name of an attribute; send one such as userName, or a schema's URN."
            );
            return Err(refused(place, &mend));
        }
        let at = format!("{place}.{name}");
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(refused(&at, "It is there twice, in another case; send it once."));
        }
        match value {
            Json::Object(parts) => names(&at, parts)?,
            _ if is_urn(name) && !value.is_null() => {
                return Err(refused(&at, "Send the attributes of the extension as an object."));
            }
            Json::Array(elements) => {
                elements.iter().filter_map(Json::as_object).try_for_each(|parts| names(&at, parts))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_urn(name: &str) -> bool {
    let start = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
    start && name.chars().all(|one| one.is_ascii_graphic() && !"[]\"".contains(one))
}

/// About how many octets a value has as JSON.
fn measure(place: &str, value: &Json, depth: usize) -> Result<usize, GraphError> {
    if depth > MAX_DEPTH {
        return Err(refused(place, &format!("It nests too deeply; send {MAX_DEPTH} levels at most.")));
    }
    match value {
        Json::String(text) => Ok(text.len() + 3),
        Json::Array(elements) => {
            elements.iter().try_fold(2, |sum, element| Ok(sum + measure(place, element, depth + 1)?))
        }
        Json::Object(parts) => parts
            .iter()
            .try_fold(2, |sum, (name, part)| Ok(sum + name.len() + 4 + measure(place, part, depth + 1)?)),
        _ => Ok(8),
    }
}

/// Refuses members that a message does not have.
fn members(object: &Map<String, Json>, place: &str, known: &[&str]) -> Result<(), GraphError> {
    let is_known = |name: &&String| known.iter().any(|known| name.eq_ignore_ascii_case(known));
    match object.keys().find(|name| !is_known(name)) {
        Some(unknown) => {
            let shown: String = unknown.chars().take(40).collect();
            let mend = format!("It has no member '{shown}'; its members are {}.", known.join(", "));
            Err(refused(place, &mend))
        }
        None => Ok(()),
    }
}

fn get<'a>(object: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn lists(schemas: &Json, wanted: &str) -> bool {
    let listed = |schemas: &Vec<Json>| {
        schemas.iter().any(|one| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(wanted)))
    };
    schemas.as_array().is_some_and(listed)
}

fn refused(place: &str, mend: &str) -> GraphError {
    if place.is_empty() {
        return GraphError::bad_request(format!("{INVALID_FORMAT}. {mend}"));
    }
    let words = format!("{INVALID_FORMAT}: '{place}' cannot be used. {mend}");
    GraphError::bad_request(words).with_detail("InvalidValue", place, mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(change: impl FnOnce(&mut Json)) -> Json {
        let mut body = request(
            [json!({"externalId": "1", "userName": "ada"}), json!({"externalId": "2"})]
                .map(|user| user.as_object().unwrap().clone()),
        );
        change(&mut body);
        body
    }

    fn read(body: &Json) -> Result<Vec<UploadedUser>, GraphError> {
        parse(body.to_string().as_bytes())
    }

    #[test]
    fn a_body_that_is_no_json_is_told_as_any_other() {
        for octets in [&b"{\"schemas\": ["[..], b"\xff", &[b'['; 500]] {
            let error = parse(octets).unwrap_err();
            assert_eq!(error.status(), 400);
            assert!(error.message().starts_with("Invalid Data Format. The request body"), "{error}");
        }
    }

    #[test]
    fn what_is_printed_is_read() {
        let users = read(&body(|_| {})).unwrap();
        assert_eq!(users[0].external_id, "1");
        assert_eq!(Json::Object(users[0].attributes.clone()), json!({"externalId": "1", "userName": "ada"}));
        let extension = json!({"externalId": "1", "urn:a:b": {"c": [1, {"d": null}]}, "active": null});
        let users = request([extension.as_object().unwrap().clone()]);
        assert_eq!(users["Operations"][0]["data"]["schemas"], json!([USER, "urn:a:b"]));
        assert_eq!(Json::Object(read(&users).unwrap()[0].attributes.clone()), extension);
    }

    #[test]
    fn names_compare_without_regard_to_case() {
        let body = json!({
            "SCHEMAS": [BULK_REQUEST.to_uppercase()],
            "operations": [{"METHOD": "post", "bulkid": "x", "Path": "/users", "DATA": {
                "Schemas": [USER.to_lowercase()], "ExternalID": "1", "Active": "FALSE", "Meta": {}, "ID": "7",
            }}],
        });
        let users = read(&body).unwrap();
        assert_eq!(Json::Object(users[0].attributes.clone()), json!({"ExternalID": "1", "Active": "FALSE"}));
    }

    #[test]
    fn words_name_the_operation_and_the_member() {
        type Change = fn(&mut Json);
        let cases: [(Change, &str); 22] = [
            (|body| *body = json!([1]), "Send a JSON object"),
            (|body| body["schemas"] = json!(["x"]), "'schemas'"),
            (|body| body["failOnErrors"] = json!("x"), "'failOnErrors'"),
            (|body| body["odd"] = json!(1), "no member 'odd'"),
            (|body| body["Operations"] = json!({}), "'Operations'"),
            (|body| body["Operations"] = json!([]), "has 0 operations; send 1 to 50"),
            (|body| body["Operations"] = json!(vec![body["Operations"][0].clone(); 51]), "has 51 operations"),
            (|body| body["Operations"][1] = json!("x"), "'Operations[1]'"),
            (|body| body["Operations"][1]["odd"] = json!(1), "no member 'odd'"),
            (|body| body["Operations"][1]["method"] = json!("PATCH"), "'Operations[1].method'"),
            (|body| body["Operations"][1]["bulkId"] = json!(" "), "'Operations[1].bulkId'"),
            (|body| body["Operations"][1]["path"] = json!("/Groups"), "only users are taken"),
            (|body| body["Operations"][1]["data"] = Json::Null, "'Operations[1].data'"),
            (|body| body["Operations"][1]["data"]["schemas"] = json!([]), "'Operations[1].data.schemas'"),
            (
                |body| body["Operations"][1]["data"]["externalId"] = json!(7),
                "'Operations[1].data.externalId'",
            ),
            (|body| body["Operations"][1]["data"]["externalId"] = json!("a\u{0}"), "control characters"),
            (|body| body["Operations"][1]["data"]["active"] = json!("yes"), "'Operations[1].data.active'"),
            (|body| body["Operations"][1]["data"]["password"] = json!("x"), "passwords are not taken"),
            (|body| body["Operations"][1]["data"]["a b"] = json!("x"), "'a b' is no name"),
            (|body| body["Operations"][1]["data"]["EXTERNALID"] = json!("x"), "in another case"),
            (|body| body["Operations"][1]["data"]["urn:a"] = json!("x"), "as an object"),
            (|body| body["Operations"][1]["data"]["note"] = json!("x".repeat(MAX_USER)), "octets long"),
        ];
        for (change, words) in cases {
            let error = read(&body(change)).unwrap_err();
            assert_eq!(error.status(), 400);
            assert!(error.message().starts_with("Invalid Data Format"), "{error}");
            assert!(error.message().contains(words), "{words}: {error}");
        }
        let mut deep = json!(1);
        for _ in 0..MAX_DEPTH {
            deep = json!([deep]);
        }
        let error = read(&body(|body| body["Operations"][0]["data"]["x"] = deep)).unwrap_err();
        assert!(
            error.message().contains("'Operations[0].data.x' cannot be used. It nests too deeply"),
            "{error}"
        );
    }
}
