use connector::{Change, ChangeRequest, Cursor, ErrorClass, Source as _};
use directory::{ObjectKind, RelationKind};
use serde_json::json;

use crate::world::{Follower, TENANT, World, anchor, anchors, deltas, map, selections};

#[tokio::test]
async fn nothing_new_gives_the_same_cursor() {
    let world = World::new().await;
    world.user("ada").await;
    let mut follower = Follower::ready(world.source()).await;
    let before = follower.cursor.clone();
    let page = follower.page().await;
    assert!(page.changes.is_empty() && !page.more);
    assert_eq!(Some(page.cursor), before);
}

#[tokio::test]
async fn objects_that_changed_are_yielded_once_as_they_are() {
    let world = World::new().await;
    let (ada, bob, _cat) = (world.user("ada").await, world.user("bob").await, world.user("cat").await);
    let crew = world.group("crew").await;
    let mut follower = Follower::ready(world.source()).await;
    for name in ["Ada 1", "Ada 2", "Ada 3"] {
        world.rename(ada, name).await;
    }
    world.patch(ObjectKind::Group, crew, json!({"displayName": "Crew"})).await;
    world.tenant.relate(RelationKind::Manager, bob, &[ada]).await.unwrap();
    let mut expected = anchors(&[ada, bob, crew]);
    expected.sort();
    assert_eq!(follower.touched().await, expected);
    assert_eq!(follower.objects[&anchor(ada)].display_name.as_deref(), Some("Ada 3"));
    assert_eq!(follower.objects[&anchor(bob)].object.get("manager").as_reference(), Some(&anchor(ada)));
}

#[tokio::test]
async fn the_bin_the_return_and_the_end() {
    let world = World::new().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    let mut follower = Follower::ready(world.source()).await;
    for (kind, id, name) in [(ObjectKind::User, ada, "User"), (ObjectKind::Group, crew, "Group")] {
        world.tenant.delete(kind, id).await.unwrap();
        assert_eq!(follower.touched().await, [anchor(id)]);
        assert!(follower.objects[&anchor(id)].soft_deleted);
        world.tenant.restore(id).await.unwrap();
        assert_eq!(follower.touched().await, [anchor(id)]);
        assert!(!follower.objects[&anchor(id)].soft_deleted);
        world.tenant.delete(kind, id).await.unwrap();
        world.tenant.purge(id).await.unwrap();
        let gone = Change::Delete { kind: Some(name.into()), anchor: anchor(id) };
        assert_eq!(follower.catch_up().await, [gone]);
    }
}

#[tokio::test]
async fn members_that_came_and_went_are_a_delta() {
    let world = World::new().await;
    let (ada, bob, cat) = (world.user("ada").await, world.user("bob").await, world.user("cat").await);
    let crew = world.group("crew").await;
    world.join(crew, cat).await;
    let mut follower = Follower::ready(world.source()).await;
    world.join(crew, ada).await;
    world.join(crew, bob).await;
    world.leave(crew, bob).await;
    world.leave(crew, cat).await;
    let changes = follower.catch_up().await;
    let mut removed = anchors(&[bob, cat]);
    removed.sort();
    assert_eq!(deltas(&changes), [(anchor(crew), vec![anchor(ada)], removed)]);
    assert_eq!(changes.len(), 1, "the group gives no right, so its members are not touched: {changes:?}");
}

#[tokio::test]
async fn a_member_in_the_bin_leaves_its_groups_and_returns() {
    let world = World::new().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    world.join(crew, ada).await;
    let mut follower = Follower::ready(world.source()).await;
    world.tenant.delete(ObjectKind::User, ada).await.unwrap();
    assert_eq!(deltas(&follower.catch_up().await), [(anchor(crew), vec![], vec![anchor(ada)])]);
    world.tenant.restore(ada).await.unwrap();
    assert_eq!(deltas(&follower.catch_up().await), [(anchor(crew), vec![anchor(ada)], vec![])]);
}

#[tokio::test]
async fn a_group_in_the_bin_is_yielded_without_taking_its_members_apart() {
    let world = World::new().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    world.join(crew, ada).await;
    let mut follower = Follower::ready(world.everybody()).await;
    world.tenant.delete(ObjectKind::Group, crew).await.unwrap();
    let changes = follower.catch_up().await;
    assert_eq!(deltas(&changes), []);
    assert!(follower.objects[&anchor(crew)].soft_deleted);
}

#[tokio::test]
async fn who_left_before_the_group_went_to_the_bin_has_left() {
    for page_size in [1, 2, 100] {
        let world = World::new().await;
        let (ada, bob, crew) = (world.user("ada").await, world.user("bob").await, world.group("crew").await);
        world.join(crew, ada).await;
        world.join(crew, bob).await;
        let mut follower = Follower::ready(world.everybody()).await.pages_of(page_size);
        world.leave(crew, ada).await;
        world.tenant.delete(ObjectKind::Group, crew).await.unwrap();
        let told = deltas(&follower.catch_up().await);
        assert_eq!(told, [(anchor(crew), vec![], vec![anchor(ada)])], "pages of {page_size}");
    }
}

#[tokio::test]
async fn applications_and_other_tenants_are_passed_over() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut follower = Follower::ready(world.source()).await;
    let other = world.tenant.instantiate(directory::CUSTOM_APPLICATION_TEMPLATE, "Other").await.unwrap();
    world.tenant.assign(other.service_principal.id, ada, model::Uuid::nil()).await.unwrap();
    world.patch(ObjectKind::Application, world.application, json!({"notes": "x"})).await;
    assert!(follower.catch_up().await.is_empty());
    let before = follower.cursor.clone();
    assert_eq!(follower.page().await.cursor, before.unwrap());
}

