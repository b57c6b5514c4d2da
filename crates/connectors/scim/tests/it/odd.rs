//! Services that are odd, and the settings that make them usable.

use std::sync::atomic::{AtomicUsize, Ordering};

use connector::{ErrorClass, ReferenceChange};
use model::{Anchor, FailureCode, Name, Object, Value};
use serde_json::{Value as Json, json};

use super::fake::{Fake, Reply, Request};
use super::{GROUP, USER, built, changes, configuration, selection, target, values};

const WORK: &str = "emails[type eq \"work\"].value";

pub(crate) fn error(status: u16, kind: &str, detail: &str) -> Json {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(),
        "scimType": kind, "detail": detail})
}

fn anchor() -> Anchor {
    Anchor::new("1")
}

#[tokio::test]
async fn filters_that_the_service_does_not_know_are_named() {
    for reply in [Reply::empty(501), Reply::json(400, &error(400, "invalidFilter", "no brackets"))] {
        let fake =
            Fake::start(move |request| request.is("GET /v2/Users?filter").then(|| reply.clone())).await;
        let target = target(&fake.base()).await;
        let found = target.find(&selection(USER, &[]), &WORK.into(), &"a@x".into(), false).await;
        let error = found.unwrap_err();
        assert!(!error.is_transient(), "{error}");
        assert!(error.detail.contains(&format!("cannot filter by {WORK}")), "{error}");
        assert!(error.detail.contains("set Target.NoFilterOn"), "{error}");
    }
}

/// Three pages of users, in which `b@x` is the work address of two and the home address of a third.
fn pages(request: &Request) -> Option<Reply> {
    let user = |id: &str, kind: &str, address: &str| json!({"id": id, "userName": id, "emails": [{"type": kind, "value": address}]});
    let all = [
        user("1", "work", "a@x"),
        user("2", "work", "b@x"),
        user("3", "home", "b@x"),
        user("4", "work", "B@X"),
        user("5", "work", "e@x"),
    ];
    let start: usize = request.line.rsplit_once("startIndex=")?.1.parse().ok()?;
    let page = &all[(start - 1).min(5)..(start + 1).min(5)];
    Some(Reply::json(200, &json!({"totalResults": 5, "startIndex": start, "Resources": page})))
}

