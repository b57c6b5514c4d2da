use serde_json::{Value as Json, json};

use crate::world::{World, ids, reference, user};

#[tokio::test]
async fn what_is_deleted_can_be_restored() {
    let world = World::new().await;
    let (ada, team) = (world.user("ada").await, world.group("team").await);
    world
        .post(&format!("/v1.0/groups/{team}/members/$ref"), json!({"@odata.id": reference(&ada)}))
        .await
        .expect(204);
    world.delete(&format!("/v1.0/users/{ada}")).await.expect(204);
    let bin = "/v1.0/directory/deletedItems";
    let deleted = world.every(&format!("{bin}/microsoft.graph.user")).await;
    assert_eq!(ids(&deleted), [ada.as_str()]);
    assert_eq!(deleted[0]["@odata.type"], "#microsoft.graph.user");
    assert!(deleted[0]["deletedDateTime"].is_string());
    let shown = world.get(&format!("{bin}/{ada}?$select=id,deletedDateTime")).await.expect(200);
    assert!(shown["deletedDateTime"].as_str().unwrap().starts_with("2026-01-05T08:00:"));
    assert!(world.every(&format!("{bin}/microsoft.graph.group")).await.is_empty());
    world.get(bin).await.refused(400, "Request_BadRequest");

    let restored = world.post(&format!("{bin}/{ada}/restore"), Json::Null).await.expect(200);
    assert_eq!(restored["id"], ada);
    world.get(&format!("/v1.0/users/{ada}")).await.expect(200);
    assert_eq!(ids(&world.every(&format!("/v1.0/groups/{team}/members")).await), [ada.as_str()]);
    world.post(&format!("{bin}/{ada}/restore"), Json::Null).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn what_is_purged_is_gone() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let item = format!("/v1.0/directory/deletedItems/{ada}");
    world.delete(&item).await.refused(404, "Request_ResourceNotFound");
    world.delete(&format!("/v1.0/users/{ada}")).await.expect(204);
    // Its name is free while it is in the bin, and then it cannot come back.
    world.post("/v1.0/users", user("ada")).await.expect(201);
    world.post(&format!("{item}/restore"), Json::Null).await.refused(400, "Request_BadRequest");
    world.delete(&item).await.expect(204);
    world.get(&item).await.refused(404, "Request_ResourceNotFound");
}
