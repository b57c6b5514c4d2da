//! `synchronizationSecretKeyStringValuePair`, and the keys that exist.

use model::secrets::Secrets;
use serde::{Deserialize, Serialize};

use crate::error::{GraphError, nearest};

/// What stands in the place of a sensitive value in answers, and means "keep the saved value" in requests.
pub const MASK: &str = "*";

/// A secret key of the Graph enumeration `synchronizationSecret`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretKey {
    /// The name, spelled as answers spell it.
    pub name: &'static str,
    /// True where the value is never shown.
    pub sensitive: bool,
}

const fn open(name: &'static str) -> SecretKey {
    SecretKey { name, sensitive: false }
}

const fn sensitive(name: &'static str) -> SecretKey {
    SecretKey { name, sensitive: true }
}

/// Every key, in the order of the enumeration; `None` stands for no key and is left out.
pub const SECRET_KEYS: [SecretKey; 44] = [
    open("UserName"),
    sensitive("Password"),
    sensitive("SecretToken"),
    sensitive("AppKey"),
    open("BaseAddress"),
    open("ClientIdentifier"),
    sensitive("ClientSecret"),
    open("SingleSignOnType"),
    open("Sandbox"),
    open("Url"),
    open("Domain"),
    sensitive("ConsumerKey"),
    sensitive("ConsumerSecret"),
    sensitive("TokenKey"),
    open("TokenExpiration"),
    sensitive("Oauth2AccessToken"),
    open("Oauth2AccessTokenCreationTime"),
    sensitive("Oauth2RefreshToken"),
    open("SyncAll"),
    open("InstanceName"),
    open("Oauth2ClientId"),
    sensitive("Oauth2ClientSecret"),
    open("CompanyId"),
    open("UpdateKeyOnSoftDelete"),
    open("SynchronizationSchedule"),
    open("SystemOfRecord"),
    open("SandboxName"),
    open("EnforceDomain"),
    open("SyncNotificationSettings"),
    open("SkipOutOfScopeDeletions"),
    sensitive("Oauth2AuthorizationCode"),
    open("Oauth2RedirectUri"),
    open("ApplicationTemplateIdentifier"),
    open("Oauth2TokenExchangeUri"),
    open("Oauth2AuthorizationUri"),
    open("AuthenticationType"),
    open("Server"),
    open("PerformInboundEntitlementGrants"),
    open("HardDeletesEnabled"),
    sensitive("SyncAgentCompatibilityKey"),
    open("SyncAgentADContainer"),
    open("ValidateDomain"),
    open("TestReferences"),
    sensitive("ConnectionString"),
];

impl SecretKey {
    /// The key of a name in any case, so also in camelCase.
    ///
    /// # Errors
    /// 400 for a name that is no key, with the nearest one.
    pub fn find(name: &str) -> Result<Self, GraphError> {
        SECRET_KEYS.into_iter().find(|key| key.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let mend = match nearest(name, SECRET_KEYS.iter().map(|key| key.name)) {
                Some(known) => format!("'{name}' is no secret key; did you mean '{known}'?"),
                None => format!("'{name}' is no secret key, such as BaseAddress and SecretToken are."),
            };
            GraphError::invalid_property("key", &mend)
        })
    }
}

/// Graph `synchronizationSecretKeyStringValuePair`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretPair {
    /// The key.
    pub key: String,
    /// The value; `*` in answers where it is sensitive.
    #[serde(default)]
    pub value: Option<String>,
}

impl std::fmt::Debug for SecretPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretPair").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The secrets as a client may see them, in the order of the enumeration.
#[must_use]
pub fn masked(secrets: &Secrets) -> Vec<SecretPair> {
    SECRET_KEYS
        .into_iter()
        .filter_map(|key| {
            let value = secrets.get(key.name)?;
            let shown = if key.sensitive { MASK } else { value };
            Some(SecretPair { key: key.name.to_owned(), value: Some(shown.to_owned()) })
        })
        .collect()
}

/// The secrets after a client has sent a list: it replaces the saved one, but `*` keeps the saved value of its key and
/// an empty value or null removes it. Of a repeated key the last pair holds.
///
/// # Errors
/// 400 for an unknown key, and for `*` where nothing is saved under the key.
pub fn replaced(saved: &Secrets, sent: &[SecretPair]) -> Result<Secrets, GraphError> {
    let mut secrets = Secrets::new();
    for pair in sent {
        let key = SecretKey::find(&pair.key)?;
        let value = match pair.value.as_deref() {
            Some(MASK) => saved.get(key.name).ok_or_else(|| {
                GraphError::invalid_property(
                    "value",
                    &format!(
                        "'*' keeps a saved value, but none is saved for the key '{}'. Send the value.",
                        key.name
                    ),
                )
            })?,
            Some(value) => value,
            None => "",
        };
        secrets.set(key.name, value);
    }
    Ok(secrets)
}

/// The secrets with some sent along for one request, such as a test of credentials: saved ones stay where nothing
/// replaces them.
///
/// # Errors
/// As [`replaced`].
pub fn overlaid(saved: &Secrets, sent: &[SecretPair]) -> Result<Secrets, GraphError> {
    let mut secrets = saved.clone();
    for (key, value) in replaced(saved, sent)?.iter() {
        secrets.set(key, value);
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> SecretPair {
        SecretPair { key: key.to_owned(), value: Some(value.to_owned()) }
    }

    fn saved() -> Secrets {
        [("BaseAddress", "http://t"), ("SecretToken", "s3cret"), ("SyncAll", "True")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    }

    #[test]
    fn sensitive_values_are_never_shown() {
        assert_eq!(
            masked(&saved()),
            [pair("SecretToken", "*"), pair("BaseAddress", "http://t"), pair("SyncAll", "True")]
        );
        assert!(!format!("{:?}", pair("SecretToken", "s3cret")).contains("s3cret"));
    }

    #[test]
    fn a_list_replaces_keeps_and_removes() {
        let sent = [pair("baseAddress", "http://u"), pair("secretToken", "*"), pair("SyncAll", "")];
        let after = replaced(&saved(), &sent).unwrap();
        let pairs: Vec<_> = after.iter().collect();
        assert_eq!(pairs, [("BaseAddress", "http://u"), ("SecretToken", "s3cret")]);
        assert_eq!(replaced(&saved(), &[]).unwrap(), Secrets::new());
    }

    #[test]
    fn a_test_of_credentials_falls_back_on_saved_ones() {
        let after = overlaid(&saved(), &[pair("BaseAddress", "http://u")]).unwrap();
        assert_eq!((after.get("BaseAddress"), after.get("SecretToken")), (Some("http://u"), Some("s3cret")));
    }

    #[test]
    fn mistakes_are_named() {
        let error = replaced(&saved(), &[pair("SecretTokn", "x")]).unwrap_err();
        assert!(error.message().contains("did you mean 'SecretToken'?"), "{error}");
        let error = replaced(&Secrets::new(), &[pair("Password", "*")]).unwrap_err();
        assert!(error.message().contains("none is saved for the key 'Password'"), "{error}");
    }
}
