//! The description of the Graph API in `OpenAPI` 3.0, made from the table of routes.
//!
//! It tells what there is and what an operation needs; what resources look like, the Graph reference tells.

use std::collections::BTreeSet;

use graph::path::Version;
use http::Method;
use serde_json::{Map, Value as Json, json};

use super::route::{Needs, Route};

/// Query options that a GET may bring, with their schemas.
const OPTIONS: [(&str, &str); 8] = [
    ("$select", "string"),
    ("$expand", "string"),
    ("$filter", "string"),
    ("$orderby", "string"),
    ("$search", "string"),
    ("$top", "integer"),
    ("$skip", "integer"),
    ("$count", "boolean"),
];
/// What succeeds with these.
const SUCCESSES: [(u16, &str); 4] = [
    (200, "What was asked for, or the result."),
    (201, "The new resource."),
    (202, "Accepted; the result comes later."),
    (204, "Done."),
];
/// What is refused with these, each with words that tell what to do.
const REFUSALS: [(u16, &str); 13] = [
    (400, "The request is not understood or not possible."),
    (401, "There is no valid token."),
    (403, "The token lacks the permission."),
    (404, "What the path names does not exist."),
    (405, "The path takes other methods."),
    (409, "The request does not fit what is there."),
    (410, "The place in a round of changes is gone; begin anew."),
    (412, "The object has another version."),
    (413, "The body is too large."),
    (415, "The body is of another media type."),
    (429, "Too many requests; try again later."),
    (503, "The service is busy; try again later."),
    (507, "There is no room for more."),
];

/// The whole description.
pub(super) fn description<'a>(routes: impl Iterator<Item = &'a Route>, base: &str) -> Json {
    let mut paths = Map::new();
    for route in routes {
        for version in [Version::V1, Version::Beta] {
            if route.only.is_some_and(|only| only != version) {
                continue;
            }
            let path = format!("/{}/{}", version.segment(), route.path);
            let item = paths.entry(path).or_insert_with(|| json!({ "parameters": keys(route.path) }));
            if let Json::Object(item) = item {
                item.insert(route.method.as_str().to_lowercase(), operation(route, version));
            }
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Entente",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The Graph API of Entente. Resources have the shapes of the Microsoft Graph reference. The SCIM service at /scim/v2 describes itself there.",
        },
        "servers": [{ "url": base }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "schemas": { "error": error() },
            "responses": REFUSALS.iter().map(|(status, words)| (status.to_string(), refusal(words))).collect::<Map<_, _>>(),
        },
        "security": [{ "token": [] }],
    })
}

/// The keys of a path as parameters.
fn keys(path: &str) -> Vec<Json> {
    let names: BTreeSet<&str> =
        path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let parameter = |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } });
    names.into_iter().map(parameter).collect()
}

fn operation(route: &Route, version: Version) -> Json {
    let tag = route.path.split('/').next().unwrap_or_default();
    let name = format!("{}.{}.{}", version.segment(), route.path.replace(['/', '{', '}'], "."), route.method);
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), json!(name.replace("..", ".")));
    operation.insert("tags".to_owned(), json!([tag]));
    operation.insert("responses".to_owned(), responses(route));
    match route.needs {
        Needs::OneOf(permissions) => {
            operation.insert("x-permissions".to_owned(), json!(permissions));
            let words = format!("Needs one of the permissions {}.", permissions.join(", "));
            operation.insert("description".to_owned(), json!(words));
        }
        Needs::Token => {
            operation.insert("description".to_owned(), json!("Needs the permissions of what it carries."));
        }
    }
    if route.method == Method::GET {
        operation.insert("parameters".to_owned(), json!(OPTIONS.map(option)));
    } else if route.method != Method::DELETE {
        let body = json!({ "content": { route.takes: { "schema": { "type": "object" } } } });
        operation.insert("requestBody".to_owned(), body);
    }
    Json::Object(operation)
}

fn option((name, kind): (&str, &str)) -> Json {
    json!({ "name": name, "in": "query", "schema": { "type": kind } })
}

/// What an operation may answer.
fn responses(route: &Route) -> Json {
    let done = route.answers.iter().map(|status| {
        let words = SUCCESSES.iter().find(|(known, _)| known == status).map_or("Done.", |(_, words)| words);
        (status.to_string(), json!({ "description": words }))
    });
    let refused = REFUSALS.iter().map(|(status, _)| {
        let status = status.to_string();
        let reference = json!({ "$ref": format!("#/components/responses/{status}") });
        (status, reference)
    });
    Json::Object(done.chain(refused).collect())
}

fn refusal(words: &str) -> Json {
    let schema = json!({ "$ref": "#/components/schemas/error" });
    json!({ "description": words, "content": { "application/json": { "schema": schema } } })
}

/// The envelope of errors.
fn error() -> Json {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": { "type": "string" },
                "message": { "type": "string" },
                "innerError": { "type": "object" },
            },
        } },
    })
}
