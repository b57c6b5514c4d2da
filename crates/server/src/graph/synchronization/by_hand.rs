//! What people do by hand about the objects of a job: links set and broken, objects excluded, failures tried again, held
//! writes allowed. Each is given a reason, which the audit record keeps.

use engine::LinkByHand;
use graph::GraphError;
use graph::synchronization::managed::{
    Allow, EscrowRetry, ExclusionWrite, HeldKind, LinkWrite, ObjectConnection,
};
use model::Anchor;
use model::job::{Job, ScheduleState};
use model::link::{Entry, StagedKind};
use serde_json::{Value as Json, json};

use super::members::{self, members};
use super::owner::Owner;
use super::remembered::{excluded, exclusion_resource, link_resource, unpack};
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The longest reason, in octets.
const LONGEST_REASON: usize = 1000;
/// The longest anchor, in octets.
const LONGEST_ANCHOR: usize = 2000;
/// Failures that one request names at most.
const MOST_IDS: usize = 1000;

fn reason(text: &str) -> Result<String, GraphError> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST_REASON {
        let mend = format!("Say why, in 1 to {LONGEST_REASON} octets.");
        return Err(GraphError::invalid_property("reason", &mend));
    }
    Ok(text.to_owned())
}

/// The reason of a request without a body.
fn reason_of(call: &Call) -> Result<String, GraphError> {
    reason(call.options.parameter("reason").unwrap_or_default())
}

fn anchor(property: &str, text: &str) -> Result<Anchor, GraphError> {
    if text.is_empty() || text.len() > LONGEST_ANCHOR {
        let mend = format!("Send the object's anchor, 1 to {LONGEST_ANCHOR} octets long.");
        return Err(GraphError::invalid_property(property, &mend));
    }
    Ok(Anchor::new(text))
}

fn job_path(owner: &Owner<'_>, job: &Job) -> String {
    format!("{}/jobs/{}", owner.path, job.id)
}

/// POST `links`: links an object to an account.
pub(super) async fn set_link(call: Call) -> Answer {
    let owner = call.owner().await?;
    let write: LinkWrite = call.read()?;
    let reason = reason(&write.reason)?;
    let wanted = LinkByHand {
        rule: write.rule_id.map(Into::into),
        kind: write.source_object_type.map(Into::into),
        source: anchor("sourceAnchor", &write.source_anchor)?,
        target: anchor("targetAnchor", &write.target_anchor)?,
    };
    let job = owner.job().await?;
    let entry = call.service().engine.set_link(&job, wanted).await?;
    let resource = link_resource(&entry).ok_or_else(GraphError::internal)?;
    let new = json!({ "link": resource, "reason": reason });
    call.audit("Set synchronization link", job.id.to_string(), None, Some(new)).await?;
    let path = format!("{}/links/{}", job_path(&owner, &job), resource.id);
    let fragment = format!("{}/jobs('{}')/links/$entity", owner.path, job.id);
    Ok(call.created(&path, &fragment, members(&resource)?))
}

/// DELETE `links/{id}`: breaks a link. The account stays as it is.
pub(super) async fn break_link(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let id = call.key("link")?.value();
    let (rule, source) = unpack(id).ok_or_else(|| GraphError::not_found(id))?;
    let reason = reason_of(&call)?;
    let entry = call.service().engine.break_link(&job, &rule, &source).await?;
    broken(&call, &job, &entry, json!({ "reason": reason })).await
}

async fn broken(call: &Call, job: &Job, entry: &Entry, new: Json) -> Answer {
    let old = json!({ "link": link_resource(entry) });
    call.audit("Break synchronization link", job.id.to_string(), Some(old), Some(new)).await?;
    Ok(Reply::no_content())
}

/// GET `objectConnections`: only single connections can be read.
pub(super) async fn connections(call: Call) -> Answer {
    call.owner().await?.job().await?;
    Err(GraphError::bad_request(
        "Object connections cannot be listed. Ask for one by the object's id at the source or at the target: …/objectConnections('{id}'); …/links lists them.",
    )
    .into())
}

/// GET `objectConnections('{id}')`: by the id at the source, else by the id at the target.
pub(super) async fn connection(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let entry = connected(&call, &job).await?;
    let link = entry.link.as_ref().ok_or_else(GraphError::internal)?;
    let resource = ObjectConnection {
        object_id: call.key("connection")?.value().to_owned(),
        source_anchor: entry.source.to_string(),
        target_anchor: link.anchor.to_string(),
        display_name: entry.display_name.as_ref().map(ToString::to_string),
        object_type_name: entry.kind.to_string(),
    };
    let fragment = format!("{}/jobs('{}')/objectConnections/$entity", owner.path, job.id);
    members::entity(&call, &fragment, members(&resource)?)
}

