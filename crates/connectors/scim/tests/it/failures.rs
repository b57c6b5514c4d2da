//! Services that fail, throttle, lie or talk nonsense.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use connector::{ConnectorError, ErrorClass, ReferenceChange, Target};
use model::{Anchor, FailureCode, Object};
use serde_json::json;

use super::fake::{Fake, Reply};
use super::{GROUP, USER, built, changes, configuration, selection, target, values};

/// The error of one way to use a target.
async fn failure(target: &dyn Target, way: &str) -> ConnectorError {
    let selected = selection(USER, &["userName"]);
    let anchor = Anchor::new("1");
    let result = match way {
        "check" => target.check().await,
        "find" => target.find(&selected, &"userName".into(), &"a".into(), false).await.map(drop),
        "read" => target.read(&selected, &anchor).await.map(drop),
        "create" => target.create(&selected, &values(&[("userName", "a".into())])).await.map(drop),
        "update" => {
            let change = changes(&[("userName", "a".into(), "b".into())]);
            target.update(&selected, &anchor, &change).await.map(drop)
        }
        "delete" => target.delete(&USER.into(), &anchor).await,
        "refer" => {
            let change = ReferenceChange {
                attribute: "members".into(),
                multivalued: true,
                added: vec![Anchor::new("2")],
                removed: Vec::new(),
            };
            target.update_references(&GROUP.into(), &anchor, &change).await
        }
        _ => target.list(&selected, None).await.map(drop),
    };
    match result {
        Ok(()) => panic!("{way} succeeded"),
        Err(error) => error,
    }
}

const WAYS: [&str; 7] = ["check", "find", "read", "create", "update", "delete", "list"];

/// A service that answers everything but its own description in one way.
async fn broken(reply: Reply) -> Fake {
    let describes = |line: &str| ["Config", "Types", "Schemas"].iter().any(|end| line.ends_with(end));
    Fake::start(move |request| (!describes(&request.line)).then(|| reply.clone())).await
}

#[tokio::test]
async fn every_way_of_failing_has_its_class_in_every_request() {
    let retry = |after: Option<u64>| ErrorClass::Retry { after: after.map(Duration::from_secs) };
    let throttled = |after: Option<u64>| ErrorClass::Throttled { after: after.map(Duration::from_secs) };
    let dated = ["Date: Sun, 01 Mar 2026 12:00:00 GMT", "Retry-After: Sun, 01 Mar 2026 12:00:07 GMT"];
    for (reply, class, code, words) in [
        (Reply::new(429, &["Retry-After: 5"], ""), throttled(Some(5)), FailureCode::TooManyRequests, "429"),
        (
            Reply::new(429, &dated, "slow down"),
            throttled(Some(7)),
            FailureCode::TooManyRequests,
            "\"slow down\"",
        ),
        (Reply::new(503, &["Retry-After: 9"], ""), retry(Some(9)), FailureCode::InternalServerError, "503"),
        (Reply::empty(500), retry(None), FailureCode::InternalServerError, "500"),
        (
            Reply::json(401, &json!({"detail": "who are you, rig-token?"})),
            ErrorClass::Unauthorized,
            FailureCode::InvalidCredentials,
            "who are you, …?",
        ),
        (
            Reply::new(404, &["Content-Type: text/html"], "<h1>Not here</h1>"),
            ErrorClass::Unavailable,
            FailureCode::ServiceIncompatible,
            "web page \"<h1>Not here",
        ),
        (
            Reply::empty(301),
            ErrorClass::Unavailable,
            FailureCode::ServiceIncompatible,
            "does not say where to",
        ),
        (
            Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"totalResults\":".to_vec()),
            retry(None),
            FailureCode::WebExceptionProtocolError,
            "connection broke",
        ),
        (
            Reply::Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec()),
            retry(None),
            FailureCode::WebExceptionProtocolError,
            "connection broke",
        ),
        (
            Reply::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()),
            retry(None),
            FailureCode::WebExceptionProtocolError,
            "connection broke",
        ),
        (Reply::Raw(Vec::new()), retry(None), FailureCode::WebExceptionProtocolError, "connection broke"),
    ] {
        let fake = broken(reply).await;
        let target = target(&fake.base()).await;
        for way in WAYS {
            let error = failure(&*target, way).await;
            assert_eq!((&error.class, error.code), (&class, code), "{way}: {error}");
            assert!(error.detail.contains(words) && error.detail.contains("/v2/Users"), "{way}: {error}");
            assert!(!error.detail.contains("rig-token"), "{error}");
        }
    }
}

