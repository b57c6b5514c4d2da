//! What holds of every route there is: who may not see what.

use std::collections::BTreeMap;

use graph::path::Version;
use serde_json::{Value as Json, json};
use server::Operation;

use crate::synchronization::rig::{Rig, user};
use crate::world::Answer;

/// An id that nobody has.
pub(crate) const NOBODY: &str = "00000000-0000-0000-0000-00000000dead";

/// A tenant with one object of every sort, and the keys by which paths name them.
pub(crate) struct Walk {
    pub(crate) rig: Rig,
    pub(crate) keys: BTreeMap<&'static str, String>,
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

impl Walk {
    pub(crate) async fn new() -> Self {
        let (rig, job) = Rig::with_job().await;
        let world = &rig.world;
        rig.source.upsert(user("ada"));
        world.post(&format!("{job}/start"), Json::Null).await.expect(204);
        rig.cycle(&job).await;
        let beta = job.replace("/v1.0/", "/beta/");
        let (member, group, gone) =
            (world.user("mia").await, world.group("team").await, world.group("gone").await);
        let boss = json!({"@odata.id": crate::world::reference(&world.user("boss").await)});
        world.put(&format!("/v1.0/users/{member}/manager/$ref"), boss).await.expect(204);
        let add = json!({"@odata.id": crate::world::reference(&member)});
        for relation in ["members", "owners"] {
            world.post(&format!("/v1.0/groups/{group}/{relation}/$ref"), add.clone()).await.expect(204);
        }
        world.post(&format!("/v1.0/applications/{}/owners/$ref", rig.application), add).await.expect(204);
        world.delete(&format!("/v1.0/groups/{gone}")).await.expect(204);
        let declared = json!({"name": "badge", "dataType": "String", "targetObjects": ["User"]});
        let path = format!("/v1.0/applications/{}/extensionProperties", rig.application);
        let property = text(&world.post(&path, declared).await.expect(201)["id"]);
        let principal = world.get(&format!("/v1.0/servicePrincipals/{}", rig.principal)).await.expect(200);
        let role = principal["appRoles"][0]["id"].clone();
        let role = if role.is_null() { json!("00000000-0000-0000-0000-000000000000") } else { role };
        let assign = json!({"principalId": member, "resourceId": rig.principal, "appRoleId": role});
        let path = format!("/v1.0/users/{member}/appRoleAssignments");
        let assignment = text(&world.post(&path, assign).await.expect(201)["id"]);
        let plan = text(&world.post(&format!("{beta}/plan"), Json::Null).await.expect(202)["id"]);
        let report = rig.discover(&job).await;
        let identity = text(&world.every(&format!("{report}/identities")).await[0]["id"]);
        let exclusion = json!({"sourceAnchor": "bob", "reason": "not him"});
        let exclusion = text(&world.post(&format!("{beta}/exclusions"), exclusion).await.expect(201)["id"]);
        let link = text(&world.every(&format!("{beta}/links")).await[0]["id"]);
        let record = text(&world.every("/v1.0/auditLogs/provisioning").await[0]["id"]);
        let audit = text(&rig.newest_audit().await["id"]);
        let keys = BTreeMap::from([
            ("users/{id}", member.clone()),
            ("groups/{id}", group),
            ("applications/{id}", rig.application.clone()),
            ("applications/{application}", rig.application.clone()),
            ("servicePrincipals/{id}", rig.principal.clone()),
            ("servicePrincipals/{principal}", rig.principal.clone()),
            ("directoryObjects/{id}", member.clone()),
            ("deletedItems/{id}", gone),
            ("organization/{id}", crate::world::TENANT.to_string()),
            ("provisioning/{id}", record),
            ("directoryAudits/{id}", audit),
            ("members/{member}", member.clone()),
            ("owners/{owner}", member),
            ("extensionProperties/{property}", property),
            ("appRoleAssignments/{assignment}", assignment.clone()),
            ("appRoleAssignedTo/{assignment}", assignment),
            ("jobs/{job}", text(&json!(job.rsplit('/').next().unwrap()))),
            ("plans/{plan}", plan),
            ("correlations/{report}", text(&json!(report.rsplit('/').next().unwrap()))),
            ("identities/{identity}", identity),
            ("links/{link}", link),
            ("objectConnections/{connection}", "ada".to_owned()),
            ("exclusions/{exclusion}", exclusion),
            ("versions/{version}", "1".to_owned()),
            ("directories/{directory}", "app".to_owned()),
            ("templates/{template}", "test".to_owned()),
        ]);
        Self { rig, keys }
    }

