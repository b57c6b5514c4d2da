//! PATCH of users: the forms of RFC 7644 and those of Microsoft Entra.

use serde_json::{Value as Json, json};

use super::{ENTERPRISE, get, patch, post, refused, user};
use crate::world::World;

/// A user with these attributes, changed by each list of operations in turn; each answer is what is read afterwards.
async fn changed(attributes: Json, steps: &[Json]) -> Json {
    let world = World::new().await;
    let made = post(&world, "/Users", attributes).await.expect(201);
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    let mut last = made;
    for operations in steps {
        last = patch(&world, &path, operations.clone()).await.expect(200);
        assert_eq!(get(&world, &path).await.expect(200), last, "{operations}");
    }
    last
}

#[tokio::test]
async fn the_forms_of_the_rfc_change_users() {
    let last = changed(
        json!({"userName": "babs", "nickName": "Babs"}),
        &[
            json!([{"op": "add", "path": "emails", "value": [{"value": "a@x.org", "type": "work"}]}]),
            json!([{"op": "add", "value": {"emails": [{"value": "b@y.org", "type": "home"}], "title": "Guide"}}]),
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "c@x.org"}]),
            json!([{"op": "replace", "path": "name", "value": {"givenName": "Barbara", "familyName": "Jensen"}}]),
            json!([{"op": "add", "path": "name.middleName", "value": "Jane"}]),
            json!([{"op": "remove", "path": "name.familyName"}, {"op": "remove", "path": "nickName"}]),
            json!([{"op": "remove", "path": "active"}]),
            json!([{"op": "remove", "path": "emails[type eq \"home\"]"}]),
            json!([{"op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Tours"}]),
            json!([{"op": "replace", "value": {ENTERPRISE: {"costCenter": "7"}, "active": false}}]),
            json!([{"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "Rome", "formatted": "Roma"}]}]),
            json!([{"op": "replace", "path": "addresses[type eq \"work\"].country", "value": "IT"}]),
        ],
    )
    .await;
    assert_eq!(last["emails"], json!([{"value": "c@x.org", "type": "work"}]));
    assert_eq!(last["name"], json!({"givenName": "Barbara", "middleName": "Jane"}));
    assert_eq!(last[ENTERPRISE], json!({"department": "Tours", "costCenter": "7"}));
    assert_eq!(
        last["addresses"],
        json!([{"type": "work", "locality": "Rome", "formatted": "Roma", "country": "IT"}])
    );
    assert_eq!(
        (&last["title"], &last["active"], last.get("nickName")),
        (&json!("Guide"), &json!(false), None)
    );
}

