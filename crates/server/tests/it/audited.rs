//! Every change over Graph leaves its audit record: who, what, and to what. What is refused leaves none.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value as Json, json};
use server::Operation;

use crate::every_route::{NOBODY, Walk};
use crate::world::{Answer, CLIENT};

/// A request that changes something, and the records that it leaves. Written as a line: method, path with its query,
/// body, and `activity -> target` of each record. Names of keys in braces stand for what the tenant has; the target
/// `made` is the id of the answer.
struct Example {
    method: &'static str,
    path: String,
    query: &'static str,
    body: &'static str,
    expected: Vec<(&'static str, &'static str)>,
}

/// Routes that write and leave no record of the change, each with the reason.
const UNAUDITED: [(&str, &str, &str); 9] = [
    ("POST", "$batch", "each of its requests leaves its own"),
    ("POST", "directoryObjects/getByIds", "reads"),
    ("POST", "directoryObjects/getAvailableExtensionProperties", "reads"),
    ("POST", "jobs/validateCredentials", "asks the target and keeps nothing"),
    ("POST", "jobs/{job}/validateCredentials", "asks the target and keeps nothing"),
    ("POST", "schema/parseExpression", "evaluates"),
    ("POST", "jobs/{job}/plan", "computes; applying the plan leaves one"),
    ("POST", "jobs/{job}/bulkUpload", "data; what becomes of each person is in the provisioning log"),
    ("PATCH", "jobs/{job}/bulkUpload", "there is nothing that it could change"),
];
/// Routes whose records other tests ask for, because they need what the tenant of this test has not.
const ELSEWHERE: [(&str, &str, &str); 4] = [
    ("PUT", "jobs/{job}/bulkUpload/$value", "uploads, as POST bulkUpload"),
    ("DELETE", "jobs/{job}/bulkUpload", "a_clearing_of_uploads_is_audited"),
    ("DELETE", "jobs/{job}/bulkUpload/$value", "a_clearing_of_uploads_is_audited"),
    ("POST", "acquireAccessToken", "oauth.rs of the binary's tests, where there is a token endpoint"),
];

