//! POST `validateCredentials`, at a job and beside the jobs: asks the target whether it lets us in.

use graph::GraphError;
use graph::synchronization::requests::ValidateCredentials;
use graph::synchronization::secrets::overlaid;
use model::secrets::Secrets;

use super::error::CREDENTIALS_MISSING;
use super::jobs::template_named;
use super::owner::Owner;
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// POST `jobs/{id}/validateCredentials`.
pub(super) async fn validate_for_job(call: Call) -> Answer {
    let owner = call.owner().await?;
    let request: ValidateCredentials = call.read()?;
    let job = owner.job().await?;
    let template = owner.template_of(&job).await?;
    let secrets = secrets(&owner, &request).await?;
    let engine = &call.service().engine;
    engine.validate_credentials(job.tenant, job.service_principal, &template, Some(&job), &secrets).await?;
    Ok(Reply::no_content())
}

/// POST `jobs/validateCredentials`: by a template alone.
pub(super) async fn validate_for_template(call: Call) -> Answer {
    let owner = call.owner().await?;
    let request: ValidateCredentials = call.read()?;
    let id = request.template_id.as_deref().filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| GraphError::missing_property("templateId"))?;
    let template = template_named(&owner, id).await?;
    let secrets = secrets(&owner, &request).await?;
    let engine = &call.service().engine;
    engine.validate_credentials(call.caller.tenant, owner.id(), &template, None, &secrets).await?;
    Ok(Reply::no_content())
}

/// The secrets to test: the saved ones, those of the request, or the request's over the saved ones where it brings some
/// and not all, as clients do that test a new password.
async fn secrets(owner: &Owner<'_>, request: &ValidateCredentials) -> Result<Secrets, ApiError> {
    let saved = owner.secrets().await?;
    let secrets = match (request.use_saved_credentials, &request.credentials) {
        (Some(true), _) | (None, None) => saved,
        (_, Some(sent)) => overlaid(&saved, sent)?,
        (Some(false), None) => Secrets::new(),
    };
    if secrets.is_empty() {
        let words = "There are no credentials to test. Send 'credentials', or save some with PUT synchronization/secrets and send 'useSavedCredentials': true.";
        return Err(GraphError::new(400, CREDENTIALS_MISSING, words).into());
    }
    Ok(secrets)
}
