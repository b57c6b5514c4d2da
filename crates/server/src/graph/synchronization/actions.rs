//! Orders about a job: start, pause, restart, run.

use engine::ResetScope;
use graph::GraphError;
use graph::synchronization::RestartScope;
use graph::synchronization::requests::Restart;
use model::job::Job;
use serde_json::{Value as Json, json};

use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// POST `start`: starts or resumes the job, and ends its quarantine.
pub(super) async fn start(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let old = present(&call, &job).await?;
    call.service().engine.start_job(job.clone()).await?;
    told(&call, "Start synchronization job", &job, old).await
}

/// POST `pause`: stops the job at the next object.
pub(super) async fn pause(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let old = present(&call, &job).await?;
    call.service().engine.pause_job(job.clone()).await?;
    told(&call, "Pause synchronization job", &job, old).await
}

/// The state of a job, for the audit log.
async fn present(call: &Call, job: &Job) -> Result<Json, ApiError> {
    let store = &call.service().store;
    let state = store.job(job.tenant, &job.id).await?.map(|job| job.schedule.state);
    let quarantine = store.status(&job.id).await?.quarantine.map(|one| one.reason.code());
    Ok(json!({ "state": state, "quarantine": quarantine }))
}

async fn told(call: &Call, activity: &str, job: &Job, old: Json) -> Answer {
    let new = present(call, job).await?;
    call.audit(activity, job.id.to_string(), Some(old), Some(new)).await?;
    Ok(Reply::no_content())
}

/// POST `restart`: forgets what the criteria say, and begins a cycle.
pub(super) async fn restart(call: Call) -> Answer {
    let owner = call.owner().await?;
    let scope = call.read::<Restart>()?.scope();
    let job = owner.job().await?;
    let old = present(&call, &job).await?;
    call.service().engine.restart_job(job.clone(), reset(scope)).await?;
    let Json::Object(mut new) = present(&call, &job).await? else {
        return Err(GraphError::internal().into());
    };
    new.insert("resetScope".to_owned(), json!(scope));
    call.audit("Restart synchronization job", job.id.to_string(), Some(old), Some(Json::Object(new))).await?;
    Ok(Reply::no_content())
}

fn reset(scope: RestartScope) -> ResetScope {
    // `None` is a start, which ends a quarantine.
    let starts = scope == RestartScope::default();
    ResetScope {
        watermark: scope.watermark,
        escrows: scope.escrows,
        quarantine: scope.quarantine_state || starts,
        links: scope.connector_data_store,
        force_deletes: scope.force_deletes,
    }
}

/// POST `run`: a cycle now, whatever the interval says.
pub(super) async fn run(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    call.service().engine.run_job(&job).map_err(ApiError::from)?;
    call.audit("Run synchronization job", job.id.to_string(), None, None).await?;
    Ok(Reply::no_content())
}
