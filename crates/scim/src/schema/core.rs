//! The schemas of RFC 7643 §4 as documents of the crate.

use std::sync::LazyLock;

use super::Schema;

/// What the URIs of the RFC's own resource schemas start with.
pub const CORE_PREFIX: &str = "urn:ietf:params:scim:schemas:core:";
/// The schema of users.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of groups.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The extension of users in organizations.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schema of schema documents.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// The schema of resource types.
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// The schema of the service's configuration.
pub const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

static USER_SCHEMA: LazyLock<Schema> = LazyLock::new(|| document(include_str!("documents/user.json")));
static GROUP_SCHEMA: LazyLock<Schema> = LazyLock::new(|| document(include_str!("documents/group.json")));
static ENTERPRISE_USER_SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| document(include_str!("documents/enterprise-user.json")));

/// The schema [`USER`] (RFC 7643 §4.1).
#[must_use]
pub fn user_schema() -> &'static Schema {
    &USER_SCHEMA
}

/// The schema [`GROUP`] (RFC 7643 §4.2).
#[must_use]
pub fn group_schema() -> &'static Schema {
    &GROUP_SCHEMA
}

/// The schema [`ENTERPRISE_USER`] (RFC 7643 §4.3).
#[must_use]
pub fn enterprise_user_schema() -> &'static Schema {
    &ENTERPRISE_USER_SCHEMA
}

fn document(text: &str) -> Schema {
    #[expect(
        clippy::expect_used,
        reason = "the documents are part of the crate and every one is read by a test"
    )]
    serde_json::from_str(text).expect("a schema document of the crate is well formed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{DataType, Mutability, Returned, Uniqueness};

    #[test]
    fn documents_say_what_the_rfc_says() {
        let user = user_schema();
        assert_eq!(user.id, USER);
        let name =
            |schema: &Schema| schema.attributes.iter().map(|a| a.name.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(
            name(user),
            "userName name displayName nickName profileUrl title userType preferredLanguage locale timezone active \
             password emails phoneNumbers ims photos addresses groups entitlements roles x509Certificates"
        );
        let of = |schema: &'static Schema, name: &str| schema.attribute(&name.into()).unwrap();
        assert!(of(user, "userName").required);
        assert_eq!(of(user, "userName").uniqueness, Uniqueness::Server);
        assert_eq!(of(user, "password").returned, Returned::Never);
        assert_eq!(of(user, "password").mutability, Mutability::WriteOnly);
        assert_eq!(of(user, "groups").mutability, Mutability::ReadOnly);
        assert_eq!(of(user, "emails").sub_attribute(&"primary".into()).unwrap().kind, DataType::Boolean);
        assert_eq!(group_schema().id, GROUP);
        assert!(of(group_schema(), "displayName").required);
        let members = of(group_schema(), "members");
        assert!(members.multi_valued && members.refers_to_resources());
        assert_eq!(members.sub_attribute(&"value".into()).unwrap().mutability, Mutability::Immutable);
        assert_eq!(enterprise_user_schema().id, ENTERPRISE_USER);
        assert!(of(enterprise_user_schema(), "manager").refers_to_resources());
        assert_eq!(
            name(enterprise_user_schema()),
            "employeeNumber costCenter organization division department manager"
        );
    }

    #[test]
    fn documents_survive_reading_and_writing() {
        for text in [
            include_str!("documents/user.json"),
            include_str!("documents/group.json"),
            include_str!("documents/enterprise-user.json"),
        ] {
            let before: serde_json::Value = serde_json::from_str(text).unwrap();
            let schema: Schema = serde_json::from_value(before.clone()).unwrap();
            assert_eq!(serde_json::to_value(schema).unwrap(), before);
        }
    }
}
