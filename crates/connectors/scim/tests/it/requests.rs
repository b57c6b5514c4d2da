//! What is sent, in which form.

use connector::ReferenceChange;
use model::{Anchor, FailureCode, Object, Value};
use serde_json::json;

use super::fake::{Fake, Reply};
use super::{GROUP, USER, built, changes, configuration, selection, target, values};

fn user() -> serde_json::Value {
    json!({"id": "1", "userName": "a", "emails": [{"type": "home", "value": "h@x"}]})
}

#[tokio::test]
async fn requests_are_signed_and_name_their_media_type() {
    let fake = Fake::start(|request| match &request.line {
        line if line.starts_with("POST") => Some(Reply::json(201, &user())),
        line if line.contains("/Users?") => Some(Reply::list(&[])),
        _ => None,
    })
    .await;
    let mut basic = configuration(&fake.base(), &[]);
    basic.secrets.set("SecretToken", "");
    basic.secrets.set("UserName", "me");
    basic.secrets.set("Password", "päss:word");
    for (configuration, expected) in
        [(configuration(&fake.base(), &[]), "Bearer rig-token"), (basic, "Basic bWU6cMOkc3M6d29yZA==")]
    {
        let target = built(&configuration).await;
        target.check().await.unwrap();
        target.create(&selection(USER, &[]), &values(&[("userName", "a".into())])).await.unwrap();
        let requests = fake.requests();
        let [.., check, create] = requests.as_slice() else { panic!("two requests") };
        assert!(check.is("GET /v2/Users?filter=userName eq \""), "{}", check.line);
        assert_eq!(check.header("authorization"), Some(expected));
        assert_eq!(check.header("accept"), Some("application/scim+json, application/json"));
        assert_eq!(create.line, "POST /v2/Users");
        assert_eq!(create.header("content-type"), Some("application/scim+json"));
        assert_eq!(
            create.body,
            json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "a"})
        );
    }
}