/// Users, groups, applications and what is between them.
const DIRECTORY: &str = r#"
POST | users | {"accountEnabled": true, "displayName": "n", "mailNickname": "n", "userPrincipalName": "n@example.com", "passwordProfile": {"password": "Not-a-secret-1"}} | Add user -> made
PATCH | users/{id} | {"jobTitle": "x"} | Update user -> {users/{id}}
PUT | users/{id}/manager/$ref | {"@odata.id": "{address}{other}"} | Add manager to user -> {users/{id}}
DELETE | users/{id}/manager/$ref | | Remove manager from user -> {users/{id}}
DELETE | users/{id}/appRoleAssignments/{assignment} | | Remove app role assignment -> {appRoleAssignments/{assignment}}
POST | users/{id}/appRoleAssignments | {"principalId": "{users/{id}}", "resourceId": "{servicePrincipals/{id}}", "appRoleId": "{role}"} | Add app role assignment -> made
POST | groups | {"displayName": "n", "mailEnabled": false, "mailNickname": "n", "securityEnabled": true} | Add group -> made
PATCH | groups/{id} | {"description": "x"} | Update group -> {groups/{id}}
POST | groups/{id}/members/$ref | {"@odata.id": "{address}{other}"} | Add member to group -> {groups/{id}}
DELETE | groups/{id}/members/$ref?@id={address}{other} | | Remove member from group -> {groups/{id}}
DELETE | groups/{id}/members/{member}/$ref | | Remove member from group -> {groups/{id}}
POST | groups/{id}/owners/$ref | {"@odata.id": "{address}{other}"} | Add owner to group -> {groups/{id}}
DELETE | groups/{id}/owners/$ref?@id={address}{other} | | Remove owner from group -> {groups/{id}}
DELETE | groups/{id}/owners/{owner}/$ref | | Remove owner from group -> {groups/{id}}
POST | groups/{id}/appRoleAssignments | {"principalId": "{groups/{id}}", "resourceId": "{servicePrincipals/{id}}", "appRoleId": "{role}"} | Add app role assignment -> made
DELETE | groups/{id}/appRoleAssignments/{assignment} | | Remove app role assignment -> {appRoleAssignments/{assignment}}
POST | directory/deletedItems/{id}/restore | | Restore group -> {deletedItems/{id}}
DELETE | groups/{id} | | Delete group -> {groups/{id}}
PATCH | applications/{id} | {"displayName": "x"} | Update application -> {applications/{id}}
POST | applications/{id}/owners/$ref | {"@odata.id": "{address}{other}"} | Add owner to application -> {applications/{id}}
DELETE | applications/{id}/owners/$ref?@id={address}{other} | | Remove owner from application -> {applications/{id}}
DELETE | applications/{id}/owners/{owner}/$ref | | Remove owner from application -> {applications/{id}}
POST | applications/{id}/addPassword | {} | Add password to application -> {applications/{id}}
POST | applications/{id}/removePassword | {"keyId": "{keyId}"} | Remove password from application -> {applications/{id}}
POST | servicePrincipals/{id}/addPassword | {} | Add password to application -> {applications/{id}}
POST | servicePrincipals/{id}/removePassword | {"keyId": "{keyId}"} | Remove password from application -> {applications/{id}}
POST | applications/{id}/extensionProperties | {"name": "shoe", "dataType": "String", "targetObjects": ["User"]} | Add extension property -> {applications/{id}}
DELETE | applications/{id}/extensionProperties/{property} | | Delete extension property -> {applications/{id}}
PATCH | servicePrincipals/{id} | {"notes": "x"} | Update service principal -> {servicePrincipals/{id}}
POST | servicePrincipals/{id}/owners/$ref | {"@odata.id": "{address}{other}"} | Add owner to service principal -> {servicePrincipals/{id}}
DELETE | servicePrincipals/{id}/owners/$ref?@id={address}{other} | | Remove owner from service principal -> {servicePrincipals/{id}}
POST | servicePrincipals/{id}/owners/$ref | {"@odata.id": "{address}{owners/{owner}}"} | Add owner to service principal -> {servicePrincipals/{id}}
DELETE | servicePrincipals/{id}/owners/{owner}/$ref | | Remove owner from service principal -> {servicePrincipals/{id}}
POST | servicePrincipals/{id}/appRoleAssignedTo | {"principalId": "{other}", "resourceId": "{servicePrincipals/{id}}", "appRoleId": "{role}"} | Add app role assignment -> made
DELETE | servicePrincipals/{id}/appRoleAssignedTo/{assignment} | | Remove app role assignment -> {appRoleAssignments/{assignment}}
POST | servicePrincipals/{id}/appRoleAssignments | {"principalId": "{servicePrincipals/{id}}", "resourceId": "{servicePrincipals/{id}}", "appRoleId": "{role}"} | Add app role assignment -> made
DELETE | servicePrincipals/{id}/appRoleAssignments/{assignment} | | Remove app role assignment -> {appRoleAssignments/{assignment}}
POST | applicationTemplates/{id}/instantiate | {"displayName": "Made"} | Add application -> {made application}; Add service principal -> {made service principal}
DELETE | users/{id} | | Delete user -> {users/{id}}
DELETE | servicePrincipals/{id} | | Delete service principal -> {servicePrincipals/{id}}; Pause synchronization job -> {jobs/{job}}
DELETE | applications/{id} | | Delete application -> {applications/{id}}
POST | applications | {"displayName": "x"} | Add application -> made
POST | servicePrincipals | {"appId": "{appId}"} | Add service principal -> made
DELETE | directory/deletedItems/{id} | | Hard delete group -> {deletedItems/{id}}
"#;