    /// The path of an operation with the keys that `key` gives for a name such as `users/{id}`.
    pub(crate) fn path(operation: &Operation, key: impl Fn(&str) -> String) -> String {
        let version = operation.only.unwrap_or(Version::V1);
        let mut path = format!("/{}", version.segment());
        let mut before = "";
        for part in operation.path.split('/') {
            path.push('/');
            path.push_str(&if part.starts_with('{') {
                key(&format!("{before}/{part}"))
            } else {
                part.to_owned()
            });
            before = part;
        }
        path
    }

    /// The path with the keys of what the tenant has.
    pub(crate) fn real(&self, operation: &Operation) -> String {
        Self::path(operation, |name| self.keys.get(name).cloned().unwrap_or_else(|| NOBODY.to_owned()))
    }

    /// True where the path names something that the tenant has.
    fn knows(&self, operation: &Operation) -> bool {
        // The assignment is a user's.
        let elsewhere = operation.path.ends_with("appRoleAssignments/{assignment}")
            && !operation.path.starts_with("users/");
        let key = |name: &str| if self.keys.contains_key(name) { String::new() } else { "?".to_owned() };
        !elsewhere && !Self::path(operation, key).contains('?')
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        let operations: Vec<Operation> = self.rig.world.api.operations().collect();
        assert!(operations.len() > 150, "{}", operations.len());
        operations
    }

