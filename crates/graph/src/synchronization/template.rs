//! `synchronizationTemplate`.

use model::Uuid;
use model::schema::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Graph `synchronizationTemplate`: what a job starts from. `schema` comes along only where it is expanded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationTemplate {
    /// Its identifier, such as `scim`.
    #[serde(default)]
    pub id: String,
    /// The application that it belongs to.
    #[serde(default)]
    pub application_id: Option<Uuid>,
    /// True where a job of the application is made from it unless another is named.
    #[serde(default)]
    pub default: bool,
    /// Words for people.
    #[serde(default)]
    pub description: Option<String>,
    /// True where clients may find it.
    #[serde(default)]
    pub discoverable: bool,
    /// Identifies the kind of connection, such as `customappsso`.
    #[serde(default)]
    pub factory_tag: Option<String>,
    /// Facts about the template (Graph `synchronizationMetadataEntry`).
    #[serde(default)]
    pub metadata: Vec<MetadataEntry>,
    /// The schema that a job begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Map<String, Json>,
}

/// Graph `synchronizationMetadataEntry`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataEntry {
    /// What the value is about, such as `isOAuthEnabled`.
    #[serde(default)]
    pub key: String,
    /// The text.
    #[serde(default)]
    pub value: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_comes_back_as_it_was_sent() {
        let sent = json!({
            "id": "Slack", "applicationId": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621", "default": true,
            "description": null, "discoverable": false, "factoryTag": "CustomSCIM",
            "metadata": [{"key": "isOAuthEnabled", "value": "true"}], "oddity": 5,
        });
        let template: SynchronizationTemplate = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(serde_json::to_value(template).unwrap(), sent);
    }
}