#[tokio::test]
async fn without_a_filter_the_list_is_read() {
    let fake = Fake::start(pages).await;
    let settings = [("NoFilterOn", "title, emails[type eq \"work\"].value"), ("PageSize", "2")];
    let target = built(&configuration(&fake.base(), &settings)).await;
    let find = |case_exact| {
        let target = target.clone();
        async move {
            let found = target.find(&selection(USER, &[]), &WORK.into(), &"b@x".into(), case_exact).await;
            found.unwrap().into_iter().map(|object| object.anchor.as_str().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(find(false).await, ["2", "4"]);
    assert_eq!(find(true).await, ["2"]);
    let lines: Vec<_> = [1, 3, 5].map(|start| format!("GET /v2/Users?count=2&startIndex={start}")).into();
    assert_eq!(fake.lines()[..3], lines);
    // Other attributes are asked for by filter still; `*` stands for all.
    let selected = selection(USER, &[]);
    assert!(target.find(&selected, &"userName".into(), &"1".into(), false).await.is_err());
    assert!(fake.lines().last().unwrap().starts_with("GET /v2/Users?filter="));
    let all = built(&configuration(&fake.base(), &[("NoFilterOn", "*"), ("PageSize", "2")])).await;
    assert_eq!(all.find(&selected, &"userName".into(), &"5".into(), false).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_patch_that_the_service_cannot_do_is_put_on_request() {
    let refusals = [
        (Reply::empty(501), WORK, "set Target.Patch to false"),
        (Reply::json(400, &error(400, "invalidPath", "what?")), WORK, "paths with a filter"),
        (Reply::empty(405), "title", "if the target cannot PATCH"),
    ];
    for (reply, attribute, words) in refusals {
        let fake = Fake::start(move |request| match &request.line {
            line if line.starts_with("PATCH") => Some(reply.clone()),
            line if line.starts_with("GET /v2/Users/1") => Some(Reply::json(
                200,
                &json!({"id": "1", "title": "old", "emails": [{"type": "work", "value": "old"}]}),
            )),
            line if line.starts_with("PUT /v2/Users/1") => Some(Reply::json(200, &request.body)),
            _ => None,
        })
        .await;
        let change = changes(&[(attribute, "old".into(), "new".into())]);
        let selected = selection(USER, &[attribute]);
        let error = target(&fake.base()).await.update(&selected, &anchor(), &change).await.unwrap_err();
        assert!(!error.is_transient() && error.detail.contains(words), "{error}");
        let target = built(&configuration(&fake.base(), &[("Patch", "false")])).await;
        let updated = target.update(&selected, &anchor(), &change).await.unwrap();
        assert_eq!(updated, Some(Object::new(USER, "1").with(attribute, "new")));
        assert_eq!(fake.lines().last().unwrap(), "PUT /v2/Users/1");
    }
}

#[tokio::test]
async fn a_put_that_met_another_s_change_is_made_once_more() {
    for (changed, puts, succeeds) in [(1, 2, true), (9, 2, false)] {
        let (version, refused) = (AtomicUsize::new(1), AtomicUsize::new(0));
        let fake = Fake::start(move |request| match &request.line {
            line if line.ends_with("/ServiceProviderConfig") => {
                Some(Reply::json(200, &json!({"patch": {"supported": false}, "etag": {"supported": true}})))
            }
            line if line.starts_with("GET /v2/Users/1") => {
                let tag = format!("ETag: \"{}\"", version.load(Ordering::Relaxed));
                let user = json!({"id": "1", "nickName": format!("n{}", version.load(Ordering::Relaxed))});
                Some(Reply::new(200, &[&tag], &user.to_string()))
            }
            line if line.starts_with("PUT /v2/Users/1") => {
                // Somebody else was faster.
                if refused.fetch_add(1, Ordering::Relaxed) < changed {
                    version.fetch_add(1, Ordering::Relaxed);
                    return Some(Reply::empty(412));
                }
                Some(Reply::json(200, &request.body))
            }
            _ => None,
        })
        .await;
        let target = target(&fake.base()).await;
        let change = changes(&[("title", Value::Null, "new".into())]);
        let updated = target.update(&selection(USER, &["title"]), &anchor(), &change).await;
        assert_eq!(updated.is_ok(), succeeds);
        let sent: Vec<_> = fake.requests().into_iter().filter(|request| request.is("PUT")).collect();
        assert_eq!(sent.len(), puts);
        assert_eq!((sent[0].header("if-match"), sent[1].header("if-match")), (Some("\"1\""), Some("\"2\"")));
        assert_eq!(sent[1].body, json!({"id": "1", "nickName": "n2", "title": "new"}));
        if let Err(error) = updated {
            assert_eq!((error.class, error.code), (ErrorClass::Retry { after: None }, FailureCode::Conflict));
        }
    }
}

#[tokio::test]
async fn an_error_with_a_status_of_success_is_an_error() {
    let fake = Fake::start(|request| {
        let (status, kind) = match request.line.split(' ').next()? {
            "POST" => (409, "uniqueness"),
            "GET" => (404, ""),
            "PATCH" => (400, "invalidValue"),
            _ => (999, ""),
        };
        Some(Reply::json(200, &error(status, kind, "no")))
    })
    .await;
    let target = target(&fake.base()).await;
    let selected = selection(USER, &[]);
    let created = target.create(&selected, &values(&[("userName", "a".into())])).await.unwrap_err();
    assert_eq!(created.class, ErrorClass::Conflict);
    assert!(created.detail.contains("200 OK and the error 409 Conflict in its body"), "{created}");
    assert_eq!(target.read(&selected, &anchor()).await.unwrap(), None);
    let change = changes(&[("title", "a".into(), "b".into())]);
    let updated = target.update(&selected, &anchor(), &change).await.unwrap_err();
    assert_eq!(updated.class, ErrorClass::Invalid { attribute: None });
    let deleted = target.delete(&USER.into(), &anchor()).await.unwrap_err();
    assert_eq!(deleted.class, ErrorClass::Invalid { attribute: None });
}

#[tokio::test]
async fn what_is_gone_already_is_not_found() {
    for reply in [Reply::empty(404), Reply::json(404, &error(404, "", "gone")), Reply::empty(410)] {
        let fake = Fake::start(move |request| request.is("DELETE").then(|| reply.clone())).await;
        let error = target(&fake.base()).await.delete(&USER.into(), &anchor()).await.unwrap_err();
        assert_eq!((error.class, error.code), (ErrorClass::NotFound, FailureCode::InvalidAnchor));
    }
}

#[tokio::test]
async fn an_answer_to_an_update_may_show_the_object_or_not() {
    let full = Object::new(USER, "1").with("title", "new");
    for (reply, shown) in [
        (Reply::empty(204), None),
        (Reply::empty(200), None),
        (Reply::new(200, &[], " \n"), None),
        (Reply::json(200, &json!({"id": "1", "title": "new"})), Some(full.clone())),
        (Reply::json(200, &json!({"id": 1, "title": "new"})), Some(full)),
        (Reply::json(200, &json!({"schemas": [], "title": "new"})), None),
        (Reply::json(202, &json!({})), None),
    ] {
        let fake = Fake::start(move |request| request.is("PATCH").then(|| reply.clone())).await;
        let target = target(&fake.base()).await;
        let change = changes(&[("title", "old".into(), "new".into())]);
        assert_eq!(target.update(&selection(USER, &["title"]), &anchor(), &change).await.unwrap(), shown);
    }
}

#[tokio::test]
async fn an_answer_to_a_put_may_show_the_object_or_not() {
    for (reply, title) in [
        (Reply::empty(204), "new"),
        (Reply::json(200, &json!({"id": "1", "title": "New"})), "New"),
        (Reply::json(200, &json!({"done": true})), "new"),
        (Reply::json(202, &json!({})), "new"),
    ] {
        let fake = Fake::start(move |request| match &request.line {
            line if line.starts_with("GET /v2/Users/1") => Some(Reply::json(200, &json!({"id": "1"}))),
            line if line.starts_with("PUT") => Some(reply.clone()),
            _ => None,
        })
        .await;
        let target = built(&configuration(&fake.base(), &[("Patch", "false")])).await;
        let change = changes(&[("title", "old".into(), "new".into())]);
        let updated = target.update(&selection(USER, &["title"]), &anchor(), &change).await.unwrap();
        assert_eq!(updated, Some(Object::new(USER, "1").with("title", title)));
    }
}

#[tokio::test]
async fn a_new_object_without_an_id_is_no_object() {
    for reply in [
        Reply::empty(201),
        Reply::json(201, &json!({"userName": "a"})),
        Reply::json(201, &json!({"id": "", "userName": "a"})),
        Reply::json(200, &json!({"id": {"value": 1}})),
        Reply::json(201, &json!([])),
    ] {
        let fake = Fake::start(move |request| request.is("POST").then(|| reply.clone())).await;
        let target = target(&fake.base()).await;
        let created = target.create(&selection(USER, &[]), &values(&[("userName", "a".into())])).await;
        let error = created.unwrap_err();
        assert!(error.may_have_taken_effect(), "it is looked for before it is made again: {error}");
        assert!(error.detail.contains("a new resource with an id was expected"), "{error}");
    }
}

#[tokio::test]
async fn a_failure_on_a_duplicate_may_have_been_a_duplicate() {
    let fake = Fake::start(|request| match &request.line {
        line if line.starts_with("POST") => Some(Reply::new(500, &[], "duplicate key value")),
        line if line.starts_with("GET /v2/Users?filter") => {
            Some(Reply::list(&[json!({"id": "7", "userName": "A"})]))
        }
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    let selected = selection(USER, &["userName"]);
    let error = target.create(&selected, &values(&[("userName", "a".into())])).await.unwrap_err();
    assert!(error.may_have_taken_effect() && error.detail.contains("duplicate key value"), "{error}");
    let found = target.find(&selected, &"userName".into(), &"a".into(), false).await.unwrap();
    assert_eq!(found, [Object::new(USER, "7").with("userName", "A")]);
}

#[tokio::test]
async fn another_id_is_believed_only_where_ids_change() {
    let fake = Fake::start(|request| {
        let shown = json!({"id": "new-name", "userName": "new-name"});
        (request.is("PATCH") || request.is("GET /v2/Users/1")).then(|| Reply::json(200, &shown))
    })
    .await;
    let change = changes(&[("userName", "1".into(), "new-name".into())]);
    let selected = selection(USER, &["userName"]);
    let error = target(&fake.base()).await.update(&selected, &anchor(), &change).await.unwrap_err();
    assert_eq!((&error.class, error.code), (&ErrorClass::Permanent, FailureCode::ServiceIncompatible));
    assert!(error.detail.contains("set Target.IdsChange to true"), "{error}");
    let target = built(&configuration(&fake.base(), &[("IdsChange", "true")])).await;
    let updated = target.update(&selected, &anchor(), &change).await.unwrap();
    assert_eq!(updated, Some(Object::new(USER, "new-name").with("userName", "new-name")));
}

#[tokio::test]
async fn a_service_with_strict_types_is_sent_what_it_wants() {
    let fake = Fake::start(|request| {
        let is_boolean = request.body["Operations"][0]["value"].is_boolean();
        let refusal = error(400, "invalidValue", "active must be boolean");
        request.is("PATCH").then(|| if is_boolean { Reply::empty(204) } else { Reply::json(400, &refusal) })
    })
    .await;
    let change = changes(&[("active", true.into(), "False".into())]);
    for (profile, taken) in [("rfc7644", true), ("aadOptscim062020", true), ("AzureAdScimPatch2017", false)] {
        let target = built(&configuration(&fake.base(), &[("ScimPatchProfile", profile)])).await;
        let updated = target.update(&selection(USER, &[]), &anchor(), &change).await;
        assert_eq!(updated.is_ok(), taken, "{profile}");
        if let Err(error) = updated {
            assert!(error.detail.contains("active must be boolean"), "{error}");
            assert!(error.detail.contains("try aadOptscim062020 or rfc7644"), "{error}");
        }
    }
}

#[tokio::test]
async fn members_have_an_address_where_the_service_wants_one() {
    let fake = Fake::start(|request| request.is("PATCH").then(|| Reply::empty(204))).await;
    let change = ReferenceChange {
        attribute: "members".into(),
        multivalued: true,
        added: vec![Anchor::new("a b")],
        removed: Vec::new(),
    };
    for profile in ["rfc7644", "aadOptscim062020"] {
        let settings = [("MemberReferences", "true"), ("ScimPatchProfile", profile)];
        let target = built(&configuration(&fake.base(), &settings)).await;
        target.update_references(&GROUP.into(), &anchor(), &change).await.unwrap();
        let member = json!({"value": "a b", "$ref": format!("{}/Users/a%20b", fake.base())});
        assert_eq!(fake.requests().pop().unwrap().body["Operations"][0]["value"], json!([member]));
    }
}

#[tokio::test]
async fn extensions_need_not_be_announced() {
    let number: Name = format!("{USER}:employeeNumber").as_str().into();
    for (setting, schemas) in [("false", 2), ("true", 1)] {
        let fake =
            Fake::start(|request| request.is("POST").then(|| Reply::json(201, &json!({"id": "1"})))).await;
        let target = built(&configuration(&fake.base(), &[("OmitExtensionSchemas", setting)])).await;
        target.create(&selection(USER, &[]), &values(&[(&number, "7".into())])).await.unwrap();
        let body = fake.requests().pop().unwrap().body;
        assert_eq!(body["schemas"].as_array().unwrap().len(), schemas);
        assert_eq!(body[USER], json!({"employeeNumber": "7"}));
    }
}

#[tokio::test]
async fn what_a_service_cannot_do_is_no_capability() {
    let settings = [("SoftDelete", "false"), ("Listing", "false"), ("MemberChunkSize", "7")];
    let target = built(&configuration("http://127.0.0.1:1", &settings)).await;
    let users = target.capabilities().of(USER);
    assert!(!users.soft_delete && !users.list);
    assert_eq!(target.capabilities().of(GROUP).reference_chunk, 7);
}