#[tokio::test]
async fn groups_are_asked_for_without_members() {
    let group = json!({"id": "g", "displayName": "G"});
    let fake = Fake::start(move |request| match &request.line {
        line if line.starts_with("GET /v2/Groups/") => Some(Reply::json(200, &group)),
        line if line.contains("/Groups?") => Some(Reply::list(std::slice::from_ref(&group))),
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    let selected = selection(GROUP, &["displayName", "members"]);
    target.find(&selected, &"displayName".into(), &"G".into(), false).await.unwrap();
    target.read(&selected, &Anchor::new("a/b c")).await.unwrap();
    target.list(&selected, None).await.unwrap();
    assert_eq!(
        fake.lines(),
        [
            "GET /v2/Groups?excludedAttributes=members&filter=displayName eq \"G\"",
            "GET /v2/Groups/a/b c?excludedAttributes=members",
            "GET /v2/Groups?excludedAttributes=members&count=100&startIndex=1",
        ]
    );
}

#[tokio::test]
async fn an_update_reads_first_only_where_it_must_know() {
    let fake = Fake::start(|request| match &request.line {
        line if line.starts_with("PATCH /v2/Users/1") => {
            Some(Reply::json(200, &json!({"id": "1", "title": "new"})))
        }
        line if line.starts_with("PATCH") => Some(Reply::json(200, &json!({"done": true}))),
        line if line.starts_with("GET /v2/Users/1") => Some(Reply::json(200, &user())),
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    let selected = selection(USER, &["title"]);
    let anchor = Anchor::new("1");
    let known = changes(&[("title", "old".into(), "new".into()), ("roles", Value::Null, "r".into())]);
    let updated = target.update(&selected, &anchor, &known).await.unwrap();
    assert_eq!(updated, Some(Object::new(USER, "1").with("title", "new")));
    let unknown = changes(&[
        ("emails[type eq \"home\"].display", Value::Null, "H".into()),
        ("emails[type eq \"work\"].value", Value::Null, "w@x".into()),
    ]);
    target.update(&selected, &anchor, &unknown).await.unwrap();
    assert_eq!(fake.lines(), ["PATCH /v2/Users/1", "GET /v2/Users/1", "PATCH /v2/Users/1"]);
    let requests = fake.requests();
    assert_eq!(
        requests[0].body,
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
            {"op": "replace", "path": "title", "value": "new"},
            {"op": "replace", "path": "roles", "value": [{"value": "r"}]}
        ]})
    );
    assert_eq!(
        requests[2].body["Operations"],
        json!([
            {"op": "replace", "path": "emails[type eq \"home\"].display", "value": "H"},
            {"op": "add", "path": "emails", "value": [{"type": "work", "value": "w@x"}]}
        ])
    );
    assert_eq!(target.update(&selected, &anchor, &changes(&[])).await.unwrap(), None);
    assert_eq!(fake.lines().len(), 3, "no change, no request");
    let told = target.update(&selected, &Anchor::new("2"), &known).await.unwrap();
    assert_eq!(told, None, "an answer without an id shows nothing");
}

#[tokio::test]
async fn a_user_is_not_taken_for_a_group_of_the_same_id() {
    let fake = Fake::start(|request| match &request.line {
        line if line.starts_with("GET /v2/Users/1") => Some(Reply::json(200, &user())),
        line if line.starts_with("GET /v2/Groups/1") => Some(Reply::json(200, &json!({"id": "1"}))),
        line if line.starts_with("PATCH") => Some(Reply::empty(204)),
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    let anchor = Anchor::new("1");
    for kind in [USER, GROUP] {
        target.read(&selection(kind, &[]), &anchor).await.unwrap();
    }
    let change = changes(&[("emails[type eq \"home\"].value", Value::Null, "new@x".into())]);
    target.update(&selection(USER, &[]), &anchor, &change).await.unwrap();
    assert_eq!(
        fake.requests()[2..].iter().map(|request| request.body["Operations"].clone()).collect::<Vec<_>>(),
        [json!([{"op": "replace", "path": "emails[type eq \"home\"].value", "value": "new@x"}])]
    );
}

#[tokio::test]
async fn without_patch_a_resource_is_read_merged_and_put_back() {
    let fake = Fake::start(|request| match &request.line {
        line if line.ends_with("/ServiceProviderConfig") => {
            Some(Reply::json(200, &json!({"patch": {"supported": false}, "etag": {"supported": true}})))
        }
        line if line.starts_with("GET /v2/Groups/g") => {
            let group = json!({"id": "g", "displayName": "G", "members": [{"value": "a"}], "meta": {"version": "W/\"1\""}});
            Some(Reply::json(200, &group))
        }
        line if line.starts_with("GET /v2/Users/1") => {
            Some(Reply::new(200, &["ETag: W/\"7\""], &user().to_string()))
        }
        line if line.starts_with("PUT /v2/Users/1") && request.header("if-match") == Some("W/\"7\"") => {
            Some(Reply::json(200, &json!({"id": "1", "title": "new", "normalized": true})))
        }
        line if line.starts_with("PUT /v2/Groups/g") => Some(Reply::empty(204)),
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    let selected = selection(USER, &["title"]);
    let change = changes(&[
        ("title", Value::Null, "new".into()),
        ("emails[type eq \"work\"].value", Value::Null, "w@x".into()),
    ]);
    let updated = target.update(&selected, &Anchor::new("1"), &change).await.unwrap();
    assert_eq!(updated, Some(Object::new(USER, "1").with("title", "new")));
    let references = ReferenceChange {
        attribute: "members".into(),
        multivalued: true,
        added: vec![Anchor::new("b")],
        removed: vec![Anchor::new("a"), Anchor::new("nobody")],
    };
    target.update_references(&GROUP.into(), &Anchor::new("g"), &references).await.unwrap();
    let same = ReferenceChange { added: vec![Anchor::new("a")], removed: Vec::new(), ..references };
    target.update_references(&GROUP.into(), &Anchor::new("g"), &same).await.unwrap();
    assert_eq!(
        fake.lines(),
        ["GET /v2/Users/1", "PUT /v2/Users/1", "GET /v2/Groups/g", "PUT /v2/Groups/g", "GET /v2/Groups/g"]
    );
    let requests = fake.requests();
    let emails = json!([{"type": "home", "value": "h@x"}, {"type": "work", "value": "w@x"}]);
    assert_eq!(requests[1].body, json!({"id": "1", "userName": "a", "emails": emails, "title": "new"}));
    assert_eq!(requests[3].body, json!({"id": "g", "displayName": "G", "members": [{"value": "b"}]}));
    assert_eq!(requests[3].header("if-match"), Some("W/\"1\""));
}

#[tokio::test]
async fn a_removal_that_the_service_objects_to_is_tried_for_itself() {
    let fake = Fake::start(|request| {
        let text = request.body.to_string();
        if !request.is("PATCH /v2/Groups/g") {
            return None;
        }
        let no_target = json!({"status": "400", "scimType": "noTarget"});
        Some(if text.contains("nobody") { Reply::json(400, &no_target) } else { Reply::empty(204) })
    })
    .await;
    let target = target(&fake.base()).await;
    let change = ReferenceChange {
        attribute: "members".into(),
        multivalued: true,
        added: vec![Anchor::new("a")],
        removed: vec![Anchor::new("nobody"), Anchor::new("b")],
    };
    target.update_references(&GROUP.into(), &Anchor::new("g"), &change).await.unwrap();
    let accepted: Vec<_> = fake
        .requests()
        .iter()
        .map(|request| request.body["Operations"].to_string())
        .filter(|operations| !operations.contains("nobody"))
        .collect();
    assert_eq!(
        accepted,
        [
            r#"[{"op":"add","path":"members","value":[{"value":"a"}]}]"#,
            r#"[{"op":"remove","path":"members[value eq \"b\"]"}]"#
        ]
    );
}

#[tokio::test]
async fn a_new_object_may_be_known_by_its_address_alone() {
    let fake = Fake::start(|request| {
        request.is("POST").then(|| Reply::new(201, &["Location: http://elsewhere/v2/Users/a%2Fb"], ""))
    })
    .await;
    let target = target(&fake.base()).await;
    let created =
        target.create(&selection(USER, &["userName"]), &values(&[("userName", "a".into())])).await.unwrap();
    assert_eq!(created, Object::new(USER, "a/b"));
}

#[tokio::test]
async fn custom_types_and_attributes_follow_the_service_s_own_schemas() {
    let fake = Fake::start(|request| match &request.line {
        line if line.ends_with("/ResourceTypes") => Some(Reply::list(&[json!(
            {"name": "Device", "endpoint": "/Things", "schema": "urn:example:2.0:Device"}
        )])),
        line if line.ends_with("/Schemas") => Some(Reply::list(&[json!({"id": "urn:example:2.0:Device", "attributes": [
            {"name": "enabled", "type": "boolean"}, {"name": "ports", "type": "integer", "multiValued": true}
        ]})])),
        line if line.starts_with("POST /v2/Things") => {
            Some(Reply::json(201, &json!({"id": 7, "enabled": "true", "ports": ["1", 2]})))
        }
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    let selected = selection("urn:example:2.0:Device", &["enabled", "ports"]);
    let wanted = values(&[("enabled", "True".into()), ("ports", Value::list(["1".into(), 2.into()]))]);
    let created = target.create(&selected, &wanted).await.unwrap();
    let ports = Value::list([1.into(), 2.into()]);
    assert_eq!(
        created,
        Object::new("urn:example:2.0:Device", "7").with("enabled", true).with("ports", ports)
    );
    assert_eq!(
        fake.requests()[0].body,
        json!({"schemas": ["urn:example:2.0:Device"], "enabled": true, "ports": [1, 2]})
    );
    let error = target.list(&selection(USER, &[]), None).await.unwrap_err();
    assert_eq!(error.code, FailureCode::EntityTypeNotSupported);
    assert!(error.detail.contains("it has urn:example:2.0:Device"), "{error}");
}

#[tokio::test]
async fn a_service_that_pages_by_cursor_is_read_by_cursor() {
    for index in [false, true] {
        let fake = Fake::start(move |request| match &request.line {
            line if line.ends_with("/ServiceProviderConfig") => Some(Reply::json(
                200,
                &json!({
                    "patch": {"supported": true},
                    "pagination": {"cursor": true, "index": index, "defaultPaginationMethod": "index", "maxPageSize": 50},
                }),
            )),
            line if line.ends_with("?count=50&cursor=") => Some(Reply::json(
                200,
                &json!({"totalResults": 2, "nextCursor": "n=:x", "Resources": [{"id": "1"}]}),
            )),
            line if line.ends_with("cursor=n=:x") => {
                Some(Reply::json(200, &json!({"totalResults": 2, "Resources": [{"id": "2"}]})))
            }
            _ => None,
        })
        .await;
        let target = target(&fake.base()).await;
        let first = target.list(&selection(USER, &[]), None).await.unwrap();
        let second = target.list(&selection(USER, &[]), first.next.as_ref()).await.unwrap();
        assert_eq!((first.objects[0].anchor.as_str(), second.objects[0].anchor.as_str()), ("1", "2"));
        assert_eq!(second.next, None);
    }
}

#[tokio::test]
async fn requests_are_logged_without_what_is_private() {
    #[derive(Clone, Default)]
    struct Kept(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let kept = Kept::default();
    let writer = kept.clone();
    let logged = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(logged);
    let fake = Fake::start(|request| request.is("POST").then(|| Reply::json(409, &json!({})))).await;
    let target = target(&fake.base()).await;
    target.create(&selection(USER, &[]), &values(&[("userName", "private".into())])).await.unwrap_err();
    target.find(&selection(USER, &[]), &"userName".into(), &"private".into(), false).await.unwrap_err();
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("connector_scim")).collect();
    assert!(
        lines.iter().any(|line| line.contains("method=\"POST\" path=\"/v2/Users\" status=409")),
        "{text}"
    );
    assert!(lines.iter().any(|line| line.contains("method=\"GET\" path=\"/v2/Users\" status=404")), "{text}");
    assert!(!text.contains("private") && !text.contains(super::TOKEN), "{text}");
}

#[tokio::test]
async fn members_are_read_on_request() {
    let group =
        json!({"id": "g", "displayName": "G", "members": [{"value": "u1"}, {"value": "u2", "type": "User"}]});
    let fake = Fake::start(move |request| match &request.line {
        line if line == "GET /v2/Groups/g" => Some(Reply::json(200, &group)),
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    let page =
        target.references(&GROUP.into(), &Anchor::new("g"), &"members".into(), None).await.unwrap().unwrap();
    assert_eq!((page.references, page.next), (vec![Anchor::new("u1"), Anchor::new("u2")], None));
}
