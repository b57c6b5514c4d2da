use std::sync::atomic::{AtomicUsize, Ordering};

use directory::{
    Changed, Comparison, DirectoryError, ListQuery, NewObject, ObjectKind, Predicate, Presence, Relation,
    RelationKind,
};
use model::{JobId, Uuid};
use serde_json::json;
use store::StoreError;
use tokio::sync::broadcast::error::TryRecvError;

use crate::{TENANT, World, group, is_absent, map, refused_for, user};

#[tokio::test]
async fn a_user_is_found_by_id_and_by_principal_name_in_any_case() {
    let world = World::empty().await;
    let id = world.user("ada").await;
    for key in [id.to_string(), "ada@example.com".to_owned(), "ADA@Example.COM".to_owned()] {
        let found = world.tenant.find(ObjectKind::User, &key).await.unwrap().unwrap();
        assert_eq!(found.id, id, "{key}");
    }
    assert!(world.tenant.find(ObjectKind::User, "bob@example.com").await.unwrap().is_none());
    assert!(world.tenant.find(ObjectKind::Group, &id.to_string()).await.unwrap().is_none());
}

#[tokio::test]
async fn principal_names_are_unique_without_regard_to_case() {
    let world = World::empty().await;
    world.user("ada").await;
    let second = world.tenant.create(ObjectKind::User, user("ADA")).await;
    assert_eq!(refused_for(second), "userPrincipalName");
    let bob = world.user("bob").await;
    let change = map(json!({"userPrincipalName": "Ada@example.com"}));
    assert_eq!(
        refused_for(world.tenant.patch(ObjectKind::User, bob, None, change).await),
        "userPrincipalName"
    );
    assert_eq!(world.read(ObjectKind::User, bob).await.text("userPrincipalName"), Some("bob@example.com"));
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let world = World::empty().await;
    for (kind, properties, name) in [
        (ObjectKind::User, user("ada"), "accountEnabled"),
        (ObjectKind::User, user("ada"), "mailNickname"),
        (ObjectKind::Group, group("crew"), "securityEnabled"),
        (ObjectKind::Group, group("crew"), "displayName"),
    ] {
        let mut properties = properties;
        properties.remove(name);
        assert_eq!(refused_for(world.tenant.create(kind, properties).await), name);
    }
    assert_eq!(world.tenant.count(ObjectKind::User, Presence::Any, None).await.unwrap(), 0);
}

#[tokio::test]
async fn a_patch_merges_removes_and_moves_the_version() {
    let world = World::empty().await;
    let id = world.user("ada").await;
    let first = json!({"department": "Sales", "employeeOrgData": {"costCenter": "1", "division": "North"}});
    let before = world.tenant.patch(ObjectKind::User, id, None, map(first)).await.unwrap();
    let second = json!({"department": null, "employeeOrgData": {"costCenter": "2"}});
    let after = world.tenant.patch(ObjectKind::User, id, Some(before.version), map(second)).await.unwrap();
    assert!(after.version > before.version);
    assert_eq!(after.properties.get("department"), None);
    assert_eq!(after.properties["employeeOrgData"], json!({"costCenter": "2", "division": "North"}));
    assert_eq!(after, world.read(ObjectKind::User, id).await);
}

#[tokio::test]
async fn updates_at_the_same_moment_all_succeed() {
    let world = World::empty().await;
    let id = world.user("ada").await;
    let mut updates = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (tenant, change) = (world.tenant.clone(), map(json!({"city": number.to_string()})));
        updates.spawn(async move { tenant.patch(ObjectKind::User, id, None, change).await.map(drop) });
    }
    let refused: Vec<_> = updates.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(refused.is_empty(), "nobody asked for a version: {refused:?}");
    assert_eq!(world.read(ObjectKind::User, id).await.version, 65);
}

#[tokio::test]
async fn an_update_of_an_older_version_is_refused() {
    let world = World::empty().await;
    let id = world.user("ada").await;
    let old = world.read(ObjectKind::User, id).await.version;
    world.tenant.patch(ObjectKind::User, id, None, map(json!({"city": "York"}))).await.unwrap();
    let late = world.tenant.patch(ObjectKind::User, id, Some(old), map(json!({"city": "Bath"}))).await;
    assert!(matches!(late, Err(DirectoryError::Store(StoreError::VersionMismatch))), "{late:?}");
    assert_eq!(world.read(ObjectKind::User, id).await.text("city"), Some("York"));
}

