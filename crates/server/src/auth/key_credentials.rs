//! Key credentials of applications (Graph `keyCredential`): certificates whose keys sign a client's assertions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::DirectoryObject;
use graph::GraphError;
use model::{Entropy, Timestamp, Uuid};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::certificates::Certificate;

/// The property of the list.
const LIST: &str = "keyCredentials";
/// Key credentials that an application may have.
const MOST: usize = 100;
/// The only type whose key the service itself needs nothing else for.
const TYPE: &str = "AsymmetricX509Cert";

/// A certificate that a client signs in with.
pub(crate) struct KeyCredential {
    pub(crate) id: Uuid,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) certificate: Certificate,
}

/// An element as a client sends it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sent {
    #[serde(default, rename = "@odata.type")]
    _type_name: Option<Json>,
    #[serde(default)]
    custom_key_identifier: Option<String>,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    end_date_time: Option<Timestamp>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    key_id: Option<Uuid>,
    #[serde(default)]
    start_date_time: Option<Timestamp>,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    usage: Option<String>,
}

impl KeyCredential {
    /// The credentials of an application.
    pub(crate) fn of(application: &DirectoryObject) -> Vec<Self> {
        list(&application.properties).iter().filter_map(Self::read).collect()
    }

    fn read(kept: &Json) -> Option<Self> {
        let text = |name: &str| kept.get(name).and_then(Json::as_str);
        Some(Self {
            id: text("keyId")?.parse().ok()?,
            start: text("startDateTime")?.parse().ok()?,
            end: text("endDateTime")?.parse().ok()?,
            certificate: Certificate::read(&STANDARD.decode(text("key")?).ok()?).ok()?,
        })
    }
}

fn list(properties: &Map<String, Json>) -> &[Json] {
    properties.get(LIST).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The list as answers show it: without the certificates, as in Graph.
pub(crate) fn public(properties: &Map<String, Json>) -> Vec<Json> {
    let hide = |kept: &Json| {
        let mut shown = kept.clone();
        if let Some(members) = shown.as_object_mut() {
            members.insert("key".to_owned(), Json::Null);
        }
        shown
    };
    list(properties).iter().map(hide).collect()
}

/// Checks the key credentials among the properties that a client sends for an application, and completes them by their
/// certificates. An element without its key is one that the application has already, as the client read it.
///
/// # Errors
/// 400 that names the element and what is wrong with it.
pub(crate) fn complete(
    sent: &mut Map<String, Json>,
    before: Option<&DirectoryObject>,
    entropy: &dyn Entropy,
) -> Result<(), GraphError> {
    let Some(Json::Array(elements)) = sent.get_mut(LIST) else { return Ok(()) };
    if elements.len() > MOST {
        return Err(GraphError::invalid_property(LIST, &format!("Send at most {MOST} elements.")));
    }
    let kept = before.map_or(&[][..], |application| list(&application.properties));
    for (position, element) in elements.iter_mut().enumerate() {
        let refuse = |member: &str, mend: &str| {
            GraphError::invalid_property(&format!("{LIST}[{position}]{member}"), mend)
        };
        let sent: Sent = serde_json::from_value(element.take())
            .map_err(|error| refuse("", &format!("It is no key credential: {error}.")))?;
        let same = |one: &&Json| {
            let id = one.get("keyId").and_then(Json::as_str).and_then(|id| id.parse::<Uuid>().ok());
            id.is_some() && id == sent.key_id
        };
        *element = match (&sent.key, kept.iter().find(same)) {
            (None, Some(kept)) => kept.clone(),
            (None, None) => return Err(refuse(".key", "Send the certificate (DER) in base64.")),
            (Some(key), _) => sent.complete(key, entropy).map_err(|(member, mend)| refuse(member, mend))?,
        };
    }
    Ok(())
}

impl Sent {
    fn complete(&self, key: &str, entropy: &dyn Entropy) -> Result<Json, (&'static str, &'static str)> {
        if self.r#type.as_deref().is_some_and(|kind| kind != TYPE) {
            return Err((".type", "Only 'AsymmetricX509Cert' is taken here."));
        }
        if self.usage.as_deref().is_some_and(|usage| usage != "Verify") {
            return Err((".usage", "Only 'Verify' is taken here."));
        }
        let octets = STANDARD.decode(key.trim()).map_err(|_| (".key", "Send it in base64."))?;
        let certificate = Certificate::read(&octets).map_err(|mend| (".key", mend))?;
        let start = self.start_date_time.unwrap_or(certificate.start).max(certificate.start);
        let end = self.end_date_time.unwrap_or(certificate.end).min(certificate.end);
        if end <= start {
            return Err((
                ".endDateTime",
                "It must lie after 'startDateTime', within the certificate's time.",
            ));
        }
        let identifier = self.custom_key_identifier.clone();
        Ok(json!({
            "customKeyIdentifier": identifier.unwrap_or_else(|| STANDARD.encode(&certificate.sha1)),
            "displayName": self.display_name.as_ref().unwrap_or(&certificate.subject),
            "endDateTime": end.to_string(),
            "key": STANDARD.encode(&certificate.octets),
            "keyId": self.key_id.unwrap_or_else(|| entropy.uuid()).to_string(),
            "startDateTime": start.to_string(),
            "type": TYPE,
            "usage": "Verify",
        }))
    }
}
