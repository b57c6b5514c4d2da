//! The attributes of an object type, found by name, and the names that come near.

use std::collections::HashMap;

use expression::{AttributeInfo, SourceAttributes};
use model::schema::{AttributeDefinition, AttributeType, ObjectDefinition};

use super::SOFT_DELETED;

/// The nearest name is looked for among so many: a list of proposals need not be complete, and looking is slow.
const MOST_COMPARED: usize = 2_000;

/// The attributes of an object type.
pub(super) struct Known<'a> {
    pub(super) object: &'a ObjectDefinition,
    by_name: HashMap<&'a str, &'a AttributeDefinition>,
}

impl<'a> Known<'a> {
    pub(super) fn of(object: &'a ObjectDefinition) -> Self {
        let mut by_name = HashMap::with_capacity(object.attributes.len());
        for attribute in &object.attributes {
            by_name.entry(attribute.name.as_str()).or_insert(attribute);
        }
        Self { object, by_name }
    }

    /// The definition of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a AttributeDefinition> {
        self.by_name.get(name).copied()
    }

    fn compared(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.object.attributes.iter().take(MOST_COMPARED).map(|one| one.name.as_str())
    }

    /// A proposal for a name that is not there, as the end of a sentence.
    pub(super) fn nearest(&self, wanted: &str) -> String {
        let folded = wanted.to_lowercase();
        self.compared()
            .map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &folded), name))
            .max_by(|one, other| one.0.total_cmp(&other.0))
            .map_or_else(String::new, |(_, name)| format!("; did you mean '{name}'?"))
    }
}

/// What expressions may read: the attributes of the definition, directory extensions, which are read by their names
/// though no definition lists them, and `IsSoftDeleted`.
impl SourceAttributes for Known<'_> {
    fn attribute(&self, name: &str) -> Option<AttributeInfo> {
        if name == SOFT_DELETED {
            return Some(AttributeInfo { kind: AttributeType::Boolean, multivalued: false });
        }
        match Known::attribute(self, name) {
            Some(known) => Some(AttributeInfo { kind: known.kind, multivalued: known.multivalued }),
            None if is_directory_extension(name) => {
                Some(AttributeInfo { kind: AttributeType::String, multivalued: false })
            }
            None => None,
        }
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.compared())
    }
}

/// Whether a name has the form `extension_{application id without dashes}_{name}`.
pub(super) fn is_directory_extension(name: &str) -> bool {
    let parts = name.strip_prefix("extension_").and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(application, own)| {
        application.len() == 32
            && application.bytes().all(|digit| digit.is_ascii_hexdigit())
            && !own.is_empty()
    })
}

/// Names for a sentence.
pub(super) fn list(names: &[&str]) -> String {
    const MOST: usize = 20;
    let shown = names.get(..MOST).unwrap_or(names);
    let more = if names.len() > MOST { " and more" } else { "" };
    if names.is_empty() { "none".into() } else { format!("'{}'{more}", shown.join("', '")) }
}
