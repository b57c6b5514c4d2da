use serde_json::json;

use crate::world::{World, group, ids, reference};

#[tokio::test]
async fn a_group_is_made_with_members_and_gets_more() {
    let world = World::new().await;
    let mut members = vec![world.user("ada").await, world.user("bob").await];
    let mut body = group("team");
    body["members@odata.bind"] = json!([reference(&members[0]), reference(&members[1])]);
    body["description"] = json!("A team");
    let made = world.post("/v1.0/groups", body).await.expect(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!((&made["description"], &made["groupTypes"]), (&json!("A team"), &json!([])));
    let path = format!("/v1.0/groups/{id}");
    members.sort();
    assert_eq!(ids(&world.every(&format!("{path}/members")).await), members);

    let eve = world.user("eve").await;
    let change =
        json!({"description": null, "members@odata.bind": [reference(&eve), reference(&members[0])]});
    world.patch(&path, change).await.expect(204);
    assert_eq!(world.every(&format!("{path}/members?$select=id")).await.len(), 3);
    assert!(world.get(&path).await.expect(200)["description"].is_null());
    let shown = world.get(&format!("{path}?$expand=members($select=id)&$select=id")).await.expect(200);
    assert_eq!(shown["members"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_group_with_a_bad_member_is_not_made() {
    let world = World::new().await;
    let mut body = group("team");
    body["members@odata.bind"] = json!([reference("8adf8e6e-67b2-4cf2-a259-e3dc5476c621")]);
    world.post("/v1.0/groups", body).await.refused(404, "Request_ResourceNotFound");
    assert!(world.every("/v1.0/groups").await.is_empty());
    let words =
        world.post("/v1.0/groups", json!({"displayName": "x"})).await.refused(400, "Request_BadRequest");
    assert!(words.contains("'mailEnabled'"), "{words}");
}
