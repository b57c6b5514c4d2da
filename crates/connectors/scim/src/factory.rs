//! Builds SCIM targets.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Configuration, ConfigurationError, ConnectorError, ErrorClass, Factory, Result, Source, Target,
};
use model::{Clock, Entropy, FailureCode};
use tokio::sync::OnceCell;

use crate::client::{Client, connections};
use crate::configuration::ScimConfiguration;
use crate::target::ScimTarget;

/// The factory of the connector `scim`. All targets that it builds share one pool of connections.
pub struct ScimFactory {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    connections: OnceCell<reqwest::Client>,
}

impl ScimFactory {
    /// A factory with a clock, for `Retry-After` dates, and randomness, for the check's query.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy, connections: OnceCell::new() }
    }
}

#[async_trait]
impl Factory for ScimFactory {
    fn name(&self) -> &'static str {
        "scim"
    }

    fn validate_source(&self, _: &Configuration) -> std::result::Result<(), ConfigurationError> {
        Err(ConfigurationError::invalid(
            "BaseAddress",
            "a SCIM service can be a target, but not yet a source",
        ))
    }

    fn validate_target(&self, configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        ScimConfiguration::read(configuration).map(drop)
    }

    fn identity(&self, configuration: &Configuration) -> String {
        match ScimConfiguration::read(configuration) {
            Ok(read) => read.base.to_string(),
            Err(_) => configuration.secrets.get("BaseAddress").unwrap_or("").trim().to_owned(),
        }
    }

    async fn source(&self, _: &Configuration) -> Result<Arc<dyn Source>> {
        let detail = "a SCIM service can be a target, but not yet a source";
        Err(ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::NotImplemented))
    }

    async fn target(&self, configuration: &Configuration) -> Result<Arc<dyn Target>> {
        let read = ScimConfiguration::read(configuration).map_err(|error| {
            ConnectorError::new(ErrorClass::Unavailable, format!("the configuration is wrong: {error}"))
        })?;
        let shared = self.connections.get_or_try_init(|| async { connections() }).await?;
        let client = Client::new(shared.clone(), &read, self.clock.clone())?;
        Ok(Arc::new(ScimTarget::new(client, &read, self.entropy.clone())))
    }
}
