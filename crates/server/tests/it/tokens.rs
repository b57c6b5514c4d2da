use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use model::SignedDuration;
use serde_json::{Value as Json, json};

use crate::world::{CLIENT, OTHER_TENANT, SECRET, TENANT, World};

fn claims(token: &str) -> Json {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn form(client: &str, secret: &str) -> String {
    format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&scope=x/.default")
}

#[tokio::test]
async fn a_client_gets_a_token_for_an_hour() {
    let world = World::new().await;
    let token = world.sign_in(TENANT, &CLIENT.to_string(), SECRET).await;
    let claims = claims(&token);
    assert_eq!(claims["tid"], TENANT.to_string());
    assert_eq!(claims["appid"], CLIENT.to_string());
    assert!(claims["roles"].as_array().unwrap().contains(&json!("User.ReadWrite.All")));
    world.as_client(&token, "GET", "/v1.0/users", &Json::Null).await.expect(200);
    world.clock.advance(SignedDuration::from_mins(62));
    let answer = world.as_client(&token, "GET", "/v1.0/users", &Json::Null).await;
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    assert!(answer.refused(401, "InvalidAuthenticationToken").contains("expired"));
}

#[tokio::test]
async fn the_client_may_identify_itself_by_basic_authentication_at_either_endpoint() {
    let world = World::new().await;
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{}", SECRET.replace(' ', "+"))));
    let form = "grant_type=client_credentials&scope=https://graph.microsoft.com/.default";
    let answer = world.token(&format!("/{TENANT}/oauth2/v2.0/token"), form, Some(&basic)).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.expect(200)["token_type"], "Bearer");
    let form = "grant_type=client_credentials&resource=https://graph.microsoft.com";
    world.token(&format!("/{TENANT}/oauth2/token"), form, Some(&basic)).await.expect(200);
    // By the tenant's domain.
    let path = format!("/{}.example/oauth2/token", TENANT.simple());
    world.token(&path, form, Some(&basic)).await.expect(200);
}

#[tokio::test]
async fn what_is_wrong_is_told_as_clients_know_it() {
    let world = World::new().await;
    let client = CLIENT.to_string();
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    for (path, form, status, error, code) in [
        (path.clone(), form(&client, "wrong"), 401, "invalid_client", "AADSTS7000215"),
        (path.clone(), form(&TENANT.to_string(), SECRET), 401, "invalid_client", "AADSTS7000215"),
        (
            path.clone(),
            form(&client, "wrong").replace("client_credentials", "password"),
            400,
            "unsupported_grant_type",
            "AADSTS70003",
        ),
        (
            path.clone(),
            form(&client, "wrong").replace("x/.default", "User.Read"),
            400,
            "invalid_scope",
            "AADSTS1002012",
        ),
        (path.clone(), "grant_type=client_credentials".to_owned(), 400, "invalid_request", "AADSTS900144"),
        (
            format!("/{OTHER_TENANT}/oauth2/v2.0/token"),
            form(&client, "x"),
            400,
            "invalid_request",
            "AADSTS90002",
        ),
        (
            "/nowhere.example/oauth2/v2.0/token".to_owned(),
            form(&client, "x"),
            400,
            "invalid_request",
            "AADSTS90002",
        ),
    ] {
        let body = world.token(&path, &form, None).await.expect(status);
        assert_eq!(body["error"], error);
        assert!(body["error_description"].as_str().unwrap().starts_with(code), "{body}");
    }
}

#[tokio::test]
async fn guessing_is_throttled() {
    let world = World::new().await;
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    let guess = form("00000000-0000-0000-0000-00000000beef", "x");
    for _ in 0..20 {
        world.token(&path, &guess, None).await.expect(401);
    }
    let answer = world.token(&path, &guess, None).await;
    assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 60);
    answer.expect(429);
    // Others sign in as before.
    world.sign_in(TENANT, &CLIENT.to_string(), SECRET).await;
}

#[tokio::test]
async fn a_secret_ends_when_it_is_removed_or_the_client_is_disabled() {
    let world = World::new().await;
    let application = world.post("/beta/applications", json!({"displayName": "Client"})).await.expect(201);
    let (id, app_id) = (application["id"].as_str().unwrap(), application["appId"].as_str().unwrap());
    let principal = world.post("/beta/servicePrincipals", json!({"appId": app_id})).await.expect(201);
    let add = format!("/beta/applications/{id}/addPassword");
    let first = world.post(&add, json!({"passwordCredential": {"displayName": "one"}})).await.expect(200);
    let second = world.post(&add, json!({})).await.expect(200);
    assert_eq!(first["displayName"], "one");
    assert!(first["secretText"].as_str().unwrap().starts_with(first["hint"].as_str().unwrap()));
    let (first_secret, second_secret) =
        (first["secretText"].as_str().unwrap(), second["secretText"].as_str().unwrap());

    // Neither hash nor secret is ever shown.
    let shown = world.get(&format!("/beta/applications/{id}")).await.expect(200);
    assert_eq!(shown["passwordCredentials"].as_array().unwrap().len(), 2);
    assert!(!shown.to_string().contains("argon2") && !shown.to_string().contains(first_secret));

    world.sign_in(TENANT, app_id, first_secret).await;
    let remove = format!("/beta/applications/{id}/removePassword");
    world.post(&remove, json!({"keyId": first["keyId"]})).await.expect(204);
    world.post(&remove, json!({"keyId": first["keyId"]})).await.refused(404, "Request_ResourceNotFound");
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    world.token(&path, &form(app_id, first_secret), None).await.expect(401);

    world.sign_in(TENANT, app_id, second_secret).await;
    let path_of_principal = format!("/beta/servicePrincipals/{}", principal["id"].as_str().unwrap());
    world.patch(&path_of_principal, json!({"accountEnabled": false})).await.expect(204);
    world.token(&path, &form(app_id, second_secret), None).await.expect(401);

    let late = json!({"passwordCredential": {"endDateTime": "2020-01-01T00:00:00Z"}});
    let words = world.post(&add, late).await.refused(400, "Request_BadRequest");
    assert!(words.contains("passwordCredential.endDateTime"), "{words}");
}

#[tokio::test]
async fn clients_find_issuer_and_keys() {
    let world = World::new().await;
    let metadata = world.get(&format!("/{TENANT}/v2.0/.well-known/openid-configuration")).await.expect(200);
    assert_eq!(metadata["issuer"], format!("http://graph.test/{TENANT}/v2.0"));
    assert_eq!(metadata["token_endpoint"], format!("http://graph.test/{TENANT}/oauth2/v2.0/token"));
    let token = world.sign_in(TENANT, &CLIENT.to_string(), SECRET).await;
    assert_eq!(claims(&token)["iss"], metadata["issuer"]);
    let keys = world.get(&format!("/{TENANT}/discovery/v2.0/keys")).await.expect(200);
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Json = serde_json::from_slice(&header).unwrap();
    assert_eq!((&keys["keys"][0]["kid"], &keys["keys"][0]["crv"]), (&header["kid"], &json!("P-256")));
}