/// Below `servicePrincipals/{principal}/synchronization` and `applications/{application}/synchronization`.
const JOBS: &str = r#"
PUT | | {"secrets": [{"key": "BaseAddress", "value": "memory"}, {"key": "SecretToken", "value": "*"}]} | Update synchronization secrets -> {servicePrincipals/{id}}
PUT | /secrets | {"value": [{"key": "BaseAddress", "value": "memory"}, {"key": "SecretToken", "value": "*"}]} | Update synchronization secrets -> {servicePrincipals/{id}}
POST | /jobs/{job}/pause | | Pause synchronization job -> {jobs/{job}}
POST | /jobs/{job}/plans/{plan}/apply | | Apply synchronization plan -> {jobs/{job}}
PATCH | /jobs/{job} | {"schedule": {"interval": "PT3H"}} | Update synchronization job -> {jobs/{job}}
POST | /jobs/{job}/provisionOnDemand | {"parameters": [{"ruleId": "rule", "subjects": [{"objectId": "ada", "objectTypeName": "User"}]}]} | Provision on demand -> {jobs/{job}}
DELETE | /jobs/{job}/links/{link}?reason=x | | Break synchronization link -> {jobs/{job}}
POST | /jobs/{job}/links | {"sourceAnchor": "ada", "targetAnchor": "{account}", "reason": "x"} | Set synchronization link -> {jobs/{job}}
DELETE | /jobs/{job}/objectConnections/{connection} | | Break synchronization link -> {jobs/{job}}
POST | /jobs/{job}/exclusions | {"sourceAnchor": "cyd", "reason": "x"} | Exclude object from synchronization -> {jobs/{job}}
DELETE | /jobs/{job}/exclusions/{exclusion}?reason=x | | End exclusion from synchronization -> {jobs/{job}}
POST | /jobs/{job}/escrows/retry | | Retry failures of synchronization -> {jobs/{job}}
POST | /jobs/{job}/allow | {"kinds": ["creates"], "reason": "x"} | Allow held changes of synchronization -> {jobs/{job}}
POST | /jobs/{job}/discoverAccounts | | Start synchronization account discovery -> {jobs/{job}}
POST | /jobs/{job}/start | | Start synchronization job -> {jobs/{job}}
POST | /jobs/{job}/run | | Run synchronization job -> {jobs/{job}}
POST | /jobs/{job}/restart | {} | Restart synchronization job -> {jobs/{job}}
POST | /jobs | {"templateId": "test"} | Add synchronization job -> made
"#;

/// Below a job and a template, whose changes have names of their own.
const SCHEMAS: &str = r#"
PUT | /schema | {schema} | Update -> {holder}
PATCH | /schema | {"synchronizationRules": [{"id": "rule", "priority": 2}]} | Update -> {holder}
POST | /schema/directories/{directory}/discover | | Update -> {holder}
PATCH | /schema/directories/{directory} | {"name": "App"} | Update -> {holder}
POST | /schema/directories | {"name": "Spare", "objects": []} | Update -> {holder}
DELETE | /schema/directories/{directory} | | Update -> {holder}
DELETE | /schema | | Update -> {holder}
"#;

/// Below both roots, at the end.
const END: &str = r#"
POST | /jobs/{job}/schema/versions/{version}/restore | | Update synchronization schema -> {jobs/{job}}
PATCH | /templates/{template} | {"description": "x"} | Update synchronization template -> {templates/{template}}
PUT | /templates/{template} | {"factoryTag": "test"} | Update synchronization template -> {templates/{template}}
POST | /templates | {"id": "own", "applicationId": "{applicationTemplates/{id}}", "factoryTag": "test"} | Add synchronization template -> made
DELETE | /jobs/{job} | | Delete synchronization job -> {jobs/{job}}
DELETE | /templates/{template} | | Delete synchronization template -> {templates/{template}}
DELETE | | | Delete synchronization job -> {made job}; Delete synchronization template -> {made template}; Update synchronization secrets -> {servicePrincipals/{id}}
"#;

/// The examples of a table, below a path. `update` is what the activity `Update` is called in full.
fn examples(table: &'static str, below: &str, update: &'static str) -> Vec<Example> {
    let read = |line: &'static str| {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [method, path, body, expected] = parts.as_slice() else { panic!("{line}") };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let record = |record: &'static str| {
            let (activity, target) = record.trim().split_once(" -> ").unwrap();
            (if activity == "Update" { update } else { activity }, target)
        };
        let path = format!("{below}{path}");
        Example { method, path, query, body, expected: expected.split(';').map(record).collect() }
    };
    table.lines().filter(|line| !line.is_empty()).map(read).collect()
}

/// The records that one request left: activity and target.
type Told = Vec<(String, String)>;

