//! Several requests in one.

use serde_json::{Value as Json, json};

use super::{ENTERPRISE, get, members, post, refused, sorted, user};
use crate::world::World;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

async fn bulk(world: &World, operations: Json) -> Json {
    let body = json!({"schemas": [BULK], "Operations": operations});
    post(world, "/Bulk", body).await.expect(200)["Operations"].take()
}

fn statuses(results: &Json) -> Vec<&str> {
    results.as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn operations_refer_to_what_others_make() {
    let world = World::new().await;
    let old = user(&world, "old").await;
    let results = bulk(
        &world,
        json!([
            {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "Crew", "members": [{"value": "bulkId:a"}, {"value": old}]}},
            {"method": "post", "path": "/Users", "bulkId": "a", "data": {"userName": "ada"}},
            {"method": "PATCH", "path": "/Users/bulkId:a", "data": {"Operations": [{"op": "add", "path": "title", "value": "T"}]}},
            {"method": "PUT", "path": format!("/Users/{old}"), "data": {"userName": "older"}},
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"Operations": [{"op": "add", "path": "externalId", "value": "e"}]}},
            {"method": "DELETE", "path": format!("/Users/{old}")}
        ]),
    )
    .await;
    assert_eq!(statuses(&results), ["201", "201", "200", "200", "200", "204"]);
    let id = |place: usize| {
        let location = results[place]["location"].as_str().unwrap();
        location.rsplit_once('/').unwrap().1.to_owned()
    };
    assert_eq!((&results[0]["bulkId"], &results[1]["method"]), (&json!("g"), &json!("POST")));
    assert_eq!(members(&world, &id(0)).await, [id(1)]);
    assert_eq!(get(&world, &format!("/Users/{}", id(1))).await.expect(200)["title"], "T");
    assert!(results[1]["version"].as_str().unwrap().starts_with("W/"));
    assert_eq!(results[1].get("response"), None);
}

#[tokio::test]
async fn what_fails_is_told_and_the_rest_goes_on_as_long_as_the_client_wants() {
    let world = World::new().await;
    let operations = json!([
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "ada"}},
        {"method": "POST", "path": "/Users", "bulkId": "2", "data": {"userName": "ada"}},
        {"method": "POST", "path": "/Users", "data": {"userName": "bob"}},
        {"method": "GET", "path": "/Users"},
        {"method": "POST", "path": "/Bulk", "bulkId": "3", "data": {}},
        {"method": "DELETE", "path": "/Users/x"},
        {"method": "DELETE", "path": "/Users/bulkId:9"},
        {"method": "POST", "path": "/Users", "bulkId": "4", "data": {"userName": "cat"}}
    ]);
    let results = bulk(&world, operations.clone()).await;
    assert_eq!(statuses(&results), ["201", "409", "400", "400", "400", "404", "409", "201"]);
    let twice = json!([
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "eve"}},
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "fay"}}
    ]);
    let answer = post(&world, "/Bulk", json!({"schemas": [BULK], "Operations": twice})).await;
    assert_eq!((answer.status, &answer.body["scimType"]), (400, &json!("invalidSyntax")));
    assert_eq!(results[1]["response"]["scimType"], "uniqueness");
    assert_eq!(results[5]["location"], Json::Null);
    assert!(results[6]["response"]["detail"].as_str().unwrap().contains("bulkId:9"));
    let body = json!({"schemas": [BULK], "failOnErrors": 2, "Operations": operations});
    let results = post(&world, "/Bulk", body).await.expect(200)["Operations"].take();
    assert_eq!(statuses(&results), ["409", "409"]);
}

#[tokio::test]
async fn operations_that_refer_to_each_other_are_done() {
    let world = World::new().await;
    let manager = |name: &str| json!({"manager": {"value": format!("bulkId:{name}")}});
    let results = bulk(
        &world,
        json!([
            {"method": "POST", "path": "/Groups", "bulkId": "a", "data": {"displayName": "A", "members": [{"value": "bulkId:b"}, {"value": "bulkId:u"}]}},
            {"method": "POST", "path": "/Groups", "bulkId": "b", "data": {"displayName": "B", "members": [{"value": "bulkId:a"}]}},
            {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "ada", ENTERPRISE: manager("v")}},
            {"method": "POST", "path": "/Users", "bulkId": "v", "data": {"userName": "bob", ENTERPRISE: manager("u")}}
        ]),
    )
    .await;
    assert_eq!(statuses(&results), ["201", "201", "201", "201"], "{results:#}");
    let id = |place: usize| {
        let location = results[place]["location"].as_str().unwrap();
        location.rsplit_once('/').unwrap().1.to_owned()
    };
    assert_eq!(members(&world, &id(0)).await, sorted(&[&id(1), &id(2)]));
    assert_eq!(members(&world, &id(1)).await, [id(0)]);
    for (user, boss) in [(2, 3), (3, 2)] {
        let read = get(&world, &format!("/Users/{}", id(user))).await;
        assert_eq!(read.body[ENTERPRISE]["manager"]["value"], json!(id(boss)));
        assert_eq!(results[user]["version"], read.header("etag"));
    }
}

#[tokio::test]
async fn what_cannot_have_its_references_is_not_made() {
    let world = World::new().await;
    user(&world, "taken").await;
    let manager = |name: &str| json!({"manager": {"value": format!("bulkId:{name}")}});
    let results = bulk(
        &world,
        json!([
            {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "taken", ENTERPRISE: manager("v")}},
            {"method": "POST", "path": "/Users", "bulkId": "v", "data": {"userName": "new", ENTERPRISE: manager("u")}},
            {"method": "POST", "path": "/Users", "bulkId": "w", "data": {"userName": "alone", ENTERPRISE: manager("w")}},
            {"method": "POST", "path": "/Users", "bulkId": "x", "data": {"userName": "x", "title": "bulkId:y"}},
            {"method": "POST", "path": "/Users", "bulkId": "y", "data": {"userName": "y", "title": "bulkId:x"}}
        ]),
    )
    .await;
    assert_eq!(statuses(&results), ["409", "409", "400", "409", "409"], "{results:#}");
    assert!(results[1]["response"]["detail"].as_str().unwrap().contains("bulkId:u"), "{results:#}");
    assert_eq!((results[1].get("location"), results[2].get("version")), (None, None));
    let left = get(&world, "/Users?sortBy=userName").await.expect(200);
    assert_eq!(super::values(&left, "userName"), ["taken"]);
    assert_eq!(
        world.get("/v1.0/directory/deletedItems/microsoft.graph.user").await.expect(200)["value"],
        json!([])
    );
}

#[tokio::test]
async fn bulk_requests_are_limited_and_of_their_schema() {
    let world = World::new().await;
    let many: Vec<Json> = (0..1001).map(|_| json!({"method": "DELETE", "path": "/Users/x"})).collect();
    assert!(
        refused(post(&world, "/Bulk", json!({"Operations": many})).await, 413, "").contains("maxOperations")
    );
    let other = json!({"schemas": [super::PATCH], "Operations": []});
    assert!(refused(post(&world, "/Bulk", other).await, 400, "invalidSyntax").contains(BULK));
}
