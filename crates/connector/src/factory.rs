use std::sync::Arc;

use async_trait::async_trait;
use model::secrets::Secrets;
use model::{JobId, ServicePrincipalId, TenantId};
use thiserror::Error;

use crate::{Result, Source, Target, TokenClient};

/// What a connector is built from.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Whose directory it is.
    pub tenant: TenantId,
    /// The service principal whose assignments count and whose secrets these are.
    pub service_principal: ServicePrincipalId,
    /// The job that asks; none while credentials are only checked.
    pub job: Option<JobId>,
    /// What is secret.
    pub secrets: Secrets,
    /// What is not: the job's `Source.*` or `Target.*` settings without that prefix.
    pub settings: Vec<(String, String)>,
    /// Members of groups in assigned groups are entitled too (`NestedGroups`).
    pub nested_groups: bool,
}

/// Why a configuration was refused, before anything connected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key}: {reason}")]
pub struct ConfigurationError {
    /// The secret's or setting's name.
    pub key: String,
    /// What is wrong and what would be right, without the value of a secret.
    pub reason: String,
    /// True where the key is absent altogether.
    pub missing: bool,
}

impl ConfigurationError {
    /// A key that must be there and is not.
    pub fn missing(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into(), missing: true }
    }

    /// A key whose value is of no use.
    pub fn invalid(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into(), missing: false }
    }
}

/// Builds connectors of one kind.
#[async_trait]
pub trait Factory: Send + Sync {
    /// The name by which templates ask for it, such as `scim`.
    fn name(&self) -> &'static str;

    /// Says what is wrong with a source configuration, without connecting.
    fn validate_source(&self, configuration: &Configuration) -> std::result::Result<(), ConfigurationError>;

    /// Says what is wrong with a target configuration, without connecting.
    fn validate_target(&self, configuration: &Configuration) -> std::result::Result<(), ConfigurationError>;

    /// A text that stands for the other side (such as base address or base DN), for noticing that a job's target is
    /// another one than before.
    fn identity(&self, configuration: &Configuration) -> String;

    /// A source of a configuration that was validated.
    async fn source(&self, configuration: &Configuration) -> Result<Arc<dyn Source>>;

    /// A target of a configuration that was validated.
    async fn target(&self, configuration: &Configuration) -> Result<Arc<dyn Target>>;

    /// False where its targets can be reached without any secret.
    fn needs_credentials(&self) -> bool {
        true
    }

    /// True where its sources read what clients upload to the job (Graph `bulkUpload`).
    fn takes_uploads(&self) -> bool {
        false
    }

    /// What gets tokens for targets of this kind; none where they have no token endpoint.
    fn token_client(&self) -> Option<&dyn TokenClient> {
        None
    }
}
