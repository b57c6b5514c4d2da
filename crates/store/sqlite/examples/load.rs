//! How fast the store takes the commits of an initial cycle: `cargo run --release -p store-sqlite --example load`.
//!
//! Arguments: objects (100000), objects per page (500), and one part alone (`entry`, `whole`, `intent`, `directory`).
#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "an example fails by panicking, and its figures are rounded"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use model::{Entropy as _, SystemEntropy};
use store::{
    ChangeSubject, Commit, DirectoryObject, DirectoryWrite, ListQuery, ObjectKind, Presence,
    ProvisioningQuery, SharedStore,
};
use store_sqlite::SqliteStore;
use testkit::store_load::{self, Shape, commit_objects};
use testkit::store_suite::{Fixture, at};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| arguments.get(place).map(|text| text.parse::<u64>().expect("a number"));
    let (objects, page) = (number(0).unwrap_or(100_000), number(1).unwrap_or(500));
    let is_wanted = |part: &str| arguments.get(2).is_none_or(|wanted| wanted == part);
    println!("{objects} objects in pages of {page}");
    let shapes = [("entry", Shape::Entry), ("whole", Shape::Whole), ("intent", Shape::WholeWithIntent)];
    for (_, shape) in shapes.into_iter().filter(|(part, _)| is_wanted(part)) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("entente.db");
        let store: SharedStore = Arc::new(SqliteStore::open(&path).expect("made"));
        let fixture = Fixture::new(Arc::clone(&store)).await;
        let busy = commit_objects(&store, &fixture.job, &SystemEntropy, (objects, page), shape)
            .await
            .expect("written");
        report(&format!("{shape:?}, new"), objects, busy);
        let size = size(&path);
        println!("  {} MB in the file and its log, {} octets for each object", size >> 20, size / objects);
        let busy = commit_objects(&store, &fixture.job, &SystemEntropy, (objects, page), shape)
            .await
            .expect("written");
        report(&format!("{shape:?}, again"), objects, busy);
        if shape == Shape::Whole {
            edges(&fixture, objects).await;
            seen(&fixture, objects, page).await;
            reads(&fixture, objects).await;
        }
    }
    if is_wanted("directory") {
        directory(objects).await;
    }
    println!("peak memory {} MB", peak());
}

/// Prints what was done in a time, and how busy the thread that writes was for it.
fn report(what: &str, number: u64, took: Duration) {
    static BEFORE: AtomicU64 = AtomicU64::new(0);
    let number = number as f64;
    let (rate, each) = (number / took.as_secs_f64(), took.as_secs_f64() * 1e6 / number);
    let now = writer_busy();
    // A new store has a new thread, which begins at zero.
    let before = BEFORE.swap(now, Ordering::Relaxed);
    let busy = (if before > now { now } else { now - before }) as f64 / number;
    println!("{what:<40} {rate:>10.0}/s {each:>8.1} us each, {busy:>6.1} us of the writer's");
}

/// Microseconds of processor time that threads that write have used.
fn writer_busy() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten().map(|task| task.path());
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let writers = tasks.filter(|task| read(task.join("comm")).trim() == "store-writer");
    let nanos = |task: std::path::PathBuf| {
        let schedstat = read(task.join("schedstat"));
        schedstat.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
    };
    writers.map(nanos).sum::<u64>() / 1_000
}

fn size(path: &Path) -> u64 {
    let log = path.with_extension("db-wal");
    [path, &log].into_iter().filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum()
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) / 1024
}

async fn edges(fixture: &Fixture, objects: u64) {
    let (store, job) = (&fixture.store, &fixture.job);
    let begin = Instant::now();
    store.next_due(job).await.expect("read");
    println!("next_due {:?}", begin.elapsed());
    let (mut number, begin) = (0, Instant::now());
    loop {
        let due = store.due_edges(job, at(0), 1_000).await.expect("read");
        if due.is_empty() || number >= objects {
            break;
        }
        number += due.len() as u64;
        let edges = due
            .into_iter()
            .map(|edge| store::EdgeWrite::Exported {
                rule: edge.rule,
                owner: edge.owner,
                attribute: edge.attribute,
                referenced: edge.referenced,
                target: Some(edge.value),
            })
            .collect();
        store.commit(job, Commit { edges, ..Commit::default() }).await.expect("written");
    }
    report("due edges read and exported", number, begin.elapsed());
}

