//! What is fuzzed of what comes over the wire: functions of octets that must come back, without a panic, whatever the
//! octets are. The fuzz programs and a test of xtask share them.

use graph::odata::filter::Expr;
use graph::synchronization::bulk_upload;
use model::schema::Schema;
use scim::message::PatchRequest;
use scim::patch::Form;
use scim::{AttributePath, Filter, Path, ResourceSchema};
use serde_json::json;

/// `$filter`: a text is a filter that prints as itself, or an error.
pub(crate) fn filter(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    if let Ok(read) = Expr::parse(&text) {
        let printed = read.to_string();
        assert_eq!(Expr::parse(&printed).ok(), Some(read), "{printed}");
    }
}

/// Filters and paths of SCIM: what can be read prints as itself.
pub(crate) fn scim_filter(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    if let Ok(read) = text.parse::<Filter>() {
        let printed = read.to_string();
        assert_eq!(printed.parse::<Filter>().ok(), Some(read), "{printed}");
    }
    if let Ok(read) = text.parse::<Path>() {
        let printed = read.to_string();
        assert_eq!(printed.parse::<Path>().ok(), Some(read), "{printed}");
    }
    drop(text.parse::<AttributePath>());
}

/// Bodies of PATCH requests: applied whole to a user, or not at all.
pub(crate) fn scim_patch(octets: &[u8]) {
    let Ok(request) = serde_json::from_slice::<PatchRequest>(octets) else { return };
    let user = json!({
        "id": "1", "userName": "ada", "active": true, "name": {"givenName": "Ada"},
        "emails": [{"type": "work", "value": "ada@example.com", "primary": true}, {"type": "home", "value": "a@b.c"}],
    });
    let schema = ResourceSchema::user();
    for form in [Form::Strict, Form::Entra] {
        let mut changed = user.clone();
        match scim::patch::apply(&mut changed, &request, &schema, form) {
            Ok(true) => assert!(changed.is_object()),
            Ok(false) | Err(_) => assert_eq!(changed, user),
        }
    }
}

/// Bodies of `bulkUpload`: what can be read prints as a request that reads the same, else the words name a place.
pub(crate) fn bulk_upload(octets: &[u8]) {
    match bulk_upload::parse(octets) {
        Ok(users) => {
            assert!((1..=bulk_upload::MAX_OPERATIONS).contains(&users.len()));
            let again = bulk_upload::request(users.iter().map(|user| user.attributes.clone()));
            assert_eq!(bulk_upload::parse(again.to_string().as_bytes()).ok(), Some(users), "{again}");
        }
        Err(error) => assert!(error.status() == 400 && !error.message().is_empty()),
    }
}

/// Schemas of synchronization: they can run, or every mistake is told in words.
pub(crate) fn schema(octets: &[u8]) {
    let Ok(schema) = serde_json::from_slice::<Schema>(octets) else { return };
    match sync::compile(&schema) {
        Ok(program) => drop(program),
        Err(mistakes) => assert!(mistakes.iter().all(|mistake| !mistake.to_string().is_empty())),
    }
}
