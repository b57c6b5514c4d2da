//! `jobs/{id}/schema` and `templates/{id}/schema`: read, replace, merge, and go back to the beginning.

use graph::GraphError;
use model::schema::Schema;
use serde_json::{Map, Value as Json};

use super::holder::Holder;
use super::members;
use super::merge::{differences, merge_schema};
use super::owner::{Owner, schema_members};
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// How often a change is computed anew when somebody else wrote in between.
const ATTEMPTS: usize = 50;
/// Differences that an audit record names.
const MOST_DIFFERENCES: usize = 200;

/// GET `schema`.
pub(super) async fn get(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    let schema = schema_members(&holder.schema(&owner).await?)?;
    members::entity(&call, &format!("{}/$entity", holder.fragment(&owner)), schema)
}

/// PUT `schema`: replaces it.
pub(super) async fn replace(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    let sent = call.object_body()?;
    change(&owner, &holder, |_| Ok(sent.clone())).await?;
    Ok(Reply::no_content())
}

/// PATCH `schema`: merges what is sent into it.
pub(super) async fn update(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    let sent = without_annotations(call.object_body()?);
    change(&owner, &holder, |mut schema| {
        merge_schema(&mut schema, sent.clone());
        Ok(schema)
    })
    .await?;
    Ok(Reply::no_content())
}

/// DELETE `schema`: a job's goes back to its template's, a template's to the one that ships.
pub(super) async fn reset(call: Call) -> Answer {
    let owner = call.owner().await?;
    let holder = Holder::of(&owner).await?;
    let first = schema_members(&holder.default_schema(&owner).await?)?;
    change(&owner, &holder, |_| Ok(first.clone())).await?;
    Ok(Reply::no_content())
}

/// Writes what a function makes of the newest schema, with an audit record, and returns it. The function is called again
/// where somebody else wrote in between; who must try again takes turns with others.
pub(super) async fn change(
    owner: &Owner<'_>,
    holder: &Holder,
    mut change: impl FnMut(Map<String, Json>) -> Result<Map<String, Json>, GraphError> + Send,
) -> Result<Schema, ApiError> {
    let directory = owner.call.directory();
    let (mut attempt, mut turn) = (1, None);
    loop {
        if attempt > 1 && turn.is_none() {
            turn = directory.turn(owner.principal.id).await;
        }
        let (before, written) = holder.rewrite(owner, &mut change).await?;
        match written {
            Err(engine::ControlError::Store(store::StoreError::VersionMismatch)) if attempt < ATTEMPTS => {
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
            Ok(schema) => {
                let (old, new) = told(&before, &schema_members(&schema)?);
                let activity = match holder {
                    Holder::Job(_) => "Update synchronization schema",
                    Holder::Template(_) => "Update synchronization template",
                };
                owner.call.audit(activity, holder.id(), Some(old), Some(new)).await?;
                return Ok(schema);
            }
        }
    }
}

/// What an audit record tells of a change: the places that differ, with their values before and after.
pub(super) fn told(before: &Map<String, Json>, after: &Map<String, Json>) -> (Json, Json) {
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
