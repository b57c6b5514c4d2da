//! What every part of the engine stands on.

use std::sync::Arc;

use connector::Configuration;
use model::job::Job;
use model::schema::{DirectoryDefinition, Schema, SynchronizationRule};
use model::secrets::Secrets;
use model::settings::JobSettings;
use model::template::Template;
use model::{Clock, Entropy, Name, Uuid};
use store::SharedStore;
use store::vault::Vault;

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

impl Services {
    /// The connectors of a job's two directories with their configurations. The source directory is the one that the
    /// first enabled rule reads.
    pub(crate) fn sides(
        &self,
        job: &Job,
        settings: &JobSettings,
        schema: &Schema,
        secrets: &Secrets,
    ) -> Result<Sides, PrepareError> {
        let template = self.templates.get(&job.template).ok_or_else(|| {
            PrepareError::Template(format!("the job's template '{}' is not known here", job.template))
        })?;
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
            let name = connector_of(template, schema, directory).ok_or_else(|| {
                PrepareError::Template(format!(
                    "template '{}' names no connector for directory '{directory}'",
                    template.id
                ))
            })?;
            self.registry.factory(name).cloned().ok_or_else(|| {
                PrepareError::Template(format!("there is no connector '{name}' for directory '{directory}'"))
            })
        };
        let configuration = |settings_of: &[(String, String)]| Configuration {
            tenant: job.tenant,
            service_principal: job.service_principal,
            job: Some(job.id.clone()),
            secrets: secrets.clone(),
            settings: settings_of.to_vec(),
            nested_groups: settings.nested_groups,
        };
        Ok(Sides {
            source: (factory(&rule.source_directory_name)?, configuration(&settings.source)),
            target: (factory(&rule.target_directory_name)?, configuration(&settings.target)),
        })
    }
}

/// The connector of a schema's directory: by its name, or by the name that the template has for the directory of that
/// id. Schemas that were exported elsewhere have other names for the same directories.
fn connector_of<'a>(template: &'a Template, schema: &Schema, directory: &str) -> Option<&'a Name> {
    let same = |one: &&DirectoryDefinition, id: &str| {
        one.id.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(id))
    };
    template.connector(directory).or_else(|| {
        let id = schema.directory(directory)?.id.as_deref()?;
        let known = template.schema.directories.iter().find(|one| same(one, id))?;
        template.connector(&known.name)
    })
}
