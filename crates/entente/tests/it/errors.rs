//! What a target answers to a write, as the provisioning log tells it through the Graph API.

use axum::http::Method as HttpMethod;
use serde_json::{Value as Json, json};

use crate::graph::{Job, World};
use crate::target::Target;

fn writes(method: &HttpMethod, _: &str, _: &str) -> bool {
    method != HttpMethod::GET
}

#[tokio::test(flavor = "multi_thread")]
async fn every_class_of_error_is_told_with_its_code_reason_and_advice() {
    let (world, target) = (World::start(&[]), Target::start().await);
    world.user("bad").await;
    let job = world.job(&target, &[("EscrowThresholds", "1000,40%,1000,1000")]).await;
    let scim = "SystemForCrossDomainIdentityManagement";
    for (status, code) in [
        (400, "UnprocessableEntity".to_owned()),
        (401, format!("{scim}InvalidCredentials")),
        (402, "LicenseLimitExceeded".to_owned()),
        (403, "InsufficientRights".to_owned()),
        (405, "MethodNotAllowed".to_owned()),
        (409, "EntryConflict".to_owned()),
        (422, "UnprocessableEntity".to_owned()),
        (429, "TooManyRequests".to_owned()),
        (500, "InternalServerError".to_owned()),
        (501, "NotImplemented".to_owned()),
        (503, "InternalServerError".to_owned()),
    ] {
        target.refuse(writes, status);
        let before = job.get().await;
        job.restart("Full").await;
        job.ended(&before).await;
        let failures = job.log("failure").await;
        let last = failures.last().expect("a failure");
        let info = &last["provisioningStatusInfo"]["errorInformation"];
        assert_eq!(info["errorCode"], json!(code), "for {status}: {info:#}");
        let reason = info["reason"].as_str().unwrap();
        assert!(reason.contains(&status.to_string()) && reason.contains("POST"), "for {status}: {reason}");
        assert!(info["recommendedAction"].as_str().is_some_and(|advice| advice.len() > 20), "{info:#}");
        assert_eq!(last["sourceIdentity"]["displayName"], "Name of bad");
    }
    // A refusal in the clothes of a success, and a target that has the account twice.
    let refusal = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "409", "scimType": "uniqueness",
        "detail": "taken",
    });
    target.answer_with(writes, 200, refusal);
    assert_eq!(failure_after(&job, "Full").await["errorCode"], "EntryConflict");
    target.heal();
    for _ in 0..2 {
        target.plant("Users", &json!({ "userName": "bad@entente.example" })).await;
    }
    assert_eq!(failure_after(&job, "Full").await["errorCode"], "DuplicateTargetEntries");
}

/// What is told of the newest failure, after a restart.
async fn failure_after(job: &Job<'_>, scope: &str) -> Json {
    let before = job.get().await;
    job.restart(scope).await;
    job.ended(&before).await;
    let failures = job.log("failure").await;
    failures.last().expect("a failure")["provisioningStatusInfo"]["errorInformation"].clone()
}
