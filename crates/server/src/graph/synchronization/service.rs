//! `synchronization` itself, and `synchronization/ping`.

use graph::synchronization::requests::SynchronizationWrite;
use graph::synchronization::secrets::masked;
use serde_json::{Map, Value as Json, json};

use super::lifecycle::remove_all;
use super::owner::Owner;
use super::{jobs, members, secrets, templates};
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The related resources that `$expand` takes.
const RELATED: [&str; 2] = ["jobs", "templates"];

/// GET `synchronization`: the secrets, masked; jobs and templates where they are expanded.
pub(super) async fn get(call: Call) -> Answer {
    let owner = call.owner().await?;
    let resource = whole(&owner).await?;
    members::entity(&call, &format!("{}/$entity", owner.path), resource)
}

async fn whole(owner: &Owner<'_>) -> Result<Map<String, Json>, ApiError> {
    let call = owner.call;
    let mut resource = Map::new();
    resource.insert("id".to_owned(), json!(owner.principal.id));
    resource.insert("secrets".to_owned(), json!(masked(&owner.secrets().await?)));
    if call.expands("jobs", &RELATED)? {
        let all = jobs::all(owner).await?;
        resource.insert("jobs".to_owned(), Json::Array(all.into_iter().map(Json::Object).collect()));
    }
    if call.expands("templates", &RELATED)? {
        let all = templates::all(owner).await?;
        resource.insert("templates".to_owned(), Json::Array(all.into_iter().map(Json::Object).collect()));
    }
    Ok(resource)
}

/// PUT `synchronization`: replaces the secrets that it brings, and answers what there is then.
pub(super) async fn replace(call: Call) -> Answer {
    let owner = call.owner().await?;
    let write: SynchronizationWrite = call.read()?;
    if let Some(secrets) = &write.secrets {
        secrets::write(&owner, secrets).await?;
    }
    let resource = whole(&owner).await?;
    members::entity(&call, &format!("{}/$entity", owner.path), resource)
}

/// DELETE `synchronization`: jobs, secrets and the application's own templates. Accounts at the targets stay as they are.
pub(super) async fn delete(call: Call) -> Answer {
    let owner = call.owner().await?;
    remove_all(&call, owner.id()).await?;
    Ok(Reply::no_content())
}

/// GET `synchronization/ping()`: answers where the service principal exists.
pub(super) async fn ping(call: Call) -> Answer {
    call.owner().await?;
    Ok(Reply { status: 200, ..Reply::default() })
}
