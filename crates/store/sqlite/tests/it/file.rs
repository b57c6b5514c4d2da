//! The file: opened again, refused, shared by many callers.

use std::sync::Arc;

use rusqlite::Connection;
use store::{Commit, ConnectorDataStore as _, SharedStore, StoreError, TenantStore as _};
use store_sqlite::SqliteStore;
use testkit::store_suite::{Fixture, linked};

#[tokio::test]
async fn what_was_written_is_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("entente.db");
    let store: SharedStore = Arc::new(SqliteStore::open(&path).expect("made"));
    let fixture = Fixture::new(Arc::clone(&store)).await;
    fixture.commit_entries(vec![linked("rule", "s", "t")]).await;
    let (job, tenant) = (fixture.job.clone(), fixture.tenant);
    drop((store, fixture));
    assert!(!folder.path().join("entente.db-wal").exists(), "closing leaves one file");

    let store = SqliteStore::open(&path).expect("opened");
    assert_eq!(store.entries(&job, &["s".into()]).await.expect("read"), [linked("rule", "s", "t")]);
    assert!(store.tenant(tenant).await.expect("read").is_some());
}

/// So many that they are not sorted in memory.
#[tokio::test]
async fn a_source_that_lost_nearly_all_is_paged() {
    let store: SharedStore = Arc::new(SqliteStore::open_temporary().expect("made"));
    let fixture = Fixture::new(Arc::clone(&store)).await;
    let names: Vec<String> = (0..10_100).map(|number| format!("{:05}", number * 7 % 10_100)).collect();
    fixture.commit_entries(names.iter().map(|name| linked("rule", name, name)).collect()).await;
    let seen = vec![("rule".into(), "00001".into())];
    fixture.commit(Commit { seen, generation: 1, ..Commit::default() }).await;
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let page = store.unseen(&fixture.job, 1, after, 3_000).await.expect("read");
        let Some(last) = page.last() else { break };
        after = Some((last.rule.clone(), last.source.clone()));
        read.extend(page.into_iter().map(|entry| entry.source.to_string()));
    }
    let mut expected = names;
    expected.sort();
    expected.remove(1);
    assert_eq!(read, expected);
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("entente.db");
    drop(SqliteStore::open(&path).expect("made"));
    let connection = Connection::open(&path).expect("opened");
    connection.pragma_update(None, "user_version", 4_000).expect("written");
    drop(connection);
    let before = std::fs::read(&path).expect("read");
    let refused = SqliteStore::open(&path);
    assert!(matches!(refused, Err(StoreError::TooNew { found: 4_000, known: 1 })), "{refused:?}");
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("entente.db");
    let text = "important notes, and no database at all. ".repeat(100);
    std::fs::write(&path, &text).expect("written");
    let refused = SqliteStore::open(&path);
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
    let nowhere = SqliteStore::open(&folder.path().join("missing").join("entente.db"));
    assert!(matches!(nowhere, Err(StoreError::Unavailable(_))), "{nowhere:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_at_once_all_get_their_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let store: SharedStore = Arc::new(SqliteStore::open(&folder.path().join("entente.db")).expect("made"));
    let fixture = Fixture::new(Arc::clone(&store)).await;
    let callers = (0..64).map(|caller| {
        let (store, job) = (Arc::clone(&store), fixture.job.clone());
        tokio::spawn(async move {
            for round in 0..10 {
                let source = format!("{caller}/{round}");
                let entries = vec![linked("rule", &source, &source)];
                let commit = Commit { entries, ..Commit::default() };
                store.commit(&job, commit).await.expect("written");
                let read = store.entries(&job, &[source.as_str().into()]).await.expect("read");
                assert_eq!(read.len(), 1, "what was answered can be read");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no caller panicked");
    }
    assert_eq!(store.links(&fixture.job, None, 1_000).await.expect("read").len(), 640);
}

#[tokio::test]
async fn a_store_that_is_dropped_finishes_what_was_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("entente.db");
    let store = Arc::new(SqliteStore::open(&path).expect("made"));
    let fixture = Fixture::new(store.clone()).await;
    let job = fixture.job.clone();
    drop(fixture);
    {
        // Asked, and then no longer waited for.
        let commit = Commit { entries: vec![linked("rule", "s", "t")], ..Commit::default() };
        let mut asked = store.commit(&job, commit);
        let _ = futures::poll!(&mut asked);
    }
    drop(store);
    let store = SqliteStore::open(&path).expect("opened");
    assert_eq!(store.links(&job, None, 10).await.expect("read").len(), 1);
}
