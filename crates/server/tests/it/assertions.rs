//! Clients that sign in with a certificate.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use model::SignedDuration;
use rcgen::{CertificateParams, KeyPair};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value as Json, json};

use crate::world::{Answer, TENANT, World};

/// A certificate with its private key.
struct Signer {
    certificate: Vec<u8>,
    key: EcdsaKeyPair,
}

impl Signer {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        let octets = key.serialize_der();
        let scheme = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(scheme, &octets, &SystemRandom::new()).unwrap();
        Self { certificate, key }
    }

    fn sign(&self, header: &Json, claims: &Json) -> String {
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn header(&self) -> Json {
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.certificate));
        json!({"alg": "ES256", "typ": "JWT", "x5t": hash})
    }

    fn credential(&self) -> Json {
        json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(&self.certificate)})
    }
}

/// An application with its service principal: its path and its client id.
async fn application(world: &World, credentials: &[Json]) -> (String, String) {
    let body = json!({"displayName": "Client", "keyCredentials": credentials});
    let made = world.post("/v1.0/applications", body).await.expect(201);
    let app_id = made["appId"].as_str().unwrap().to_owned();
    world.post("/v1.0/servicePrincipals", json!({"appId": app_id})).await.expect(201);
    (format!("/v1.0/applications/{}", made["id"].as_str().unwrap()), app_id)
}

fn claims(world: &World, client: &str) -> Json {
    let now = world.api.service().clock.now().as_second();
    json!({
        "aud": format!("http://graph.test/{TENANT}/oauth2/v2.0/token"), "iss": client, "sub": client,
        "jti": "7", "nbf": now, "exp": 600.5 + f64::from(i32::try_from(now).unwrap()),
    })
}

async fn ask(world: &World, assertion: &str, more: &str) -> Answer {
    let form = format!(
        "grant_type=client_credentials&scope=x/.default{more}&client_assertion={assertion}\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    world.token(&format!("/{TENANT}/oauth2/v2.0/token"), &form, None).await
}

#[tokio::test]
async fn a_client_signs_in_with_its_certificate() {
    let (world, signer) = (World::new().await, Signer::new());
    let (path, client) = application(&world, &[signer.credential()]).await;
    let claims = claims(&world, &client);
    let assertion = signer.sign(&signer.header(), &claims);
    let answer = ask(&world, &assertion, &format!("&client_id={client}")).await.expect(200);
    let token = answer["access_token"].as_str().unwrap();
    world
        .as_client(token, "GET", "/v1.0/users", &Json::Null)
        .await
        .refused(403, "Authorization_RequestDenied");
    // Clients of Entra send one assertion several times; it names its client itself.
    ask(&world, &assertion, "").await.expect(200);
    let shown = world.get(&path).await.expect(200)["keyCredentials"][0].clone();
    let newer = json!({
        "alg": "ES256", "x5t#S256": URL_SAFE_NO_PAD.encode(digest(&SHA256, &signer.certificate)),
    });
    for header in [newer, json!({"alg": "ES256"}), json!({"alg": "ES256", "kid": shown["keyId"]})] {
        ask(&world, &signer.sign(&header, &claims), "").await.expect(200);
    }
    let mut several = claims.clone();
    several["aud"] = json!(["elsewhere", format!("http://graph.test/{TENANT}/v2.0")]);
    ask(&world, &signer.sign(&signer.header(), &several), "").await.expect(200);

    world.patch(&path, json!({"keyCredentials": []})).await.expect(204);
    let body = ask(&world, &assertion, "").await.expect(401);
    assert!(body["error_description"].as_str().unwrap().starts_with("AADSTS700027"), "{body}");
}

#[tokio::test]
async fn an_assertion_that_proves_nothing_is_refused_as_clients_know_it() {
    let (world, signer, other) = (World::new().await, Signer::new(), Signer::new());
    let (_, client) = application(&world, &[signer.credential()]).await;
    let good = claims(&world, &client);
    let with = |name: &str, value: Json| {
        let mut claims = good.clone();
        claims[name] = value;
        signer.sign(&signer.header(), &claims)
    };
    let now = good["nbf"].as_i64().unwrap();
    let sound = signer.sign(&signer.header(), &good);
    let parts: Vec<&str> = sound.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string());
    for (assertion, error, code) in [
        (with("aud", json!("https://elsewhere.example/token")), "invalid_client", 700_023),
        (with("iss", json!("somebody")), "invalid_client", 700_021),
        (with("sub", json!("somebody")), "invalid_client", 700_021),
        (with("exp", json!(now - 301)), "invalid_client", 700_024),
        (with("nbf", json!(now + 302)), "invalid_client", 700_024),
        (other.sign(&other.header(), &good), "invalid_client", 700_027),
        (other.sign(&signer.header(), &good), "invalid_client", 700_027),
        (format!("{none}.{}.", parts[1]), "invalid_client", 700_027),
        (format!("{}.{}.AAAA", parts[0], parts[1]), "invalid_client", 700_027),
        ("x.y.z".to_owned(), "invalid_request", 50_027),
        (with("exp", json!("soon")), "invalid_request", 50_027),
        (with("exp", json!(1e300)), "invalid_client", 700_024),
    ] {
        let body = ask(&world, &assertion, &format!("&client_id={client}")).await;
        let status = if error == "invalid_client" { 401 } else { 400 };
        let body = body.expect(status);
        assert_eq!((&body["error"], &body["error_codes"]), (&json!(error), &json!([code])), "{body}");
        for name in ["timestamp", "trace_id", "correlation_id"] {
            assert!(body[name].is_string(), "{body}");
        }
    }
    let form = format!("grant_type=client_credentials&client_id={client}&scope=x/.default");
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    let body = world.token(&path, &form, None).await.expect(401);
    assert_eq!(body["error_codes"], json!([7_000_216]));
    let body = world.token(&path, &format!("{form}&client_assertion={sound}"), None).await.expect(400);
    assert_eq!(body["error"], "invalid_request");
    // Whoever goes on guessing waits.
    let wrong = with("sub", json!("somebody"));
    for _ in 0..20 {
        ask(&world, &wrong, &format!("&client_id={client}")).await;
    }
    ask(&world, &sound, "").await.expect(429);
}

