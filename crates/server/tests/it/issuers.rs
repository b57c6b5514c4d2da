//! Tokens of trusted outside issuers.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use model::{SignedDuration, TenantId, Uuid};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value as Json, json};
use server::auth::{KeyAddress, KeyFetch, TenantOf, TrustedIssuer};

use crate::world::{Answer, CLIENT, OTHER_TENANT, TENANT, World, user};

const ISSUER: &str = "https://login.example";
const KEYS: &str = "https://login.example/keys";
const AUDIENCE: &str = "api://entente";

/// What issuers publish, by address, and how often each address was asked for.
#[derive(Default)]
struct Web {
    documents: Mutex<HashMap<String, String>>,
    asked: Mutex<HashMap<String, usize>>,
}

#[async_trait]
impl KeyFetch for Web {
    async fn fetch(&self, address: &str) -> Result<Vec<u8>, String> {
        *self.asked.lock().unwrap().entry(address.to_owned()).or_default() += 1;
        // Others come meanwhile.
        tokio::task::yield_now().await;
        let found = self.documents.lock().unwrap().get(address).cloned();
        found.map(String::into_bytes).ok_or_else(|| "nobody is there".to_owned())
    }
}

impl Web {
    fn publish(&self, address: &str, document: &Json) {
        self.documents.lock().unwrap().insert(address.to_owned(), document.to_string());
    }

    /// From now on the issuer has these keys.
    fn keys(&self, keys: &[&Key]) {
        let keys: Vec<Json> = keys.iter().map(|key| key.public()).collect();
        self.publish(KEYS, &json!({ "keys": keys }));
    }

    fn fall_silent(&self) {
        self.documents.lock().unwrap().clear();
    }

    fn asked(&self, address: &str) -> usize {
        self.asked.lock().unwrap().get(address).copied().unwrap_or_default()
    }
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>, &'static str),
}

/// A key of an issuer.
struct Key {
    id: &'static str,
    pair: Pair,
}

