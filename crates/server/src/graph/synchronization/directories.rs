//! `…/schema/directories` of jobs and templates: the directories that a schema describes, and what a source or
//! target says of itself.

use engine::Side;
use graph::GraphError;
use model::schema::{DirectoryDefinition, ObjectDefinition, Schema};
use serde_json::{Map, Value as Json, json};

use super::holder::Holder;
use super::members::{self, members};
use super::merge::merge_directory;
use super::owner::Owner;
use super::schema::{change, without_annotations};
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The properties of a directory.
const PROPERTIES: [&str; 7] =
    ["id", "name", "objects", "discoverabilities", "discoveryDateTime", "readOnly", "version"];

/// What is discovered of a directory.
const DISCOVERED: &str = "AttributeNames, AttributeDataTypes, AttributeReadOnly, ReferenceAttributes";

/// GET `directories`.
pub(super) async fn list(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    members::collection(&call, &fragment(&owner, &holder), &PROPERTIES, all(&holder.schema(&owner).await?)?)
}

/// GET `directories/$count`.
pub(super) async fn count(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    members::count(&call, &PROPERTIES, all(&holder.schema(&owner).await?)?)
}

/// The directories of a schema as resources.
pub(super) fn all(schema: &Schema) -> Result<Vec<Map<String, Json>>, GraphError> {
    schema.directories.iter().map(resource).collect()
}

/// A directory as a resource.
pub(super) fn resource(directory: &DirectoryDefinition) -> Result<Map<String, Json>, GraphError> {
    let mut resource = Map::new();
    resource.insert("id".to_owned(), json!(directory.id));
    resource.extend(members(directory)?);
    Ok(resource)
}

/// The position of the directory that the path names: by its id, or by its name.
pub(super) fn position(call: &Call, schema: &Schema) -> Result<usize, GraphError> {
    let key = call.key("directory")?.value();
    let by_id = |one: &DirectoryDefinition| one.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(key));
    let by_name = |one: &DirectoryDefinition| one.name.eq_ignore_ascii_case(key);
    let directories = &schema.directories;
    let found = directories.iter().position(by_id).or_else(|| directories.iter().position(by_name));
    found.ok_or_else(|| GraphError::not_found(key))
}

fn fragment(owner: &Owner<'_>, holder: &Holder) -> String {
    format!("{}/directories", holder.fragment(owner))
}

/// GET `directories/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    let schema = holder.schema(&owner).await?;
    let directory = at(&schema, position(&call, &schema)?)?;
    members::entity(&call, &format!("{}/$entity", fragment(&owner, &holder)), resource(directory)?)
}

/// The directory at a position.
pub(super) fn at(schema: &Schema, position: usize) -> Result<&DirectoryDefinition, GraphError> {
    schema.directories.get(position).ok_or_else(GraphError::internal)
}

/// POST `directories`: one more.
pub(super) async fn create(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    let mut sent = without_annotations(call.object_body()?);
    let name = sent.get("name").and_then(Json::as_str).filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| GraphError::missing_property("name"))?.to_owned();
    if sent.get("id").is_none_or(Json::is_null) {
        sent.insert("id".to_owned(), json!(call.service().entropy.uuid()));
    }
    let schema = change(&owner, &holder, |mut schema| {
        let directories = directories_of(&mut schema)?;
        let taken = |property: &str| directories.iter().any(|one| one.get(property) == sent.get(property));
        if taken("name") || taken("id") {
            return Err(GraphError::conflict(format!(
                "The schema has a directory of this id or of the name '{name}' already. Change that one with PATCH."
            )));
        }
        directories.push(Json::Object(sent.clone()));
        Ok(schema)
    })
    .await?;
    let directory = schema.directories.last().ok_or_else(GraphError::internal)?;
    let id = directory.id.as_deref().unwrap_or(&name);
    let path = format!("{}/directories/{id}", holder.path(&owner));
    Ok(call.created(&path, &format!("{}/$entity", fragment(&owner, &holder)), resource(directory)?))
}

fn directories_of(schema: &mut Map<String, Json>) -> Result<&mut Vec<Json>, GraphError> {
    schema.get_mut("directories").and_then(Json::as_array_mut).ok_or_else(GraphError::internal)
}

