//! `synchronization/templates`: what jobs of an application can start from.

use graph::GraphError;
use graph::synchronization::SynchronizationTemplate;
use model::template::Template;
use serde_json::{Map, Value as Json};

use super::directories;
use super::members::{self, members};
use super::owner::{Owner, schema_members};
use crate::graph::call::Call;
use crate::graph::route::Answer;

/// The related resources that `$expand` takes.
const RELATED: [&str; 1] = ["schema"];

/// GET `templates`.
pub(super) async fn list(call: Call) -> Answer {
    let owner = call.owner().await?;
    let expand = call.expands("schema", &RELATED)?;
    members::collection(&call, &fragment(&owner), all(&owner, expand)?)
}

/// GET `templates/$count`.
pub(super) async fn count(call: Call) -> Answer {
    let owner = call.owner().await?;
    members::count(&call, all(&owner, false)?)
}

/// The templates of an application as resources.
pub(super) fn all(owner: &Owner<'_>, expand: bool) -> Result<Vec<Map<String, Json>>, GraphError> {
    owner.shipped().map(|template| resource(template, expand)).collect()
}

fn resource(template: &Template, expand: bool) -> Result<Map<String, Json>, GraphError> {
    let mut resource = members(&SynchronizationTemplate {
        id: template.id.to_string(),
        application_id: Some(template.application_id),
        default: template.default,
        description: template.description.clone(),
        discoverable: template.discoverable,
        factory_tag: Some(template.factory_tag.clone()),
        ..SynchronizationTemplate::default()
    })?;
    if expand {
        resource.insert("schema".to_owned(), Json::Object(schema_of(template)?));
    }
    Ok(resource)
}

fn schema_of(template: &Template) -> Result<Map<String, Json>, GraphError> {
    let mut schema = Map::new();
    schema.insert("id".to_owned(), Json::from(template.id.as_str()));
    schema.extend(schema_members(&template.schema)?);
    Ok(schema)
}

fn fragment(owner: &Owner<'_>) -> String {
    format!("{}/templates", owner.path)
}

/// The template that the path names.
fn named<'a>(call: &Call, owner: &'a Owner<'_>) -> Result<&'a Template, GraphError> {
    let key = call.key("template")?.value();
    owner.template(key).ok_or_else(|| GraphError::not_found(key))
}

/// GET `templates/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let owner = call.owner().await?;
    let expand = call.expands("schema", &RELATED)?;
    let resource = resource(named(&call, &owner)?, expand)?;
    members::entity(&call, &format!("{}/$entity", fragment(&owner)), resource)
}

/// GET `templates/{id}/schema`.
pub(super) async fn schema(call: Call) -> Answer {
    let owner = call.owner().await?;
    let template = named(&call, &owner)?;
    let fragment = format!("{}('{}')/schema/$entity", fragment(&owner), template.id);
    members::entity(&call, &fragment, schema_of(template)?)
}

fn directories_fragment(owner: &Owner<'_>, template: &Template) -> String {
    format!("{}('{}')/schema/directories", fragment(owner), template.id)
}

/// GET `templates/{id}/schema/directories`.
pub(super) async fn directories(call: Call) -> Answer {
    let owner = call.owner().await?;
    let template = named(&call, &owner)?;
    members::collection(&call, &directories_fragment(&owner, template), directories::all(&template.schema)?)
}

/// GET `templates/{id}/schema/directories/$count`.
pub(super) async fn count_directories(call: Call) -> Answer {
    let owner = call.owner().await?;
    members::count(&call, directories::all(&named(&call, &owner)?.schema)?)
}

/// GET `templates/{id}/schema/directories/{id}`.
pub(super) async fn directory(call: Call) -> Answer {
    let owner = call.owner().await?;
    let template = named(&call, &owner)?;
    let position = directories::position(&call, &template.schema)?;
    let resource = directories::resource(directories::at(&template.schema, position)?)?;
    members::entity(&call, &format!("{}/$entity", directories_fragment(&owner, template)), resource)
}
