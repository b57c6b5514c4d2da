//! What has a schema: a job, or a template of an application. Reading and changing a schema is the same for both.

use std::borrow::Cow;

use engine::ControlError;
use graph::{GraphError, body};
use model::job::Job;
use model::schema::Schema;
use model::template::Template;
use serde_json::{Map, Value as Json};

use super::owner::{Owner, schema_members};
use crate::graph::error::ApiError;

/// What a path names that has a schema.
pub(super) enum Holder {
    /// `jobs/{id}`.
    Job(Job),
    /// `templates/{id}`.
    Template(Template),
}

impl Holder {
    /// The job or template that the path names.
    pub(super) async fn of(owner: &Owner<'_>) -> Result<Self, ApiError> {
        if owner.call.captures.key("job").is_some() {
            return Ok(Self::Job(owner.job().await?));
        }
        Ok(Self::Template(owner.named_template().await?.into_owned()))
    }

    /// The id, as audit records name it.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Job(job) => job.id.to_string(),
            Self::Template(template) => template.id.to_string(),
        }
    }

    /// The path of the schema below the version.
    pub(super) fn path(&self, owner: &Owner<'_>) -> String {
        match self {
            Self::Job(job) => format!("{}/jobs/{}/schema", owner.path, job.id),
            Self::Template(template) => format!("{}/templates/{}/schema", owner.path, template.id),
        }
    }

    /// The schema's part of `@odata.context`.
    pub(super) fn fragment(&self, owner: &Owner<'_>) -> String {
        match self {
            Self::Job(job) => format!("{}/jobs('{}')/schema", owner.path, job.id),
            Self::Template(template) => format!("{}/templates('{}')/schema", owner.path, template.id),
        }
    }

    /// The newest schema, which has the holder's id.
    pub(super) async fn schema(&self, owner: &Owner<'_>) -> Result<Schema, ApiError> {
        match self {
            Self::Job(job) => Ok(owner.schema(job).await?.schema),
            Self::Template(template) => Ok(identified(template)),
        }
    }

    /// The schema that the holder began with.
    pub(super) async fn default_schema(&self, owner: &Owner<'_>) -> Result<Schema, ApiError> {
        match self {
            Self::Job(job) => Ok(owner.template_of(job).await?.schema),
            Self::Template(template) => Ok(owner.base(&template.id, &template.factory_tag)?.schema.clone()),
        }
    }

    /// The template whose connectors serve the schema.
    pub(super) async fn template<'a>(&'a self, owner: &Owner<'_>) -> Result<Cow<'a, Template>, ApiError> {
        match self {
            Self::Job(job) => Ok(Cow::Owned(owner.template_of(job).await?)),
            Self::Template(template) => Ok(Cow::Borrowed(template)),
        }
    }

    /// The job, where it is one.
    pub(super) fn job(&self) -> Option<&Job> {
        match self {
            Self::Job(job) => Some(job),
            Self::Template(_) => None,
        }
    }

    /// Writes what a function makes of the newest schema, unless somebody else wrote in between; returns what was there
    /// before, and what became of it.
    pub(super) async fn rewrite(
        &self,
        owner: &Owner<'_>,
        change: impl FnOnce(Map<String, Json>) -> Result<Map<String, Json>, GraphError>,
    ) -> Result<(Map<String, Json>, Result<Schema, ControlError>), ApiError> {
        let call = owner.call;
        let engine = &call.service().engine;
        match self {
            Self::Job(job) => {
                let newest = owner.schema(job).await?;
                let before = schema_members(&newest.schema)?;
                let schema = body::read(Json::Object(change(before.clone())?))?;
                let written = engine.put_schema(job, newest.number, schema, call.caller.actor()).await;
                Ok((before, written.map(|version| version.schema)))
            }
            Self::Template(template) => {
                let stored = owner.own_template(&template.id).await?;
                let newest = owner.template(&template.id).await?;
                let newest = newest.ok_or_else(|| GraphError::not_found(&template.id))?;
                let before = schema_members(&identified(&newest))?;
                let schema: Schema = body::read(Json::Object(change(before.clone())?))?;
                let base = owner.base(&newest.id, &newest.factory_tag)?;
                let fresh = with_schema(newest.into_owned(), schema, base);
                let shown = identified(&fresh);
                let written = engine.put_template(call.caller.tenant, owner.id(), fresh, stored).await;
                Ok((before, written.map(|()| shown)))
            }
        }
    }
}

/// A template's schema as it is shown: with the template's id.
fn identified(template: &Template) -> Schema {
    Schema { id: Some(template.id.to_string()), ..template.schema.clone() }
}

/// A template with another schema, whose version is the next one. The template that it builds on tells the connectors.
pub(super) fn with_schema(template: Template, schema: Schema, base: &Template) -> Template {
    let number = template.schema.version.as_deref().and_then(|text| text.split('.').next()?.parse().ok());
    let version = format!("{}.0", number.unwrap_or(0_u64).saturating_add(1));
    Template {
        connectors: base.connectors_for(&schema),
        schema: Schema { id: None, version: Some(version), ..schema },
        ..template
    }
}