#[tokio::test]
async fn the_forms_of_entra_change_users() {
    let last = changed(
        json!({"userName": "babs", "active": true}),
        &[
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            json!([{"op": "Add", "path": "emails[type eq \"work\"].value", "value": "a@x.org"}]),
            json!([{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "b@x.org"}]),
            json!([{"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "1"}]),
            json!([{"op": "Replace", "path": "ims[type eq \"xmpp\"].value", "value": "b"}]),
            json!([{"op": "replace", "value": {"id": "not-mine", "meta": {}, "nickName": "B"}}]),
            json!([{"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "Admin"}]),
            json!([{"op": "Replace", "value": {
                "displayName": "Babs", "name.givenName": "Barbara", format!("{ENTERPRISE}:department"): "Tours"
            }}]),
            json!([{"op": "Add", "path": "urn:example:badge:2.0:User:color", "value": "red"}]),
            json!([{"op": "Remove", "path": "phoneNumbers[type eq \"mobile\"].value"}]),
        ],
    )
    .await;
    assert_eq!(last["active"], false);
    assert_eq!((&last["ims"], &last["nickName"]), (&json!([{"type": "xmpp", "value": "b"}]), &json!("B")));
    assert_eq!(last["emails"], json!([{"type": "work", "value": "b@x.org"}]));
    assert_eq!(last["roles"], json!([{"primary": true, "value": "Admin"}]));
    assert_eq!((&last["displayName"], &last["name"]["givenName"]), (&json!("Babs"), &json!("Barbara")));
    assert_eq!(last[ENTERPRISE]["department"], "Tours");
    assert_eq!(last["urn:example:badge:2.0:User"], json!({"color": "red"}));
}

#[tokio::test]
async fn a_manager_is_set_in_every_form_and_removed() {
    let world = World::new().await;
    let (ada, boss, chief) =
        (user(&world, "ada").await, user(&world, "boss").await, user(&world, "chief").await);
    let path = format!("/Users/{ada}");
    let manager = format!("{ENTERPRISE}:manager");
    for (operations, expected) in [
        (json!([{"op": "add", "path": manager, "value": {"value": boss}}]), json!(boss)),
        (json!([{"op": "Replace", "path": manager, "value": chief}]), json!(chief)),
        (json!([{"op": "replace", "path": format!("{manager}.value"), "value": boss}]), json!(boss)),
        (json!([{"op": "Add", "path": manager, "value": [{"$ref": "x", "value": chief}]}]), json!(chief)),
        (json!([{"op": "replace", "value": {ENTERPRISE: {"manager": {"value": boss}}}}]), json!(boss)),
        (json!([{"op": "Replace", "path": manager, "value": ""}]), Json::Null),
        (json!([{"op": "add", "path": manager, "value": {"value": boss}}]), json!(boss)),
        (json!([{"op": "remove", "path": manager}]), Json::Null),
        (json!([{"op": "remove", "path": manager}]), Json::Null),
    ] {
        let changed = patch(&world, &path, operations.clone()).await.expect(200);
        assert_eq!(changed[ENTERPRISE]["manager"]["value"], expected, "{operations}");
        assert_eq!(get(&world, &path).await.expect(200), changed);
    }
    for (value, word) in [("x", "'x'"), (ada.as_str(), "id of the user")] {
        let operations = json!([{"op": "add", "path": manager, "value": {"value": value}}, {"op": "add", "path": "title", "value": "T"}]);
        let words = refused(patch(&world, &path, operations).await, 400, "invalidValue");
        assert!(words.contains(word), "{words}");
    }
    assert_eq!(get(&world, &path).await.expect(200).get("title"), None);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_nothing_changes() {
    let world = World::new().await;
    let ada = user(&world, "ada").await;
    user(&world, "bob").await;
    let path = format!("/Users/{ada}");
    let before = get(&world, &path).await;
    for (operations, status, scim_type, word) in [
        (json!([{"op": "oops", "path": "title"}]), 400, "invalidSyntax", "oops"),
        (json!([{"op": "add", "path": "title["}]), 400, "invalidPath", "title["),
        (json!([{"op": "remove"}]), 400, "noTarget", "path"),
        (json!([{"op": "remove", "path": "userName"}]), 400, "mutability", "userName"),
        (
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "a@x"}]),
            400,
            "noTarget",
            "emails",
        ),
        (
            json!([{"op": "replace", "path": "titel", "value": "T"}]),
            400,
            "invalidPath",
            "operation 1: titel is no",
        ),
        (json!([{"op": "remove", "path": "titel"}]), 400, "invalidPath", "titel"),
        (json!([{"op": "add", "path": "name.first", "value": "T"}]), 400, "invalidPath", "name.first"),
        (
            json!([{"op": "Add", "path": "emails[type eq \"work\"].adress", "value": "T"}]),
            400,
            "invalidPath",
            "adress",
        ),
        (
            json!([{"op": "add", "path": format!("{ENTERPRISE}:team"), "value": "T"}]),
            400,
            "invalidPath",
            "team",
        ),
        (
            json!([{"op": "add", "path": "title", "value": "T"}, {"op": "add", "path": "titel", "value": "T"}]),
            400,
            "invalidPath",
            "operation 2: titel",
        ),
        (json!([{"op": "replace", "path": "id", "value": "x"}]), 400, "mutability", "id"),
        (json!([{"op": "add", "path": "groups", "value": [{"value": "x"}]}]), 400, "mutability", "groups"),
        (
            json!([{"op": "add", "path": "title", "value": "T"}, {"op": "add", "path": "active", "value": 7}]),
            400,
            "invalidValue",
            "operation 2: active",
        ),
        (json!([{"op": "replace", "path": "userName", "value": "BOB"}]), 409, "uniqueness", "userName"),
        (json!([]), 400, "invalidSyntax", "Operations"),
    ] {
        let words = refused(patch(&world, &path, operations.clone()).await, status, scim_type);
        assert!(words.contains(word), "{operations}: {words}");
    }
    let after = get(&world, &path).await;
    assert_eq!((after.header("etag"), &after.body), (before.header("etag"), &before.body));
    let nothing = patch(&world, &path, json!([{"op": "replace", "path": "userName", "value": "ada"}])).await;
    assert_eq!((nothing.header("etag"), nothing.status), (before.header("etag"), 200));
}

/// What no schema knows is kept where a value brings it, and can be changed and removed then; a path to it is a mistake
/// otherwise.
#[tokio::test]
async fn attributes_that_no_schema_knows_are_kept_from_values() {
    let last = changed(
        json!({"userName": "babs", "shoe": 42}),
        &[
            json!([{"op": "replace", "path": "SHOE", "value": 43}]),
            json!([{"op": "add", "value": {"hat": {"size": 7}}}]),
            json!([{"op": "replace", "path": "hat.size", "value": 8}]),
            json!([{"op": "remove", "path": "shoe"}]),
        ],
    )
    .await;
    assert_eq!((last.get("shoe"), &last["hat"]), (None, &json!({"size": 8})));
}
