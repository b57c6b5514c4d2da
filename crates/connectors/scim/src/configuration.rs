//! What a SCIM target is built from, checked without connecting.

use std::time::Duration;

use connector::{Configuration, ConfigurationError};
use model::secrets::Secrets;
use reqwest::Url;
use scim::build::{Extensions, PatchProfile};

mod address;
mod authorization;
#[cfg(test)]
mod tests;

pub(crate) use authorization::is_token;
pub use authorization::{Authorization, Grant, OauthClient};

use address::Address;

type Result<T> = std::result::Result<T, ConfigurationError>;

/// The settings (`Target.…`) that have an effect.
const SETTINGS: [&str; 12] = [
    "IdsChange",
    "Listing",
    "MemberChunkSize",
    "MemberReferences",
    "NoFilterOn",
    "Oauth2Scope",
    "OmitExtensionSchemas",
    "PageSize",
    "Patch",
    "RequestTimeout",
    "ScimPatchProfile",
    "SoftDelete",
];

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimConfiguration {
    /// The secret `BaseAddress`, without a slash at its end and without the flags in its query. What else the query
    /// holds goes with every request.
    pub base: Url,
    /// How requests are signed.
    pub authorization: Authorization,
    /// The form of requests: the setting `ScimPatchProfile`, else the flag in the address.
    pub patch_profile: PatchProfile,
    /// Resources per page of a list, from 1.
    pub page_size: u64,
    /// Members that one request adds or removes, from 1.
    pub member_chunk_size: usize,
    /// How long an answer may take as a whole.
    pub request_timeout: Duration,
    /// Where the service differs from others.
    pub quirks: Quirks,
}

/// Where a service differs from what SCIM lets one expect. Templates say it for known services.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Quirks {
    /// `NoFilterOn`: paths of attributes that the service cannot filter by; `*` stands for all. Objects are then found
    /// by reading the whole list.
    pub unfiltered: Vec<String>,
    /// `Listing`: whether the whole type can be listed. Where not, objects are found by filter alone, as Entra does it.
    pub listing: bool,
    /// `OmitExtensionSchemas`: whether `schemas` of a new resource names the extensions that it uses.
    pub extensions: Extensions,
    /// `IdsChange`: true where an update may give an object another id.
    pub ids_change: bool,
    /// `Patch`: false where changes are sent as PUT although the service says that it can PATCH.
    pub patch: bool,
    /// `SoftDelete`: false where the service cannot keep a disabled user.
    pub soft_delete: bool,
    /// `MemberReferences`: true where members need the address of the user in `$ref`.
    pub member_references: bool,
}

impl ScimConfiguration {
    /// Reads the secrets `BaseAddress` and those of [`Authorization`], and the settings: `PageSize` and
    /// `MemberChunkSize` (1 to 1000, default 100), `RequestTimeout` (ISO 8601, `PT1S` to `PT10M`, default `PT1M`),
    /// `ScimPatchProfile` (a name of [`PatchProfile`]) and those of [`Quirks`].
    pub fn read(configuration: &Configuration) -> Result<Self> {
        if let Some((name, _)) =
            configuration.settings.iter().find(|(name, _)| !SETTINGS.contains(&name.as_str()))
        {
            let reason = format!("no setting of a SCIM target; it has {}", SETTINGS.join(", "));
            return Err(ConfigurationError::invalid(name, reason));
        }
        let setting = |name: &str| setting(configuration, name);
        let address = Address::read(configuration.secrets.get("BaseAddress"))?;
        let patch_profile = match setting("ScimPatchProfile") {
            Some(name) => patch_profile(name)?,
            None => address.flag.unwrap_or_default(),
        };
        Ok(Self {
            base: address.base,
            authorization: authorization::read(&configuration.secrets, setting("Oauth2Scope"))?,
            patch_profile,
            page_size: ranged("PageSize", setting("PageSize"))?.into(),
            member_chunk_size: ranged("MemberChunkSize", setting("MemberChunkSize"))?.into(),
            request_timeout: request_timeout(setting("RequestTimeout"))?,
            quirks: Quirks::read(setting, patch_profile)?,
        })
    }
}

