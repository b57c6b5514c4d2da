//! Reports about the accounts of targets.

use model::correlation::{
    CorrelatedIdentity, CorrelatedKey, CorrelatedObject, CorrelatedParty, Correlation, CorrelationCounts,
    CorrelationState, CorrelationStatus, Finding, NamedValue,
};
use model::job::ErrorText;
use model::{TenantId, Uuid};
use store::{CorrelatedQuery, SharedStore, StoreError};

use super::fixture::{Fixture, at, id};

fn report(fixture: &Fixture, id: Uuid, run: Uuid, state: CorrelationState) -> Correlation {
    Correlation {
        id,
        tenant: fixture.tenant,
        job: fixture.job.clone(),
        service_principal: fixture.owner,
        author: "client".into(),
        state,
        run,
        began: at(1),
        ended: None,
        accounts: 2,
        objects: 3,
        total_objects: Some(4),
        counts: CorrelationCounts { uncorrelated: 2, ..CorrelationCounts::default() },
        error: None,
    }
}

fn named(name: &str, value: &str) -> NamedValue {
    NamedValue { name: name.into(), value: value.into() }
}

fn account(target: &str) -> CorrelatedParty {
    CorrelatedParty {
        kind: "User".into(),
        anchor: named("id", target),
        matching: Some(named("userName", target)),
        display_name: Some("Zażółć".into()),
    }
}

fn object(source: &str) -> CorrelatedObject {
    let key = |name: &str| CorrelatedKey {
        at_source: Some(named(&format!("{name} there"), source)),
        at_target: named(name, source),
    };
    CorrelatedObject { party: account(source), keys: vec![key("userName"), key("externalId")] }
}

fn finding(account: u32, status: CorrelationStatus, seconds: i64) -> Finding {
    Finding { account, moment: at(seconds), status, object: None, key: None, error: None }
}

/// Ids that sort by their number.
fn ids(count: u128) -> Vec<Uuid> {
    let common = id().as_u128() >> 8;
    (1..=count).map(|number| Uuid::from_u128(common | number << 120)).collect()
}

/// Reports come back as they were written, newest first, and stay within their tenant; one that is complete takes the
/// place of all others of its job, one that is not takes only that of others that are not.
pub async fn reports_replace_each_other(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = Fixture::new(store.clone()).await;
    let ids = ids(4);
    let listed = async |before, limit| {
        let reports = store.correlations(fixture.tenant, before, limit).await.expect("read");
        reports.into_iter().map(|report| report.id).collect::<Vec<_>>()
    };
    let put = async |report: Correlation| store.put_correlation(report).await.expect("written");
    let complete = report(&fixture, ids[0], id(), CorrelationState::Complete);
    put(complete.clone()).await;
    assert_eq!(store.correlation(fixture.tenant, ids[0]).await.expect("read"), Some(complete));
    assert_eq!(store.correlation(other.tenant, ids[0]).await.expect("read"), None);
    assert_eq!(store.correlation(TenantId(id()), ids[0]).await.expect("read"), None);
    let failed = Correlation {
        error: Some(ErrorText { code: "Timeout".into(), message: "no answer".into() }),
        ended: Some(at(9)),
        ..report(&fixture, ids[1], id(), CorrelationState::Failed)
    };
    put(failed.clone()).await;
    assert_eq!(store.correlation(fixture.tenant, ids[1]).await.expect("read"), Some(failed));
    let running = report(&fixture, ids[2], id(), CorrelationState::Running);
    put(running.clone()).await;
    assert_eq!(listed(None, 9).await, [ids[2], ids[0]], "the failed one went");
    assert_eq!(listed(None, 1).await, [ids[2]]);
    assert_eq!(listed(Some(ids[2]), 9).await, [ids[0]]);
    let of_fixture = |reports: Vec<Correlation>| reports.into_iter().any(|one| one.id == ids[2]);
    assert!(of_fixture(store.running_correlations().await.expect("read")));
    put(Correlation { state: CorrelationState::Complete, accounts: 7, ..running }).await;
    assert_eq!(listed(None, 9).await, [ids[2]], "the complete one went");
    assert!(!of_fixture(store.running_correlations().await.expect("read")));
    store.delete_job(fixture.tenant, &fixture.job).await.expect("removed");
    assert!(listed(None, 9).await.is_empty());
    let gone = store.put_correlation(report(&fixture, ids[3], id(), CorrelationState::Running)).await;
    assert!(matches!(gone, Err(StoreError::NotFound { what: "job", .. })), "{gone:?}");
}

