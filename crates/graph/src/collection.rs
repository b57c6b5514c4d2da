//! Collections and single entities as answers: `@odata.context`, `@odata.count`, `@odata.nextLink`, `value`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json, json};

use crate::path::Version;

/// One page of a collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The members.
    pub value: Vec<Json>,
    /// How many members the whole collection has; set where the client asked with `$count=true`.
    pub count: Option<u64>,
    /// Where the next page is; none for the last.
    pub next_link: Option<String>,
    /// Where changes after the last page are; only for delta functions.
    pub delta_link: Option<String>,
}

impl Page {
    /// The answer's body. `context` is the value of `@odata.context`.
    #[must_use]
    pub fn body(self, context: &str) -> Json {
        let mut body = Map::new();
        body.insert("@odata.context".to_owned(), json!(context));
        let annotations = [
            ("@odata.count", self.count.map(Json::from)),
            ("@odata.nextLink", self.next_link.map(Json::from)),
            ("@odata.deltaLink", self.delta_link.map(Json::from)),
        ];
        for (name, value) in annotations {
            body.extend(value.map(|value| (name.to_owned(), value)));
        }
        body.insert("value".to_owned(), Json::Array(self.value));
        Json::Object(body)
    }
}

/// The value of `@odata.context`: `base` is the service's address without a slash at its end, `fragment` what follows
/// the hash, such as `users` or `groups/$entity`.
#[must_use]
pub fn context(base: &str, version: Version, fragment: &str) -> String {
    format!("{base}/{}/$metadata#{fragment}", version.segment())
}

/// An entity's answer: its properties after `@odata.context`.
#[must_use]
pub fn entity(context: &str, properties: Map<String, Json>) -> Json {
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(context));
    body.extend(properties);
    Json::Object(body)
}

/// Characters that may stand in a query value as they are.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of the next page: the request's own address and query, with the token of the place where it goes on.
/// Paging options of the request that the token replaces are dropped.
#[must_use]
pub fn next_link(address: &str, raw_query: &str, option: &str, token: &str) -> String {
    let replaced = ["skiptoken", "deltatoken", "skip"];
    let kept = raw_query.split('&').filter(|part| {
        let name = part.split('=').next().unwrap_or_default();
        let name = name.trim_start_matches("%24").trim_start_matches('$');
        !part.is_empty() && !replaced.iter().any(|other| name.eq_ignore_ascii_case(other))
    });
    let mut link = format!("{address}?");
    for part in kept {
        link.push_str(part);
        link.push('&');
    }
    link.push_str(option);
    link.push('=');
    link.extend(utf8_percent_encode(token, PLAIN));
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_only_the_annotations_that_apply() {
        let context = context("https://host", Version::V1, "users");
        let body = Page { value: vec![json!({"id": "1"})], ..Page::default() }.body(&context);
        assert_eq!(
            body,
            json!({"@odata.context": "https://host/v1.0/$metadata#users", "value": [{"id": "1"}]})
        );
        let body = Page { count: Some(0), next_link: Some("n".to_owned()), ..Page::default() }.body("c");
        assert_eq!(
            body,
            json!({"@odata.context": "c", "@odata.count": 0, "@odata.nextLink": "n", "value": []})
        );
    }

    #[test]
    fn the_next_link_repeats_the_query_with_another_token() {
        assert_eq!(
            next_link(
                "http://h/beta/users",
                "$top=2&$SkipToken=old&%24skip=4&$filter=a%20eq%201",
                "$skiptoken",
                "x=/y"
            ),
            "http://h/beta/users?$top=2&$filter=a%20eq%201&$skiptoken=x%3D%2Fy"
        );
        assert_eq!(next_link("http://h/u", "", "$skiptoken", "t"), "http://h/u?$skiptoken=t");
    }
}