impl Key {
    fn p256(id: &'static str) -> Self {
        let scheme = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let octets = EcdsaKeyPair::generate_pkcs8(scheme, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(scheme, octets.as_ref(), &SystemRandom::new()).unwrap();
        Self { id, pair: Pair::Ec(Box::new(pair), "P-256") }
    }

    fn p384(id: &'static str) -> Self {
        let scheme = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let octets = EcdsaKeyPair::generate_pkcs8(scheme, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(scheme, octets.as_ref(), &SystemRandom::new()).unwrap();
        Self { id, pair: Pair::Ec(Box::new(pair), "P-384") }
    }

    fn rsa(id: &'static str) -> Self {
        let octets = STANDARD.decode(include_str!("../data/issuer-rsa.pk8").trim()).unwrap();
        Self { id, pair: Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&octets).unwrap())) }
    }

    fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_, "P-256") => "ES256",
            Pair::Ec(..) => "ES384",
        }
    }

    fn public(&self) -> Json {
        match &self.pair {
            Pair::Rsa(pair) => {
                let number = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                let (n, e) = (number(&public.n), number(&public.e));
                json!({"kty": "RSA", "kid": self.id, "use": "sig", "n": n, "e": e, "x5c": ["…"]})
            }
            Pair::Ec(pair, curve) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                json!({"kty": "EC", "kid": self.id, "crv": curve, "x": x, "y": y})
            }
        }
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let scheme: &'static dyn ring::signature::RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(scheme, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair, _) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// A token with this header, which the key signs.
    fn sign(&self, header: &Json, claims: &Json) -> String {
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.signature(header["alg"].as_str().unwrap(), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn token(&self, claims: &Json) -> String {
        self.sign(&json!({"alg": self.algorithm(), "typ": "JWT", "kid": self.id}), claims)
    }
}

fn trusted() -> TrustedIssuer {
    TrustedIssuer {
        issuer: ISSUER.to_owned(),
        keys: KeyAddress::At(KEYS.to_owned()),
        audiences: vec![AUDIENCE.to_owned()],
        tenant: TenantOf::Fixed(TenantId(TENANT)),
        client_claim: None,
        permissions_claim: "roles".to_owned(),
        permissions: None,
        clients: BTreeMap::new(),
    }
}

/// A service that trusts an issuer with these keys.
async fn world(trusted: TrustedIssuer, keys: &[&Key]) -> (World, Arc<Web>) {
    let web = Arc::new(Web::default());
    web.keys(keys);
    (World::trusting(vec![trusted], web.clone()).await, web)
}

/// What a token says that holds now, for an hour, with some of it changed.
fn claims(world: &World, changes: &Json) -> Json {
    let now = world.api.service().clock.now().as_second();
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 3600, "azp": "nightly",
        "sub": "nightly", "roles": ["User.Read.All"],
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

async fn users(world: &World, token: &str) -> Answer {
    world.as_client(token, "GET", "/v1.0/users", &Json::Null).await
}

#[tokio::test]
async fn keys_of_every_kind_sign_tokens_that_hold() {
    let keys = [Key::rsa("r"), Key::p256("p"), Key::p384("q")];
    let (world, web) = world(trusted(), &[&keys[0], &keys[1], &keys[2]]).await;
    for (key, algorithm) in [
        (&keys[0], "RS256"),
        (&keys[0], "RS384"),
        (&keys[0], "RS512"),
        (&keys[0], "PS256"),
        (&keys[1], "ES256"),
        (&keys[2], "ES384"),
    ] {
        let header = json!({"alg": algorithm, "kid": key.id, "typ": "at+jwt"});
        let token = key.sign(&header, &claims(&world, &json!({"jti": algorithm})));
        users(&world, &token).await.expect(200);
    }
    // A single key for the algorithm need not be named.
    let token = keys[1].sign(&json!({"alg": "ES256"}), &claims(&world, &json!({})));
    users(&world, &token).await.expect(200);
    assert_eq!(web.asked(KEYS), 1);
}

#[tokio::test]
async fn what_proves_nothing_is_refused() {
    let (key, other, rsa) = (Key::p256("k"), Key::p256("k"), Key::rsa("r"));
    let (world, _) = world(trusted(), &[&key, &rsa]).await;
    let now = world.api.service().clock.now().as_second();
    let good = claims(&world, &json!({}));
    let with = |changes: Json| key.token(&claims(&world, &changes));
    let signed = |header: Json| key.sign(&header, &good);
    let hmac = {
        let part = |json: Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let text = format!("{}.{}", part(json!({"alg": "HS256", "kid": "k"})), part(good.clone()));
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.public().to_string().as_bytes());
        let tag = ring::hmac::sign(&secret, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let none = signed(json!({"alg": "none", "kid": "k"}));
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    for (token, words) in [
        (with(json!({"aud": "api://other"})), "Invalid audience"),
        (with(json!({"aud": null})), "Invalid audience"),
        (with(json!({"exp": now - 61})), "is expired"),
        (with(json!({"exp": null})), "no number of seconds"),
        (with(json!({"nbf": now + 120})), "not yet valid"),
        (with(json!({"azp": null, "sub": null})), "No claim names the client"),
        (with(json!({"iss": "https://login.example/"})), "Invalid signature"),
        (other.token(&good), "Invalid signature"),
        (Key::p256("new").token(&good), "no such key"),
        (signed(json!({"alg": "ES384", "kid": "k"})), "no such key"),
        (signed(json!({"alg": "RS256", "kid": "k"})), "no such key"),
        (signed(json!({"alg": "RS256", "kid": "r"})), "Invalid signature"),
        (rsa.sign(&json!({"alg": "PS512", "kid": "r"}), &good), "algorithm that is not taken"),
        (hmac, "algorithm that is not taken"),
        (unsigned, "algorithm that is not taken"),
        (none, "algorithm that is not taken"),
        (signed(json!({"alg": "ES256", "kid": "k", "crit": ["x"], "x": 1})), "extensions"),
        (signed(json!({"alg": "ES256", "kid": "k", "typ": "logout+jwt"})), "another type"),
    ] {
        let message = users(&world, &token).await.refused(401, "InvalidAuthenticationToken");
        assert!(message.contains(words), "{words}: {message}");
    }
    users(&world, &key.token(&good)).await.expect(200);
}

#[tokio::test]
async fn roles_give_what_they_stand_for_and_nothing_else() {
    let key = Key::p256("k");
    let (by_name, _) = world(trusted(), &[&key]).await;
    for roles in
        [json!([]), json!(null), json!(["Reader"]), json!([{"User.Read.All": 1}]), json!("user.read.all")]
    {
        let token = key.token(&claims(&by_name, &json!({ "roles": roles })));
        let words = users(&by_name, &token).await.refused(403, "Authorization_RequestDenied");
        assert!(words.contains("User.Read.All"), "{words}");
    }
    let table = BTreeMap::from([
        ("staff".to_owned(), vec!["User.Read.All".to_owned(), "Group.Read.All".to_owned()]),
        ("nobody".to_owned(), Vec::new()),
    ]);
    let mapped =
        TrustedIssuer { permissions_claim: "/realm/roles".to_owned(), permissions: Some(table), ..trusted() };
    let (by_table, _) = world(mapped, &[&key]).await;
    let token = |role: &str| key.token(&claims(&by_table, &json!({"realm": {"roles": [role]}})));
    users(&by_table, &token("staff")).await.expect(200);
    by_table.as_client(&token("staff"), "GET", "/v1.0/groups", &Json::Null).await.expect(200);
    let made = by_table.as_client(&token("staff"), "POST", "/v1.0/users", &user("ada")).await;
    made.refused(403, "Authorization_RequestDenied");
    for role in ["nobody", "User.Read.All"] {
        users(&by_table, &token(role)).await.refused(403, "Authorization_RequestDenied");
    }
}

#[tokio::test]
async fn a_token_speaks_for_its_tenant_alone() {
    let key = Key::p256("k");
    let by_claim = TrustedIssuer { tenant: TenantOf::Claim("tid".to_owned()), ..trusted() };
    let (world, _) = world(by_claim, &[&key]).await;
    world.other_tenant().await;
    let id = world.user("ada").await;
    let token = |tenant: &str| key.token(&claims(&world, &json!({ "tid": tenant })));
    let path = format!("/v1.0/users/{id}");
    let ask = async |tenant: &str| world.as_client(&token(tenant), "GET", &path, &Json::Null).await;
    ask(&TENANT.to_string()).await.expect(200);
    ask(&OTHER_TENANT.to_string()).await.refused(404, "Request_ResourceNotFound");
    for tenant in [Uuid::from_u128(1).to_string().as_str(), "contoso", ""] {
        let message = ask(tenant).await.refused(401, "InvalidAuthenticationToken");
        assert!(message.contains("no tenant"), "{message}");
    }
    let missing = key.token(&claims(&world, &json!({})));
    users(&world, &missing).await.refused(401, "InvalidAuthenticationToken");
    let gone = TrustedIssuer { tenant: TenantOf::Fixed(TenantId(Uuid::from_u128(1))), ..trusted() };
    let web = Arc::new(Web::default());
    web.keys(&[&key]);
    let world = World::trusting(vec![gone], web).await;
    users(&world, &missing).await.refused(401, "InvalidAuthenticationToken");
}

#[tokio::test]
async fn keys_may_turn_and_strangers_cause_no_storm() {
    let (old, new) = (Key::p256("old"), Key::rsa("new"));
    let (world, web) = world(trusted(), &[&old]).await;
    let many: Vec<String> =
        (0..20).map(|number| old.token(&claims(&world, &json!({ "jti": number })))).collect();
    for answer in futures::future::join_all(many.iter().map(|token| users(&world, token))).await {
        answer.expect(200);
    }
    assert_eq!(web.asked(KEYS), 1, "one request for all that wait");
    // The issuer turns its key; who shows the new one is believed once the issuer may be asked again.
    web.keys(&[&new]);
    users(&world, &new.token(&claims(&world, &json!({})))).await.refused(401, "InvalidAuthenticationToken");
    world.clock.advance(SignedDuration::from_secs(31));
    users(&world, &new.token(&claims(&world, &json!({})))).await.expect(200);
    assert_eq!(web.asked(KEYS), 2);
    // A key that the issuer took back is good for nothing, but for tokens that were believed a moment ago.
    let fresh = old.token(&claims(&world, &json!({"jti": "fresh"})));
    users(&world, &fresh).await.refused(401, "InvalidAuthenticationToken");
    users(&world, &many[0]).await.expect(200);
    world.clock.advance(SignedDuration::from_mins(6));
    users(&world, &many[0]).await.refused(401, "InvalidAuthenticationToken");
    let asked = web.asked(KEYS);
    for number in 0..50 {
        let strange = Key::p256("strange").token(&claims(&world, &json!({ "jti": number })));
        users(&world, &strange).await.refused(401, "InvalidAuthenticationToken");
    }
    assert_eq!(web.asked(KEYS), asked, "strangers within the interval");
}

#[tokio::test]
async fn an_issuer_may_be_out_of_reach_for_a_day() {
    let key = Key::p256("k");
    let web = Arc::new(Web::default());
    let world = World::trusting(vec![trusted()], web.clone()).await;
    world.api.service().issuers.warm().await;
    let token = |number: u32| key.token(&claims(&world, &json!({ "jti": number })));
    let answer = users(&world, &token(1)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "30"), "{:#}", answer.body);
    assert_eq!(web.asked(KEYS), 1);
    // Own tokens do not mind.
    world.get("/v1.0/users").await.expect(200);
    web.keys(&[&key]);
    world.clock.advance(SignedDuration::from_secs(31));
    users(&world, &token(2)).await.expect(200);
    web.fall_silent();
    world.clock.advance(SignedDuration::from_hours(23));
    users(&world, &token(3)).await.expect(200);
    world.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(users(&world, &token(4)).await.status, 503);
    web.publish(KEYS, &json!("no set of keys"));
    world.clock.advance(SignedDuration::from_secs(31));
    assert_eq!(users(&world, &token(5)).await.status, 503);
    web.keys(&[&key]);
    world.clock.advance(SignedDuration::from_secs(31));
    users(&world, &token(6)).await.expect(200);
}

#[tokio::test]
async fn keys_are_found_by_the_issuers_own_description() {
    let key = Key::p256("k");
    for (description, status) in [
        (json!({"issuer": ISSUER, "jwks_uri": KEYS, "more": 1}), 200),
        (json!({"issuer": "https://other.example", "jwks_uri": KEYS}), 503),
        (json!({"issuer": ISSUER, "jwks_uri": "http://127.0.0.1/keys"}), 503),
        (json!({"issuer": ISSUER}), 503),
    ] {
        let discovered = TrustedIssuer { keys: KeyAddress::Discovered, ..trusted() };
        let (world, web) = world(discovered, &[&key]).await;
        web.publish("http://127.0.0.1/keys", &json!({"keys": [key.public()]}));
        web.publish("https://login.example/.well-known/openid-configuration", &description);
        let answer = users(&world, &key.token(&claims(&world, &json!({})))).await;
        assert_eq!(answer.status, status, "{description}");
    }
}

#[tokio::test]
async fn a_client_of_an_issuer_is_none_of_the_tenant_unless_it_stands_for_one() {
    let key = Key::p256("k");
    let twin = CLIENT.to_string();
    let clients = BTreeMap::from([("ours".to_owned(), CLIENT), ("ghost".to_owned(), Uuid::from_u128(1))]);
    let (world, _) = world(TrustedIssuer { clients, ..trusted() }, &[&key]).await;
    let token = |client: &str, role: &str| {
        key.token(&claims(&world, &json!({"azp": client, "sub": client, "roles": [role]})))
    };
    // It has the id of a client, and is another: it owns nothing, not even what that one owns.
    let application = world.get(&format!("/v1.0/applications(appId='{twin}')")).await.expect(200);
    let path = format!("/v1.0/applications/{}", application["id"].as_str().unwrap());
    let body = json!({"displayName": "Mine"});
    let owned = "Application.ReadWrite.OwnedBy";
    let answer = world.as_client(&token(&twin, owned), "PATCH", &path, &body).await;
    answer.refused(403, "Authorization_RequestDenied");
    let answer = world.as_client(&token(&twin, owned), "POST", "/v1.0/applications", &body).await;
    answer.refused(403, "Authorization_RequestDenied");
    // One that stands for that client manages it, and owns what it makes.
    world.as_client(&token("ours", owned), "PATCH", &path, &body).await.expect(204);
    let made = world.as_client(&token("ours", owned), "POST", "/v1.0/applications", &body).await.expect(201);
    let owners = format!("/v1.0/applications/{}/owners", made["id"].as_str().unwrap());
    let owners = world.as_client(&token("ours", owned), "GET", &owners, &Json::Null).await.expect(200);
    assert_eq!(owners["value"][0]["appId"], twin.as_str(), "{owners:#}");
    let message =
        users(&world, &token("ghost", "User.Read.All")).await.refused(401, "InvalidAuthenticationToken");
    assert!(message.contains("gone or disabled"), "{message}");
    // Records name the issuer, whomever the client stands for.
    let make = async |client: &str, name: &str| {
        world
            .as_client(&token(client, "User.ReadWrite.All"), "POST", "/v1.0/users", &user(name))
            .await
            .expect(201)
    };
    for (client, name) in [(twin.as_str(), "ada"), ("ours", "bob")] {
        make(client, name).await;
        let records = world.get("/v1.0/auditLogs/directoryAudits?$top=1").await.expect(200);
        let app = &records["value"][0]["initiatedBy"]["app"];
        assert_eq!(
            *app,
            json!({
                "appId": null, "displayName": format!("{ISSUER}|{client}"),
                "servicePrincipalId": null, "servicePrincipalName": null,
            })
        );
    }
}

#[tokio::test]
async fn the_scim_service_takes_them_too() {
    let key = Key::p256("k");
    let (world, _) = world(trusted(), &[&key]).await;
    let ask = async |role: &str| {
        let token = key.token(&claims(&world, &json!({ "roles": [role] })));
        world.as_client(&token, "GET", "/scim/v2/Users", &Json::Null).await
    };
    ask("Scim.ReadWrite.All").await.expect(200);
    let refused = ask("User.Read.All").await.expect(403);
    assert!(refused["detail"].as_str().unwrap().contains("https://login.example|nightly"), "{refused:#}");
}
