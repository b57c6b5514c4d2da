//! What Entente serves over HTTP: the Graph API with its tokens, and beside it whatever else the binary mounts.
//!
//! [`Api`] answers Graph requests, [`router`] carries it over HTTP. The crate knows the directory as a service and the
//! store as traits; it opens no database, listens on no socket and reads no configuration: the binary does that and
//! hands over a [`Service`].
//!
//! How a request goes: ids, token, route, permissions, body within its limit, query options, then the route's handler.
//! Every route stands in one table (`graph::routes`) with the permissions that it needs; a route without an entry does
//! not exist.

pub mod auth;
mod graph;
mod http;
mod scim;
mod service;

pub use graph::{Api, ApiRequest, ApiResponse, Operation};
pub use http::router;
pub use service::{Limits, Service};
