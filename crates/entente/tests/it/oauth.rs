//! A target that takes tokens of its own token endpoint alone: a token is acquired by order, renewed by the job, and
//! what the endpoint replaces outlives the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method as HttpMethod, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json as JsonBody, Router};
use reqwest::{Method, Url};
use serde_json::{Value as Json, json};

use crate::graph::{Job, World};
use crate::target::Target;

const REDIRECT: &str = "https://console.example/back";
/// Seconds that a token lives.
const LIFETIME: i64 = 3600;

/// A service behind a token endpoint, which replaces a refresh token whenever it is used.
#[derive(Clone)]
struct Guard {
    base: String,
    behind: String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// Codes and refresh tokens that were not used yet.
    good: Vec<String>,
    /// The tokens that the service takes.
    tokens: Vec<String>,
    /// What was asked for, oldest first: the grant and what was shown for it.
    asked: Vec<String>,
    number: usize,
}

impl Guard {
    async fn before(target: &Target) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let behind = target.base.trim_end_matches("/v2").to_owned();
        let kept = Kept { good: vec!["c0de".to_owned()], ..Kept::default() };
        let guard = Self { base, behind, kept: Arc::new(Mutex::new(kept)) };
        let router = Router::new().route("/token", post(issue)).fallback(pass).with_state(guard.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        guard
    }

    fn asked(&self) -> Vec<String> {
        self.kept.lock().unwrap().asked.clone()
    }

    /// No token of before is taken any more.
    fn revoke(&self) {
        self.kept.lock().unwrap().tokens.clear();
    }
}

async fn issue(State(guard): State<Guard>, form: String) -> Response {
    let form = Url::parse(&format!("http://form/?{form}")).unwrap();
    let form: HashMap<String, String> = form.query_pairs().into_owned().collect();
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, JsonBody(json!({ "error": error }))).into_response();
    if (field("client_id").as_str(), field("client_secret").as_str()) != ("client", "hush hush") {
        return refuse("invalid_client");
    }
    let grant = field("grant_type");
    let shown = match grant.as_str() {
        "authorization_code" if field("redirect_uri") == REDIRECT => field("code"),
        "refresh_token" => field("refresh_token"),
        "client_credentials" => String::new(),
        _ => return refuse("unsupported_grant_type"),
    };
    let mut kept = guard.kept.lock().unwrap();
    kept.asked.push(format!("{grant} {shown}"));
    let before = kept.good.len();
    kept.good.retain(|one| *one != shown);
    let own = grant == "client_credentials";
    if !own && kept.good.len() == before {
        return refuse("invalid_grant");
    }
    kept.number += 1;
    let (token, next) = (format!("token-{}", kept.number), format!("refresh-{}", kept.number));
    kept.tokens.push(token.clone());
    let mut body = json!({ "access_token": token, "token_type": "bearer", "expires_in": LIFETIME });
    if !own {
        kept.good.push(next.clone());
        body["refresh_token"] = json!(next);
    }
    JsonBody(body).into_response()
}

async fn pass(
    State(guard): State<Guard>,
    method: HttpMethod,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let taken = guard.kept.lock().unwrap().tokens.iter().any(|token| shown == format!("Bearer {token}"));
    if !taken {
        return (StatusCode::UNAUTHORIZED, JsonBody(json!({ "detail": "no such token" }))).into_response();
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.request(method, format!("{}{uri}", guard.behind)).body(body).send().await.unwrap();
    let status = answer.status();
    (status, [(header::CONTENT_TYPE, "application/scim+json")], answer.bytes().await.unwrap()).into_response()
}

impl Job<'_> {
    async fn synchronization(&self, method: Method, rest: &str, body: Option<Json>) -> (u16, Json) {
        let path = format!("servicePrincipals/{}/synchronization/{rest}", self.principal);
        let (status, answer) = self.world.call(method, &path, body).await;
        (status.as_u16(), answer)
    }

    /// As the example of the page about `acquireAccessToken` asks, with pairs that say something.
    async fn acquire(&self, credentials: &[(&str, &str)]) -> (u16, Json) {
        let mut pairs = pairs(credentials);
        for pair in &mut pairs {
            pair["@odata.type"] = "microsoft.graph.synchronizationSecretKeyStringValuePair".into();
        }
        let body = json!({ "credentials": pairs });
        self.synchronization(Method::POST, "acquireAccessToken", Some(body)).await
    }

    async fn replace_secrets(&self, secrets: &[(&str, &str)]) {
        let body = json!({ "value": pairs(secrets) });
        assert_eq!(self.synchronization(Method::PUT, "secrets", Some(body)).await.0, 204);
    }

    /// The keys of the secrets with what is shown of them.
    async fn secrets(&self) -> HashMap<String, String> {
        let (_, list) = self.synchronization(Method::GET, "secrets", None).await;
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        list["value"].as_array().unwrap().iter().map(|one| (text(&one["key"]), text(&one["value"]))).collect()
    }
}

