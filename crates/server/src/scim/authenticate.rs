//! Who calls the SCIM service.

use http::{HeaderMap, header};
use scim::Error;

use super::failure::{Failure, Result};
use crate::Service;
use crate::auth::{self, Caller, SCIM_PERMISSION, TenantTokens};

/// Who sent a request with these headers: the client of a Graph token or of a tenant token, if it has the permission
/// that the SCIM service asks for.
pub(super) async fn authenticate(
    service: &Service,
    tokens: &TenantTokens,
    headers: &HeaderMap,
) -> Result<Caller> {
    let token = bearer(headers)?;
    let caller = match tokens.authenticate(service, token).await {
        Some(Ok(caller)) => caller,
        Some(Err(failure)) => {
            let error = Error::new(failure.status, None, failure.description);
            return Err(Failure { retry_after: failure.retry_after, ..error.into() });
        }
        None => {
            let caller = auth::authenticate(service, token).await;
            caller.map_err(|error| {
                let failure = Failure::new(error.status(), error.message());
                Failure { retry_after: error.retry_after(), ..failure }
            })?
        }
    };
    if caller.has(SCIM_PERMISSION) {
        return Ok(caller);
    }
    let detail = format!(
        "The client {} has no permission to use the SCIM service. Grant its service principal the app role {SCIM_PERMISSION}.",
        caller.actor()
    );
    Err(Failure::new(403, detail))
}

fn bearer(headers: &HeaderMap) -> Result<&str> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value
        .and_then(|text| text.trim().split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty());
    token.ok_or_else(|| {
        Failure::new(401, "The request has no bearer token. Send the header 'Authorization: Bearer {token}'.")
    })
}
