//! Answers, and what their statuses mean.

use std::time::Duration;

use connector::{ConnectorError, ErrorClass, Result};
use model::{FailureCode, Timestamp};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, LOCATION};
use scim::ScimType;
use serde_json::Value as Json;

use crate::hidden::Hidden;
use crate::retry_after::retry_after;

/// The longest body, in octets, that is taken for an error sent with a status of success. Errors are short; a long body
/// is what was asked for.
pub(crate) const LONGEST_ERROR: usize = 64 * 1024;
/// How much of a body an error quotes, in characters.
const QUOTED: usize = 300;

/// An answer of any status.
pub(crate) struct Answer {
    /// The request, for errors: method and address.
    asked: String,
    /// What came, for errors: the status, and the one that a SCIM error in the body names instead.
    came: String,
    /// The status; of a success that carries a SCIM error in its body, the error's.
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    /// False where only the beginning of the body was read.
    is_whole: bool,
    wait: Option<Duration>,
    /// The body as a SCIM error.
    refusal: Option<scim::Error>,
    /// What no error may show.
    secrets: Hidden,
}

impl Answer {
    pub(crate) fn new(
        asked: String,
        status: StatusCode,
        headers: HeaderMap,
        body: Vec<u8>,
        now: Timestamp,
        secrets: Hidden,
    ) -> Self {
        let wait = retry_after(&headers, now);
        let (mut effective, mut came, mut refusal) = (status, status.to_string(), None);
        if !status.is_success() {
            refusal = serde_json::from_slice::<scim::Error>(&body).ok();
        } else if let Some(error) = disguised_error(&body) {
            let named = StatusCode::from_u16(error.status).ok();
            effective = named
                .filter(|status| status.is_client_error() || status.is_server_error())
                .unwrap_or(StatusCode::BAD_REQUEST);
            came = format!("{status} and the error {effective} in its body");
            refusal = Some(error);
        }
        Self { asked, came, status: effective, headers, body, is_whole: true, wait, refusal, secrets }
    }

    /// The same answer where more of its body is to come, which is not read.
    pub(crate) fn cut(self) -> Self {
        Self { is_whole: false, ..self }
    }

    /// The answer if it grants the request; what the refusal means otherwise. A web page grants nothing, whatever its
    /// status: it comes from something in front of the service.
    pub(crate) fn granted(self) -> Result<Self> {
        match self.status.is_success() {
            true if self.is_web_page() => {
                Err(self.incompatible("where an answer of a SCIM service was expected"))
            }
            true => Ok(self),
            false => Err(self.refused()),
        }
    }

