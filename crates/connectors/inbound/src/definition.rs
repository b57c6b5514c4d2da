//! Uploaded people as synchronization schemas describe them.

use model::schema::{
    AttributeDefinition, AttributeType, DirectoryDefinition, ObjectDefinition, ReferencedObject,
};
use scim::schema::{ENTERPRISE_USER, USER as CORE_USER};
use scim::service::{ResourceType, SchemaExtension};

/// The id of this directory in synchronization schemas.
pub const DIRECTORY_ID: &str = "e47e47e0-0000-4000-8000-000000a91d1b";
/// The name of this directory in synchronization schemas.
pub const DIRECTORY_NAME: &str = "API";

/// The object type of people.
pub(crate) const USER: &str = "User";
/// What people are known by.
pub(crate) const EXTERNAL_ID: &str = "externalId";

/// Attributes of SCIM users that no upload brings: what a service alone gives, and what may not rest here.
const OTHERS: [&str; 3] = ["id", "groups", "password"];

/// The attributes of SCIM's core user and of its enterprise extension, by their paths. Attributes of other extensions
/// are read under `{URN}:{attribute}` once a schema names them.
#[must_use]
pub fn definition() -> DirectoryDefinition {
    let user = ResourceType {
        name: USER.to_owned(),
        schema: CORE_USER.to_owned(),
        schema_extensions: vec![SchemaExtension { schema: ENTERPRISE_USER.to_owned(), required: false }],
        ..ResourceType::default()
    };
    let described = scim::schema::directory_definition(DIRECTORY_NAME, &[user], &[]);
    let mut attributes: Vec<AttributeDefinition> =
        described.objects.into_iter().flat_map(|object| object.attributes).collect();
    attributes.retain(|one| one.name != EXTERNAL_ID && !is_other(&one.name));
    let anchor = AttributeDefinition {
        name: EXTERNAL_ID.into(),
        anchor: true,
        case_exact: true,
        required: true,
        ..AttributeDefinition::default()
    };
    attributes.insert(0, anchor);
    for attribute in &mut attributes {
        // A person is known by the externalId alone, and what a service demands of a new resource no upload need bring.
        attribute.required = attribute.anchor;
        if attribute.kind == AttributeType::Reference {
            attribute.referenced_objects = vec![ReferencedObject {
                referenced_object_name: Some(USER.into()),
                ..ReferencedObject::default()
            }];
        }
    }
    DirectoryDefinition {
        id: Some(DIRECTORY_ID.to_owned()),
        name: DIRECTORY_NAME.to_owned(),
        objects: vec![ObjectDefinition { name: USER.into(), attributes, ..ObjectDefinition::default() }],
        ..DirectoryDefinition::default()
    }
}

/// True for an attribute that is left out, whole or by parts.
fn is_other(name: &str) -> bool {
    let whole = name.split(['.', '[']).next().unwrap_or(name);
    OTHERS.contains(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_one_anchor_and_a_manager_among_themselves() {
        let definition = definition();
        let user = definition.object(USER).unwrap();
        let anchors = user.attributes.iter().filter(|attribute| attribute.anchor);
        assert_eq!(anchors.map(|one| one.name.as_str()).collect::<Vec<_>>(), [EXTERNAL_ID]);
        let references = user.attributes.iter().filter(|one| one.kind == AttributeType::Reference);
        let references: Vec<_> = references.map(|one| one.name.as_str()).collect();
        assert_eq!(references, [format!("{ENTERPRISE_USER}:manager")]);
        for name in ["userName", "active", "name.givenName", "emails[type eq \"work\"].value"] {
            assert!(user.attribute(name).is_some(), "{name}");
        }
        assert!(user.attributes.iter().all(|one| !is_other(&one.name)));
    }
}
