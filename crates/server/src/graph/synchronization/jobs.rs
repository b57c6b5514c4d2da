//! `synchronization/jobs`: list, make, read, change and delete jobs.

use directory::ObjectKind;
use engine::JobChange;
use graph::GraphError;
use graph::synchronization::SynchronizationJob;
use graph::synchronization::job::JobWrite;
use model::job::{Job, Schedule};
use model::settings::Setting;
use model::template::Template;
use serde_json::{Map, Value as Json, json};

use super::error::INVALID_PARAMETER;
use super::members::{self, members};
use super::owner::{Owner, schema_members};
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The properties of a job.
const PROPERTIES: [&str; 5] = ["id", "templateId", "schedule", "status", "synchronizationJobSettings"];

/// The most jobs of a service principal.
const MOST_JOBS: usize = 100;
/// The related resources that `$expand` takes.
const RELATED: [&str; 1] = ["schema"];

/// GET `jobs`.
pub(super) async fn list(call: Call) -> Answer {
    let owner = call.owner().await?;
    let expand = call.expands("schema", &RELATED)?;
    let mut found = Vec::new();
    for job in owner.jobs().await? {
        found.push(resource(&owner, job, expand).await?);
    }
    members::collection(&call, &format!("{}/jobs", owner.path), &PROPERTIES, found)
}

/// GET `jobs/$count`.
pub(super) async fn count(call: Call) -> Answer {
    let owner = call.owner().await?;
    members::count(&call, &PROPERTIES, all(&owner).await?)
}

/// All jobs of a service principal as resources, without their schemas.
pub(super) async fn all(owner: &Owner<'_>) -> Result<Vec<Map<String, Json>>, ApiError> {
    let mut found = Vec::new();
    for job in owner.jobs().await? {
        found.push(resource(owner, job, false).await?);
    }
    Ok(found)
}

async fn resource(owner: &Owner<'_>, job: Job, expand: bool) -> Result<Map<String, Json>, ApiError> {
    let schema = if expand { Some(schema_members(&owner.schema(&job).await?.schema)?) } else { None };
    let view = owner.call.service().engine.view(job).await?;
    let mut resource = members(&SynchronizationJob::of(&view.job, &view.status, view.configured))?;
    resource.extend(schema.map(|schema| ("schema".to_owned(), Json::Object(schema))));
    Ok(resource)
}

/// POST `jobs`: a job from one of the application's templates, disabled. Schedule, settings and schema that are sent
/// along take the place of the template's.
pub(super) async fn create(call: Call) -> Answer {
    let owner = call.owner().await?;
    let write: JobWrite = call.read()?;
    let id = write.template_id.as_deref().filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| GraphError::missing_property("templateId"))?;
    let mut template = template_named(&owner, id).await?;
    if let Some(schema) = &write.schema {
        template.schema = schema.clone();
    }
    let change = change(&write, &Schedule::default())?;
    check_settings(&call, &change).await?;
    if owner.jobs().await?.len() >= MOST_JOBS {
        let words =
            format!("The service principal has {MOST_JOBS} jobs, which is the most. Delete one first.");
        return Err(GraphError::conflict(words).into());
    }
    let engine = &call.service().engine;
    let job = engine.create_job(call.caller.tenant, owner.id(), &template, call.caller.actor()).await?;
    let (_, job) = engine.change_job(&job, change).await?;
    let new = json!({ "templateId": job.template, "schedule": shown_schedule(&job), "settings": shown(&job.settings) });
    call.audit("Add synchronization job", job.id.to_string(), None, Some(new)).await?;
    let path = format!("{}/jobs/{}", owner.path, job.id);
    let resource = resource(&owner, job, false).await?;
    Ok(call.created(&path, &format!("{}/jobs/$entity", owner.path), resource))
}

