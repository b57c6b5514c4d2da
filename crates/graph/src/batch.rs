//! `$batch`: up to twenty requests in one (Graph JSON batching).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::body;
use crate::error::GraphError;

/// The most requests of a batch.
pub const MAX_REQUESTS: usize = 20;

/// The body of a `$batch` request.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    requests: Vec<BatchRequest>,
}

/// One request of a batch.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchRequest {
    /// Ties the answer to the request.
    pub id: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// The address below the version, such as `/users?$top=5`; the published Python SDK sends whole addresses.
    pub url: String,
    /// Headers of this request.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
    /// The body: JSON, or octets in base64 as a JSON string.
    #[serde(default)]
    pub body: Option<Json>,
    /// Requests that must have been answered well before this one runs. The published Python SDK misspells the name.
    #[serde(default, alias = "depends_on")]
    pub depends_on: Vec<String>,
}

impl BatchRequest {
    /// The value of a header, its name compared without regard to case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.as_ref()?;
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Path and query below the version. The host of a whole address does not matter: the batch was sent here.
    #[must_use]
    pub fn path_and_query(&self) -> (&str, &str) {
        let whole = self.url.split('#').next().unwrap_or_default();
        let (path, query) = whole.split_once('?').unwrap_or((whole, ""));
        let path = match path.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None => path,
        };
        let bare = path.trim_start_matches('/');
        match bare.split_once('/') {
            Some(("v1.0" | "beta", rest)) => (rest, query),
            _ => (bare, query),
        }
    }
}

/// One answer of a batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchResponse {
    /// The request's id.
    pub id: String,
    /// The status code.
    pub status: u16,
    /// The headers of the answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Json>,
}

/// Reads a batch and brings its requests into an order in which each comes after those that it depends on; otherwise
/// the client's order is kept.
///
/// # Errors
/// 400 for more than [`MAX_REQUESTS`] requests, for ids that are empty or not unique (without regard to case), and for
/// dependencies on requests that the batch lacks or on the request itself, directly or in a circle.
pub fn read(payload: Json) -> Result<Vec<BatchRequest>, GraphError> {
    let Batch { requests } = body::read_envelope(payload)?;
    if requests.len() > MAX_REQUESTS {
        return Err(GraphError::bad_request(format!(
            "Number of batch request steps exceeds the maximum value of {MAX_REQUESTS}. Send {} requests in several batches.",
            requests.len()
        )));
    }
    for (position, request) in requests.iter().enumerate() {
        let taken = requests.iter().take(position).any(|other| other.id.eq_ignore_ascii_case(&request.id));
        if request.id.is_empty() || taken {
            return Err(GraphError::invalid_property(
                "id",
                "Every request of a batch needs an id of its own.",
            ));
        }
    }
    order(requests)
}

fn order(mut waiting: Vec<BatchRequest>) -> Result<Vec<BatchRequest>, GraphError> {
    let known: Vec<String> = waiting.iter().map(|request| request.id.to_lowercase()).collect();
    let mut ordered: Vec<BatchRequest> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|request| {
            request.depends_on.iter().all(|id| ordered.iter().any(|done| done.id.eq_ignore_ascii_case(id)))
        });
        match ready {
            Some(at) => ordered.push(waiting.remove(at)),
            None => return Err(circle(&waiting, &known)),
        }
    }
    Ok(ordered)
}

fn circle(waiting: &[BatchRequest], known: &[String]) -> GraphError {
    let unknown = waiting
        .iter()
        .flat_map(|request| request.depends_on.iter().map(move |id| (request, id)))
        .find(|(_, id)| !known.contains(&id.to_lowercase()));
    match unknown {
        Some((request, id)) => GraphError::invalid_property(
            "dependsOn",
            &format!("Request '{}' depends on '{id}', which the batch does not have.", request.id),
        ),
        None => GraphError::invalid_property(
            "dependsOn",
            &format!(
                "These requests depend on each other in a circle: {}.",
                waiting.iter().map(|request| request.id.as_str()).collect::<Vec<_>>().join(", ")
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn batch(requests: &[(&str, &[&str])]) -> Json {
        let requests: Vec<Json> = requests
            .iter()
            .map(|(id, on)| json!({"id": id, "method": "GET", "url": "/users", "dependsOn": on}))
            .collect();
        json!({ "requests": requests })
    }

    #[test]
    fn annotations_of_the_carried_bodies_stay() {
        let body = json!({"requests": [{
            "id": "1", "method": "PUT", "url": "/users/1/manager/$ref", "body": {"@odata.id": "https://host/users/2"},
        }]});
        let carried = read(body).unwrap().remove(0).body.unwrap();
        assert_eq!(carried["@odata.id"], "https://host/users/2");
    }

    #[test]
    fn requests_come_after_those_they_depend_on() {
        let ordered = read(batch(&[("3", &["2"]), ("1", &[]), ("2", &["1"]), ("4", &[])])).unwrap();
        let ids: Vec<&str> = ordered.iter().map(|request| request.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3", "4"]);
    }

    #[test]
    fn the_python_sdk_writes_dependencies_in_its_own_way() {
        let body =
            json!({"requests": [{"id": "1", "method": "DELETE", "url": "/users/1", "depends_on": []}]});
        assert_eq!(read(body).unwrap()[0].depends_on, Vec::<String>::new());
    }

    #[test]
    fn addresses_may_be_whole_or_relative() {
        for (url, path, query) in [
            ("/users?$top=1", "users", "$top=1"),
            ("users/1/manager", "users/1/manager", ""),
            ("http://127.0.0.1:80/v1.0/users?a=b?c#d", "users", "a=b?c"),
            ("/beta/groups", "groups", ""),
            ("https://host", "", ""),
        ] {
            let body = json!({"requests": [{"id": "1", "method": "GET", "url": url, "depends_on": [], "headers": {"Accept": "x"}}]});
            let requests = read(body).unwrap();
            assert_eq!(requests[0].path_and_query(), (path, query), "{url}");
            assert_eq!(requests[0].header("accept"), Some("x"));
        }
    }

    #[test]
    fn bad_batches_are_refused() {
        let many: Vec<(String, &[&str])> = (0..21).map(|id| (id.to_string(), &[][..])).collect();
        let many: Vec<(&str, &[&str])> = many.iter().map(|(id, on)| (id.as_str(), *on)).collect();
        for (body, words) in [
            (batch(&many), "maximum value of 20"),
            (batch(&[("a", &[]), ("A", &[])]), "an id of its own"),
            (batch(&[("", &[])]), "an id of its own"),
            (batch(&[("1", &["9"])]), "depends on '9', which the batch does not have"),
            (batch(&[("1", &["2"]), ("2", &["1"])]), "in a circle: 1, 2"),
            (batch(&[("1", &["1"])]), "in a circle: 1"),
            (json!({"requests": [{"id": "1", "method": "GET"}]}), "missing field `url`"),
            (json!({}), "missing field `requests`"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn answers_leave_out_what_they_lack() {
        let answer = BatchResponse { id: "1".to_owned(), status: 204, headers: BTreeMap::new(), body: None };
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({"id": "1", "status": 204}));
    }
}
