//! Synchronization templates: where a job starts from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::schema::{DirectoryDefinition, Metadata, Schema};
use crate::{Name, Uuid};

/// Graph `synchronizationTemplate`, with the connectors that serve its directories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Its identifier, such as `scim`; the first part of the ids of its jobs.
    pub id: Name,
    /// The application template whose applications can use it; of a client's own template, what the client says.
    pub application_id: Uuid,
    /// Words for people.
    #[serde(default)]
    pub description: Option<String>,
    /// True where clients may find it.
    #[serde(default)]
    pub discoverable: bool,
    /// Groups templates of one kind of application.
    #[serde(default)]
    pub factory_tag: String,
    /// True for the template that an application's jobs start from where none is named.
    #[serde(default)]
    pub default: bool,
    /// Facts about the template (Graph `synchronizationMetadataEntry`).
    #[serde(default)]
    pub metadata: Vec<Metadata>,
    /// The connector of each directory of the schema, by the directory's name.
    pub connectors: BTreeMap<String, Name>,
    /// The schema of a new job.
    pub schema: Schema,
}

impl Template {
    /// The connector of a schema's directory: by its name, or by the name that the template has for the directory of
    /// that id. Schemas that were exported elsewhere have other names for the same directories.
    #[must_use]
    pub fn connector_of(&self, schema: &Schema, directory: &str) -> Option<&Name> {
        let same = |one: &&DirectoryDefinition, id: &str| {
            one.id.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(id))
        };
        self.connector(directory).or_else(|| {
            let id = schema.directory(directory)?.id.as_deref()?;
            let known = self.schema.directories.iter().find(|one| same(one, id))?;
            self.connector(&known.name)
        })
    }

    /// The connectors that another schema has in this template's place: those of its directories here, and for a
    /// directory that is not known here the one that reads, or writes, in its stead.
    #[must_use]
    pub fn connectors_for(&self, schema: &Schema) -> BTreeMap<String, Name> {
        let (source, target) = (self.source_connector(), self.target_connector());
        let is_target = |name: &str| {
            schema
                .synchronization_rules
                .iter()
                .any(|rule| rule.target_directory_name.eq_ignore_ascii_case(name))
        };
        schema
            .directories
            .iter()
            .filter_map(|directory| {
                let name = &directory.name;
                let stead = if is_target(name) { target } else { source };
                let connector = self.connector_of(schema, name).or(stead)?;
                Some((name.clone(), connector.clone()))
            })
            .collect()
    }

    /// The connector that reads.
    #[must_use]
    pub fn source_connector(&self) -> Option<&Name> {
        self.connector(&self.schema.synchronization_rules.first()?.source_directory_name)
    }

    /// The connector that writes.
    #[must_use]
    pub fn target_connector(&self) -> Option<&Name> {
        self.connector(&self.schema.synchronization_rules.first()?.target_directory_name)
    }

    fn connector(&self, directory: &str) -> Option<&Name> {
        self.connectors
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(directory))
            .map(|(_, connector)| connector)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(source: (&str, &str), target: (&str, &str)) -> Schema {
        serde_json::from_value(json!({
            "directories": [{"id": source.0, "name": source.1}, {"id": target.0, "name": target.1}],
            "synchronizationRules": [{
                "id": "r", "name": "r", "sourceDirectoryName": source.1, "targetDirectoryName": target.1,
            }],
        }))
        .unwrap()
    }

    #[test]
    fn another_schema_is_served_by_the_same_connectors() {
        let template: Template = serde_json::from_value(json!({
            "id": "t", "applicationId": Uuid::nil(), "connectors": {"People": "directory", "App": "scim"},
            "schema": schema(("p", "People"), ("a", "App")),
        }))
        .unwrap();
        for other in [
            schema(("p", "People"), ("a", "App")),
            schema(("P", "Entra"), ("A", "Salesforce")),
            schema(("x", "people"), ("y", "Slack")),
            schema(("x", "Elsewhere"), ("y", "Slack")),
        ] {
            let connectors = template.connectors_for(&other);
            let rule = &other.synchronization_rules[0];
            assert_eq!(connectors[&rule.source_directory_name].as_str(), "directory", "{connectors:?}");
            assert_eq!(connectors[&rule.target_directory_name].as_str(), "scim", "{connectors:?}");
        }
    }
}