async fn seen(fixture: &Fixture, objects: u64, page: u64) {
    let begin = Instant::now();
    for first in (0..objects).step_by(usize::try_from(page).expect("small")) {
        let seen =
            (first..first + page).map(|number| ("rule-user".into(), store_load::source(number))).collect();
        let commit = Commit { seen, generation: 2, ..Commit::default() };
        fixture.store.commit(&fixture.job, commit).await.expect("written");
    }
    report("only seen", objects, begin.elapsed());
    let begin = Instant::now();
    let unseen = fixture.store.unseen(&fixture.job, 2, None, 1_000).await.expect("read");
    println!("unseen ({} found) {:?}", unseen.len(), begin.elapsed());
}

async fn reads(fixture: &Fixture, objects: u64) {
    let (store, job) = (&fixture.store, &fixture.job);
    let begin = Instant::now();
    for first in (0..objects).step_by(500) {
        let sources: Vec<_> = (first..first + 500).map(store_load::source).collect();
        assert_eq!(store.entries(job, &sources).await.expect("read").len(), 500);
    }
    report("entries read by source", objects, begin.elapsed());
    let begin = Instant::now();
    store.managed_counts(job).await.expect("read");
    println!("managed_counts {:?}", begin.elapsed());
    for ascending in [false, true] {
        let begin = Instant::now();
        let (mut after, mut number) = (None, 0);
        while number < 20_000 {
            let query = ProvisioningQuery { ascending, after, limit: 100, ..ProvisioningQuery::default() };
            let page = store.provisioning(fixture.tenant, query).await.expect("read");
            after = page.last().map(|entry| entry.record.id);
            number += page.len() as u64;
        }
        report("records read by page", number, begin.elapsed());
    }
    let begin = Instant::now();
    for number in 0..1_000 {
        let anchor = Some(store_load::source(number).as_str().into());
        let query = ProvisioningQuery { anchor, limit: 10, ..ProvisioningQuery::default() };
        assert_eq!(store.provisioning(fixture.tenant, query).await.expect("read").len(), 2);
    }
    report("records read by anchor", 1_000, begin.elapsed());
    let begin = Instant::now();
    let pruned = store.prune_provisioning(at(1_000_000)).await.expect("pruned");
    report("records pruned", pruned, begin.elapsed());
}

