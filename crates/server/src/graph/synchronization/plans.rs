//! Plans: POST `plan`, `plans`, `plans/{id}`, its `changes`, and POST `plans/{id}/apply`.

use engine::Subject;
use graph::GraphError;
use graph::collection::Page;
use graph::synchronization::plan::{Plan, PlanRequest, PlannedChange};
use http::header;
use model::job::Job;
use model::plan::{Plan as ModelPlan, PlanState};
use model::{Anchor, Uuid};
use serde_json::{Map, Value as Json, json};

use super::members::{self, members};
use super::owner::Owner;
use crate::graph::audit_logs::Known;
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::paging::Position;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The properties of a plan in a list.
const PROPERTIES: [&str; 13] = [
    "id",
    "jobId",
    "scope",
    "status",
    "initial",
    "schemaVersion",
    "createdBy",
    "createdDateTime",
    "computedDateTime",
    "appliedDateTime",
    "counts",
    "exceedsLimits",
    "error",
];

/// POST `plan`: begins a plan of a cycle (202), or makes one of given objects (201).
pub(super) async fn create(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let request: PlanRequest = if call.body.is_empty() { PlanRequest::default() } else { call.read()? };
    let subjects = request.subjects.map(|subjects| {
        let subject = |one: graph::synchronization::plan::PlanSubject| {
            let kind = one.object_type_name.into();
            (one.rule_id.map(Into::into), Subject { anchor: Anchor::new(one.object_id), kind })
        };
        subjects.into_iter().map(subject).collect()
    });
    let plan = call.service().engine.plan(&job, call.caller.actor(), subjects).await?;
    let mut reply = answer(&owner, &job, &plan)?;
    reply.status = if plan.state == PlanState::Computing { 202 } else { 201 };
    Ok(reply)
}

/// GET `plans`: the newest first, without their changes.
pub(super) async fn list(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let mut found = Vec::new();
    for plan in call.service().store.plans(&job.id).await? {
        let plan = call.service().engine.plan_of(&job, plan.id).await?.unwrap_or(plan);
        found.push(members(&Plan::of(&job.id, &plan))?);
    }
    members::collection(&call, &format!("{}/jobs/{}/plans", owner.path, job.id), &PROPERTIES, found)
}

/// GET `plans/{id}`: with the first page of its changes.
pub(super) async fn get(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let plan = plan(&call, &job).await?;
    let (changes, next) = page(&call, &job, plan.id, 0).await?;
    let mut resource = members(&Plan::of(&job.id, &plan))?;
    resource.insert("changes".to_owned(), changes.into());
    if next.is_some() {
        let link =
            format!("{}/jobs/{}/plans/{}/changes?$skip={}", owner.path, job.id, plan.id, call.page_size());
        resource.insert("changes@odata.nextLink".to_owned(), Json::from(call.address(&link)));
    }
    Ok(Reply::ok(call.entity(&fragment(&owner, &job), resource)))
}

/// GET `plans/{id}/changes`, by their number.
pub(super) async fn changes(call: Call) -> Answer {
    let options = &call.options;
    if options.filter.is_some() || options.search.is_some() || !options.order_by.is_empty() {
        return Err(GraphError::bad_request(
            "The changes of a plan are told in the order of their number: '$filter', '$orderby' and '$search' are not supported. Use '$top' and '$skip'.",
        )
        .into());
    }
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let plan = plan(&call, &job).await?;
    let skipped = u64::from(call.options.skip.unwrap_or(0));
    let after = match call.position()? {
        Position::Offset(number) => u64::try_from(number).unwrap_or(u64::MAX),
        _ => skipped,
    };
    let (value, next) = page(&call, &job, plan.id, after).await?;
    let next = next.and_then(|number| usize::try_from(number).ok());
    let next_link = next.map(|number| call.next_link(Position::Offset(number)));
    let fragment = format!("{}/jobs/{}/plans/{}/changes", owner.path, job.id, plan.id);
    Ok(call.page(&fragment, Page { value, next_link, ..Page::default() }))
}

/// POST `plans/{id}/apply`: begins to do what the plan says, as far as the same would still be done (202).
pub(super) async fn apply(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let plan = call.service().engine.apply_plan(&job, plan(&call, &job).await?.id).await?;
    let new = json!({ "plan": plan.id.to_string(), "counts": plan.counts });
    call.audit("Apply synchronization plan", job.id.to_string(), None, Some(new)).await?;
    let mut reply = answer(&owner, &job, &plan)?;
    reply.status = 202;
    Ok(reply)
}

/// The plan that the path names.
async fn plan(call: &Call, job: &Job) -> Result<ModelPlan, ApiError> {
    let id = call.id("plan")?;
    let found = call.service().engine.plan_of(job, id).await?;
    found.ok_or_else(|| GraphError::not_found(&id.to_string()).into())
}

fn fragment(owner: &Owner<'_>, job: &Job) -> String {
    format!("{}/jobs/{}/plans/$entity", owner.path, job.id)
}

fn answer(owner: &Owner<'_>, job: &Job, plan: &ModelPlan) -> Result<Reply, ApiError> {
    let resource: Map<String, Json> = members(&Plan::of(&job.id, plan))?;
    let address = owner.call.address(&format!("{}/jobs/{}/plans/{}", owner.path, job.id, plan.id));
    let body = owner.call.entity(&fragment(owner, job), resource);
    Ok(Reply::ok(body).with(header::LOCATION, &address))
}

/// A page of a plan's changes after a number, and the number that the next goes on after.
async fn page(call: &Call, job: &Job, plan: Uuid, after: u64) -> Result<(Vec<Json>, Option<u64>), ApiError> {
    let wanted = call.page_size();
    let mut found = call.service().store.planned_changes(&job.id, plan, after, wanted + 1).await?;
    let more = found.len() > wanted;
    found.truncate(wanted);
    let next = found.last().filter(|_| more).map(|last| last.number);
    let mut known = Known::new(call);
    let around = known.of(&job.id).await?;
    let resource = |change| members(&PlannedChange::of(&job.id, change, around)).map(Json::Object);
    Ok((found.iter().map(resource).collect::<Result<_, _>>()?, next))
}
