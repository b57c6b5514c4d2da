//! POST `synchronization/acquireAccessToken`: gets an OAuth token from the target's token endpoint and keeps it.

use graph::GraphError;
use graph::synchronization::requests::AcquireAccessToken;
use graph::synchronization::secrets::overlaid;
use model::job::Job;
use model::template::Template;
use serde_json::json;

use super::owner::Owner;
use super::secrets::{changed, names};
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// POST `synchronization/acquireAccessToken`: credentials that are sent are laid over the saved ones, and saved together
/// with the tokens that they gave. Jobs take them up with their next request or cycle.
pub(super) async fn acquire(call: Call) -> Answer {
    // To the end also where the client goes away: a code is good for one time.
    tokio::spawn(acquire_and_keep(call)).await.unwrap_or_else(|_| Err(GraphError::internal().into()))
}

async fn acquire_and_keep(call: Call) -> Answer {
    let owner = call.owner().await?;
    let request: AcquireAccessToken = call.read()?;
    let credentials = overlaid(&owner.secrets().await?, &request.credentials)?;
    let candidates = candidates(&owner, owner.jobs().await?).await?;
    let candidates: Vec<_> = candidates.iter().map(|(template, job)| (template, job.as_ref())).collect();
    let engine = &call.service().engine;
    let tenant = call.caller.tenant;
    let changes = engine.acquire_access_token(tenant, owner.id(), &candidates, &credentials).await?;
    let services = engine.services();
    let kept = services.vault.update_secrets(&*services.store, tenant, owner.id(), |saved| {
        let mut secrets = overlaid(saved, &request.credentials)?;
        for (key, value) in &changes {
            secrets.set(*key, value.as_str());
        }
        Ok::<_, ApiError>(Some(secrets))
    });
    let (saved, fresh) = kept.await?;
    let old = json!({ "secrets": names(&saved) });
    let new = json!({ "secrets": names(&fresh), "changedSecrets": changed(&saved, &fresh) });
    call.audit("Acquire synchronization access token", owner.principal.id.to_string(), Some(old), Some(new))
        .await?;
    Ok(Reply::no_content())
}

/// Whose connector may get the token: the jobs', else that of the templates for such applications.
async fn candidates(owner: &Owner<'_>, jobs: Vec<Job>) -> Result<Vec<(Template, Option<Job>)>, ApiError> {
    let mut found = Vec::new();
    for job in jobs {
        if let Ok(template) = owner.template_of(&job).await {
            found.push((template, Some(job)));
        }
    }
    if found.is_empty() {
        let all = owner.templates().await?;
        found.extend(all.into_iter().map(|template| (template.into_owned(), None)));
    }
    Ok(found)
}
