use directory::{ChangeSubject, ObjectKind, Presence, RelationKind};
use model::SignedDuration;

use crate::{World, is_absent, refused_for, user};

#[tokio::test]
async fn a_user_comes_back_from_the_bin_with_memberships_and_manager() {
    let world = World::empty().await;
    let (ada, bob, crew) = (world.user("ada").await, world.user("bob").await, world.group("crew").await);
    world.tenant.relate(RelationKind::Member, crew, &[ada]).await.unwrap();
    world.tenant.relate(RelationKind::Manager, ada, &[bob]).await.unwrap();
    world.tenant.relate(RelationKind::Manager, bob, &[ada]).await.unwrap();
    world.tenant.delete(ObjectKind::User, ada).await.unwrap();
    assert!(world.tenant.get(ObjectKind::User, ada).await.unwrap().is_none());
    assert_eq!(
        world.tenant.deleted(ada).await.unwrap().unwrap().deleted,
        Some(model::Clock::now(&*world.clock))
    );
    assert!(world.tenant.related(RelationKind::Member, crew, None, 10).await.unwrap().is_empty());
    assert!(world.tenant.manager(bob).await.unwrap().is_none());

    let back = world.tenant.restore(ada).await.unwrap();
    assert_eq!((back.id, back.deleted), (ada, None));
    assert_eq!(world.tenant.related(RelationKind::Member, crew, None, 10).await.unwrap(), [ada]);
    assert_eq!(world.tenant.manager(bob).await.unwrap().unwrap().id, ada);
    assert_eq!(world.tenant.manager(ada).await.unwrap().unwrap().id, bob);
}

#[tokio::test]
async fn what_the_bin_hides_is_in_the_feed() {
    let world = World::empty().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    world.tenant.relate(RelationKind::Member, crew, &[ada]).await.unwrap();
    for (kind, id) in [(ObjectKind::User, ada), (ObjectKind::Group, crew)] {
        let (number, _) = world.tenant.change_range().await.unwrap();
        world.tenant.delete(kind, id).await.unwrap();
        let subjects = |entries: Vec<directory::ChangeEntry>| -> Vec<ChangeSubject> {
            entries.into_iter().map(|entry| entry.subject).collect()
        };
        let hidden = subjects(world.tenant.changes_after(number, 10).await.unwrap());
        assert!(hidden.contains(&ChangeSubject::Object { kind, id }), "{hidden:?}");
        assert!(hidden.contains(&ChangeSubject::MemberRemoved { group: crew, member: ada }), "{hidden:?}");

        let (number, _) = world.tenant.change_range().await.unwrap();
        world.tenant.restore(id).await.unwrap();
        let shown = subjects(world.tenant.changes_after(number, 10).await.unwrap());
        assert!(shown.contains(&ChangeSubject::Object { kind, id }), "{shown:?}");
        assert!(shown.contains(&ChangeSubject::MemberAdded { group: crew, member: ada }), "{shown:?}");
    }
}

#[tokio::test]
async fn a_name_in_the_bin_is_free_and_blocks_the_return_once_taken() {
    let world = World::empty().await;
    let old = world.user("ada").await;
    world.tenant.delete(ObjectKind::User, old).await.unwrap();
    let new = world.user("ada").await;
    assert_eq!(refused_for(world.tenant.restore(old).await), "userPrincipalName");
    world.tenant.delete(ObjectKind::User, new).await.unwrap();
    world.tenant.restore(old).await.unwrap();
}

#[tokio::test]
async fn only_what_is_in_the_bin_is_purged_or_restored() {
    let world = World::empty().await;
    let ada = world.user("ada").await;
    assert!(is_absent(&world.tenant.purge(ada).await));
    assert!(is_absent(&world.tenant.restore(ada).await));
    world.tenant.delete(ObjectKind::User, ada).await.unwrap();
    assert!(is_absent(&world.tenant.delete(ObjectKind::User, ada).await));
    world.tenant.purge(ada).await.unwrap();
    assert!(is_absent(&world.tenant.restore(ada).await));
    let last = world.tenant.changes_after(0, 100).await.unwrap().pop().unwrap();
    assert_eq!(last.subject, ChangeSubject::Purged { kind: ObjectKind::User, id: ada });
}

#[tokio::test]
async fn the_bin_is_emptied_of_what_is_old() {
    let world = World::empty().await;
    let month = SignedDuration::from_hours(24 * 30);
    for number in 0..450 {
        let id = world.user(&format!("old{number}")).await;
        world.tenant.delete(ObjectKind::User, id).await.unwrap();
    }
    let crew = world.group("crew").await;
    world.tenant.delete(ObjectKind::Group, crew).await.unwrap();
    world.pass(29);
    let young = world.user("young").await;
    world.tenant.delete(ObjectKind::User, young).await.unwrap();
    let living = world.tenant.create(ObjectKind::User, user("living")).await.unwrap();
    assert_eq!(world.all.purge_expired(month).await.unwrap(), 0);
    world.pass(1);
    assert_eq!(world.all.purge_expired(month).await.unwrap(), 451);
    assert_eq!(world.all.purge_expired(month).await.unwrap(), 0);
    assert_eq!(world.tenant.count(ObjectKind::User, Presence::Any, None).await.unwrap(), 2);
    assert!(world.tenant.deleted(young).await.unwrap().is_some());
    assert!(world.tenant.get(ObjectKind::User, living.id).await.unwrap().is_some());
}
