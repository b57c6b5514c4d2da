//! `/servicePrincipals/{id}/synchronization` and, for the service principal of the same application,
//! `/applications/{id}/synchronization`: secrets, templates, jobs and their schemas.
//!
//! What is configured is read from the store and changed through the engine, which decides what may be. Every change
//! leaves an audit record.

mod access_token;
mod actions;
mod bulk_upload;
mod by_hand;
mod credentials;
mod directories;
mod discovery;
mod error;
mod explain;
mod holder;
mod jobs;
mod language;
mod lifecycle;
pub(super) mod members;
mod merge;
mod on_demand;
mod owner;
mod plans;
mod remembered;
mod routes;
mod schema;
mod secrets;
mod service;
mod templates;
mod versions;

pub(super) use lifecycle::{pause_jobs, remove_jobs};
pub(super) use routes::routes;