fn pairs(secrets: &[(&str, &str)]) -> Vec<Json> {
    secrets.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_acquired_and_renewed_and_what_replaces_it_survives_a_crash() {
    let (mut world, target) = (World::start(&[]), Target::start().await);
    let guard = Guard::before(&target).await;
    let job = world.job(&target, &[]).await;
    let base = format!("{}/v2", guard.base);
    job.replace_secrets(&[("BaseAddress", &base), ("SyncAll", "true")]).await;
    world.user("ada").await;
    let endpoint = format!("{}/token", guard.base);
    let client = [
        ("Oauth2ClientId", "client"),
        ("Oauth2ClientSecret", "hush hush"),
        ("Oauth2TokenExchangeUri", endpoint.as_str()),
    ];
    let code = [("Oauth2AuthorizationCode", "c0de"), ("Oauth2RedirectUri", REDIRECT)];
    let with_code = [client.as_slice(), &code].concat();
    assert_eq!(job.acquire(&with_code).await, (204, Json::Null));

    // Everything is kept beside what was there, what is secret is masked, and the code that was used is gone.
    let secrets = job.secrets().await;
    for key in ["Oauth2AccessToken", "Oauth2RefreshToken", "Oauth2ClientSecret"] {
        assert_eq!(secrets[key], "*", "{key}");
    }
    assert_eq!((&secrets["BaseAddress"], &secrets["Oauth2ClientId"]), (&base, &"client".to_owned()));
    assert!(secrets.contains_key("TokenExpiration") && !secrets.contains_key("Oauth2AuthorizationCode"));
    let (status, error) = job.acquire(&with_code).await;
    let words = error["error"]["message"].as_str().unwrap();
    assert!(
        status == 400 && words.contains("invalid_grant") && words.contains("good for one use"),
        "{error}"
    );
    assert!(!error.to_string().contains("c0de"), "{error}");

    job.cycle().await;
    assert_eq!(target.users().len(), 1);
    assert_eq!(guard.asked(), ["authorization_code c0de", "authorization_code c0de"]);
    // The token ends; the job renews it.
    world.advance(LIFETIME).await;
    world.user("bob").await;
    job.cycle().await;
    assert_eq!(target.users().len(), 2);
    assert_eq!(guard.asked().last().unwrap(), "refresh_token refresh-1");

    // The refresh token that took the place of the first is there after a crash.
    let (principal, id) = (job.principal.clone(), job.id.clone());
    world.crash(&[]);
    let job = Job { world: &world, principal, id };
    guard.revoke();
    world.user("cleo").await;
    job.cycle().await;
    assert_eq!(target.users().len(), 3);
    assert_eq!(guard.asked()[3..], ["refresh_token refresh-2"]);
    let status = job.status().await;
    assert_eq!(
        (&status["lastExecution"]["state"], &status["quarantine"]),
        (&json!("Succeeded"), &Json::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_acquired_by_the_clients_own_credentials() {
    let (world, target) = (World::start(&[]), Target::start().await);
    let guard = Guard::before(&target).await;
    let job = world.job(&target, &[]).await;
    job.replace_secrets(&[("BaseAddress", &format!("{}/v2", guard.base)), ("SyncAll", "true")]).await;
    let endpoint = format!("{}/token", guard.base);
    let (status, error) = job.acquire(&[("Oauth2ClientId", "client")]).await;
    assert_eq!((status, &error["error"]["code"]), (400, &json!("CredentialsMissing")), "{error}");
    assert!(error["error"]["message"].as_str().unwrap().contains("Oauth2TokenExchangeUri"), "{error}");
    let with = |secret| {
        [("Oauth2ClientId", "client"), ("Oauth2ClientSecret", secret), ("Oauth2TokenExchangeUri", &endpoint)]
    };
    let (status, error) = job.acquire(&with("wrong")).await;
    assert!(status == 400 && error.to_string().contains("invalid_client"), "{error}");
    assert!(!job.secrets().await.contains_key("Oauth2ClientId"), "what was refused is not kept");

    assert_eq!(job.acquire(&with("hush hush")).await.0, 204);
    let page = world.get("auditLogs/directoryAudits?$top=200").await;
    let all = page["value"].as_array().unwrap().iter();
    let acquired = all.filter(|one| one["activityDisplayName"] == "Acquire synchronization access token");
    let targets: Vec<_> = acquired.map(|one| one["targetResources"][0]["id"].clone()).collect();
    assert_eq!(targets, [json!(job.principal)], "what was refused left no record");
    world.user("ada").await;
    job.cycle().await;
    assert_eq!((target.users().len(), guard.asked().len()), (1, 1));
    // A token that the target refuses before its time is renewed without anybody's help.
    guard.revoke();
    world.user("bob").await;
    job.cycle().await;
    assert_eq!((target.users().len(), guard.asked().len()), (2, 2));
}
