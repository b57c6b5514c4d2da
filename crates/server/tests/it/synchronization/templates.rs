use serde_json::json;

use super::rig::Rig;
use crate::world::TEMPLATE;

#[tokio::test]
async fn an_application_has_the_templates_of_its_kind() {
    let rig = Rig::new().await;
    let path = format!("{}/templates", rig.path);
    let page = rig.world.get(&path).await.expect(200);
    assert_eq!(
        page["value"],
        json!([{
            "id": "test", "applicationId": TEMPLATE, "default": true, "description": "For tests",
            "discoverable": true, "factoryTag": "test", "metadata": [],
        }])
    );
    assert_eq!(rig.world.get(&format!("{path}/$count")).await.expect(200), json!(1));
    let page =
        rig.world.get(&format!("{path}?$expand=schema&$filter=factoryTag eq 'test'")).await.expect(200);
    assert_eq!(page["value"][0]["schema"]["directories"][1]["name"], "App");
    assert_eq!(
        rig.world.get(&format!("{path}?$filter=factoryTag eq 'x'")).await.expect(200)["value"],
        json!([])
    );
    let one = rig.world.get(&format!("{path}('TEST')")).await.expect(200);
    assert_eq!((&one["id"], one.get("schema")), (&json!("test"), None));
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
