use serde_json::{Value as Json, json};

use super::rig::Rig;

#[tokio::test]
async fn directories_are_read_by_id_and_name() {
    let (rig, job) = Rig::with_job().await;
    let path = format!("{job}/schema/directories");
    let page = rig.world.get(&path).await.expect(200);
    let names: Vec<&Json> = page["value"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["People", "App"]);
    assert_eq!(rig.world.get(&format!("{path}/$count")).await.expect(200), json!(2));
    for key in ["/app", "('APP')", "/App"] {
        assert_eq!(rig.world.get(&format!("{path}{key}")).await.expect(200)["objects"][0]["name"], "account");
    }
    let page = rig.world.get(&format!("{path}?$filter=name eq 'App'&$select=id,name")).await.expect(200);
    assert_eq!(page["value"], json!([{"id": "app", "name": "App"}]));
    rig.world.get(&format!("{path}/none")).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn a_directory_is_changed_by_merging() {
    let (rig, job) = Rig::with_job().await;
    let path = format!("{job}/schema/directories/app");
    let mut directory = rig.world.get(&path).await.expect(200);
    let attributes = directory["objects"][0]["attributes"].as_array_mut().unwrap();
    attributes.push(json!({"name": "nickName", "type": "String"}));
    for attribute in attributes.iter_mut() {
        attribute.as_object_mut().unwrap().remove("required");
    }
    rig.world.patch(&path, directory).await.expect(204);
    let after = rig.world.get(&path).await.expect(200);
    let attributes = after["objects"][0]["attributes"].as_array().unwrap();
    assert_eq!((attributes.len(), &attributes[1]["required"]), (5, &json!(true)));
    assert_eq!(rig.world.get(&format!("{job}/schema")).await.expect(200)["version"], "2.0");

    let words = rig.world.patch(&path, json!({"objects": []})).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'App' has no object 'account'"), "{words}");
    let words = rig.world.delete(&path).await.refused(400, "Request_BadRequest");
    assert!(words.contains("there is no directory 'App'"), "{words}");
    assert_eq!(rig.world.get(&path).await.expect(200), after);
}

#[tokio::test]
async fn a_directory_is_added_and_removed() {
    let (rig, job) = Rig::with_job().await;
    let path = format!("{job}/schema/directories");
    let made = rig.world.post(&path, json!({"name": "Spare", "objects": []})).await.expect(201);
    let own = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(rig.world.get(&own).await.expect(200)["name"], "Spare");
    rig.world.post(&path, json!({"name": "Spare"})).await.refused(409, "Request_Conflict");
    rig.world.post(&path, json!({})).await.refused(400, "Request_BadRequest");
    rig.world.delete(&own).await.expect(204);
    rig.world.get(&own).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn discovery_adds_what_the_target_has() {
    let (rig, job) = Rig::with_job().await;
    rig.target.place("account", &[("userName", "x".into()), ("shoeSize", "42".into())]);
    rig.target.place("device", &[("serial", "7".into())]);
    let path = format!("{job}/schema/directories/app");
    let found = rig.world.post(&format!("{path}/discover"), Json::Null).await.expect(200);
    assert_eq!(
        found["discoverabilities"],
        "AttributeNames, AttributeDataTypes, AttributeReadOnly, ReferenceAttributes"
    );
    assert!(found["discoveryDateTime"].is_string() && found["version"].is_string());
    let names = |object: &Json| -> Vec<String> {
        let attributes = object["attributes"].as_array().unwrap().iter();
        attributes.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&found["objects"][0]), ["id", "userName", "name", "active", "shoeSize"]);
    assert_eq!(found["objects"][0]["attributes"][1]["required"], true, "what is defined stays");
    assert_eq!(
        (&found["objects"][1]["name"], names(&found["objects"][1])),
        (&json!("device"), vec!["serial".to_owned()])
    );
    let kept = rig.world.get(&path).await.expect(200);
    assert_eq!(kept["objects"], found["objects"]);

    let words = rig.world.post(&format!("{job}/schema/directories/people/discover"), Json::Null).await;
    let words = words.refused(400, "Request_BadRequest");
    assert!(words.contains("'People' cannot tell its schema"), "{words}");
    rig.world
        .post(&format!("{job}/schema/directories"), json!({"id": "spare", "name": "Spare"}))
        .await
        .expect(201);
    let words = rig.world.post(&format!("{job}/schema/directories/spare/discover"), Json::Null).await;
    assert!(words.refused(400, "Request_BadRequest").contains("No rule of the schema"));
    rig.put_secrets(&[("BaseAddress", "memory"), ("SecretToken", "wrong")]).await.expect(204);
    let refused = rig.world.post(&format!("{path}/discover"), Json::Null).await;
    refused.refused(400, "SystemForCrossDomainIdentityManagementInvalidCredentials");
}
