use serde_json::{Value as Json, json};

use super::rig::{GOOD, Rig};
use crate::world::TENANT;

fn pairs(list: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|pair| (text(&pair["key"]), text(&pair["value"]))).collect()
}

fn owned(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn secrets_are_kept_and_shown_masked() {
    let rig = Rig::new().await;
    let answer =
        rig.put_secrets(&[("baseAddress", "memory"), ("SecretToken", GOOD), ("SyncAll", "true")]).await;
    assert_eq!(answer.expect(204), json!(""));
    let path = format!("{}/secrets", rig.path);
    let shown = owned(&[("SecretToken", "*"), ("BaseAddress", "memory"), ("SyncAll", "true")]);
    assert_eq!(pairs(&rig.world.get(&path).await.expect(200)["value"]), shown);
    assert_eq!(rig.world.get(&format!("{path}/$count")).await.expect(200), json!(3));
    let whole = rig.world.get(&rig.path).await.expect(200);
    assert_eq!(pairs(&whole["secrets"]), shown);

    // `*` keeps what is saved, an empty value and absence remove.
    rig.put_secrets(&[("SecretToken", "*"), ("SyncAll", ""), ("UserName", "u")]).await.expect(204);
    assert_eq!(
        pairs(&rig.world.get(&path).await.expect(200)["value"]),
        owned(&[("UserName", "u"), ("SecretToken", "*")])
    );
    let service = rig.world.api.service();
    let services = service.engine.services();
    let owner = model::ServicePrincipalId(rig.principal.parse().unwrap());
    let saved = services.vault.secrets(&*services.store, model::TenantId(TENANT), owner).await.unwrap();
    assert_eq!(saved.get("SecretToken"), Some(GOOD));
}

#[tokio::test]
async fn wrong_secrets_are_refused_by_name_and_change_nothing() {
    let rig = Rig::new().await;
    rig.put_secrets(&[("BaseAddress", "memory")]).await.expect(204);
    let words = rig.put_secrets(&[("BaseAdress", "x")]).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'BaseAdress' is no secret key; did you mean 'BaseAddress'?"), "{words}");
    let words = rig.put_secrets(&[("Password", "*")]).await.refused(400, "Request_BadRequest");
    assert!(words.contains("none is saved for the key 'Password'"), "{words}");
    let words = rig.put_secrets(&[("SyncAll", "yes")]).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'SyncAll' takes 'true' or 'false', not 'yes'"), "{words}");
    let words =
        rig.put_secrets(&[("SyncNotificationSettings", "on")]).await.refused(400, "Request_BadRequest");
    assert!(words.contains("takes JSON as text"), "{words}");
    let path = format!("{}/secrets", rig.path);
    rig.world.put(&path, json!({"values": []})).await.refused(400, "Request_BadRequest");
    assert_eq!(
        rig.world.get(&path).await.expect(200)["value"],
        json!([{"key": "BaseAddress", "value": "memory"}])
    );
}

#[tokio::test]
async fn the_audit_record_names_keys_and_no_values() {
    let rig = Rig::new().await;
    rig.put_secrets(&[("BaseAddress", "memory"), ("SecretToken", "first")]).await.expect(204);
    rig.put_secrets(&[("BaseAddress", "memory"), ("SecretToken", "second")]).await.expect(204);
    let audit = rig.newest_audit().await;
    assert_eq!(audit["activityDisplayName"], "Update synchronization secrets");
    assert_eq!(audit["targetResources"][0]["id"], rig.principal);
    let text = audit.to_string();
    assert!(!text.contains("first") && !text.contains("second"), "{text}");
    let modified = &audit["targetResources"][0]["modifiedProperties"];
    assert_eq!(
        *modified,
        json!([{"displayName": "changedSecrets", "oldValue": null, "newValue": "[\"SecretToken\"]"}])
    );
}

#[tokio::test]
async fn synchronization_has_the_same_place_by_any_key() {
    let rig = Rig::new().await;
    rig.put_secrets(&[("BaseAddress", "memory")]).await.expect(204);
    for root in [
        format!("/beta/servicePrincipals/{}", rig.principal),
        format!("/v1.0/servicePrincipals(appId='{}')", rig.app_id),
        format!("/beta/servicePrincipals('{}')", rig.principal),
        format!("/v1.0/applications/{}", rig.application),
        format!("/beta/applications(appId='{}')", rig.app_id),
        format!("/V1.0/SERVICEPRINCIPALS/{}", rig.principal),
    ] {
        let secrets = rig.world.get(&format!("{root}/Synchronization/Secrets")).await.expect(200);
        assert_eq!(secrets["value"][0]["key"], "BaseAddress", "{root}");
        for ping in ["ping", "ping()", "microsoft.graph.ping()"] {
            rig.world.get(&format!("{root}/synchronization/{ping}")).await.expect(200);
        }
    }
    let nobody = "/v1.0/servicePrincipals/00000000-0000-0000-0000-00000000dead/synchronization/secrets";
    rig.world.get(nobody).await.refused(404, "Request_ResourceNotFound");
    rig.world.put(nobody, json!({"value": []})).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn an_application_without_a_service_principal_is_told() {
    let rig = Rig::new().await;
    let made = rig.world.post("/v1.0/applications", json!({"displayName": "Bare"})).await.expect(201);
    let path = format!("/v1.0/applications/{}/synchronization/jobs", made["id"].as_str().unwrap());
    let words = rig.world.get(&path).await.refused(404, "Request_ResourceNotFound");
    assert!(
        words.contains("has no service principal") && words.contains(made["appId"].as_str().unwrap()),
        "{words}"
    );
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let (rig, job) = Rig::with_job().await;
    let token = rig.world.other_tenant().await;
    for path in [rig.path.clone(), format!("{}/secrets", rig.path), job.clone(), format!("{job}/schema")] {
        rig.world.as_client(&token, "GET", &path, &Json::Null).await.refused(404, "Request_ResourceNotFound");
    }
    let page = rig.world.as_client(&token, "GET", "/v1.0/auditLogs/directoryAudits", &Json::Null).await;
    let told = page.expect(200)["value"].clone();
    assert_eq!(told.as_array().unwrap().len(), 1, "it sees its own sign-in alone: {told}");
    assert_eq!(told[0]["activityDisplayName"], "Sign in service principal");
}