    /// True where the service is down: it says so, or what stands in front of it does (from 520 in the words of CDNs).
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self.status.as_u16(), 502..=504 | 520..=530)
    }

    /// The request in words: method and address.
    pub(crate) fn asked(&self) -> &str {
        &self.asked
    }

    /// The kind of error that the service names.
    pub(crate) fn scim_type(&self) -> Option<&ScimType> {
        self.refusal.as_ref()?.scim_type.as_ref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.body.iter().all(u8::is_ascii_whitespace)
    }

    /// True where no resource can be read off the answer to a change: there is none, or it is too large.
    pub(crate) fn shows_nothing(&self) -> bool {
        !self.is_whole || self.is_empty()
    }

    /// The body as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, what: &str) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let problem = if error.is_data() { format!("; {error}") } else { String::new() };
            let problem = self.secrets.conceal(&problem);
            self.incompatible(&format!("where {what} was expected{problem}"))
        })
    }

    /// The address of the resource that the answer is about.
    pub(crate) fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION)?.to_str().ok()
    }

    /// The resource's entity tag.
    pub(crate) fn etag(&self) -> Option<&str> {
        self.headers.get(ETAG)?.to_str().ok()
    }

    /// An answer that SCIM does not allow here.
    pub(crate) fn incompatible(&self, expected: &str) -> ConnectorError {
        let detail = format!("{} answered {} with {} {expected}", self.asked, self.came, self.seen());
        ConnectorError::new(ErrorClass::Unavailable, detail).code(FailureCode::ServiceIncompatible)
    }

    /// What a status other than success means.
    pub(crate) fn refused(&self) -> ConnectorError {
        let (class, code) = self.meaning();
        let mut detail = format!("{} answered {}", self.asked, self.came);
        if !self.is_empty() {
            detail = format!("{detail} with {}", self.seen());
        }
        ConnectorError::new(class, detail).code(code)
    }

    /// The same with what a person may do about it.
    pub(crate) fn refused_with(&self, advice: &str) -> ConnectorError {
        let error = self.refused();
        ConnectorError { detail: format!("{}; {advice}", error.detail), ..error }
    }

    fn meaning(&self) -> (ErrorClass, FailureCode) {
        let after = self.wait;
        match self.status.as_u16() {
            401 => (ErrorClass::Unauthorized, FailureCode::InvalidCredentials),
            402 => (ErrorClass::Permanent, FailureCode::LicenseLimitExceeded),
            403 => (ErrorClass::Permanent, FailureCode::InsufficientRights),
            // A web page in the place of an error comes from something that does not know the service's resources.
            404 if self.is_web_page() => (ErrorClass::Unavailable, FailureCode::ServiceIncompatible),
            404 | 410 => (ErrorClass::NotFound, FailureCode::InvalidAnchor),
            405 => (ErrorClass::Permanent, FailureCode::MethodNotAllowed),
            408 => (ErrorClass::Retry { after }, FailureCode::Timeout),
            409 => (ErrorClass::Conflict, FailureCode::EntryConflict),
            400 if self.scim_type() == Some(&ScimType::Uniqueness) => {
                (ErrorClass::Conflict, FailureCode::EntryConflict)
            }
            400 | 422 => (ErrorClass::Invalid { attribute: None }, FailureCode::UnprocessableEntity),
            412 | 423 | 425 => (ErrorClass::Retry { after }, FailureCode::Conflict),
            429 => (ErrorClass::Throttled { after }, FailureCode::TooManyRequests),
            501 => (ErrorClass::Permanent, FailureCode::NotImplemented),
            500..=599 => (ErrorClass::Retry { after }, FailureCode::InternalServerError),
            300..=399 => (ErrorClass::Unavailable, FailureCode::ServiceIncompatible),
            _ => (ErrorClass::Permanent, FailureCode::UnprocessableEntity),
        }
    }

    fn is_web_page(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        kind.to_ascii_lowercase().contains("html")
            || self.body.iter().find(|octet| !octet.is_ascii_whitespace()) == Some(&b'<')
    }

    /// What the body says, for errors: shortened and without secrets.
    fn seen(&self) -> String {
        if self.is_empty() {
            return "an empty body".to_owned();
        }
        let text = match &self.refusal {
            Some(refusal) => match (&refusal.scim_type, refusal.detail.is_empty()) {
                (Some(scim_type), false) => format!("{scim_type}: {}", refusal.detail),
                (Some(scim_type), true) => scim_type.to_string(),
                (None, _) => refusal.detail.clone(),
            },
            // Enough for the quotation, whatever is cut away below.
            None => String::from_utf8_lossy(self.body.get(..16 * 1024).unwrap_or(&self.body)).into_owned(),
        };
        let text = self.secrets.conceal(&text);
        let kind = if self.refusal.is_none() && self.is_web_page() { "the web page " } else { "" };
        let words = text.split(|one: char| one.is_whitespace() || one.is_control());
        let mut line = String::new();
        for word in words.filter(|word| !word.is_empty()) {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
            // No more of it is looked at than is shown.
            if line.len() > 4 * QUOTED {
                break;
            }
        }
        let shortened = match line.char_indices().nth(QUOTED) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or("")),
            None => line,
        };
        format!("{kind}\"{shortened}\"")
    }
}

/// The SCIM error that a service sends with a status of success.
fn disguised_error(body: &[u8]) -> Option<scim::Error> {
    #[derive(serde::Deserialize)]
    struct Seen {
        #[serde(default)]
        schemas: Vec<String>,
        id: Option<Json>,
        status: Option<Json>,
    }
    if body.len() > LONGEST_ERROR {
        return None;
    }
    let Seen { schemas, id, status } = serde_json::from_slice(body).ok()?;
    let named = schemas.iter().any(|schema| schema == scim::error::ERROR_SCHEMA);
    // Some leave the schema out; what has no id and tells the status of a failure is no resource.
    let told = status.is_some_and(|status| {
        let status = status.as_u64().or_else(|| status.as_str()?.parse().ok());
        status.is_some_and(|status| (400..600).contains(&status))
    });
    (named || (id.is_none() && told)).then(|| serde_json::from_slice(body).ok())?
}

/// The id in an address such as `https://host/v2/Users/2819c223`.
pub(crate) fn id_of_location(location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next()?;
    let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
    Some(percent_encoding::percent_decode_str(last).decode_utf8().ok()?.into_owned())
}

