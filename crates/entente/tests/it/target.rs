//! A SCIM service in the test's own process, which can be told to refuse.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value as Json, json};

/// How requests are answered that a test picked.
#[derive(Clone)]
pub(crate) struct Refusal {
    /// Which requests: by method, path and body.
    picks: fn(&Method, &str, &str) -> bool,
    status: u16,
    body: Json,
}

#[derive(Default)]
struct Kept {
    resources: BTreeMap<String, Json>,
    number: usize,
    requests: usize,
    refusal: Option<Refusal>,
}

/// A running service. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) base: String,
    kept: Arc<Mutex<Kept>>,
}

impl Target {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v2", listener.local_addr().unwrap());
        let target = Self { base, kept: Arc::default() };
        let router = Router::new().fallback(answer).with_state(target.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        target
    }

    /// From now on, requests that are picked are answered so, with a SCIM error.
    pub(crate) fn refuse(&self, picks: fn(&Method, &str, &str) -> bool, status: u16) {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(),
            "detail": "told so by the test",
        });
        self.answer_with(picks, status, body);
    }

    /// From now on, requests that are picked are answered so.
    pub(crate) fn answer_with(&self, picks: fn(&Method, &str, &str) -> bool, status: u16, body: Json) {
        self.kept.lock().unwrap().refusal = Some(Refusal { picks, status, body });
    }

    /// From now on, everything works.
    pub(crate) fn heal(&self) {
        self.kept.lock().unwrap().refusal = None;
    }

    pub(crate) fn requests(&self) -> usize {
        self.kept.lock().unwrap().requests
    }

    /// The resources of an endpoint such as `Users`.
    pub(crate) fn resources(&self, endpoint: &str) -> Vec<Json> {
        let kept = self.kept.lock().unwrap();
        let of = |resource: &&Json| resource["meta"]["location"].as_str().unwrap().contains(endpoint);
        kept.resources.values().filter(of).cloned().collect()
    }

    /// Makes resources that nobody knows of.
    pub(crate) async fn fill(&self, endpoint: &str, number: usize) {
        for one in 0..number {
            self.plant(endpoint, &json!({ "userName": format!("stranger{one}") })).await;
        }
    }

    /// Makes a resource behind everybody's back.
    pub(crate) async fn plant(&self, endpoint: &str, resource: &Json) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("{}/{endpoint}", self.base)).body(resource.to_string());
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// Renames a user behind everybody's back.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        let mut kept = self.kept.lock().unwrap();
        let user = kept.resources.values_mut().find(|user| user["userName"] == json!(from));
        user.expect("a user of that name")["userName"] = json!(to);
    }

    /// User names with whether each is active.
    pub(crate) fn users(&self) -> BTreeMap<String, bool> {
        let users = self.resources("/Users/");
        // Entra's form of PATCH writes booleans as texts.
        let active = |user: &Json| user["active"] != json!(false) && user["active"] != json!("False");
        users.iter().map(|user| (text(&user["userName"]), active(user))).collect()
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn answer(
    State(target): State<Target>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response {
    let body = String::from_utf8_lossy(&body).into_owned();
    let mut kept = target.kept.lock().unwrap();
    kept.requests += 1;
    if let Some(refusal) = kept.refusal.clone().filter(|refusal| (refusal.picks)(&method, uri.path(), &body))
    {
        return reply(refusal.status, &refusal.body);
    }
    let path = uri.path().strip_prefix("/v2/").unwrap_or_default();
    let (endpoint, id) = path.split_once('/').unwrap_or((path, ""));
    if !["Users", "Groups"].contains(&endpoint) {
        return reply(404, &json!({}));
    }
    let sent: Json = serde_json::from_str(&body).unwrap_or_default();
    match (method.as_str(), id) {
        ("GET", "") => kept.list(&target.base, endpoint, &query),
        ("POST", "") => {
            kept.number += 1;
            let id = format!("r{}", kept.number);
            let mut made = sent;
            made["id"] = json!(id);
            made["meta"] = json!({ "location": format!("{}/{endpoint}/{id}", target.base) });
            kept.resources.insert(id, made.clone());
            reply(201, &made)
        }
        ("GET", id) => {
            kept.resources.get(id).map_or_else(|| reply(404, &json!({})), |found| reply(200, found))
        }
        ("PATCH", id) => match kept.resources.get_mut(id) {
            Some(resource) => {
                patch(resource, &sent);
                reply(200, resource)
            }
            None => reply(404, &json!({})),
        },
        ("DELETE", id) => reply(if kept.resources.remove(id).is_some() { 204 } else { 404 }, &Json::Null),
        _ => reply(405, &json!({})),
    }
}

impl Kept {
    fn list(&self, base: &str, endpoint: &str, query: &BTreeMap<String, String>) -> Response {
        let prefix = format!("{base}/{endpoint}/");
        let filter = query.get("filter").and_then(|filter| filter.split_once(" eq "));
        let found: Vec<&Json> = self
            .resources
            .values()
            .filter(|one| text(&one["meta"]["location"]).starts_with(&prefix))
            .filter(|one| {
                filter.is_none_or(|(name, value)| {
                    text(&one[name]).eq_ignore_ascii_case(value.trim_matches('"'))
                })
            })
            .collect();
        let start: usize = query.get("startIndex").and_then(|text| text.parse().ok()).unwrap_or(1);
        let page: Vec<&Json> = found.iter().skip(start.saturating_sub(1)).take(100).copied().collect();
        let list = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": found.len(), "startIndex": start, "itemsPerPage": page.len(), "Resources": page,
        });
        reply(200, &list)
    }
}

/// As much of PATCH as the connector sends for simple attributes, managers and members.
fn patch(resource: &mut Json, sent: &Json) {
    for operation in sent["Operations"].as_array().into_iter().flatten() {
        let (value, path) = (operation["value"].clone(), text(&operation["path"]));
        match (text(&operation["op"]).to_lowercase().as_str(), path.as_str()) {
            ("remove", path) => {
                resource.as_object_mut().unwrap().remove(path);
            }
            (_, "") => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    resource[name] = value.clone();
                }
            }
            ("add", "members") => {
                let mut members = resource["members"].as_array().cloned().unwrap_or_default();
                members.extend(value.as_array().cloned().unwrap_or_default());
                resource["members"] = Json::Array(members);
            }
            (_, path) => resource[path] = value,
        }
    }
}

fn reply(status: u16, body: &Json) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    if body.is_null() {
        return status.into_response();
    }
    // Whoever throttles asks for no wait, so that tests need none.
    let headers = [(header::CONTENT_TYPE, "application/scim+json"), (header::RETRY_AFTER, "0")];
    (status, headers, body.to_string()).into_response()
}
