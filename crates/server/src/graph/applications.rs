//! `/applications`.

use directory::{ObjectKind, RelationKind};
use graph::directory::Kind;

use super::call::Call;
use super::extension_properties::check_extensions;
use super::lists;
use super::objects::{self, visible};
use super::permissions::{READ_APPLICATION, READ_APPLICATIONS, WRITE_APPLICATION};
use super::route::{Answer, Route};

const KIND: ObjectKind = ObjectKind::Application;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("applications", READ_APPLICATIONS, |call| async move { lists::list(&call, KIND).await }),
        Route::get("applications/$count", READ_APPLICATIONS, |call| async move {
            lists::count(&call, KIND).await
        }),
        Route::post("applications", WRITE_APPLICATION, create),
        Route::get(
            "applications/{id}",
            READ_APPLICATION,
            |call| async move { objects::get(&call, KIND).await },
        ),
        Route::patch("applications/{id}", WRITE_APPLICATION, |call| async move {
            objects::update(&call, KIND).await
        })
        .answering(&[200, 204]),
        Route::delete("applications/{id}", WRITE_APPLICATION, |call| async move {
            objects::delete(&call, KIND).await
        }),
    ]
}

/// POST `/applications`. A client that may only manage what it owns becomes the owner of what it makes.
async fn create(call: Call) -> Answer {
    let (properties, bindings) = objects::read_new(&call, Kind::Application)?;
    let directory = call.directory();
    let mut owners = objects::bound(&call, KIND, &bindings).await?;
    check_extensions(&directory, KIND, &properties).await?;
    let application = directory.create_application(properties).await?;
    if call.owned_only {
        owners.extend(call.caller.principal.filter(|caller| !owners.contains(caller)));
    }
    directory.relate(RelationKind::Owner, application.id, &owners).await?;
    call.audit("Add application", application.id.to_string(), None, Some(visible(&application).into()))
        .await?;
    objects::created(&call, &application)
}