/// Which service the secret `BaseAddress` names, to be told apart from others and shown to people; empty where it names
/// none. Credentials in its query change, and the service stays the same; what else the query holds may tell a tenant.
pub(crate) fn identity(secrets: &Secrets) -> String {
    Address::read(secrets.get("BaseAddress")).map(|address| address.identity()).unwrap_or_default()
}

impl Quirks {
    fn read<'a>(setting: impl Fn(&'static str) -> Option<&'a str>, profile: PatchProfile) -> Result<Self> {
        let flag = |name: &'static str, default: bool| flag(name, setting(name), default);
        let unfiltered = match setting("NoFilterOn") {
            Some(names) => paths("NoFilterOn", names)?,
            None => Vec::new(),
        };
        let extensions = if flag("OmitExtensionSchemas", false)? {
            Extensions::Unannounced
        } else {
            Extensions::Announced
        };
        Ok(Self {
            unfiltered,
            // Entra asks for one object at a time.
            listing: flag("Listing", !profile.is_entra())?,
            extensions,
            ids_change: flag("IdsChange", false)?,
            patch: flag("Patch", true)?,
            soft_delete: flag("SoftDelete", true)?,
            member_references: flag("MemberReferences", false)?,
        })
    }

    /// True where the service cannot filter by the attribute.
    #[must_use]
    pub fn cannot_filter_by(&self, attribute: &str) -> bool {
        self.unfiltered.iter().any(|path| path == "*" || path.eq_ignore_ascii_case(attribute))
    }
}

/// The client of the token endpoint that the secrets name, for getting a token by order. A code that is there has not
/// been used yet, so that it goes before a refresh token.
pub(crate) fn oauth_client(configuration: &Configuration) -> Result<OauthClient> {
    const ENDPOINT: &str = "Oauth2TokenExchangeUri";
    let mut secrets = configuration.secrets.clone();
    if secrets.get("Oauth2AuthorizationCode").is_some() {
        secrets.set("Oauth2RefreshToken", "");
    }
    let Some(endpoint) = secrets.get(ENDPOINT) else {
        return Err(ConfigurationError::missing(ENDPOINT, "the address of the token endpoint is needed"));
    };
    authorization::client(&secrets, endpoint, setting(configuration, "Oauth2Scope"))
}

/// The value of a setting.
fn setting<'a>(configuration: &'a Configuration, name: &str) -> Option<&'a str> {
    let found = configuration.settings.iter().rev().find(|(key, _)| key == name);
    found.map(|(_, value)| value.trim())
}

fn patch_profile(text: &str) -> Result<PatchProfile> {
    PatchProfile::ALL.into_iter().find(|profile| profile.as_str().eq_ignore_ascii_case(text)).ok_or_else(
        || {
            let names = PatchProfile::ALL.map(PatchProfile::as_str).join(", ");
            let reason = format!("'{text}' is no PATCH profile; there are {names}");
            ConfigurationError::invalid("ScimPatchProfile", reason)
        },
    )
}

/// Paths with commas between them. A comma within quotes or brackets is part of a path.
fn paths(name: &str, text: &str) -> Result<Vec<String>> {
    let (mut paths, mut depth, mut quoted) = (vec![String::new()], 0_i32, false);
    for one in text.chars() {
        match one {
            '"' => quoted = !quoted,
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        match paths.last_mut() {
            Some(path) if one != ',' || quoted || depth > 0 => path.push(one),
            _ => paths.push(String::new()),
        }
    }
    let paths: Vec<String> = paths.iter().map(|path| path.trim().to_owned()).collect();
    for path in paths.iter().filter(|path| *path != "*") {
        if let Err(error) = path.parse::<scim::Path>() {
            let reason =
                format!("'{path}' is no attribute path such as emails[type eq \"work\"].value: {error}");
            return Err(ConfigurationError::invalid(name, reason));
        }
    }
    Ok(paths)
}

fn flag(name: &str, text: Option<&str>, default: bool) -> Result<bool> {
    match text {
        None => Ok(default),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(text) => Err(ConfigurationError::invalid(name, format!("'{text}' must be true or false"))),
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
