//! Trusted outside issuers: tokens that another identity provider made, believed for what the configuration says of it.
//!
//! A token is judged in this order: issuer, algorithm, key, signature, audience, time ([`claims`]), then whom it speaks
//! for and what it may ([`TrustedIssuer`]). What the configuration does not grant, nobody has. The issuer's keys are
//! fetched through [`KeyFetch`] and kept by [`keys`].

mod claims;
mod jwk;
mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use directory::{DirectoryError, ObjectKind, PERMISSIONS};
use graph::GraphError;
use model::{Clock, SignedDuration, TenantId, Timestamp, Uuid};
use serde::Deserialize;
use serde_json::Value as Json;

use self::claims::Claims;
use self::jwk::Verdict;
use self::keys::{IssuerKeys, Lack};
use super::Caller;
use super::jws::Parts;
use super::remembered::Remembered;
use crate::Service;

/// How long a token that was checked is believed without another look at keys, tenant and client.
const MEMORY: SignedDuration = SignedDuration::from_mins(5);

/// Another identity provider whose tokens are taken, and what they are worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// What `iss` of its tokens says, to the letter.
    pub issuer: String,
    /// Where its keys are.
    pub keys: KeyAddress,
    /// What `aud` of a token may say; one suffices.
    pub audiences: Vec<String>,
    /// The tenant that its tokens speak for.
    pub tenant: TenantOf,
    /// The claim that names the client; where none is given the first there is of `azp`, `appid`, `client_id`, `sub`.
    pub client_claim: Option<String>,
    /// The claim that lists what the client may: its name, or a JSON Pointer (RFC 6901) to it. A list of texts, or one
    /// text with spaces between the values.
    pub permissions_claim: String,
    /// The permissions that a value of that claim stands for. Without this table a value stands for the permission of
    /// its name; with it, values that are not in it stand for nothing.
    pub permissions: Option<BTreeMap<String, Vec<String>>>,
    /// Clients of the issuer that act as a client of the tenant, by its application id, and own what that one owns.
    pub clients: BTreeMap<String, Uuid>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAddress {
    /// At this address, as a set of JSON Web Keys (RFC 7517).
    At(String),
    /// Where the issuer's own description says (`OpenID` Connect Discovery 1.0, section 4).
    Discovered,
}

/// The tenant that an issuer's tokens speak for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantOf {
    /// Always this one.
    Fixed(TenantId),
    /// The one whose id this claim holds.
    Claim(String),
}

/// Reads what an issuer publishes.
///
/// An implementation MUST refuse addresses that are neither https nor http on loopback, follow no redirect, and end
/// within limits of time and size.
#[async_trait]
pub trait KeyFetch: Send + Sync {
    /// The document at an address; fails in words that name the reason.
    async fn fetch(&self, address: &str) -> Result<Vec<u8>, String>;
}

/// The issuers that an installation trusts beside itself.
#[derive(Default)]
pub struct OutsideIssuers {
    issuers: Vec<(TrustedIssuer, Arc<IssuerKeys>)>,
    checked: Remembered,
}

impl OutsideIssuers {
    /// Trusts these issuers.
    #[must_use]
    pub fn new(issuers: Vec<TrustedIssuer>, fetch: &Arc<dyn KeyFetch>, clock: &Arc<dyn Clock>) -> Self {
        let with_keys = |trusted: TrustedIssuer| {
            let keys = IssuerKeys::new(&trusted, fetch.clone(), clock.clone());
            (trusted, Arc::new(keys))
        };
        Self { issuers: issuers.into_iter().map(with_keys).collect(), checked: Remembered::default() }
    }

    /// Fetches the keys of every issuer, so that a mistake is told in the log before the first token comes.
    pub async fn warm(&self) {
        futures::future::join_all(self.issuers.iter().map(|(_, keys)| keys.refresh())).await;
    }

    /// Who a token speaks for; none where none of these issuers made it, by its own words.
    pub(super) async fn authenticate(
        &self,
        service: &Service,
        token: &str,
    ) -> Option<Result<Caller, GraphError>> {
        if self.issuers.is_empty() {
            return None;
        }
        let (fingerprint, now) = (service.tokens.seal(token), service.clock.now());
        if let Some(caller) = self.checked.get(fingerprint, now) {
            return Some(Ok(caller));
        }
        let parts = Parts::read(token).ok()?;
        let named: Named = parts.claims().ok()?;
        let (trusted, keys) = self.issuers.iter().find(|(trusted, _)| trusted.issuer == named.iss)?;
        let judged = judge(service, trusted, keys, &parts).await;
        Some(judged.map(|(caller, expiry)| {
            let until = now.saturating_add(MEMORY).map_or(expiry, |until| until.min(expiry));
            self.checked.put(fingerprint, &caller, until, now);
            tracing::info!(tenant = %caller.tenant, client = caller.actor(), "a token of a trusted issuer is taken");
            caller
        }))
    }
}

