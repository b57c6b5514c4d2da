use std::time::Duration;

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value as Json, json};
use server::Limits;

use crate::world::{BODY_LIMIT, World, user};

#[tokio::test]
async fn every_answer_carries_its_ids() {
    let world = World::new().await;
    let sent = [("client-request-id", "mine")];
    let good = world.send("GET", "/v1.0/users", &sent, &Json::Null).await;
    assert_eq!(good.header("client-request-id"), "mine");
    assert_eq!(good.header("request-id").len(), 36);
    assert!(good.header("content-type").starts_with("application/json"));
    let bad = world.send("GET", "/v1.0/users/nobody@example.com", &sent, &Json::Null).await;
    let id = bad.header("request-id").to_owned();
    let body = bad.expect(404);
    assert_eq!(body["error"]["code"], "Request_ResourceNotFound");
    assert!(body["error"]["message"].as_str().unwrap().contains("nobody@example.com"));
    let inner = &body["error"]["innerError"];
    assert_eq!((&inner["request-id"], &inner["client-request-id"]), (&json!(id), &json!("mine")));
    assert_eq!(inner["date"], "2026-01-05T08:00:00");
    let without = world.get("/v1.0/users").await;
    assert_eq!(without.header("client-request-id"), without.header("request-id"));
}

#[tokio::test]
async fn a_request_needs_a_good_token() {
    let world = World::new().await;
    for value in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", "Bearer x"] {
        let answer = world.send("GET", "/v1.0/users", &[("authorization", value)], &Json::Null).await;
        answer.refused(401, "InvalidAuthenticationToken");
    }
    let request = Request::get("/v1.0/users").body(Body::empty()).unwrap();
    world.ask(request).await.refused(401, "InvalidAuthenticationToken");
    // Nobody learns without a token which paths exist.
    let request = Request::get("/v1.0/nothing").body(Body::empty()).unwrap();
    world.ask(request).await.refused(401, "InvalidAuthenticationToken");
}

#[tokio::test]
async fn wrong_paths_methods_and_options_are_told() {
    let world = World::new().await;
    let words = world.get("/v1.0/planets").await.refused(404, "Request_ResourceNotFound");
    assert!(words.contains("'planets'"), "{words}");
    let words = world.get("/nothing/here").await.refused(404, "Request_ResourceNotFound");
    assert!(words.contains("'nothing'"), "{words}");
    let answer = world.put("/v1.0/users", json!({})).await;
    assert_eq!(answer.header("allow"), "GET, POST");
    let words = answer.refused(405, "Request_BadRequest");
    assert!(words.contains("GET, POST"), "{words}");
    let words = world.get("/v1.0/users?$fliter=x").await.refused(400, "Request_BadRequest");
    assert!(words.contains("Did you mean '$filter'?"), "{words}");
    world.get("/V1.0/USERS/?$TOP=1").await.expect(200);
}

#[tokio::test]
async fn bodies_are_json_of_a_limited_size() {
    let world = World::new().await;
    let token =
        world.sign_in(crate::world::TENANT, &crate::world::CLIENT.to_string(), crate::world::SECRET).await;
    let post = |kind: &str, body: String| {
        Request::post("/v1.0/users")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap()
    };
    let words =
        world.ask(post("application/json", "{\"a\":".to_owned())).await.refused(400, "Request_BadRequest");
    assert!(words.contains("line 1 column 5"), "{words}");
    world.ask(post("application/json", "[]".to_owned())).await.refused(400, "Request_BadRequest");
    world.ask(post("text/plain", "{}".to_owned())).await.refused(415, "Request_UnsupportedMediaType");
    // SDKs that compress bodies send them again after this.
    let compressed = [("content-encoding", "gzip")];
    let words = world.send("POST", "/v1.0/users", &compressed, &json!({})).await;
    assert!(words.refused(415, "Request_UnsupportedMediaType").contains("Content-Encoding"));
    let large = user("ada").to_string() + &" ".repeat(BODY_LIMIT);
    let words = world.ask(post("application/json", large)).await.refused(413, "Request_EntityTooLarge");
    assert!(words.contains(&BODY_LIMIT.to_string()), "{words}");
    let good = post("application/json; charset=utf-8", user("ada").to_string());
    world.ask(good).await.expect(201);
}

#[tokio::test]
async fn a_request_may_take_so_long() {
    let world =
        World::with_limits(Limits { body: BODY_LIMIT, time: Duration::from_millis(20), ..Limits::default() })
            .await;
    let token =
        world.sign_in(crate::world::TENANT, &crate::world::CLIENT.to_string(), crate::world::SECRET).await;
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/v1.0/users").header(header::AUTHORIZATION, format!("Bearer {token}"));
    world.ask(request.body(never).unwrap()).await.refused(504, "GatewayTimeout");
}

#[tokio::test]
async fn one_tenant_sees_nothing_of_another() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let other = world.other_tenant().await;
    let users = world.as_client(&other, "GET", "/v1.0/users?$count=true", &Json::Null).await.expect(200);
    assert_eq!((&users["value"], &users["@odata.count"]), (&json!([]), &json!(0)));
    for (method, path) in [
        ("GET", format!("/v1.0/users/{ada}")),
        ("PATCH", format!("/v1.0/users/{ada}")),
        ("DELETE", format!("/v1.0/users/{ada}")),
        ("GET", "/v1.0/users/ada@example.com".to_owned()),
        ("GET", format!("/v1.0/directoryObjects/{ada}")),
        ("GET", format!("/v1.0/organization/{}", crate::world::TENANT)),
    ] {
        let answer = world.as_client(&other, method, &path, &json!({})).await;
        answer.refused(404, "Request_ResourceNotFound");
    }
    // Names are unique within a tenant only.
    world.as_client(&other, "POST", "/v1.0/users", &user("ada")).await.expect(201);
    let tenant = world.as_client(&other, "GET", "/v1.0/organization", &Json::Null).await.expect(200);
    assert_eq!(tenant["value"][0]["id"], crate::world::OTHER_TENANT.to_string());
}
