//! A service of one tenant with its first client, asked over HTTP without a network.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use directory::{Directory, PasswordCredential};
use engine::{Engine, Registry, Services, SystemTimer, Templates};
use graph::directory::ApplicationTemplate;
use http::{HeaderMap, Request, header};
use model::{Clock, SignedDuration, TenantId, Uuid};
use serde_json::{Value as Json, json};
use server::auth::{ClientSecrets, KeyFetch, OutsideIssuers, SigningKeys, TokenAuthority, TrustedIssuer};
use server::{Api, Limits, Service};
use store::vault::Vault;
use store::{SharedStore, Tenant};
use store_sqlite::SqliteStore;
use testkit::{SeededEntropy, SimulatedClock};
use tower::ServiceExt as _;

pub(crate) const TENANT: Uuid = Uuid::from_u128(0x7e4a);
pub(crate) const OTHER_TENANT: Uuid = Uuid::from_u128(0x07e4);
pub(crate) const CLIENT: Uuid = Uuid::from_u128(0xc11e);
pub(crate) const SECRET: &str = "first client's secret";
/// The template of a custom application.
pub(crate) const TEMPLATE: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";
/// Octets that the service takes as a body.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

/// A service, and a token of its first client.
pub(crate) struct World {
    pub(crate) api: Arc<Api>,
    pub(crate) clock: Arc<SimulatedClock>,
    router: Router,
    token: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Json,
}

impl Answer {
    /// The body, where the status is as expected.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Json {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// The message of an error, where status and code are as expected.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> String {
        let body = self.expect(status);
        assert_eq!(body["error"]["code"], code, "{body:#}");
        body["error"]["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_limits(Limits { body: BODY_LIMIT, time: Duration::from_secs(30), ..Limits::default() })
            .await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        Self::with_connectors(limits, Registry::default(), Templates::default()).await
    }

    /// A service that trusts these outside issuers, whose keys are read so.
    pub(crate) async fn trusting(issuers: Vec<TrustedIssuer>, fetch: Arc<dyn KeyFetch>) -> Self {
        let limits = Limits { body: BODY_LIMIT, time: Duration::from_secs(30), ..Limits::default() };
        let trust = |clock: Arc<dyn Clock>| OutsideIssuers::new(issuers, &fetch, &clock);
        Self::build(limits, |_, _| Registry::default(), Templates::default(), trust).await
    }

    /// A service whose jobs have these connectors and templates.
    pub(crate) async fn with_connectors(limits: Limits, registry: Registry, templates: Templates) -> Self {
        Self::connected(limits, |_, _| registry, templates).await
    }

    /// The same, with connectors that need the service's own store and directory.
    pub(crate) async fn connected(
        limits: Limits,
        connect: impl FnOnce(&SharedStore, &Directory) -> Registry,
        templates: Templates,
    ) -> Self {
        Self::build(limits, connect, templates, |_| OutsideIssuers::default()).await
    }

    async fn build(
        limits: Limits,
        connect: impl FnOnce(&SharedStore, &Directory) -> Registry,
        templates: Templates,
        trust: impl FnOnce(Arc<dyn Clock>) -> OutsideIssuers,
    ) -> Self {
        let store: SharedStore = Arc::new(SqliteStore::open_temporary().unwrap());
        let clock = Arc::new(SimulatedClock::default());
        let entropy = Arc::new(SeededEntropy::new(7));
        let directory = Directory::new(store.clone(), clock.clone(), entropy.clone());
        let vault = Arc::new(Vault::open(&*store, &[3; 32], entropy.clone()).await.unwrap());
        let engine = Engine::new(Services {
            store: store.clone(),
            vault,
            clock: clock.clone(),
            entropy: entropy.clone(),
            timer: Arc::new(SystemTimer::new(clock.clone())),
            registry: connect(&store, &directory),
            templates,
            notifiers: engine::Notifiers::default(),
            node: Uuid::from_u128(1),
        });
        let template = json!({
            "id": TEMPLATE, "displayName": "Custom", "homePageUrl": null, "logoUrl": null, "publisher": "Custom",
            "description": null, "supportedProvisioningTypes": ["sync"],
        });
        let template: ApplicationTemplate = serde_json::from_value(template).unwrap();
        let service = Service {
            directory,
            store,
            engine,
            clock: clock.clone(),
            entropy: entropy.clone(),
            tokens: TokenAuthority::new(&SigningKeys::generate(&*entropy, clock.now())).unwrap(),
            issuers: trust(clock.clone()),
            secrets: ClientSecrets::new(entropy),
            application_templates: vec![template],
            public_url: None,
            tls: false,
            limits,
        };
        let api = Api::new(service);
        let mut world = Self { router: server::router(api.clone()), api, clock, token: String::new() };
        let hash = world.api.service().secrets.hash(SECRET).await.unwrap();
        world.add_tenant(TENANT, &hash).await;
        world.token = world.sign_in(TENANT, &CLIENT.to_string(), SECRET).await;
        world
    }

    /// A tenant with a first client of the usual id and secret.
    async fn add_tenant(&self, id: Uuid, hash: &str) {
        let service = self.api.service();
        let created = self.clock_now();
        let tenant = Tenant {
            id: TenantId(id),
            display_name: format!("Tenant {id}"),
            domain: format!("{}.example", id.simple()),
            created,
        };
        let made = service.directory.bootstrap_tenant(tenant, Some(CLIENT)).await.unwrap();
        let credential = PasswordCredential {
            key_id: Uuid::from_u128(1),
            display_name: None,
            hint: None,
            start: created,
            end: created + SignedDuration::from_hours(24 * 365),
            hash: hash.to_owned(),
        };
        service.directory.of(TenantId(id)).put_password(made.client.id, credential).await.unwrap();
    }

