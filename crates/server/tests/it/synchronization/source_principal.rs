//! `SourceServicePrincipalId`: a job that reads its source with the secrets of another application.

use serde_json::{Value as Json, json};

use super::rig::{GOOD, Rig, user};
use crate::world::Answer;

/// A job whose own secrets are of no use to its source, and another application whose secrets are.
async fn rig() -> (Rig, String, Other) {
    let (rig, job) = Rig::with_job().await;
    rig.put_secrets(&[("BaseAddress", "memory"), ("SecretToken", GOOD), ("Password", "mine")])
        .await
        .expect(204);
    let application =
        rig.world.post("/v1.0/applications", json!({"displayName": "Source"})).await.expect(201);
    let made =
        rig.world.post("/v1.0/servicePrincipals", json!({"appId": application["appId"]})).await.expect(201);
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let other = Other { application: text(&application["id"]), principal: text(&made["id"]) };
    other.put_secret(&rig, GOOD).await;
    (rig, job, other)
}

struct Other {
    application: String,
    principal: String,
}

impl Other {
    async fn put_secret(&self, rig: &Rig, token: &str) {
        let path = format!("/v1.0/servicePrincipals/{}/synchronization/secrets", self.principal);
        let secrets = json!({"value": [{"key": "Password", "value": token}]});
        rig.world.put(&path, secrets).await.expect(204);
    }
}

fn named(principal: &str) -> Json {
    json!({"synchronizationJobSettings": [{"name": "SourceServicePrincipalId", "value": principal}]})
}

async fn on_demand(rig: &Rig, job: &str, name: &str) -> Answer {
    let subject = json!({"objectId": name, "objectTypeName": "User"});
    let body = json!({"parameters": [{"ruleId": "rule", "subjects": [subject]}]});
    rig.world.post(&format!("{job}/provisionOnDemand"), body).await
}

#[tokio::test]
async fn the_source_is_read_with_the_secrets_of_the_named_application() {
    let (rig, job, other) = rig().await;
    rig.source.upsert(user("ada"));
    let discover = format!("{job}/schema/directories/people/discover");
    let words =
        rig.world.post(&format!("{job}/start"), Json::Null).await.refused(400, "RequestParameterInvalid");
    assert!(words.contains("Password"), "{words}");
    let refused = on_demand(&rig, &job, "ada").await.refused(400, "RequestParameterInvalid");
    assert!(refused.contains("Password"), "{refused}");
    assert!(rig.world.post(&discover, Json::Null).await.expect(400).to_string().contains("Password"));

    rig.world.patch(&job, named(&other.principal)).await.expect(204);
    let words = rig.world.post(&discover, Json::Null).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'People' cannot tell its schema"), "{words}");
    on_demand(&rig, &job, "ada").await.expect(200);
    assert_eq!(rig.target.len("account"), 1);
    rig.source.upsert(user("eve"));
    rig.activate(&job).await;
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), 2);

    // What is prepared is not used beyond a change of those secrets.
    other.put_secret(&rig, "stolen").await;
    on_demand(&rig, &job, "ada").await.refused(400, "RequestParameterInvalid");
}

#[tokio::test]
async fn a_service_principal_that_is_not_there_is_refused() {
    let (rig, job, other) = rig().await;
    let unknown = "11111111-2222-3333-4444-555555555555";
    let user = rig.world.user("ada").await;
    let foreign = {
        let token = rig.world.other_tenant().await;
        let ask =
            async |path: &str, body: Json| rig.world.as_client(&token, "POST", path, &body).await.expect(201);
        let application = ask("/v1.0/applications", json!({"displayName": "Theirs"})).await;
        let made = ask("/v1.0/servicePrincipals", json!({"appId": application["appId"]})).await;
        made["id"].as_str().unwrap().to_owned()
    };
    for id in [unknown, &user, &foreign, &other.application, "mine", ""] {
        let words = rig.world.patch(&job, named(id)).await.refused(400, "Request_BadRequest");
        assert!(
            words.contains("synchronizationJobSettings") && words.contains("SourceServicePrincipalId"),
            "{words}"
        );
        let mut new = named(id);
        new["templateId"] = "test".into();
        rig.world.post(&format!("{}/jobs", rig.path), new).await.refused(400, "Request_BadRequest");
    }
    assert_eq!(rig.world.get(&job).await.expect(200)["synchronizationJobSettings"], json!([]));

    // One that goes later takes nobody's account away.
    rig.world.patch(&job, named(&other.principal)).await.expect(204);
    rig.source.upsert(super::rig::user("ada"));
    rig.activate(&job).await;
    rig.cycle(&job).await;
    rig.world.delete(&format!("/v1.0/applications/{}", other.application)).await.expect(204);
    assert_eq!(rig.world.get(&job).await.expect(200)["schedule"]["state"], "Paused");
    let words =
        rig.world.post(&format!("{job}/start"), Json::Null).await.refused(400, "RequestParameterInvalid");
    assert!(words.contains("SourceServicePrincipalId"), "{words}");
    assert_eq!(rig.target.len("account"), 1);
}

/// Else whoever owns one application could read with the secrets of every other.
#[tokio::test]
async fn only_who_manages_an_application_may_read_with_its_secrets() {
    let (rig, job, other) = rig().await;
    let (client, token) = rig.world.client(&["Application.ReadWrite.OwnedBy"]).await;
    let own = async |application: &str| {
        let owners = format!("/v1.0/applications/{application}/owners/$ref");
        rig.world.post(&owners, json!({"@odata.id": crate::world::reference(&client)})).await.expect(204);
    };
    own(&rig.application).await;
    let set = async |body: &Json| rig.world.as_client(&token, "PATCH", &job, body).await;
    set(&json!({"synchronizationJobSettings": []})).await.expect(204);
    let refused = set(&named(&other.principal)).await.refused(400, "Request_BadRequest");
    let unknown =
        set(&named("11111111-2222-3333-4444-555555555555")).await.refused(400, "Request_BadRequest");
    assert_eq!(
        refused.replace(&other.principal, ""),
        unknown.replace("11111111-2222-3333-4444-555555555555", "")
    );
    // What somebody else has set is no leave to point it elsewhere.
    rig.world.patch(&job, named(&other.principal)).await.expect(204);
    let mut more = named(&other.principal);
    more["synchronizationJobSettings"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "Source.Place", "value": "mine"}));
    set(&more).await.refused(400, "Request_BadRequest");
    own(&other.application).await;
    set(&named(&other.principal)).await.expect(204);
}
