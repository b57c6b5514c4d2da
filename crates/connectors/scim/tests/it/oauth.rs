//! Tokens from a token endpoint.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use connector::{
    Configuration, ConnectorError, ErrorClass, Factory as _, SecretChanges, SecretKeeper, Target,
    TokenClient as _,
};
use connector_scim::ScimFactory;
use model::secrets::Secrets;
use model::{Anchor, FailureCode, ServicePrincipalId, SignedDuration, SystemEntropy, TenantId};
use serde_json::json;
use testkit::SimulatedClock;

use super::fake::{Fake, Reply, Request};
use super::{USER, changes, configuration, selection};

/// The fields of a form.
fn form(request: &Request) -> HashMap<String, String> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pairs = request.text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn issued(token: &str, lifetime: u64) -> Reply {
    Reply::json(200, &json!({"access_token": token, "token_type": "Bearer", "expires_in": lifetime}))
}

/// A service with its token endpoint, which issues `token-1`, `token-2` and so on. The service takes the tokens that a
/// function accepts.
async fn service(lifetime: u64, takes: impl Fn(&str) -> bool + Send + Sync + 'static) -> Fake {
    let count = AtomicUsize::new(0);
    Fake::start(move |request| {
        if request.is("POST /v2/token") {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            return Some(issued(&format!("token-{number}"), lifetime));
        }
        let token = request.header("authorization").unwrap_or("").trim_start_matches("Bearer ");
        if !takes(token) {
            return Some(Reply::json(401, &json!({"detail": "no such token"})));
        }
        match &request.line {
            line if line.starts_with("GET /v2/Users/") => Some(Reply::json(200, &json!({"id": "1"}))),
            line if line.starts_with("GET /v2/Users?") => Some(Reply::list(&[])),
            line if line.starts_with("PATCH") => Some(Reply::empty(204)),
            _ => None,
        }
    })
    .await
}

fn signed(fake: &Fake, secrets: &[(&str, &str)]) -> Configuration {
    let mut configuration = configuration(&fake.base(), &[("Oauth2Scope", "scim read&write")]);
    configuration.secrets.set("SecretToken", "");
    configuration.secrets.set("Oauth2TokenExchangeUri", format!("{}/token", fake.base()));
    configuration.secrets.set("Oauth2ClientId", "client");
    for (key, value) in secrets {
        configuration.secrets.set(*key, *value);
    }
    configuration
}

fn factory(clock: &Arc<SimulatedClock>) -> ScimFactory {
    ScimFactory::new(clock.clone(), Arc::new(SystemEntropy))
}

fn clock() -> Arc<SimulatedClock> {
    Arc::new(SimulatedClock::at("2026-03-01T12:00:00Z".parse().unwrap()))
}

async fn read(target: &dyn Target) -> Result<(), ConnectorError> {
    target.read(&selection(USER, &[]), &Anchor::new("1")).await.map(drop)
}

/// The requests for tokens.
fn asked(fake: &Fake) -> Vec<Request> {
    fake.requests().into_iter().filter(|request| request.is("POST /v2/token")).collect()
}

/// The tokens that the service's own requests came with.
fn shown(fake: &Fake) -> Vec<String> {
    let own = fake.requests().into_iter().filter(|request| !request.is("POST /v2/token"));
    own.map(|request| request.header("authorization").unwrap().to_owned()).collect()
}

const SECRET: [(&str, &str); 1] = [("Oauth2ClientSecret", "hush hush")];

