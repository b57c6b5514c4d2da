//! The embedded directory as a service on the store: users, groups, applications, service principals, their relations
//! and assignments, and the feed of their changes.
//!
//! Whoever writes, be it the Graph API, the SCIM service or an import, comes through [`TenantDirectory`], and what must
//! hold of the directory holds there: required properties, forms and sizes, relations between objects that exist,
//! uniqueness (by the store). What only one of the writers demands, such as which properties a request may name, is
//! that writer's. Properties are kept as Graph spells them. Nothing here knows HTTP, hashes secrets or runs by itself.
//!
//! Invariants:
//! - A write is one transaction, and each committed write is followed by one [`Changed`] to all subscribers.
//! - An update that changes nothing writes nothing, so it leaves no trace in the change feed.
//! - Objects in the bin keep their relations and assignments, which are hidden until the object returns.

mod applications;
mod assignments;
mod bootstrap;
mod credentials;
mod error;
mod extensions;
mod feed;
mod objects;
mod permissions;
mod properties;
mod relations;
mod service;
mod validate;

pub use applications::{CUSTOM_APPLICATION_TEMPLATE, Instantiated, app_roles};
pub use bootstrap::{BOOTSTRAP_TAG, Bootstrapped};
pub use credentials::PasswordCredential;
pub use error::{DirectoryError, Result};
pub use extensions::{EXTENSION_PROPERTIES, ExtensionProperty};
pub use objects::{NewObject, Relation};
pub use permissions::{GRAPH_APP_ID, PERMISSIONS, Permission};
pub use properties::merge;
pub use service::{Changed, Directory, TenantDirectory};
pub use store::{
    AppRoleAssignment, ChangeEntry, ChangeSubject, Comparison, DirectoryObject, Entitlement, ListQuery,
    Nesting, ORDERED, ObjectKind, OrderedQuery, Predicate, Presence, RelationKind,
};