#[tokio::test]
async fn an_update_is_computed_anew_when_somebody_wrote_in_between() {
    let world = World::empty().await;
    let id = world.user("ada").await;
    let calls = AtomicUsize::new(0);
    // The first computation lets another write go by before it returns.
    let outcome = world.tenant.modify(ObjectKind::User, id, None, |properties| {
        if calls.fetch_add(1, Ordering::Relaxed) == 0 {
            let other = world.all.of(TENANT);
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    let change = map(json!({"city": "York"}));
                    runtime.block_on(other.patch(ObjectKind::User, id, None, change)).unwrap();
                });
            });
        }
        properties.insert("jobTitle".to_owned(), "Analyst".into());
        Ok(())
    });
    let after = outcome.await.unwrap();
    assert_eq!((after.text("city"), after.text("jobTitle")), (Some("York"), Some("Analyst")));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_update_that_changes_nothing_leaves_no_trace() {
    let world = World::empty().await;
    let id = world.user("ada").await;
    let before = (world.read(ObjectKind::User, id).await, world.tenant.change_range().await.unwrap());
    world.tenant.patch(ObjectKind::User, id, None, map(json!({"displayName": "ada"}))).await.unwrap();
    assert_eq!((world.read(ObjectKind::User, id).await, world.tenant.change_range().await.unwrap()), before);
}

#[tokio::test]
async fn pages_go_by_rising_id_and_predicates_choose() {
    let world = World::empty().await;
    for name in ["ada", "bob", "cat", "dan", "eve"] {
        world.user(name).await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let query =
            ListQuery { kind: ObjectKind::User, presence: Presence::Live, predicate: None, after, limit: 2 };
        let page = world.tenant.list(query).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.into_iter().map(|object| object.id));
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted());
    let begins = Predicate::Compare("displayName".into(), Comparison::StartsWith, "D".into());
    assert_eq!(world.tenant.count(ObjectKind::User, Presence::Live, Some(begins)).await.unwrap(), 1);
}

#[tokio::test]
async fn an_import_is_one_transaction_with_its_relations() {
    let world = World::empty().await;
    let people = 3_000;
    let id = |number: usize| Uuid::from_u128(0x1000 + number as u128);
    let new = |kind, number, properties| NewObject { kind, id: Some(id(number)), properties };
    let mut objects: Vec<_> =
        (0..people).map(|number| new(ObjectKind::User, number, user(&format!("u{number}")))).collect();
    objects.push(new(ObjectKind::Group, people, group("all")));
    let member = |number| Relation { kind: RelationKind::Member, from: id(people), to: id(number) };
    let boss = |number| Relation { kind: RelationKind::Manager, from: id(number), to: id(0) };
    let relations: Vec<_> = (0..people).map(member).chain((1..people).map(boss)).collect();
    let made = world.tenant.import(objects, relations).await.unwrap();
    assert_eq!(made.len(), people + 1);
    assert_eq!(world.tenant.count(ObjectKind::User, Presence::Live, None).await.unwrap(), people as u64);
    let page = world.tenant.related(RelationKind::Member, id(people), None, people * 2).await.unwrap();
    assert_eq!(page.len(), people);
    assert_eq!(world.tenant.manager(id(7)).await.unwrap().unwrap().id, id(0));

    let clash = vec![
        NewObject { kind: ObjectKind::User, id: None, properties: user("fresh") },
        NewObject { kind: ObjectKind::User, id: None, properties: user("u5") },
    ];
    assert_eq!(refused_for(world.tenant.import(clash, Vec::new()).await), "userPrincipalName");
    assert!(world.tenant.find(ObjectKind::User, "fresh@example.com").await.unwrap().is_none());
    let stray = Relation { kind: RelationKind::Manager, from: id(1), to: Uuid::from_u128(1) };
    assert!(is_absent(&world.tenant.import(Vec::new(), vec![stray]).await));
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let world = World::empty().await;
    let id = world.user("ada").await;
    let mut second = crate::tenant();
    second.id = model::TenantId(Uuid::from_u128(2));
    world.all.bootstrap_tenant(second.clone(), None).await.unwrap();
    let other = world.all.of(second.id);
    assert!(other.find(ObjectKind::User, "ada@example.com").await.unwrap().is_none());
    assert!(is_absent(&other.patch(ObjectKind::User, id, None, map(json!({"city": "York"}))).await));
    assert!(is_absent(&other.delete(ObjectKind::User, id).await));
    other.create(ObjectKind::User, user("ada")).await.unwrap();
}

#[tokio::test]
async fn every_committed_write_is_told_and_no_other() {
    let world = World::empty().await;
    let mut notices = world.all.subscribe();
    let id = world.user("ada").await;
    assert_eq!(notices.try_recv().unwrap(), Changed { tenant: TENANT, origin: None });

    let job = JobId::from_text("scim.t.1");
    let by_job = world.tenant.clone().by_job(job.clone());
    by_job.patch(ObjectKind::User, id, None, map(json!({"city": "York"}))).await.unwrap();
    assert_eq!(notices.try_recv().unwrap(), Changed { tenant: TENANT, origin: Some(job.clone()) });
    let (newest, _) = world.tenant.change_range().await.unwrap();
    let entries = world.tenant.changes_after(newest - 1, 10).await.unwrap();
    assert_eq!(entries.last().unwrap().origin, Some(job));

    assert_eq!(refused_for(world.tenant.create(ObjectKind::User, user("ada")).await), "userPrincipalName");
    world.tenant.patch(ObjectKind::User, id, None, map(json!({"city": "York"}))).await.unwrap();
    assert_eq!(notices.try_recv(), Err(TryRecvError::Empty));
}
