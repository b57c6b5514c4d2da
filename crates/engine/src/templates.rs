//! Orders about the templates that clients make for an application.

use model::template::Template;
use model::{ServicePrincipalId, TenantId};

use crate::control::{ControlError, Result};
use crate::engine::Engine;

/// Templates of one application's own, at most.
const MOST_TEMPLATES: usize = 50;

impl Engine {
    /// Writes a template of an application in place of `before`. A schema that cannot run is refused; fails with
    /// `VersionMismatch` where somebody else wrote in between. Jobs that were made from it keep their schemas.
    pub async fn put_template(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        template: Template,
        before: Option<Template>,
    ) -> Result<()> {
        sync::compile(&template.schema).map_err(ControlError::Schema)?;
        let store = &self.services.store;
        if before.is_none() && store.templates_of(tenant, service_principal).await?.len() >= MOST_TEMPLATES {
            return Err(ControlError::Unfit(format!(
                "the application has {MOST_TEMPLATES} templates of its own, which is the most; delete one first"
            )));
        }
        Ok(store.put_template(tenant, service_principal, template, before).await?)
    }

    /// Removes a template of an application's own. One that jobs were made from stays, unless one that ships takes its
    /// place.
    pub async fn delete_template(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        id: &str,
    ) -> Result<()> {
        let store = &self.services.store;
        if self.services.templates.get(id).is_none() {
            let jobs = store.jobs_of(tenant, service_principal).await?;
            if let Some(job) = jobs.iter().find(|job| job.template.eq_ignore_ascii_case(id)) {
                return Err(ControlError::Unfit(format!(
                    "job '{}' was made from the template; delete the job first",
                    job.id
                )));
            }
        }
        Ok(store.delete_template(tenant, service_principal, id).await?)
    }
}
