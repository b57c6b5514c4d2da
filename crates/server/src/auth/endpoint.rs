//! The token endpoint: client credentials (RFC 6749, section 4.4), with the errors that Entra's clients know.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::{
    DirectoryError, DirectoryObject, GRAPH_APP_ID, ObjectKind, PasswordCredential, Permission,
    TenantDirectory,
};
use model::{TenantId, Timestamp, Uuid};
use percent_encoding::percent_decode_str;
use serde_json::{Value as Json, json};
use store::AuditRecord;

use super::assertion::{self, Assertion, Flaw};
use super::key_credentials::KeyCredential;
use super::{Caller, discovery};
use crate::Service;

/// The most roles that are looked at.
const MOST_ROLES: usize = 1_000;

/// A request for a token, decoded.
#[derive(Default)]
pub(crate) struct TokenRequest {
    grant_type: String,
    client_id: String,
    client_secret: String,
    client_assertion: String,
    client_assertion_type: String,
    scope: String,
}

/// Why no token was given (RFC 6749, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenFailure {
    /// The status of the answer.
    pub(crate) status: u16,
    /// Seconds for `Retry-After`.
    pub(crate) retry_after: Option<u64>,
    error: &'static str,
    code: u32,
    /// What went wrong, for people.
    pub(crate) description: &'static str,
}

impl TokenFailure {
    const fn new(status: u16, error: &'static str, code: u32, description: &'static str) -> Self {
        Self { status, retry_after: None, error, code, description }
    }

    const MISSING: Self = Self::new(
        400,
        "invalid_request",
        900_144,
        "The request body must contain the parameters 'grant_type', 'client_id' and 'scope'.",
    );
    const GRANT: Self = Self::new(
        400,
        "unsupported_grant_type",
        70_003,
        "The app requested an unsupported grant type. Use 'client_credentials'.",
    );
    const SCOPE: Self = Self::new(
        400,
        "invalid_scope",
        1_002_012,
        "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.",
    );
    const PROOF: Self = Self::new(
        401,
        "invalid_client",
        7_000_216,
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
    );
    const ASSERTION_TYPE: Self = Self::new(
        400,
        "invalid_request",
        50_037,
        "The value of 'client_assertion_type' must be 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'.",
    );
    const ASSERTION: Self = Self::new(
        400,
        "invalid_request",
        50_027,
        "JWT token is invalid or malformed: 'client_assertion' is no signed token with the claims iss, sub, aud and exp.",
    );
    const TENANT: Self =
        Self::new(400, "invalid_request", 90_002, "Tenant not found. Check the tenant in the address.");
    const CLIENT: Self = Self::new(
        401,
        "invalid_client",
        7_000_215,
        "Invalid client secret provided, or the application is not found in the tenant or is disabled. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
    );
    const WRONG_CLIENT: Self = Self::new(
        401,
        "invalid_client",
        700_021,
        "Client assertion application identifier doesn't match 'client_id' parameter. The claims 'iss' and 'sub' must both be the client's application id.",
    );
    const WRONG_AUDIENCE: Self = Self::new(
        401,
        "invalid_client",
        700_023,
        "Client assertion audience claim does not match Realm issuer. The claim 'aud' must be the address of this token endpoint, as the discovery document gives it.",
    );
    const WRONG_TIME: Self = Self::new(
        401,
        "invalid_client",
        700_024,
        "Client assertion is not within its valid time range. Check the client's clock and the claims 'nbf' and 'exp'.",
    );
    const WRONG_KEY: Self = Self::new(
        401,
        "invalid_client",
        700_027,
        "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.] Add the certificate to the application's keyCredentials, and name it in the header by 'x5t' or 'x5t#S256'.",
    );
    const OLD_KEY: Self = Self::new(
        401,
        "invalid_client",
        700_027,
        "Client assertion failed signature validation. [Reason - The key used is expired, or not valid yet.] Add a new certificate to the application's keyCredentials.",
    );
    const WRONG_SIGNATURE: Self = Self::new(
        401,
        "invalid_client",
        700_027,
        "Client assertion contains an invalid signature. [Reason - The key was found, but use of the key to verify the signature failed.] Sign with RS256, PS256 or ES256 and the private key of the certificate.",
    );
    const TROUBLE: Self = Self::new(
        503,
        "temporarily_unavailable",
        90_033,
        "A transient error has occurred. Please try again.",
    );

