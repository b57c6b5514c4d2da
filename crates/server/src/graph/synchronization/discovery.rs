//! POST `discoverAccounts`: begins a report about the accounts of a job's target, which `/reports/correlations` shows.

use graph::synchronization::correlation::IdentityCorrelation;
use http::header;
use serde_json::json;

use super::members::members;
use crate::graph::call::Call;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// POST `discoverAccounts` (202).
pub(super) async fn begin(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let report = call.service().engine.discover_accounts(&job, call.caller.actor()).await?;
    let new = json!({ "report": report.id.to_string() });
    call.audit("Start synchronization account discovery", job.id.to_string(), None, Some(new)).await?;
    let address = call.address(&format!("reports/correlations/{}", report.id));
    let body = call.entity("reports/correlations/$entity", members(&IdentityCorrelation::of(&report))?);
    Ok(Reply { status: 202, ..Reply::ok(body) }.with(header::LOCATION, &address))
}
