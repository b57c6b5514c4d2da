//! App roles, as the functions for them give them to a mapping, in POST and PATCH requests: "Provisioning a role to a
//! SCIM app" of the public page "Customize user provisioning attribute-mappings".

use connector::{AttributeChange, ChangeKind, ChangeSet};
use model::{Anchor, Value};
use serde_json::{Value as Json, json};

use super::fake::{Fake, Reply};
use super::{built, changes, configuration, selection, values};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const SINGLE: &str = "roles[primary eq \"True\"].value";
const TYPE: &str = "WindowsAzureActiveDirectoryRole";

/// What `[appRoleAssignments]` holds, and what `AppRoleAssignmentsComplex` makes of it.
fn assignment(id: &str, name: &str) -> String {
    format!("{{\"id\":\"{id}\",\"value\":\"{name}\",\"displayName\":\"{name}\"}}")
}

fn assignments() -> Value {
    Value::list([assignment("06b0", "Admin").as_str().into(), assignment("7c1d", "User").as_str().into()])
}

/// Sends a new user or a change and gives the body back.
async fn sent(profile: &str, changes: &ChangeSet, create: bool) -> Json {
    let fake = Fake::start(|request| match &request.line {
        line if line.starts_with("POST") => Some(Reply::json(201, &json!({"id": "1"}))),
        line if line.starts_with("PATCH") => Some(Reply::empty(204)),
        line if line.starts_with("GET /v2/Users/1") => Some(Reply::json(200, &json!({"id": "1"}))),
        _ => None,
    })
    .await;
    let target = built(&configuration(&fake.base(), &[("ScimPatchProfile", profile)])).await;
    if create {
        target.create(&selection(CORE, &[]), changes).await.unwrap();
    } else {
        target.update(&selection(CORE, &[]), &Anchor::new("1"), changes).await.unwrap();
    }
    fake.requests().pop().unwrap().body
}

const PROFILES: [&str; 3] = ["rfc7644", "aadOptscim062020", "AzureAdScimPatch2017"];

fn role(name: &str) -> Json {
    json!({"primary": false, "type": TYPE, "display": name, "value": name})
}

fn added(value: Value) -> ChangeSet {
    let set = changes(&[("roles", Value::Null, value)]);
    let add = |change: AttributeChange| AttributeChange { kind: ChangeKind::Add, ..change };
    ChangeSet { changes: set.changes.into_iter().map(add).collect() }
}

#[tokio::test]
async fn several_roles_of_a_new_user() {
    for profile in PROFILES {
        let body = sent(profile, &values(&[("userName", "a".into()), ("roles", assignments())]), true).await;
        assert_eq!(body["roles"], json!([role("Admin"), role("User")]), "{profile}");
    }
}

/// `AppRoleAssignmentsComplex` adds.
#[tokio::test]
async fn several_roles_are_added() {
    let whole = json!([{"value": assignment("06b0", "Admin")}, {"value": assignment("7c1d", "User")}]);
    let roles = json!([role("Admin"), role("User")]);
    for (profile, op, expected) in
        [(PROFILES[0], "add", &roles), (PROFILES[1], "add", &roles), (PROFILES[2], "Add", &whole)]
    {
        let body = sent(profile, &added(assignments()), false).await;
        assert_eq!(body["Operations"], json!([{"op": op, "path": "roles", "value": expected}]), "{profile}");
    }
}

/// `AssertiveAppRoleAssignmentsComplex` replaces, so that roles which are assigned no longer go.
#[tokio::test]
async fn several_roles_replace_what_is_there() {
    let whole = json!([{"value": assignment("06b0", "Admin")}, {"value": assignment("7c1d", "User")}]);
    let roles = json!([role("Admin"), role("User")]);
    let change = changes(&[("roles", Value::list(["Guest".into()]), assignments())]);
    let none = changes(&[("roles", Value::list(["Guest".into()]), Value::Null)]);
    for (profile, op, expected) in
        [(PROFILES[0], "replace", &roles), (PROFILES[1], "replace", &roles), (PROFILES[2], "Replace", &whole)]
    {
        let body = sent(profile, &change, false).await;
        assert_eq!(body["Operations"], json!([{"op": op, "path": "roles", "value": expected}]), "{profile}");
        let body = sent(profile, &none, false).await;
        let op = if op == "Replace" { "Remove" } else { "remove" };
        assert_eq!(body["Operations"], json!([{"op": op, "path": "roles"}]), "{profile}");
    }
}

/// `SingleAppRoleAssignment` gives the primary role.
#[tokio::test]
async fn one_role_is_the_primary_one() {
    let bare = json!([{"primary": true, "value": "Admin"}]);
    let typed = json!([{"primary": true, "type": TYPE, "value": "Admin"}]);
    for (profile, expected) in [(PROFILES[0], &bare), (PROFILES[1], &typed), (PROFILES[2], &typed)] {
        let wanted = values(&[("userName", "a".into()), (SINGLE, "Admin".into())]);
        assert_eq!(&sent(profile, &wanted, true).await["roles"], expected, "{profile}");
    }
    let parts = values(&[(SINGLE, "25".into()), ("roles[primary eq \"True\"].display", "Role1234".into())]);
    let expected = json!([{"primary": true, "type": TYPE, "value": "25", "display": "Role1234"}]);
    assert_eq!(sent(PROFILES[1], &parts, true).await["roles"], expected);
    let change = changes(&[(SINGLE, Value::Null, "Admin".into())]);
    for (profile, expected) in [
        (PROFILES[0], json!([{"op": "add", "path": "roles", "value": bare}])),
        (PROFILES[1], json!([{"op": "add", "path": SINGLE, "value": "Admin"}])),
        (PROFILES[2], json!([{"op": "Add", "path": SINGLE, "value": "Admin"}])),
    ] {
        assert_eq!(sent(profile, &change, false).await["Operations"], expected, "{profile}");
    }
}

/// `AppRoleAssignments` gives the roles' values alone.
#[tokio::test]
async fn values_alone_and_roles_in_the_form_of_scim_stay_as_they_are() {
    let own = r#"{"value":"x","primary":true}"#;
    let wanted = values(&[("roles", Value::list(["Reader".into(), own.into(), "{odd".into()]))]);
    for profile in PROFILES {
        let expected = json!([{"value": "Reader"}, {"value": "x", "primary": true}, {"value": "{odd"}]);
        let mut roles = sent(profile, &wanted, true).await["roles"].clone();
        // Entra calls every primary role one of its own.
        roles[1].as_object_mut().unwrap().remove("type");
        assert_eq!(roles, expected, "{profile}");
    }
}
