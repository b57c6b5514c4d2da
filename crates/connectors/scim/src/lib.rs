//! The connector for SCIM 2.0 services (RFC 7643, RFC 7644): a job's target.
//!
//! Target attribute names are SCIM paths, such as `emails[type eq "work"].value`; the `scim` crate knows what they
//! mean. This crate does the talking: it sends requests with the job's credentials, finds out what the service can do,
//! and says with a class what every answer means. It trusts no answer: bodies are limited, redirects to other hosts
//! are refused, and what a query returns counts only if it satisfies the query's condition itself.

mod answer;
mod client;
mod configuration;
mod discovery;
mod endpoint;
mod factory;
mod hidden;
mod place;
mod reading;
mod recent;
mod references;
mod retry_after;
mod signature;
mod target;
mod tokens;
mod wire;
mod writing;

pub use configuration::{Authorization, Grant, OauthClient, Quirks, ScimConfiguration};
pub use factory::ScimFactory;
pub use target::ScimTarget;
