//! Builds sources from configurations.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Configuration, ConfigurationError, ConnectorError, ErrorClass, Factory, Result, Source, Target,
};
use store::SharedStore;

use crate::source::InboundSource;

/// The words for whoever wants to write to what is uploaded.
const NO_TARGET: &str =
    "what clients upload can only be a source: choose a template whose target is another system";

/// Builds sources on what clients upload. Its name is `inbound`; it takes no secrets and no settings.
pub struct InboundFactory {
    store: SharedStore,
}

impl InboundFactory {
    /// A factory for what a store keeps.
    #[must_use]
    pub fn new(store: SharedStore) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Factory for InboundFactory {
    fn name(&self) -> &'static str {
        "inbound"
    }

    fn validate_source(&self, configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        match configuration.settings.first() {
            Some((name, _)) => Err(ConfigurationError::invalid(
                format!("Source.{name}"),
                "uploads have no such setting: remove it",
            )),
            None => Ok(()),
        }
    }

    fn validate_target(&self, _configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        Err(ConfigurationError::invalid("targetDirectoryName", NO_TARGET))
    }

    fn identity(&self, configuration: &Configuration) -> String {
        configuration.job.as_ref().map(|job| format!("inbound:{job}")).unwrap_or_default()
    }

    async fn source(&self, configuration: &Configuration) -> Result<Arc<dyn Source>> {
        let job = configuration.job.clone().ok_or_else(|| {
            ConnectorError::new(ErrorClass::Permanent, "uploads belong to a job: make one, and upload to it")
        })?;
        Ok(Arc::new(InboundSource::new(self.store.clone(), job)))
    }

    async fn target(&self, _configuration: &Configuration) -> Result<Arc<dyn Target>> {
        Err(ConnectorError::new(ErrorClass::Permanent, NO_TARGET))
    }

    fn takes_uploads(&self) -> bool {
        true
    }
}