#[tokio::test]
async fn a_token_is_fetched_before_the_first_request_and_renewed_before_it_ends() {
    let fake = service(3600, |_| true).await;
    let clock = clock();
    let factory = factory(&clock);
    let configuration = signed(&fake, &SECRET);
    let target = factory.target(&configuration).await.unwrap();
    target.check().await.unwrap();
    read(&*target).await.unwrap();
    assert_eq!(shown(&fake), ["Bearer token-1"; 2]);
    let [request] = asked(&fake).try_into().unwrap();
    let expected = [
        ("grant_type", "client_credentials"),
        ("client_id", "client"),
        ("client_secret", "hush hush"),
        ("scope", "scim read&write"),
    ];
    assert_eq!(form(&request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("authorization"), None);
    // Another target of the same client goes on with the same token, until a minute before its end.
    let target = factory.target(&configuration).await.unwrap();
    clock.advance(SignedDuration::from_secs(3539));
    read(&*target).await.unwrap();
    clock.advance(SignedDuration::from_secs(1));
    read(&*target).await.unwrap();
    assert_eq!(shown(&fake)[2..], ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn a_token_that_lives_short_is_used_all_the_same() {
    let fake = service(10, |_| true).await;
    let clock = clock();
    let target = factory(&clock).target(&signed(&fake, &SECRET)).await.unwrap();
    read(&*target).await.unwrap();
    clock.advance(SignedDuration::from_secs(4));
    read(&*target).await.unwrap();
    clock.advance(SignedDuration::from_secs(1));
    read(&*target).await.unwrap();
    assert_eq!(shown(&fake), ["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn many_requests_at_once_share_one_token() {
    let fake = service(3600, |token| token != "token-1").await;
    let target = factory(&clock()).target(&signed(&fake, &SECRET)).await.unwrap();
    let change = changes(&[("title", "old".into(), "new".into())]);
    let requests = (0..24).map(|number| {
        let (target, change) = (target.clone(), change.clone());
        tokio::spawn(async move {
            if number % 2 == 0 {
                read(&*target).await
            } else {
                target.update(&selection(USER, &[]), &Anchor::new("1"), &change).await.map(drop)
            }
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap().unwrap();
    }
    // One before the first request, one after the service refused it.
    assert_eq!(asked(&fake).len(), 2);
    // What was refused went out once more, as it was.
    let patches: Vec<_> = fake.requests().into_iter().filter(|request| request.is("PATCH")).collect();
    let taken = patches.iter().filter(|request| request.header("authorization") == Some("Bearer token-2"));
    assert_eq!(taken.count(), 12);
    assert!(patches.iter().all(|request| request.body == patches[0].body));
}

#[tokio::test]
async fn a_service_that_refuses_every_token_is_not_asked_forever() {
    let fake = service(3600, |_| false).await;
    let target = factory(&clock()).target(&signed(&fake, &SECRET)).await.unwrap();
    let error = target.check().await.unwrap_err();
    assert_eq!((&error.class, error.code), (&ErrorClass::Unauthorized, FailureCode::InvalidCredentials));
    assert!(error.detail.contains("401 Unauthorized with \"no such token\""), "{error}");
    assert_eq!((asked(&fake).len(), shown(&fake).len()), (2, 2));
}

#[tokio::test]
async fn a_refused_client_is_told_what_to_correct_and_asks_once() {
    let refusal = json!({"error": "invalid_client", "error_description": "hush hush is not it"});
    for (secrets, status, advice) in [
        (vec![SECRET[0]], 401, "check Oauth2ClientId, Oauth2ClientSecret and the scope"),
        (vec![SECRET[0], ("Oauth2RefreshToken", "old")], 400, "sign in at the service again"),
        (vec![("Oauth2AuthorizationCode", "hush hush")], 400, "good for one use"),
    ] {
        let refusal = refusal.clone();
        let fake =
            Fake::start(move |request| request.is("POST /v2/token").then(|| Reply::json(status, &refusal)))
                .await;
        let clock = clock();
        let target = factory(&clock).target(&signed(&fake, &secrets)).await.unwrap();
        // All begin before the first one gets its answer.
        let results = tokio::join!(target.check(), target.check(), read(&*target), read(&*target));
        for result in [results.0, results.1, results.2, results.3] {
            let error = result.unwrap_err();
            assert_eq!(
                (&error.class, error.code),
                (&ErrorClass::Unauthorized, FailureCode::InvalidCredentials)
            );
            assert!(error.detail.contains("/v2/token answered 4"), "{error}");
            assert!(error.detail.contains("invalid_client") && error.detail.contains(advice), "{error}");
            assert!(!error.detail.contains("hush hush is"), "{error}");
        }
        assert_eq!((asked(&fake).len(), shown(&fake).len()), (1, 0));
        clock.advance(SignedDuration::from_secs(10));
        assert_eq!(target.check().await.unwrap_err().class, ErrorClass::Unauthorized);
        assert_eq!(asked(&fake).len(), 2);
    }
}

#[tokio::test]
async fn a_token_endpoint_in_trouble_is_told_from_one_that_refuses() {
    let json = |body: serde_json::Value| Reply::json(200, &body);
    for (reply, class, words) in [
        (
            Reply::new(429, &["Retry-After: 5"], ""),
            ErrorClass::Throttled { after: Some(Duration::from_secs(5)) },
            "429",
        ),
        (Reply::empty(503), ErrorClass::Retry { after: None }, "503"),
        (Reply::empty(404), ErrorClass::Unavailable, "correct Oauth2TokenExchangeUri"),
        (Reply::new(302, &["Location: /elsewhere"], ""), ErrorClass::Unavailable, "302"),
        (Reply::new(200, &[], "<html>"), ErrorClass::Unavailable, "something else than a JSON object"),
        (json(json!({"token": "t0ps3cret"})), ErrorClass::Unavailable, "something else than a JSON object"),
        (json(json!({"access_token": "t0p s3cret"})), ErrorClass::Unavailable, "cannot be sent in a header"),
        (
            json(json!({"access_token": "t0ps3cret", "token_type": "mac"})),
            ErrorClass::Unavailable,
            "no bearer token",
        ),
    ] {
        let fake = Fake::start(move |request| request.is("POST /v2/token").then(|| reply.clone())).await;
        let target = factory(&clock()).target(&signed(&fake, &SECRET)).await.unwrap();
        let error = target.check().await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.detail.contains(words) && error.detail.contains("/v2/token"), "{error}");
        assert!(!error.detail.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_refresh_token_that_is_replaced_is_not_used_again() {
    let count = AtomicUsize::new(0);
    let fake = Fake::start(move |request| {
        if !request.is("POST /v2/token") {
            return Some(Reply::json(200, &json!({"id": "1"})));
        }
        let number = count.fetch_add(1, Ordering::Relaxed);
        let fields = form(request);
        let expected = if number == 0 { "first".to_owned() } else { format!("next-{number}") };
        assert_eq!((fields["grant_type"].as_str(), &fields["refresh_token"]), ("refresh_token", &expected));
        let next = format!("next-{}", number + 1);
        // Some services send numbers as texts.
        let body =
            json!({"access_token": format!("token-{number}"), "refresh_token": next, "expires_in": "600"});
        Some(Reply::json(200, &body))
    })
    .await;
    let clock = clock();
    let factory = factory(&clock);
    let configuration = signed(&fake, &[("Oauth2RefreshToken", "first")]);
    for _ in 0..3 {
        read(&*factory.target(&configuration).await.unwrap()).await.unwrap();
        clock.advance(SignedDuration::from_secs(600));
    }
    assert_eq!(shown(&fake), ["Bearer token-0", "Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn a_token_that_was_acquired_before_is_used_until_it_ends() {
    let fake = service(3600, |token| token.starts_with("token-") || token == "acquired").await;
    let clock = clock();
    let kept = [SECRET[0], ("Oauth2AccessToken", "acquired"), ("TokenExpiration", "2026-03-01T12:10:00Z")];
    let target = factory(&clock).target(&signed(&fake, &kept)).await.unwrap();
    read(&*target).await.unwrap();
    clock.advance(SignedDuration::from_secs(540));
    read(&*target).await.unwrap();
    assert_eq!(shown(&fake), ["Bearer acquired", "Bearer token-1"]);
    // Without a token endpoint it is a bearer token like any other.
    let mut alone = configuration(&fake.base(), &[]);
    alone.secrets = [("BaseAddress".to_owned(), fake.base())].into_iter().collect();
    alone.secrets.set("Oauth2AccessToken", "acquired");
    let target = factory(&clock).target(&alone).await.unwrap();
    read(&*target).await.unwrap();
    assert_eq!(shown(&fake).last().unwrap(), "Bearer acquired");
}

/// Keeps secrets in memory, as the engine does in its store.
#[derive(Default)]
struct Keeper {
    secrets: Mutex<Secrets>,
    /// True where nothing can be kept.
    failing: AtomicBool,
}

#[async_trait]
impl SecretKeeper for Keeper {
    async fn keep(
        &self,
        _: TenantId,
        _: ServicePrincipalId,
        (key, value): (&str, &str),
        changes: &SecretChanges,
    ) -> connector::Result<bool> {
        if self.failing.load(Ordering::Relaxed) {
            return Err(ConnectorError::new(ErrorClass::Retry { after: None }, "the store is busy"));
        }
        let mut secrets = self.secrets.lock().unwrap();
        if secrets.get(key) != Some(value) {
            return Ok(false);
        }
        for (key, value) in changes {
            secrets.set(*key, value.as_str());
        }
        Ok(true)
    }
}

impl Keeper {
    fn of(configuration: &Configuration) -> Arc<Self> {
        Arc::new(Self { secrets: Mutex::new(configuration.secrets.clone()), failing: AtomicBool::new(false) })
    }

    fn secret(&self, key: &str) -> Option<String> {
        self.secrets.lock().unwrap().get(key).map(str::to_owned)
    }

    /// The configuration with the secrets as they are kept now.
    fn now(&self, configuration: &Configuration) -> Configuration {
        Configuration { secrets: self.secrets.lock().unwrap().clone(), ..configuration.clone() }
    }
}

/// A token endpoint that replaces the refresh token with every token, and takes each one time: `refresh-0` first.
async fn rotating() -> Fake {
    let count = AtomicUsize::new(0);
    Fake::start(move |request| {
        if !request.is("POST /v2/token") {
            return Some(Reply::json(200, &json!({"id": "1"})));
        }
        let number = count.load(Ordering::Relaxed);
        let fields = form(request);
        let shown = fields.get("refresh_token").or_else(|| fields.get("code"));
        if shown != Some(&format!("refresh-{number}")) {
            return Some(Reply::json(400, &json!({"error": "invalid_grant"})));
        }
        count.fetch_add(1, Ordering::Relaxed);
        let body = json!({
            "access_token": format!("token-{number}"), "refresh_token": format!("refresh-{}", number + 1),
            "expires_in": 600,
        });
        Some(Reply::json(200, &body))
    })
    .await
}

#[tokio::test]
async fn a_refresh_token_that_was_replaced_survives_the_process() {
    let fake = rotating().await;
    let clock = clock();
    let first = signed(&fake, &[("Oauth2RefreshToken", "refresh-0")]);
    let keeper = Keeper::of(&first);
    let one = factory(&clock).keeping(keeper.clone());
    read(&*one.target(&first).await.unwrap()).await.unwrap();
    assert_eq!(keeper.secret("Oauth2RefreshToken").unwrap(), "refresh-1");
    assert_eq!(keeper.secret("Oauth2AccessToken").unwrap(), "token-0");
    assert_eq!(keeper.secret("TokenExpiration").unwrap(), "2026-03-01T12:10:00Z");

    // The next process goes on with the token, then with the refresh token that took the place of the first.
    let two = factory(&clock).keeping(keeper.clone());
    read(&*two.target(&keeper.now(&first)).await.unwrap()).await.unwrap();
    assert_eq!(asked(&fake).len(), 1);
    clock.advance(SignedDuration::from_secs(600));
    read(&*two.target(&keeper.now(&first)).await.unwrap()).await.unwrap();
    assert_eq!(keeper.secret("Oauth2RefreshToken").unwrap(), "refresh-2");
    // Whoever read the secrets before shares the tokens with whoever reads them now.
    read(&*two.target(&keeper.now(&first)).await.unwrap()).await.unwrap();
    clock.advance(SignedDuration::from_secs(600));
    let (late, early) =
        (two.target(&keeper.now(&first)).await.unwrap(), two.target(&keeper.now(&first)).await.unwrap());
    let (one, other) = tokio::join!(read(&*late), read(&*early));
    one.and(other).unwrap();
    assert_eq!(
        (asked(&fake).len(), keeper.secret("Oauth2RefreshToken").unwrap()),
        (3, "refresh-3".to_owned())
    );
}

#[tokio::test]
async fn what_cannot_be_kept_is_kept_with_the_next_request() {
    let fake = rotating().await;
    let clock = clock();
    let first = signed(&fake, &[("Oauth2RefreshToken", "refresh-0")]);
    let keeper = Keeper::of(&first);
    keeper.failing.store(true, Ordering::Relaxed);
    let factory = factory(&clock).keeping(keeper.clone());
    let target = factory.target(&first).await.unwrap();
    read(&*target).await.unwrap();
    clock.advance(SignedDuration::from_secs(600));
    read(&*target).await.unwrap();
    assert_eq!(keeper.secret("Oauth2RefreshToken").unwrap(), "refresh-0");
    keeper.failing.store(false, Ordering::Relaxed);
    read(&*target).await.unwrap();
    assert_eq!(keeper.secret("Oauth2RefreshToken").unwrap(), "refresh-2");
    assert_eq!(asked(&fake).len(), 2);
}

#[tokio::test]
async fn secrets_that_a_person_saved_meanwhile_stay() {
    let fake = rotating().await;
    let clock = clock();
    let first = signed(&fake, &[("Oauth2RefreshToken", "refresh-0")]);
    let keeper = Keeper::of(&first);
    let factory = factory(&clock).keeping(keeper.clone());
    let target = factory.target(&first).await.unwrap();
    keeper.secrets.lock().unwrap().set("Oauth2RefreshToken", "by hand");
    read(&*target).await.unwrap();
    assert_eq!(keeper.secret("Oauth2RefreshToken").unwrap(), "by hand");
    assert_eq!(keeper.secret("Oauth2AccessToken"), None);
    // The new secrets are another client's.
    let error = read(&*factory.target(&keeper.now(&first)).await.unwrap()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unauthorized);
}

#[tokio::test]
async fn tokens_are_acquired_by_order() {
    let fake = rotating().await;
    let clock = clock();
    let factory = factory(&clock);
    let code = ("Oauth2AuthorizationCode", "refresh-0");
    let sent = signed(
        &fake,
        &[SECRET[0], code, ("Oauth2RedirectUri", "https://me/back?x=1"), ("Oauth2RefreshToken", "old")],
    );
    factory.validate(&sent).unwrap();
    let changes = factory.acquire(&sent).await.unwrap();
    let [request] = asked(&fake).try_into().unwrap();
    let fields = form(&request);
    assert_eq!(
        (fields["grant_type"].as_str(), fields["code"].as_str(), fields["redirect_uri"].as_str()),
        ("authorization_code", "refresh-0", "https://me/back?x=1")
    );
    let texts: Vec<(&str, &str)> = changes.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let expected = [
        ("Oauth2AccessToken", "token-0"),
        ("Oauth2AccessTokenCreationTime", "2026-03-01T12:00:00Z"),
        ("TokenExpiration", "2026-03-01T12:10:00Z"),
        ("Oauth2AuthorizationCode", ""),
        ("Oauth2RefreshToken", "refresh-1"),
    ];
    assert_eq!(texts, expected);

    // A job goes on with what was saved, and a further order with what the job left.
    let mut saved = sent.clone();
    for (key, value) in &changes {
        saved.secrets.set(*key, value.as_str());
    }
    let target = factory.target(&saved).await.unwrap();
    read(&*target).await.unwrap();
    clock.advance(SignedDuration::from_secs(600));
    read(&*target).await.unwrap();
    let changes = factory.acquire(&saved).await.unwrap();
    assert!(changes.contains(&("Oauth2RefreshToken", "refresh-3".to_owned())));
    read(&*target).await.unwrap();
    assert_eq!(shown(&fake), ["Bearer token-0", "Bearer token-1", "Bearer token-2"]);

    let refused = factory.acquire(&signed(&fake, &[("Oauth2RefreshToken", "old")])).await.unwrap_err();
    assert_eq!(refused.class, ErrorClass::Unauthorized);
    let missing = factory.validate(&configuration(&fake.base(), &[])).unwrap_err();
    assert_eq!((missing.key.as_str(), missing.missing), ("Oauth2TokenExchangeUri", true));
}
