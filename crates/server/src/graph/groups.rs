//! `/groups`.

use directory::ObjectKind;
use graph::directory::Kind;
use serde_json::Value as Json;

use super::call::Call;
use super::lists;
use super::objects;
use super::permissions::{READ_GROUPS, WRITE_GROUPS};
use super::route::{Answer, Route};

const KIND: ObjectKind = ObjectKind::Group;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("groups", READ_GROUPS, |call| async move { lists::list(&call, KIND).await }),
        Route::get("groups/$count", READ_GROUPS, |call| async move { lists::count(&call, KIND).await }),
        Route::post("groups", WRITE_GROUPS, create),
        Route::get("groups/{id}", READ_GROUPS, |call| async move { objects::get(&call, KIND).await }),
        Route::patch("groups/{id}", WRITE_GROUPS, |call| async move { objects::update(&call, KIND).await })
            .answering(&[200, 204]),
        Route::delete("groups/{id}", WRITE_GROUPS, |call| async move { objects::delete(&call, KIND).await }),
    ]
}

/// POST `/groups`, with members and owners that the body binds.
async fn create(call: Call) -> Answer {
    let (mut properties, bindings) = objects::read_new(&call, Kind::Group)?;
    properties.entry("groupTypes").or_insert_with(|| Json::Array(Vec::new()));
    let group = objects::create(&call, KIND, properties, &bindings).await?;
    objects::created(&call, &group)
}
