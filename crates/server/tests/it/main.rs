//! The Graph API and the SCIM service over HTTP, on a real store.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod applications;
mod assertions;
mod assignments;
mod audit_logs;
mod audited;
mod batch;
mod bin;
mod delta;
mod directory_extensions;
mod every_route;
mod groups;
mod issuers;
mod lists;
mod openapi;
mod permissions;
mod pipeline;
mod relations;
mod scim;
mod synchronization;
mod tokens;
mod users;
mod world;
