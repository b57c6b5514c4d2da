//! The embedded directory on a real store.
#![expect(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod applications;
mod bin;
mod bootstrap;
mod objects;
mod relations;

use std::sync::Arc;

use directory::{Directory, DirectoryError, DirectoryObject, ObjectKind, TenantDirectory};
use model::{Name, SignedDuration, TenantId, Uuid};
use serde_json::{Map, Value as Json, json};
use store::{SharedStore, StoreError, Tenant};
use store_sqlite::SqliteStore;
use testkit::{SeededEntropy, SimulatedClock};

/// A directory of one tenant on an empty store.
struct World {
    all: Directory,
    tenant: TenantDirectory,
    clock: Arc<SimulatedClock>,
}

const TENANT: TenantId = TenantId(Uuid::from_u128(0x7e4a));

fn tenant() -> Tenant {
    Tenant {
        id: TENANT,
        display_name: "Example".to_owned(),
        domain: "example.com".to_owned(),
        created: "2026-01-01T00:00:00Z".parse().expect("a moment"),
    }
}

impl World {
    /// A tenant that has nothing.
    async fn empty() -> Self {
        let world = Self::without_tenant();
        let store = world.store.clone();
        store.create_tenant(tenant()).await.expect("the tenant is made");
        world.world
    }

    fn without_tenant() -> Bare {
        let store: SharedStore = Arc::new(SqliteStore::open_temporary().expect("a store"));
        let clock = Arc::new(SimulatedClock::default());
        let all = Directory::new(store.clone(), clock.clone(), Arc::new(SeededEntropy::new(1)));
        let tenant = all.of(TENANT);
        Bare { store, world: Self { all, tenant, clock } }
    }

    async fn user(&self, name: &str) -> Uuid {
        self.tenant.create(ObjectKind::User, user(name)).await.expect("the user is made").id
    }

    async fn group(&self, name: &str) -> Uuid {
        self.tenant.create(ObjectKind::Group, group(name)).await.expect("the group is made").id
    }

    async fn read(&self, kind: ObjectKind, id: Uuid) -> DirectoryObject {
        self.tenant.require(kind, id).await.expect("the object is there")
    }

    fn pass(&self, days: i64) {
        self.clock.advance(SignedDuration::from_hours(24 * days));
    }
}

struct Bare {
    store: SharedStore,
    world: World,
}

fn map(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn user(name: &str) -> Map<String, Json> {
    map(json!({
        "displayName": name, "userPrincipalName": format!("{name}@example.com"), "mailNickname": name,
        "accountEnabled": true
    }))
}

fn group(name: &str) -> Map<String, Json> {
    map(json!({"displayName": name, "mailNickname": name, "mailEnabled": false, "securityEnabled": true}))
}

/// The property that a write was refused for.
fn refused_for<T: std::fmt::Debug>(outcome: Result<T, DirectoryError>) -> Name {
    match outcome {
        Err(
            DirectoryError::Invalid { property, .. }
            | DirectoryError::Store(StoreError::Duplicate { property, .. }),
        ) => property,
        other => panic!("a property should have been refused: {other:?}"),
    }
}

fn is_absent<T>(outcome: &Result<T, DirectoryError>) -> bool {
    matches!(
        outcome,
        Err(DirectoryError::NotFound { .. } | DirectoryError::Store(StoreError::NotFound { .. }))
    )
}
