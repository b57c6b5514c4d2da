//! The service's address, and the flags that may stand in its query.

use connector::ConfigurationError;
use reqwest::Url;
use scim::build::PatchProfile;
use sha2::{Digest as _, Sha256};

use super::Result;

/// The secret's name.
const KEY: &str = "BaseAddress";

/// Parameters that services take credentials in; `code` is that of Azure Functions, `sig` that of Azure Logic Apps.
const CREDENTIALS: [&str; 12] = [
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "code",
    "key",
    "secret",
    "sig",
    "signature",
    "subscription-key",
    "token",
];

/// The secret `BaseAddress`, taken apart.
pub(super) struct Address {
    /// Without the flags and without a slash at the end of its path.
    pub(super) base: Url,
    /// The profile that a flag asks for, as in `?aadOptscim062020`.
    pub(super) flag: Option<PatchProfile>,
}

impl Address {
    pub(super) fn read(text: Option<&str>) -> Result<Self> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Err(ConfigurationError::missing(
                KEY,
                "the SCIM service's address is needed, such as https://example.com/scim/v2",
            ));
        };
        let mut base = Url::parse(text).map_err(|error| {
            invalid(format!("not an address such as https://example.com/scim/v2 ({error})"))
        })?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(invalid("the address must begin with https:// or http://"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(invalid(
                "the address must not hold credentials; use SecretToken, or UserName and Password",
            ));
        }
        if base.fragment().is_some() {
            return Err(invalid("the address must not have a part after #"));
        }
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let flag = take_flag(&mut base)?;
        Ok(Self { base, flag })
    }

    /// The address without credentials. Values of other parameters are told by a hash: any of them may be secret.
    pub(super) fn identity(&self) -> String {
        let mut bare = self.base.clone();
        bare.set_query(None);
        let mut told: Vec<String> = self
            .base
            .query_pairs()
            .filter(|(name, _)| !CREDENTIALS.iter().any(|known| known.eq_ignore_ascii_case(name)))
            .map(|(name, value)| format!("{name}=#{}", fingerprint(&value)))
            .collect();
        if told.is_empty() {
            return bare.to_string();
        }
        told.sort();
        format!("{bare}?{}", told.join("&"))
    }
}

/// Eight hexadecimal digits of the SHA-256 of a text.
fn fingerprint(text: &str) -> String {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(text.as_bytes()));
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// Takes the flags out of the query and leaves the rest. Their names are read in any case; `=true` may follow.
fn take_flag(base: &mut Url) -> Result<Option<PatchProfile>> {
    let query = base.query().unwrap_or("").to_owned();
    let (mut flag, mut rest) = (None, Vec::new());
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        // Some write a slash behind the flag.
        let (name, value) = (name.trim_end_matches('/'), value.trim_end_matches('/'));
        let named =
            |profile: &PatchProfile| profile.is_entra() && profile.as_str().eq_ignore_ascii_case(name);
        let Some(profile) = PatchProfile::ALL.into_iter().find(named) else {
            rest.push(part);
            continue;
        };
        if value.eq_ignore_ascii_case("false") {
            continue;
        }
        if !value.is_empty() && !value.eq_ignore_ascii_case("true") {
            return Err(invalid(format!("the flag {name} takes no value but true or false")));
        }
        if flag.replace(profile).is_some_and(|before| before != profile) {
            return Err(invalid("the address has two flags that contradict each other; leave one"));
        }
    }
    base.set_query(Some(rest.join("&").as_str()).filter(|rest| !rest.is_empty()));
    Ok(flag)
}

fn invalid(reason: impl Into<String>) -> ConfigurationError {
    ConfigurationError::invalid(KEY, reason)
}