async fn directory(objects: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("entente.db");
    let store: SharedStore = Arc::new(SqliteStore::open(&path).expect("made"));
    let fixture = Fixture::new(Arc::clone(&store)).await;
    let begin = Instant::now();
    let object = |number: u64, kind| {
        let properties = serde_json::json!({
            "displayName": format!("Person Number {number}"), "userPrincipalName": format!("person{number}@example.com"),
            "mail": format!("person{number}@example.com"), "givenName": "Person", "surname": format!("Number {number}"),
            "accountEnabled": true, "department": "Research", "jobTitle": "Engineer", "employeeId": number.to_string(),
        });
        let serde_json::Value::Object(properties) = properties else { return None };
        Some(DirectoryObject {
            id: SystemEntropy.uuid(),
            kind,
            version: 1,
            created: at(0),
            deleted: None,
            properties,
        })
    };
    let groups: Vec<_> = (0..1_000).filter_map(|number| object(number, ObjectKind::Group)).collect();
    let group_ids: Vec<_> = groups.iter().map(|group| group.id).collect();
    let app = object(0, ObjectKind::ServicePrincipal).expect("made");
    let resource = app.id;
    let mut writes: Vec<_> = groups.into_iter().chain([app]).map(DirectoryWrite::Create).collect();
    for group in group_ids.iter().step_by(10) {
        let id = SystemEntropy.uuid();
        writes.push(DirectoryWrite::Assign(store::AppRoleAssignment {
            id,
            resource,
            principal: *group,
            app_role: model::Uuid::nil(),
            created: at(0),
        }));
    }
    store.write_directory(fixture.tenant, None, writes).await.expect("written");
    let mut users = Vec::new();
    for first in (0..objects).step_by(500) {
        let mut writes = Vec::new();
        for user in (first..first + 500).filter_map(|number| object(number, ObjectKind::User)) {
            users.push(user.id);
            writes.push(DirectoryWrite::Create(user));
        }
        store.write_directory(fixture.tenant, None, writes).await.expect("written");
    }
    report("users made", objects, begin.elapsed());
    let begin = Instant::now();
    for (chunk, some) in users.chunks(500).enumerate() {
        let relate = |kind, from, to| DirectoryWrite::Relate { kind, from, to };
        let writes = some
            .iter()
            .enumerate()
            .flat_map(|(place, user)| (1..=5).map(move |step| (user, (chunk * 500 + place) * step % 1_000)));
        let writes = writes.filter_map(|(user, group)| {
            group_ids.get(group).map(|group| relate(store::RelationKind::Member, *group, *user))
        });
        let mut unique = std::collections::BTreeSet::new();
        let writes = writes
            .filter(|write| match write {
                DirectoryWrite::Relate { from, to, .. } => unique.insert((*from, *to)),
                _ => true,
            })
            .collect();
        store.write_directory(fixture.tenant, None, writes).await.expect("written");
    }
    report("users put in up to five groups", objects, begin.elapsed());
    println!("  {} octets for each user", size(&path) / objects);
    for nested in [false, true] {
        let begin = Instant::now();
        let some: Vec<_> = users.iter().copied().step_by(users.len() / 1_000).take(1_000).collect();
        let entitled = store.entitlements(fixture.tenant, resource, &some, nested).await.expect("read");
        println!(
            "entitlements of 1,000, nested {nested}: {} entitled, {:?}",
            entitled.len(),
            begin.elapsed()
        );
    }
    let list = ListQuery {
        kind: ObjectKind::User,
        presence: Presence::Live,
        predicate: None,
        after: None,
        limit: 999,
    };
    let timed = async |what: &str, query: ListQuery| {
        let begin = Instant::now();
        let found = store.list_objects(fixture.tenant, query).await.expect("read").len();
        println!("list {what}: {found} found, {:?}", begin.elapsed());
    };
    let compare = |property: &str, comparison, value: &str| {
        Some(store::Predicate::Compare(property.into(), comparison, value.into()))
    };
    use store::Comparison::{EndsWith, Equal, StartsWith};
    timed("a page", list.clone()).await;
    let upn = "PERSON777@example.com";
    timed(
        "by userPrincipalName",
        ListQuery { predicate: compare("userPrincipalName", Equal, upn), ..list.clone() },
    )
    .await;
    timed("by a beginning of all", ListQuery { predicate: compare("mail", StartsWith, "p"), ..list.clone() })
        .await;
    timed("by a scan for one", ListQuery { predicate: compare("employeeId", Equal, "77"), ..list.clone() })
        .await;
    timed("by a scan for none", ListQuery { predicate: compare("mail", EndsWith, "nobody"), ..list.clone() })
        .await;
    let begin = Instant::now();
    let count = store.count_objects(fixture.tenant, list).await.expect("read");
    println!("count: {count}, {:?}", begin.elapsed());
    let begin = Instant::now();
    for some in users.chunks(500) {
        assert_eq!(
            store.objects(fixture.tenant, some, Presence::Live).await.expect("read").len(),
            some.len()
        );
    }
    report("objects read by id", objects, begin.elapsed());
    let (newest, _) = store.change_range(fixture.tenant).await.expect("read");
    let (mut after, mut members, begin) = (0, 0, Instant::now());
    while after < newest {
        let page = store.changes_after(fixture.tenant, after, 1_000).await.expect("read");
        after = page[page.len() - 1].number;
        members += page.iter().filter(|one| matches!(one.subject, ChangeSubject::MemberAdded { .. })).count();
    }
    report(&format!("changes read ({members} memberships)"), newest, begin.elapsed());
}
