//! What clients send as a `synchronizationTemplate`. The resource itself is [`model::template::Template`].

use model::Uuid;
use model::schema::{Metadata, Schema};
use serde::Deserialize;

/// The body of POST, PUT and PATCH. The schema may come along.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateWrite {
    /// Its identifier, such as `Slack`.
    #[serde(default)]
    pub id: Option<String>,
    /// The application that it belongs to.
    #[serde(default)]
    pub application_id: Option<Uuid>,
    /// True where a job of the application is made from it unless another is named.
    #[serde(default)]
    pub default: Option<bool>,
    /// Words for people.
    #[serde(default)]
    pub description: Option<String>,
    /// True where clients may find it.
    #[serde(default)]
    pub discoverable: Option<bool>,
    /// Identifies the kind of connection, such as `CustomSCIM`.
    #[serde(default)]
    pub factory_tag: Option<String>,
    /// Facts about the template.
    #[serde(default)]
    pub metadata: Option<Vec<Metadata>>,
    /// The schema that a job begins with.
    #[serde(default)]
    pub schema: Option<Schema>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::body;

    #[test]
    fn a_template_is_read_and_a_mistake_is_named() {
        let sent = json!({
            "id": "Slack", "applicationId": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621", "default": null,
            "factoryTag": "CustomSCIM", "metadata": [{"key": "isOAuthEnabled", "value": "true"}],
            "schema": {"oddity": 5},
        });
        let template: TemplateWrite = body::read(sent).unwrap();
        assert_eq!((template.id.as_deref(), template.default), (Some("Slack"), None));
        assert_eq!(template.schema.unwrap().extra["oddity"], 5);
        let error = body::read::<TemplateWrite>(json!({"factorytag": "x"})).unwrap_err();
        assert!(error.message().contains("'factorytag'"), "{error}");
    }
}