/// Whose token it says it is.
#[derive(Deserialize)]
struct Named {
    iss: String,
}

/// Who a token of an issuer speaks for, and until when.
async fn judge(
    service: &Service,
    trusted: &TrustedIssuer,
    keys: &Arc<IssuerKeys>,
    parts: &Parts,
) -> Result<(Caller, Timestamp), GraphError> {
    let refuse = |reason: &str| {
        tracing::info!(issuer = trusted.issuer, reason, "a token of a trusted issuer is refused");
        GraphError::invalid_token(format!("Access token validation failure. {reason}"))
    };
    parts.header.check_outside().map_err(refuse)?;
    match keys.verify(parts).await {
        Ok(Verdict::Holds) => {}
        Ok(Verdict::Wrong) => return Err(refuse("Invalid signature.")),
        Ok(Verdict::UnknownKey) => {
            return Err(refuse("The issuer publishes no such key for this algorithm."));
        }
        Err(Lack { seconds }) => {
            let missing = "The keys of the token's issuer cannot be had at present.";
            return Err(GraphError::unavailable(missing, seconds));
        }
    }
    let claims = parts.claims().map(Claims).map_err(|_| refuse("The claims are no JSON object."))?;
    let expiry = claims.check(&trusted.audiences, service.clock.now()).map_err(refuse)?;
    let tenant = claims.tenant(&trusted.tenant).ok_or_else(|| refuse(TENANT))?;
    let known = service.store.tenant(tenant).await.map_err(|error| trouble(&error.into()))?;
    known.ok_or_else(|| refuse(TENANT))?;
    let client = claims.client(trusted.client_claim.as_deref());
    let client = client.ok_or_else(|| refuse("No claim names the client."))?;
    let name = claims.name(&trusted.issuer, client);
    let mut caller =
        Caller { tenant, client: name.clone(), principal: None, outside: Some(name), roles: Arc::default() };
    if let Some(app_id) = trusted.clients.get(client) {
        let local = local_client(service, tenant, *app_id).await.map_err(|error| trouble(&error))?;
        let local = local.ok_or_else(|| refuse("The client that it stands for is gone or disabled."))?;
        (caller.client, caller.principal) = (app_id.to_string(), Some(local));
    }
    let mut roles = permissions(trusted, &claims);
    if caller.principal.is_none() {
        // Who is nobody of the tenant can own nothing in it.
        roles.retain(|permission| !permission.ends_with(".OwnedBy"));
    }
    caller.roles = Arc::new(roles);
    Ok((caller, expiry))
}

const TENANT: &str = "It names no tenant that it may speak for.";

fn trouble(error: &DirectoryError) -> GraphError {
    tracing::error!(%error, "a token of a trusted issuer cannot be judged");
    GraphError::internal()
}

/// The permissions that a token's claim stands for.
fn permissions(trusted: &TrustedIssuer, claims: &Claims) -> BTreeSet<String> {
    let values = claims.values(&trusted.permissions_claim);
    let granted: Vec<&str> = match &trusted.permissions {
        None => values,
        Some(table) => {
            values.into_iter().filter_map(|value| table.get(value)).flatten().map(String::as_str).collect()
        }
    };
    let exists = |value: &&str| PERMISSIONS.iter().any(|permission| permission.value == *value);
    granted.into_iter().filter(exists).map(str::to_owned).collect()
}

/// The service principal of a client of the tenant, if it may sign in.
async fn local_client(
    service: &Service,
    tenant: TenantId,
    app_id: Uuid,
) -> Result<Option<Uuid>, DirectoryError> {
    let directory = service.directory.of(tenant);
    let found = directory.find_by(ObjectKind::ServicePrincipal, "appId", &app_id.to_string()).await?;
    let enabled =
        found.filter(|principal| principal.properties.get("accountEnabled") != Some(&Json::Bool(false)));
    Ok(enabled.map(|principal| principal.id))
}
