//! `jobs/{id}/bulkUpload`: people that clients upload to a job.
//!
//! An upload is data and not configuration: it leaves no audit record, what becomes of each person is in the provisioning
//! log. That all of them were removed does leave one.

use graph::GraphError;
use graph::synchronization::bulk_upload::{self, MAX_OPERATIONS, MEDIA_TYPE};
use http::header;
use model::Anchor;
use model::job::Job;
use serde::Deserialize;
use serde_json::{Map, json};
use store::Upload;

use super::members;
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::{Reply, ReplyBody};
use crate::graph::route::Answer;

/// POST `bulkUpload`: keeps the users of a SCIM bulk request, all or none, before it answers.
pub(super) async fn upload(call: Call) -> Answer {
    keep(&call, &[MEDIA_TYPE]).await
}

/// PUT `bulkUpload/$value`: the same as octets, as the SDKs send it.
pub(super) async fn put(call: Call) -> Answer {
    keep(&call, &[MEDIA_TYPE, "application/octet-stream"]).await
}

async fn keep(call: &Call, media_types: &[&str]) -> Answer {
    call.api.uploads.admit(call.caller.tenant, call.service().clock.now())?;
    let job = call.owner().await?.job().await?;
    let sent = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if !media_types.iter().any(|known| sent.eq_ignore_ascii_case(known)) {
        return Err(bulk_upload::wrong_media_type().into());
    }
    let users = bulk_upload::parse(&call.body)?;
    check_room(call, &job).await?;
    let uploads = users
        .into_iter()
        .map(|user| Upload { anchor: Anchor::new(user.external_id), resource: user.attributes });
    call.service().engine.upload(&job, uploads.collect()).await?;
    let log = call.address(&format!("auditLogs/provisioning/?$filter=jobid%20eq%20'{}'", job.id));
    Ok(Reply { status: 202, ..Reply::default() }.with(header::LOCATION, &log))
}

/// Refuses more uploads to a job of which very much is kept: whoever uploads without end does not fill the disk.
async fn check_room(call: &Call, job: &Job) -> Result<(), ApiError> {
    let service = call.service();
    let most = service.limits.uploaded;
    let range = service.store.upload_range(&job.id).await?;
    let sent = u64::try_from(call.body.len()).unwrap_or(u64::MAX);
    if range.octets.saturating_add(sent) <= most {
        return Ok(());
    }
    let words = format!(
        "The uploads of the job take {} octets of {people} people, and {most} octets is the most. Remove everybody with DELETE …/bulkUpload and upload again whom the job is to know.",
        range.octets,
        people = range.people,
    );
    Err(GraphError::insufficient_storage(words).into())
}

/// The job of the path, which must read uploads.
async fn job(call: &Call) -> Result<Job, ApiError> {
    let job = call.owner().await?.job().await?;
    call.service().engine.require_uploads(&job).await?;
    Ok(job)
}

/// GET `bulkUpload`: that the job takes uploads.
pub(super) async fn get(call: Call) -> Answer {
    let job = job(&call).await?;
    shown(&call, &job).await
}

async fn shown(call: &Call, job: &Job) -> Answer {
    let owner = call.owner().await?;
    let fragment = format!("{}/jobs('{}')/bulkUpload/$entity", owner.path, job.id);
    members::entity(call, &fragment, Map::from_iter([("id".to_owned(), json!(job.id))]))
}

/// What a client may send as a `bulkUpload`: nothing of it can be changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Write {
    #[serde(default)]
    id: Option<String>,
}

/// PATCH `bulkUpload`: changes nothing, since the resource has nothing but its id.
pub(super) async fn update(call: Call) -> Answer {
    let job = job(&call).await?;
    let sent: Write = call.read()?;
    if sent.id.is_some_and(|id| !id.eq_ignore_ascii_case(job.id.as_str())) {
        return Err(GraphError::read_only_property("id").into());
    }
    shown(&call, &job).await
}

/// DELETE `bulkUpload` and `bulkUpload/$value`: removes everybody who was uploaded.
pub(super) async fn clear(call: Call) -> Answer {
    let job = call.owner().await?.job().await?;
    let removed = call.service().engine.clear_uploads(&job).await?;
    let old = json!({ "people": removed });
    call.audit("Clear uploads of synchronization job", job.id.to_string(), Some(old), None).await?;
    Ok(Reply::no_content())
}

/// GET `bulkUpload/$value`: the people who were uploaded last, with what is known of them, as a request that would upload
/// them again.
pub(super) async fn value(call: Call) -> Answer {
    let job = call.owner().await?.job().await?;
    let people = call.service().engine.newest_uploads(&job, MAX_OPERATIONS).await?;
    let body = bulk_upload::request(people.into_iter().map(|person| person.known));
    Ok(Reply { status: 200, body: ReplyBody::Scim(body), ..Reply::default() })
}
