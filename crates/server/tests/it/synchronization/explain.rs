//! Explanations over HTTP.

use serde_json::{Value as Json, json};

use super::rig::{Rig, user};

#[tokio::test]
async fn an_object_is_explained_in_data_and_in_words() {
    let (rig, job) = Rig::with_job().await;
    rig.source.upsert(user("ada"));
    let beta = job.replace("/v1.0/", "/beta/");
    let told = rig.world.get(&format!("{beta}/explain?objectId=ada")).await.expect(200);
    assert_eq!(told["source"]["displayName"], "ADA");
    assert_eq!(told["entitlement"], json!([{"type": "everybody"}]));
    let rule = &told["rules"][0];
    assert_eq!((&rule["ruleId"], &rule["objectMapping"]), (&json!("rule"), &json!("Users")));
    assert_eq!((&rule["provisioningAction"], &rule["link"]), (&json!("create"), &Json::Null));
    assert_eq!(rule["provisioningSteps"][0]["description"], told["words"][3]);
    let attributes = rule["attributes"].as_array().unwrap();
    let name = attributes.iter().find(|one| one["name"] == "userName").unwrap();
    assert_eq!(name["expression"], "[login]");
    assert_eq!(
        (&name["value"], &name["sent"], &name["isMatching"]),
        (&json!("ada"), &json!("ada"), &json!(true))
    );
    let last = told["words"].as_array().unwrap().last().unwrap();
    assert_eq!(*last, "The job does not run: start it, or provision on demand.");
    assert_eq!(rig.target.len("account"), 0);

    let path = format!("{beta}/explain");
    let words = rig.world.get(&path).await.refused(400, "Request_BadRequest");
    assert!(words.contains("objectId"), "{words}");
    rig.world.get(&format!("{path}?objectId=nobody")).await.refused(404, "Request_ResourceNotFound");
    rig.world.get(&format!("{job}/explain?objectId=ada")).await.refused(404, "Request_ResourceNotFound");
}
