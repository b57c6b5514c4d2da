//! `synchronization/templates`: what jobs of an application can start from. What ships can be changed for one
//! application: its changed form then takes the shipped one's place, until it is removed.

use std::borrow::Cow;

use engine::ControlError;
use graph::GraphError;
use graph::synchronization::TemplateWrite;
use model::template::Template;
use serde_json::{Map, Value as Json};

use super::holder::with_schema;
use super::members::{self, members};
use super::merge::merge_schema;
use super::owner::{Owner, schema_members};
use super::schema::{told, without_annotations};
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The properties of a template.
const PROPERTIES: [&str; 8] =
    ["id", "applicationId", "default", "description", "discoverable", "factoryTag", "metadata", "schema"];

/// The related resources that `$expand` takes.
const RELATED: [&str; 1] = ["schema"];
/// The longest identifier, in octets.
const LONGEST_ID: usize = 100;
/// The longest description or factory tag, in octets.
const LONGEST_TEXT: usize = 2000;
/// How often a change is computed anew when somebody else wrote in between.
const ATTEMPTS: usize = 50;

/// GET `templates`.
pub(super) async fn list(call: Call) -> Answer {
    let owner = call.owner().await?;
    call.expands("schema", &RELATED)?;
    members::collection(&call, &fragment(&owner), &PROPERTIES, all(&owner).await?)
}

/// GET `templates/$count`.
pub(super) async fn count(call: Call) -> Answer {
    let owner = call.owner().await?;
    members::count(&call, &PROPERTIES, all(&owner).await?)
}

/// The templates of an application as resources.
pub(super) async fn all(owner: &Owner<'_>) -> Result<Vec<Map<String, Json>>, ApiError> {
    let all = owner.templates().await?;
    Ok(all.iter().map(|template| resource(template)).collect::<Result<_, _>>()?)
}

/// The resource of a template, which does not tell its connectors. Its schema comes along whether it is expanded or not,
/// as the reference's examples show it.
fn resource(template: &Template) -> Result<Map<String, Json>, GraphError> {
    let mut resource = members(template)?;
    resource.remove("connectors");
    if let Some(Json::Object(schema)) = resource.remove("schema") {
        let mut identified = Map::from_iter([("id".to_owned(), Json::from(template.id.as_str()))]);
        identified.extend(schema);
        resource.insert("schema".to_owned(), Json::Object(identified));
    }
    Ok(resource)
}

fn fragment(owner: &Owner<'_>) -> String {
    format!("{}/templates", owner.path)
}

/// GET `templates/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let owner = call.owner().await?;
    call.expands("schema", &RELATED)?;
    let resource = resource(&*owner.named_template().await?)?;
    members::entity(&call, &format!("{}/$entity", fragment(&owner)), resource)
}

/// POST `templates`: one of the application's own. Without a schema it begins with that of the template of its kind.
pub(super) async fn create(call: Call) -> Answer {
    let owner = call.owner().await?;
    let write: TemplateWrite = call.read()?;
    let id = checked_id(write.id.as_deref())?.to_owned();
    if let Some(missing) =
        [("applicationId", write.application_id.is_none()), ("factoryTag", write.factory_tag.is_none())]
            .into_iter()
            .find_map(|(name, is_missing)| is_missing.then_some(name))
    {
        return Err(GraphError::missing_property(missing).into());
    }
    if owner.template(&id).await?.is_some() {
        let words = format!("The application has a template '{id}' already. Change it with PATCH.");
        return Err(GraphError::conflict(words).into());
    }
    let fresh = replaced(&owner, &id, write)?;
    let engine = &call.service().engine;
    let written = engine.put_template(call.caller.tenant, owner.id(), fresh.clone(), None).await;
    written.map_err(|error| lost_race(error, &id))?;
    audit(&call, "Add synchronization template", None, Some(&fresh)).await?;
    let path = format!("{}/{id}", fragment(&owner));
    Ok(call.created(&path, &format!("{}/$entity", fragment(&owner)), resource(&fresh)?))
}

/// PUT `templates/{id}`: replaces it. What is not sent is as in the template that ships.
pub(super) async fn replace(call: Call) -> Answer {
    let write: TemplateWrite = call.read()?;
    edit(&call, |owner, present| {
        same_id(&write, &present.id)?;
        replaced(owner, &present.id, write.clone())
    })
    .await
}

/// PATCH `templates/{id}`: changes what is sent; a schema is merged into the present one.
pub(super) async fn update(call: Call) -> Answer {
    let write: TemplateWrite = call.read()?;
    let sent = without_annotations(call.object_body()?);
    edit(&call, |owner, present| {
        same_id(&write, &present.id)?;
        let mut fresh = overlaid(present.clone(), write.clone(), &sent)?;
        if let Some(Json::Object(sent)) = sent.get("schema") {
            let mut schema = schema_members(&present.schema)?;
            merge_schema(&mut schema, sent.clone());
            let base = owner.base(&present.id, &present.factory_tag)?;
            fresh = with_schema(fresh, graph::body::read(Json::Object(schema))?, base);
        }
        Ok(fresh)
    })
    .await
}

