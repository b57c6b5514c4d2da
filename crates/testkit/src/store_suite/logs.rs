//! The provisioning log and the audit log.

use model::provisioning::{Action, Inactive, Outcome, ProvisioningRecord, SkipReason, Step};
use model::{CycleId, Entropy as _, Failure, FailureCode, JobId, Name, SystemEntropy, Uuid, Value};
use serde_json::json;
use store::{AuditQuery, AuditRecord, AuditWords, Commit, ProvisioningQuery, SharedStore, StoreError};

use super::fixture::{Fixture, at, id, record};

fn id_at(seconds: i64) -> Uuid {
    SystemEntropy.uuid_at(at(seconds))
}

impl Fixture {
    async fn log(&self, job: &JobId, log: Vec<ProvisioningRecord>) {
        self.store.commit(job, Commit { log, ..Commit::default() }).await.expect("a commit is written");
    }

    async fn found(&self, query: ProvisioningQuery) -> Vec<ProvisioningRecord> {
        let found = self.store.provisioning(self.tenant, query).await.expect("read");
        found.entries.into_iter().map(|entry| entry.record).collect()
    }
}

fn all() -> ProvisioningQuery {
    ProvisioningQuery { limit: 1_000, ascending: true, ..ProvisioningQuery::default() }
}

/// Every field of a record survives.
pub async fn records_come_back_whole(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let mut full = record(id_at(1), at(1), "süß", Some("t"));
    full.skip = Some(SkipReason::NoDeprovisioningConfigured(Inactive::OutOfScope));
    full.failure = Some(Failure::new(FailureCode::Conflict, "taken by 'x'").on("userName"));
    full.action = Action::StagedDelete;
    full.outcome = Outcome::Warning;
    full.steps.push(Step::TargetGone("t".into()));
    full.steps.push(Step::ExportFailed(Action::Delete, Failure::new(FailureCode::Timeout, "")));
    full.steps.push(Step::Deferred("later".into()));
    full.steps.push(Step::Staged(Inactive::Gone));
    full.modified[0].old = Value::list(["a".into(), Value::Integer(1), Value::Boolean(true)]);
    full.modified[0].new = Value::Binary(Box::from([0, 1, 255]));
    let mut bare = record(id_at(2), at(2), "s", None);
    (bare.source.anchor, bare.source.name) = (None, None);
    (bare.steps, bare.modified) = (Vec::new(), Vec::new());
    fixture.log(&fixture.job, vec![full.clone(), bare.clone()]).await;
    let entries = store.provisioning(fixture.tenant, all()).await.expect("read").entries;
    assert!(entries.iter().all(|entry| entry.job == fixture.job));
    assert_eq!(entries.into_iter().map(|entry| entry.record).collect::<Vec<_>>(), [full, bare]);
}

/// Every condition narrows, together they all hold, and nothing of another tenant is seen.
pub async fn records_are_filtered(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let stranger = Fixture::new(store.clone()).await;
    let second_job = fixture.another_job(fixture.owner).await;
    let mut records: Vec<ProvisioningRecord> = (0..6)
        .map(|number| {
            record(id_at(number * 3_600), at(number * 3_600), &format!("s{number}"), Some("shared"))
        })
        .collect();
    records[1].outcome = Outcome::Failure;
    records[2].action = Action::Update;
    records[3].cycle = CycleId(Uuid::from_u128(77));
    records[4].target.anchor = None;
    fixture.log(&fixture.job, records[..5].to_vec()).await;
    fixture.log(&second_job, records[5..].to_vec()).await;
    stranger.log(&stranger.job, vec![record(id_at(0), at(0), "s0", Some("shared"))]).await;
    let check = async |query: ProvisioningQuery, expected: &[usize]| {
        let expected: Vec<_> = expected.iter().map(|number| records[*number].clone()).collect();
        assert_eq!(fixture.found(query.clone()).await, expected, "{query:?}");
    };
    check(all(), &[0, 1, 2, 3, 4, 5]).await;
    check(ProvisioningQuery { job: Some(second_job.clone()), ..all() }, &[5]).await;
    check(ProvisioningQuery { job: Some(stranger.job.clone()), ..all() }, &[]).await;
    check(ProvisioningQuery { job: Some(JobId::from_text("nothing")), ..all() }, &[]).await;
    check(ProvisioningQuery { outcome: Some(Outcome::Failure), ..all() }, &[1]).await;
    check(ProvisioningQuery { action: Some(Action::Update), ..all() }, &[2]).await;
    check(ProvisioningQuery { cycle: Some(records[3].cycle), ..all() }, &[3]).await;
    check(ProvisioningQuery { anchor: Some("s4".into()), ..all() }, &[4]).await;
    check(ProvisioningQuery { anchor: Some("shared".into()), ..all() }, &[0, 1, 2, 3, 5]).await;
    let job = Some(fixture.job.clone());
    check(ProvisioningQuery { anchor: Some("shared".into()), job, ..all() }, &[0, 1, 2, 3]).await;
    check(ProvisioningQuery { from: Some(at(3_600)), to: Some(at(3 * 3_600)), ..all() }, &[1, 2]).await;
    check(ProvisioningQuery { from: Some(at(5 * 3_600)), ..all() }, &[5]).await;
    check(ProvisioningQuery { to: Some(at(1)), ..all() }, &[0]).await;
    check(ProvisioningQuery { to: Some(at(1)), outcome: Some(Outcome::Failure), ..all() }, &[]).await;
    check(ProvisioningQuery { limit: 0, ..all() }, &[]).await;
}

