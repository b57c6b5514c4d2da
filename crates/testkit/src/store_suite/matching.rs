//! The index of target objects.

use model::{Object, Value};
use store::{IndexedObject, SharedStore};

use super::fixture::{Fixture, at};

fn indexed(kind: &str, anchor: &str, keys: &[(&str, &str)]) -> IndexedObject {
    let object = Object::new(kind, anchor)
        .with("userName", "Zoë")
        .with("count", 3)
        .with("when", Value::DateTime(at(1)))
        .with("photo", Value::Binary(Box::from([0, 255])))
        .with("members", Value::list([Value::Reference("x".into()), "y".into()]));
    IndexedObject {
        object,
        keys: keys.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
    }
}

/// Several hits, several values, nothing of another type, attribute or job.
pub async fn the_index_finds_by_folded_value(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = fixture.another_job(fixture.owner).await;
    let a = indexed("User", "a", &[("userName", "zoë"), ("mail", "z@x"), ("mail", "z@x"), ("mail", "z@y")]);
    let b = indexed("User", "b", &[("userName", "zoë")]);
    let g = indexed("Group", "g", &[("userName", "zoë")]);
    store.put_index(&fixture.job, vec![a.clone(), b.clone(), g.clone()]).await.expect("put");
    let find = async |kind: &str, attribute: &str, values: &[&str]| {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let mut found = store.find_index(&fixture.job, kind, attribute, &values).await.expect("read");
        found.sort_by_key(|(value, object)| (value.clone(), object.anchor.clone()));
        found
    };
    let hit = |value: &str, of: &IndexedObject| (value.to_owned(), of.object.clone());
    assert_eq!(find("User", "userName", &["zoë", "Zoë"]).await, [hit("zoë", &a), hit("zoë", &b)]);
    assert_eq!(find("Group", "userName", &["zoë"]).await, [hit("zoë", &g)]);
    assert_eq!(find("User", "mail", &["z@y", "z@x"]).await, [hit("z@x", &a), hit("z@y", &a)]);
    assert_eq!(find("User", "nothing", &["zoë"]).await, []);
    assert!(store.find_index(&other, "User", "userName", &["zoë".into()]).await.expect("read").is_empty());
    let read = store.read_index(&fixture.job, "User", &["b".into(), "g".into()]).await.expect("read");
    assert_eq!(read, [b.object]);
    store.clear_index(&fixture.job).await.expect("cleared");
    assert_eq!(find("User", "userName", &["zoë"]).await, []);
}

/// Putting an object again replaces it with its keys; dropping it removes both.
pub async fn the_last_object_wins(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let find = async |value: &str| {
        let found =
            store.find_index(&fixture.job, "User", "userName", &[value.to_owned()]).await.expect("read");
        found.len()
    };
    let first = indexed("User", "a", &[("userName", "old")]);
    let second = indexed("User", "a", &[("userName", "new")]);
    store.put_index(&fixture.job, vec![first, second.clone()]).await.expect("put");
    assert_eq!((find("old").await, find("new").await), (0, 1));
    let read = store.read_index(&fixture.job, "User", &["a".into()]).await.expect("read");
    assert_eq!(read, [second.object]);
    store.drop_index(&fixture.job, "Group", &["a".into()]).await.expect("nothing to drop");
    assert_eq!(find("new").await, 1);
    store.drop_index(&fixture.job, "User", &["a".into(), "nobody".into()]).await.expect("dropped");
    assert_eq!(find("new").await, 0);
    assert!(store.read_index(&fixture.job, "User", &["a".into()]).await.expect("read").is_empty());
}
