//! What becomes of jobs when their application goes: accounts at the target stay as they are.

use directory::{DirectoryObject, ObjectKind, Presence};
use model::job::Job;
use model::secrets::Secrets;
use model::settings::JobSettings;
use model::{ServicePrincipalId, Uuid};
use serde_json::json;
use store::{Comparison, ListQuery, Predicate};

use crate::graph::call::Call;
use crate::graph::error::ApiError;

/// Pauses the jobs of an application or service principal that is about to go to the bin, and those that read their source
/// as it does. Without its assignments, which the bin hides, a job that runs would take everybody for unassigned.
pub(in crate::graph) async fn pause_jobs(call: &Call, object: &DirectoryObject) -> Result<(), ApiError> {
    let service = call.service();
    for principal in principals(call, object, Presence::Live).await? {
        for job in service.store.active_jobs().await? {
            if job.tenant == call.caller.tenant && reads_as(&job, ServicePrincipalId(principal)) {
                let id = job.id.to_string();
                service.engine.pause_job(job).await?;
                call.audit("Pause synchronization job", id, None, None).await?;
            }
        }
    }
    Ok(())
}

/// True where a job is a service principal's, or reads its source as it does.
fn reads_as(job: &Job, principal: ServicePrincipalId) -> bool {
    let other = || JobSettings::parse(&job.settings).ok().and_then(|one| one.source_service_principal);
    job.service_principal == principal || other() == Some(principal)
}

/// Removes the synchronization of an application or service principal that is about to be removed for good.
pub(in crate::graph) async fn remove_jobs(call: &Call, object: &DirectoryObject) -> Result<(), ApiError> {
    for principal in principals(call, object, Presence::Deleted).await? {
        remove_all(call, ServicePrincipalId(principal)).await?;
    }
    Ok(())
}

/// Removes the jobs, secrets and own templates of a service principal.
pub(super) async fn remove_all(call: &Call, owner: ServicePrincipalId) -> Result<(), ApiError> {
    let service = call.service();
    let services = service.engine.services();
    let tenant = call.caller.tenant;
    for job in service.store.jobs_of(tenant, owner).await? {
        service.engine.delete_job(&job).await?;
        let old = json!({ "templateId": job.template, "schedule": job.schedule.state });
        call.audit("Delete synchronization job", job.id.to_string(), Some(old), None).await?;
    }
    for template in service.store.templates_of(tenant, owner).await? {
        service.engine.delete_template(tenant, owner, &template.id).await?;
        let old = json!({ "id": template.id, "factoryTag": template.factory_tag });
        call.audit("Delete synchronization template", template.id.to_string(), Some(old), None).await?;
    }
    let saved = services.vault.secrets(&*services.store, tenant, owner).await?;
    if !saved.is_empty() {
        services.vault.replace_secrets(&*services.store, tenant, owner, &Secrets::new()).await?;
        let keys: Vec<&str> = saved.iter().map(|(key, _)| key).collect();
        let (old, new) = (json!({ "secrets": keys }), json!({ "secrets": [] }));
        call.audit("Update synchronization secrets", owner.0.to_string(), Some(old), Some(new)).await?;
    }
    Ok(())
}

/// The service principal that goes with an object, where one does.
async fn principals(
    call: &Call,
    object: &DirectoryObject,
    presence: Presence,
) -> Result<Vec<Uuid>, ApiError> {
    match object.kind {
        ObjectKind::ServicePrincipal => Ok(vec![object.id]),
        ObjectKind::Application => {
            let app_id = object.text("appId").unwrap_or_default();
            let predicate = Predicate::Compare("appId".into(), Comparison::Equal, app_id.into());
            let kind = ObjectKind::ServicePrincipal;
            let query = ListQuery { kind, presence, predicate: Some(predicate), after: None, limit: 10 };
            Ok(call.directory().list(query).await?.into_iter().map(|principal| principal.id).collect())
        }
        _ => Ok(Vec::new()),
    }
}
