//! Identifiers of the things that persist.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use crate::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id! {
    /// A tenant: one organization's directory, applications and jobs. Nothing of one tenant is visible to another.
    TenantId
}
uuid_id! {
    /// A service principal, by its object id.
    ServicePrincipalId
}
uuid_id! {
    /// One cycle of a job.
    CycleId
}

/// A job's id: `{template id}.{tenant id without dashes}.{guid}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(SmolStr);

impl JobId {
    /// The id of a new job.
    #[must_use]
    pub fn new(template: &str, tenant: TenantId, unique: Uuid) -> Self {
        Self(format_smolstr!("{template}.{}.{}", tenant.0.simple(), unique))
    }

    /// An id as a client wrote it.
    pub fn from_text(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// The textual form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