#[tokio::test]
async fn an_error_in_a_good_answer_is_an_error_though_its_schema_is_left_out() {
    for status in [json!(500), json!("500")] {
        let fake = broken(Reply::json(200, &json!({"detail": "It did not work", "status": status}))).await;
        let target = target(&fake.base()).await;
        for way in WAYS.into_iter().chain(["refer"]) {
            let error = failure(&*target, way).await;
            assert_eq!(error.class, ErrorClass::Retry { after: None }, "{way}: {error}");
            assert!(error.detail.contains("It did not work"), "{way}: {error}");
        }
    }
    // A resource may have a status of its own.
    let shown = json!({"id": "1", "userName": "b", "status": 500});
    let fake = broken(Reply::json(200, &shown)).await;
    let target = target(&fake.base()).await;
    let change = changes(&[("userName", "a".into(), "b".into())]);
    target.update(&selection(USER, &["userName"]), &Anchor::new("1"), &change).await.unwrap();
}

#[tokio::test]
async fn a_page_in_front_of_the_service_grants_nothing() {
    let fake = broken(Reply::new(200, &["Content-Type: text/html"], "<title>Sign in</title>")).await;
    let target = target(&fake.base()).await;
    for way in ["create", "update", "delete", "refer"] {
        let error = failure(&*target, way).await;
        assert!(error.may_have_taken_effect() && error.detail.contains("Sign in"), "{way}: {error}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_scim_are_shown() {
    for (body, words) in [
        (
            "<!doctype html>\n<title>Sign in</title>",
            "the web page \"<!doctype html> <title>Sign in</title>\"",
        ),
        ("not json \u{1}\u{2} at all", "\"not json at all\""),
        ("{\"users\": []}", "missing field `totalResults`"),
        ("[]", "a list"),
        ("", "an empty body"),
    ] {
        let fake = broken(Reply::new(200, &[], body)).await;
        let target = target(&fake.base()).await;
        for way in ["check", "find", "list"] {
            let error = failure(&*target, way).await;
            assert_eq!(
                (&error.class, error.code),
                (&ErrorClass::Unavailable, FailureCode::ServiceIncompatible),
                "{way}"
            );
            assert!(error.detail.contains(words), "{way}: {error}");
        }
    }
    // A write that was answered with nonsense may have been done.
    let fake = broken(Reply::new(201, &[], "created!")).await;
    let target = target(&fake.base()).await;
    for way in ["create", "update"] {
        assert!(failure(&*target, way).await.may_have_taken_effect(), "{way}");
    }
}

#[tokio::test]
async fn a_refusal_is_quoted() {
    let refusal = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400",
        "scimType": "invalidValue", "detail": "userName is too short"});
    let fake = broken(Reply::json(400, &refusal)).await;
    let error = failure(&*target(&fake.base()).await, "create").await;
    assert_eq!(error.class, ErrorClass::Invalid { attribute: None });
    let expected = format!(
        "POST {}/Users answered 400 Bad Request with \"invalidValue: userName is too short\"",
        fake.base()
    );
    assert_eq!(error.detail, expected);
    let fake = broken(Reply::json(409, &json!({"status": "409"}))).await;
    assert_eq!(failure(&*target(&fake.base()).await, "create").await.class, ErrorClass::Conflict);
    let fake = broken(Reply::empty(403)).await;
    let target = target(&fake.base()).await;
    assert_eq!(failure(&*target, "check").await.class, ErrorClass::Unauthorized);
    let one = failure(&*target, "update").await;
    assert_eq!((one.class, one.code), (ErrorClass::Permanent, FailureCode::InsufficientRights));
}

#[tokio::test]
async fn keys_in_the_address_are_not_shown() {
    for body in [
        r#"{"error": "no GET \/v2\/Users?code=k3y\u002FAbC%3D%3D\u0026v=1"}"#,
        r#"{"status": 400, "detail": "k3y/AbC== is no key"}"#,
        r#"{"error": "k3y\/AbC\u003d= is no key"}"#,
    ] {
        let fake = broken(Reply::new(400, &[], body)).await;
        let target = target(&format!("{}?code=k3y/AbC%3D%3D&v=1", fake.base())).await;
        for way in WAYS {
            let error = failure(&*target, way).await;
            assert!(error.detail.contains('…'), "{way}: {error}");
            assert!(!error.detail.contains("k3y") && !error.detail.contains("AbC"), "{way}: {error}");
        }
    }
}