/// DELETE `templates/{id}`. One that ships cannot go, only what an application made of it.
pub(super) async fn delete(call: Call) -> Answer {
    let owner = call.owner().await?;
    let template = owner.named_template().await?;
    if matches!(template, Cow::Borrowed(_)) {
        let words = format!("Template '{}' ships with the service and cannot be removed.", template.id);
        return Err(GraphError::conflict(words).into());
    }
    call.service().engine.delete_template(call.caller.tenant, owner.id(), &template.id).await?;
    audit(&call, "Delete synchronization template", Some(&template), None).await?;
    Ok(Reply::no_content())
}

/// Writes what a function makes of the template that the path names. Who must try again, because somebody else wrote in
/// between, takes turns with others.
async fn edit(
    call: &Call,
    change: impl Fn(&Owner<'_>, &Template) -> Result<Template, GraphError> + Send + Sync,
) -> Answer {
    let owner = call.owner().await?;
    let directory = call.directory();
    let (mut attempt, mut turn) = (1, None);
    loop {
        if attempt > 1 && turn.is_none() {
            turn = directory.turn(owner.principal.id).await;
        }
        let key = call.key("template")?.value();
        let stored = owner.own_template(key).await?;
        let present = owner.named_template().await?;
        let fresh = change(&owner, &present)?;
        let engine = &call.service().engine;
        match engine.put_template(call.caller.tenant, owner.id(), fresh.clone(), stored).await {
            Err(ControlError::Store(store::StoreError::VersionMismatch)) if attempt < ATTEMPTS => {
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
            Ok(()) => {
                audit(call, "Update synchronization template", Some(&present), Some(&fresh)).await?;
                return Ok(Reply::no_content());
            }
        }
    }
}

/// The template that a whole body describes.
fn replaced(owner: &Owner<'_>, id: &str, write: TemplateWrite) -> Result<Template, GraphError> {
    let tag = write.factory_tag.clone().unwrap_or_default();
    let base = owner.base(id, &tag)?;
    let blank = Template {
        id: id.into(),
        description: None,
        default: false,
        discoverable: false,
        metadata: Vec::new(),
        ..base.clone()
    };
    let schema = write.schema.clone();
    let fresh = overlaid(blank, write, &Map::new())?;
    Ok(match schema {
        Some(schema) => with_schema(fresh, schema, base),
        None => fresh,
    })
}

/// A template with the plain properties that a body brings; null takes a description away where it was `sent`.
fn overlaid(
    present: Template,
    write: TemplateWrite,
    sent: &Map<String, Json>,
) -> Result<Template, GraphError> {
    for (name, text) in [("description", &write.description), ("factoryTag", &write.factory_tag)] {
        if text.as_ref().is_some_and(|text| text.len() > LONGEST_TEXT) {
            let mend = format!("Send {LONGEST_TEXT} octets at most.");
            return Err(GraphError::invalid_property(name, &mend));
        }
    }
    let described = write.description.is_some() || sent.contains_key("description");
    Ok(Template {
        application_id: write.application_id.unwrap_or(present.application_id),
        description: if described { write.description } else { present.description },
        discoverable: write.discoverable.unwrap_or(present.discoverable),
        factory_tag: write.factory_tag.unwrap_or(present.factory_tag),
        default: write.default.unwrap_or(present.default),
        metadata: write.metadata.unwrap_or(present.metadata),
        ..present
    })
}

/// The id of a new template: it becomes the first part of the ids of its jobs.
fn checked_id(id: Option<&str>) -> Result<&str, GraphError> {
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| GraphError::missing_property("id"))?;
    let fits = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if id.len() > LONGEST_ID || !id.chars().all(fits) {
        let mend = format!("Send letters, digits, '-' and '_', {LONGEST_ID} at most.");
        return Err(GraphError::invalid_property("id", &mend));
    }
    Ok(id)
}

fn same_id(write: &TemplateWrite, id: &str) -> Result<(), GraphError> {
    match &write.id {
        Some(sent) if !sent.eq_ignore_ascii_case(id) => Err(GraphError::read_only_property("id")),
        _ => Ok(()),
    }
}

fn lost_race(error: ControlError, id: &str) -> ApiError {
    match error {
        ControlError::Store(store::StoreError::VersionMismatch) => {
            GraphError::conflict(format!("The application has a template '{id}' already.")).into()
        }
        error => error.into(),
    }
}

async fn audit(
    call: &Call,
    activity: &str,
    before: Option<&Template>,
    after: Option<&Template>,
) -> Result<(), ApiError> {
    let id = after.or(before).map_or("", |template| template.id.as_str());
    let (old, new) = if let (Some(before), Some(after)) = (before, after) {
        let (old, new) = told(&resource(before)?, &resource(after)?);
        (Some(old), Some(new))
    } else {
        // The schema would be most of the record.
        let shown = |one: &Template| {
            let mut shown = resource(one)?;
            shown.remove("schema");
            Ok::<_, GraphError>(Json::Object(shown))
        };
        (before.map(shown).transpose()?, after.map(shown).transpose()?)
    };
    call.audit(activity, id.to_owned(), old, new).await
}
