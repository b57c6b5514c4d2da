//! The synchronization resources in the form that travels: `synchronizationJob` and its parts, secrets, templates, the
//! bodies of actions, and records of the provisioning log.
//!
//! `synchronizationSchema` needs no form of its own: [`model::schema`] has the shape of the wire.

pub mod bulk_upload;
pub mod correlation;
pub mod job;
pub mod managed;
mod on_demand;
pub mod plan;
pub mod provisioning;
pub mod requests;
pub mod restart;
pub mod secrets;
pub mod status;
pub mod template;

pub use job::{SynchronizationJob, SynchronizationSchedule};
pub use provisioning::ProvisioningObjectSummary;
pub use restart::RestartScope;
pub use secrets::SecretPair;
pub use status::SynchronizationStatus;
pub use template::TemplateWrite;

use serde::{Deserialize, Serialize};

/// Graph `stringKeyStringValuePair`, which `provisionOnDemand` answers with: both are JSON as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StringPair {
    /// What the value is about.
    pub key: String,
    /// The text.
    pub value: Option<String>,
}
