//! What is forgotten after a while: old records of the provisioning log, objects that stayed in the bin, and changes of
//! the directory that every job has taken up.

use std::sync::Arc;
use std::time::Duration;

use connector_directory::feed_number;
use directory::Directory;
use engine::Engine;
use model::{Clock, SignedDuration, TenantId, Timestamp};
use store::SharedStore;
use tokio::task::AbortHandle;

/// Between two rounds. The first is made at the start.
const INTERVAL: Duration = Duration::from_hours(1);

/// Changes that every job has taken up are kept for so long, for whoever else follows the directory.
const CHANGES: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Records of the provisioning log.
    pub(crate) provisioning_log: SignedDuration,
    /// Objects in the bin.
    pub(crate) deleted_items: SignedDuration,
}

impl Default for Retention {
    /// 30 days each.
    fn default() -> Self {
        let month = SignedDuration::from_hours(24 * 30);
        Self { provisioning_log: month, deleted_items: month }
    }
}

/// Starts the rounds.
pub(crate) fn start(
    store: SharedStore,
    directory: Directory,
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    retention: Retention,
) -> AbortHandle {
    let task = tokio::spawn(async move {
        let mut rounds = tokio::time::interval(INTERVAL);
        loop {
            rounds.tick().await;
            round(&store, &directory, &*clock, retention).await;
            trim_feeds(&store, &engine, &*clock).await;
        }
    });
    task.abort_handle()
}

/// One round. What fails is tried again in the next.
async fn round(store: &SharedStore, directory: &Directory, clock: &dyn Clock, retention: Retention) {
    if let Ok(before) = clock.now().checked_sub(retention.provisioning_log) {
        match store.prune_provisioning(before).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "forgot old records of the provisioning log"),
            Err(error) => tracing::warn!(%error, "old records of the provisioning log were not removed"),
        }
    }
    match directory.purge_expired(retention.deleted_items).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "removed objects that stayed in the bin"),
        Err(error) => tracing::warn!(%error, "objects that stayed in the bin were not removed"),
    }
}

/// Trims the change feed of every tenant. What fails is tried again in the next round.
async fn trim_feeds(store: &SharedStore, engine: &Engine, clock: &dyn Clock) {
    let trim = async || {
        for tenant in store.tenants().await? {
            let cursors = engine.cursors(tenant.id).await?;
            trim_feed(store, tenant.id, &cursors, clock.now()).await?;
        }
        Ok::<_, store::StoreError>(())
    };
    if let Err(error) = trim().await {
        tracing::warn!(%error, "old changes of the directory were not removed");
    }
}

/// Removes what is passed by all of these cursors, as far as they are of the embedded directory, and old.
async fn trim_feed(
    store: &SharedStore,
    tenant: TenantId,
    cursors: &[String],
    now: Timestamp,
) -> store::Result<()> {
    store.mark_changes(tenant, now).await?;
    let passed = cursors.iter().filter_map(|cursor| feed_number(cursor)).min().unwrap_or(u64::MAX);
    let Ok(before) = now.checked_sub(CHANGES) else { return Ok(()) };
    let count = store.trim_changes(tenant, passed, before).await?;
    if count > 0 {
        tracing::info!(%tenant, count, "forgot old changes of the directory");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use directory::ObjectKind;
    use model::{SystemEntropy, TenantId, Timestamp, Uuid};
    use serde_json::json;
    use store::{Presence, Tenant};
    use store_sqlite::SqliteStore;

    use super::*;

    /// A clock that shows what it was told.
    struct Told(Mutex<Timestamp>);

    impl Clock for Told {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    #[tokio::test]
    async fn the_bin_is_emptied_after_its_time_and_not_before() {
        let store: SharedStore = Arc::new(SqliteStore::open_temporary().unwrap());
        let begin: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
        let clock = Arc::new(Told(Mutex::new(begin)));
        let directory = Directory::new(store.clone(), clock.clone(), Arc::new(SystemEntropy));
        let id = TenantId(Uuid::from_u128(1));
        let tenant = Tenant { id, display_name: "T".into(), domain: "t.example".into(), created: begin };
        store.create_tenant(tenant).await.unwrap();
        let tenant = directory.of(id);
        let serde_json::Value::Object(properties) = json!({
            "accountEnabled": true, "displayName": "A", "mailNickname": "a", "userPrincipalName": "a@t.example",
        }) else {
            panic!("properties are an object")
        };
        let kind = ObjectKind::User;
        let made = tenant.create(kind, properties).await.unwrap();
        tenant.delete(kind, made.id).await.unwrap();
        for (days, kept) in [(29, true), (31, false)] {
            *clock.0.lock().unwrap() = begin + SignedDuration::from_hours(24 * days);
            round(&store, &directory, &*clock, Retention::default()).await;
            let found = tenant.get_among(Presence::Any, kind, made.id).await.unwrap();
            assert_eq!(found.is_some(), kept, "after {days} days");
        }
    }

    #[tokio::test]
    async fn changes_go_when_they_are_old_and_every_job_has_taken_them_up() {
        let store: SharedStore = Arc::new(SqliteStore::open_temporary().unwrap());
        let begin: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
        let id = TenantId(Uuid::from_u128(1));
        let tenant = Tenant { id, display_name: "T".into(), domain: "t.example".into(), created: begin };
        store.create_tenant(tenant).await.unwrap();
        let clock = Arc::new(Told(Mutex::new(begin)));
        let directory = Directory::new(store.clone(), clock, Arc::new(SystemEntropy)).of(id);
        for number in 0..5 {
            let name = json!({
                "accountEnabled": true, "displayName": "A", "mailNickname": "a",
                "userPrincipalName": format!("a{number}@t.example"),
            });
            directory.create(ObjectKind::User, name.as_object().unwrap().clone()).await.unwrap();
        }
        let (newest, _) = directory.change_range().await.unwrap();
        let cursor = |number: u64| json!({ "number": number, "basis": "", "roles": 0 }).to_string();
        let floor = async |days: i64, cursors: &[String]| {
            trim_feed(&store, id, cursors, begin + SignedDuration::from_hours(24 * days)).await.unwrap();
            directory.change_range().await.unwrap().1
        };
        let behind = [cursor(newest), "of another source".to_owned(), cursor(newest - 2)];
        assert_eq!(floor(0, &behind).await, 0);
        assert_eq!(floor(29, &behind).await, 0, "not old");
        assert_eq!(floor(31, &behind).await, newest - 2, "a job is behind");
        assert_eq!(floor(31, &[cursor(newest)]).await, newest);
    }
}