    const fn throttled(seconds: u64) -> Self {
        let mut failure = Self::new(
            429,
            "temporarily_unavailable",
            50_196,
            "Too many sign-ins of this client failed. Wait, and check its secret.",
        );
        failure.retry_after = Some(seconds);
        failure
    }

    /// The body of the answer.
    pub(crate) fn body(self, service: &Service, request_id: &str) -> Json {
        let moment = service.clock.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let description = format!(
            "AADSTS{}: {} Trace ID: {request_id} Correlation ID: {request_id} Timestamp: {moment}",
            self.code, self.description
        );
        json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": moment,
            "trace_id": request_id,
            "correlation_id": request_id,
        })
    }
}

impl TokenRequest {
    /// Reads the form of a request, and its `Authorization` header where the client identifies itself there.
    pub(crate) fn read(form: &[u8], authorization: Option<&str>) -> Result<Self, TokenFailure> {
        let form = std::str::from_utf8(form).map_err(|_| TokenFailure::MISSING)?;
        let mut request = Self::default();
        for part in form.split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = decode(value)?;
            match name {
                "grant_type" => request.grant_type = value,
                "client_id" => request.client_id = value,
                "client_secret" => request.client_secret = value,
                "client_assertion" => request.client_assertion = value,
                "client_assertion_type" => request.client_assertion_type = value,
                // The endpoint without a version in its path takes a resource in place of the scope.
                "scope" | "resource" => request.scope = value,
                _ => {}
            }
        }
        if let Some((id, secret)) = authorization.and_then(basic) {
            (request.client_id, request.client_secret) = (decode(&id)?, decode(&secret)?);
        }
        if request.client_id.is_empty() && !request.client_assertion.is_empty() {
            // The assertion names its client (RFC 7521, section 4.2).
            let assertion = Assertion::read(&request.client_assertion).ok_or(TokenFailure::ASSERTION)?;
            assertion.client().clone_into(&mut request.client_id);
        }
        Ok(request)
    }

    fn check(&self, versioned: bool) -> Result<(), TokenFailure> {
        if [&self.grant_type, &self.client_id, &self.scope].iter().any(|part| part.is_empty()) {
            return Err(TokenFailure::MISSING);
        }
        if self.grant_type != "client_credentials" {
            return Err(TokenFailure::GRANT);
        }
        if versioned && !self.scope.split_whitespace().any(|scope| scope.ends_with("/.default")) {
            return Err(TokenFailure::SCOPE);
        }
        match (self.client_secret.is_empty(), self.client_assertion.is_empty()) {
            (true, true) => Err(TokenFailure::PROOF),
            (_, false) if self.client_assertion_type != assertion::TYPE => Err(TokenFailure::ASSERTION_TYPE),
            _ => Ok(()),
        }
    }
}

/// Form encoding: percent-encoded, with `+` for a space.
fn decode(value: &str) -> Result<String, TokenFailure> {
    let spaced = value.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| TokenFailure::MISSING)
}

/// Client id and secret of HTTP basic authentication, still form-encoded.
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// Gives a token. `tenant` is what the path says: a tenant's id or domain. `versioned` tells the endpoint of version 2.
pub(crate) async fn issue(
    service: &Service,
    base: &str,
    tenant: &str,
    versioned: bool,
    request: TokenRequest,
) -> Result<Json, TokenFailure> {
    request.check(versioned)?;
    let named = tenant;
    let tenant = find_tenant(service, tenant).await?;
    let audiences = discovery::audiences(base, &[named, &tenant.to_string()]);
    let proof = match request.client_assertion.as_str() {
        "" => Proof::Secret(&request.client_secret),
        text => Proof::Assertion(text, &audiences),
    };
    let outcome = sign_in(service, tenant, &request.client_id, proof).await;
    audit(service, tenant, &request.client_id, outcome.as_ref().err()).await?;
    let (caller, key) = outcome?;
    let issuer = discovery::issuer(base, &tenant.to_string());
    let unique = service.entropy.uuid();
    let now = service.clock.now();
    let issued = service.tokens.issue(&caller, issuer, now, unique).ok_or(TokenFailure::TROUBLE)?;
    tracing::info!(%tenant, client = %caller.client, credential = %key, "signed in");
    Ok(json!({
        "token_type": "Bearer",
        "expires_in": issued.seconds,
        "ext_expires_in": issued.seconds,
        "access_token": issued.token,
    }))
}