/// PATCH `directories/{id}`: merges what is sent into it.
pub(super) async fn update(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    let sent = without_annotations(call.object_body()?);
    edit(&owner, &holder, |directories, position| {
        if let Some(Json::Object(directory)) = directories.get_mut(position) {
            merge_directory(directory, sent.clone());
        }
    })
    .await?;
    Ok(Reply::no_content())
}

/// DELETE `directories/{id}`. One that rules refer to cannot go.
pub(super) async fn delete(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    edit(&owner, &holder, |directories, position| {
        directories.remove(position);
    })
    .await?;
    Ok(Reply::no_content())
}

/// Changes the directories of a schema, given the position of the one that the path names.
async fn edit(
    owner: &Owner<'_>,
    holder: &Holder,
    work: impl Fn(&mut Vec<Json>, usize) + Send + Sync,
) -> Result<(Schema, usize), ApiError> {
    let mut place = 0;
    let schema = change(owner, holder, |mut members| {
        let schema: Schema =
            serde_json::from_value(Json::Object(members.clone())).map_err(|_| GraphError::internal())?;
        let position = position(owner.call, &schema)?;
        place = position;
        work(directories_of(&mut members)?, position);
        Ok(members)
    })
    .await?;
    Ok((schema, place))
}

/// POST `directories/{id}/discover`: asks the directory, the source's or the target's, for its schema, and adds what the definition lacks. What is defined
/// already stays as it is, since mappings rely on it.
pub(super) async fn discover(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    let schema = holder.schema(&owner).await?;
    let directory = at(&schema, position(&call, &schema)?)?;
    let service = call.service();
    let template = holder.template(&owner).await?;
    let side = side(&schema, &directory.name)?;
    let found =
        service.engine.discover(call.caller.tenant, owner.id(), &template, holder.job(), side).await?;
    let found = found.ok_or_else(|| {
        GraphError::bad_request(format!(
            "The connector of directory '{}' cannot tell its schema. Describe it by PATCH of the directory.",
            directory.name
        ))
    })?;
    let (now, version) = (service.clock.now(), service.entropy.uuid());
    let (schema, position) = edit(&owner, &holder, |directories, position| {
        if let Some(Json::Object(directory)) = directories.get_mut(position) {
            absorb(directory, &found);
            directory.insert("discoverabilities".to_owned(), json!(DISCOVERED));
            directory.insert("discoveryDateTime".to_owned(), json!(now));
            directory.insert("version".to_owned(), json!(version));
        }
    })
    .await?;
    let fragment = format!("{}/$entity", fragment(&owner, &holder));
    members::entity(&call, &fragment, resource(at(&schema, position)?)?)
}

/// The side of the schema's rules that a directory is on.
fn side(schema: &Schema, name: &str) -> Result<Side, GraphError> {
    let rules = &schema.synchronization_rules;
    if rules.iter().any(|rule| rule.target_directory_name.eq_ignore_ascii_case(name)) {
        return Ok(Side::Target);
    }
    if rules.iter().any(|rule| rule.source_directory_name.eq_ignore_ascii_case(name)) {
        return Ok(Side::Source);
    }
    Err(GraphError::bad_request(format!(
        "No rule of the schema reads or writes directory '{name}', so that there is nothing to ask. Name it in a rule first."
    )))
}

/// Adds objects and attributes that a definition lacks.
fn absorb(directory: &mut Map<String, Json>, found: &DirectoryDefinition) {
    let Some(objects) = directory.get_mut("objects").and_then(Json::as_array_mut) else { return };
    for object in &found.objects {
        let known =
            objects.iter_mut().find(|one| one.get("name").and_then(Json::as_str) == Some(&object.name));
        match known {
            Some(known) => absorb_attributes(known, object),
            None => objects.push(json!(object)),
        }
    }
}

fn absorb_attributes(known: &mut Json, found: &ObjectDefinition) {
    let Some(attributes) = known.get_mut("attributes").and_then(Json::as_array_mut) else { return };
    let names: std::collections::HashSet<String> =
        attributes.iter().filter_map(|one| one.get("name")?.as_str().map(str::to_owned)).collect();
    let missing = found.attributes.iter().filter(|attribute| !names.contains(attribute.name.as_str()));
    attributes.extend(missing.map(|attribute| json!(attribute)));
}
