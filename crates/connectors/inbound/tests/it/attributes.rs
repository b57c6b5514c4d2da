use connector::{Selection, Source as _};
use model::{Anchor, Value};
use serde_json::json;

use crate::world::{World, selection};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Reads attributes of the person `1`.
async fn read(world: &World, selection: &Selection) -> Vec<Value> {
    let person = world.source.read(selection, &"1".into()).await.unwrap().unwrap();
    selection.attributes.iter().map(|name| person.object.get(name).clone()).collect()
}

#[tokio::test]
async fn attributes_are_named_by_scim_paths() {
    let world = World::new().await;
    let resource = json!({
        "externalId": "1", "userName": "bjensen", "active": "False", "NAME": {"givenName": "Barbara"},
        "emails": [{"type": "home", "value": "b@home"}, {"type": "work", "value": "b@work"}],
        ENTERPRISE: {"department": "Tours", "manager": {"value": "89607", "displayName": "John Smith"}},
        "urn:contoso:employee": {"HireDate": "2021-05-01T00:00:00-05:00", "Grade": 7, "Tags": ["a", "b"]},
    });
    world.upload("1", resource).await;
    let manager = Value::Reference(Anchor::new("89607"));
    for (name, expected) in [
        ("userName", "bjensen".into()),
        ("active", false.into()),
        ("name.givenName", "Barbara".into()),
        ("name.familyName", Value::Null),
        ("emails[type eq \"work\"].value", "b@work".into()),
        (&format!("{ENTERPRISE}:department"), "Tours".into()),
        (&format!("{ENTERPRISE}:manager"), manager.clone()),
        (&format!("{ENTERPRISE}:manager.value"), manager),
        ("urn:contoso:employee:HireDate", "2021-05-01T00:00:00-05:00".into()),
        ("urn:contoso:employee:Grade", 7.into()),
        ("urn:contoso:employee:tags", Value::list(["a".into(), "b".into()])),
        ("urn:contoso:other:Grade", Value::Null),
    ] {
        assert_eq!(read(&world, &selection(&[name])).await, [expected], "{name}");
    }
    let odd = world.source.read(&selection(&["a b"]), &"1".into()).await.unwrap_err();
    assert!(odd.detail.contains("'a b' is no SCIM path"), "{odd}");
}

/// What is left out stays what it was, unless its absence is to clear what the target has.
#[tokio::test]
async fn what_is_left_out_is_null_only_where_that_clears() {
    let world = World::new().await;
    let first =
        json!({"userName": "ada", "title": "Analyst", "name": {"givenName": "Ada", "familyName": "L"}});
    world.upload("1", first).await;
    world.upload("1", json!({"userName": "ada", "name": {"givenName": "A"}, "active": null})).await;
    let mut selection = selection(&["userName", "title", "name.givenName", "name.familyName", "active"]);
    let kept = ["ada".into(), "Analyst".into(), "A".into(), "L".into(), Value::Null];
    assert_eq!(read(&world, &selection).await, kept);
    selection.clearing = vec!["title".into(), "name.givenName".into()];
    let cleared = ["ada".into(), Value::Null, "A".into(), "L".into(), Value::Null];
    assert_eq!(read(&world, &selection).await, cleared);
}
