//! Resources beside the objects: references and application templates.

use serde::{Deserialize, Serialize};

use crate::error::GraphError;

/// The body of a `$ref` request: the address of an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ObjectReference {
    #[serde(rename = "@odata.id")]
    address: String,
}

impl ObjectReference {
    /// Reads the address in a body.
    ///
    /// # Errors
    /// 400 where the body has no `@odata.id`.
    pub fn read(body: serde_json::Value) -> Result<Self, GraphError> {
        serde_json::from_value(body).map_err(|_| {
            GraphError::invalid_property(
                "@odata.id",
                "Send the address of an object, such as https://host/v1.0/directoryObjects/{id}.",
            )
        })
    }

    /// The key that an address ends with, in any of its spellings: `…/users/{id}`, `…/users('{id}')`, `{id}`.
    ///
    /// # Errors
    /// 400 where there is none.
    pub fn key(address: &str) -> Result<String, GraphError> {
        let invalid = || {
            GraphError::invalid_property(
                "@odata.id",
                "It is no object's address. Send one such as https://host/v1.0/directoryObjects/{id}.",
            )
        };
        let path = address.split(['?', '#']).next().unwrap_or(address).trim_end_matches('/');
        let last = path.rsplit('/').next().filter(|last| !last.is_empty()).ok_or_else(invalid)?;
        let key = match last.split_once('(') {
            Some((_, key)) => key.strip_suffix(')').map(|key| key.trim_matches('\'')).ok_or_else(invalid)?,
            None => last,
        };
        let key = percent_encoding::percent_decode_str(key).decode_utf8().map_err(|_| invalid())?;
        if key.is_empty() { Err(invalid()) } else { Ok(key.into_owned()) }
    }

    /// The key that the address ends with.
    ///
    /// # Errors
    /// As [`ObjectReference::key`].
    pub fn object_key(&self) -> Result<String, GraphError> {
        Self::key(&self.address)
    }
}

/// Graph `applicationTemplate`: what an application can be instantiated from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationTemplate {
    /// Its identifier.
    pub id: String,
    /// A name for people.
    pub display_name: String,
    /// Where the application lives.
    pub home_page_url: Option<String>,
    /// How users sign in.
    #[serde(default)]
    pub supported_single_sign_on_modes: Vec<String>,
    /// `sync` where it can be provisioned.
    #[serde(default)]
    pub supported_provisioning_types: Vec<String>,
    /// A picture.
    pub logo_url: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Who made it.
    pub publisher: Option<String>,
    /// Words for people.
    pub description: Option<String>,
}