async fn connected(call: &Call, job: &Job) -> Result<Entry, ApiError> {
    let id = call.key("connection")?.value();
    let anchor = Anchor::new(id);
    let store = &call.service().store;
    let of_source = store.entries(&job.id, std::slice::from_ref(&anchor)).await?;
    if let Some(entry) = of_source.into_iter().find(|entry| entry.link.is_some()) {
        return Ok(entry);
    }
    let of_target = store.owners(&job.id, &[anchor]).await?;
    of_target.into_iter().next().ok_or_else(|| GraphError::not_found(id).into())
}

/// DELETE `objectConnections('{id}')`: breaks the link; the job must not be active.
pub(super) async fn disconnect(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let entry = connected(&call, &job).await?;
    if job.schedule.state == ScheduleState::Active {
        return Err(GraphError::conflict("The job is active. Pause it, then remove the connection.").into());
    }
    let entry = call.service().engine.break_link(&job, &entry.rule, &entry.source).await?;
    broken(&call, &job, &entry, Json::Null).await
}

/// POST `exclusions`: takes an object out of the job.
pub(super) async fn exclude(call: Call) -> Answer {
    let owner = call.owner().await?;
    let write: ExclusionWrite = call.read()?;
    let reason = reason(&write.reason)?;
    let source = anchor("sourceAnchor", &write.source_anchor)?;
    let job = owner.job().await?;
    let author = call.caller.actor().to_owned();
    let exclusion = call.service().engine.exclude(&job, source, reason, author).await?;
    let resource = exclusion_resource(exclusion);
    let new = json!({ "sourceAnchor": resource.source_anchor, "reason": resource.reason });
    call.audit("Exclude object from synchronization", job.id.to_string(), None, Some(new)).await?;
    let path = format!("{}/exclusions/{}", job_path(&owner, &job), resource.id);
    let fragment = format!("{}/jobs('{}')/exclusions/$entity", owner.path, job.id);
    Ok(call.created(&path, &fragment, members(&resource)?))
}

/// DELETE `exclusions/{id}`: ends an exclusion.
pub(super) async fn readmit(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let id = call.key("exclusion")?.value();
    let source = excluded(id).ok_or_else(|| GraphError::not_found(id))?;
    let reason = reason_of(&call)?;
    if !call.service().engine.readmit(&job, &source).await? {
        return Err(GraphError::not_found(id).into());
    }
    let (old, new) = (json!({ "sourceAnchor": source }), json!({ "reason": reason }));
    call.audit("End exclusion from synchronization", job.id.to_string(), Some(old), Some(new)).await?;
    Ok(Reply::no_content())
}

/// POST `escrows/retry`: lets failures be tried again now.
pub(super) async fn retry(call: Call) -> Answer {
    let owner = call.owner().await?;
    let write: EscrowRetry = if call.body.is_empty() { EscrowRetry::default() } else { call.read()? };
    let job = owner.job().await?;
    let sources = match &write.ids {
        None => None,
        Some(ids) if ids.len() > MOST_IDS => {
            let mend = format!("Name {MOST_IDS} failures at most, or leave it out for all.");
            return Err(GraphError::invalid_property("ids", &mend).into());
        }
        Some(ids) => {
            let sources: Option<Vec<_>> = ids.iter().map(|id| unpack(id)).collect();
            let mend = "Send the ids that …/escrows gives.";
            Some(sources.ok_or_else(|| GraphError::invalid_property("ids", mend))?)
        }
    };
    let due = call.service().engine.retry_escrows(&job, sources).await?;
    let new = json!({ "ids": write.ids, "due": due });
    call.audit("Retry failures of synchronization", job.id.to_string(), None, Some(new)).await?;
    Ok(Reply::no_content())
}

/// POST `allow`: lets held writes through, once.
pub(super) async fn allow(call: Call) -> Answer {
    let owner = call.owner().await?;
    let write: Allow = call.read()?;
    let reason = reason(&write.reason)?;
    let job = owner.job().await?;
    let kinds: Vec<StagedKind> = write.kinds.iter().map(|kind| staged(*kind)).collect();
    if kinds.is_empty() {
        let mend = "Name the kinds: creates, updates, disables, deletes.";
        return Err(GraphError::invalid_property("kinds", mend).into());
    }
    call.service().engine.allow_held(&job, &kinds).await?;
    let new = json!({ "kinds": write.kinds, "reason": reason });
    call.audit("Allow held changes of synchronization", job.id.to_string(), None, Some(new)).await?;
    Ok(Reply::no_content())
}

fn staged(kind: HeldKind) -> StagedKind {
    match kind {
        HeldKind::Creates => StagedKind::Create,
        HeldKind::Updates => StagedKind::Update,
        HeldKind::Disables => StagedKind::Disable,
        HeldKind::Deletes => StagedKind::Delete,
    }
}
