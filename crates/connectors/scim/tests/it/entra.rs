//! The requests of the three profiles, one by one, beside what the public pages of Microsoft Entra show: "Develop and
//! plan provisioning for a SCIM endpoint" and "Known issues and resolutions with SCIM 2.0 protocol compliance".

use connector::{ChangeSet, ReferenceChange, Target};
use model::{Anchor, Value};
use serde_json::{Value as Json, json};

use super::fake::{Fake, Reply, Request};
use super::{GROUP, USER, built, changes, configuration, reference, selection, values};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ADSCIM: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
const NUMBER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber";
const WORK: &str = "emails[type eq \"work\"].value";
const PHONE: &str = "phoneNumbers[type eq \"work\"].value";

/// What is done with the target.
enum Act {
    Find(&'static str, &'static str, Value),
    Read(&'static str),
    Create(&'static str, ChangeSet),
    Update(ChangeSet),
    References(&'static str, &'static str, ReferenceChange),
    Delete(&'static str),
}

/// A service at which everything is possible and user `1` has a work address.
async fn service() -> Fake {
    Fake::start(|request| {
        Some(match &request.line {
            line if line.contains("/Users?")
                || line.contains("/Groups?filter")
                || line.contains("&filter") =>
            {
                Reply::list(&[])
            }
            line if line.starts_with("GET /v2/Groups/1") => Reply::json(200, &json!({"id": "1"})),
            line if line.starts_with("GET /v2/Users/1") => {
                Reply::json(200, &json!({"id": "1", "emails": [{"type": "work", "value": "old"}]}))
            }
            line if line.starts_with("POST") => Reply::json(201, &json!({"id": "1"})),
            line if line.starts_with("PATCH") || line.starts_with("DELETE") => Reply::empty(204),
            _ => return None,
        })
    })
    .await
}

async fn perform(target: &dyn Target, act: &Act) {
    let one = Anchor::new("1");
    match act {
        Act::Find(kind, attribute, value) => {
            target.find(&selection(kind, &[]), &(*attribute).into(), value, false).await.map(drop).unwrap();
        }
        Act::Read(kind) => target.read(&selection(kind, &[]), &one).await.map(drop).unwrap(),
        Act::Create(kind, changes) => {
            target.create(&selection(kind, &[]), changes).await.map(drop).unwrap();
        }
        Act::Update(changes) => {
            target.update(&selection(USER, &[]), &one, changes).await.map(drop).unwrap();
        }
        Act::References(kind, id, change) => {
            target.update_references(&(*kind).into(), &Anchor::new(*id), change).await.unwrap();
        }
        Act::Delete(kind) => target.delete(&(*kind).into(), &one).await.unwrap(),
    }
}

/// The last request that an act leads to, under a profile.
async fn request(profile: &str, act: &Act) -> Request {
    let fake = service().await;
    let target = built(&configuration(&fake.base(), &[("ScimPatchProfile", profile)])).await;
    perform(&*target, act).await;
    fake.requests().pop().unwrap()
}

const RFC: &str = "rfc7644";
const FLAGGED: &str = "aadOptscim062020";
const UNFLAGGED: &str = "AzureAdScimPatch2017";

/// Checks the line and the operations of a PATCH request under each profile.
async fn patches(act: Act, line: &str, expected: [(&str, Json); 3]) {
    for (profile, operations) in expected {
        let sent = request(profile, &act).await;
        assert_eq!(sent.line, line, "{profile}");
        assert_eq!(sent.body, json!({"schemas": [PATCH], "Operations": operations}), "{profile}");
        assert!(sent.text.starts_with(r#"{"schemas":"#), "{profile}: {}", sent.text);
        let kind =
            if profile == RFC { "application/scim+json" } else { "application/scim+json; charset=utf-8" };
        assert_eq!(sent.header("content-type"), Some(kind));
    }
}

fn members(added: &[&str], removed: &[&str]) -> ReferenceChange {
    let anchors = |ids: &[&str]| ids.iter().map(|id| Anchor::new(*id)).collect();
    ReferenceChange {
        attribute: "members".into(),
        multivalued: true,
        added: anchors(added),
        removed: anchors(removed),
    }
}

#[tokio::test]
async fn users_are_created() {
    let wanted = || {
        values(&[
            ("externalId", "0a21f0f2".into()),
            ("userName", "Test_User".into()),
            ("active", "True".into()),
            (WORK, "test@testuser.com".into()),
            ("name.formatted", "givenName familyName".into()),
            ("name.familyName", "familyName".into()),
            ("name.givenName", "givenName".into()),
        ])
    };
    let name =
        json!({"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"});
    let rfc = json!({
        "schemas": [CORE], "externalId": "0a21f0f2", "userName": "Test_User", "active": true,
        "emails": [{"type": "work", "value": "test@testuser.com"}], "name": name
    });
    let entra = json!({
        "schemas": [CORE, USER], "externalId": "0a21f0f2", "userName": "Test_User", "active": true,
        "emails": [{"primary": true, "type": "work", "value": "test@testuser.com"}],
        "meta": {"resourceType": "User"}, "name": name, "roles": []
    });
    for (profile, expected) in [(RFC, &rfc), (FLAGGED, &entra), (UNFLAGGED, &entra)] {
        let sent = request(profile, &Act::Create(USER, wanted())).await;
        assert_eq!((sent.line.as_str(), &sent.body), ("POST /v2/Users", expected), "{profile}");
        assert!(sent.text.starts_with(r#"{"schemas":"#), "{}", sent.text);
    }
}

#[tokio::test]
async fn extensions_and_managers_of_new_users() {
    let custom = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User";
    let wanted = || {
        let attribute = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:CustomAttribute";
        let manager = reference(&Anchor::new("boss"));
        values(&[
            ("userName", "u".into()),
            (NUMBER, "701984".into()),
            (MANAGER, manager),
            (attribute, "x".into()),
        ])
    };
    let rfc = json!({
        "schemas": [CORE, USER, custom], "userName": "u",
        USER: {"employeeNumber": "701984", "manager": {"value": "boss"}}, custom: {"CustomAttribute": "x"}
    });
    let entra = json!({
        "schemas": [CORE, USER], "userName": "u", "meta": {"resourceType": "User"}, "roles": [],
        USER: {"employeeNumber": "701984", "manager": "boss"}, custom: {"CustomAttribute": "x"}
    });
    for (profile, expected) in [(RFC, &rfc), (FLAGGED, &entra), (UNFLAGGED, &entra)] {
        assert_eq!(&request(profile, &Act::Create(USER, wanted())).await.body, expected, "{profile}");
    }
}

#[tokio::test]
async fn groups_are_created() {
    let wanted = || values(&[("externalId", "8aa1a0c0".into()), ("displayName", "displayName".into())]);
    let rfc = json!({"schemas": [GROUP], "externalId": "8aa1a0c0", "displayName": "displayName"});
    let entra = json!({
        "schemas": [GROUP, ADSCIM], "externalId": "8aa1a0c0", "displayName": "displayName",
        "meta": {"resourceType": "Group"}
    });
    for (profile, expected) in [(RFC, &rfc), (FLAGGED, &entra), (UNFLAGGED, &entra)] {
        let sent = request(profile, &Act::Create(GROUP, wanted())).await;
        assert_eq!((sent.line.as_str(), &sent.body), ("POST /v2/Groups", expected), "{profile}");
    }
}

#[tokio::test]
async fn resources_are_read_found_and_deleted() {
    let user = reference(&Anchor::new("u1"));
    for (act, rfc, entra) in [
        (Act::Read(USER), "GET /v2/Users/1", None),
        (Act::Read(GROUP), "GET /v2/Groups/1?excludedAttributes=members", None),
        (
            Act::Find(USER, "userName", "Test_User".into()),
            "GET /v2/Users?filter=userName eq \"Test_User\"",
            None,
        ),
        (
            Act::Find(USER, "userName", "o'neil \"x\" \\ é🦀&=+#%20".into()),
            "GET /v2/Users?filter=userName eq \"o'neil \\\"x\\\" \\\\ é🦀&=+#%20\"",
            None,
        ),
        (Act::Find(USER, "externalId", "7".into()), "GET /v2/Users?filter=externalId eq \"7\"", None),
        (
            Act::Find(USER, WORK, "a@x".into()),
            "GET /v2/Users?filter=emails[type eq \"work\" and value eq \"a@x\"]",
            Some("GET /v2/Users?filter=emails[type eq \"work\"].value eq \"a@x\""),
        ),
        (
            Act::Find(GROUP, "displayName", "displayName".into()),
            "GET /v2/Groups?excludedAttributes=members&filter=displayName eq \"displayName\"",
            None,
        ),
        (
            Act::Find(GROUP, "members", user),
            "GET /v2/Groups?excludedAttributes=members&filter=members.value eq \"u1\"",
            Some("GET /v2/Groups?excludedAttributes=members&filter=members eq \"u1\""),
        ),
        (Act::Delete(USER), "DELETE /v2/Users/1", None),
        (Act::Delete(GROUP), "DELETE /v2/Groups/1", None),
    ] {
        for (profile, line) in
            [(RFC, rfc), (FLAGGED, entra.unwrap_or(rfc)), (UNFLAGGED, entra.unwrap_or(rfc))]
        {
            let sent = request(profile, &act).await;
            assert_eq!(sent.line, line, "{profile}");
            assert_eq!(sent.header("accept"), Some("application/scim+json, application/json"));
            assert_eq!((sent.header("content-type"), sent.text.as_str()), (None, ""));
        }
    }
}

#[tokio::test]
async fn a_user_is_disabled() {
    let act = Act::Update(changes(&[("active", true.into(), "False".into())]));
    let lower = json!([{"op": "replace", "path": "active", "value": false}]);
    let unflagged = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    patches(act, "PATCH /v2/Users/1", [(RFC, lower.clone()), (FLAGGED, lower), (UNFLAGGED, unflagged)]).await;
}

#[tokio::test]
async fn a_single_value_is_added_or_replaced() {
    for (attribute, old, op, capital) in
        [("nickName", Value::Null, "add", "Add"), ("userName", "before".into(), "replace", "Replace")]
    {
        let act = Act::Update(changes(&[(attribute, old, "Babs".into())]));
        let lower = json!([{"op": op, "path": attribute, "value": "Babs"}]);
        let unflagged = json!([{"op": capital, "path": attribute, "value": "Babs"}]);
        patches(act, "PATCH /v2/Users/1", [(RFC, lower.clone()), (FLAGGED, lower), (UNFLAGGED, unflagged)])
            .await;
    }
}

#[tokio::test]
async fn several_attributes_are_replaced() {
    let old = || Value::from("old");
    let act = Act::Update(changes(&[
        ("displayName", old(), "Pvlo".into()),
        (WORK, old(), "Test@test.microsoft.com".into()),
        ("name.givenName", old(), "Gtfd".into()),
        ("name.familyName", old(), "Pkqf".into()),
        ("externalId", old(), "Eqpj".into()),
        (NUMBER, old(), "Aklq".into()),
    ]));
    let paths = [
        ("displayName", "Pvlo"),
        (WORK, "Test@test.microsoft.com"),
        ("name.givenName", "Gtfd"),
        ("name.familyName", "Pkqf"),
        ("externalId", "Eqpj"),
        (NUMBER, "Aklq"),
    ];
    let each = |op: &str| {
        let one = |(path, value): &(&str, &str)| json!({"op": op, "path": path, "value": value});
        Json::Array(paths.iter().map(one).collect())
    };
    let flagged = json!([
        {"op": "replace", "path": WORK, "value": "Test@test.microsoft.com"},
        {"op": "replace", "value": {
            "displayName": "Pvlo", "name.givenName": "Gtfd", "name.familyName": "Pkqf", "externalId": "Eqpj",
            NUMBER: "Aklq"
        }}
    ]);
    let expected = [(RFC, each("replace")), (FLAGGED, flagged), (UNFLAGGED, each("Replace"))];
    patches(act, "PATCH /v2/Users/1", expected).await;
}

#[tokio::test]
async fn parts_of_multi_valued_attributes_and_plain_ones_are_changed_together() {
    let act = Act::Update(changes(&[
        (WORK, "old".into(), "updated@microsoft.com".into()),
        ("name.familyName", "old".into(), "updated".into()),
        ("title", Value::Null, "Boss".into()),
        ("locale", Value::Null, "en".into()),
        (PHONE, Value::Null, "555".into()),
        ("nickName", "old".into(), Value::Null),
    ]));
    let rfc = json!([
        {"op": "replace", "path": WORK, "value": "updated@microsoft.com"},
        {"op": "replace", "path": "name.familyName", "value": "updated"},
        {"op": "add", "path": "title", "value": "Boss"},
        {"op": "add", "path": "locale", "value": "en"},
        {"op": "add", "path": "phoneNumbers", "value": [{"type": "work", "value": "555"}]},
        {"op": "remove", "path": "nickName"}
    ]);
    let flagged = json!([
        {"op": "replace", "path": WORK, "value": "updated@microsoft.com"},
        {"op": "add", "path": PHONE, "value": "555"},
        {"op": "remove", "path": "nickName"},
        {"op": "replace", "path": "name.familyName", "value": "updated"},
        {"op": "add", "value": {"title": "Boss", "locale": "en"}}
    ]);
    let unflagged = json!([
        {"op": "Replace", "path": WORK, "value": "updated@microsoft.com"},
        {"op": "Replace", "path": "name.familyName", "value": "updated"},
        {"op": "Add", "path": "title", "value": "Boss"},
        {"op": "Add", "path": "locale", "value": "en"},
        {"op": "Add", "path": PHONE, "value": "555"},
        {"op": "Remove", "path": "nickName"}
    ]);
    patches(act, "PATCH /v2/Users/1", [(RFC, rfc), (FLAGGED, flagged), (UNFLAGGED, unflagged)]).await;
}

#[tokio::test]
async fn booleans_and_the_absence_of_filtered_values() {
    let primary = "emails[type eq \"work\"].primary";
    let act = Act::Update(changes(&[
        (primary, Value::Null, "True".into()),
        (WORK, "old".into(), Value::Null),
        (PHONE, Value::Null, Value::Null),
    ]));
    let rfc = json!([
        {"op": "replace", "path": primary, "value": true},
        {"op": "remove", "path": "emails[type eq \"work\"]"}
    ]);
    let flagged = json!([{"op": "replace", "path": primary, "value": true}, {"op": "remove", "path": WORK}]);
    let unflagged =
        json!([{"op": "Replace", "path": primary, "value": "True"}, {"op": "Remove", "path": WORK}]);
    patches(act, "PATCH /v2/Users/1", [(RFC, rfc), (FLAGGED, flagged), (UNFLAGGED, unflagged)]).await;
}

#[tokio::test]
async fn the_name_of_a_group_is_changed() {
    let fake = service().await;
    for (profile, op) in [(RFC, "replace"), (FLAGGED, "replace"), (UNFLAGGED, "Replace")] {
        let target = built(&configuration(&fake.base(), &[("ScimPatchProfile", profile)])).await;
        let change = changes(&[("displayName", "old".into(), "new".into())]);
        target.update(&selection(GROUP, &[]), &Anchor::new("1"), &change).await.unwrap();
        let sent = fake.requests().pop().unwrap();
        assert_eq!(sent.line, "PATCH /v2/Groups/1");
        assert_eq!(sent.body["Operations"], json!([{"op": op, "path": "displayName", "value": "new"}]));
    }
}

#[tokio::test]
async fn members_come_and_go() {
    let line = "PATCH /v2/Groups/1";
    let add = Act::References(GROUP, "1", members(&["f648f8d5", "7"], &[]));
    let entra = json!([{"$ref": null, "value": "f648f8d5"}, {"$ref": null, "value": "7"}]);
    patches(
        add,
        line,
        [
            (
                RFC,
                json!([{"op": "add", "path": "members", "value": [{"value": "f648f8d5"}, {"value": "7"}]}]),
            ),
            (FLAGGED, json!([{"op": "add", "path": "members", "value": entra}])),
            (UNFLAGGED, json!([{"op": "Add", "path": "members", "value": entra}])),
        ],
    )
    .await;
    let remove = Act::References(GROUP, "1", members(&[], &["7f4bc1a3", "o\"x"]));
    let each = json!([
        {"op": "remove", "path": "members[value eq \"7f4bc1a3\"]"},
        {"op": "remove", "path": "members[value eq \"o\\\"x\"]"}
    ]);
    let together =
        json!([{"op": "Remove", "path": "members", "value": [{"value": "7f4bc1a3"}, {"value": "o\"x"}]}]);
    patches(remove, line, [(RFC, each.clone()), (FLAGGED, each), (UNFLAGGED, together)]).await;
}

#[tokio::test]
async fn managers_come_and_go() {
    let change = |added: &[&str]| ReferenceChange {
        attribute: MANAGER.into(),
        multivalued: false,
        ..members(added, &["before"])
    };
    let line = "PATCH /v2/Users/1";
    patches(
        Act::References(USER, "1", change(&["2c2f6fb8"])),
        line,
        [
            (RFC, json!([{"op": "replace", "path": MANAGER, "value": {"value": "2c2f6fb8"}}])),
            (FLAGGED, json!([{"op": "replace", "path": MANAGER, "value": "2c2f6fb8"}])),
            (UNFLAGGED, json!([{"op": "Replace", "path": MANAGER, "value": "2c2f6fb8"}])),
        ],
    )
    .await;
    let first = || ReferenceChange { removed: Vec::new(), ..change(&["2c2f6fb8"]) };
    patches(
        Act::References(USER, "1", first()),
        line,
        [
            (RFC, json!([{"op": "replace", "path": MANAGER, "value": {"value": "2c2f6fb8"}}])),
            (FLAGGED, json!([{"op": "add", "path": MANAGER, "value": "2c2f6fb8"}])),
            (UNFLAGGED, json!([{"op": "Add", "path": MANAGER, "value": "2c2f6fb8"}])),
        ],
    )
    .await;
    patches(
        Act::References(USER, "1", change(&[])),
        line,
        [
            (RFC, json!([{"op": "remove", "path": MANAGER}])),
            (FLAGGED, json!([{"op": "remove", "path": MANAGER}])),
            (UNFLAGGED, json!([{"op": "Remove", "path": MANAGER}])),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_flag_in_the_address_chooses_the_profile() {
    let act = Act::Update(changes(&[("active", true.into(), "False".into())]));
    for (query, settings, line, value) in [
        ("", &[][..], "PATCH /v2/Users/1", json!(false)),
        ("?aadOptscim062020", &[], "PATCH /v2/Users/1", json!(false)),
        ("/?AADOPTSCIM062020=true", &[], "PATCH /v2/Users/1", json!(false)),
        ("?AzureAdScimPatch2017", &[], "PATCH /v2/Users/1", json!("False")),
        ("?a=b%20c&AzureAdScimPatch2017&d", &[], "PATCH /v2/Users/1?a=b c&d", json!("False")),
        ("?AzureAdScimPatch2017=false", &[], "PATCH /v2/Users/1", json!(false)),
        ("?AzureAdScimPatch2017", &[("ScimPatchProfile", RFC)], "PATCH /v2/Users/1", json!(false)),
    ] {
        let fake = service().await;
        let target = built(&configuration(&format!("{}{query}", fake.base()), settings)).await;
        perform(&*target, &act).await;
        let sent = fake.requests().pop().unwrap();
        assert_eq!((sent.line.as_str(), &sent.body["Operations"][0]["value"]), (line, &value), "{query}");
    }
}

#[tokio::test]
async fn entra_asks_for_one_object_at_a_time() {
    let fake = service().await;
    for (profile, settings, list) in [
        (RFC, &[][..], true),
        (FLAGGED, &[], false),
        (UNFLAGGED, &[], false),
        (UNFLAGGED, &[("Listing", "true")], true),
    ] {
        let settings: Vec<_> = settings.iter().copied().chain([("ScimPatchProfile", profile)]).collect();
        let target = built(&configuration(&fake.base(), &settings)).await;
        assert_eq!(target.capabilities().of(USER).list, list, "{profile}");
    }
}
