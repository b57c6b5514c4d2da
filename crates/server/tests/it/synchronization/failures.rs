//! Every code of the provisioning log, provoked and read through `/auditLogs/provisioning`: with what was seen and what a
//! person can do.

use std::time::Duration;

use connector::{ConnectorError, ErrorClass};
use model::{FailureCode, Object};
use serde_json::{Value as Json, json};
use testkit::{Fault, Method};

use super::rig::{Rig, schema, user};

const SAID: &str = "told so by the test";

/// How a code comes about.
enum How {
    /// The target answers a request that makes an account so.
    Answered(ErrorClass),
    /// Source, target or mappings are so that it is decided here.
    Decided,
    /// It does not come about, for this reason.
    Never(&'static str),
}

/// Every code there is: a new one does not compile until it is told how it comes about.
fn how(code: FailureCode) -> How {
    use FailureCode as Code;
    use How::{Answered, Decided, Never};
    let retry = || ErrorClass::Retry { after: None };
    match code {
        Code::Conflict | Code::EntryConflict => Answered(ErrorClass::Conflict),
        Code::TooManyRequests => Answered(ErrorClass::Throttled { after: Some(Duration::from_millis(1)) }),
        Code::Timeout | Code::WebExceptionProtocolError | Code::InternalServerError => Answered(retry()),
        Code::Unauthorized | Code::InvalidCredentials => Answered(ErrorClass::Unauthorized),
        Code::InsufficientRights
        | Code::MethodNotAllowed
        | Code::NotImplemented
        | Code::LicenseLimitExceeded
        | Code::EntityTypeNotSupported
        | Code::InternalError => Answered(ErrorClass::Permanent),
        Code::UnprocessableEntity | Code::SchemaAttributeNotFound => {
            Answered(ErrorClass::Invalid { attribute: Some("name".into()) })
        }
        Code::InvalidAnchor => Answered(ErrorClass::NotFound),
        Code::ServiceIncompatible => Answered(ErrorClass::Unavailable),
        Code::MandatoryFieldsMissing
        | Code::SchemaPropertyCanOnlyAcceptValue
        | Code::DuplicateTargetEntries
        | Code::DuplicateSourceEntries
        | Code::ImportSkipped
        | Code::OrphanAfterReset
        | Code::ExpressionFailed
        | Code::PlanStale => Decided,
        Code::MissingValues => Never(
            "it says why an object that was provisioned on demand waits for the next cycle, and is no failure",
        ),
        Code::NotPermitted => Never("no target that Entente speaks to tells it from InsufficientRights"),
        Code::MultipleEntriesInResponse => {
            Never("several hits are DuplicateTargetEntries, and what does not satisfy a query is no hit")
        }
        Code::InvalidDomain => Never("no target that Entente speaks to tells it from UnprocessableEntity"),
    }
}

/// The newest record of an object.
async fn newest(rig: &Rig, object: &str) -> Json {
    let path = format!("/v1.0/auditLogs/provisioning?$filter=sourceIdentity/id eq '{object}'");
    rig.world.every(&path).await.swap_remove(0)
}

/// A job whose schema was changed, and that runs.
async fn job_with(change: impl FnOnce(&mut Json)) -> (Rig, String) {
    let (rig, job) = Rig::with_job().await;
    let mut schema = schema();
    change(&mut schema);
    rig.world.put(&format!("{job}/schema"), schema).await.expect(204);
    rig.activate(&job).await;
    (rig, job)
}

/// The attribute mapping of an attribute of accounts.
fn expression<'s>(schema: &'s mut Json, target: &str) -> &'s mut Json {
    let mappings = &mut schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"];
    let mut mappings = mappings.as_array_mut().unwrap().iter_mut();
    &mut mappings.find(|one| one["targetAttributeName"] == target).unwrap()["source"]["expression"]
}

