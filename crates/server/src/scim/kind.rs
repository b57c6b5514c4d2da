//! The two resource types of the service.

use std::sync::LazyLock;

use directory::ObjectKind;
use scim::ResourceSchema;
use scim::schema::{
    ENTERPRISE_USER, GROUP, Returned, Schema, USER, enterprise_user_schema, group_schema, user_schema,
};

/// A resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    User,
    Group,
}

static USERS: LazyLock<ResourceSchema> = LazyLock::new(|| {
    let (mut base, mut enterprise) = (user_schema().clone(), enterprise_user_schema().clone());
    on_request(&mut base, "groups", None);
    on_request(&mut enterprise, "manager", Some("displayName"));
    ResourceSchema::new(base, vec![enterprise]).open()
});
static GROUPS: LazyLock<ResourceSchema> = LazyLock::new(|| {
    let mut base = group_schema().clone();
    on_request(&mut base, "members", Some("display"));
    ResourceSchema::new(base, Vec::new()).open()
});

/// What must be looked up elsewhere comes for those who ask for it by name.
fn on_request(schema: &mut Schema, attribute: &str, part: Option<&str>) {
    let attribute = schema.attributes.iter_mut().find(|one| one.name == attribute);
    let found = attribute.and_then(|attribute| match part {
        Some(part) => attribute.sub_attributes.iter_mut().find(|one| one.name == part),
        None => Some(attribute),
    });
    if let Some(found) = found {
        found.returned = Returned::Request;
    }
}

impl Kind {
    /// Every resource type, in the order of lists that hold both.
    pub(super) const ALL: [Self; 2] = [Self::User, Self::Group];

    /// The resource type of a path's first segment.
    pub(super) fn of_endpoint(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.endpoint() == segment)
    }

    /// The resource type of a directory object, where it has one.
    pub(super) fn of_object(kind: ObjectKind) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.object() == kind)
    }

    /// The kind of directory object.
    pub(super) fn object(self) -> ObjectKind {
        match self {
            Self::User => ObjectKind::User,
            Self::Group => ObjectKind::Group,
        }
    }

    /// `meta.resourceType`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// The path's segment below the base address.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    /// The URI of its own schema.
    pub(super) fn uri(self) -> &'static str {
        match self {
            Self::User => USER,
            Self::Group => GROUP,
        }
    }

    /// Its schemas, open for what clients add to them.
    pub(super) fn schema(self) -> &'static ResourceSchema {
        match self {
            Self::User => &USERS,
            Self::Group => &GROUPS,
        }
    }

    /// Its schemas and these further extensions, of which nothing but the URI is known.
    pub(super) fn schema_with(self, uris: impl IntoIterator<Item = String>) -> ResourceSchema {
        let known = self.schema();
        let mut extensions = known.extensions().to_vec();
        extensions.extend(uris.into_iter().map(|id| Schema { id, ..Schema::default() }));
        ResourceSchema::new(known.base().clone(), extensions).open()
    }
}

/// The URI of the extension that holds a user's department and manager.
pub(super) const ENTERPRISE: &str = ENTERPRISE_USER;