/// Pages of any size show each record once, in either order, under a condition too.
pub async fn records_are_paged_both_ways(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let mut records: Vec<ProvisioningRecord> = (0..40)
        .map(|number| {
            let mut one = record(id_at(number / 4), at(number / 4), "same", None);
            one.action = if number % 3 == 0 { Action::Update } else { Action::Create };
            one
        })
        .collect();
    fixture.log(&fixture.job, records.clone()).await;
    records.sort_by_key(|record| record.id);
    for ascending in [true, false] {
        for (action, anchor) in [(None, None), (Some(Action::Update), None), (None, Some(Name::from("same")))]
        {
            let mut expected: Vec<_> = records
                .iter()
                .filter(|one| action.is_none_or(|action| one.action == action))
                .cloned()
                .collect();
            if !ascending {
                expected.reverse();
            }
            let mut read: Vec<ProvisioningRecord> = Vec::new();
            loop {
                let after = read.last().map(|record| record.id);
                let query =
                    ProvisioningQuery { ascending, after, action, anchor: anchor.clone(), limit: 7, ..all() };
                let page = fixture.found(query).await;
                if page.is_empty() {
                    break;
                }
                read.extend(page);
            }
            assert_eq!(read, expected, "ascending {ascending}, {action:?}, {anchor:?}");
        }
    }
}

/// A condition that few records satisfy costs each page as little as others: pages come back short, with where to go on.
pub async fn rare_records_are_found_page_by_page(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let rare = |number: i64| {
        let mut one = record(id_at(number), at(number), "rare", None);
        one.action = Action::Delete;
        one
    };
    let (first, last) = (rare(0), rare(50_000));
    fixture.log(&fixture.job, vec![first.clone()]).await;
    for begin in (1..=45_000).step_by(5_000) {
        let common = (begin..begin + 5_000).map(|number| record(id_at(number), at(number), "s", None));
        fixture.log(&fixture.job, common.collect()).await;
    }
    fixture.log(&fixture.job, vec![last.clone()]).await;
    for ascending in [true, false] {
        let (mut read, mut pages, mut after) = (Vec::new(), 0, None);
        loop {
            let action = Some(Action::Delete);
            let query = ProvisioningQuery { ascending, after, action, limit: 10, ..all() };
            let page = store.provisioning(fixture.tenant, query).await.expect("read");
            read.extend(page.entries.into_iter().map(|entry| entry.record));
            pages += 1;
            after = page.passed;
            if after.is_none() {
                break;
            }
        }
        let expected = if ascending { [&first, &last] } else { [&last, &first] };
        assert_eq!(read.iter().collect::<Vec<_>>(), expected);
        assert!((2..=10).contains(&pages), "{pages} pages");
    }
}

