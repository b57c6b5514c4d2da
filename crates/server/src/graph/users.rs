//! `/users`.

use directory::ObjectKind;
use graph::directory::Kind;
use serde_json::Value as Json;

use super::call::Call;
use super::lists;
use super::objects;
use super::permissions::{READ_USERS, WRITE_USERS};
use super::route::{Answer, Route};

const KIND: ObjectKind = ObjectKind::User;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("users", READ_USERS, |call| async move { lists::list(&call, KIND).await }),
        Route::get("users/$count", READ_USERS, |call| async move { lists::count(&call, KIND).await }),
        Route::post("users", WRITE_USERS, create),
        Route::get("users/{id}", READ_USERS, |call| async move { objects::get(&call, KIND).await }),
        Route::patch("users/{id}", WRITE_USERS, |call| async move { objects::update(&call, KIND).await })
            .answering(&[200, 204]),
        Route::delete("users/{id}", WRITE_USERS, |call| async move { objects::delete(&call, KIND).await }),
    ]
}

/// POST `/users`. A user is a member of the tenant unless the client says that it is a guest.
async fn create(call: Call) -> Answer {
    let (mut properties, bindings) = objects::read_new(&call, Kind::User)?;
    properties.entry("userType").or_insert_with(|| Json::from("Member"));
    let user = objects::create(&call, KIND, properties, &bindings).await?;
    objects::created(&call, &user)
}