/// Brings a code about that is decided here; the record of it, and words that it must have.
async fn decided(code: FailureCode) -> (Json, &'static str) {
    use FailureCode as Code;
    let (rig, job) = job_with(|schema| match code {
        Code::MandatoryFieldsMissing => {
            schema["directories"][1]["objects"][0]["attributes"][2]["required"] = json!(true);
        }
        Code::SchemaPropertyCanOnlyAcceptValue => *expression(schema, "active") = json!("[displayName]"),
        Code::ExpressionFailed => {
            *expression(schema, "name") = json!("FormatDateTime([displayName], , \"yyyy-MM-dd\", \"yyyy\")");
        }
        _ => {}
    })
    .await;
    let mut words = "name";
    match code {
        Code::MandatoryFieldsMissing => {
            rig.source.upsert(Object::new("User", "ada").with("login", "ada"));
        }
        Code::ImportSkipped => {
            rig.source.upsert(user("ada").with("login", ""));
            words = "userName";
        }
        Code::DuplicateTargetEntries => {
            for _ in 0..2 {
                rig.target.place("account", &[("userName", "ada".into())]);
            }
            rig.source.upsert(user("ada"));
            words = "t1";
        }
        Code::DuplicateSourceEntries => {
            rig.source.upsert(user("bob").with("login", "ada"));
            rig.cycle(&job).await;
            rig.source.upsert(user("ada"));
            words = "BOB (bob)";
        }
        Code::OrphanAfterReset => {
            rig.source.upsert(user("ada"));
            rig.cycle(&job).await;
            let account = rig.target.object_by("account", "userName", "ada").unwrap().anchor;
            rig.target.alter(&account, "userName", "renamed".into());
            let scope = json!({"criteria": {"resetScope": "ConnectorDataStore"}});
            rig.world.post(&format!("{job}/restart"), scope).await.expect(204);
            words = "t1";
        }
        Code::PlanStale => {
            rig.source.upsert(user("ada"));
            let beta = job.replace("/v1.0/", "/beta/");
            let subject = json!({"objectId": "ada", "objectTypeName": "User"});
            let plan =
                rig.world.post(&format!("{beta}/plan"), json!({"subjects": [subject]})).await.expect(201);
            rig.source.set("ada", "displayName", "Countess");
            let apply = format!("{beta}/plans/{}/apply", plan["id"].as_str().unwrap());
            rig.world.post(&apply, Json::Null).await.expect(202);
            rig.settled(&job).await;
            return (newest(&rig, "ada").await, words);
        }
        _ => {
            rig.source.upsert(user("ada"));
            words = if code == Code::ExpressionFailed { "ADA" } else { "'ADA'" };
        }
    }
    rig.cycle(&job).await;
    let records = rig.world.every("/v1.0/auditLogs/provisioning").await;
    let told = |one: &&Json| one["provisioningStatusInfo"]["errorInformation"]["errorCode"] == code.wire();
    let found = records.iter().find(told);
    (found.unwrap_or_else(|| panic!("{code}: {records:#?}")).clone(), words)
}

/// What is told of a failure, the same in the log, among its steps and among what waits.
fn assert_told(record: &Json, code: FailureCode, words: &str) {
    let status = if code == FailureCode::OrphanAfterReset { "warning" } else { "failure" };
    let info = &record["provisioningStatusInfo"];
    assert_eq!((&info["status"], &record["sourceIdentity"]["id"]), (&json!(status), &json!("ada")), "{code}");
    let info = &info["errorInformation"];
    assert_eq!(info["errorCode"], code.wire(), "{info:#}");
    assert_eq!(info["recommendedAction"], code.advice());
    assert!(info["reason"].as_str().unwrap().contains(words), "{code}: {info:#}");
    assert_eq!(info["errorCategory"], "nonServiceFailure");
    if status == "failure" {
        let steps = record["provisioningSteps"].as_array().unwrap();
        let last = steps.last().unwrap();
        assert_eq!(
            (&last["status"], &last["details"]["ErrorCode"]),
            (&json!("failure"), &json!(code.wire()))
        );
        assert!(last["description"].as_str().unwrap().contains(words), "{code}: {last:#}");
    }
}

#[tokio::test]
async fn every_failure_has_a_code_with_what_was_seen_and_what_can_be_done() {
    for code in FailureCode::ALL.iter().copied() {
        match how(code) {
            How::Answered(class) => {
                let (rig, job) = job_with(|_| {}).await;
                rig.source.upsert(user("ada"));
                let answer = ConnectorError::new(class, SAID).code(code);
                rig.target.faults().always(&[Method::Create], Fault::Fail(answer));
                rig.cycle(&job).await;
                assert_told(&newest(&rig, "ada").await, code, SAID);
                let escrows = rig.world.every(&format!("{}/escrows", job.replace("/v1.0/", "/beta/"))).await;
                assert_eq!(escrows.len(), 1, "{code} waits");
                let status = &rig.world.get(&job).await.expect(200)["status"];
                assert_eq!(
                    (&status["code"], &status["quarantine"]),
                    (&json!("Active"), &Json::Null),
                    "{code}"
                );
            }
            How::Decided => {
                let (record, words) = decided(code).await;
                assert_told(&record, code, words);
            }
            How::Never(why) => assert!(!why.is_empty() && code.advice().ends_with('.'), "{code}"),
        }
    }
}

/// What the target says to everything is about the job, not about an object.
#[tokio::test]
async fn what_a_target_says_to_everything_is_told_of_the_job() {
    for (class, code) in [
        (ErrorClass::Unauthorized, FailureCode::InvalidCredentials),
        (ErrorClass::Unavailable, FailureCode::ServiceIncompatible),
        (ErrorClass::Retry { after: None }, FailureCode::InternalServerError),
    ] {
        let (rig, job) = job_with(|_| {}).await;
        rig.cycle(&job).await;
        rig.source.upsert(user("ada"));
        let answer = ConnectorError::new(class, SAID).code(code);
        rig.target.faults().always(&[Method::Create, Method::Check], Fault::Fail(answer));
        rig.cycle(&job).await;
        let quarantine = rig.world.get(&job).await.expect(200)["status"]["quarantine"].clone();
        assert_eq!(quarantine["reason"], "EncounteredQuarantineException", "{code}");
        assert_eq!(
            (&quarantine["error"]["code"], &quarantine["error"]["message"]),
            (&json!(code.wire()), &json!(SAID))
        );
        assert_eq!(rig.world.every("/v1.0/auditLogs/provisioning").await, [Json::Null; 0], "{code}");
    }
}

