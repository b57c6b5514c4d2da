//! The examples of the public pages about the synchronization API and its logs, with ids of our own: status and shape of
//! the answers are as documented. A shape names every property of a Graph resource with its type; an answer MUST have
//! those, and no others. The page about `bulkUpload` is replayed in `uploads.rs`, where a job reads uploads, and that
//! about `acquireAccessToken` in the tests of the binary (`oauth.rs`), where there is a token endpoint.

mod pages;
mod shape;
mod shapes;

use connector::ErrorClass;
use model::Object;
use serde_json::{Value as Json, json};
use testkit::{Fault, Method};

use self::pages::{DN, Example, pages};
use self::shape::fits;
use self::shapes::{audit, collection, entity, job, provisioned};
use super::rig::{Rig, user};
use crate::world::Answer;

/// A service whose source has the objects that the examples name.
async fn world() -> Rig {
    let rig = Rig::new().await;
    for name in ["ada", "eve", DN] {
        rig.source.upsert(user(name));
    }
    rig.source.upsert(Object::new("Group", "crew").with("displayName", "Crew"));
    rig.source.add_member("crew", "ada");
    rig.source.add_member("crew", "eve");
    rig
}

/// A text with the ids of a world in the place of their names.
fn filled(text: &str, rig: &Rig, job: &str) -> String {
    text.replace("{own}", &format!("servicePrincipals/{}/synchronization", rig.principal))
        .replace("{application}", &format!("applications/{}/synchronization", rig.application))
        .replace("{applicationId}", &rig.application)
        .replace("{appId}", &rig.app_id)
        .replace("{job}", job)
        .replace("{rule}", "rule")
        .replace("{user}", "ada")
}

/// What is wrong with an answer. A collection that is empty shows no shape.
fn compared(example: &Example, answer: &Answer) -> Result<(), String> {
    if answer.status != example.status {
        return Err(format!(" gives {}: {}", answer.status, answer.body));
    }
    if answer.body["value"].as_array().is_some_and(Vec::is_empty) {
        return Err(" is empty".to_owned());
    }
    fits(&example.shape, &answer.body)
}

/// Replays the pages one after another in a version.
async fn replay(version: &str) -> Vec<String> {
    let rig = world().await;
    let mut id = "none".to_owned();
    let mut wrong = Vec::new();
    for page in pages().into_iter().filter(|page| version == "beta" || !page.beta) {
        for example in &page.examples {
            let path = format!("/{version}/{}", filled(&example.path, &rig, &id));
            let body: Json = serde_json::from_str(&filled(&example.body.to_string(), &rig, &id)).unwrap();
            let answer = rig.world.send(example.method, &path, &[], &body).await;
            if let Err(error) = compared(example, &answer) {
                wrong.push(format!("{}: {} {path}{error}", page.name, example.method));
            } else if page.name.ends_with("post-jobs") {
                answer.body["id"].as_str().unwrap().clone_into(&mut id);
            }
        }
    }
    wrong
}

#[tokio::test]
async fn the_examples_of_the_reference_are_answered_as_documented() {
    for version in ["v1.0", "beta"] {
        let wrong = replay(version).await;
        assert!(wrong.is_empty(), "{version}: {wrong:#?}");
    }
}

/// Asserts that the answer at a path has a shape.
#[track_caller]
fn assert_fits(shape: &Json, path: &str, answer: Answer) -> Json {
    let body = answer.expect(200);
    assert_ne!(body["value"], json!([]), "{path}");
    assert_eq!(fits(shape, &body), Ok(()), "{path}");
    body
}