/// What is older than a moment goes, of every tenant; what is as old stays.
pub async fn old_records_are_pruned(store: SharedStore) {
    // A time of its own: pruning is of all tenants that share the database.
    let long_ago = |seconds: i64| at(seconds - 40_000_000);
    let fixture = Fixture::new(store.clone()).await;
    let other = Fixture::new(store.clone()).await;
    let old = |seconds| record(SystemEntropy.uuid_at(long_ago(seconds)), long_ago(seconds), "s", Some("t"));
    fixture.log(&fixture.job, (0..30).map(old).collect()).await;
    other.log(&other.job, (25..35).map(old).collect()).await;
    let removed = store.prune_provisioning(long_ago(28)).await.expect("pruned");
    assert!(removed >= 28 + 3, "{removed}");
    let left = |records: Vec<ProvisioningRecord>| records.iter().map(|one| one.moment).collect::<Vec<_>>();
    assert_eq!(left(fixture.found(all()).await), [long_ago(28), long_ago(29)]);
    assert_eq!(other.found(all()).await.len(), 7);
    let by_anchor = ProvisioningQuery { anchor: Some("t".into()), ..all() };
    assert_eq!(left(fixture.found(by_anchor).await), [long_ago(28), long_ago(29)]);
    store.prune_provisioning(long_ago(28)).await.expect("nothing more to prune");
    assert_eq!(other.found(all()).await.len(), 7);
}

/// Audit records are append-only and come newest first, or oldest first, between two moments.
pub async fn audits_come_in_either_order(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let audit = |number: i64| AuditRecord {
        id: id_at(number),
        moment: at(number),
        actor: "client".into(),
        activity: "Update synchronization schema".into(),
        target: format!("job {number}"),
        old: (number % 2 == 0).then(|| json!({ "a": [1, null, "ü"] })),
        new: Some(json!(null)).filter(|_| number == 1),
        success: number != 3,
    };
    let open = || AuditQuery { limit: 10, ..AuditQuery::default() };
    let records: Vec<AuditRecord> = (0..5).map(audit).collect();
    for record in &records {
        store.audit(fixture.tenant, record.clone()).await.expect("written");
    }
    let again = store.audit(fixture.tenant, records[0].clone()).await;
    assert!(again.is_err(), "what is written stays as it is");
    let read = async |query: AuditQuery| store.audits(fixture.tenant, query).await.expect("read").records;
    assert_eq!(read(AuditQuery { limit: 2, ..open() }).await, [records[4].clone(), records[3].clone()]);
    let page = read(AuditQuery { after: Some(records[3].id), ..open() }).await;
    let expected: Vec<_> = records[..3].iter().rev().cloned().collect();
    assert_eq!(
        page.iter().map(|one| &one.id).collect::<Vec<_>>(),
        expected.iter().map(|one| &one.id).collect::<Vec<_>>()
    );
    assert_eq!(page[0], expected[0]);
    let numbers = async |query: AuditQuery| {
        let page = read(query).await;
        page.iter()
            .filter_map(|one| records.iter().position(|record| record.id == one.id))
            .collect::<Vec<_>>()
    };
    let (from, to) = (Some(at(1)), Some(at(3)));
    assert_eq!(numbers(AuditQuery { from, to, ..open() }).await, [3, 2, 1]);
    assert_eq!(numbers(AuditQuery { from, to, limit: 2, ascending: true, ..open() }).await, [1, 2]);
    let after = Some(records[2].id);
    assert_eq!(numbers(AuditQuery { from, to, after, ascending: true, ..open() }).await, [3]);
    assert_eq!(numbers(AuditQuery { from, to, after, ..open() }).await, [1]);
    assert_eq!(numbers(AuditQuery { from: to, to: from, ..open() }).await, [0; 0]);
    let stranger = store.audits(model::TenantId(id()), open()).await.expect("read");
    assert!(stranger.records.is_empty());
    let nowhere = store.audit(model::TenantId(id()), audit(9)).await;
    assert!(matches!(nowhere, Err(StoreError::NotFound { .. })), "{nowhere:?}");
}

/// What a query asks for, said anew.
fn satisfies(query: &AuditQuery, record: &AuditRecord) -> bool {
    let has = |words: &Option<Vec<String>>, word| words.as_ref().is_none_or(|words| words.contains(word));
    let same = |wanted: &Option<String>, text: Option<&str>| {
        let wanted = wanted.as_ref().map(|wanted| wanted.to_lowercase());
        wanted.is_none_or(|wanted| text.is_some_and(|text| text.to_lowercase() == wanted))
    };
    has(&query.actors, &record.actor)
        && has(&query.activities, &record.activity)
        && same(&query.target, Some(&record.target))
        && same(&query.target_name, record.target_name())
        && !(query.failed && record.success)
        && query.id.is_none_or(|id| record.id == id)
        && query.from.is_none_or(|from| record.moment >= from)
        && query.to.is_none_or(|to| record.moment <= to)
}

