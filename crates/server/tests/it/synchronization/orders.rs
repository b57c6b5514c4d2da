use serde_json::{Value as Json, json};
use testkit::{Fault, Method};

use super::rig::{GOOD, Rig, user};

async fn code(rig: &Rig, job: &str) -> Json {
    rig.world.get(job).await.expect(200)["status"]["code"].clone()
}

#[tokio::test]
async fn a_job_starts_runs_and_pauses() {
    let (rig, job) = Rig::with_job().await;
    for name in ["ada", "bob"] {
        rig.source.upsert(user(name));
    }
    assert_eq!(rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204), json!(""));
    let audit = rig.newest_audit().await;
    assert_eq!(audit["activityDisplayName"], "Start synchronization job");
    let state = json!([{"displayName": "state", "oldValue": "\"Disabled\"", "newValue": "\"Active\""}]);
    assert_eq!(audit["targetResources"][0]["modifiedProperties"], state);
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), 2);
    let shown = rig.world.get(&job).await.expect(200);
    let status = &shown["status"];
    assert_eq!((&shown["schedule"]["state"], &status["code"]), (&json!("Active"), &json!("Active")));
    assert_eq!(status["lastExecution"]["state"], "Succeeded");
    assert_eq!(status["lastExecution"]["countExported"], 2);
    assert_eq!(status["lastSuccessfulExecutionWithExports"], status["lastExecution"]);
    assert_eq!(status["synchronizedEntryCountByType"], json!([{"key": "User to account", "value": 2}]));
    assert_ne!(status["steadyStateLastAchievedTime"], "0001-01-01T00:00:00Z");

    rig.world.post(&format!("{job}/microsoft.graph.pause"), Json::Null).await.expect(204);
    let shown = rig.world.get(&job).await.expect(200);
    assert_eq!((&shown["schedule"]["state"], &shown["status"]["code"]), (&json!("Paused"), &json!("Paused")));
    rig.world.post(&format!("{job}/start()"), json!({})).await.expect(204);
    assert_eq!(code(&rig, &job).await, "Active");
}

#[tokio::test]
async fn a_job_without_credentials_does_not_start() {
    let rig = Rig::new().await;
    let job = format!("{}/jobs/{}", rig.path, rig.create_job().await["id"].as_str().unwrap());
    let start = format!("{job}/start");
    let words = rig.world.post(&start, Json::Null).await.refused(400, "CredentialsMissing");
    assert!(words.contains("BaseAddress"), "{words}");
    let restart = format!("{job}/restart");
    rig.world.post(&restart, Json::Null).await.refused(400, "CredentialsMissing");
    rig.put_secrets(&[("BaseAddress", "nowhere")]).await.expect(204);
    let words = rig.world.post(&start, Json::Null).await.refused(400, "RequestParameterInvalid");
    assert!(words.contains("send 'memory'"), "{words}");
    rig.world.post(&restart, Json::Null).await.refused(400, "RequestParameterInvalid");
    assert_eq!(rig.world.get(&job).await.expect(200)["schedule"]["state"], "Disabled");
}

fn never_touch(attribute: &str, operator: &str) -> Json {
    let clause =
        json!({"sourceOperandName": attribute, "operatorName": operator, "targetOperand": {"values": ["x"]}});
    let value = json!([{ "clauses": [clause] }]).to_string();
    json!({"synchronizationJobSettings": [{"name": "NeverTouch", "value": value}]})
}

#[tokio::test]
async fn what_is_never_touched_must_make_sense_before_the_job_runs() {
    let (rig, job) = Rig::with_job().await;
    let words =
        rig.world.patch(&job, never_touch("userName", "FOO")).await.refused(400, "Request_BadRequest");
    assert!(
        words.contains("NeverTouch") && words.contains("'userName'") && words.contains("EQUALS"),
        "{words}"
    );
    rig.world.patch(&job, never_touch("usrName", "EQUALS")).await.expect(204);
    for order in ["start", "restart"] {
        let order = format!("{job}/{order}");
        let words = rig.world.post(&order, Json::Null).await.refused(400, "Request_BadRequest");
        assert!(words.contains("NeverTouch") && words.contains("usrName EQUALS 'x'"), "{words}");
    }
    assert_eq!(rig.world.get(&job).await.expect(200)["schedule"]["state"], "Disabled");
}

#[tokio::test]
async fn a_directory_is_known_by_its_id_under_any_name() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    let mut schema = super::rig::schema();
    schema["directories"][0]["name"] = json!("Staff");
    schema["synchronizationRules"][0]["sourceDirectoryName"] = json!("Staff");
    rig.world.put(&format!("{job}/schema"), schema.clone()).await.expect(204);
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), 1);
    schema["directories"][0]["id"] = json!("other");
    rig.world.put(&format!("{job}/schema"), schema).await.expect(204);
    let words = rig.world.post(&format!("{job}/start"), Json::Null).await.refused(409, "Request_Conflict");
    assert!(words.contains("no connector for directory 'Staff'"), "{words}");
}

