use serde_json::json;

use crate::world::{World, user};

#[tokio::test]
async fn extensions_are_declared_and_kept() {
    let world = World::new().await;
    let application = world.post("/v1.0/applications", json!({"displayName": "Badges"})).await.expect(201);
    let path = format!("/v1.0/applications/{}/extensionProperties", application["id"].as_str().unwrap());
    let app_id = application["appId"].as_str().unwrap().replace('-', "");
    let badge = json!({"name": "badge", "dataType": "String", "targetObjects": ["User"]});
    let made = world.post(&path, badge.clone()).await.expect(201);
    let extension = format!("extension_{app_id}_badge");
    assert_eq!((&made["name"], &made["appDisplayName"]), (&json!(extension), &json!("Badges")));
    world.post(&path, badge).await.refused(400, "Request_BadRequest");
    let wrong = json!({"name": "b-c", "dataType": "String", "targetObjects": ["User"]});
    world.post(&path, wrong).await.refused(400, "Request_BadRequest");
    let levels =
        json!({"name": "levels", "dataType": "Integer", "isMultiValued": true, "targetObjects": ["User"]});
    world.post(&path, levels).await.expect(201);
    assert_eq!(world.every(&path).await.len(), 2);
    let all =
        world.post("/v1.0/directoryObjects/getAvailableExtensionProperties", json!({})).await.expect(200);
    assert_eq!(all["value"].as_array().unwrap().len(), 2);

    let mut body = user("ada");
    body["onPremisesExtensionAttributes"] = json!({"extensionAttribute1": "a", "extensionAttribute2": "b"});
    body[&extension] = json!("77");
    let ada = world.post("/beta/users", body).await.expect(201);
    let ada = format!("/beta/users/{}", ada["id"].as_str().unwrap());
    let cleared = json!({"onPremisesExtensionAttributes": {"extensionAttribute2": null}});
    world.patch(&ada, cleared).await.expect(204);
    let shown =
        world.get(&format!("{ada}?$select=onPremisesExtensionAttributes,{extension}")).await.expect(200);
    assert_eq!(shown["onPremisesExtensionAttributes"], json!({"extensionAttribute1": "a"}));
    assert_eq!(shown[&extension], "77");
    assert_eq!(world.every(&format!("/beta/users?$filter={extension} eq '77'")).await.len(), 1);
    let filter = "onPremisesExtensionAttributes/extensionAttribute1 eq 'A'";
    assert_eq!(world.every(&format!("/beta/users?$filter={filter}")).await.len(), 1);

    for (name, value) in [
        (extension.clone(), json!(77)),
        (format!("extension_{app_id}_levels"), json!(1)),
        (format!("extension_{app_id}_levels"), json!(["1"])),
        (format!("extension_{app_id}_unknown"), json!("x")),
    ] {
        let words = world.patch(&ada, json!({&name: value})).await.refused(400, "Request_BadRequest");
        assert!(words.contains(&name), "{words}");
    }
    world.patch(&ada, json!({format!("extension_{app_id}_levels"): [1, 2]})).await.expect(204);
    let team = json!({
        "displayName": "t", "mailEnabled": false, "mailNickname": "t", "securityEnabled": true, &extension: "x",
    });
    world.post("/v1.0/groups", team).await.refused(400, "Request_BadRequest");

    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(world.get(&one).await.expect(200)["dataType"], "String");
    world.delete(&one).await.expect(204);
    world.get(&one).await.refused(404, "Request_ResourceNotFound");
    world.patch(&ada, json!({&extension: "78"})).await.refused(400, "Request_BadRequest");
}