/// Audit records of who, what and to whom are found among others, page by page and in either order.
pub async fn audits_are_found_by_their_words(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let stranger = Fixture::new(store.clone()).await;
    let audit = |number: i64| AuditRecord {
        id: id_at(number),
        moment: at(number),
        actor: format!("client {}", number % 3),
        activity: match number % 4 {
            0 => "Add user",
            1 => "Update user",
            2 => "Update group",
            _ => "Delete user",
        }
        .into(),
        target: format!("Target-{}", number % 5),
        old: None,
        new: (number % 2 == 0).then(|| json!({ "displayName": format!("Zoë {}", number % 6) })),
        success: number % 7 != 0,
    };
    let records: Vec<AuditRecord> = (0..60).map(audit).collect();
    for record in &records {
        store.audit(fixture.tenant, record.clone()).await.expect("written");
        store.audit(stranger.tenant, AuditRecord { id: id(), ..record.clone() }).await.expect("written");
    }
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let open = || AuditQuery { limit: 4, ..AuditQuery::default() };
    for query in [
        AuditQuery { actors: words(&["client 1"]), ..open() },
        AuditQuery { actors: words(&["client 0", "client 2", "nobody"]), ..open() },
        AuditQuery { activities: words(&["Add user"]), ..open() },
        AuditQuery { activities: words(&["Delete user", "Add user", "Update group"]), ..open() },
        AuditQuery { activities: words(&["Add user"]), actors: words(&["client 1", "client 2"]), ..open() },
        AuditQuery { target: Some("tARGET-3".into()), ..open() },
        AuditQuery { target: Some("Target-3".into()), actors: words(&["client 1"]), ..open() },
        AuditQuery { target_name: Some("ZOË 4".into()), ..open() },
        AuditQuery { target_name: Some("Zoë 4".into()), target: Some("Target-2".into()), ..open() },
        AuditQuery { failed: true, ..open() },
        AuditQuery { failed: true, activities: words(&["Add user"]), ..open() },
        AuditQuery { id: Some(records[17].id), ..open() },
        AuditQuery { id: Some(records[17].id), failed: true, ..open() },
        AuditQuery { actors: words(&["nobody"]), ..open() },
        AuditQuery { activities: words(&[]), ..open() },
        AuditQuery { from: Some(at(10)), to: Some(at(40)), actors: words(&["client 1"]), ..open() },
    ] {
        let mut expected: Vec<AuditRecord> =
            records.iter().filter(|record| satisfies(&query, record)).cloned().collect();
        for ascending in [true, false] {
            let mut read: Vec<AuditRecord> = Vec::new();
            loop {
                let after = read.last().map(|record| record.id);
                let query = AuditQuery { after, ascending, ..query.clone() };
                let page = store.audits(fixture.tenant, query).await.expect("read").records;
                if page.is_empty() {
                    break;
                }
                read.extend(page);
            }
            assert_eq!(read, expected, "{query:?} ascending {ascending}");
            expected.reverse();
        }
    }
    let mut told = store.audit_words(fixture.tenant).await.expect("read");
    told.actors.sort();
    told.activities.sort();
    assert_eq!(told.actors, ["client 0", "client 1", "client 2"]);
    assert_eq!(told.activities, ["Add user", "Delete user", "Update group", "Update user"]);
    let nobody = store.audit_words(model::TenantId(id())).await.expect("read");
    assert_eq!(nobody, AuditWords::default());
}

/// Where what is asked for is rare, pages come back short, with where to go on.
pub async fn rare_audits_are_found_page_by_page(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let audit = |number: i64, activity: &str| AuditRecord {
        id: id_at(number),
        moment: at(number),
        actor: "client".into(),
        activity: activity.into(),
        target: "t".into(),
        old: None,
        new: None,
        success: true,
    };
    let rare = [audit(0, "Rare"), audit(30_000, "Rare")];
    let common = (1..=20_001).map(|number| audit(number, "Common"));
    let writes = common.chain(rare.clone()).map(|record| store.audit(fixture.tenant, record));
    for written in futures::future::join_all(writes).await {
        written.expect("written");
    }
    let (mut read, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let query = AuditQuery {
            actors: Some(vec!["client".into()]),
            activities: Some(vec!["Rare".into()]),
            after,
            limit: 10,
            ..AuditQuery::default()
        };
        let page = store.audits(fixture.tenant, query).await.expect("read");
        read.extend(page.records);
        pages += 1;
        after = page.passed;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(read, [rare[1].clone(), rare[0].clone()]);
    assert_eq!(pages, 2);
}
