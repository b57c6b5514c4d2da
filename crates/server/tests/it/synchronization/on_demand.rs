//! Provisioning on demand, as the Graph reference describes it.

use serde_json::{Value as Json, json};
use testkit::{Fault, Method};

use super::rig::{Rig, user};
use crate::world::Answer;

async fn provision(rig: &Rig, job: &str, rule: &str, id: &str) -> Answer {
    let subject = json!({"objectId": id, "objectTypeName": "User"});
    let body = json!({"parameters": [{"ruleId": rule, "subjects": [subject]}]});
    rig.world.post(&format!("{job}/provisionOnDemand"), body).await
}

fn text(json: &Json) -> Json {
    serde_json::from_str(json.as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn an_object_is_provisioned_while_the_job_is_disabled() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    let answer = provision(&rig, &job, "rule", "ada").await.expect(200);
    assert!(
        answer["@odata.context"].as_str().unwrap().ends_with("#microsoft.graph.stringKeyStringValuePair")
    );
    assert_eq!(text(&answer["key"]), json!({"result": "Success", "details": {}}));
    let value = text(&answer["value"]);
    assert_eq!(value["action"], "Create");
    let names: Vec<&Json> =
        value["provisioningSteps"].as_array().unwrap().iter().map(|step| &step["name"]).collect();
    let expected = [
        "EntryImportAdd",
        "EntrySynchronizationScoping",
        "EntryImport",
        "EntrySynchronizationAdd",
        "EntryExportAdd",
    ];
    assert_eq!(names, expected);
    assert_eq!(value["provisioningSteps"][1]["details"]["IsActive"], "True");
    let modified = json!({"displayName": "userName", "oldValue": null, "newValue": "ada"});
    assert_eq!(value["modifiedProperties"][0], modified);
    assert_eq!(value["sourceIdentity"]["id"], "ada");
    assert_eq!(
        (&value["sourceSystem"]["name"], &value["targetSystem"]["name"]),
        (&json!("People"), &json!("App"))
    );
    assert_eq!(rig.target.len("account"), 1);
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "Provision on demand");

    let again = provision(&rig, &job, "RULE", "ada").await.expect(200);
    let key = text(&again["key"]);
    assert_eq!(
        (&key["result"], &key["details"]["errorCode"]),
        (&json!("Skipped"), &json!("RedundantExport"))
    );
    let log = rig.world.every("/v1.0/auditLogs/provisioning?$filter=sourceIdentity/id eq 'ada'").await;
    assert_eq!(log.len(), 2);
    assert_eq!(log[1]["changeId"], value["changeId"], "what is told is what the log has");
    assert_eq!(rig.world.get(&job).await.expect(200)["schedule"]["state"], "Disabled");
}

#[tokio::test]
async fn what_goes_wrong_with_the_object_is_a_result() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    let refusal = connector::ErrorClass::Invalid { attribute: Some("userName".into()) };
    rig.target.faults().always(&[Method::Create], Fault::Refuse(refusal));
    let answer = provision(&rig, &job, "rule", "ada").await.expect(200);
    let key = text(&answer["key"]);
    assert_eq!(
        (&key["result"], &key["details"]["errorCode"]),
        (&json!("Failure"), &json!("UnprocessableEntity"))
    );
    let status = &text(&answer["value"])["statusInfo"];
    assert_eq!(status["additionalDetails"], "Attribute: userName");
    assert!(status["recommendedAction"].is_string());
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    let words = provision(&rig, &job, "elsewhere", "ada").await.refused(400, "RequestParameterInvalid");
    assert!(words.contains("no synchronization rule 'elsewhere'") && words.contains("rule"), "{words}");
    let words = provision(&rig, &job, "rule", "nobody").await.refused(404, "Request_ResourceNotFound");
    assert!(words.contains("'nobody'"), "{words}");
    let path = format!("{job}/provisionOnDemand");
    let member = json!({"objectId": "ada", "objectTypeName": "User"});
    let group =
        json!({"objectId": "ada", "objectTypeName": "User", "links": {"members": vec![member.clone(); 6]}});
    for (subjects, named) in [
        (json!([]), "parameters/subjects"),
        (json!([member, member]), "parameters/subjects"),
        (json!([group]), "links/members"),
        (json!([{"objectId": "ada", "objectTypeName": "Device"}]), "no enabled mapping of 'Device'"),
        (json!([{"objectId": " ", "objectTypeName": "User"}]), "objectId"),
    ] {
        let body = json!({"parameters": [{"ruleId": "rule", "subjects": subjects}]});
        let words = rig.world.post(&path, body).await.refused(400, "RequestParameterInvalid");
        assert!(words.contains(named), "{words}");
    }
    rig.put_secrets(&[("SecretToken", "x")]).await.expect(204);
    rig.put_secrets(&[("BaseAddress", ""), ("SecretToken", "x")]).await.expect(204);
    provision(&rig, &job, "rule", "ada").await.refused(400, "CredentialsMissing");
}
