//! The plain data of Entente: objects and their values, the synchronization schema, jobs, and the provisioning log.
//!
//! Nothing here waits, reads a clock or touches a network; every other crate speaks in these types. The names are
//! those of the Microsoft Graph synchronization resources, so that a reader of that reference finds them here.

pub mod change;
pub mod clock;
pub mod correlation;
pub mod entropy;
pub mod failure;
pub mod fingerprint;
pub mod ids;
pub mod job;
pub mod link;
pub mod object;
pub mod plan;
pub mod policies;
pub mod provisioning;
pub mod schema;
pub mod secrets;
pub mod settings;
pub mod spelling;
pub mod template;
pub mod value;

pub use clock::{Clock, SystemClock};
pub use entropy::{Entropy, SystemEntropy};
pub use failure::{Failure, FailureCode};
pub use ids::{CycleId, JobId, ServicePrincipalId, TenantId};
pub use jiff::{SignedDuration, Timestamp};
pub use object::{Anchor, Attributes, Object};
pub use smol_str::SmolStr as Name;
pub use uuid::Uuid;
pub use value::Value;
