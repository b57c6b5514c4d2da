//! `jobs/{id}/schema/versions`: what the schema was, and going back to it.

use graph::GraphError;
use graph::synchronization::managed::SchemaVersion;

use super::holder::Holder;
use super::members::{self, members};
use super::owner::schema_members;
use super::schema::change;
use crate::graph::call::Call;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The properties of a version.
const PROPERTIES: [&str; 3] = ["id", "createdDateTime", "createdBy"];

/// GET `schema/versions`, newest first.
pub(super) async fn list(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let mut found = Vec::new();
    for version in call.service().store.schema_versions(&job.id).await? {
        found.push(members(&SchemaVersion {
            id: version.number.to_string(),
            created_date_time: version.moment,
            created_by: Some(version.author).filter(|author| !author.is_empty()),
        })?);
    }
    members::collection(
        &call,
        &format!("{}/jobs('{}')/schema/versions", owner.path, job.id),
        &PROPERTIES,
        found,
    )
}

/// POST `schema/versions/{v}/restore`: writes that version again, as the newest.
pub(super) async fn restore(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let key = call.key("version")?.value();
    let number: u64 = key.parse().map_err(|_| GraphError::not_found(key))?;
    let version = call.service().store.schema_version(&job.id, number).await?;
    let version = version.ok_or_else(|| GraphError::not_found(key))?;
    let schema = schema_members(&version.schema)?;
    change(&owner, &Holder::Job(job), |_| Ok(schema.clone())).await?;
    Ok(Reply::no_content())
}
