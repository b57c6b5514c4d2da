//! Who calls: client credentials, tokens, and what a caller may do.
//!
//! A client is an application with client secrets or certificates; its permissions are the app roles of the built-in service
//! principal "Microsoft Graph" that its own service principal is assigned. The token endpoint turns both into a signed
//! token, and every request is judged by its token alone. Tokens of trusted outside issuers are judged by [`issuers`].

mod assertion;
mod certificates;
mod discovery;
mod endpoint;
mod issuers;
mod jws;
pub(crate) mod key_credentials;
mod public_key;
mod remembered;
mod secrets;
mod signing_keys;
mod tenant_token;
mod throttle;
mod tokens;

use std::collections::BTreeSet;
use std::sync::Arc;

use graph::GraphError;
use model::{SignedDuration, TenantId, Timestamp, Uuid};

use crate::Service;

pub(crate) use discovery::{jwks, openid_configuration};
pub(crate) use endpoint::{TokenRequest, issue};
pub use issuers::{KeyAddress, KeyFetch, OutsideIssuers, TenantOf, TrustedIssuer};
pub use secrets::{ClientSecrets, NewSecret};
pub use signing_keys::{SigningKeyError, SigningKeys};
pub(crate) use tenant_token::{SCIM_PERMISSION, TenantTokens};
pub use tenant_token::{create_tenant_token, tenant_token};
pub use tokens::TokenAuthority;

/// Who a valid token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant; nothing of another is visible.
    pub tenant: TenantId,
    /// The client's application id; of an outside issuer's client that stands for none of the tenant, its name with the
    /// issuer's.
    pub client: String,
    /// The object id of the client's service principal; none where it is no client of the tenant.
    pub principal: Option<Uuid>,
    /// Who calls by the words of an outside issuer, where the token is from one.
    pub outside: Option<String>,
    /// The permissions that the token carries.
    pub roles: Arc<BTreeSet<String>>,
}

impl Caller {
    /// True where the token carries a permission.
    #[must_use]
    pub fn has(&self, permission: &str) -> bool {
        self.roles.contains(permission)
    }

    /// Who calls, for records.
    #[must_use]
    pub fn actor(&self) -> &str {
        self.outside.as_deref().unwrap_or(&self.client)
    }
}

/// Who a bearer token speaks for, whoever of those that are trusted issued it.
///
/// # Errors
/// 401 with what is wrong, 503 where an outside issuer's keys cannot be had.
pub(crate) async fn authenticate(service: &Service, token: &str) -> Result<Caller, GraphError> {
    match service.issuers.authenticate(service, token).await {
        Some(judged) => judged,
        None => service.tokens.authenticate(token, service.clock.now()),
    }
}

/// The moment of a number of seconds since 1970, of which some issuers send fractions.
fn moment(seconds: f64) -> Option<Timestamp> {
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(since).ok()
}