/// Writes that are limited and wait for consent: setting, what happens, the action in the log and its code.
#[tokio::test]
async fn a_write_that_is_held_says_by_which_limit_and_what_lets_it_through() {
    for (setting, action, code) in [
        ("MaxCreates", "create", "TooManyCreates"),
        ("MaxUpdates", "update", "TooManyUpdates"),
        ("MaxDisables", "stagedDelete", "TooManyDeletes"),
    ] {
        let (rig, job) = job_with(|_| {}).await;
        rig.source.upsert(user("ada"));
        if setting != "MaxCreates" {
            rig.cycle(&job).await;
        }
        let settings = json!({"synchronizationJobSettings": [{"name": setting, "value": "1"}]});
        rig.world.patch(&job, settings).await.expect(204);
        match setting {
            "MaxUpdates" => drop(rig.source.set("ada", "displayName", "Countess")),
            "MaxDisables" => drop(rig.source.disable("ada")),
            _ => {}
        }
        rig.cycle(&job).await;
        let record = newest(&rig, "ada").await;
        assert_eq!(record["provisioningAction"], action);
        let info = &record["provisioningStatusInfo"];
        assert_eq!(
            (&info["status"], &info["errorInformation"]["errorCode"]),
            (&json!("warning"), &json!(code))
        );
        for property in ["reason", "recommendedAction"] {
            assert!(info["errorInformation"][property].as_str().unwrap().len() > 20, "{info:#}");
        }
        let quarantine = &rig.world.get(&job).await.expect(200)["status"]["quarantine"];
        assert_eq!(quarantine["error"]["code"], code, "{quarantine:#}");
    }
}

/// Objects that nothing is done about: what makes it so, the code, and words of the reason.
#[tokio::test]
async fn a_skip_says_why_and_what_changes_it() {
    let rows: [(&str, &str, &str); 8] = [
        ("redundant", "RedundantExport", "already shows"),
        ("disabled before", "EntrySynchronizationSkipped", "disabled"),
        ("disabled twice", "RedundantSoftDelete", "already disabled"),
        ("no deprovisioning", "NoDeprovisioningConfigured", "IsSoftDeleted"),
        ("no adds", "EntrySynchronizationSkipped", "does not create"),
        ("filtered", "EntrySynchronizationSkipped", "input filter"),
        ("not owned", "EntrySynchronizationSkipped", "Ownership"),
        ("never touched", "EntrySynchronizationSkipped", "NeverTouch"),
    ];
    for (what, code, words) in rows {
        let (rig, job) = job_with(|schema| {
            let mapping = &mut schema["synchronizationRules"][0]["objectMappings"][0];
            match what {
                "no deprovisioning" => *expression(schema, "active") = json!("\"True\""),
                "no adds" => mapping["flowTypes"] = json!("Update"),
                "filtered" => {
                    let clause = json!({"sourceOperandName": "login", "operatorName": "EQUALS",
                        "targetOperand": {"values": ["bob"]}});
                    mapping["scope"] = json!({"inputFilterGroups": [{"name": "g", "clauses": [clause]}]});
                }
                _ => {}
            }
        })
        .await;
        let never = r#"[{"clauses": [{"sourceOperandName": "userName", "operatorName": "EQUALS",
            "targetOperand": {"values": ["ada"]}}]}]"#;
        let mut settings = vec![json!({"name": "LogSkips", "value": "All"})];
        match what {
            "not owned" => settings.push(json!({"name": "Ownership", "value": "CreatedByJob"})),
            "never touched" => settings.push(json!({"name": "NeverTouch", "value": never})),
            _ => {}
        }
        rig.world.patch(&job, json!({"synchronizationJobSettings": settings})).await.expect(204);
        if matches!(what, "not owned" | "never touched") {
            rig.target.place("account", &[("userName", "ada".into())]);
        }
        rig.source.upsert(user("ada"));
        if what == "disabled before" {
            rig.source.disable("ada");
        }
        rig.cycle(&job).await;
        match what {
            "redundant" => drop(rig.source.set("ada", "mail", "ada@example.com")),
            "no deprovisioning" => drop(rig.source.disable("ada")),
            "disabled twice" => {
                rig.source.disable("ada");
                rig.cycle(&job).await;
                rig.source.set("ada", "displayName", "Countess");
            }
            _ => {}
        }
        rig.cycle(&job).await;
        let info = newest(&rig, "ada").await["provisioningStatusInfo"].clone();
        assert_eq!(
            (&info["status"], &info["errorInformation"]["errorCode"]),
            (&json!("skipped"), &json!(code)),
            "{what}"
        );
        let reason = info["errorInformation"]["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{what}: {reason}");
        assert!(
            info["errorInformation"]["recommendedAction"]
                .as_str()
                .unwrap()
                .starts_with(|one: char| one.is_uppercase())
        );
    }
}
