//! Builds sources from configurations.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Configuration, ConfigurationError, ConnectorError, ErrorClass, Factory, Result, Source, Target,
};
use directory::Directory;

use crate::source::DirectorySource;

/// The words for whoever wants to write to the embedded directory.
const NO_TARGET: &str =
    "the embedded directory can only be a source: choose a template whose target is another system";

/// Builds sources on the embedded directory. Its name is `directory`; it takes the secret `SyncAll` and no settings.
pub struct DirectoryFactory {
    directory: Directory,
}

impl DirectoryFactory {
    /// A factory for the directory of an installation.
    #[must_use]
    pub fn new(directory: Directory) -> Self {
        Self { directory }
    }
}

#[async_trait]
impl Factory for DirectoryFactory {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn validate_source(&self, configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        if let Some(sync_all) = configuration.secrets.get("SyncAll")
            && !["true", "false"].iter().any(|word| sync_all.trim().eq_ignore_ascii_case(word))
        {
            return Err(ConfigurationError::invalid(
                "SyncAll",
                "must be true (everybody is provisioned) or false (only who is assigned)",
            ));
        }
        match configuration.settings.first() {
            Some((name, _)) => Err(ConfigurationError::invalid(
                format!("Source.{name}"),
                "the embedded directory has no such setting: remove it",
            )),
            None => Ok(()),
        }
    }

    fn validate_target(&self, _configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        Err(ConfigurationError::invalid("targetDirectoryName", NO_TARGET))
    }

    fn identity(&self, configuration: &Configuration) -> String {
        format!("directory:{}", configuration.tenant)
    }

    async fn source(&self, configuration: &Configuration) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(DirectorySource::new(self.directory.of(configuration.tenant), configuration)))
    }

    async fn target(&self, _configuration: &Configuration) -> Result<Arc<dyn Target>> {
        Err(ConnectorError::new(ErrorClass::Permanent, NO_TARGET))
    }
}
