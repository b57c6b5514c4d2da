//! Builds sources and targets from configurations.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Configuration, ConfigurationError, Factory, Result, Source, Target};
use directory::Directory;

use crate::source::DirectorySource;
use crate::target::DirectoryTarget;

/// Builds sources and targets on the embedded directory. Its name is `directory`; sources take the secret `SyncAll`, and
/// neither takes settings.
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
        without_settings(configuration, "Source")
    }

    fn validate_target(&self, configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        without_settings(configuration, "Target")
    }

    fn identity(&self, configuration: &Configuration) -> String {
        format!("directory:{}", configuration.tenant)
    }

    async fn source(&self, configuration: &Configuration) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(DirectorySource::new(self.directory.of(configuration.tenant), configuration)))
    }

    async fn target(&self, configuration: &Configuration) -> Result<Arc<dyn Target>> {
        let directory = self.directory.of(configuration.tenant);
        Ok(Arc::new(DirectoryTarget::new(match &configuration.job {
            Some(job) => directory.by_job(job.clone()),
            None => directory,
        })))
    }

    fn needs_credentials(&self) -> bool {
        false
    }
}

fn without_settings(
    configuration: &Configuration,
    prefix: &str,
) -> std::result::Result<(), ConfigurationError> {
    match configuration.settings.first() {
        Some((name, _)) => Err(ConfigurationError::invalid(
            format!("{prefix}.{name}"),
            "the embedded directory has no such setting: remove it",
        )),
        None => Ok(()),
    }
}
