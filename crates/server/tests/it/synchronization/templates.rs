use serde_json::{Value as Json, json};

use super::rig::Rig;
use crate::world::TEMPLATE;

#[tokio::test]
async fn an_application_has_the_templates_of_its_kind() {
    let rig = Rig::new().await;
    let path = format!("{}/templates", rig.path);
    let mut page = rig.world.get(&path).await.expect(200);
    let schema = page["value"][0].as_object_mut().unwrap().remove("schema").unwrap();
    assert_eq!((&schema["id"], &schema["directories"][1]["name"]), (&json!("test"), &json!("App")));
    assert_eq!(
        page["value"],
        json!([{
            "id": "test", "applicationId": TEMPLATE, "default": true, "description": "For tests",
            "discoverable": true, "factoryTag": "test", "metadata": [],
        }])
    );
    assert_eq!(rig.world.get(&format!("{path}/$count")).await.expect(200), json!(1));
    let query = "$expand=schema&$filter=factoryTag eq 'test'&$select=id";
    let page = rig.world.get(&format!("{path}?{query}")).await.expect(200);
    assert_eq!(page["value"], json!([{"id": "test", "schema": schema}]));
    assert_eq!(
        rig.world.get(&format!("{path}?$filter=factoryTag eq 'x'")).await.expect(200)["value"],
        json!([])
    );
    let one = rig.world.get(&format!("{path}('TEST')")).await.expect(200);
    assert_eq!((&one["id"], &one["schema"]), (&json!("test"), &schema));
    rig.world.get(&format!("{path}/other")).await.refused(404, "Request_ResourceNotFound");

    // An application that was made without a template is a custom one.
    let bare = rig.world.post("/v1.0/applications", json!({"displayName": "Bare"})).await.expect(201);
    let app_id = bare["appId"].as_str().unwrap();
    rig.world.post("/v1.0/servicePrincipals", json!({"appId": app_id})).await.expect(201);
    let path = format!("/v1.0/servicePrincipals(appId='{app_id}')/synchronization/templates");
    assert_eq!(rig.world.get(&path).await.expect(200)["value"][0]["id"], "test");
}

#[tokio::test]
async fn the_schema_of_a_template_is_read() {
    let rig = Rig::new().await;
    let path = format!("{}/templates/test/schema", rig.path);
    let schema = rig.world.get(&path).await.expect(200);
    assert_eq!((&schema["id"], &schema["synchronizationRules"][0]["id"]), (&json!("test"), &json!("rule")));
    let directories = rig.world.get(&format!("{path}/directories")).await.expect(200);
    assert_eq!(directories["value"].as_array().unwrap().len(), 2);
    assert_eq!(rig.world.get(&format!("{path}/directories/$count")).await.expect(200), json!(2));
    assert_eq!(rig.world.get(&format!("{path}/directories/app")).await.expect(200)["name"], "App");
    rig.world.get(&format!("{}/templates/x/schema", rig.path)).await.refused(404, "Request_ResourceNotFound");
}

/// A body like that of the documentation, for an application's own template.
fn slack(application: &str) -> Json {
    json!({"id": "Slack", "applicationId": application, "factoryTag": "test"})
}