#[tokio::test]
async fn pages_of_any_size_yield_the_same() {
    let world = World::new().await;
    let (crowd, members) = world.crowd("crowd", 20).await;
    let nest = world.group("nest").await;
    for page_size in [1, 2, 3, 100] {
        let mut follower = Follower::ready(world.nested()).await.pages_of(page_size);
        let assignment = world.assign(nest).await;
        world.join(nest, crowd).await;
        for member in &members[..5] {
            world.leave(crowd, *member).await;
        }
        world.rename(members[0], &format!("Renamed {page_size}")).await;
        let changes = follower.catch_up().await;
        let mut removed = Vec::new();
        for (owner, _, gone) in deltas(&changes) {
            removed.extend(gone.into_iter().filter(|_| owner == anchor(crowd)));
        }
        removed.sort();
        assert_eq!(removed, anchors(&members[..5]), "pages of {page_size}");
        for member in &members[5..] {
            assert!(follower.entitled(*member), "pages of {page_size}");
        }
        world.unassign(assignment).await;
        world.leave(nest, crowd).await;
        for member in &members[..5] {
            world.join(crowd, *member).await;
        }
        follower.catch_up().await;
        assert!(members.iter().all(|member| !follower.entitled(*member)), "pages of {page_size}");
    }
}

#[tokio::test]
async fn a_page_can_be_read_again() {
    let world = World::new().await;
    let (crowd, _) = world.crowd("crowd", 30).await;
    let mut follower = Follower::ready(world.source()).await.pages_of(10);
    world.assign(crowd).await;
    loop {
        let cursor = follower.cursor.clone();
        let first = follower.page().await;
        follower.cursor = cursor;
        assert_eq!(follower.page().await, first);
        if !first.more {
            break;
        }
    }
}

#[tokio::test]
async fn cursors_of_no_use_ask_for_a_full_read() {
    let world = World::new().await;
    world.user("ada").await;
    let mut follower = Follower::ready(world.source()).await;
    let cursor = follower.cursor.take().unwrap();
    let newest = world.tenant.change_range().await.unwrap().0;
    let ahead =
        Cursor(cursor.0.replace(&format!("\"number\":{newest}"), &format!("\"number\":{}", newest + 5)));
    assert_ne!(ahead, cursor);
    let selections = selections();
    for (source, cursor) in [
        (world.source(), Cursor("nonsense".to_owned())),
        (world.source(), ahead),
        (world.everybody(), cursor.clone()),
        (world.nested(), cursor),
    ] {
        let request = ChangeRequest { selections: &selections, cursor: Some(&cursor), page_size: 10 };
        assert_eq!(source.changes(request).await.unwrap_err().class, ErrorClass::CursorRefused);
    }
}

#[tokio::test]
async fn a_cursor_below_what_the_feed_still_knows_asks_for_a_full_read() {
    let world = World::new().await;
    world.user("ada").await;
    let mut behind = Follower::ready(world.source()).await;
    world.user("bob").await;
    let (newest, _) = world.tenant.change_range().await.unwrap();
    let moment = "2026-03-01T00:00:00Z".parse().unwrap();
    world.store.mark_changes(TENANT, moment).await.unwrap();
    let mut ahead = Follower::ready(world.source()).await;
    world.store.trim_changes(TENANT, newest, moment).await.unwrap();
    assert_eq!(world.tenant.change_range().await.unwrap(), (newest, newest));
    let selections = selections();
    let cursor = behind.cursor.take().unwrap();
    let request = ChangeRequest { selections: &selections, cursor: Some(&cursor), page_size: 10 };
    assert_eq!(world.source().changes(request).await.unwrap_err().class, ErrorClass::CursorRefused);
    // Whoever has passed the floor goes on.
    world.user("cleo").await;
    assert_eq!(ahead.page().await.changes.len(), 1);
}

#[tokio::test]
async fn an_unknown_type_is_named() {
    let world = World::new().await;
    let mut follower = Follower::ready(world.source()).await;
    follower.selections[0].kind = "Contact".into();
    let request = ChangeRequest { selections: &follower.selections, cursor: None, page_size: 10 };
    let error = follower.source.changes(request).await.unwrap_err();
    assert!(error.detail.contains("'Contact'"), "{error}");
}

#[tokio::test]
async fn with_everybody_entitled_memberships_touch_nobody() {
    let world = World::new().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    let mut follower = Follower::new(world.everybody());
    for selection in &mut follower.selections {
        selection.attributes.retain(|name| name != "appRoleAssignments");
    }
    follower.catch_up().await;
    assert!(follower.entitled(ada) && follower.entitled(crew));
    let assignment = world.assign(crew).await;
    world.join(crew, ada).await;
    let changes = follower.catch_up().await;
    assert_eq!(deltas(&changes).len(), changes.len());
    world.unassign(assignment).await;
    assert!(follower.catch_up().await.is_empty());
}

#[tokio::test]
async fn directory_extensions_are_read_under_their_names() {
    let world = World::new().await;
    let properties = json!({
        "displayName": "Ada", "userPrincipalName": "ada@example.com", "mailNickname": "ada", "accountEnabled": true,
        "extension_0123456789abcdef_badge": "B-7"
    });
    let ada = world.tenant.create(ObjectKind::User, map(properties)).await.unwrap().id;
    let mut follower = Follower::new(world.source());
    follower.selections[0].attributes.push("extension_0123456789abcdef_badge".into());
    follower.catch_up().await;
    let shown = &follower.objects[&anchor(ada)].object;
    assert_eq!(shown.get("extension_0123456789abcdef_badge").as_text(), Some("B-7"));
}
