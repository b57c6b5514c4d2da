use serde_json::{Value as Json, json};

use crate::world::{World, reference, user};

#[tokio::test]
async fn a_user_is_made_read_changed_and_removed() {
    let world = World::new().await;
    let mut body = user("ada");
    body["city"] = json!("Z\u{fc}rich");
    let answer = world.post("/v1.0/users", body).await;
    let location = answer.header("location").to_owned();
    let made = answer.expect(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(location, format!("http://graph.test/v1.0/users/{id}"));
    assert_eq!(made["@odata.context"], "http://graph.test/v1.0/$metadata#users/$entity");
    assert_eq!((&made["displayName"], &made["businessPhones"]), (&json!("ada"), &json!([])));
    assert!(made.get("city").is_none(), "v1.0 returns it only when it is selected");

    let select = "$select=id,city,userType,accountEnabled,passwordProfile";
    let shown = world.get(&format!("/v1.0/users/{id}?{select}")).await.expect(200);
    assert_eq!(
        shown,
        json!({
            "@odata.context": "http://graph.test/v1.0/$metadata#users(id,city,userType,accountEnabled,passwordProfile)/$entity",
            "id": id, "city": "Z\u{fc}rich", "userType": "Member",
            "accountEnabled": true, "passwordProfile": null,
        })
    );
    let beta = world.get("/beta/users('ADA@example.com')").await.expect(200);
    assert_eq!((&beta["id"], &beta["city"]), (&json!(id), &json!("Z\u{fc}rich")));
    world.get("/v1.0/users(userPrincipalName='ada@example.com')").await.expect(200);

    let path = format!("/v1.0/users/{id}");
    world
        .patch(&path, json!({"city": null, "jobTitle": "Analyst", "businessPhones": ["1"]}))
        .await
        .expect(204);
    let shown = world.get(&format!("{path}?$select=city,jobTitle,businessPhones")).await.expect(200);
    assert_eq!(
        (&shown["city"], &shown["jobTitle"], &shown["businessPhones"]),
        (&Json::Null, &json!("Analyst"), &json!(["1"]))
    );

    world.delete(&path).await.expect(204);
    world.get(&path).await.refused(404, "Request_ResourceNotFound");
    world.delete(&path).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn bad_users_are_refused_by_name() {
    let world = World::new().await;
    world.user("ada").await;
    for (property, value, words) in [
        ("userPrincipalName", json!("ADA@example.com"), "same value for property userPrincipalName"),
        ("userPrincipalName", json!("no domain"), "'userPrincipalName'"),
        ("userPrincipalName", Json::Null, "'userPrincipalName'"),
        ("displayNam", json!("x"), "Did you mean 'displayName'?"),
        ("accountEnabled", json!("yes"), "'accountEnabled'. Send true or false"),
        (
            "manager@odata.bind",
            json!("http://graph.test/v1.0/users/nobody@example.com"),
            "nobody@example.com",
        ),
        ("members@odata.bind", json!(["x"]), "'members@odata.bind'"),
    ] {
        let mut body = user("bob");
        body[property] = value;
        let answer = world.post("/v1.0/users", body).await;
        let status = answer.status;
        let message = answer.body["error"]["message"].as_str().unwrap().to_owned();
        assert!(matches!(status, 400 | 404) && message.contains(words), "{property}: {status} {message}");
    }
    assert_eq!(world.every("/v1.0/users").await.len(), 1);
}

#[tokio::test]
async fn a_taken_name_is_refused_on_update_too() {
    let world = World::new().await;
    world.user("ada").await;
    let bob = world.user("bob").await;
    let answer =
        world.patch(&format!("/v1.0/users/{bob}"), json!({"userPrincipalName": "ada@example.com"})).await;
    assert_eq!(answer.body["error"]["details"][0]["code"], "ObjectConflict");
    answer.refused(400, "Request_BadRequest");
}

#[tokio::test]
async fn updates_respect_tags_and_preferences() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let path = format!("/v1.0/users/{ada}");
    let tag = world.get(&path).await.header("etag").to_owned();
    let change = json!({"city": "Bern"});
    let good = world.send("PATCH", &path, &[("if-match", &tag)], &change).await;
    assert_ne!(good.header("etag"), tag);
    good.expect(204);
    let stale = world.send("PATCH", &path, &[("if-match", &tag)], &json!({"city": "Basel"})).await;
    stale.refused(412, "Request_PreconditionFailed");
    world
        .send("DELETE", &path, &[("if-match", &tag)], &Json::Null)
        .await
        .refused(412, "Request_PreconditionFailed");
    world.send("PATCH", &path, &[("if-match", "*")], &change).await.expect(204);
    // Nothing of a refused update is done.
    let bob = world.user("bob").await;
    let bind = json!({"manager@odata.bind": format!("http://graph.test/v1.0/users/{bob}")});
    let stale = world.send("PATCH", &path, &[("if-match", &tag)], &bind).await;
    stale.refused(412, "Request_PreconditionFailed");
    world.get(&format!("{path}/manager")).await.refused(404, "Request_ResourceNotFound");

    let whole =
        world.send("PATCH", &path, &[("prefer", "return=representation")], &json!({"surname": "K"})).await;
    assert_eq!(whole.header("preference-applied"), "return=representation");
    assert_eq!(whole.expect(200)["surname"], "K");
    let little = world.send("POST", "/v1.0/users", &[("prefer", "return=minimal")], &user("eve")).await;
    assert_eq!(little.header("preference-applied"), "return=minimal");
    assert!(little.header("location").contains("/v1.0/users/"));
    little.expect(204);
}

#[tokio::test]
async fn a_user_may_begin_with_a_manager() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut body = user("bob");
    body["manager@odata.bind"] = json!(reference(&ada));
    let bob = world.post("/v1.0/users", body).await.expect(201);
    let bob = bob["id"].as_str().unwrap();
    let path = format!("/v1.0/users/{bob}?$expand=manager($select=id,displayName)");
    let shown = world.get(&path).await.expect(200);
    assert_eq!(
        shown["manager"],
        json!({"@odata.type": "#microsoft.graph.user", "id": ada, "displayName": "ada"})
    );
}
