//! A service's own schemas as the directory definition that mappings are made against.

use model::Name;
use model::schema::{
    AttributeDefinition, AttributeType, DirectoryDefinition, Mutability as Flow, ObjectDefinition,
    ReferencedObject,
};

use super::{Attribute, DataType, ENTERPRISE_USER, Mutability, ResourceSchema, Schema};
use crate::service::ResourceType;

/// The directory definition of a service: one object per resource type, one attribute per flat path.
///
/// Multi-valued complex attributes appear once per suggested type (`emails[type eq "work"].value`), or where there are
/// none as a whole and by their primary value (`roles`, `roles[primary eq "True"].value`). References to resources,
/// such as `manager` and `members`, appear as references.
#[must_use]
pub fn directory_definition(name: &str, types: &[ResourceType], schemas: &[Schema]) -> DirectoryDefinition {
    let objects = types
        .iter()
        .map(|kind| ObjectDefinition {
            name: object_name(kind),
            attributes: attributes(&ResourceSchema::of(kind, schemas), types),
            ..ObjectDefinition::default()
        })
        .collect();
    DirectoryDefinition { name: name.to_owned(), objects, ..DirectoryDefinition::default() }
}

/// The name of a resource type in directory definitions: its schema's URI, and for users with the enterprise extension
/// that extension's, as the templates for SCIM have it.
#[must_use]
pub fn object_name(kind: &ResourceType) -> Name {
    let extension =
        kind.schema_extensions.iter().find(|one| one.schema.eq_ignore_ascii_case(ENTERPRISE_USER));
    extension.map_or(&kind.schema, |extension| &extension.schema).into()
}

fn attributes(schema: &ResourceSchema, types: &[ResourceType]) -> Vec<AttributeDefinition> {
    let mut lister = Lister { types, found: Vec::new() };
    lister.found.push(AttributeDefinition {
        name: "id".into(),
        anchor: true,
        case_exact: true,
        mutability: Flow::ReadOnly,
        ..AttributeDefinition::default()
    });
    if schema.base().attribute(&"externalId".into()).is_none() {
        lister.found.push(AttributeDefinition {
            name: "externalId".into(),
            case_exact: true,
            ..AttributeDefinition::default()
        });
    }
    let own =
        schema.base().attributes.iter().filter(|one| !matches!(one.name.as_str(), "id" | "schemas" | "meta"));
    own.for_each(|attribute| lister.list("", attribute));
    for extension in schema.extensions() {
        let prefix = format!("{}:", extension.id);
        extension.attributes.iter().for_each(|attribute| lister.list(&prefix, attribute));
    }
    lister.found
}

struct Lister<'a> {
    types: &'a [ResourceType],
    found: Vec<AttributeDefinition>,
}

impl Lister<'_> {
    fn list(&mut self, prefix: &str, attribute: &Attribute) {
        let name = format!("{prefix}{}", attribute.name);
        if attribute.kind != DataType::Complex || attribute.refers_to_resources() {
            self.push(name, attribute, attribute);
        } else if attribute.multi_valued {
            self.list_values(&name, attribute);
        } else {
            for part in &attribute.sub_attributes {
                self.push(format!("{name}.{}", part.name), part, attribute);
            }
        }
    }

    /// The values of a multi-valued complex attribute.
    fn list_values(&mut self, name: &str, attribute: &Attribute) {
        let kinds = attribute.sub_attribute(&"type".into()).map_or(&[][..], |kind| &kind.canonical_values);
        let has_primary = attribute.sub_attribute(&"primary".into()).is_some();
        let filters: Vec<String> = if kinds.is_empty() && has_primary {
            vec!["primary eq \"True\"".to_owned()]
        } else {
            kinds.iter().map(|kind| format!("type eq {}", serde_json::Value::from(kind.as_str()))).collect()
        };
        if kinds.is_empty() {
            self.push(name.to_owned(), attribute, attribute);
        }
        for filter in filters {
            for part in &attribute.sub_attributes {
                let says_which = matches!(part.name.as_str(), "type" | "primary" | "$ref");
                let label = !kinds.is_empty() && part.name == "display";
                if !says_which && !label {
                    self.push(format!("{name}[{filter}].{}", part.name), part, attribute);
                }
            }
        }
    }

    fn push(&mut self, name: String, attribute: &Attribute, whole: &Attribute) {
        let refers = attribute.refers_to_resources();
        let value = attribute.sub_attribute(&"value".into());
        let mutability = if whole.mutability == Mutability::ReadOnly { whole } else { attribute }.mutability;
        self.found.push(AttributeDefinition {
            name: name.into(),
            case_exact: value.filter(|_| refers).map_or(attribute.case_exact, |value| value.case_exact),
            multivalued: attribute.multi_valued,
            mutability: flow(mutability),
            required: attribute.required,
            referenced_objects: if refers { self.referenced(attribute) } else { Vec::new() },
            kind: if refers { AttributeType::Reference } else { attribute.kind.attribute_type() },
            ..AttributeDefinition::default()
        });
    }

    fn referenced(&self, attribute: &Attribute) -> Vec<ReferencedObject> {
        let reference = attribute.sub_attribute(&"$ref".into());
        let names = reference.map_or(&[][..], |reference| &reference.reference_types);
        let known = names
            .iter()
            .filter_map(|name| self.types.iter().find(|kind| kind.name.eq_ignore_ascii_case(name)));
        known
            .map(|kind| ReferencedObject {
                referenced_object_name: Some(object_name(kind)),
                ..ReferencedObject::default()
            })
            .collect()
    }
}

