//! Client secrets of applications, as they are kept: hashed by whoever adds them.

use model::{Timestamp, Uuid};
use serde_json::{Map, Value as Json, json};
use store::{DirectoryObject, ObjectKind};

use crate::error::{DirectoryError, Result};
use crate::service::TenantDirectory;

/// Client secrets that an application may have.
const MOST: usize = 100;
/// The property of the list, as Graph spells it.
const LIST: &str = "passwordCredentials";
/// The member of an element that Graph does not have and that no answer may show.
const HASH: &str = "secretHash";

/// Graph `passwordCredential` with the hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordCredential {
    /// Its identifier.
    pub key_id: Uuid,
    /// A name for people.
    pub display_name: Option<String>,
    /// The first characters of the secret, for telling secrets apart.
    pub hint: Option<String>,
    /// From when on it is accepted.
    pub start: Timestamp,
    /// Until when it is accepted.
    pub end: Timestamp,
    /// The hash of the secret, in a form of the server's.
    pub hash: String,
}

impl PasswordCredential {
    /// The credentials of an application.
    #[must_use]
    pub fn of(application: &DirectoryObject) -> Vec<Self> {
        let list = application.properties.get(LIST).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Self::read).collect()
    }

    /// The credential as answers show it: without hash and without secret.
    #[must_use]
    pub fn public(&self) -> Json {
        json!({
            "keyId": self.key_id.to_string(),
            "displayName": self.display_name,
            "hint": self.hint,
            "startDateTime": self.start.to_string(),
            "endDateTime": self.end.to_string(),
            "customKeyIdentifier": null,
            "secretText": null,
        })
    }

    /// True where the credential is accepted at a moment.
    #[must_use]
    pub fn is_valid_at(&self, moment: Timestamp) -> bool {
        (self.start..self.end).contains(&moment)
    }

    fn read(json: &Json) -> Option<Self> {
        let text = |name: &str| json.get(name).and_then(Json::as_str);
        Some(Self {
            key_id: text("keyId")?.parse().ok()?,
            display_name: text("displayName").map(str::to_owned),
            hint: text("hint").map(str::to_owned),
            start: text("startDateTime")?.parse().ok()?,
            end: text("endDateTime")?.parse().ok()?,
            hash: text(HASH)?.to_owned(),
        })
    }

    fn kept(&self) -> Json {
        let mut json = self.public();
        if let Some(members) = json.as_object_mut() {
            members.insert(HASH.to_owned(), self.hash.as_str().into());
            members.retain(|_, value| !value.is_null());
        }
        json
    }
}

impl TenantDirectory {
    /// Adds a client secret to an application, or replaces the one of the same `key_id`.
    pub async fn put_password(&self, application: Uuid, credential: PasswordCredential) -> Result<()> {
        self.change_passwords(application, |list| {
            list.retain(|kept| !is_key(kept, credential.key_id));
            if list.len() >= MOST {
                let reason = format!("has {MOST} elements, which is the most: remove one first");
                return Err(DirectoryError::invalid(LIST, reason));
            }
            list.push(credential.kept());
            Ok(())
        })
        .await
    }

    /// Removes a client secret of an application.
    pub async fn remove_password(&self, application: Uuid, key_id: Uuid) -> Result<()> {
        self.change_passwords(application, |list| {
            let before = list.len();
            list.retain(|kept| !is_key(kept, key_id));
            if list.len() == before {
                return Err(DirectoryError::NotFound { what: "password credential", id: key_id.to_string() });
            }
            Ok(())
        })
        .await
    }

    async fn change_passwords(
        &self,
        application: Uuid,
        change: impl Fn(&mut Vec<Json>) -> Result<()>,
    ) -> Result<()> {
        let change = |properties: &mut Map<String, Json>| {
            let mut list = match properties.remove(LIST) {
                Some(Json::Array(list)) => list,
                _ => Vec::new(),
            };
            change(&mut list)?;
            properties.insert(LIST.to_owned(), Json::Array(list));
            Ok(())
        };
        self.modify(ObjectKind::Application, application, None, change).await.map(drop)
    }
}

fn is_key(kept: &Json, key_id: Uuid) -> bool {
    kept.get("keyId").and_then(Json::as_str).and_then(|id| id.parse().ok()) == Some(key_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_comes_back_and_shows_no_hash() {
        let credential = PasswordCredential {
            key_id: Uuid::from_u128(7),
            display_name: Some("laptop".to_owned()),
            hint: None,
            start: "2026-01-01T00:00:00Z".parse().unwrap(),
            end: "2026-07-01T00:00:00Z".parse().unwrap(),
            hash: "h4sh".to_owned(),
        };
        assert_eq!(PasswordCredential::read(&credential.kept()), Some(credential.clone()));
        assert!(!credential.public().to_string().contains("h4sh"));
        assert!(credential.is_valid_at(credential.start));
        assert!(!credential.is_valid_at(credential.end));
    }
}
