//! `addPassword` and `removePassword`: the client secrets of applications.

use directory::{DirectoryObject, ObjectKind, PasswordCredential};
use graph::GraphError;
use model::{SignedDuration, Timestamp, Uuid};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::call::Call;
use super::error::ApiError;
use super::permissions::WRITE_APPLICATION;
use super::reply::Reply;
use super::route::{Answer, Route};

/// How long a secret is accepted where the client does not say: two years.
const LIFETIME: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

pub(crate) fn routes() -> Vec<Route> {
    let (application, principal) = (ObjectKind::Application, ObjectKind::ServicePrincipal);
    vec![
        Route::post("applications/{id}/addPassword", WRITE_APPLICATION, move |call| add(call, application))
            .answering(&[200]),
        Route::post("applications/{id}/removePassword", WRITE_APPLICATION, move |call| {
            remove(call, application)
        })
        .answering(&[204]),
        Route::post("servicePrincipals/{id}/addPassword", WRITE_APPLICATION, move |call| {
            add(call, principal)
        })
        .answering(&[200]),
        Route::post("servicePrincipals/{id}/removePassword", WRITE_APPLICATION, move |call| {
            remove(call, principal)
        })
        .answering(&[204]),
    ]
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AddPassword {
    #[serde(default)]
    password_credential: Option<NewCredential>,
}

/// Graph `passwordCredential`, as far as a client may say what it is to be.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewCredential {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    start_date_time: Option<Timestamp>,
    #[serde(default)]
    end_date_time: Option<Timestamp>,
    #[serde(default, rename = "customKeyIdentifier")]
    _custom_key_identifier: Option<Json>,
    #[serde(default, rename = "keyId")]
    _key_id: Option<Json>,
    #[serde(default, rename = "hint")]
    _hint: Option<Json>,
    #[serde(default, rename = "secretText")]
    _secret_text: Option<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RemovePassword {
    key_id: Uuid,
}

/// POST `addPassword`: the answer is the only one that shows the secret.
async fn add(call: Call, kind: ObjectKind) -> Answer {
    let wanted = call.read::<AddPassword>()?.password_credential.unwrap_or_default();
    let service = call.service();
    let now = service.clock.now();
    let start = wanted.start_date_time.unwrap_or(now);
    let end =
        wanted.end_date_time.unwrap_or_else(|| start.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX));
    if end <= start || end <= now {
        return Err(GraphError::invalid_property(
            "passwordCredential.endDateTime",
            "It must lie in the future and after 'startDateTime'.",
        )
        .into());
    }
    let application = application(&call, kind).await?;
    let secret = service.secrets.generate().await.ok_or_else(GraphError::internal)?;
    let credential = PasswordCredential {
        key_id: service.entropy.uuid(),
        display_name: wanted.display_name,
        hint: Some(secret.hint),
        start,
        end,
        hash: secret.hash,
    };
    let mut shown = credential.public();
    call.directory().put_password(application.id, credential).await?;
    call.audit("Add password to application", application.id.to_string(), None, Some(shown.clone())).await?;
    if let Some(members) = shown.as_object_mut() {
        members.insert("secretText".to_owned(), Json::from(secret.text));
        let context = call.context("microsoft.graph.passwordCredential");
        members.insert("@odata.context".to_owned(), Json::from(context));
    }
    Ok(Reply::ok(shown))
}

/// POST `removePassword`.
async fn remove(call: Call, kind: ObjectKind) -> Answer {
    let RemovePassword { key_id } = call.read()?;
    let application = application(&call, kind).await?;
    call.directory().remove_password(application.id, key_id).await?;
    let old = json!({ "keyId": key_id });
    call.audit("Remove password from application", application.id.to_string(), Some(old), None).await?;
    Ok(Reply::no_content())
}

/// The application whose secrets are meant: that of the path, or that of the path's service principal.
async fn application(call: &Call, kind: ObjectKind) -> Result<DirectoryObject, ApiError> {
    let object = call.object(kind, "id").await?;
    if kind == ObjectKind::Application {
        return Ok(object);
    }
    let app_id = object.text("appId").unwrap_or_default();
    let found = call.directory().find_by(ObjectKind::Application, "appId", app_id).await?;
    Ok(found.ok_or_else(|| GraphError::not_found(app_id))?)
}
