//! A process that is killed in the middle of its writes leaves whole commits, and every one that it was told of.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use model::provisioning::ProvisioningRecord;
use model::{Entropy as _, JobId, SystemEntropy, TenantId};
use rusqlite::Connection;
use store::{
    Commit, ConnectorDataStore as _, DirectoryObject, DirectoryStore as _, DirectoryWrite, ListQuery,
    LogStore as _, ObjectKind, Presence, ProvisioningQuery, RelationKind, SharedStore,
};
use store_sqlite::SqliteStore;
use testkit::store_suite::{Fixture, at, linked, record, want};

/// Where the child finds the database.
const PATH: &str = "ENTENTE_CRASH_TEST_DATABASE";
/// The job that it commits for.
const JOB: &str = "ENTENTE_CRASH_TEST_JOB";
const PAGE: usize = 40;
const ROUNDS: usize = 8;

#[tokio::test]
async fn killed_processes_leave_whole_commits() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("entente.db");
    let fixture = Fixture::new(Arc::new(SqliteStore::open(&path).expect("made"))).await;
    let (tenant, job) = (fixture.tenant, fixture.job.clone());
    drop(fixture);
    let mut answered = (0, 0);
    for round in 0..ROUNDS {
        let mut child = writer(&path, &job);
        answered = read_answers(&mut child, answered, 3 + round * 5);
        child.kill().expect("killed");
        child.wait().expect("gone");
        assert_whole(&path, tenant, &job, answered).await;
    }
    assert!(answered.0 > ROUNDS && answered.1 > 0, "both kinds of writes were made: {answered:?}");
}

/// Starts this test binary again, to write until it is killed.
fn writer(path: &Path, job: &JobId) -> Child {
    Command::new(std::env::current_exe().expect("a test knows its place"))
        .args(["crash::write_until_killed", "--exact", "--ignored", "--nocapture"])
        .env(PATH, path)
        .env(JOB, job.as_str())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started")
}

/// Waits for so many answers, and returns the last page and the number of groups that were told of.
fn read_answers(child: &mut Child, mut answered: (usize, usize), number: usize) -> (usize, usize) {
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut seen = 0;
    for line in output.lines().map_while(Result::ok) {
        if let Some(page) = line.strip_prefix("page ") {
            answered.0 = page.parse().expect("a number");
        } else if line == "group" {
            answered.1 += 1;
        } else {
            continue;
        }
        seen += 1;
        if seen == number {
            break;
        }
    }
    assert_eq!(seen, number, "the child wrote until it was killed");
    answered
}

/// What is in the file is whole commits, at least those that were answered.
async fn assert_whole(path: &Path, tenant: TenantId, job: &JobId, answered: (usize, usize)) {
    let store = SqliteStore::open(path).expect("opened");
    let page: usize =
        store.runtime(job).await.expect("read").map_or(0, |page| page.parse().expect("a number"));
    assert!(page >= answered.0, "page {page} is there, {} were answered", answered.0);
    let links = store.links(job, None, usize::MAX).await.expect("read");
    assert_eq!(links.len(), page * PAGE);
    assert_eq!(store.managed_counts(job).await.expect("read")[0].links, links.len() as u64);
    let due = store.due_edges(job, at(0), usize::MAX).await.expect("read");
    assert_eq!(due.len(), page * PAGE);
    let query = ProvisioningQuery { limit: usize::MAX, ..ProvisioningQuery::default() };
    assert_eq!(store.provisioning(tenant, query).await.expect("read").entries.len(), page * PAGE);

    let list =
        |kind| ListQuery { kind, presence: Presence::Any, predicate: None, after: None, limit: usize::MAX };
    let groups = store.list_objects(tenant, list(ObjectKind::Group)).await.expect("read");
    assert!(groups.len() >= answered.1, "{} groups are there, {} were answered", groups.len(), answered.1);
    assert_eq!(store.count_objects(tenant, list(ObjectKind::User)).await.expect("read"), groups.len() as u64);
    for group in &groups {
        let members = store.related(tenant, RelationKind::Member, group.id, None, 10).await.expect("read");
        assert_eq!(members.len(), 1);
    }
    assert_eq!(store.change_range(tenant).await.expect("read").0, 3 * groups.len() as u64);
    drop(store);
    let connection = Connection::open(path).expect("opened");
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    assert_eq!(check, "ok");
}

#[ignore = "started by `killed_processes_leave_whole_commits`, which kills it"]
#[tokio::test(flavor = "multi_thread")]
async fn write_until_killed() {
    let path = std::env::var_os(PATH).expect("the parent names the database");
    let store: SharedStore = Arc::new(SqliteStore::open(Path::new(&path)).expect("opened"));
    let tenant = store.tenants().await.expect("read")[0].id;
    let job = JobId::from_text(std::env::var(JOB).expect("the parent names the job"));
    tokio::join!(write_pages(&store, &job), write_groups(&store, tenant));
}

async fn write_pages(store: &SharedStore, job: &JobId) {
    let mut page: usize =
        store.runtime(job).await.expect("read").map_or(0, |page| page.parse().expect("a number"));
    loop {
        page += 1;
        let names: Vec<String> = (0..PAGE).map(|number| format!("{page}/{number}")).collect();
        let log: Vec<ProvisioningRecord> =
            names.iter().map(|name| record(SystemEntropy.uuid(), at(0), name, Some(name))).collect();
        let commit = Commit {
            entries: names.iter().map(|name| linked("rule", name, name)).collect(),
            edges: names.iter().map(|name| want(name, "manager", name)).collect(),
            log,
            runtime: Some(page.to_string()),
            ..Commit::default()
        };
        store.commit(job, commit).await.expect("written");
        println!("page {page}");
    }
}

async fn write_groups(store: &SharedStore, tenant: TenantId) {
    loop {
        let object = |kind| DirectoryObject {
            id: SystemEntropy.uuid(),
            kind,
            version: 1,
            created: at(0),
            modified: at(0),
            deleted: None,
            properties: serde_json::Map::new(),
        };
        let (user, group) = (object(ObjectKind::User), object(ObjectKind::Group));
        let member = DirectoryWrite::Relate { kind: RelationKind::Member, from: group.id, to: user.id };
        let writes = vec![DirectoryWrite::Create(user), DirectoryWrite::Create(group), member];
        store.write_directory(tenant, None, at(0), writes).await.expect("written");
        println!("group");
    }
}
