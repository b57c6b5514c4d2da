//! One installation takes the tokens of another, whose keys it finds by itself.

use reqwest::{Client, Method};
use serde_json::{Value as Json, json};

use crate::graph::World;
use crate::serve::{CLIENT, SECRET, TENANT};

const AUDIENCE: &str = "https://graph.microsoft.com";

async fn token(issuer: &World) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}/{TENANT}/oauth2/v2.0/token", issuer.address())).form(&form);
    let answer: Json = request.send().await.unwrap().json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn status(world: &World, token: &str, method: Method, path: &str) -> u16 {
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client.request(method, format!("{}{path}", world.address())).bearer_auth(token);
    request.json(&json!({"displayName": "Made outside"})).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_trusts_another() {
    let issuer = World::start(&[]);
    let trusted = |more: &str| {
        format!(
            "[{{issuer = \"{}/{TENANT}/v2.0\", audience = [\"{AUDIENCE}\"], tenant_claim = \"tid\"{more}}}]",
            issuer.address()
        )
    };
    let token = token(&issuer).await;
    let stranger = World::start(&[]);
    assert_eq!(status(&stranger, &token, Method::GET, "/v1.0/users").await, 401);
    let by_name = World::start(&[("ENTENTE_TRUSTED_ISSUERS", &trusted(""))]);
    assert_eq!(status(&by_name, &token, Method::GET, "/v1.0/users").await, 200);
    assert_eq!(status(&by_name, &token, Method::POST, "/v1.0/applications").await, 201);
    let audits =
        by_name.get("auditLogs/directoryAudits?$filter=activityDisplayName eq 'Add application'").await;
    let name = format!("{}/{TENANT}/v2.0|{CLIENT}|", issuer.address());
    let shown = audits["value"][0]["initiatedBy"]["app"]["displayName"].as_str().unwrap();
    assert!(shown.starts_with(&name), "{shown}");
    let table = trusted(", permissions = {\"User.Read.All\" = \"User.Read.All\"}");
    let by_table = World::start(&[("ENTENTE_TRUSTED_ISSUERS", &table)]);
    assert_eq!(status(&by_table, &token, Method::GET, "/v1.0/users").await, 200);
    assert_eq!(status(&by_table, &token, Method::POST, "/v1.0/applications").await, 403);
}
