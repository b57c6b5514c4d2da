use connector::{Entitlement, Source as _};
use directory::{ObjectKind, app_roles};
use model::{Anchor, Uuid};
use serde_json::json;

use crate::world::{Follower, MSIAM_ROLE, World, anchor, anchors};

/// Sorted, as `touched` answers.
fn sorted(ids: &[Uuid]) -> Vec<model::Anchor> {
    let mut anchors = anchors(ids);
    anchors.sort();
    anchors
}

#[tokio::test]
async fn an_assignment_touches_its_principal_and_nobody_else() {
    let world = World::new().await;
    let (ada, _bob) = (world.user("ada").await, world.user("bob").await);
    let mut follower = Follower::ready(world.source()).await;
    assert!(!follower.entitled(ada));
    let assignment = world.assign(ada).await;
    assert_eq!(follower.touched().await, [anchor(ada)]);
    assert!(follower.entitled(ada));
    world.unassign(assignment).await;
    assert_eq!(follower.touched().await, [anchor(ada)]);
    assert!(!follower.entitled(ada));
}

#[tokio::test]
async fn an_assigned_group_is_expanded_over_pages() {
    let world = World::new().await;
    let (crowd, members) = world.crowd("crowd", 10_000).await;
    let mut follower = Follower::ready(world.source()).await.pages_of(500);
    let everyone = sorted(&[members.clone(), vec![crowd]].concat());
    let assignment = world.assign(crowd).await;
    assert_eq!(follower.touched().await, everyone);
    assert!(members.iter().all(|member| follower.entitled(*member)));
    assert!(follower.cursor.as_ref().unwrap().0.len() < 300, "{:?}", follower.cursor);
    world.unassign(assignment).await;
    assert_eq!(follower.touched().await, everyone);
    assert!(members.iter().all(|member| !follower.entitled(*member)));
    assert!(follower.catch_up().await.is_empty());
}

#[tokio::test]
async fn membership_of_an_assigned_group_touches_the_member() {
    let world = World::new().await;
    let (ada, bob, crew) = (world.user("ada").await, world.user("bob").await, world.group("crew").await);
    world.join(crew, bob).await;
    world.assign(crew).await;
    let mut follower = Follower::ready(world.source()).await;
    world.join(crew, ada).await;
    assert_eq!(follower.touched().await, [anchor(ada)]);
    assert!(follower.entitled(ada));
    world.leave(crew, ada).await;
    assert_eq!(follower.touched().await, [anchor(ada)]);
    assert!(!follower.entitled(ada) && follower.entitled(bob));
}

/// Whoever leaves a group that is unassigned at about the same time loses the right all the same.
#[tokio::test]
async fn leaving_around_the_end_of_an_assignment_is_not_lost() {
    for (page_size, leave_first) in [(100, true), (100, false), (2, true), (2, false), (1, true), (1, false)]
    {
        let world = World::new().await;
        let (crew, members) = world.crowd("crew", 6).await;
        let assignment = world.assign(crew).await;
        let mut follower = Follower::ready(world.source()).await.pages_of(page_size);
        assert!(members.iter().all(|member| follower.entitled(*member)));
        if leave_first {
            world.leave(crew, members[0]).await;
            world.rename(members[5], "In between").await;
        }
        world.unassign(assignment).await;
        if !leave_first {
            world.rename(members[5], "In between").await;
            world.leave(crew, members[0]).await;
        }
        // Another one leaves while the group is expanded.
        follower.page().await;
        world.leave(crew, members[4]).await;
        follower.catch_up().await;
        follower.catch_up().await;
        let entitled: Vec<_> = members.iter().filter(|member| follower.entitled(**member)).collect();
        assert!(entitled.is_empty(), "pages of {page_size}, left first: {leave_first}: {entitled:?}");
    }
}

#[tokio::test]
async fn the_bin_takes_and_gives_the_right_of_a_groups_members() {
    let world = World::new().await;
    let (crew, members) = world.crowd("crew", 250).await;
    world.assign(crew).await;
    let mut follower = Follower::ready(world.source()).await;
    for (binned, entitled) in [(true, false), (false, true)] {
        if binned {
            world.tenant.delete(ObjectKind::Group, crew).await.unwrap();
        } else {
            world.tenant.restore(crew).await.unwrap();
        }
        follower.catch_up().await;
        assert!(members.iter().all(|member| follower.entitled(*member) == entitled), "binned: {binned}");
    }
    world.tenant.delete(ObjectKind::Group, crew).await.unwrap();
    world.tenant.purge(crew).await.unwrap();
    follower.catch_up().await;
    assert!(members.iter().all(|member| !follower.entitled(*member)));
}