#[tokio::test]
async fn a_filter_that_is_ignored_is_noticed() {
    let everybody =
        [json!({"id": "1", "userName": "b"}), json!({"id": "2", "userName": "A"}), json!({"id": "3"})];
    let all = Fake::start({
        let everybody = everybody.clone();
        move |request| request.is("GET /v2/Users?filter").then(|| Reply::list(&everybody))
    })
    .await;
    let target = target(&all.base()).await;
    let selected = selection(USER, &["userName"]);
    let find = |name: &'static str, case_exact| {
        let (target, selected) = (target.clone(), selected.clone());
        async move {
            let found = target.find(&selected, &"userName".into(), &name.into(), case_exact).await.unwrap();
            found.into_iter().map(|object| object.anchor.as_str().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(find("a", false).await, ["2"]);
    assert_eq!(find("a", true).await, [""; 0]);
    assert_eq!(find("c", false).await, [""; 0]);
    // Where there are more than were shown, nobody can say that there is none.
    let some = Fake::start(move |request| {
        let page = json!({"totalResults": 300, "Resources": everybody});
        request.is("GET /v2/Users?filter").then(|| Reply::json(200, &page))
    })
    .await;
    let target = super::target(&some.base()).await;
    assert_eq!(target.find(&selected, &"userName".into(), &"b".into(), false).await.unwrap().len(), 1);
    let error = target.find(&selected, &"userName".into(), &"c".into(), false).await.unwrap_err();
    assert_eq!(error.code, FailureCode::ServiceIncompatible);
    assert!(error.detail.contains("ignores filters"), "{error}");
}

#[tokio::test]
async fn too_much_is_not_read() {
    let fake = Fake::start(|request| {
        let endless = || {
            let mut octets =
                b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"totalResults\":1,\"Resources\":[\"".to_vec();
            octets.resize(11 * 1024 * 1024, b'x');
            Reply::Raw(octets)
        };
        request.is("GET /v2/Users").then(endless)
    })
    .await;
    let error = failure(&*target(&fake.base()).await, "list").await;
    assert_eq!(error.class, ErrorClass::Unavailable);
    assert!(error.detail.ends_with("with more than 10 MB"), "{error}");
}

/// An answer that shows a group with more members than are read, and breaks off in the middle of them: after as many
/// octets.
fn endless(status: u16, kind: &str, beginning: &str, sent: usize) -> Reply {
    let head =
        format!("HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\nContent-Length: 90000000\r\n\r\n");
    let mut octets = format!("{head}{beginning}").into_bytes();
    octets.resize(octets.len() + sent, b' ');
    Reply::Raw(octets)
}

#[tokio::test]
async fn what_a_change_of_members_shows_is_not_read_to_its_end() {
    let group = r#"{"id": "1", "displayName": "All", "members": [{"value": "2"}"#;
    let sent = 300 * 1024;
    let fake = broken(endless(200, "application/scim+json", group, sent)).await;
    let change = |removed: &[&str]| ReferenceChange {
        attribute: "members".into(),
        multivalued: true,
        added: vec![Anchor::new("2")],
        removed: removed.iter().map(|id| Anchor::new(*id)).collect(),
    };
    for profile in ["rfc7644", "aadOptscim062020", "AzureAdScimPatch2017"] {
        let target = built(&configuration(&fake.base(), &[("ScimPatchProfile", profile)])).await;
        target.update_references(&GROUP.into(), &Anchor::new("1"), &change(&["3"])).await.unwrap();
    }
    // What is asked for is read to its end.
    assert!(failure(&*target(&fake.base()).await, "read").await.detail.contains("connection broke"));
    // A web page is known by its beginning, and a refusal is read whole.
    for (reply, words) in [
        (endless(200, "text/html", "<title>Sign in</title>", sent), "Sign in"),
        (endless(500, "application/scim+json", group, sent), "connection broke"),
    ] {
        let fake = broken(reply).await;
        let error = failure(&*target(&fake.base()).await, "refer").await;
        assert!(error.detail.contains(words), "{error}");
    }
}

#[tokio::test]
async fn an_update_whose_answer_is_too_large_is_made_all_the_same() {
    let group = r#"{"id": "1", "displayName": "Everybody", "members": [{"value": "2"}"#;
    let large = |status, kind, beginning| endless(status, kind, beginning, 11 * 1024 * 1024);
    let change = changes(&[("displayName", "All".into(), "Everyone".into())]);
    let selected = selection(GROUP, &["displayName"]);
    let renamed = Object::new(GROUP, "1").with("displayName", "Everyone");
    for (patch, shown) in [("true", None), ("false", Some(renamed))] {
        let reply = large(200, "application/scim+json", group);
        let fake = Fake::start(move |request| match &request.line {
            line if line.starts_with("GET /v2/Groups/1") => Some(Reply::json(200, &json!({"id": "1"}))),
            line if line.ends_with(" /v2/Groups/1") => Some(reply.clone()),
            _ => None,
        })
        .await;
        let target = built(&configuration(&fake.base(), &[("Patch", patch)])).await;
        assert_eq!(target.update(&selected, &Anchor::new("1"), &change).await.unwrap(), shown);
    }
    // A new group's id is needed, a web page is known by its beginning, and a refusal is read whole.
    for (way, reply, words) in [
        ("create", large(201, "application/scim+json", group), "with more than 10 MB"),
        ("update", large(200, "text/html", "<title>Sign in</title>"), "Sign in"),
        ("update", large(500, "application/scim+json", group), "with more than 10 MB"),
    ] {
        let fake = broken(reply).await;
        let error = failure(&*target(&fake.base()).await, way).await;
        assert!(error.may_have_taken_effect() && error.detail.contains(words), "{way}: {error}");
    }
}

#[tokio::test]
async fn redirects_stay_within_the_host() {
    let other = broken(Reply::list(&[])).await;
    let elsewhere = format!("Location: {}/Users", other.base());
    let fake = Fake::start(move |request| match &request.line {
        line if line.starts_with("GET /v2/Users?") => Some(Reply::new(302, &["Location: /v3/Users/"], "")),
        line if line.starts_with("GET /v3/Users/") => Some(Reply::new(307, &["Location: /v4/Users"], "")),
        line if line.starts_with("GET /v4/Users") => Some(Reply::list(&[])),
        line if line.starts_with("GET /v2/Users/1") => Some(Reply::new(302, &[&elsewhere], "")),
        line if line.starts_with("DELETE /v2/Users/1") => {
            Some(Reply::new(308, &["Location: /v4/Users/1"], ""))
        }
        line if line.starts_with("DELETE /v4/Users/1") => Some(Reply::empty(204)),
        line if line.starts_with("POST /v2/Users") => Some(Reply::new(302, &["Location: /v4/Users"], "")),
        line if line.starts_with("PATCH /v2/Users/1") => {
            Some(Reply::new(307, &["Location: /v2/Users/1"], ""))
        }
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    target.check().await.unwrap();
    target.delete(&USER.into(), &Anchor::new("1")).await.unwrap();
    let refused = failure(&*target, "read").await;
    assert_eq!((&refused.class, refused.code), (&ErrorClass::Unavailable, FailureCode::ServiceIncompatible));
    assert!(refused.detail.contains("another host"), "{refused}");
    assert!(other.requests().is_empty(), "the token never leaves the host");
    assert!(failure(&*target, "create").await.detail.contains("which a POST cannot follow"));
    assert!(failure(&*target, "update").await.detail.contains("redirected more than 3 times"));
}

#[tokio::test]
async fn silence_and_closed_ports_are_told_apart() {
    let fake = broken(Reply::Silence).await;
    let target = built(&configuration(&fake.base(), &[("RequestTimeout", "PT1S")])).await;
    let error = failure(&*target, "check").await;
    assert_eq!((&error.class, error.code), (&ErrorClass::Retry { after: None }, FailureCode::Timeout));
    assert!(error.detail.ends_with("no whole answer within 1 s"), "{error}");
    let port = testkit::rig::free_port().unwrap();
    let nobody = super::target(&format!("http://127.0.0.1:{port}/v2")).await;
    for way in WAYS {
        let error = failure(&*nobody, way).await;
        assert_eq!(
            (&error.class, error.code),
            (&ErrorClass::Unavailable, FailureCode::WebExceptionProtocolError),
            "{way}"
        );
        assert!(error.detail.contains("no connection"), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent() {
    let fake = broken(Reply::list(&[])).await;
    let target = target(&fake.base()).await;
    let selected = selection(USER, &["userName"]);
    for (attribute, value, code) in [
        ("active", "perhaps", FailureCode::SchemaPropertyCanOnlyAcceptValue),
        ("emails[type ne \"work\"].value", "x", FailureCode::SchemaPropertyCanOnlyAcceptValue),
        ("user name", "x", FailureCode::SchemaAttributeNotFound),
    ] {
        let error = target.create(&selected, &values(&[(attribute, value.into())])).await.unwrap_err();
        assert_eq!(
            (&error.class, error.code),
            (&ErrorClass::Invalid { attribute: Some(attribute.into()) }, code)
        );
    }
    assert!(failure_of_id(&*target, "..").await.contains("cannot be the id"));
    assert_eq!(fake.lines(), [""; 0]);
}

async fn failure_of_id(target: &dyn Target, id: &str) -> String {
    target.delete(&USER.into(), &Anchor::new(id)).await.unwrap_err().detail
}

#[tokio::test]
async fn a_service_that_cannot_be_asked_about_itself_now_is_asked_again() {
    let answers = AtomicU32::new(0);
    let fake = Fake::start(move |request| match &request.line {
        line if line.ends_with("/ServiceProviderConfig") => {
            let count = answers.fetch_add(1, Relaxed);
            Some(Reply::empty(if count == 0 { 429 } else { 500 }))
        }
        line if line.starts_with("GET /v2/Users/1") => {
            Some(Reply::json(200, &json!({"id": "1", "userName": "a"})))
        }
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    assert_eq!(failure(&*target, "read").await.class, ErrorClass::Throttled { after: None });
    let read = target.read(&selection(USER, &["userName"]), &Anchor::new("1")).await.unwrap();
    assert_eq!(read.unwrap().get("userName").as_text(), Some("a"));
}

#[tokio::test]
async fn what_a_service_tells_of_itself_is_not_settled_by_an_outage() {
    for (status, endpoint) in [
        (429, "/ServiceProviderConfig"),
        (502, "/ServiceProviderConfig"),
        (503, "/ResourceTypes"),
        (504, "/Schemas"),
    ] {
        let asked = AtomicU32::new(0);
        let fake = Fake::start(move |request| {
            if request.line.ends_with(endpoint) && asked.fetch_add(1, Relaxed) == 0 {
                return Some(Reply::new(status, &["Retry-After: 3"], "<h1>We will be back soon</h1>"));
            }
            Some(match &request.line {
                line if line.ends_with("/ServiceProviderConfig") => {
                    Reply::json(200, &json!({"patch": {"supported": false}}))
                }
                line if line.ends_with("/ResourceTypes") => Reply::list(&[
                    json!({"name": "User", "endpoint": "/People", "schema": "urn:example:2.0:User"}),
                ]),
                line if line.ends_with("/Schemas") => Reply::list(&[json!({"id": "urn:example:2.0:User",
                    "attributes": [{"name": "level", "type": "integer"}]})]),
                line if line.starts_with("GET /v2/People/1") => {
                    Reply::json(200, &json!({"id": "1", "level": "6"}))
                }
                line if line.starts_with("PUT /v2/People/1") => Reply::json(200, &request.body),
                _ => return None,
            })
        })
        .await;
        let target = target(&fake.base()).await;
        let (selected, anchor) = (selection("urn:example:2.0:User", &["level"]), Anchor::new("1"));
        let change = changes(&[("level", 6.into(), "7".into())]);
        let error = target.update(&selected, &anchor, &change).await.unwrap_err();
        assert!(error.is_transient() && error.detail.contains(endpoint), "{error}");
        assert_eq!(fake.lines(), [""; 0], "nothing is sent to a service that is not known");
        // Each of the descriptions shows in what is sent then.
        target.update(&selected, &anchor, &change).await.unwrap();
        assert_eq!(fake.lines(), ["GET /v2/People/1", "PUT /v2/People/1"], "{endpoint}");
        assert_eq!(fake.requests()[1].body["level"], json!(7));
    }
}

#[tokio::test]
async fn a_missing_member_is_not_taken_for_a_missing_group() {
    let fake = Fake::start(|request| match &request.line {
        line if line.starts_with("GET /v2/Groups/g") => Some(Reply::json(200, &json!({"id": "g"}))),
        line if line.starts_with("PATCH /v2/Groups/") => {
            Some(Reply::json(404, &json!({"status": "404", "detail": "no user x"})))
        }
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    let change = ReferenceChange {
        attribute: "members".into(),
        multivalued: true,
        added: vec![Anchor::new("x")],
        removed: Vec::new(),
    };
    for (group, class) in
        [("g", ErrorClass::Invalid { attribute: Some("members".into()) }), ("h", ErrorClass::NotFound)]
    {
        let error = target.update_references(&GROUP.into(), &Anchor::new(group), &change).await.unwrap_err();
        assert_eq!(error.class, class);
        assert!(error.detail.contains("no user x"), "{error}");
    }
}
