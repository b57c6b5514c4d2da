//! What a SCIM target is built from, checked without connecting.

use std::fmt;
use std::time::Duration;

use connector::{Configuration, ConfigurationError};
use reqwest::Url;
use scim::build::PatchProfile;

type Result<T> = std::result::Result<T, ConfigurationError>;

/// The settings (`Target.…`) that have an effect.
const SETTINGS: [&str; 4] = ["MemberChunkSize", "PageSize", "RequestTimeout", "ScimPatchProfile"];

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimConfiguration {
    /// The secret `BaseAddress`, without a slash at its end.
    pub base: Url,
    /// How requests are signed.
    pub authorization: Authorization,
    /// The form of PATCH requests.
    pub patch_profile: PatchProfile,
    /// Resources per page of a list, from 1.
    pub page_size: u64,
    /// Members that one request adds or removes, from 1.
    pub member_chunk_size: usize,
    /// How long an answer may take as a whole.
    pub request_timeout: Duration,
}

/// How requests are signed.
#[derive(Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Not at all: neither a token nor a user name is among the secrets.
    None,
    /// With the secret `SecretToken` as a bearer token.
    Bearer(String),
    /// With the secrets `UserName` and `Password`.
    Basic {
        /// The user name, without a colon.
        user_name: String,
        /// The password.
        password: String,
    },
}

/// Tells the kind and hides the values.
impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::Basic { .. } => "Basic(…)",
        })
    }
}

impl ScimConfiguration {
    /// Reads the secrets `BaseAddress`, `SecretToken` or `UserName` and `Password`, and the settings `PageSize` (1 to
    /// 1000, default 100), `MemberChunkSize` (1 to 1000, default 100), `RequestTimeout` (ISO 8601, `PT1S` to `PT10M`,
    /// default `PT1M`) and `ScimPatchProfile` (`rfc7644`). A token goes before a user name.
    pub fn read(configuration: &Configuration) -> Result<Self> {
        if let Some((name, _)) =
            configuration.settings.iter().find(|(name, _)| !SETTINGS.contains(&name.as_str()))
        {
            let reason = format!("no setting of a SCIM target; it has {}", SETTINGS.join(", "));
            return Err(ConfigurationError::invalid(name, reason));
        }
        let setting = |name: &str| {
            let found = configuration.settings.iter().rev().find(|(key, _)| key == name);
            found.map(|(_, value)| value.trim())
        };
        Ok(Self {
            base: base_address(configuration)?,
            authorization: authorization(configuration)?,
            patch_profile: patch_profile(setting("ScimPatchProfile"))?,
            page_size: ranged("PageSize", setting("PageSize"))?.into(),
            member_chunk_size: ranged("MemberChunkSize", setting("MemberChunkSize"))?.into(),
            request_timeout: request_timeout(setting("RequestTimeout"))?,
        })
    }
}

