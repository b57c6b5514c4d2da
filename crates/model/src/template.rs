//! Synchronization templates: where a job starts from.

use std::collections::BTreeMap;

use crate::schema::Schema;
use crate::{Name, Uuid};

/// Graph `synchronizationTemplate`, with the connectors that serve its directories.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its identifier, such as `scim`; the first part of the ids of its jobs.
    pub id: Name,
    /// The application template whose applications can use it.
    pub application_id: Uuid,
    /// Words for people.
    pub description: Option<String>,
    /// True where clients may find it.
    pub discoverable: bool,
    /// Groups templates of one kind of application.
    pub factory_tag: String,
    /// True for the template that an application's jobs start from where none is named.
    pub default: bool,
    /// The connector of each directory of the schema, by the directory's name.
    pub connectors: BTreeMap<String, Name>,
    /// The schema of a new job.
    pub schema: Schema,
}

impl Template {
    /// The connector of a directory.
    #[must_use]
    pub fn connector(&self, directory: &str) -> Option<&Name> {
        self.connectors
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(directory))
            .map(|(_, connector)| connector)
    }
}
