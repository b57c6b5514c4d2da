use model::{SignedDuration, TenantId};
use serde_json::{Value as Json, json};

use crate::world::{CLIENT, TEMPLATE, TENANT, World};

#[tokio::test]
async fn an_application_comes_from_a_template_with_its_service_principal() {
    let world = World::new().await;
    let templates = world.every("/v1.0/applicationTemplates?$filter=displayName eq 'custom'").await;
    assert_eq!(templates[0]["id"], TEMPLATE);
    world.get(&format!("/v1.0/applicationTemplates/{TEMPLATE}")).await.expect(200);
    world.get(&format!("/v1.0/applicationTemplates/{CLIENT}")).await.refused(404, "Request_ResourceNotFound");

    let path = format!("/v1.0/applicationTemplates/{TEMPLATE}/instantiate");
    let made = world.post(&path, json!({"displayName": "Shop"})).await.expect(201);
    let (application, principal) = (&made["application"], &made["servicePrincipal"]);
    for part in [application, principal] {
        assert_eq!(part["id"], part["objectId"]);
        assert_eq!(
            (&part["displayName"], &part["applicationTemplateId"]),
            (&json!("Shop"), &json!(TEMPLATE))
        );
    }
    assert_eq!(application["appId"], principal["appId"]);
    let app_id = application["appId"].as_str().unwrap();
    for path in [
        format!("/v1.0/applications/{}", application["id"].as_str().unwrap()),
        format!("/v1.0/applications(appId='{app_id}')"),
        format!("/v1.0/servicePrincipals(AppId='{app_id}')"),
    ] {
        assert_eq!(world.get(&path).await.expect(200)["appId"], app_id, "{path}");
    }
    let filter = format!("/v1.0/servicePrincipals?$filter=appId eq '{app_id}'&$count=true");
    assert_eq!(world.get(&filter).await.expect(200)["@odata.count"], 1);
    world.get("/v1.0/applications(name='x')").await.refused(400, "Request_BadRequest");
    world.post(&path, json!({})).await.refused(400, "Request_BadRequest");
}

#[tokio::test]
async fn applications_are_changed_and_leave_audit_records() {
    let world = World::new().await;
    let made =
        world.post("/beta/applications", json!({"displayName": "App", "tags": ["x"]})).await.expect(201);
    let path = format!("/beta/applications/{}", made["id"].as_str().unwrap());
    assert_eq!(made["signInAudience"], "AzureADMyOrg");
    world
        .patch(&path, json!({"displayName": "Renamed", "web": {"homePageUrl": "https://x"}}))
        .await
        .expect(204);
    let words = world.patch(&path, json!({"appId": CLIENT})).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'appId'"), "{words}");
    world.clock.advance(SignedDuration::from_secs(1));
    world.delete(&path).await.expect(204);

    let service = world.api.service();
    let page = service
        .store
        .audits(TenantId(TENANT), store::AuditQuery { limit: 10, ..Default::default() })
        .await
        .unwrap();
    let records = page.records;
    let told: Vec<&str> = records.iter().map(|record| record.activity.as_str()).collect();
    assert_eq!(
        told,
        ["Delete application", "Update application", "Add application", "Sign in service principal"]
    );
    let update = &records[1];
    assert_eq!(update.actor, CLIENT.to_string());
    assert_eq!(update.old.as_ref().unwrap()["displayName"], "App");
    assert_eq!(update.new.as_ref().unwrap()["displayName"], "Renamed");
}

#[tokio::test]
async fn an_application_has_one_service_principal() {
    let world = World::new().await;
    let made = world.post("/v1.0/applications", json!({"displayName": "App"})).await.expect(201);
    let body = json!({"appId": made["appId"]});
    world.post("/v1.0/servicePrincipals", body.clone()).await.expect(201);
    world.post("/v1.0/servicePrincipals", body).await.refused(400, "Request_MultipleObjectsWithSameKeyValue");
    let words = world
        .post("/v1.0/servicePrincipals", json!({"appId": TENANT}))
        .await
        .refused(400, "Request_BadRequest");
    assert!(words.contains("'appId'"), "{words}");
    let graph = "/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')";
    world.delete(graph).await.refused(403, "Authorization_RequestDenied");
}

#[tokio::test]
async fn the_tenant_shows_itself() {
    let world = World::new().await;
    let tenants = world.get("/v1.0/organization?$select=id,displayName,verifiedDomains").await.expect(200);
    let tenant = &tenants["value"][0];
    assert_eq!(tenant["id"], TENANT.to_string());
    assert_eq!(tenant["verifiedDomains"][0]["isDefault"], json!(true));
    assert_ne!(
        world.get(&format!("/beta/organization/{TENANT}")).await.expect(200)["displayName"],
        Json::Null
    );
}
