use connector::{Change, Source as _};
use directory::ObjectKind;
use model::{Anchor, Name, Uuid, Value};

use crate::world::{Follower, World, anchor, anchors, selections};

#[tokio::test]
async fn a_full_read_yields_users_then_groups_by_id_with_those_in_the_bin() {
    let world = World::new().await;
    let mut users = Vec::new();
    for number in 0..7 {
        users.push(world.user(&format!("u{number}")).await);
    }
    let mut groups = vec![world.group("one").await, world.group("two").await];
    world.tenant.delete(ObjectKind::User, users[3]).await.unwrap();
    users.sort();
    groups.sort();
    for page_size in [1, 2, 7, 9, 100] {
        let mut follower = Follower::new(world.source()).pages_of(page_size);
        let first = follower.page().await;
        assert_eq!(first.total, Some(9));
        let mut changes = first.changes;
        if first.more {
            changes.extend(follower.catch_up().await);
        }
        let yielded: Vec<Anchor> = changes.iter().map(|change| change.anchor().clone()).collect();
        assert_eq!(yielded, [anchors(&users), anchors(&groups)].concat(), "pages of {page_size}");
        assert_eq!(follower.objects.values().filter(|object| object.soft_deleted).count(), 1);
    }
}

#[tokio::test]
async fn an_empty_directory_is_read_at_once() {
    let world = World::new().await;
    let mut follower = Follower::new(world.source());
    let page = follower.page().await;
    assert!(page.changes.is_empty() && !page.more);
    assert!(follower.catch_up().await.is_empty());
}

#[tokio::test]
async fn an_object_shows_its_state_and_what_was_selected() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    world.tenant.relate(directory::RelationKind::Manager, ada, &[bob]).await.unwrap();
    world
        .patch(ObjectKind::User, ada, serde_json::json!({"accountEnabled": false, "jobTitle": "Analyst"}))
        .await;
    world.assign(ada).await;
    let follower = Follower::ready(world.source()).await;
    let shown = &follower.objects[&anchor(ada)];
    assert!(!shown.enabled && !shown.soft_deleted && shown.entitled);
    assert_eq!(shown.display_name.as_deref(), Some("ada"));
    assert_eq!(*shown.object.get("manager"), Value::Reference(anchor(bob)));
    assert_eq!(follower.roles(ada), ["User"]);
    let names: Vec<&str> = shown.object.attributes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["accountEnabled", "appRoleAssignments", "displayName", "manager", "objectId"]);
    assert!(!follower.entitled(bob));

    let read = world.source().read(&selections()[0], &anchor(ada)).await.unwrap();
    assert_eq!(read.as_ref(), Some(shown));
    for absent in [anchor(Uuid::from_u128(1)), Anchor::new("not an id"), anchor(world.group("crew").await)] {
        assert_eq!(world.source().read(&selections()[0], &absent).await.unwrap(), None);
    }
}

#[tokio::test]
async fn default_access_is_a_right_without_a_role_name() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    world.tenant.assign(world.principal, ada, Uuid::nil()).await.unwrap();
    let follower = Follower::ready(world.source()).await;
    assert!(follower.entitled(ada));
    assert!(follower.roles(ada).is_empty());
}

#[tokio::test]
async fn only_selected_types_are_read() {
    let world = World::new().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    let mut follower = Follower::new(world.source());
    follower.selections.remove(1);
    assert_eq!(follower.touched().await, [anchor(ada)]);
    world.patch(ObjectKind::Group, crew, serde_json::json!({"displayName": "Crew"})).await;
    world.join(crew, ada).await;
    assert!(follower.catch_up().await.is_empty());
}

#[tokio::test]
async fn what_changes_during_a_full_read_is_in_the_increment_after_it() {
    let world = World::new().await;
    let mut users = Vec::new();
    for number in 0..6 {
        users.push(world.user(&format!("u{number}")).await);
    }
    users.sort();
    let mut follower = Follower::new(world.source()).pages_of(2);
    follower.page().await;
    world.rename(users[0], "Renamed").await;
    world.tenant.delete(ObjectKind::User, users[1]).await.unwrap();
    world.tenant.purge(users[1]).await.unwrap();
    world.assign(users[5]).await;
    let late = world.user("late").await;
    follower.catch_up().await;
    let increment = follower.catch_up().await;
    assert!(increment.contains(&Change::Delete { kind: Some("User".into()), anchor: anchor(users[1]) }));
    assert_eq!(follower.objects[&anchor(users[0])].display_name, Some(Name::from("Renamed")));
    assert!(follower.entitled(users[5]));
    assert!(follower.objects.contains_key(&anchor(late)));
    assert_eq!(follower.objects.len(), 6);
}

#[tokio::test]
async fn members_come_in_pages() {
    let world = World::new().await;
    let (crowd, members) = world.crowd("crowd", 10_000).await;
    let source = world.source();
    let (group, attribute) = (Name::from("Group"), Name::from("members"));
    assert!(source.capabilities().is_large_reference(&group, &attribute));
    let (mut read, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = source.references(&group, &anchor(crowd), &attribute, cursor.as_ref()).await.unwrap();
        assert!(page.references.len() <= 1_000);
        read.extend(page.references);
        pages += 1;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(read, anchors(&members));
    assert!((10..=11).contains(&pages));
    let strange = source.references(&"User".into(), &anchor(crowd), &"manager".into(), None).await;
    assert!(strange.unwrap_err().detail.contains("manager of User"));
}