#[tokio::test]
async fn nested_groups_count_only_where_they_are_asked_for() {
    let world = World::new().await;
    let (inner, people) = world.crowd("inner", 5).await;
    let (outer, middle) = (world.group("outer").await, world.group("middle").await);
    world.join(middle, inner).await;
    // A circle must not be followed for ever.
    world.join(inner, middle).await;
    let mut flat = Follower::ready(world.source()).await;
    let mut nested = Follower::ready(world.nested()).await.pages_of(3);
    world.assign(outer).await;
    world.join(outer, middle).await;
    assert_eq!(flat.touched().await, sorted(&[outer, middle]));
    nested.catch_up().await;
    for person in &people {
        assert!(nested.entitled(*person) && !flat.entitled(*person));
    }
    assert!(flat.entitled(middle) && !flat.entitled(inner) && nested.entitled(inner));

    world.leave(outer, middle).await;
    world.leave(inner, people[0]).await;
    nested.catch_up().await;
    assert!(people.iter().all(|person| !nested.entitled(*person)));
}

#[tokio::test]
async fn without_nesting_a_group_in_an_assigned_group_gives_nothing() {
    let world = World::new().await;
    let (ada, outer, inner) =
        (world.user("ada").await, world.group("outer").await, world.group("inner").await);
    world.assign(outer).await;
    world.join(outer, inner).await;
    let mut follower = Follower::ready(world.source()).await;
    assert!(follower.entitled(inner));
    world.join(inner, ada).await;
    assert!(follower.touched().await.is_empty());
    world.leave(inner, ada).await;
    assert!(follower.touched().await.is_empty());
}

#[tokio::test]
async fn roles_come_from_assignments_and_groups() {
    let world = World::new().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    world.join(crew, ada).await;
    world.assign(ada).await;
    let mut follower = Follower::ready(world.source()).await;
    assert_eq!(follower.roles(ada), ["User"]);
    let second = world.tenant.assign(world.principal, crew, MSIAM_ROLE).await.unwrap();
    follower.catch_up().await;
    assert_eq!(follower.roles(ada), ["User", "msiam_access"]);
    world.unassign(second.id).await;
    follower.catch_up().await;
    assert_eq!(follower.roles(ada), ["User"]);
}

#[tokio::test]
async fn a_renamed_role_touches_who_has_it() {
    let world = World::new().await;
    let (crowd, members) = world.crowd("crowd", 10).await;
    let (ada, _stranger) = (world.user("ada").await, world.user("stranger").await);
    world.assign(crowd).await;
    world.assign(ada).await;
    let mut follower = Follower::ready(world.source()).await.pages_of(4);
    let principal = world.tenant.require(ObjectKind::ServicePrincipal, world.principal).await.unwrap();
    world.patch(ObjectKind::ServicePrincipal, world.principal, json!({"notes": "x"})).await;
    assert!(follower.touched().await.is_empty());

    let mut roles = app_roles(&principal).to_vec();
    roles[0]["displayName"] = "Reader".into();
    roles[0]["value"] = "read".into();
    world.patch(ObjectKind::Application, world.application, json!({"appRoles": roles})).await;
    assert_eq!(follower.touched().await, sorted(&[members.clone(), vec![crowd, ada]].concat()));
    assert_eq!(follower.roles(ada), ["Reader"]);
    let id = roles[0]["id"].as_str().unwrap();
    let text = format!("{{\"id\":\"{id}\",\"value\":\"read\",\"displayName\":\"Reader\"}}");
    assert_eq!(follower.role_texts(members[3]), [text]);
}

#[tokio::test]
async fn the_paths_of_an_entitlement_are_told() {
    let world = World::new().await;
    let person = world.user("ada").await;
    let (inner, outer) = (world.group("inner").await, world.group("outer").await);
    world.join(inner, person).await;
    world.join(outer, inner).await;
    world.assign(outer).await;
    let told = async |nested: bool| {
        let source = if nested { world.nested() } else { world.source() };
        source.entitled_by(&"User".into(), &Anchor::new(person.to_string())).await.unwrap()
    };
    assert_eq!(told(false).await, []);
    let path = Entitlement::Group {
        anchor: Anchor::new(outer.to_string()),
        name: Some("outer".into()),
        nested: true,
    };
    assert_eq!(told(true).await, std::slice::from_ref(&path));
    world.assign(person).await;
    assert_eq!(told(true).await, [Entitlement::Assigned, path]);
    world.assign(inner).await;
    assert_eq!(told(false).await.len(), 2, "directly, and by the group");
}
