//! SCIM 2.0 (RFC 7643, RFC 7644) without input and output: types, attribute paths, filters, PATCH, and the building
//! and reading of resources.
//!
//! The SCIM connector uses it as a client and the service at `/scim/v2` as a server. Resources are
//! [`serde_json::Value`] objects, because their attributes are known only at run time. Nothing here waits, reads a
//! clock or knows HTTP. Everything that comes from outside is limited in length, depth and count, and errors say
//! where and what.

pub mod build;
pub mod error;
pub mod etag;
pub mod filter;
mod json;
pub mod message;
pub mod meta;
pub mod name;
pub mod patch;
pub mod path;
pub mod schema;
pub mod selection;
pub mod service;
pub mod sort;
pub mod syntax;

pub use error::{Error, ScimType};
pub use filter::{Filter, Literal, Operator};
pub use meta::Meta;
pub use name::CaselessName;
pub use path::{AttributePath, Path};
pub use schema::ResourceSchema;
pub use syntax::SyntaxError;