#[tokio::test]
async fn a_certificate_holds_for_its_time() {
    let (world, signer) = (World::new().await, Signer::new());
    let end = world.api.service().clock.now() + SignedDuration::from_mins(5);
    let mut credential = signer.credential();
    credential["endDateTime"] = json!(end.to_string());
    let (_, client) = application(&world, &[credential]).await;
    let assertion = signer.sign(&signer.header(), &claims(&world, &client));
    ask(&world, &assertion, "").await.expect(200);
    world.clock.advance(SignedDuration::from_mins(5));
    let body = ask(&world, &assertion, "").await.expect(401);
    assert!(body["error_description"].as_str().unwrap().contains("expired"), "{body}");
}

#[tokio::test]
async fn certificates_are_checked_completed_and_not_shown() {
    let (world, signer) = (World::new().await, Signer::new());
    let (path, client) = application(&world, &[signer.credential()]).await;
    let shown = world.get(&path).await.expect(200);
    let [first] = shown["keyCredentials"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&first["key"], &first["usage"]), (&Json::Null, &json!("Verify")));
    assert!(first["keyId"].is_string() && first["customKeyIdentifier"].is_string(), "{first}");
    assert!(first["displayName"].as_str().unwrap().starts_with("CN="), "{first}");

    // What was read can be sent back, beside a new one.
    let next = Signer::new();
    let both = json!({"keyCredentials": [first, next.credential()]});
    world.patch(&path, both).await.expect(204);
    for signer in [&signer, &next] {
        let assertion = signer.sign(&signer.header(), &claims(&world, &client));
        ask(&world, &assertion, "").await.expect(200);
    }
    let audits = world.every("/v1.0/auditLogs/directoryAudits").await;
    assert!(!json!(audits).to_string().contains(&STANDARD.encode(&signer.certificate)));

    for (credential, words) in [
        (json!({"key": "AAAA"}), "keyCredentials[0].key"),
        (json!({"key": "?"}), "base64"),
        (json!({}), "keyCredentials[0].key"),
        (json!({"keyId": TENANT}), "keyCredentials[0].key"),
        (json!({"type": "Symmetric", "key": STANDARD.encode(&signer.certificate)}), "keyCredentials[0].type"),
        (json!({"usage": "Sign", "key": STANDARD.encode(&signer.certificate)}), "keyCredentials[0].usage"),
        (json!({"secret": 1}), "keyCredentials[0]"),
        (
            json!({"endDateTime": "1970-01-01T00:00:00Z", "key": STANDARD.encode(&signer.certificate)}),
            "keyCredentials[0].endDateTime",
        ),
    ] {
        let answer = world.patch(&path, json!({"keyCredentials": [credential]})).await;
        let told = answer.refused(400, "Request_BadRequest");
        assert!(told.contains(words), "{told}");
    }
}