#[tokio::test]
async fn a_restart_forgets_what_its_scope_says() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    let restart = format!("{job}/restart");
    for (body, scope) in [
        (Json::Null, "Escrows, Watermark, QuarantineState"),
        (json!({}), "Escrows, Watermark, QuarantineState"),
        (json!({"criteria": {"resetScope": "Watermark, Escrows"}}), "Escrows, Watermark"),
        (json!({"criteria": {"resetScope": "Full"}}), "Full"),
        (json!({"criteria": {"resetScope": "ForceDeletes"}}), "ForceDeletes"),
    ] {
        rig.world.post(&restart, body).await.expect(204);
        let audit = rig.newest_audit().await;
        assert_eq!(audit["activityDisplayName"], "Restart synchronization job");
        let modified = &audit["targetResources"][0]["modifiedProperties"];
        assert_eq!(modified[0]["newValue"], json!(json!(scope).to_string()));
    }
    let words = rig
        .world
        .post(&restart, json!({"criteria": {"resetScope": "Everything"}}))
        .await
        .refused(400, "Request_BadRequest");
    assert!(words.contains("'criteria.resetScope'") && words.contains("ConnectorDataStore"), "{words}");

    // A restart with everything forgotten reads and matches anew, and makes no second account.
    rig.source.forget_calls();
    rig.world.post(&restart, json!({"criteria": {"resetScope": "Full"}})).await.expect(204);
    rig.cycle(&job).await;
    assert!(rig.source.yielded() > 0);
    assert_eq!(rig.target.len("account"), 1);
}

#[tokio::test]
async fn a_quarantine_is_shown_and_ended() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    rig.target.faults().always(&Method::TARGET, Fault::Refuse(connector::ErrorClass::Unauthorized));
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    let status = rig.world.get(&job).await.expect(200)["status"].clone();
    assert_eq!(status["code"], "Quarantine");
    let quarantine = &status["quarantine"];
    assert_eq!(quarantine["reason"], "EncounteredQuarantineException");
    for property in ["currentBegan", "nextAttempt", "seriesBegan"] {
        assert!(quarantine[property].as_str().unwrap().starts_with("20"), "{quarantine}");
    }
    assert!(quarantine["seriesCount"].as_u64().unwrap() >= 1);
    assert!(quarantine["error"]["message"].is_string() && quarantine["error"]["code"].is_string());
    assert!(status["countSuccessiveCompleteFailures"].as_u64().unwrap() >= 1);

    rig.target.faults().heal();
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    assert_eq!(code(&rig, &job).await, "Active");
    assert_eq!(rig.target.len("account"), 1);
}

#[tokio::test]
async fn a_cycle_can_be_ordered_in_beta() {
    let (rig, job) = Rig::with_job().await;
    let run = format!("{}/run", job.replace("/v1.0/", "/beta/"));
    let words = rig.world.post(&run, Json::Null).await.refused(409, "Request_Conflict");
    assert!(words.contains("start it first"), "{words}");
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.world.post(&run, Json::Null).await.expect(204);
    rig.world.post(&format!("{job}/run"), Json::Null).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn credentials_are_tested_at_the_target() {
    let (rig, job) = Rig::with_job().await;
    let validate = format!("{job}/validateCredentials");
    let pairs = |pairs: &[(&str, &str)]| -> Json {
        pairs.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
    };
    // Saved, given, and given over saved.
    for body in [
        json!({"useSavedCredentials": true}),
        json!({"useSavedCredentials": true, "credentials": pairs(&[("SecretToken", "wrong")])}),
        json!({}),
        json!({"useSavedCredentials": false, "credentials": pairs(&[("baseAddress", "memory"), ("SecretToken", GOOD)])}),
        json!({"credentials": pairs(&[("SecretToken", "*")])}),
    ] {
        assert_eq!(rig.world.post(&validate, body).await.expect(204), json!(""));
    }
    let wrong = json!({"credentials": pairs(&[("SecretToken", "wrong")])});
    let message = rig
        .world
        .post(&validate, wrong)
        .await
        .refused(400, "SystemForCrossDomainIdentityManagementInvalidCredentials");
    assert!(!message.is_empty());
    for (body, code) in [
        (json!({"useSavedCredentials": false}), "CredentialsMissing"),
        (json!({"credentials": pairs(&[("BaseAddress", "elsewhere")])}), "RequestParameterInvalid"),
        (json!({"credentials": pairs(&[("Colour", "red")])}), "Request_BadRequest"),
        (json!({"credential": []}), "Request_BadRequest"),
    ] {
        rig.world.post(&validate, body).await.refused(400, code);
    }

    let beside = format!("{}/jobs/validateCredentials", rig.path);
    let body = |template: &str| json!({"templateId": template, "useSavedCredentials": true});
    rig.world.post(&beside, body("test")).await.expect(204);
    rig.world.post(&beside, body("other")).await.refused(400, "RequestParameterInvalid");
    rig.world.post(&beside, json!({"useSavedCredentials": true})).await.refused(400, "Request_BadRequest");
    rig.put_secrets(&[]).await.expect(204);
    rig.world.post(&beside, body("test")).await.refused(400, "CredentialsMissing");
}