/// A resource's own id; numbers are taken as texts.
pub(crate) fn id_of(resource: &Json) -> Option<String> {
    match resource.get("id")? {
        Json::String(id) if !id.is_empty() => Some(id.clone()),
        Json::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        let asked = "POST https://h/v2/Users".to_owned();
        Answer::new(
            asked,
            status,
            headers,
            body.as_bytes().to_vec(),
            Timestamp::UNIX_EPOCH,
            Hidden::new(["s3cret".to_owned(), "Pa/ss\"+1".to_owned()]),
        )
    }

    #[test]
    fn statuses_have_classes() {
        let retry = ErrorClass::Retry { after: None };
        let uniqueness = r#"{"scimType": "uniqueness", "status": "400"}"#;
        for (status, body, class, code) in [
            (400, "{}", ErrorClass::Invalid { attribute: None }, FailureCode::UnprocessableEntity),
            (400, uniqueness, ErrorClass::Conflict, FailureCode::EntryConflict),
            (401, "", ErrorClass::Unauthorized, FailureCode::InvalidCredentials),
            (403, "", ErrorClass::Permanent, FailureCode::InsufficientRights),
            (404, "", ErrorClass::NotFound, FailureCode::InvalidAnchor),
            (404, "<html>", ErrorClass::Unavailable, FailureCode::ServiceIncompatible),
            (405, "", ErrorClass::Permanent, FailureCode::MethodNotAllowed),
            (409, "", ErrorClass::Conflict, FailureCode::EntryConflict),
            (412, "", retry.clone(), FailureCode::Conflict),
            (429, "", ErrorClass::Throttled { after: None }, FailureCode::TooManyRequests),
            (500, "", retry.clone(), FailureCode::InternalServerError),
            (501, "", ErrorClass::Permanent, FailureCode::NotImplemented),
            (503, "", retry, FailureCode::InternalServerError),
            (304, "", ErrorClass::Unavailable, FailureCode::ServiceIncompatible),
            (418, "", ErrorClass::Permanent, FailureCode::UnprocessableEntity),
        ] {
            let error = answer(status, "application/json", body).refused();
            assert_eq!((error.class, error.code), (class, code), "{status} {body}");
        }
        assert!(answer(204, "application/json", "").granted().is_ok());
    }

    #[test]
    fn errors_quote_what_was_seen_without_secrets() {
        let body = r#"{"schemas": [], "detail": "no such\n  thing, s3cret", "scimType": "invalidValue"}"#;
        assert_eq!(
            answer(400, "application/scim+json", body).refused().detail,
            "POST https://h/v2/Users answered 400 Bad Request with \"invalidValue: no such thing, …\""
        );
        let page = answer(502, "text/html", &format!("<html>\n{}", "x".repeat(1000))).refused().detail;
        assert!(page.contains("with the web page \"<html> xxx") && page.len() < 450, "{page}");
        assert_eq!(
            answer(500, "text/plain", " ").refused().detail,
            "POST https://h/v2/Users answered 500 Internal Server Error"
        );
        let error = answer(200, "text/plain", "hello").json::<Json>("a list of users").unwrap_err();
        assert_eq!(
            error.detail,
            "POST https://h/v2/Users answered 200 OK with \"hello\" where a list of users was expected"
        );
        assert_eq!(error.class, ErrorClass::Unavailable);
    }

    #[test]
    fn secrets_are_hidden_however_they_are_spelled() {
        for body in [
            r#"{"error": "no Pa\/ss\"+1"}"#,
            r#"{"error": "no Pa/ss\u0022\u002B1"}"#,
            r#"{"error": "no Pa\u002fss\u0022+1"}"#,
            r#"{"detail": "no Pa\\/ss\\\"+1"}"#,
            r#"{"error": "no Pa%2Fss%22%2B1"}"#,
        ] {
            let error = answer(400, "application/json", body).refused();
            assert!(error.detail.contains("no …\"") && !error.detail.contains("ss"), "{body}: {error}");
            let error = answer(200, "application/json", body).json::<Vec<u8>>("a list").unwrap_err();
            assert!(error.detail.contains('…') && !error.detail.contains("ss"), "{body}: {error}");
        }
    }

    #[test]
    fn ids_are_found() {
        assert_eq!(id_of_location("https://h/v2/Users/a%2Fb?x").as_deref(), Some("a/b"));
        assert_eq!(id_of_location("https://h/v2/Users/"), None);
        assert_eq!(id_of(&serde_json::json!({"id": 7})).as_deref(), Some("7"));
        assert_eq!(id_of(&serde_json::json!({"id": ""})), None);
    }
}