/// A walk whose every step is looked up in the audit log.
struct Audited {
    walk: Walk,
    operations: Vec<Operation>,
    done: BTreeSet<(String, &'static str)>,
    last: String,
    mistakes: Vec<String>,
}

impl Audited {
    async fn new() -> Self {
        let mut walk = Walk::new().await;
        let other = walk.rig.world.user("other").await;
        walk.keys.insert("other", other);
        walk.keys.insert("role", model::Uuid::nil().to_string());
        walk.keys.insert("address", "http://graph.test/v1.0/directoryObjects/".to_owned());
        walk.keys.insert("schema", crate::synchronization::rig::schema().to_string());
        walk.keys.insert("applicationTemplates/{id}", crate::world::TEMPLATE.to_owned());
        let account = walk.rig.target.object_by("account", "userName", "ada").unwrap().anchor.to_string();
        walk.keys.insert("account", account);
        let operations = walk.operations();
        let last = walk.rig.newest_audit().await["id"].as_str().unwrap().to_owned();
        Self { walk, operations, done: BTreeSet::new(), last, mistakes: Vec::new() }
    }

    /// What the client did since it was last asked.
    async fn told(&mut self) -> Told {
        let path =
            format!("/v1.0/auditLogs/directoryAudits?$top=50&$filter=initiatedBy/app/appId eq '{CLIENT}'");
        let page = self.walk.rig.world.get(&path).await.expect(200);
        let records = page["value"].as_array().unwrap();
        let fresh = records.iter().take_while(|one| one["id"].as_str().unwrap() > self.last.as_str());
        let told = fresh
            .map(|one| {
                assert_eq!(one["result"], "success");
                let [target] = one["targetResources"].as_array().unwrap().as_slice() else { panic!("{one}") };
                let text = |value: &Json| value.as_str().unwrap().to_owned();
                (text(&one["activityDisplayName"]), text(&target["id"]))
            })
            .collect();
        self.last = records[0]["id"].as_str().unwrap().to_owned().max(std::mem::take(&mut self.last));
        told
    }

    fn operation(&self, method: &str, path: &str) -> Operation {
        let found = self.operations.iter().find(|one| one.method == *method && one.path == path);
        found.unwrap_or_else(|| panic!("there is no route {method} {path}")).clone()
    }

    /// A text with the tenant's keys in the place of their names in braces.
    fn filled(&self, text: &str) -> String {
        self.walk
            .keys
            .iter()
            .fold(text.to_owned(), |text, (name, key)| text.replace(&format!("{{{name}}}"), key))
    }

    async fn send(&self, operation: &Operation, path: &str, body: &Json) -> Answer {
        self.walk.rig.world.send(operation.method.as_str(), path, &[], body).await
    }

    /// Sends an example and asks for its records.
    async fn take(&mut self, example: Example) {
        let Example { method, path, query, body, expected } = example;
        let operation = self.operation(method, &path);
        let mut address = self.walk.real(&operation);
        if !query.is_empty() {
            address = format!("{address}?{}", self.filled(query));
        }
        let body = self.filled(body);
        let body = if body.is_empty() { Json::Null } else { serde_json::from_str(&body).unwrap() };
        let answer = self.send(&operation, &address, &body).await;
        if answer.status >= 300 {
            self.mistakes.push(format!("{method} {path}: {} {}", answer.status, answer.body["error"]));
        } else {
            self.keep(method, &path, &answer.body);
        }
        let made = answer.body["id"].as_str().unwrap_or_default();
        let target = |target: &str| if target == "made" { made.to_owned() } else { self.filled(target) };
        let mut expected: Told =
            expected.iter().map(|(activity, of)| ((*activity).to_owned(), target(of))).collect();
        let mut told = self.told().await;
        told.sort();
        expected.sort();
        if told != expected {
            self.mistakes.push(format!("{method} {path}: left {told:?}, not {expected:?}"));
        }
        self.done.insert((method.to_owned(), operation.path));
    }

    /// Keeps what later examples need of an answer.
    fn keep(&mut self, method: &str, path: &str, body: &Json) {
        let mut keep = |key, value: &Json| {
            self.walk.keys.insert(key, value.as_str().unwrap().to_owned());
        };
        if method != "POST" {
            return;
        }
        if path.ends_with("/addPassword") {
            keep("keyId", &body["keyId"]);
        } else if path.ends_with("/appRoleAssignments") || path.ends_with("/appRoleAssignedTo") {
            keep("appRoleAssignments/{assignment}", &body["id"]);
            keep("appRoleAssignedTo/{assignment}", &body["id"]);
        } else if path.ends_with("/instantiate") {
            keep("made application", &body["application"]["id"]);
            keep("made service principal", &body["servicePrincipal"]["id"]);
        } else if path == "applications" {
            keep("appId", &body["appId"]);
        } else if path.ends_with("/schema/directories") {
            keep("directories/{directory}", &body["id"]);
        } else if path.ends_with("/synchronization/jobs") {
            keep("made job", &body["id"]);
        } else if path.ends_with("/synchronization/templates") {
            keep("made template", &body["id"]);
        }
    }