#[tokio::test]
async fn an_application_has_templates_of_its_own() {
    let (rig, _) = Rig::with_job().await;
    let path = format!("/v1.0/applications/{}/synchronization/templates", rig.application);
    let made = rig.world.post(&path, slack(&rig.application)).await;
    assert!(made.header("location").ends_with("/templates/Slack"), "{}", made.header("location"));
    let made = made.expect(201);
    assert_eq!((&made["id"], &made["applicationId"]), (&json!("Slack"), &json!(rig.application)));
    let audit = rig.newest_audit().await;
    assert_eq!(audit["activityDisplayName"], "Add synchronization template");
    rig.world.post(&path, slack(&rig.application)).await.refused(409, "Request_Conflict");
    for shipped in ["test", "TEST"] {
        let body = json!({"id": shipped, "applicationId": rig.application, "factoryTag": "x"});
        rig.world.post(&path, body).await.refused(409, "Request_Conflict");
    }
    for (body, word) in [
        (json!({"applicationId": TEMPLATE, "factoryTag": "x"}), "'id'"),
        (json!({"id": "a", "factoryTag": "x"}), "'applicationId'"),
        (json!({"id": "a", "applicationId": TEMPLATE}), "'factoryTag'"),
        (json!({"id": "a.b", "applicationId": TEMPLATE, "factoryTag": "x"}), "'id'"),
        (json!({"id": "a", "applicationId": TEMPLATE, "factoryTag": "x", "connectors": {}}), "'connectors'"),
    ] {
        let words = rig.world.post(&path, body).await.refused(400, "Request_BadRequest");
        assert!(words.contains(word), "{words}");
    }

    // Under the service principal they are the same, and a job can begin with one.
    let own = format!("{}/templates", rig.path);
    assert_eq!(rig.world.get(&format!("{own}/$count")).await.expect(200), json!(2));
    let schema = rig.world.get(&format!("{own}/slack/schema")).await.expect(200);
    assert_eq!((&schema["id"], &schema["directories"][1]["name"]), (&json!("Slack"), &json!("App")));
    let body = json!({"templateId": "Slack"});
    let job = rig.world.post(&format!("{}/jobs", rig.path), body).await.expect(201);
    let job = format!("{}/jobs/{}", rig.path, job["id"].as_str().unwrap());
    assert!(job.contains("/jobs/Slack."), "{job}");
    rig.source.upsert(super::rig::user("ada"));
    rig.world.post(&format!("{job}/start"), Json::Null).await.expect(204);
    rig.cycle(&job).await;
    assert_eq!(rig.target.len("account"), 1);
    let words = rig.world.delete(&format!("{own}/Slack")).await.refused(409, "Request_Conflict");
    assert!(words.contains("delete the job first"), "{words}");
    rig.world.delete(&job).await.expect(204);
    rig.world.delete(&format!("{own}/Slack")).await.expect(204);
    assert_eq!(rig.newest_audit().await["activityDisplayName"], "Delete synchronization template");
    rig.world.get(&format!("{own}/Slack")).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn a_template_that_ships_is_changed_for_one_application() {
    let (rig, job) = Rig::with_job().await;
    let path = format!("{}/templates/test", rig.path);
    rig.world.delete(&path).await.refused(409, "Request_Conflict");
    let body =
        json!({"description": "Ours", "schema": {"synchronizationRules": [{"id": "rule", "priority": 7}]}});
    rig.world.patch(&path, body).await.expect(204);
    let changed = rig.world.get(&format!("{path}?$expand=schema")).await.expect(200);
    assert_eq!((&changed["description"], &changed["factoryTag"]), (&json!("Ours"), &json!("test")));
    let rule = &changed["schema"]["synchronizationRules"][0];
    assert_eq!((&rule["priority"], &rule["sourceDirectoryName"]), (&json!(7), &json!("People")));
    assert_eq!(changed["schema"]["version"], "1.0");
    let audit = rig.newest_audit().await;
    assert_eq!(audit["activityDisplayName"], "Update synchronization template");
    let values = audit["targetResources"][0]["modifiedProperties"].to_string();
    assert!(
        values.contains("For tests") && values.contains("Ours") && values.contains("priority"),
        "{values}"
    );

    // The job made before keeps its schema until it is reset; another application sees what ships.
    let schema = format!("{job}/schema");
    let priority = async |path: &str| {
        rig.world.get(path).await.expect(200)["synchronizationRules"][0]["priority"].clone()
    };
    assert_eq!(priority(&schema).await, json!(1));
    rig.world.delete(&schema).await.expect(204);
    assert_eq!(priority(&schema).await, json!(7));
    let instantiate = format!("/v1.0/applicationTemplates/{TEMPLATE}/instantiate");
    let other = rig.world.post(&instantiate, json!({"displayName": "Other"})).await.expect(201);
    let other = format!("/v1.0/applications/{}", other["application"]["id"].as_str().unwrap());
    assert_eq!(priority(&format!("{other}/synchronization/templates/test/schema")).await, json!(1));

    // PUT replaces: what it does not bring is as in the template that ships.
    rig.world.put(&path, json!({"id": "test", "factoryTag": "Custom"})).await.expect(204);
    let replaced = rig.world.get(&path).await.expect(200);
    assert_eq!((&replaced["description"], &replaced["factoryTag"]), (&Json::Null, &json!("Custom")));
    assert_eq!(priority(&format!("{path}/schema")).await, json!(1));
    rig.world.put(&path, json!({"id": "other"})).await.refused(400, "Request_BadRequest");
    rig.world.delete(&path).await.expect(204);
    assert_eq!(rig.world.get(&path).await.expect(200)["description"], "For tests");
}

#[tokio::test]
async fn the_schema_of_a_template_is_changed() {
    let rig = Rig::new().await;
    rig.put_secrets(&[("BaseAddress", "memory"), ("SecretToken", super::rig::GOOD)]).await.expect(204);
    let path = format!("/beta/applications/{}/synchronization/templates/test/schema", rig.application);
    let mut sent = super::rig::schema();
    sent["oddity"] = json!({"kept": [1]});
    sent["directories"][1]["name"] = json!("Slack");
    sent["directories"][1]["id"] = json!("unheard-of");
    sent["synchronizationRules"][0]["targetDirectoryName"] = json!("Slack");
    rig.world.put(&path, sent).await.expect(204);
    let shown = rig.world.get(&path).await.expect(200);
    assert_eq!((&shown["oddity"], &shown["version"]), (&json!({"kept": [1]}), &json!("1.0")));
    let words = rig.world.patch(&path, json!({"synchronizationRules": []})).await;
    words.expect(204);
    assert_eq!(rig.world.get(&path).await.expect(200)["version"], "2.0");
    rig.world.delete(&path).await.expect(204);
    assert_eq!(rig.world.get(&path).await.expect(200)["directories"][1]["name"], "App");
    assert_eq!(rig.world.get(&path).await.expect(200).get("oddity"), None);
    let broken = json!({"synchronizationRules": [{"id": "rule", "targetDirectoryName": "Nowhere"}]});
    let words = rig.world.patch(&path, broken).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'Nowhere'"), "{words}");

    rig.target.place("account", &[("userName", "x".into()), ("shoeSize", "42".into())]);
    let found = rig.world.post(&format!("{path}/directories/app/discover"), Json::Null).await.expect(200);
    assert_eq!(found["objects"][0]["attributes"][4]["name"], "shoeSize");
    let made = rig.world.post(&format!("{path}/directories"), json!({"name": "Spare"})).await.expect(201);
    let spare = format!("{path}/directories/{}", made["id"].as_str().unwrap());
    rig.world.patch(&spare, json!({"readOnly": true})).await.expect(204);
    assert_eq!(rig.world.get(&spare).await.expect(200)["readOnly"], true);
    rig.world.delete(&spare).await.expect(204);
    rig.world.get(&spare).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn the_whole_synchronization_is_replaced_and_removed() {
    let (rig, job) = Rig::with_job().await;
    let sent =
        json!({"secrets": [{"key": "BaseAddress", "value": "memory"}, {"key": "SyncAll", "value": "true"}]});
    let whole = rig.world.put(&rig.path, sent).await.expect(200);
    assert_eq!(whole["secrets"].as_array().unwrap().len(), 2);
    let whole = rig.world.put(&rig.path, json!({"id": rig.principal})).await.expect(200);
    assert_eq!(whole["secrets"].as_array().unwrap().len(), 2, "what is not sent stays");
    let words = rig.world.put(&rig.path, json!({"jobs": []})).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'jobs'"), "{words}");
    let templates = format!("{}/templates", rig.path);
    rig.world.post(&templates, slack(TEMPLATE)).await.expect(201);

    let before = rig.audits().await;
    rig.world.delete(&rig.path).await.expect(204);
    assert_eq!(rig.audits().await, before + 3, "a record for the job, the template and the secrets");
    rig.world.get(&job).await.refused(404, "Request_ResourceNotFound");
    assert_eq!(rig.world.get(&rig.path).await.expect(200)["secrets"], json!([]));
    assert_eq!(rig.world.get(&format!("{templates}/$count")).await.expect(200), json!(1));
}