fn base_address(configuration: &Configuration) -> Result<Url> {
    const KEY: &str = "BaseAddress";
    let Some(text) = configuration.secrets.get(KEY).map(str::trim).filter(|text| !text.is_empty()) else {
        return Err(ConfigurationError::missing(
            KEY,
            "the SCIM service's address is needed, such as https://example.com/scim/v2",
        ));
    };
    let invalid = |reason: &str| ConfigurationError::invalid(KEY, reason);
    let mut url = Url::parse(text)
        .map_err(|error| invalid(&format!("not an address such as https://example.com/scim/v2 ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("the address must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "the address must not hold credentials; use SecretToken, or UserName and Password",
        ));
    }
    if url.query().is_some() {
        return Err(invalid(
            "the address must not have a query; flags such as aadOptscim062020 are not understood yet",
        ));
    }
    if url.fragment().is_some() {
        return Err(invalid("the address must not have a part after #"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn authorization(configuration: &Configuration) -> Result<Authorization> {
    let secret = |key: &str| configuration.secrets.get(key).filter(|value| !value.is_empty());
    if let Some(token) = secret("SecretToken") {
        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(ConfigurationError::invalid(
                "SecretToken",
                "a bearer token has only visible ASCII characters and no spaces; give it without \"Bearer\"",
            ));
        }
        return Ok(Authorization::Bearer(token.to_owned()));
    }
    match (secret("UserName"), secret("Password")) {
        (None, None) => Ok(Authorization::None),
        (Some(_), None) => {
            Err(ConfigurationError::missing("Password", "UserName is given, so its password is needed"))
        }
        (None, Some(_)) => {
            Err(ConfigurationError::missing("UserName", "Password is given, so its user name is needed"))
        }
        (Some(user_name), Some(_)) if user_name.contains(':') || user_name.contains(char::is_control) => {
            Err(ConfigurationError::invalid(
                "UserName",
                "a user name of basic authorization has neither colons nor control characters",
            ))
        }
        (Some(user_name), Some(password)) => {
            Ok(Authorization::Basic { user_name: user_name.to_owned(), password: password.to_owned() })
        }
    }
}

fn patch_profile(text: Option<&str>) -> Result<PatchProfile> {
    match text {
        None | Some("rfc7644") => Ok(PatchProfile::Rfc7644),
        Some(other) => {
            let reason = format!("'{other}' is no PATCH profile; it must be rfc7644");
            Err(ConfigurationError::invalid("ScimPatchProfile", reason))
        }
    }
}

/// A number from 1 to 1000; 100 where nothing is set.
fn ranged(name: &str, text: Option<&str>) -> Result<u16> {
    let Some(text) = text else { return Ok(100) };
    text.parse()
        .ok()
        .filter(|number| (1..=1000).contains(number))
        .ok_or_else(|| ConfigurationError::invalid(name, format!("'{text}' must be a number from 1 to 1000")))
}

fn request_timeout(text: Option<&str>) -> Result<Duration> {
    let Some(text) = text else { return Ok(Duration::from_mins(1)) };
    let parsed: Option<Duration> =
        text.parse::<model::SignedDuration>().ok().and_then(|span| span.try_into().ok());
    parsed.filter(|span| (Duration::from_secs(1)..=Duration::from_mins(10)).contains(span)).ok_or_else(|| {
        ConfigurationError::invalid(
            "RequestTimeout",
            format!("'{text}' must be a duration from PT1S to PT10M"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::secrets::Secrets;

    fn configuration(secrets: &[(&str, &str)], settings: &[(&str, &str)]) -> Configuration {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        Configuration {
            tenant: model::TenantId(model::Uuid::nil()),
            service_principal: model::ServicePrincipalId(model::Uuid::nil()),
            job: None,
            secrets: owned(secrets).into_iter().collect::<Secrets>(),
            settings: owned(settings),
            nested_groups: false,
        }
    }

    #[test]
    fn what_is_given_is_read() {
        let secrets = [("BaseAddress", " https://Example.com:8443/scim/v2/ "), ("SecretToken", "t0ken")];
        let read = ScimConfiguration::read(&configuration(
            &secrets,
            &[("PageSize", "50"), ("RequestTimeout", "PT5S")],
        ))
        .unwrap();
        assert_eq!(read.base.as_str(), "https://example.com:8443/scim/v2");
        assert_eq!(read.authorization, Authorization::Bearer("t0ken".to_owned()));
        assert_eq!((read.page_size, read.member_chunk_size), (50, 100));
        assert_eq!(read.request_timeout, Duration::from_secs(5));
        assert!(!format!("{read:?}").contains("t0ken"));
        let secrets = [("BaseAddress", "http://127.0.0.1"), ("UserName", "u"), ("Password", "p")];
        let read = ScimConfiguration::read(&configuration(&secrets, &[])).unwrap();
        assert_eq!(
            read.authorization,
            Authorization::Basic { user_name: "u".to_owned(), password: "p".to_owned() }
        );
        let read = ScimConfiguration::read(&configuration(&[("BaseAddress", "http://h/x")], &[])).unwrap();
        assert_eq!(read.authorization, Authorization::None);
    }

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    #[test]
    fn what_is_wrong_is_named() {
        let good = ("BaseAddress", "https://h");
        let cases: [(Pairs<'_>, Pairs<'_>, &str, bool); 15] = [
            (&[], &[], "BaseAddress", true),
            (&[("BaseAddress", " ")], &[], "BaseAddress", true),
            (&[("BaseAddress", "example.com/scim")], &[], "BaseAddress", false),
            (&[("BaseAddress", "ftp://h")], &[], "BaseAddress", false),
            (&[("BaseAddress", "https://u:p@h")], &[], "BaseAddress", false),
            (&[("BaseAddress", "https://h?aadOptscim062020")], &[], "BaseAddress", false),
            (&[("BaseAddress", "https://h#x")], &[], "BaseAddress", false),
            (&[good, ("SecretToken", "a b")], &[], "SecretToken", false),
            (&[good, ("UserName", "u")], &[], "Password", true),
            (&[good, ("Password", "p")], &[], "UserName", true),
            (&[good, ("UserName", "u:v"), ("Password", "p")], &[], "UserName", false),
            (&[good], &[("PageSize", "0")], "PageSize", false),
            (&[good], &[("RequestTimeout", "1 day")], "RequestTimeout", false),
            (&[good], &[("ScimPatchProfile", "other")], "ScimPatchProfile", false),
            (&[good], &[("PageSise", "1")], "PageSise", false),
        ];
        for (secrets, settings, key, missing) in cases {
            let error = ScimConfiguration::read(&configuration(secrets, settings)).unwrap_err();
            assert_eq!((error.key.as_str(), error.missing), (key, missing), "{error}");
        }
    }
}
