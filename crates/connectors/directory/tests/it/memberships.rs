//! Groups that filters ask about.

use connector::{Change, ChangeRequest, ErrorClass, Selection, Source as _};
use model::Anchor;

use crate::world::{Follower, World, anchor, anchors, selections};

#[tokio::test]
async fn who_joins_or_leaves_a_group_that_is_asked_about_is_touched_and_nobody_else() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let (crew, other) = (world.group("crew").await, world.group("other").await);
    world.join(crew, bob).await;
    let mut follower = Follower::new(world.everybody()).asking(&[anchor(crew)]);
    follower.catch_up().await;
    assert_eq!((follower.member_of(ada), follower.member_of(bob)), (&[][..], &[anchor(crew)][..]));
    world.join(crew, ada).await;
    assert_eq!(follower.touched().await, [anchor(ada)]);
    assert_eq!(follower.member_of(ada), [anchor(crew)]);
    world.leave(crew, ada).await;
    assert_eq!(follower.touched().await, [anchor(ada)]);
    assert!(follower.member_of(ada).is_empty());
    world.join(other, ada).await;
    assert!(follower.touched().await.is_empty(), "nobody asks about this group");
}

/// Members of groups in the group count where the job's setting says so, as with assignments.
#[tokio::test]
async fn groups_in_the_group_count_where_groups_are_nested() {
    let world = World::new().await;
    let (ada, crew, inner) = (world.user("ada").await, world.group("crew").await, world.group("inner").await);
    world.join(inner, ada).await;
    let mut direct = Follower::new(world.source()).asking(&[anchor(crew)]);
    let mut nested = Follower::new(world.nested()).asking(&[anchor(crew)]);
    direct.catch_up().await;
    nested.catch_up().await;
    world.join(crew, inner).await;
    direct.catch_up().await;
    nested.catch_up().await;
    assert!(direct.member_of(ada).is_empty());
    assert_eq!(direct.member_of(inner), [anchor(crew)]);
    assert_eq!(nested.member_of(ada), [anchor(crew)]);
    world.leave(crew, inner).await;
    nested.catch_up().await;
    assert!(nested.member_of(ada).is_empty());
}

/// An object that is read alone tells its memberships too, under the text by which the filter names the group.
#[tokio::test]
async fn a_group_may_be_named_in_capitals() {
    let world = World::new().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    world.join(crew, ada).await;
    let capitals = Anchor::new(crew.to_string().to_uppercase());
    let mut selection = selections().remove(0);
    selection.groups = vec![capitals.clone()];
    let read = world.source().read(&selection, &anchor(ada)).await.unwrap().unwrap();
    assert_eq!(read.member_of, [capitals]);
}

#[tokio::test]
async fn a_group_that_goes_to_the_bin_has_no_members() {
    let world = World::new().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    world.join(crew, ada).await;
    let mut follower = Follower::new(world.everybody()).asking(&anchors(&[crew]));
    follower.catch_up().await;
    world.tenant.delete(directory::ObjectKind::Group, crew).await.unwrap();
    let changes = follower.catch_up().await;
    assert!(
        changes
            .iter()
            .any(|change| matches!(change, Change::Upsert(one) if one.object.anchor == anchor(ada)))
    );
    assert!(follower.member_of(ada).is_empty());
    world.tenant.restore(crew).await.unwrap();
    follower.catch_up().await;
    assert_eq!(follower.member_of(ada), anchors(&[crew]));
}

/// A group's name in the place of its id would make nobody a member, and end everybody's access.
#[tokio::test]
async fn what_is_no_id_is_refused() {
    let world = World::new().await;
    world.user("ada").await;
    let selection = Selection { kind: "User".into(), groups: vec!["Crew".into()], ..Selection::default() };
    let request = ChangeRequest { selections: &[selection], cursor: None, page_size: 10 };
    let error = world.source().changes(request).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Permanent);
    assert!(error.to_string().contains("'Crew'"), "{error}");
}
