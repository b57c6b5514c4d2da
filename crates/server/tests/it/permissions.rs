use std::collections::BTreeSet;

use directory::PERMISSIONS;
use graph::path::Version;
use serde_json::{Value as Json, json};
use server::Operation;

use crate::world::World;

const ID: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";

/// A path of an operation, with some id for each key.
fn path(operation: &Operation) -> String {
    let version = operation.only.unwrap_or(Version::V1);
    let parts = operation.path.split('/').map(|part| if part.starts_with('{') { ID } else { part });
    format!("/{}/{}", version.segment(), parts.collect::<Vec<_>>().join("/"))
}

/// Every route needs a permission, and a token without it gets 403, whatever the request says.
#[tokio::test]
async fn no_route_answers_a_token_without_its_permission() {
    let world = World::new().await;
    let (_, without) = world.client(&[]).await;
    let (_, other) = world.client(&["Scim.ReadWrite.All"]).await;
    let known: BTreeSet<&str> = PERMISSIONS.iter().map(|permission| permission.value).collect();
    let operations: Vec<Operation> = world.api.operations().collect();
    assert!(operations.len() > 80, "{}", operations.len());
    for operation in operations {
        if operation.path == "$batch" {
            assert!(operation.permissions.is_empty());
            continue;
        }
        assert!(!operation.permissions.is_empty(), "{} {}", operation.method, operation.path);
        let unknown = operation.permissions.iter().find(|permission| !known.contains(*permission));
        assert_eq!(unknown, None, "{} {}", operation.method, operation.path);
        for token in [&without, &other] {
            let answer =
                world.as_client(token, operation.method.as_str(), &path(&operation), &Json::Null).await;
            let words = answer.refused(403, "Authorization_RequestDenied");
            assert!(words.contains(operation.permissions[0]), "{words}");
        }
    }
}

/// What `$batch` carries is judged request by request.
#[tokio::test]
async fn a_batch_gives_no_permission() {
    let world = World::new().await;
    let (_, token) = world.client(&["Group.Read.All"]).await;
    let body = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/groups"},
        {"id": "2", "method": "GET", "url": "/users"},
    ]});
    let answer = world.as_client(&token, "POST", "/v1.0/$batch", &body).await.expect(200);
    let statuses: Vec<_> =
        answer["responses"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, [json!(200), json!(403)]);
}

#[tokio::test]
async fn reading_does_not_mean_writing() {
    let world = World::new().await;
    let (_, token) = world.client(&["User.Read.All"]).await;
    let ada = world.user("ada").await;
    let path = format!("/v1.0/users/{ada}");
    world.as_client(&token, "GET", &path, &Json::Null).await.expect(200);
    world
        .as_client(&token, "PATCH", &path, &json!({"city": "x"}))
        .await
        .refused(403, "Authorization_RequestDenied");
    world.as_client(&token, "DELETE", &path, &Json::Null).await.refused(403, "Authorization_RequestDenied");
    world
        .as_client(&token, "GET", "/v1.0/groups", &Json::Null)
        .await
        .refused(403, "Authorization_RequestDenied");
}

/// In the bin are objects of all kinds: who may restore users may not restore groups.
#[tokio::test]
async fn the_bin_asks_for_the_permission_of_the_kind() {
    let world = World::new().await;
    let (_, token) = world.client(&["User.ReadWrite.All"]).await;
    let (user, group) = (world.user("ada").await, world.group("team").await);
    world.delete(&format!("/v1.0/users/{user}")).await.expect(204);
    world.delete(&format!("/v1.0/groups/{group}")).await.expect(204);
    let restore = |id: &str| format!("/v1.0/directory/deletedItems/{id}/restore");
    let answer = world.as_client(&token, "POST", &restore(&group), &Json::Null).await;
    answer.refused(403, "Authorization_RequestDenied");
    world.as_client(&token, "POST", &restore(&user), &Json::Null).await.expect(200);
}

#[tokio::test]
async fn an_owner_manages_what_it_owns_and_nothing_else() {
    let world = World::new().await;
    let (_, token) = world.client(&["Application.ReadWrite.OwnedBy"]).await;
    let foreign = world.post("/v1.0/applications", json!({"displayName": "Foreign"})).await.expect(201);
    let foreign = foreign["id"].as_str().unwrap();
    let ask =
        async |method: &str, path: String, body: Json| world.as_client(&token, method, &path, &body).await;

    for (method, path, body) in [
        ("GET", format!("/v1.0/applications/{foreign}"), Json::Null),
        ("PATCH", format!("/v1.0/applications/{foreign}"), json!({"displayName": "Mine"})),
        ("DELETE", format!("/v1.0/applications/{foreign}"), Json::Null),
        ("POST", format!("/v1.0/applications/{foreign}/addPassword"), json!({})),
        ("GET", "/v1.0/applications".to_owned(), Json::Null),
    ] {
        ask(method, path, body).await.refused(403, "Authorization_RequestDenied");
    }

    let own = ask("POST", "/v1.0/applications".to_owned(), json!({"displayName": "Own"})).await.expect(201);
    let path = format!("/v1.0/applications/{}", own["id"].as_str().unwrap());
    ask("PATCH", path.clone(), json!({"displayName": "Still own"})).await.expect(204);
    let principal =
        ask("POST", "/v1.0/servicePrincipals".to_owned(), json!({"appId": own["appId"]})).await.expect(201);
    let principal = format!("/v1.0/servicePrincipals/{}", principal["id"].as_str().unwrap());
    ask("GET", principal, Json::Null).await.expect(200);
    let made = ask(
        "POST",
        format!("/v1.0/applicationTemplates/{}/instantiate", crate::world::TEMPLATE),
        json!({"displayName": "Made"}),
    );
    let made = made.await.expect(201);
    let path_of_made =
        format!("/v1.0/servicePrincipals/{}", made["servicePrincipal"]["id"].as_str().unwrap());
    ask("PATCH", path_of_made, json!({"notes": "x"})).await.expect(204);
    ask("DELETE", path, Json::Null).await.expect(204);
}
