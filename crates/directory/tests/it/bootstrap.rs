use std::collections::BTreeSet;

use directory::{Bootstrapped, DirectoryError, GRAPH_APP_ID, ObjectKind, PERMISSIONS, Permission, Presence};
use model::Uuid;
use serde_json::json;

use crate::{TENANT, World, map, tenant};

async fn granted(world: &World, bootstrapped: &Bootstrapped) -> BTreeSet<&'static str> {
    let client = bootstrapped.client_principal.id;
    let assignments = world.tenant.assignments_of(client, None, 1_000).await.unwrap();
    assert!(assignments.iter().all(|assignment| assignment.resource == bootstrapped.graph.id));
    assignments.iter().map(|one| Permission::of_role(one.app_role).unwrap().value).collect()
}

#[tokio::test]
async fn the_first_client_holds_every_permission() {
    let world = World::without_tenant().world;
    let client_id = Uuid::from_u128(0xc11e);
    let made = world.all.bootstrap_tenant(tenant(), Some(client_id)).await.unwrap();
    assert_eq!(made.graph.text("appId"), Some(GRAPH_APP_ID));
    assert_eq!(made.client.text("appId"), Some(client_id.to_string().as_str()));
    assert_eq!(granted(&world, &made).await, PERMISSIONS.iter().map(|one| one.value).collect());
    assert!(
        world
            .tenant
            .delete(ObjectKind::ServicePrincipal, made.graph.id)
            .await
            .is_err_and(|error| { matches!(error, DirectoryError::Protected(_)) })
    );
    // Who could rename a permission could give itself another one.
    let changes = map(json!({"appRoles": [], "accountEnabled": false}));
    let changed = world.tenant.patch(ObjectKind::ServicePrincipal, made.graph.id, None, changes).await;
    assert!(changed.is_err_and(|error| matches!(error, DirectoryError::Protected(_))));
}

#[tokio::test]
async fn a_second_start_changes_nothing() {
    let world = World::without_tenant().world;
    let first = world.all.bootstrap_tenant(tenant(), None).await.unwrap();
    let feed = world.tenant.change_range().await.unwrap();
    assert_eq!(world.all.bootstrap_tenant(tenant(), None).await.unwrap(), first);
    assert_eq!(world.tenant.change_range().await.unwrap(), feed);
    assert_eq!(world.tenant.count(ObjectKind::Application, Presence::Any, None).await.unwrap(), 1);
    assert_eq!(world.tenant.tenant(), TENANT);
}

#[tokio::test]
async fn a_newer_version_adds_its_permissions() {
    let world = World::without_tenant().world;
    let first = world.all.bootstrap_tenant(tenant(), None).await.unwrap();
    // As an older version left it: one permission fewer.
    let last = PERMISSIONS.last().unwrap();
    let older: Vec<_> = PERMISSIONS.iter().take(PERMISSIONS.len() - 1).map(Permission::app_role).collect();
    let change = |properties: &mut serde_json::Map<String, serde_json::Value>| {
        properties.insert("appRoles".to_owned(), json!(older));
        Ok(())
    };
    world.tenant.modify(ObjectKind::ServicePrincipal, first.graph.id, None, change).await.unwrap();
    let held = world.tenant.assignments_of(first.client_principal.id, None, 1_000).await.unwrap();
    let newest = held.iter().find(|assignment| assignment.app_role == last.id).unwrap();
    world.tenant.unassign(newest.id).await.unwrap();
    assert!(!granted(&world, &first).await.contains(last.value));

    let second = world.all.bootstrap_tenant(tenant(), None).await.unwrap();
    assert!(granted(&world, &second).await.contains(last.value));
    assert_eq!(directory::app_roles(&second.graph).len(), PERMISSIONS.len());
}