    async fn ask(&self, token: &str, operation: &Operation, path: &str) -> Answer {
        let method = operation.method.as_str();
        let body = if matches!(method, "GET" | "DELETE") { Json::Null } else { json!({}) };
        self.rig.world.as_client(token, method, path, &body).await
    }
}

/// What an answer tells about whether something exists: its status, code and words, without the key that was asked for.
fn told(answer: &Answer, keys: &[&String]) -> (u16, String) {
    let mut words = format!("{} {}", answer.body["error"]["code"], answer.body["error"]["message"]);
    for key in keys {
        words = words.replace(key.as_str(), "?");
    }
    (answer.status, words.replace(NOBODY, "?"))
}

#[tokio::test]
async fn no_route_answers_without_a_token() {
    let walk = Walk::new().await;
    for operation in walk.operations() {
        for header in ["", "Bearer", "Bearer x", "Basic eDp5"] {
            let headers = [("authorization", header)];
            let path = walk.real(&operation);
            let method = operation.method.as_str();
            let answer = walk.rig.world.send(method, &path, &headers, &Json::Null).await;
            assert_eq!(
                answer.header("www-authenticate"),
                "Bearer",
                "{} {}",
                operation.method,
                operation.path
            );
            answer.refused(401, "InvalidAuthenticationToken");
        }
    }
}

/// Whoever holds every permission in another tenant learns of an object as much as of one that does not exist.
#[tokio::test]
async fn another_tenant_sees_nothing_by_any_route() {
    let walk = Walk::new().await;
    let token = walk.rig.world.other_tenant().await;
    let secret: Vec<&String> = walk.keys.values().filter(|key| key.len() >= 32).collect();
    let audits = walk.rig.audits().await;
    for operation in walk.operations() {
        // Application templates are the same for all tenants.
        if operation.path.starts_with("applicationTemplates") {
            continue;
        }
        let what = format!("{} {}", operation.method, operation.path);
        if !operation.path.contains('{') {
            if operation.method == http::Method::GET {
                let answer = walk.ask(&token, &operation, &walk.real(&operation)).await;
                let body = answer.body.to_string();
                assert!(!secret.iter().any(|key| body.contains(key.as_str())), "{what}: {body}");
            }
            continue;
        }
        let answer = walk.ask(&token, &operation, &walk.real(&operation)).await;
        assert!([400, 404].contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
        assert!(operation.method != http::Method::GET || answer.status == 404, "{what}: {}", answer.body);
        let nowhere = Walk::path(&operation, |_| NOBODY.to_owned());
        let absent = walk.ask(&token, &operation, &nowhere).await;
        let keys: Vec<&String> = walk.keys.values().collect();
        assert_eq!(told(&answer, &keys), told(&absent, &keys), "{what}");
    }
    assert_eq!(walk.rig.audits().await, audits, "nothing of the tenant was changed");
    // To the tenant itself, everything is there.
    for operation in walk.operations() {
        if operation.method == http::Method::GET && walk.knows(&operation) {
            let answer = walk.rig.world.get(&walk.real(&operation)).await;
            assert_ne!(answer.status, 404, "{}: {}", operation.path, answer.body);
        }
    }
}

/// Permissions for owned applications open no other, whatever the request says.
#[tokio::test]
async fn an_owner_cannot_touch_what_others_own_by_any_route() {
    let walk = Walk::new().await;
    let owned = [
        "Application.ReadWrite.OwnedBy",
        "SynchronizationMetadata.Read.OwnedBy",
        "SynchronizationMetadata.ReadWrite.OwnedBy",
        "SynchronizationData-User.Upload.OwnedBy",
    ];
    let (principal, token) = walk.rig.world.client(&owned).await;
    let below: Vec<Operation> = walk
        .operations()
        .into_iter()
        .filter(|operation| {
            operation.path.starts_with("applications/{") || operation.path.starts_with("servicePrincipals/{")
        })
        .collect();
    assert!(below.len() > 100, "{}", below.len());
    let (audits, mut owners) = (walk.rig.audits().await, 0);
    for operation in &below {
        let words = walk
            .ask(&token, operation, &walk.real(operation))
            .await
            .refused(403, "Authorization_RequestDenied");
        let by_owner = operation.permissions.iter().any(|permission| owned.contains(permission));
        owners += usize::from(by_owner);
        assert_eq!(words.contains("applications that it owns"), by_owner, "{} {words}", operation.path);
    }
    assert!(owners > 80, "{owners}");
    assert_eq!(walk.rig.audits().await, audits);

    let add = json!({"@odata.id": crate::world::reference(&principal)});
    let path = format!("/v1.0/applications/{}/owners/$ref", walk.rig.application);
    walk.rig.world.post(&path, add).await.expect(204);
    for operation in below {
        let by_owner = operation.permissions.iter().any(|permission| owned.contains(permission));
        if by_owner && operation.method == http::Method::GET {
            let answer = walk.ask(&token, &operation, &walk.real(&operation)).await;
            assert_ne!(answer.status, 403, "{}: {}", operation.path, answer.body);
        }
    }
}

/// In the bin nobody owns anything: who may restore users may not restore applications by a permission for owned ones.
#[tokio::test]
async fn the_bin_opens_no_application_to_owners() {
    let walk = Walk::new().await;
    let world = &walk.rig.world;
    let made = world.post("/v1.0/applications", json!({"displayName": "Foreign"})).await.expect(201);
    let id = text(&made["id"]);
    world.delete(&format!("/v1.0/applications/{id}")).await.expect(204);
    let (_, token) = world.client(&["User.ReadWrite.All", "Application.ReadWrite.OwnedBy"]).await;
    let path = format!("/v1.0/directory/deletedItems/{id}");
    for (method, path) in [("POST", format!("{path}/restore")), ("DELETE", path.clone()), ("GET", path)] {
        world.as_client(&token, method, &path, &Json::Null).await.refused(403, "Authorization_RequestDenied");
    }
}