/// Writes the audit record of a sign-in, where the client exists. Attempts that were not looked at leave none, so that
/// nobody can fill the log.
async fn audit(
    service: &Service,
    tenant: TenantId,
    client_id: &str,
    failure: Option<&TokenFailure>,
) -> Result<(), TokenFailure> {
    if failure.is_some_and(|failure| failure.error != TokenFailure::CLIENT.error) {
        return Ok(());
    }
    let client =
        find_client(&service.directory.of(tenant), client_id).await.map_err(|error| trouble(&error))?;
    let Some(Client { application, principal }) = client else { return Ok(()) };
    let moment = service.clock.now();
    let record = AuditRecord {
        id: service.entropy.uuid_at(moment),
        moment,
        actor: application.text("appId").unwrap_or_default().to_owned(),
        activity: "Sign in service principal".to_owned(),
        target: principal.id.to_string(),
        old: None,
        new: None,
        success: failure.is_none(),
    };
    service.store.audit(tenant, record).await.map_err(|error| trouble(&error.into()))
}

/// What a client shows to prove who it is.
#[derive(Clone, Copy)]
pub(super) enum Proof<'a> {
    /// A secret.
    Secret(&'a str),
    /// A signed assertion, with the addresses that it may be for.
    Assertion(&'a str, &'a [String]),
}

/// Who a client is by its application id and what it shows, with its permissions, and which of its credentials that is.
pub(super) async fn sign_in(
    service: &Service,
    tenant: TenantId,
    client_id: &str,
    proof: Proof<'_>,
) -> Result<(Caller, Uuid), TokenFailure> {
    let now = service.clock.now();
    if let Some(seconds) = service.secrets.throttle().wait(tenant, client_id, now) {
        return Err(TokenFailure::throttled(seconds));
    }
    let directory = service.directory.of(tenant);
    let client = find_client(&directory, client_id).await.map_err(|error| trouble(&error))?;
    let application = client.as_ref().map(|client| &client.application);
    let proven = match proof {
        Proof::Secret(secret) => {
            let credentials = application.map(PasswordCredential::of).unwrap_or_default();
            service.secrets.check(&credentials, secret, now).await.ok_or(TokenFailure::CLIENT)
        }
        Proof::Assertion(text, audiences) => verify(text, client_id, application, audiences, now),
    };
    let (client, key) = match (client, proven) {
        (Some(client), Ok(key)) => (client, key),
        (_, failed) => {
            service.secrets.throttle().failed(tenant, client_id, now);
            tracing::info!(%tenant, client = %client_id, "sign-in refused");
            return Err(failed.err().unwrap_or(TokenFailure::CLIENT));
        }
    };
    let roles = permissions(&directory, client.principal.id).await.map_err(|error| trouble(&error))?;
    let caller = Caller {
        tenant,
        client: client.application.text("appId").unwrap_or_default().to_owned(),
        principal: Some(client.principal.id),
        outside: None,
        roles: Arc::new(roles),
    };
    Ok((caller, key))
}

/// Which of an application's key credentials signed an assertion.
fn verify(
    text: &str,
    client_id: &str,
    application: Option<&DirectoryObject>,
    audiences: &[String],
    now: Timestamp,
) -> Result<Uuid, TokenFailure> {
    let assertion = Assertion::read(text).ok_or(TokenFailure::ASSERTION)?;
    let credentials = application.map(KeyCredential::of).unwrap_or_default();
    assertion.verify(client_id, &credentials, audiences, now).map_err(|flaw| match flaw {
        Flaw::Client => TokenFailure::WRONG_CLIENT,
        Flaw::Audience => TokenFailure::WRONG_AUDIENCE,
        Flaw::Time => TokenFailure::WRONG_TIME,
        Flaw::Key => TokenFailure::WRONG_KEY,
        Flaw::KeyTime => TokenFailure::OLD_KEY,
        Flaw::Signature => TokenFailure::WRONG_SIGNATURE,
    })
}

