use connector::{Cursor, ErrorClass, Source as _};
use serde_json::json;

use crate::world::{World, selection};

#[tokio::test]
async fn a_full_read_yields_everybody_and_increments_what_came_since() {
    let world = World::new().await;
    for name in ["d", "b", "a", "c"] {
        world.upload(name, json!({"userName": name})).await;
    }
    let (seen, cursor) = world.follow(None, 2).await;
    assert_eq!(seen, ["a=a", "b=b", "c=c", "d=d"], "by rising externalId");
    let idle = world.page(Some(&cursor), 1).await.unwrap();
    assert_eq!((idle.changes.len(), idle.more, &idle.cursor), (0, false, &cursor));

    for (name, user) in [("c", "c2"), ("e", "e"), ("a", "a2"), ("c", "c3")] {
        world.upload(name, json!({"userName": user})).await;
    }
    for size in [1, 2, 3, 4] {
        let (seen, _) = world.follow(Some(cursor.clone()), size).await;
        assert_eq!(seen, ["e=e", "a=a2", "c=c3"], "each once, as it now is, in the order of the uploads");
    }
}

/// Whoever is uploaded while a full read goes on is yielded by the increment after it.
#[tokio::test]
async fn uploads_during_a_full_read_are_not_lost() {
    let world = World::new().await;
    for name in ["b", "c"] {
        world.upload(name, json!({"userName": name})).await;
    }
    let first = world.page(None, 1).await.unwrap();
    assert_eq!((first.more, first.total), (true, Some(2)));
    world.upload("a", json!({"userName": "late"})).await;
    let (seen, cursor) = world.follow(Some(first.cursor), 1).await;
    assert_eq!(seen, ["c=c"]);
    assert_eq!(world.follow(Some(cursor), 1).await.0, ["a=late"]);
}

#[tokio::test]
async fn a_cursor_from_before_all_were_removed_asks_for_a_full_read() {
    let world = World::new().await;
    world.upload("a", json!({"userName": "a"})).await;
    let (_, before) = world.follow(None, 9).await;
    world.fixture.store.clear_uploads(&world.fixture.job).await.unwrap();
    world.upload("b", json!({"userName": "b"})).await;
    for cursor in [before, Cursor("x".to_owned()), Cursor("{\"number\":99}".to_owned())] {
        let error = world.page(Some(&cursor), 9).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::CursorRefused, "{error}");
    }
    assert_eq!(world.follow(None, 9).await.0, ["b=b"]);
}

#[tokio::test]
async fn one_person_is_read_by_the_external_id() {
    let world = World::new().await;
    world.upload("701984", json!({"userName": "bjensen", "displayName": "Babs"})).await;
    let selection = selection(&["externalId", "userName"]);
    let person = world.source.read(&selection, &"701984".into()).await.unwrap().unwrap();
    assert!(person.enabled && person.entitled && !person.soft_deleted);
    assert_eq!(person.display_name.as_deref(), Some("Babs"));
    assert_eq!(person.object.get("externalId").as_text(), Some("701984"));
    assert_eq!(world.source.read(&selection, &"701985".into()).await.unwrap(), None);
}