/// What was found out about an account comes back with the account and its object, as a page or by id, and stays within its
/// run.
pub async fn findings_are_found_and_paged(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let (job, run, other_run) = (&fixture.job, id(), id());
    let listed = (0..).zip(["a", "b", "c", "d"].map(account)).collect();
    store.add_accounts(job, run, listed).await.expect("added");
    store.add_accounts(job, run, vec![(4, account("e"))]).await.expect("added");
    store.add_objects(job, run, vec![(0, object("x")), (1, object("y"))]).await.expect("added");
    let accounts = store.accounts_of(job, run, &[3, 9, 0]).await.expect("read");
    assert_eq!(accounts, [(3, account("d")), (0, account("a"))]);
    assert_eq!(store.objects_of(job, run, &[1]).await.expect("read"), [(1, object("y"))]);
    assert!(store.objects_of(job, other_run, &[1]).await.expect("read").is_empty());

    let error = Some(ErrorText { code: "DuplicateSourceEntries".into(), message: "two".into() });
    let (local, assigned) = (CorrelationStatus::Uncorrelated, CorrelationStatus::CorrelatedAssigned);
    let findings = vec![
        finding(0, local, 1),
        Finding { object: Some(1), key: Some(1), ..finding(1, assigned, 1) },
        Finding { object: Some(0), ..finding(2, CorrelationStatus::CorrelatedNotAssigned, 1) },
    ];
    store.add_findings(job, run, findings).await.expect("added");
    let contested = Finding {
        object: Some(0),
        key: Some(0),
        error: error.clone(),
        ..finding(3, CorrelationStatus::FailToCorrelate, 2)
    };
    store.add_findings(job, run, vec![contested, finding(4, local, 2)]).await.expect("added");

    let page = async |status, descending, after, limit| {
        let query = CorrelatedQuery { status, descending, after, limit };
        let found = store.correlated(job, run, query).await.expect("read");
        let last = found.last().map(|one| one.id);
        (found.into_iter().map(|one| one.target.anchor.value).collect::<Vec<_>>(), last)
    };
    assert_eq!(page(None, false, None, 9).await.0, ["a", "b", "c", "d", "e"]);
    let (first, last) = page(None, false, None, 2).await;
    assert_eq!(first, ["a", "b"]);
    assert_eq!(page(None, false, last, 9).await.0, ["c", "d", "e"]);
    let (first, last) = page(None, true, None, 2).await;
    assert_eq!(first, ["e", "d"]);
    assert_eq!(page(None, true, last, 1).await.0, ["c"]);
    assert!(page(None, false, Some(id()), 9).await.0.is_empty());
    assert_eq!(page(Some(assigned), false, None, 9).await.0, ["b"]);
    let (first, last) = page(Some(local), false, None, 1).await;
    assert_eq!(first, ["a"]);
    assert_eq!(page(Some(local), false, last, 9).await.0, ["e"]);

    let all = store.correlated(job, run, CorrelatedQuery { limit: 9, ..CorrelatedQuery::default() }).await;
    let all = all.expect("read");
    let moments: Vec<_> = all.iter().map(|one| one.moment).collect();
    assert_eq!(moments, [at(1), at(1), at(1), at(2), at(2)]);
    // By a key, both sides show what they match by; what the job remembers changes neither.
    let source =
        |one: &CorrelatedIdentity| one.source.as_ref().map(|party| party.matching.clone().expect("one"));
    assert_eq!((source(&all[0]), &all[0].target), (None, &account("a")));
    assert_eq!(source(&all[1]), Some(named("externalId there", "y")));
    assert_eq!(all[1].target.matching, Some(named("externalId", "y")));
    assert_eq!((all[2].source.as_ref(), &all[2].target), (Some(&account("x")), &account("c")));
    assert_eq!((source(&all[3]), &all[3].error), (None, &error));
    assert_eq!(all[3].target.matching, Some(named("userName", "x")));
    for one in &all {
        assert_eq!(store.correlated_one(job, run, one.id).await.expect("read").as_ref(), Some(one));
        assert_eq!(store.correlated_one(job, other_run, one.id).await.expect("read"), None);
    }
    assert_eq!(store.correlated_one(job, run, id()).await.expect("read"), None);
}

/// What no report needs goes, some at a time; all goes with the job.
pub async fn accounts_of_no_report_go(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let (job, ids) = (&fixture.job, ids(2));
    let (old, new, stray) = (id(), id(), id());
    let fill = async |run| {
        store.add_accounts(job, run, vec![(0, account("a")), (1, account("b"))]).await.expect("added");
        store.add_objects(job, run, vec![(0, object("x"))]).await.expect("added");
        let found = vec![finding(0, CorrelationStatus::Uncorrelated, 1)];
        store.add_findings(job, run, found).await.expect("added");
    };
    for run in [old, new, stray] {
        fill(run).await;
    }
    let put = async |report: Correlation| store.put_correlation(report).await.expect("written");
    let prune = async || while store.prune_correlated(job).await.expect("pruned") {};
    let left = async |run| {
        let query = CorrelatedQuery { limit: 9, ..CorrelatedQuery::default() };
        let accounts = store.accounts_of(job, run, &[0, 1]).await.expect("read").len();
        let objects = store.objects_of(job, run, &[0]).await.expect("read").len();
        (accounts, objects, store.correlated(job, run, query).await.expect("read").len())
    };
    put(report(&fixture, ids[0], old, CorrelationState::Complete)).await;
    put(report(&fixture, ids[1], new, CorrelationState::Running)).await;
    prune().await;
    assert_eq!((left(old).await, left(new).await, left(stray).await), ((2, 1, 1), (2, 1, 1), (0, 0, 0)));
    put(report(&fixture, ids[1], new, CorrelationState::Complete)).await;
    prune().await;
    assert_eq!((left(old).await, left(new).await), ((0, 0, 0), (2, 1, 1)));
    put(report(&fixture, ids[1], new, CorrelationState::Failed)).await;
    prune().await;
    assert_eq!(left(new).await, (0, 0, 0), "a failed report has no accounts");
    fill(new).await;
    store.delete_job(fixture.tenant, job).await.expect("removed");
    assert!(store.accounts_of(job, new, &[0]).await.is_err());
}
