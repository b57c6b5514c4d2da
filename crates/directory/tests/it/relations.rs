use directory::{DirectoryError, ObjectKind, RelationKind};
use model::Uuid;
use store::StoreError;

use crate::{World, is_absent, refused_for};

#[tokio::test]
async fn members_come_in_pages_and_know_their_groups() {
    let world = World::empty().await;
    let crew = world.group("crew").await;
    let mut people = Vec::new();
    for number in 0..7 {
        people.push(world.user(&format!("u{number}")).await);
    }
    world.tenant.relate(RelationKind::Member, crew, &people).await.unwrap();
    people.sort();
    let first = world.tenant.related(RelationKind::Member, crew, None, 4).await.unwrap();
    let rest = world.tenant.related(RelationKind::Member, crew, first.last().copied(), 4).await.unwrap();
    assert_eq!([first, rest].concat(), people);
    assert_eq!(world.tenant.relating(RelationKind::Member, people[0], None, 10).await.unwrap(), [crew]);

    world.tenant.change_members(crew, &[], &people[..6]).await.unwrap();
    assert_eq!(world.tenant.related(RelationKind::Member, crew, None, 10).await.unwrap(), people[6..]);
}

#[tokio::test]
async fn relations_that_make_no_sense_are_refused() {
    let world = World::empty().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    let nobody = Uuid::from_u128(9);
    let relate = async |kind, from, to| world.tenant.relate(kind, from, &[to]).await;
    assert_eq!(refused_for(relate(RelationKind::Member, crew, crew).await), "members");
    assert_eq!(refused_for(relate(RelationKind::Manager, ada, ada).await), "manager");
    assert_eq!(refused_for(relate(RelationKind::Manager, ada, crew).await), "manager");
    assert_eq!(refused_for(relate(RelationKind::Owner, crew, crew).await), "owners");
    assert_eq!(refused_for(relate(RelationKind::Member, ada, crew).await), "members");
    assert!(is_absent(&relate(RelationKind::Member, crew, nobody).await));
    assert!(is_absent(&relate(RelationKind::Member, nobody, ada).await));
    assert!(is_absent(&world.tenant.unrelate(RelationKind::Member, crew, &[ada]).await));
}

#[tokio::test]
async fn a_member_is_a_member_once_and_several_are_all_or_none() {
    let world = World::empty().await;
    let (ada, bob, crew) = (world.user("ada").await, world.user("bob").await, world.group("crew").await);
    world.tenant.relate(RelationKind::Member, crew, &[ada]).await.unwrap();
    let again = world.tenant.relate(RelationKind::Member, crew, &[bob, ada]).await;
    assert!(matches!(again, Err(DirectoryError::Store(StoreError::RelationExists { .. }))), "{again:?}");
    assert_eq!(world.tenant.related(RelationKind::Member, crew, None, 10).await.unwrap(), [ada]);
}

#[tokio::test]
async fn a_manager_takes_the_place_of_the_one_before() {
    let world = World::empty().await;
    let (ada, bob, cat) = (world.user("ada").await, world.user("bob").await, world.user("cat").await);
    for manager in [bob, cat, cat] {
        world.tenant.set_manager(ada, manager).await.unwrap();
    }
    assert_eq!(world.tenant.managers(&[ada, bob]).await.unwrap(), [(ada, cat)]);
    assert_eq!(world.tenant.relating(RelationKind::Manager, cat, None, 10).await.unwrap(), [ada]);
    world.tenant.remove_manager(ada).await.unwrap();
    assert!(world.tenant.manager(ada).await.unwrap().is_none());
    world.tenant.remove_manager(ada).await.unwrap();
}

#[tokio::test]
async fn groups_and_applications_have_owners() {
    let world = World::empty().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    let made = world.tenant.instantiate(directory::CUSTOM_APPLICATION_TEMPLATE, "Payroll").await.unwrap();
    for owned in [crew, made.application.id, made.service_principal.id] {
        world.tenant.relate(RelationKind::Owner, owned, &[ada]).await.unwrap();
        let owners = world.tenant.related(RelationKind::Owner, owned, None, 10).await.unwrap();
        assert_eq!(world.tenant.by_id(&owners).await.unwrap()[0].kind, ObjectKind::User);
    }
}