/// The example of `synchronizationJob` shows a quarantine and a setting; its resources tell of cycles too.
#[tokio::test]
async fn a_job_with_a_past_looks_as_documented() {
    let (rig, path) = Rig::with_job().await;
    let setting = json!([{"name": "QuarantineTooManyDeletesThreshold", "value": "500"}]);
    rig.world.patch(&path, json!({"synchronizationJobSettings": setting})).await.expect(204);
    rig.source.upsert(user("ada"));
    rig.activate(&path).await;
    rig.cycle(&path).await;
    rig.source.upsert(user("eve"));
    rig.target.faults().always(&[Method::Create, Method::Check], Fault::Refuse(ErrorClass::Unauthorized));
    rig.cycle(&path).await;
    for path in [path.clone(), path.replace("v1.0", "beta")] {
        let shown = assert_fits(&entity(job()), &path, rig.world.get(&path).await);
        assert_eq!(shown["synchronizationJobSettings"], setting);
        let status = &shown["status"];
        assert_eq!(status["code"], "Quarantine");
        for told in [
            "/quarantine/error/code",
            "/lastExecution/error/code",
            "/lastSuccessfulExecution/timeEnded",
            "/lastSuccessfulExecutionWithExports/timeEnded",
            "/synchronizedEntryCountByType/0/value",
        ] {
            assert!(status.pointer(told).is_some(), "{told}: {status:#}");
        }
    }
}

/// The pages `provisioningobjectsummary-list`, `directoryaudit-list` and `directoryaudit-get`.
#[tokio::test]
async fn the_logs_are_told_as_documented() {
    let (rig, _) = crate::audit_logs::rig().await;
    let get = async |path: &str, shape: &Json| assert_fits(shape, path, rig.world.get(path).await);
    for version in ["v1.0", "beta"] {
        let log = format!("/{version}/auditLogs/provisioning");
        let records = get(&log, &collection(&provisioned())).await;
        let of = |status: &str| {
            let told = |one: &&Json| one["provisioningStatusInfo"]["status"] == status;
            records["value"].as_array().unwrap().iter().find(told).unwrap().clone()
        };
        assert_eq!(of("success")["provisioningStatusInfo"]["errorInformation"], Json::Null);
        assert!(of("failure")["provisioningStatusInfo"]["errorInformation"].is_object());
        let one = format!("{log}/{}", records["value"][0]["id"].as_str().unwrap());
        get(&one, &entity(provisioned())).await;

        let log = format!("/{version}/auditLogs/directoryAudits");
        let records = get(&log, &collection(&audit(version))).await;
        get(&log.to_lowercase(), &collection(&audit(version))).await;
        let one = format!("{log}/{}", records["value"][0]["id"].as_str().unwrap());
        get(&one, &entity(audit(version))).await;
        // Whoever changes something here is an application.
        let nobody = "$filter=initiatedBy/user/id eq '00000000-0000-0000-0000-000000000000'";
        let found = rig.world.get(&format!("{log}?{nobody}")).await.expect(200);
        assert_eq!(found["value"], json!([]));
        let actor = records["value"][0]["initiatedBy"]["app"]["appId"].as_str().unwrap();
        get(&format!("{log}?$filter=initiatedBy/app/appId eq '{actor}'"), &collection(&audit(version))).await;
    }
}

/// What the pages of the logs say `$filter` can do.
#[tokio::test]
async fn the_logs_take_the_filters_that_are_documented() {
    let (rig, job) = crate::audit_logs::rig().await;
    for (log, filter, found) in [
        ("provisioning", format!("contains(jobid, '{job}') and durationInMilliseconds lt 100000"), 3),
        ("provisioning", "contains(provisioningAction, 'creat')".to_owned(), 3),
        ("provisioning", "contains(provisioningStatusInfo/status, 'fail')".to_owned(), 1),
        ("provisioning", "contains(statusInfo/status, 'fail')".to_owned(), 1),
        ("provisioning", "contains(sourceSystem/displayName, 'People')".to_owned(), 3),
        ("provisioning", "contains(targetIdentity/identityType, 'account')".to_owned(), 3),
        ("provisioning", "contains(sourceIdentity/id, 'ad')".to_owned(), 1),
        ("provisioning", format!("servicePrincipal/id eq '{}'", rig.principal), 3),
        ("provisioning", "initiatedBy/displayName eq 'Entente provisioning'".to_owned(), 3),
        ("provisioning", format!("tenantid eq '{}'", crate::world::TENANT), 3),
        ("directoryAudits", "startswith(activityDisplayName, 'Start synch')".to_owned(), 1),
        (
            "directoryAudits",
            "loggedByService eq 'Account Provisioning' and result eq 'success'".to_owned(),
            3,
        ),
    ] {
        let records = rig.world.every(&format!("/v1.0/auditLogs/{log}?$filter={filter}")).await;
        assert_eq!(records.len(), found, "{filter}");
    }
}
