//! Whose synchronization a request is about, and which job.

use std::borrow::Cow;

use directory::{DirectoryObject, ObjectKind};
use engine::ControlError;
use graph::GraphError;
use model::job::Job;
use model::schema::Schema;
use model::secrets::Secrets;
use model::template::Template;
use model::{JobId, ServicePrincipalId};
use store::SchemaVersion;

use crate::graph::call::Call;
use crate::graph::error::ApiError;

/// The application template of applications that were made from none.
const CUSTOM: &str = directory::CUSTOM_APPLICATION_TEMPLATE;

/// A service principal with its synchronization.
pub(super) struct Owner<'a> {
    pub(super) call: &'a Call,
    pub(super) principal: DirectoryObject,
    /// The path of the request's synchronization below the version.
    pub(super) path: String,
}

impl Call {
    /// The service principal that the path names, by itself or by its application.
    pub(super) async fn owner(&self) -> Result<Owner<'_>, ApiError> {
        if self.captures.key("principal").is_some() {
            let principal = self.object(ObjectKind::ServicePrincipal, "principal").await?;
            let path = format!("servicePrincipals/{}/synchronization", principal.id);
            return Ok(Owner { call: self, principal, path });
        }
        let application = self.object(ObjectKind::Application, "application").await?;
        let app_id = application.text("appId").unwrap_or_default();
        let principal = self.directory().find_by(ObjectKind::ServicePrincipal, "appId", app_id).await?;
        let principal = principal.ok_or_else(|| {
            GraphError::new(
                404,
                graph::error::RESOURCE_NOT_FOUND,
                format!(
                    "Application '{}' has no service principal, which synchronization belongs to. Create one with POST /servicePrincipals and appId '{app_id}'.",
                    application.id
                ),
            )
        })?;
        let path = format!("applications/{}/synchronization", application.id);
        Ok(Owner { call: self, principal, path })
    }
}

impl Owner<'_> {
    /// The service principal's id.
    pub(super) fn id(&self) -> ServicePrincipalId {
        ServicePrincipalId(self.principal.id)
    }

    /// Its secrets in clear.
    pub(super) async fn secrets(&self) -> Result<Secrets, ApiError> {
        let services = self.call.service().engine.services();
        Ok(services.vault.secrets(&*services.store, self.call.caller.tenant, self.id()).await?)
    }

    /// Its jobs, oldest first.
    pub(super) async fn jobs(&self) -> Result<Vec<Job>, ApiError> {
        Ok(self.call.service().store.jobs_of(self.call.caller.tenant, self.id()).await?)
    }

    /// The job that the path names.
    pub(super) async fn job(&self) -> Result<Job, ApiError> {
        let key = self.call.key("job")?.value();
        let job = self.call.service().store.job(self.call.caller.tenant, &JobId::from_text(key)).await?;
        let own = job.filter(|job| job.service_principal == self.id());
        own.ok_or_else(|| GraphError::not_found(key).into())
    }

    /// The application template that the application was made from.
    pub(super) fn application_template(&self) -> &str {
        self.principal.text("applicationTemplateId").unwrap_or(CUSTOM)
    }

    /// The templates that ship for applications like this one.
    pub(super) fn shipped(&self) -> impl Iterator<Item = &Template> {
        let wanted = self.application_template();
        let templates = self.call.service().engine.services().templates.iter();
        templates.filter(move |template| template.application_id.to_string().eq_ignore_ascii_case(wanted))
    }

    /// Those of its templates that the application's clients made.
    pub(super) async fn own_templates(&self) -> Result<Vec<Template>, ApiError> {
        Ok(self.call.service().store.templates_of(self.call.caller.tenant, self.id()).await?)
    }

    /// The template of an id that the application's clients made.
    pub(super) async fn own_template(&self, id: &str) -> Result<Option<Template>, ApiError> {
        let own = self.own_templates().await?;
        Ok(own.into_iter().find(|template| template.id.eq_ignore_ascii_case(id)))
    }

    /// All of the application's templates: what ships, unless its clients made one in its place, then their own.
    pub(super) async fn templates(&self) -> Result<Vec<Cow<'_, Template>>, ApiError> {
        let mut own = self.own_templates().await?;
        let mut all = Vec::new();
        for shipped in self.shipped() {
            let changed = own.iter().position(|one| one.id.eq_ignore_ascii_case(&shipped.id));
            all.push(changed.map_or(Cow::Borrowed(shipped), |position| Cow::Owned(own.remove(position))));
        }
        all.extend(own.into_iter().map(Cow::Owned));
        Ok(all)
    }

    /// The application's template of an id.
    pub(super) async fn template(&self, id: &str) -> Result<Option<Cow<'_, Template>>, ApiError> {
        let shipped = || self.shipped().find(|template| template.id.eq_ignore_ascii_case(id));
        Ok(self.own_template(id).await?.map(Cow::Owned).or_else(|| shipped().map(Cow::Borrowed)))
    }

    /// The template that the path names.
    pub(super) async fn named_template(&self) -> Result<Cow<'_, Template>, ApiError> {
        let key = self.call.key("template")?.value();
        self.template(key).await?.ok_or_else(|| GraphError::not_found(key).into())
    }

    /// The shipped template that a template of the application's own builds on: the one of its id, of its kind, or the
    /// application's default.
    pub(super) fn base(&self, id: &str, factory_tag: &str) -> Result<&Template, GraphError> {
        let base = self.shipped().find(|one| one.id.eq_ignore_ascii_case(id));
        let base = base.or_else(|| {
            self.shipped()
                .filter(|one| one.factory_tag.eq_ignore_ascii_case(factory_tag))
                .max_by_key(|one| one.default)
        });
        base.or_else(|| self.shipped().max_by_key(|one| one.default)).ok_or_else(|| {
            GraphError::conflict(format!(
                "There is no template for applications that were made from '{}', so this one has no connectors.",
                self.application_template()
            ))
        })
    }

    /// The template that a job was made from.
    pub(super) async fn template_of(&self, job: &Job) -> Result<Template, ApiError> {
        let found = self.call.service().engine.services().template_of(job).await;
        Ok(found.map_err(ControlError::from)?)
    }

    /// The newest schema of a job.
    pub(super) async fn schema(&self, job: &Job) -> Result<SchemaVersion, ApiError> {
        Ok(self.call.service().store.schema(&job.id).await?)
    }
}

/// A schema as JSON.
pub(super) fn schema_members(
    schema: &Schema,
) -> Result<serde_json::Map<String, serde_json::Value>, GraphError> {
    match serde_json::to_value(schema) {
        Ok(serde_json::Value::Object(members)) => Ok(members),
        _ => Err(GraphError::internal()),
    }
}
