//! Directory extensions: properties that an application adds to objects. Declarations are kept with their application.

use model::Uuid;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::service::TenantDirectory;
use crate::{DirectoryObject, ListQuery, ObjectKind, Presence};

/// The property of an application that holds its declarations. It is no property of the resource.
pub const EXTENSION_PROPERTIES: &str = "extensionProperties";
/// Applications of a tenant that are looked through for their declarations.
const MOST_APPLICATIONS: usize = 1_000;

/// A declaration (Graph `extensionProperty`), as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionProperty {
    /// Its identifier.
    pub id: Uuid,
    /// The whole name: `extension_{appId without dashes}_{name}`.
    pub name: String,
    /// `Binary`, `Boolean`, `DateTime`, `Integer`, `LargeInteger` or `String`.
    pub data_type: String,
    /// True where objects have a list of values.
    pub is_multi_valued: bool,
    /// The kinds of objects that may have it, such as `User`.
    pub target_objects: Vec<String>,
}

impl ExtensionProperty {
    /// What an application declares.
    #[must_use]
    pub fn of(application: &DirectoryObject) -> Vec<Self> {
        let kept = application.properties.get(EXTENSION_PROPERTIES).cloned().unwrap_or_default();
        serde_json::from_value(kept).unwrap_or_default()
    }
}

impl TenantDirectory {
    /// What the applications of the tenant declare, each with its application.
    pub async fn extension_properties(&self) -> Result<Vec<(DirectoryObject, ExtensionProperty)>> {
        let query = ListQuery {
            kind: ObjectKind::Application,
            presence: Presence::Live,
            predicate: None,
            after: None,
            limit: MOST_APPLICATIONS,
        };
        let of = |application: DirectoryObject| {
            let declared = ExtensionProperty::of(&application).into_iter();
            declared.map(move |one| (application.clone(), one))
        };
        Ok(self.list(query).await?.into_iter().flat_map(of).collect())
    }
}
