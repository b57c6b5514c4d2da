//! What clients read before they ask for a token (`OpenID` Connect Discovery 1.0).

use serde_json::{Value as Json, json};

use crate::Service;

/// The metadata of a tenant's issuer. `base` is the service's address.
pub(crate) fn openid_configuration(base: &str, tenant: &str) -> Json {
    let authority = format!("{base}/{tenant}");
    json!({
        "issuer": issuer(base, tenant),
        "token_endpoint": format!("{authority}/oauth2/v2.0/token"),
        // Part of every metadata document; people do not sign in here.
        "authorization_endpoint": format!("{authority}/oauth2/v2.0/authorize"),
        "jwks_uri": format!("{authority}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": [".default"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "appid", "oid", "tid", "roles", "ver"],
        "tenant_region_scope": null,
        "cloud_instance_name": base,
        "msgraph_host": base,
    })
}

/// The issuer that a tenant's tokens name.
pub(super) fn issuer(base: &str, tenant: &str) -> String {
    format!("{base}/{tenant}/v2.0")
}

/// What an assertion of a client may name as its audience: the token endpoints and the issuer of a tenant, by any of the
/// names that its addresses may have.
pub(super) fn audiences(base: &str, tenants: &[&str]) -> Vec<String> {
    let ends = ["oauth2/v2.0/token", "oauth2/token", "v2.0"];
    tenants.iter().flat_map(|tenant| ends.map(|end| format!("{base}/{tenant}/{end}"))).collect()
}

/// The keys that verify tokens.
pub(crate) fn jwks(service: &Service) -> Json {
    service.tokens.public_keys()
}