async fn find_tenant(service: &Service, key: &str) -> Result<TenantId, TokenFailure> {
    if let Ok(id) = key.parse::<Uuid>() {
        let found = service.store.tenant(TenantId(id)).await.map_err(|error| trouble(&error.into()))?;
        return found.map(|tenant| tenant.id).ok_or(TokenFailure::TENANT);
    }
    let tenants = service.store.tenants().await.map_err(|error| trouble(&error.into()))?;
    let named = tenants.into_iter().find(|tenant| tenant.domain.eq_ignore_ascii_case(key));
    named.map(|tenant| tenant.id).ok_or(TokenFailure::TENANT)
}

struct Client {
    application: DirectoryObject,
    principal: DirectoryObject,
}

/// The client of an application id, if it may sign in.
async fn find_client(directory: &TenantDirectory, id: &str) -> Result<Option<Client>, DirectoryError> {
    let Some(application) = directory.find_by(ObjectKind::Application, "appId", id).await? else {
        return Ok(None);
    };
    let Some(principal) = directory.find_by(ObjectKind::ServicePrincipal, "appId", id).await? else {
        return Ok(None);
    };
    let disabled = principal.properties.get("accountEnabled") == Some(&Json::Bool(false));
    Ok((!disabled).then_some(Client { application, principal }))
}

/// The values of the app roles of Microsoft Graph that a service principal is assigned.
async fn permissions(
    directory: &TenantDirectory,
    principal: Uuid,
) -> Result<BTreeSet<String>, DirectoryError> {
    let Some(graph) = directory.find_by(ObjectKind::ServicePrincipal, "appId", GRAPH_APP_ID).await? else {
        return Ok(BTreeSet::new());
    };
    let assignments = directory.assignments_of(principal, None, MOST_ROLES).await?;
    let granted = assignments.iter().filter(|assignment| assignment.resource == graph.id);
    Ok(granted
        .filter_map(|assignment| Permission::of_role(assignment.app_role))
        .map(|permission| permission.value.to_owned())
        .collect())
}

fn trouble(error: &DirectoryError) -> TokenFailure {
    tracing::error!(%error, "the token endpoint failed");
    TokenFailure::TROUBLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_identifies_itself_in_form_or_header() {
        let form = b"grant_type=client_credentials&client_id=a&client_secret=x%2By+z&scope=https%3A%2F%2Fg%2F.default";
        let request = TokenRequest::read(form, None).unwrap();
        assert_eq!((request.client_id.as_str(), request.client_secret.as_str()), ("a", "x+y z"));
        assert_eq!(request.check(true), Ok(()));
        let header = format!("Basic {}", STANDARD.encode("b:s%3Ac"));
        let request =
            TokenRequest::read(b"grant_type=client_credentials&scope=x/.default", Some(&header)).unwrap();
        assert_eq!((request.client_id.as_str(), request.client_secret.as_str()), ("b", "s:c"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        let check =
            |form: &str| TokenRequest::read(form.as_bytes(), None).and_then(|request| request.check(true));
        assert_eq!(check(""), Err(TokenFailure::MISSING));
        assert_eq!(
            check("grant_type=password&client_id=a&client_secret=b&scope=c/.default"),
            Err(TokenFailure::GRANT)
        );
        let scope = "grant_type=client_credentials&client_id=a&client_secret=b&scope=User.Read";
        assert_eq!(check(scope), Err(TokenFailure::SCOPE));
        assert_eq!(check("client_assertion=x"), Err(TokenFailure::ASSERTION));
        let proof = "grant_type=client_credentials&client_id=a&scope=c/.default";
        assert_eq!(check(proof), Err(TokenFailure::PROOF));
        assert_eq!(check(&format!("{proof}&client_assertion=x")), Err(TokenFailure::ASSERTION_TYPE));
        assert_eq!(check("client_id=%ff"), Err(TokenFailure::MISSING));
    }
}
