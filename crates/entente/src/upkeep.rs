//! What is forgotten after a while: old records of the provisioning log, and objects that stayed in the bin.

use std::sync::Arc;
use std::time::Duration;

use directory::Directory;
use model::{Clock, SignedDuration};
use store::SharedStore;
use tokio::task::AbortHandle;

/// Between two rounds. The first is made at the start.
const INTERVAL: Duration = Duration::from_hours(1);

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
    clock: Arc<dyn Clock>,
    retention: Retention,
) -> AbortHandle {
    let task = tokio::spawn(async move {
        let mut rounds = tokio::time::interval(INTERVAL);
        loop {
            rounds.tick().await;
            round(&store, &directory, &*clock, retention).await;
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
}
