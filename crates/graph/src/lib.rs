//! The Graph API as data: query options, error envelope, paths, request bodies, and the wire form of resources.
//!
//! Nothing here listens, waits or stores, and there is no web framework: the server crate carries these types over
//! HTTP, and the Graph connector reads the same types from the other side. Names, spellings, nullability and status
//! codes are those of Microsoft Graph.

pub mod batch;
pub mod body;
pub mod collection;
pub mod directory;
pub mod error;
pub mod odata;
pub mod path;
pub mod synchronization;

pub use error::{GraphError, RequestIds};
