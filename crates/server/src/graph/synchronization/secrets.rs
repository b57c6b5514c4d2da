//! `synchronization/secrets`: how the jobs of a service principal reach their directories.

use graph::GraphError;
use graph::synchronization::SecretPair;
use graph::synchronization::requests::SecretsWrite;
use graph::synchronization::secrets::{masked, replaced};
use model::secrets::Secrets;
use serde_json::{Map, Value as Json, json};

use super::members::{self, members};
use super::owner::Owner;
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// The properties of a pair.
const PROPERTIES: [&str; 2] = ["key", "value"];

/// Keys whose value is true or false.
const FLAGS: [&str; 2] = ["SyncAll", "SkipOutOfScopeDeletions"];
/// The key whose value is JSON.
const NOTIFICATION: &str = "SyncNotificationSettings";

/// GET `synchronization/secrets`: the list, sensitive values masked.
pub(super) async fn list(call: Call) -> Answer {
    let owner = call.owner().await?;
    members::collection(&call, &format!("{}/secrets", owner.path), &PROPERTIES, all(&owner).await?)
}

/// GET `synchronization/secrets/$count`.
pub(super) async fn count(call: Call) -> Answer {
    let owner = call.owner().await?;
    members::count(&call, &PROPERTIES, all(&owner).await?)
}

async fn all(owner: &Owner<'_>) -> Result<Vec<Map<String, Json>>, ApiError> {
    Ok(masked(&owner.secrets().await?).iter().map(members).collect::<Result<_, _>>()?)
}

/// PUT `synchronization/secrets`: replaces the list; `*` keeps a saved value. Jobs take the new ones up with their next
/// cycle.
pub(super) async fn replace(call: Call) -> Answer {
    let owner = call.owner().await?;
    let sent: SecretsWrite = call.read()?;
    write(&owner, &sent.value).await?;
    Ok(Reply::no_content())
}

/// Replaces the saved list, with an audit record.
pub(super) async fn write(owner: &Owner<'_>, sent: &[SecretPair]) -> Result<(), ApiError> {
    let call = owner.call;
    let services = call.service().engine.services();
    let update = services.vault.update_secrets(&*services.store, call.caller.tenant, owner.id(), |saved| {
        let fresh = replaced(saved, sent)?;
        check_forms(&fresh)?;
        Ok::<_, ApiError>(Some(fresh))
    });
    let (saved, fresh) = update.await?;
    let old = json!({ "secrets": names(&saved) });
    let new = json!({ "secrets": names(&fresh), "changedSecrets": changed(&saved, &fresh) });
    call.audit("Update synchronization secrets", owner.principal.id.to_string(), Some(old), Some(new)).await
}

/// Refuses values that would have no effect because they are not of their key's form.
fn check_forms(secrets: &Secrets) -> Result<(), GraphError> {
    for key in FLAGS {
        let value = secrets.get(key).unwrap_or("false").trim();
        if !value.eq_ignore_ascii_case("true") && !value.eq_ignore_ascii_case("false") {
            let mend = format!("The key '{key}' takes 'true' or 'false', not '{value}'.");
            return Err(GraphError::invalid_property("value", &mend));
        }
    }
    let notification = secrets.get(NOTIFICATION).unwrap_or("{}");
    if serde_json::from_str::<Map<String, Json>>(notification).is_err() {
        let mend = format!(
            "The key '{NOTIFICATION}' takes JSON as text, such as {{\"DeleteThresholdEnabled\":true,\"DeleteThresholdValue\":50}}."
        );
        return Err(GraphError::invalid_property("value", &mend));
    }
    Ok(())
}

/// The keys that have values.
pub(super) fn names(secrets: &Secrets) -> Vec<&str> {
    secrets.iter().map(|(key, _)| key).collect()
}

/// The keys whose values are new or other than before.
pub(super) fn changed<'a>(before: &Secrets, after: &'a Secrets) -> Vec<&'a str> {
    after.iter().filter(|(key, value)| before.get(key) != Some(*value)).map(|(key, _)| key).collect()
}
