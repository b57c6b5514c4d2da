//! The attributes of users and groups: what synchronization schemas call them, and which property each is.

use directory::{ObjectKind, TenantDirectory};
use model::schema::{
    AttributeDefinition, AttributeType, DirectoryDefinition, Metadata, Mutability, ObjectDefinition,
    ReferencedObject,
};

/// The id of this directory in synchronization schemas.
pub const DIRECTORY_ID: &str = "66e4a8cc-1b7b-435e-95f8-f06cea133828";
/// The name of this directory in synchronization schemas.
pub const DIRECTORY_NAME: &str = "Microsoft Entra ID";

/// The object type of users.
pub(crate) const USER: &str = "User";
/// The object type of groups.
pub(crate) const GROUP: &str = "Group";
/// The large reference attribute.
pub(crate) const MEMBERS: &str = "members";
/// The reference attribute of users.
pub(crate) const MANAGER: &str = "manager";

/// The kind of object that a type's objects are.
pub(crate) fn kind_of(name: &str) -> Option<ObjectKind> {
    match name {
        USER => Some(ObjectKind::User),
        GROUP => Some(ObjectKind::Group),
        _ => None,
    }
}

/// The type of a kind's objects, where synchronization knows them.
pub(crate) fn name_of(kind: ObjectKind) -> Option<&'static str> {
    match kind {
        ObjectKind::User => Some(USER),
        ObjectKind::Group => Some(GROUP),
        ObjectKind::Application | ObjectKind::ServicePrincipal => None,
    }
}

