//! The embedded directory: people in groups, and questions about them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use model::{Entropy as _, SystemEntropy, Uuid};
use serde_json::{Map, json};
use store::Comparison::{EndsWith, Equal, StartsWith};
use store::{
    AppRoleAssignment, ChangeSubject, DirectoryObject, DirectoryWrite, ListQuery, ObjectKind, Predicate,
    Presence, RelationKind, SharedStore,
};
use store_sqlite::SqliteStore;
use testkit::store_suite::{Fixture, at};

use crate::{report, size};

const GROUPS: usize = 1_000;
const PAGE: usize = 500;

/// Makes people and groups, and asks about them.
pub(crate) async fn load(objects: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("entente.db");
    let store: SharedStore = Arc::new(SqliteStore::open(&path).expect("made"));
    let fixture = Fixture::new(store).await;
    let (resource, groups) = make_groups(&fixture).await;
    let users = make_users(&fixture, objects).await;
    join_groups(&fixture, &users, &groups).await;
    println!("  {} octets for each user", size(&path) / objects);
    for nested in [false, true] {
        let begin = Instant::now();
        let some: Vec<_> = users.iter().copied().step_by((users.len() / 1_000).max(1)).take(1_000).collect();
        let entitled =
            fixture.store.entitlements(fixture.tenant, resource, &some, nested).await.expect("read");
        println!(
            "entitlements, nested {nested}: {} of {}, {:?}",
            entitled.len(),
            some.len(),
            begin.elapsed()
        );
    }
    lists(&fixture).await;
    feed(&fixture, &users).await;
}

fn object(number: u64, kind: ObjectKind) -> DirectoryObject {
    let properties = [
        ("displayName", json!(format!("Person Number {number}"))),
        ("userPrincipalName", json!(format!("person{number}@example.com"))),
        ("mail", json!(format!("person{number}@example.com"))),
        ("givenName", json!("Person")),
        ("surname", json!(format!("Number {number}"))),
        ("accountEnabled", json!(true)),
        ("department", json!("Research")),
        ("jobTitle", json!("Engineer")),
        ("employeeId", json!(number.to_string())),
    ];
    let properties: Map<_, _> =
        properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    DirectoryObject {
        id: SystemEntropy.uuid(),
        kind,
        version: 1,
        created: at(0),
        modified: at(0),
        deleted: None,
        properties,
    }
}

async fn write(fixture: &Fixture, writes: Vec<DirectoryWrite>) {
    fixture.store.write_directory(fixture.tenant, None, at(0), writes).await.expect("written");
}

/// Makes groups and an application, to which every tenth group is assigned.
async fn make_groups(fixture: &Fixture) -> (Uuid, Vec<Uuid>) {
    let groups: Vec<_> = (0..GROUPS as u64).map(|number| object(number, ObjectKind::Group)).collect();
    let ids: Vec<_> = groups.iter().map(|group| group.id).collect();
    let application = object(0, ObjectKind::ServicePrincipal);
    let resource = application.id;
    write(fixture, groups.into_iter().chain([application]).map(DirectoryWrite::Create).collect()).await;
    let assigned = ids.iter().step_by(10).map(|group| {
        let (id, app_role) = (SystemEntropy.uuid(), Uuid::nil());
        DirectoryWrite::Assign(AppRoleAssignment {
            id,
            resource,
            principal: *group,
            app_role,
            created: at(0),
        })
    });
    write(fixture, assigned.collect()).await;
    (resource, ids)
}

async fn make_users(fixture: &Fixture, objects: u64) -> Vec<Uuid> {
    let mut users = Vec::new();
    let begin = Instant::now();
    for first in (0..objects).step_by(PAGE) {
        let page: Vec<_> =
            (first..first + PAGE as u64).map(|number| object(number, ObjectKind::User)).collect();
        users.extend(page.iter().map(|user| user.id));
        write(fixture, page.into_iter().map(DirectoryWrite::Create).collect()).await;
    }
    report("users made", objects, begin.elapsed());
    users
}

async fn join_groups(fixture: &Fixture, users: &[Uuid], groups: &[Uuid]) {
    let (begin, mut number) = (Instant::now(), 0);
    for (chunk, page) in users.chunks(PAGE).enumerate() {
        let mut memberships = BTreeSet::new();
        for (place, user) in page.iter().enumerate() {
            for step in 1..=5 {
                memberships.insert((groups[(chunk * PAGE + place) * step % groups.len()], *user));
            }
        }
        number += memberships.len() as u64;
        let relate = |(from, to)| DirectoryWrite::Relate { kind: RelationKind::Member, from, to };
        write(fixture, memberships.into_iter().map(relate).collect()).await;
    }
    report("memberships made", number, begin.elapsed());
}

async fn lists(fixture: &Fixture) {
    let all = ListQuery {
        kind: ObjectKind::User,
        presence: Presence::Live,
        predicate: None,
        after: None,
        limit: 999,
    };
    let compare = |property: &str, comparison, value: &str| {
        Some(Predicate::Compare(property.into(), comparison, value.into()))
    };
    let asked = [
        ("a page", None),
        ("by userPrincipalName", compare("userPrincipalName", Equal, "PERSON777@example.com")),
        ("by a beginning of all", compare("mail", StartsWith, "p")),
        ("by a scan for one", compare("employeeId", Equal, "77")),
        ("by a scan for none", compare("mail", EndsWith, "nobody")),
    ];
    for (what, predicate) in asked {
        let begin = Instant::now();
        let query = ListQuery { predicate, ..all.clone() };
        let found = fixture.store.list_objects(fixture.tenant, query).await.expect("read").len();
        println!("list {what}: {found} found, {:?}", begin.elapsed());
    }
    let begin = Instant::now();
    let count = fixture.store.count_objects(fixture.tenant, all).await.expect("read");
    println!("count: {count}, {:?}", begin.elapsed());
}

async fn feed(fixture: &Fixture, users: &[Uuid]) {
    let (store, tenant) = (&fixture.store, fixture.tenant);
    let begin = Instant::now();
    for page in users.chunks(PAGE) {
        let found = store.objects(tenant, page, Presence::Live).await.expect("read");
        assert_eq!(found.len(), page.len());
    }
    report("objects read by id", users.len() as u64, begin.elapsed());
    let (newest, _) = store.change_range(tenant).await.expect("read");
    let (mut after, mut members, begin) = (0, 0, Instant::now());
    while after < newest {
        let page = store.changes_after(tenant, after, 1_000).await.expect("read");
        after = page[page.len() - 1].number;
        members += page.iter().filter(|one| matches!(one.subject, ChangeSubject::MemberAdded { .. })).count();
    }
    report(&format!("changes read ({members} memberships)"), newest, begin.elapsed());
}
