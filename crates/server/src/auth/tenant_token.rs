//! Tenant tokens: one bearer token for clients that can hold nothing else, such as the provisioning of applications
//! that take a single secret.
//!
//! A tenant token is a client secret of an application, written together with whose it is:
//! `entente.{tenant id}.{client id}.{client secret}`, the secret percent-encoded (RFC 3986, section 2.1) where it has
//! anything but letters, digits and `-._~`, as secrets that the service makes never do. It holds for the SCIM service alone, for as long as the secret is
//! accepted: whoever removes the secret, disables the service principal or withdraws its permission revokes the token.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use directory::{DirectoryError, GRAPH_APP_ID, ObjectKind, PERMISSIONS, PasswordCredential, Permission};
use model::{SignedDuration, TenantId, Timestamp, Uuid};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value as Json};

use super::Caller;
use super::endpoint::{Proof, TokenFailure, sign_in};
use crate::Service;

/// The permission that the SCIM service asks for.
pub(crate) const SCIM_PERMISSION: &str = "Scim.ReadWrite.All";
/// What every tenant token begins with.
const PREFIX: &str = "entente.";
/// What stands encoded in a token.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// How long a token that was checked is taken again without a look at its application: so soon after it was revoked
/// a token is refused.
const MEMORY: SignedDuration = SignedDuration::from_secs(5);
/// How many checked tokens are remembered.
const REMEMBERED: usize = 1_000;
/// How long a made token holds: two years, as other client secrets.
const LIFETIME: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// The tenant token of a client secret. `client` is the application's `appId`.
///
/// The application's service principal needs the permission `Scim.ReadWrite.All` for the SCIM service to take it.
#[must_use]
pub fn tenant_token(tenant: TenantId, client: Uuid, secret: &str) -> String {
    let secret = utf8_percent_encode(secret, RESERVED);
    format!("{PREFIX}{tenant}.{client}.{secret}")
}

/// Makes an application that may use the SCIM service and nothing else, and returns its tenant token, which is shown
/// only here. Deleting the application revokes it.
///
/// # Errors
/// Where the directory refuses, such as for a name that is too long.
pub async fn create_tenant_token(
    service: &Service,
    tenant: TenantId,
    display_name: &str,
) -> Result<String, DirectoryError> {
    let directory = service.directory.of(tenant);
    let absent = |what| DirectoryError::NotFound { what, id: GRAPH_APP_ID.to_owned() };
    let graph = directory.find_by(ObjectKind::ServicePrincipal, "appId", GRAPH_APP_ID).await?;
    let graph = graph.ok_or_else(|| absent("service principal"))?;
    let permission = PERMISSIONS.iter().find(|permission| permission.value == SCIM_PERMISSION);
    let permission: &Permission = permission.ok_or_else(|| absent("app role"))?;
    let secret = service.secrets.generate().await.ok_or(DirectoryError::Protected("hashing failed"))?;

    let mut properties = Map::new();
    properties.insert("displayName".to_owned(), display_name.into());
    let application = directory.create_application(properties).await?;
    let client: Uuid = application.text("appId").and_then(|id| id.parse().ok()).unwrap_or_default();
    let mut properties = Map::new();
    properties.insert("appId".to_owned(), Json::String(client.to_string()));
    let principal = directory.create_service_principal(properties).await?;
    directory.assign(graph.id, principal.id, permission.id).await?;
    let start = service.clock.now();
    let credential = PasswordCredential {
        key_id: service.entropy.uuid(),
        display_name: Some("Tenant token".to_owned()),
        hint: Some(secret.hint),
        start,
        end: start.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX),
        hash: secret.hash,
    };
    directory.put_password(application.id, credential).await?;
    Ok(tenant_token(tenant, client, &secret.text))
}

/// Checks tenant tokens, and remembers for moments those that held.
#[derive(Default)]
pub(crate) struct TenantTokens {
    checked: Mutex<HashMap<u128, (Caller, Timestamp)>>,
}

impl TenantTokens {
    /// Who a tenant token speaks for; none where the text is no tenant token.
    pub(crate) async fn authenticate(
        &self,
        service: &Service,
        token: &str,
    ) -> Option<Result<Caller, TokenFailure>> {
        let mut parts = token.strip_prefix(PREFIX)?.splitn(3, '.');
        let tenant = TenantId(parts.next()?.parse().ok()?);
        let client: Uuid = parts.next()?.parse().ok()?;
        let secret = percent_decode_str(parts.next()?).decode_utf8().ok()?;
        let (fingerprint, now) = (service.tokens.seal(token), service.clock.now());
        if let Some(caller) = self.recall(fingerprint, now) {
            return Some(Ok(caller));
        }
        let outcome = sign_in(service, tenant, &client.to_string(), Proof::Secret(&secret)).await;
        let outcome = outcome.map(|(caller, _)| only_scim(caller));
        if let Ok(caller) = &outcome {
            self.remember(fingerprint, caller, now);
        }
        Some(outcome)
    }

    fn recall(&self, fingerprint: u128, now: Timestamp) -> Option<Caller> {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.get(&fingerprint).filter(|(_, until)| now < *until).map(|(caller, _)| caller.clone())
    }

    fn remember(&self, fingerprint: u128, caller: &Caller, now: Timestamp) {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.len() >= REMEMBERED {
            checked.retain(|_, (_, until)| now < *until);
        }
        if checked.len() < REMEMBERED {
            let until = now.saturating_add(MEMORY).unwrap_or(now);
            checked.insert(fingerprint, (caller.clone(), until));
        }
    }
}

/// The caller with no more permissions than a tenant token can carry.
fn only_scim(mut caller: Caller) -> Caller {
    let held = caller.has(SCIM_PERMISSION).then(|| SCIM_PERMISSION.to_owned());
    caller.roles = Arc::new(held.into_iter().collect::<BTreeSet<_>>());
    caller
}
