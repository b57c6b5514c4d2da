//! `/directory/deletedItems`: the bin.

use directory::{DirectoryObject, ObjectKind};
use graph::GraphError;
use graph::directory::fragment;
use serde_json::json;

use super::authorize::demand;
use super::call::Call;
use super::error::ApiError;
use super::lists;
use super::objects::{activity_noun, check_mixed_select, typed_resource};
use super::permissions::{
    READ_APPLICATIONS, READ_DELETED, READ_GROUPS, READ_USERS, WRITE_APPLICATIONS, WRITE_DELETED,
    WRITE_GROUPS, WRITE_USERS,
};
use super::reply::Reply;
use super::route::{Answer, Route};

pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("directory/deletedItems", READ_DELETED, list_all),
        Route::get("directory/deletedItems/{id}", READ_DELETED, get),
        Route::post("directory/deletedItems/{id}/restore", WRITE_DELETED, restore).answering(&[200]),
        Route::delete("directory/deletedItems/{id}", WRITE_DELETED, purge),
    ];
    for (path, kind, read) in [
        ("directory/deletedItems/microsoft.graph.user", ObjectKind::User, READ_USERS),
        ("directory/deletedItems/microsoft.graph.group", ObjectKind::Group, READ_GROUPS),
        ("directory/deletedItems/microsoft.graph.application", ObjectKind::Application, READ_APPLICATIONS),
        (
            "directory/deletedItems/microsoft.graph.servicePrincipal",
            ObjectKind::ServicePrincipal,
            READ_APPLICATIONS,
        ),
    ] {
        routes.push(Route::get(
            path,
            read,
            move |call| async move { lists::list_deleted(&call, kind).await },
        ));
    }
    routes
}

/// GET of the whole bin, which Graph does not have either.
async fn list_all(_call: Call) -> Answer {
    Err(GraphError::bad_request(
        "Name the type of deleted items, as in /directory/deletedItems/microsoft.graph.user.",
    )
    .into())
}

/// The object in the bin that the path names, if the caller may do this to its kind.
async fn find(call: &Call, write: bool) -> Result<DirectoryObject, ApiError> {
    let id = call.id("id")?;
    let object = call.directory().deleted(id).await?.ok_or_else(|| GraphError::not_found(&id.to_string()))?;
    let sufficient = match (object.kind, write) {
        (ObjectKind::User, false) => READ_USERS,
        (ObjectKind::User, true) => WRITE_USERS,
        (ObjectKind::Group, false) => READ_GROUPS,
        (ObjectKind::Group, true) => WRITE_GROUPS,
        (ObjectKind::Application | ObjectKind::ServicePrincipal, false) => READ_APPLICATIONS,
        (ObjectKind::Application | ObjectKind::ServicePrincipal, true) => WRITE_APPLICATIONS,
    };
    demand(&call.caller, sufficient)?;
    Ok(object)
}

/// GET of one deleted item.
async fn get(call: Call) -> Answer {
    check_mixed_select(&call.options.select)?;
    let object = find(&call, false).await?;
    answer(&call, &object)
}

fn answer(call: &Call, object: &DirectoryObject) -> Answer {
    let select = &call.options.select;
    let resource = typed_resource(object, call.version, select)?;
    Ok(Reply::ok(call.entity(&fragment("directoryObjects", select, true), resource)))
}

/// POST `restore`.
async fn restore(call: Call) -> Answer {
    let object = find(&call, true).await?;
    let restored = call.directory().restore(object.id).await?;
    let activity = format!("Restore {}", activity_noun(object.kind));
    call.audit(&activity, object.id.to_string(), None, None).await?;
    answer(&call, &restored)
}

/// DELETE for good.
async fn purge(call: Call) -> Answer {
    let object = find(&call, true).await?;
    super::synchronization::remove_jobs(&call, &object).await?;
    call.directory().purge(object.id).await?;
    let activity = format!("Hard delete {}", activity_noun(object.kind));
    let old = json!({ "displayName": object.text("displayName") });
    call.audit(&activity, object.id.to_string(), Some(old), None).await?;
    Ok(Reply::no_content())
}
