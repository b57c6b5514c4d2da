//! Who may ask, what the service says of itself, and the forms of requests and errors.

use axum::body::Body;
use http::Request;
use model::{SignedDuration, TenantId};
use serde_json::{Value as Json, json};
use server::auth::{create_tenant_token, tenant_token};

use super::{ADDRESS, ENTERPRISE, GROUP, USER, get, post, refused, send};
use crate::world::{BODY_LIMIT, CLIENT, SECRET, TENANT, World};

async fn with_token(world: &World, token: &str) -> crate::world::Answer {
    world.as_client(token, "GET", "/scim/v2/Users", &Json::Null).await
}

#[tokio::test]
async fn graph_tokens_with_the_permission_are_taken() {
    let world = World::new().await;
    let (_, token) = world.client(&["Scim.ReadWrite.All"]).await;
    with_token(&world, &token).await.expect(200);
    let (_, token) = world.client(&["User.ReadWrite.All", "Group.ReadWrite.All"]).await;
    assert!(refused(with_token(&world, &token).await, 403, "").contains("Scim.ReadWrite.All"));
    let answer = with_token(&world, "nonsense").await;
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    refused(answer, 401, "");
    let request = Request::get("http://graph.test/scim/v2/Schemas").body(Body::empty()).unwrap();
    refused(world.ask(request).await, 401, "");
}

#[tokio::test]
async fn a_tenant_token_serves_scim_alone_until_it_is_revoked() {
    let world = World::new().await;
    let token = create_tenant_token(world.api.service(), TenantId(TENANT), "HR system").await.unwrap();
    assert!(token.starts_with(&format!("entente.{TENANT}.")), "{token}");
    with_token(&world, &token).await.expect(200);
    with_token(&world, &token).await.expect(200);
    world.as_client(&token, "GET", "/v1.0/users", &Json::Null).await.expect(401);
    refused(with_token(&world, &format!("{token}x")).await, 401, "");

    let found = world.get("/v1.0/applications?$filter=displayName eq 'HR system'").await.expect(200);
    let id = found["value"][0]["id"].as_str().unwrap();
    world.delete(&format!("/v1.0/applications/{id}")).await.expect(204);
    world.clock.advance(SignedDuration::from_secs(5));
    refused(with_token(&world, &token).await, 401, "");
}

#[tokio::test]
async fn any_client_secret_makes_a_tenant_token() {
    let world = World::new().await;
    let token = tenant_token(TenantId(TENANT), CLIENT, SECRET);
    with_token(&world, &token).await.expect(200);
    let (principal, _) = world.client(&["User.Read.All"]).await;
    let principal = world.get(&format!("/v1.0/servicePrincipals/{principal}")).await.expect(200);
    let app_id = principal["appId"].as_str().unwrap();
    let application = world.get(&format!("/v1.0/applications(appId='{app_id}')")).await.expect(200);
    let path = format!("/v1.0/applications/{}/addPassword", application["id"].as_str().unwrap());
    let secret = world.post(&path, json!({})).await.expect(200)["secretText"].as_str().unwrap().to_owned();
    let token = tenant_token(TenantId(TENANT), app_id.parse().unwrap(), &secret);
    assert!(refused(with_token(&world, &token).await, 403, "").contains("Scim.ReadWrite.All"));
}

#[tokio::test]
async fn guessing_tokens_is_slowed_down() {
    let world = World::new().await;
    let wrong = tenant_token(TenantId(TENANT), CLIENT, "wrong");
    for _ in 0..20 {
        with_token(&world, &wrong).await.expect(401);
    }
    let answer = with_token(&world, &wrong).await;
    assert_ne!(answer.header("retry-after"), "");
    refused(answer, 429, "");
}

#[tokio::test]
async fn the_service_describes_itself() {
    let world = World::new().await;
    let config = get(&world, "/ServiceProviderConfig").await.expect(200);
    for (pointer, expected) in [
        ("/patch/supported", json!(true)),
        ("/bulk/supported", json!(true)),
        ("/bulk/maxPayloadSize", json!(BODY_LIMIT)),
        ("/filter/maxResults", json!(1000)),
        ("/sort/supported", json!(true)),
        ("/etag/supported", json!(true)),
        ("/changePassword/supported", json!(false)),
        ("/pagination/cursor", json!(true)),
        ("/authenticationSchemes/0/type", json!("oauthbearertoken")),
        ("/meta/location", json!(format!("{ADDRESS}/ServiceProviderConfig"))),
    ] {
        assert_eq!(config.pointer(pointer), Some(&expected), "{pointer}");
    }
    let types = get(&world, "/ResourceTypes").await.expect(200);
    assert_eq!(types["totalResults"], 2);
    assert_eq!(types["Resources"][0], get(&world, "/ResourceTypes/User").await.expect(200));
    assert_eq!(types["Resources"][0]["schemaExtensions"], json!([{"schema": ENTERPRISE, "required": false}]));
    let schemas = get(&world, "/Schemas").await.expect(200);
    assert_eq!(schemas["totalResults"], 3);
    for uri in [USER, GROUP, ENTERPRISE] {
        let schema = get(&world, &format!("/Schemas/{uri}")).await.expect(200);
        assert_eq!((&schema["id"], &schema["meta"]["resourceType"]), (&json!(uri), &json!("Schema")));
        assert!(schemas["Resources"].as_array().unwrap().contains(&schema));
    }
    refused(get(&world, "/Schemas/urn:nothing").await, 404, "");
    refused(get(&world, "/Schemas?filter=id%20pr").await, 403, "");
}

#[tokio::test]
async fn wrong_addresses_and_methods_are_told() {
    let world = World::new().await;
    assert!(refused(get(&world, "/Devices").await, 404, "").contains("/Devices"));
    refused(get(&world, "/Users/x/y").await, 404, "");
    refused(get(&world, "/Me").await, 501, "");
    let head = send(&world, "HEAD", "/Users", &[], Json::Null).await;
    assert_eq!((head.status, head.header("content-type")), (200, "application/scim+json; charset=utf-8"));
    for (method, path, allow) in [
        ("DELETE", "/Users", "GET, POST"),
        ("POST", "/Users/x", "GET, PUT, PATCH, DELETE"),
        ("GET", "/.search", "POST"),
        ("PUT", "/Schemas", "GET"),
    ] {
        let answer = send(&world, method, path, &[], Json::Null).await;
        assert_eq!(answer.header("allow"), allow);
        refused(answer, 405, "");
    }
}

#[tokio::test]
async fn bodies_are_limited_and_of_json() {
    let world = World::new().await;
    let large = json!({"userName": "x", "title": "x".repeat(BODY_LIMIT)});
    assert!(refused(post(&world, "/Users", large).await, 413, "").contains("octets"));
    let token = tenant_token(TenantId(TENANT), CLIENT, SECRET);
    let send = |kind: &'static str, body: &'static str| {
        let request = Request::post("http://graph.test/scim/v2/Users")
            .header("host", "graph.test")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        world.ask(request)
    };
    send("application/scim+json; charset=utf-8", "{\"userName\": \"a\"}").await.expect(201);
    send("application/json", "{\"userName\": \"b\"}").await.expect(201);
    refused(send("text/plain", "{\"userName\": \"c\"}").await, 415, "");
    refused(send("application/json", "{\"userName\":").await, 400, "invalidSyntax");
    refused(send("application/json", "").await, 400, "invalidSyntax");
    let deep = "[".repeat(500);
    let leaked: &'static str = Box::leak(deep.into_boxed_str());
    refused(send("application/json", leaked).await, 400, "invalidSyntax");
}
