//! GET `synchronization` and `synchronization/ping`.

use graph::synchronization::secrets::masked;
use serde_json::{Map, Value as Json, json};

use super::{jobs, members, templates};
use crate::graph::call::Call;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The related resources that `$expand` takes.
const RELATED: [&str; 2] = ["jobs", "templates"];

/// GET `synchronization`: the secrets, masked; jobs and templates where they are expanded.
pub(super) async fn get(call: Call) -> Answer {
    let owner = call.owner().await?;
    let mut resource = Map::new();
    resource.insert("id".to_owned(), json!(owner.principal.id));
    resource.insert("secrets".to_owned(), json!(masked(&owner.secrets().await?)));
    if call.expands("jobs", &RELATED)? {
        let all = jobs::all(&owner).await?;
        resource.insert("jobs".to_owned(), Json::Array(all.into_iter().map(Json::Object).collect()));
    }
    if call.expands("templates", &RELATED)? {
        let all = templates::all(&owner, false)?;
        resource.insert("templates".to_owned(), Json::Array(all.into_iter().map(Json::Object).collect()));
    }
    members::entity(&call, &format!("{}/$entity", owner.path), resource)
}

/// GET `synchronization/ping()`: answers where the service principal exists.
pub(super) async fn ping(call: Call) -> Answer {
    call.owner().await?;
    Ok(Reply { status: 200, ..Reply::default() })
}