    /// Sends requests that each route refuses, and looks for records.
    async fn refuse_all(&mut self) {
        let writing: Vec<Operation> =
            self.operations.iter().filter(|one| one.method != Method::GET).cloned().collect();
        let (_, stranger) = self.walk.rig.world.client(&[]).await;
        self.told().await;
        for operation in writing.iter().filter(|one| one.path != "$batch") {
            let (method, path) = (operation.method.as_str(), self.walk.real(operation));
            self.walk.rig.world.as_client(&stranger, method, &path, &json!({})).await.expect(403);
            if operation.path.contains('{') {
                let nowhere = Walk::path(operation, |_| NOBODY.to_owned());
                let answer = self.send(operation, &nowhere, &json!({})).await;
                assert!(answer.status >= 400, "{method} {nowhere}: {}", answer.status);
            }
            if operation.method == Method::DELETE {
                continue;
            }
            let answer = self.send(operation, &path, &json!(["no object"])).await;
            let told = self.told().await;
            // Orders take no body, so that a wrong one is none of theirs.
            assert!(answer.status < 300 || told.is_empty(), "{method} {path}: {told:?}");
        }
        assert!(self.told().await.is_empty());
    }
}

/// Takes the examples of users, groups and applications; what was taken, and what went wrong.
async fn take_directory() -> Audited {
    let mut audited = Audited::new().await;
    for example in examples(DIRECTORY, "", "") {
        // What was deleted is in the bin.
        if example.path == "directory/deletedItems/{id}" {
            let group = audited.walk.keys["groups/{id}"].clone();
            audited.walk.keys.insert("deletedItems/{id}", group);
        }
        audited.take(example).await;
    }
    audited
}

/// Takes the examples of synchronization below one root.
async fn take_synchronization(root: &str) -> Audited {
    let mut audited = Audited::new().await;
    let job = audited.walk.keys["jobs/{job}"].clone();
    for example in examples(JOBS, root, "") {
        audited.take(example).await;
    }
    for (holder, below, update) in [
        (job.as_str(), "/jobs/{job}", "Update synchronization schema"),
        ("test", "/templates/{template}", "Update synchronization template"),
    ] {
        audited.walk.keys.insert("holder", holder.to_owned());
        audited.walk.keys.insert("directories/{directory}", "app".to_owned());
        for example in examples(SCHEMAS, &format!("{root}{below}"), update) {
            audited.take(example).await;
        }
    }
    audited.walk.rig.settled(&job).await;
    for example in examples(END, root, "") {
        audited.take(example).await;
    }
    audited
}

#[tokio::test]
async fn every_change_leaves_its_record() {
    let [one, other] =
        ["servicePrincipals/{principal}/synchronization", "applications/{application}/synchronization"];
    let walks = [take_directory().await, take_synchronization(one).await, take_synchronization(other).await];
    let mut mistakes: Vec<String> = walks.iter().flat_map(|walk| walk.mistakes.iter().cloned()).collect();
    for operation in walks[0].operations.iter().filter(|one| one.method != Method::GET) {
        let method = operation.method.to_string();
        let listed = UNAUDITED.iter().chain(&ELSEWHERE).any(|(listed, end, _)| {
            *listed == method && (operation.path == *end || operation.path.ends_with(&format!("/{end}")))
        });
        let route = (method, operation.path);
        if listed == walks.iter().any(|walk| walk.done.contains(&route)) {
            let (method, path) = route;
            let mend = "give it an example in a table, or a reason to leave no record";
            mistakes.push(format!("{method} {path}: {mend}"));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[tokio::test]
async fn what_is_refused_leaves_no_record() {
    let mut audited = Audited::new().await;
    audited.refuse_all().await;
}