/// Where an attribute's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The object's id.
    Id,
    /// When the object was made.
    Created,
    /// A property.
    Property(&'static str),
    /// The first element of a list.
    First(&'static str),
    /// A property of a nested object.
    Nested(&'static str, &'static str),
    /// The principal name, of guests as it is at their home.
    HomePrincipalName,
    /// The user's manager.
    Manager,
    /// The names of the application's roles that the object has.
    Roles,
    /// A group's members, which do not travel inside the object.
    Members,
    /// What the engine computes.
    Computed,
}

/// An attribute.
pub(crate) struct Attribute {
    /// Its name in synchronization schemas.
    pub(crate) name: &'static str,
    /// Where its value comes from.
    pub(crate) origin: Origin,
    /// The type of its values.
    pub(crate) kind: AttributeType,
    /// True where it holds several values.
    pub(crate) multivalued: bool,
    required: bool,
}

const fn attribute(name: &'static str, kind: AttributeType, origin: Origin) -> Attribute {
    Attribute { name, origin, kind, multivalued: false, required: false }
}

const fn text(name: &'static str, property: &'static str) -> Attribute {
    attribute(name, AttributeType::String, Origin::Property(property))
}

const fn same(name: &'static str) -> Attribute {
    text(name, name)
}

impl Attribute {
    const fn several(mut self) -> Self {
        self.multivalued = true;
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

const EXTENSIONS: &str = "onPremisesExtensionAttributes";

const fn extension(name: &'static str) -> Attribute {
    attribute(name, AttributeType::String, Origin::Nested(EXTENSIONS, name))
}

const USER_ATTRIBUTES: &[Attribute] = &[
    attribute("objectId", AttributeType::String, Origin::Id).required(),
    attribute("IsSoftDeleted", AttributeType::Boolean, Origin::Computed),
    attribute("accountEnabled", AttributeType::Boolean, Origin::Property("accountEnabled")).required(),
    attribute("appRoleAssignments", AttributeType::String, Origin::Roles).several(),
    same("ageGroup"),
    same("city"),
    same("companyName"),
    same("consentProvidedForMinor"),
    same("country"),
    attribute("createdDateTime", AttributeType::DateTime, Origin::Created),
    same("creationType"),
    same("department"),
    same("displayName").required(),
    attribute("employeeHireDate", AttributeType::DateTime, Origin::Property("employeeHireDate")),
    same("employeeId"),
    attribute("employeeLeaveDateTime", AttributeType::DateTime, Origin::Property("employeeLeaveDateTime")),
    attribute(
        "employeeOrgData.costCenter",
        AttributeType::String,
        Origin::Nested("employeeOrgData", "costCenter"),
    ),
    attribute(
        "employeeOrgData.division",
        AttributeType::String,
        Origin::Nested("employeeOrgData", "division"),
    ),
    same("employeeType"),
    extension("extensionAttribute1"),
    extension("extensionAttribute2"),
    extension("extensionAttribute3"),
    extension("extensionAttribute4"),
    extension("extensionAttribute5"),
    extension("extensionAttribute6"),
    extension("extensionAttribute7"),
    extension("extensionAttribute8"),
    extension("extensionAttribute9"),
    extension("extensionAttribute10"),
    extension("extensionAttribute11"),
    extension("extensionAttribute12"),
    extension("extensionAttribute13"),
    extension("extensionAttribute14"),
    extension("extensionAttribute15"),
    text("facsimileTelephoneNumber", "faxNumber"),
    same("givenName"),
    text("immutableId", "onPremisesImmutableId"),
    same("jobTitle"),
    same("mail"),
    same("mailNickname").required(),
    attribute("manager", AttributeType::Reference, Origin::Manager),
    text("mobile", "mobilePhone"),
    same("onPremisesDistinguishedName"),
    same("onPremisesSamAccountName"),
    same("onPremisesSecurityIdentifier"),
    same("onPremisesUserPrincipalName"),
    text("originalUserPrincipalName", "userPrincipalName"),
    same("otherMails").several(),
    text("physicalDeliveryOfficeName", "officeLocation"),
    same("postalCode"),
    same("preferredDataLocation"),
    same("preferredLanguage"),
    same("proxyAddresses").several(),
    same("state"),
    same("streetAddress"),
    same("surname"),
    attribute("telephoneNumber", AttributeType::String, Origin::First("businessPhones")),
    same("usageLocation"),
    attribute("userPrincipalName", AttributeType::String, Origin::HomePrincipalName).required(),
    same("userType"),
];

const GROUP_ATTRIBUTES: &[Attribute] = &[
    attribute("objectId", AttributeType::String, Origin::Id).required(),
    attribute("IsSoftDeleted", AttributeType::Boolean, Origin::Computed),
    attribute("appRoleAssignments", AttributeType::String, Origin::Roles).several(),
    attribute("createdDateTime", AttributeType::DateTime, Origin::Created),
    same("description"),
    same("displayName").required(),
    same("mail"),
    attribute("mailEnabled", AttributeType::Boolean, Origin::Property("mailEnabled")).required(),
    same("mailNickname").required(),
    attribute(MEMBERS, AttributeType::Reference, Origin::Members).several(),
    same("onPremisesSecurityIdentifier"),
    same("proxyAddresses").several(),
    attribute("securityEnabled", AttributeType::Boolean, Origin::Property("securityEnabled")).required(),
    same("visibility"),
];

/// The attributes of a kind of object.
pub(crate) fn attributes_of(kind: ObjectKind) -> &'static [Attribute] {
    match kind {
        ObjectKind::User => USER_ATTRIBUTES,
        ObjectKind::Group => GROUP_ATTRIBUTES,
        ObjectKind::Application | ObjectKind::ServicePrincipal => &[],
    }
}

/// The embedded directory as synchronization schemas describe it: types, attributes, anchors and references.
///
/// A tenant's own directory extensions (`extension_{appId}_{name}`) are not in it; discovery adds them.
#[must_use]
pub fn definition() -> DirectoryDefinition {
    DirectoryDefinition {
        id: Some(DIRECTORY_ID.to_owned()),
        name: DIRECTORY_NAME.to_owned(),
        objects: vec![
            object_definition(USER, USER_ATTRIBUTES, &[("PropertyNameAccountEnabled", "accountEnabled")]),
            object_definition(GROUP, GROUP_ATTRIBUTES, &[]),
        ],
        ..DirectoryDefinition::default()
    }
}

/// The directory of a tenant: with the directory extensions that its applications declare.
pub(crate) async fn discovered(directory: &TenantDirectory) -> directory::Result<DirectoryDefinition> {
    let mut definition = definition();
    for (_, declared) in directory.extension_properties().await? {
        let of =
            |object: &&mut ObjectDefinition| declared.target_objects.iter().any(|one| object.name == *one);
        for object in definition.objects.iter_mut().filter(of) {
            object.attributes.push(AttributeDefinition {
                name: declared.name.as_str().into(),
                multivalued: declared.is_multi_valued,
                kind: match declared.data_type.as_str() {
                    "Binary" => AttributeType::Binary,
                    "Boolean" => AttributeType::Boolean,
                    "DateTime" => AttributeType::DateTime,
                    "Integer" | "LargeInteger" => AttributeType::Integer,
                    _ => AttributeType::String,
                },
                ..AttributeDefinition::default()
            });
        }
    }
    Ok(definition)
}

fn object_definition(name: &str, attributes: &[Attribute], facts: &[(&str, &str)]) -> ObjectDefinition {
    let common = [
        ("IsSoftDeletionSupported", "true"),
        ("IsSynchronizeAllSupported", "true"),
        ("PropertyNameSoftDeleted", "IsSoftDeleted"),
    ];
    ObjectDefinition {
        name: name.into(),
        attributes: attributes.iter().map(attribute_definition).collect(),
        metadata: common.iter().chain(facts).map(|(key, value)| metadata(key, value)).collect(),
        ..ObjectDefinition::default()
    }
}

fn attribute_definition(attribute: &Attribute) -> AttributeDefinition {
    let referenced: &[&str] = match attribute.origin {
        Origin::Manager => &[USER],
        Origin::Members => &[USER, GROUP],
        _ => &[],
    };
    let referenced_objects = referenced
        .iter()
        .map(|name| ReferencedObject {
            referenced_object_name: Some((*name).into()),
            ..ReferencedObject::default()
        })
        .collect();
    let read_only = matches!(attribute.origin, Origin::Id | Origin::Created | Origin::Roles);
    AttributeDefinition {
        name: attribute.name.into(),
        anchor: attribute.origin == Origin::Id,
        multivalued: attribute.multivalued,
        mutability: if read_only { Mutability::ReadOnly } else { Mutability::ReadWrite },
        required: attribute.required,
        referenced_objects,
        kind: attribute.kind,
        metadata: match attribute.origin {
            Origin::Members => vec![metadata("IsContainer", "true")],
            _ => Vec::new(),
        },
        ..AttributeDefinition::default()
    }
}

fn metadata(key: &str, value: &str) -> Metadata {
    Metadata { key: key.to_owned(), value: Some(value.to_owned()), ..Metadata::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_type_has_one_anchor_and_no_attribute_twice() {
        for object in definition().objects {
            let anchors = object.attributes.iter().filter(|attribute| attribute.anchor);
            assert_eq!(anchors.map(|one| one.name.as_str()).collect::<Vec<_>>(), ["objectId"]);
            let names: HashSet<_> = object.attributes.iter().map(|one| one.name.clone()).collect();
            assert_eq!(names.len(), object.attributes.len(), "{}", object.name);
        }
    }

    #[test]
    fn references_name_what_they_point_to() {
        let definition = definition();
        let of = |object: &str, attribute: &str| -> Vec<String> {
            let attribute = definition.object(object).unwrap().attribute(attribute).unwrap();
            assert_eq!(attribute.kind, AttributeType::Reference);
            let names =
                attribute.referenced_objects.iter().filter_map(|one| one.referenced_object_name.as_ref());
            names.map(ToString::to_string).collect()
        };
        assert_eq!(of("User", "manager"), ["User"]);
        assert_eq!(of("Group", "members"), ["User", "Group"]);
    }
}
