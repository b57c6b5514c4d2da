//! `jobs/{id}/schema`: read, replace, merge, and go back to the template's.

use graph::{GraphError, body};
use model::job::Job;
use model::schema::Schema;
use serde_json::{Map, Value as Json};

use super::members;
use super::merge::{differences, merge_schema};
use super::owner::{Owner, schema_members};
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// How often a change is computed anew when somebody else wrote in between.
const ATTEMPTS: usize = 5;
/// Differences that an audit record names.
const MOST_DIFFERENCES: usize = 200;

/// GET `schema`.
pub(super) async fn get(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let schema = schema_members(&owner.schema(&job).await?.schema)?;
    members::entity(&call, &fragment(&owner, &job), schema)
}

fn fragment(owner: &Owner<'_>, job: &Job) -> String {
    format!("{}/jobs('{}')/schema/$entity", owner.path, job.id)
}

/// PUT `schema`: replaces it.
pub(super) async fn replace(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let sent = call.object_body()?;
    change(&owner, &job, |_| Ok(sent.clone())).await?;
    Ok(Reply::no_content())
}

/// PATCH `schema`: merges what is sent into it.
pub(super) async fn update(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let sent = without_annotations(call.object_body()?);
    change(&owner, &job, |mut schema| {
        merge_schema(&mut schema, sent.clone());
        Ok(schema)
    })
    .await?;
    Ok(Reply::no_content())
}

/// DELETE `schema`: back to the template's.
pub(super) async fn reset(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let template = schema_members(&owner.template_of(&job)?.schema)?;
    change(&owner, &job, |_| Ok(template.clone())).await?;
    Ok(Reply::no_content())
}

/// Writes what a function makes of the newest schema, as a new version with an audit record, and returns it. The
/// function is called again where somebody else wrote in between.
pub(super) async fn change(
    owner: &Owner<'_>,
    job: &Job,
    mut change: impl FnMut(Map<String, Json>) -> Result<Map<String, Json>, GraphError> + Send,
) -> Result<Schema, ApiError> {
    let call = owner.call;
    let mut attempt = 1;
    loop {
        let newest = owner.schema(job).await?;
        let before = schema_members(&newest.schema)?;
        let schema: Schema = body::read(Json::Object(change(before.clone())?))?;
        let written = call.service().engine.put_schema(job, newest.number, schema, &call.caller.client).await;
        match written {
            Err(engine::ControlError::Store(store::StoreError::VersionMismatch)) if attempt < ATTEMPTS => {
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
            Ok(version) => {
                let (old, new) = told(&before, &schema_members(&version.schema)?);
                let activity = "Update synchronization schema";
                call.audit(activity, job.id.to_string(), Some(old), Some(new)).await?;
                return Ok(version.schema);
            }
        }
    }
}

/// What an audit record tells of a change: the places that differ, with their values before and after.
fn told(before: &Map<String, Json>, after: &Map<String, Json>) -> (Json, Json) {
    let found = differences(before, after);
    let (mut old, mut new) = (Map::new(), Map::new());
    let left = found.len().saturating_sub(MOST_DIFFERENCES);
    for difference in found.into_iter().take(MOST_DIFFERENCES) {
        old.insert(difference.place.clone(), difference.old);
        new.insert(difference.place, difference.new);
    }
    if left > 0 {
        new.insert("furtherDifferences".to_owned(), Json::from(left));
    }
    (Json::Object(old), Json::Object(new))
}

/// A body without annotations at any level: they would not be found again in what is merged with it.
pub(super) fn without_annotations(mut sent: Map<String, Json>) -> Map<String, Json> {
    fn clean(value: &mut Json) {
        match value {
            Json::Object(members) => {
                members.retain(|name, _| !name.starts_with('@'));
                members.values_mut().for_each(clean);
            }
            Json::Array(values) => values.iter_mut().for_each(clean),
            _ => {}
        }
    }
    sent.values_mut().for_each(clean);
    sent
}
