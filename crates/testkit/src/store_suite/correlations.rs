//! Reports about the accounts of targets.

use model::correlation::{
    CorrelatedIdentity, CorrelatedParty, Correlation, CorrelationCounts, CorrelationState, CorrelationStatus,
    NamedValue,
};
use model::job::ErrorText;
use model::{Name, TenantId, Uuid};
use store::{CorrelatedQuery, FoundBy, SharedStore, StoreError};

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

fn account(target: &str, seconds: i64) -> CorrelatedIdentity {
    let named = |name: &str, value: &str| NamedValue { name: name.into(), value: value.into() };
    CorrelatedIdentity {
        id: id(),
        moment: at(seconds),
        status: CorrelationStatus::Uncorrelated,
        linked: false,
        source: None,
        target: CorrelatedParty {
            kind: "User".into(),
            anchor: named("id", target),
            matching: Some(named("userName", target)),
            display_name: Some("Zażółć".into()),
        },
        error: None,
    }
}

fn found_by(account: &CorrelatedIdentity, value: &str) -> FoundBy {
    (account.clone(), vec![("userName".into(), value.to_owned())])
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

/// Accounts are found by anchor, by value and by id, page by page, and stay within their run.
pub async fn accounts_are_found_and_paged(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let (job, run, other_run) = (&fixture.job, id(), id());
    let kind = Name::from("User");
    let accounts: Vec<CorrelatedIdentity> =
        ["a", "b", "c", "d"].iter().zip(1..).map(|(name, second)| account(name, second / 2)).collect();
    let rows = accounts.iter().zip(["x", "x", "y", "z"]).map(|(one, value)| found_by(one, value)).collect();
    assert_eq!(store.add_correlated(job, run, rows).await.expect("added"), 4);
    let again = vec![found_by(&account("a", 99), "q"), found_by(&account("e", 9), "y")];
    assert_eq!(store.add_correlated(job, run, again).await.expect("added"), 1, "what is there stays");
    let by = async |run, kind: &str, values: &[&str]| {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let found = store.correlated_by(job, run, &kind.into(), &"userName".into(), &values).await;
        let mut found: Vec<(String, String)> = found
            .expect("read")
            .into_iter()
            .map(|(value, account)| (value, account.target.anchor.value))
            .collect();
        found.sort();
        found
    };
    let pair = |value: &str, target: &str| (value.to_owned(), target.to_owned());
    assert_eq!(by(run, "User", &["x", "z", "q"]).await, [pair("x", "a"), pair("x", "b"), pair("z", "d")]);
    assert!(by(run, "Group", &["x"]).await.is_empty() && by(other_run, "User", &["x"]).await.is_empty());

    let changed = CorrelatedIdentity {
        status: CorrelationStatus::CorrelatedAssigned,
        moment: at(50),
        source: Some(accounts[0].target.clone()),
        ..accounts[1].clone()
    };
    store.put_correlated(job, run, vec![changed.clone(), account("none", 1)]).await.expect("written");
    let of = store.correlated_of(job, run, &kind, &["b".into(), "none".into(), "a".into()]).await;
    assert_eq!(of.expect("read"), [changed.clone(), accounts[0].clone()]);
    assert_eq!(store.correlated_one(job, run, changed.id).await.expect("read"), Some(changed.clone()));
    assert_eq!(store.correlated_one(job, other_run, changed.id).await.expect("read"), None);

    let page = async |status, descending, after, limit| {
        let query = CorrelatedQuery { status, descending, after, limit };
        let found = store.correlated(job, run, query).await.expect("read");
        let last = found.last().map(|one| (one.moment, one.id));
        (found.into_iter().map(|one| one.target.anchor.value).collect::<Vec<_>>(), last)
    };
    let mut between = [&accounts[2], &accounts[3]];
    between.sort_by_key(|one| (one.moment, one.id));
    let names: Vec<&str> = between.iter().map(|one| one.target.anchor.value.as_str()).collect();
    let expected = ["a", names[0], names[1], "e", "b"];
    assert_eq!(page(None, false, None, 9).await.0, expected);
    let (first, last) = page(None, false, None, 2).await;
    assert_eq!(first, expected[..2]);
    assert_eq!(page(None, false, last, 9).await.0, expected[2..]);
    let (first, last) = page(None, true, None, 2).await;
    assert_eq!(first, ["b", "e"]);
    assert_eq!(page(None, true, last, 1).await.0, [names[1]]);
    let assigned = Some(CorrelationStatus::CorrelatedAssigned);
    assert_eq!(page(assigned, false, None, 9).await.0, ["b"]);
    assert_eq!(
        page(Some(CorrelationStatus::Uncorrelated), false, None, 9).await.0,
        ["a", names[0], names[1], "e"]
    );
}

/// What no report needs goes, some at a time; all goes with the job.
pub async fn accounts_of_no_report_go(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let (job, ids) = (&fixture.job, ids(2));
    let (old, new, stray) = (id(), id(), id());
    for run in [old, new, stray] {
        let row = found_by(&account("a", 1), "x");
        store.add_correlated(job, run, vec![row]).await.expect("added");
    }
    let put = async |report: Correlation| store.put_correlation(report).await.expect("written");
    let prune = async || while store.prune_correlated(job).await.expect("pruned") {};
    let left = async |run| {
        let query = CorrelatedQuery { limit: 9, ..CorrelatedQuery::default() };
        let rows = store.correlated(job, run, query).await.expect("read").len();
        let keys = store.correlated_by(job, run, &"User".into(), &"userName".into(), &["x".into()]).await;
        (rows, keys.expect("read").len())
    };
    put(report(&fixture, ids[0], old, CorrelationState::Complete)).await;
    put(report(&fixture, ids[1], new, CorrelationState::Running)).await;
    prune().await;
    assert_eq!((left(old).await, left(new).await, left(stray).await), ((1, 0), (1, 1), (0, 0)));
    put(report(&fixture, ids[1], new, CorrelationState::Complete)).await;
    prune().await;
    assert_eq!((left(old).await, left(new).await), ((0, 0), (1, 0)));
    put(report(&fixture, ids[1], new, CorrelationState::Failed)).await;
    prune().await;
    assert_eq!(left(new).await, (0, 0), "a failed report has no accounts");
    store.add_correlated(job, new, vec![found_by(&account("a", 1), "x")]).await.expect("added");
    store.delete_job(fixture.tenant, job).await.expect("removed");
    let query = CorrelatedQuery { limit: 9, ..CorrelatedQuery::default() };
    assert!(store.correlated(job, new, query).await.is_err());
}
