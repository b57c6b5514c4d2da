//! The Graph API: one table of routes and the way of a request through it.

mod api;
mod authorize;
mod call;
mod error;
mod filter;
mod lists;
mod objects;
mod openapi;
mod paging;
mod permissions;
mod rate;
mod reply;
mod reports;
mod route;
mod routes;

mod app_role_assignments;
mod application_templates;
mod applications;
mod audit_logs;
mod batch;
mod deleted_items;
mod delta;
mod directory_objects;
mod expand;
mod extension_properties;
mod groups;
mod organization;
mod passwords;
mod relations;
mod service_principals;
mod synchronization;
mod users;

pub(crate) use api::Ids;
pub use api::{Api, ApiRequest, ApiResponse, Operation};
pub(crate) use objects::{activity_noun, visible};