    /// A token of the first client of another tenant.
    pub(crate) async fn other_tenant(&self) -> String {
        let hash = self.api.service().secrets.hash(SECRET).await.unwrap();
        self.add_tenant(OTHER_TENANT, &hash).await;
        self.sign_in(OTHER_TENANT, &CLIENT.to_string(), SECRET).await
    }

    /// What a listener would serve.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    fn clock_now(&self) -> model::Timestamp {
        self.api.service().clock.now()
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let octets = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = match graph::body::json(&octets) {
            Ok(json) if !octets.is_empty() => json,
            _ => Json::String(String::from_utf8(octets.to_vec()).unwrap()),
        };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// A request of the Graph API with headers of its own.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Json,
    ) -> Answer {
        // Time passes between requests, so that records of changes have an order.
        self.clock.advance(SignedDuration::from_millis(1));
        let uri = if path.starts_with("http") { path.to_owned() } else { format!("http://graph.test{path}") };
        let mut request = Request::builder().method(method).uri(uri.replace(' ', "%20"));
        request = request.header(header::HOST, "graph.test");
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.ask(request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &Json::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Json) -> Answer {
        self.send("POST", path, &[], &body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Json) -> Answer {
        self.send("PATCH", path, &[], &body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Json) -> Answer {
        self.send("PUT", path, &[], &body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], &Json::Null).await
    }

    /// A request of another client, by its token.
    pub(crate) async fn as_client(&self, token: &str, method: &str, path: &str, body: &Json) -> Answer {
        self.send(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    }

    /// All members of a collection, page by page.
    pub(crate) async fn every(&self, path: &str) -> Vec<Json> {
        let (mut found, mut next) = (Vec::new(), path.to_owned());
        loop {
            let page = self.get(&next).await.expect(200);
            found.extend(page["value"].as_array().unwrap().iter().cloned());
            match page["@odata.nextLink"].as_str() {
                Some(link) => link.clone_into(&mut next),
                None => return found,
            }
        }
    }

    /// What the token endpoint says to a form.
    pub(crate) async fn token(&self, path: &str, form: &str, authorization: Option<&str>) -> Answer {
        let mut request = Request::post(format!("http://graph.test{path}"))
            .header(header::HOST, "graph.test")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        self.ask(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// A token by client credentials.
    pub(crate) async fn sign_in(&self, tenant: Uuid, client: &str, secret: &str) -> String {
        let secret = secret.replace(' ', "+").replace('\'', "%27");
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret={secret}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
        );
        let answer = self.token(&format!("/{tenant}/oauth2/v2.0/token"), &form, None).await;
        answer.expect(200)["access_token"].as_str().unwrap().to_owned()
    }

    /// A new client with some permissions: its service principal's id and its token.
    pub(crate) async fn client(&self, permissions: &[&str]) -> (String, String) {
        let application = self.post("/v1.0/applications", json!({"displayName": "Client"})).await.expect(201);
        let app_id = application["appId"].as_str().unwrap();
        let principal = self.post("/v1.0/servicePrincipals", json!({"appId": app_id})).await.expect(201);
        let principal = principal["id"].as_str().unwrap();
        let graph = self
            .get("/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")
            .await
            .expect(200);
        for permission in permissions {
            let roles = graph["appRoles"].as_array().unwrap();
            let role = roles.iter().find(|role| role["value"] == *permission).unwrap();
            let body = json!({"principalId": principal, "resourceId": graph["id"], "appRoleId": role["id"]});
            let path = format!("/v1.0/servicePrincipals/{principal}/appRoleAssignments");
            self.post(&path, body).await.expect(201);
        }
        let path = format!("/v1.0/applications/{}/addPassword", application["id"].as_str().unwrap());
        let password = self.post(&path, json!({})).await.expect(200);
        let token = self.sign_in(TENANT, app_id, password["secretText"].as_str().unwrap()).await;
        (principal.to_owned(), token)
    }

    /// A new user's id.
    pub(crate) async fn user(&self, name: &str) -> String {
        let user = self.post("/v1.0/users", user(name)).await.expect(201);
        user["id"].as_str().unwrap().to_owned()
    }

    /// A new group's id.
    pub(crate) async fn group(&self, name: &str) -> String {
        let group = self.post("/v1.0/groups", group(name)).await.expect(201);
        group["id"].as_str().unwrap().to_owned()
    }
}

/// The body of a POST of a user.
pub(crate) fn user(name: &str) -> Json {
    json!({
        "accountEnabled": true, "displayName": name, "mailNickname": name,
        "userPrincipalName": format!("{name}@example.com"),
        "passwordProfile": {"password": "Not-a-secret-1"},
    })
}

/// The body of a POST of a group.
pub(crate) fn group(name: &str) -> Json {
    json!({"displayName": name, "mailEnabled": false, "mailNickname": name, "securityEnabled": true})
}

/// The ids of resources, sorted.
pub(crate) fn ids(resources: &[Json]) -> Vec<String> {
    let mut ids: Vec<String> = resources.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// The address of an object, for references.
pub(crate) fn reference(id: &str) -> String {
    format!("http://graph.test/v1.0/directoryObjects/{id}")
}
