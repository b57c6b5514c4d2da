//! `/servicePrincipals`.

use directory::{ObjectKind, RelationKind};
use graph::GraphError;
use graph::directory::Kind;
use serde_json::Value as Json;

use super::call::Call;
use super::lists;
use super::objects::{self, visible};
use super::permissions::{READ_APPLICATION, READ_APPLICATIONS, WRITE_APPLICATION};
use super::route::{Answer, Route};

const KIND: ObjectKind = ObjectKind::ServicePrincipal;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get(
            "servicePrincipals",
            READ_APPLICATIONS,
            |call| async move { lists::list(&call, KIND).await },
        ),
        Route::get("servicePrincipals/$count", READ_APPLICATIONS, |call| async move {
            lists::count(&call, KIND).await
        }),
        Route::post("servicePrincipals", WRITE_APPLICATION, create),
        Route::get("servicePrincipals/{id}", READ_APPLICATION, |call| async move {
            objects::get(&call, KIND).await
        }),
        Route::patch("servicePrincipals/{id}", WRITE_APPLICATION, |call| async move {
            objects::update(&call, KIND).await
        })
        .answering(&[200, 204]),
        Route::delete("servicePrincipals/{id}", WRITE_APPLICATION, |call| async move {
            objects::delete(&call, KIND).await
        }),
    ]
}

/// POST `/servicePrincipals` for an application of this tenant, by its `appId`.
async fn create(call: Call) -> Answer {
    let (properties, bindings) = objects::read_new(&call, Kind::ServicePrincipal)?;
    let directory = call.directory();
    let mut owners = objects::bound(&call, KIND, &bindings).await?;
    if call.owned_only {
        let app_id = properties.get("appId").and_then(Json::as_str).unwrap_or_default();
        let application = directory.find_by(ObjectKind::Application, "appId", app_id).await?;
        call.check_ownership(&application.ok_or_else(|| GraphError::not_found(app_id))?).await?;
        owners.extend(call.caller.principal.filter(|caller| !owners.contains(caller)));
    }
    let principal = directory.create_service_principal(properties).await?;
    directory.relate(RelationKind::Owner, principal.id, &owners).await?;
    call.audit("Add service principal", principal.id.to_string(), None, Some(visible(&principal).into()))
        .await?;
    objects::created(&call, &principal)
}
