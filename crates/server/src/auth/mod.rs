//! Who calls: client credentials, tokens, and what a caller may do.
//!
//! A client is an application with client secrets or certificates; its permissions are the app roles of the built-in service
//! principal "Microsoft Graph" that its own service principal is assigned. The token endpoint turns both into a signed
//! token, and every request is judged by its token alone.

mod assertion;
mod certificates;
mod discovery;
mod endpoint;
mod jws;
pub(crate) mod key_credentials;
mod secrets;
mod signing_keys;
mod tenant_token;
mod throttle;
mod tokens;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{TenantId, Uuid};

pub(crate) use discovery::{jwks, openid_configuration};
pub(crate) use endpoint::{TokenRequest, issue};
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
    /// The client's application id.
    pub client: String,
    /// The object id of the client's service principal.
    pub principal: Uuid,
    /// The permissions that the token carries.
    pub roles: Arc<BTreeSet<String>>,
}

impl Caller {
    /// True where the token carries a permission.
    #[must_use]
    pub fn has(&self, permission: &str) -> bool {
        self.roles.contains(permission)
    }
}
