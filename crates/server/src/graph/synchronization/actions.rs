//! Orders about a job: start, pause, restart, run.

use engine::ResetScope;
use graph::synchronization::RestartScope;
use graph::synchronization::requests::Restart;
use model::job::{Job, ScheduleState};
use serde_json::json;

use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// POST `start`: starts or resumes the job, and ends its quarantine.
pub(super) async fn start(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    call.service().engine.start_job(job.clone()).await?;
    told(&call, "Start synchronization job", &job, ScheduleState::Active).await
}

/// POST `pause`: stops the job at the next object.
pub(super) async fn pause(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    call.service().engine.pause_job(job.clone()).await?;
    told(&call, "Pause synchronization job", &job, ScheduleState::Paused).await
}

async fn told(call: &Call, activity: &str, job: &Job, state: ScheduleState) -> Answer {
    let (old, new) = (json!({ "state": job.schedule.state }), json!({ "state": state }));
    call.audit(activity, job.id.to_string(), Some(old), Some(new)).await?;
    Ok(Reply::no_content())
}

/// POST `restart`: forgets what the criteria say, and begins a cycle.
pub(super) async fn restart(call: Call) -> Answer {
    let owner = call.owner().await?;
    let scope = call.read::<Restart>()?.scope();
    let job = owner.job().await?;
    call.service().engine.restart_job(job.clone(), reset(scope)).await?;
    let new = json!({ "resetScope": scope, "state": ScheduleState::Active });
    let old = json!({ "state": job.schedule.state });
    call.audit("Restart synchronization job", job.id.to_string(), Some(old), Some(new)).await?;
    Ok(Reply::no_content())
}

fn reset(scope: RestartScope) -> ResetScope {
    ResetScope {
        watermark: scope.watermark,
        escrows: scope.escrows,
        quarantine: scope.quarantine_state,
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