/// The application's template of an id that a request names.
pub(super) async fn template_named(owner: &Owner<'_>, id: &str) -> Result<Template, ApiError> {
    let all = owner.templates().await?;
    if let Some(template) = all.iter().find(|template| template.id.eq_ignore_ascii_case(id)) {
        return Ok(template.clone().into_owned());
    }
    let known: Vec<&str> = all.iter().map(|template| template.id.as_str()).collect();
    let message = format!(
        "The application has no synchronization template '{id}'. Its templates are: {}.",
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    );
    Err(GraphError::new(400, INVALID_PARAMETER, message).into())
}

/// GET `jobs/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let owner = call.owner().await?;
    let expand = call.expands("schema", &RELATED)?;
    let job = owner.job().await?;
    members::entity(&call, &format!("{}/jobs/$entity", owner.path), resource(&owner, job, expand).await?)
}

/// PATCH `jobs/{id}`: schedule and settings. The state changes by `start` and `pause` alone.
pub(super) async fn update(call: Call) -> Answer {
    let owner = call.owner().await?;
    let write: JobWrite = call.read()?;
    if write.schema.is_some() {
        let mend = "Send the schema to its own path, …/jobs/{id}/schema.";
        return Err(GraphError::invalid_property("schema", mend).into());
    }
    let job = owner.job().await?;
    write.check_read_only(&job)?;
    let change = change(&write, &job.schedule)?;
    check_settings(&call, &change).await?;
    let (job, changed) = call.service().engine.change_job(&job, change).await?;
    if changed != job {
        let told = |job: &Job| json!({ "schedule": shown_schedule(job), "settings": shown(&job.settings) });
        let (old, new) = (told(&job), told(&changed));
        call.audit("Update synchronization job", job.id.to_string(), Some(old), Some(new)).await?;
    }
    Ok(Reply::no_content())
}

/// What a client wants changed. A schedule that repeats what is there changes nothing, so that it does not undo a
/// change of the setting `Interval`, which is the same value.
fn change(write: &JobWrite, present: &Schedule) -> Result<JobChange, GraphError> {
    let mut change =
        JobChange { settings: write.synchronization_job_settings.clone(), ..JobChange::default() };
    if let Some(schedule) = &write.schedule {
        let wanted = schedule.apply(present)?;
        change.interval = (wanted.interval != present.interval).then_some(wanted.interval);
        change.expiration = (wanted.expiration != present.expiration).then_some(wanted.expiration);
    }
    Ok(change)
}

/// Refuses settings that cannot be read, and those by which a job would read with the secrets of an application whose
/// synchronization is not the client's to manage, known or not.
async fn check_settings(call: &Call, change: &JobChange) -> Result<(), ApiError> {
    let settings = change.checked_settings().map_err(engine::ControlError::from)?;
    let Some(id) = settings.source_service_principal else { return Ok(()) };
    let refused = || {
        let mend = format!(
            "SourceServicePrincipalId: this client manages the synchronization of no service principal '{}'. Set the id of one of which it does, or leave the setting out.",
            id.0
        );
        ApiError::from(GraphError::invalid_property("synchronizationJobSettings", &mend))
    };
    let principal = call.directory().find(ObjectKind::ServicePrincipal, &id.0.to_string()).await?;
    match call.check_ownership(&principal.ok_or_else(refused)?).await {
        Err(ApiError(error)) if error.status() == 403 => Err(refused()),
        other => other,
    }
}

/// Settings as audit records show them.
fn shown(settings: &[Setting]) -> Json {
    settings.iter().map(|setting| (setting.name.clone(), Json::from(setting.value.as_str()))).collect()
}

fn shown_schedule(job: &Job) -> Json {
    let Schedule { state, interval, expiration } = &job.schedule;
    json!({ "state": state, "interval": interval, "expiration": expiration })
}

/// DELETE `jobs/{id}`: the job and what it remembers. Accounts at the target stay as they are.
pub(super) async fn delete(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    call.service().engine.delete_job(&job).await?;
    let old = json!({ "templateId": job.template, "schedule": shown_schedule(&job), "settings": shown(&job.settings) });
    call.audit("Delete synchronization job", job.id.to_string(), Some(old), None).await?;
    Ok(Reply::no_content())
}