fn flow(mutability: Mutability) -> Flow {
    match mutability {
        Mutability::ReadOnly => Flow::ReadOnly,
        Mutability::ReadWrite => Flow::ReadWrite,
        Mutability::Immutable => Flow::Immutable,
        Mutability::WriteOnly => Flow::WriteOnly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;
    use crate::schema::{GROUP, USER, enterprise_user_schema, group_schema, user_schema};
    use crate::service::SchemaExtension;

    fn definition() -> DirectoryDefinition {
        let kind = |name: &str, schema: &str| ResourceType {
            name: name.to_owned(),
            endpoint: format!("/{name}s"),
            schema: schema.to_owned(),
            ..ResourceType::default()
        };
        let extension = SchemaExtension { schema: ENTERPRISE_USER.to_owned(), required: false };
        let user = ResourceType { schema_extensions: vec![extension], ..kind("User", USER) };
        let odd = kind("Device", "urn:example:2.0:Device");
        let schemas = [user_schema().clone(), enterprise_user_schema().clone(), group_schema().clone()];
        directory_definition("target", &[user, kind("Group", GROUP), odd], &schemas)
    }

    #[test]
    fn a_service_becomes_flat_attributes() {
        let definition = definition();
        let names: Vec<_> = definition.objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, [ENTERPRISE_USER, GROUP, "urn:example:2.0:Device"]);
        let user = &definition.objects[0];
        for (name, kind, multivalued) in [
            ("userName", AttributeType::String, false),
            ("active", AttributeType::Boolean, false),
            ("name.givenName", AttributeType::String, false),
            ("emails[type eq \"work\"].value", AttributeType::String, false),
            ("addresses[type eq \"home\"].country", AttributeType::String, false),
            ("roles", AttributeType::String, true),
            ("roles[primary eq \"True\"].display", AttributeType::String, false),
            ("x509Certificates[primary eq \"True\"].value", AttributeType::Binary, false),
            ("groups", AttributeType::Reference, true),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                AttributeType::String,
                false,
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
                AttributeType::Reference,
                false,
            ),
        ] {
            let attribute = user.attribute(name).unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!((attribute.kind, attribute.multivalued), (kind, multivalued), "{name}");
        }
        assert!(user.attribute("emails").is_none() && user.attribute("meta").is_none());
        assert!(user.attribute("id").unwrap().anchor);
        assert!(user.attribute("userName").unwrap().required);
        assert_eq!(user.attribute("groups").unwrap().mutability, Flow::ReadOnly);
        assert_eq!(user.attribute("password").unwrap().mutability, Flow::WriteOnly);
        let members = definition.objects[1].attribute("members").unwrap();
        let referenced: Vec<_> = members
            .referenced_objects
            .iter()
            .filter_map(|object| object.referenced_object_name.as_deref())
            .collect();
        assert_eq!(referenced, [ENTERPRISE_USER, GROUP]);
        assert!(members.case_exact && members.multivalued);
    }

    #[test]
    fn every_attribute_is_a_path() {
        for object in definition().objects {
            for attribute in object.attributes {
                assert_eq!(attribute.name.parse::<Path>().unwrap().to_string(), attribute.name);
            }
        }
    }
}
