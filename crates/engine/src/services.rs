//! What every part of the engine stands on.

use std::sync::Arc;

use connector::{Configuration, ConfigurationError};
use model::job::Job;
use model::schema::{Schema, SynchronizationRule};
use model::secrets::Secrets;
use model::settings::JobSettings;
use model::template::Template;
use model::{Clock, Entropy, Uuid};
use store::vault::Vault;
use store::{ObjectKind, Presence, SharedStore};

use crate::cycle::{PrepareError, Sides};
use crate::notice::Notifiers;
use crate::registry::{Registry, Templates};
use crate::time::Timer;

/// What every part of the engine stands on.
#[derive(Clone)]
pub struct Services {
    /// What is kept.
    pub store: SharedStore,
    /// Opens secrets.
    pub vault: Arc<Vault>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws lots.
    pub entropy: Arc<dyn Entropy>,
    /// Waits.
    pub timer: Arc<dyn Timer>,
    /// Builds connectors.
    pub registry: Registry,
    /// Where jobs start from.
    pub templates: Templates,
    /// The ways by which people are told of a job's health.
    pub notifiers: Notifiers,
    /// Who this process is, for leases. Where only one process can have the store, it is the same after a restart, so
    /// that nobody waits for the lease of a process that died.
    pub node: Uuid,
}

/// The secrets that a job's connectors are built from.
#[derive(Clone, PartialEq)]
pub(crate) struct JobSecrets {
    /// Those of the job's service principal.
    pub(crate) own: Secrets,
    /// Those of the service principal as which the source is read, where it is another.
    other: Option<Secrets>,
}

impl JobSecrets {
    /// Those of the job's service principal alone.
    pub(crate) fn own(own: Secrets) -> Self {
        Self { own, other: None }
    }

    /// Those that the source is read with.
    pub(crate) fn of_source(&self) -> &Secrets {
        self.other.as_ref().unwrap_or(&self.own)
    }
}

impl Services {
    /// The secrets of a job's two sides. A service principal that its setting `SourceServicePrincipalId` names and that is
    /// not there is refused: its source would show nobody.
    pub(crate) async fn secrets_of(
        &self,
        job: &Job,
        settings: &JobSettings,
    ) -> Result<JobSecrets, PrepareError> {
        let own = self.vault.secrets(&*self.store, job.tenant, job.service_principal).await?;
        let mut other = None;
        if let Some(principal) = settings.source_service_principal {
            let found = self.store.objects(job.tenant, &[principal.0], Presence::Live).await?;
            if !found.iter().any(|object| object.kind == ObjectKind::ServicePrincipal) {
                let words = format!(
                    "there is no service principal '{}'; set the id of one that is there, or remove the job setting",
                    principal.0
                );
                return Err(ConfigurationError::invalid("SourceServicePrincipalId", words).into());
            }
            other = Some(self.vault.secrets(&*self.store, job.tenant, principal).await?);
        }
        Ok(JobSecrets { own, other })
    }

    /// The template that a job was made from: its application's own, or one that ships.
    pub async fn template_of(&self, job: &Job) -> Result<Template, PrepareError> {
        let own = self.store.templates_of(job.tenant, job.service_principal).await?;
        let own = own.into_iter().find(|template| template.id.eq_ignore_ascii_case(&job.template));
        own.or_else(|| self.templates.get(&job.template).cloned()).ok_or_else(|| {
            PrepareError::Template(format!("the job's template '{}' is not known here", job.template))
        })
    }

    /// The connectors of a job's two directories with their configurations. The source directory is the one that the
    /// first enabled rule reads.
    pub(crate) fn sides(
        &self,
        template: &Template,
        job: &Job,
        settings: &JobSettings,
        schema: &Schema,
        secrets: &JobSecrets,
    ) -> Result<Sides, PrepareError> {
        let enabled =
            |rule: &&SynchronizationRule| rule.object_mappings.iter().any(|mapping| mapping.enabled);
        let rule = schema
            .synchronization_rules
            .iter()
            .filter(enabled)
            .min_by_key(|rule| rule.priority)
            .or_else(|| schema.synchronization_rules.first())
            .ok_or_else(|| PrepareError::Template("the schema has no synchronization rule".into()))?;
        let factory = |directory: &str| {
            let name = template.connector_of(schema, directory).ok_or_else(|| {
                PrepareError::Template(format!(
                    "template '{}' names no connector for directory '{directory}'",
                    template.id
                ))
            })?;
            self.registry.factory(name).cloned().ok_or_else(|| {
                PrepareError::Template(format!("there is no connector '{name}' for directory '{directory}'"))
            })
        };
        let target = Configuration {
            tenant: job.tenant,
            service_principal: job.service_principal,
            job: Some(job.id.clone()),
            secrets: secrets.own.clone(),
            settings: settings.target.clone(),
            nested_groups: settings.nested_groups,
        };
        let source = Configuration {
            service_principal: settings.source_service_principal.unwrap_or(job.service_principal),
            secrets: secrets.of_source().clone(),
            settings: settings.source.clone(),
            ..target.clone()
        };
        Ok(Sides {
            source: (factory(&rule.source_directory_name)?, source),
            target: (factory(&rule.target_directory_name)?, target),
        })
    }
}
