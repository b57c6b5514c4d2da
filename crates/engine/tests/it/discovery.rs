//! Account discovery: whose the accounts of a target are.

use std::collections::BTreeMap;

use engine::ControlError;
use model::correlation::{CorrelatedIdentity, Correlation, CorrelationCounts, CorrelationState};
use model::job::ScheduleState;
use model::{Anchor, SignedDuration, Value};
use store::CorrelatedQuery;
use testkit::{Fault, Gate, MemorySource, MemoryTarget, Method};

use crate::rig::{Rig, TENANT, group, schema, user};

fn source(page_size: usize) -> MemorySource {
    MemorySource::with_assignments().page_size(page_size)
}

async fn reports(rig: &Rig) -> Vec<Correlation> {
    rig.store.correlations(TENANT, None, 10).await.unwrap()
}

async fn rows(rig: &Rig, report: &Correlation) -> Vec<CorrelatedIdentity> {
    let query = CorrelatedQuery { limit: 10_000, ..CorrelatedQuery::default() };
    rig.store.correlated(&rig.job.id, report.run, query).await.unwrap()
}

/// Discovers the accounts to the end.
async fn discovered(rig: &Rig) -> Correlation {
    rig.clock.advance(SignedDuration::from_secs(1));
    let begun = rig.engine.discover_accounts(&rig.job, "client").await.unwrap();
    rig.engine.settle_plans(&rig.job).await;
    let reports = reports(rig).await;
    let report = reports.into_iter().find(|report| report.id == begun.id).unwrap();
    assert_ne!(report.state, CorrelationState::Running);
    report
}

/// Of each account, by the value it matches with: its status, its source object, and the code of what went wrong.
async fn told(rig: &Rig, report: &Correlation) -> BTreeMap<String, String> {
    let told = rows(rig, report).await.into_iter().map(|row| {
        let mut words = row.status.wire().to_owned();
        for more in [row.source.map(|source| source.anchor.value), row.error.map(|error| error.code)] {
            words.extend(more.map(|more| format!(" {more}")));
        }
        (row.target.matching.map_or_else(|| row.target.anchor.value.clone(), |one| one.value), words)
    });
    told.collect()
}

/// Waits until a report shows so many accounts as read.
async fn shown(rig: &Rig, accounts: u64) {
    while reports(rig).await[0].accounts < accounts {
        tokio::task::yield_now().await;
    }
}

fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(account, words)| ((*account).to_owned(), (*words).to_owned())).collect()
}

fn place(rig: &Rig, name: &str) -> Anchor {
    rig.target.place("account", &[("userName", name.into()), ("name", format!("Name of {name}").into())])
}

#[tokio::test]
async fn every_account_has_its_status_and_nothing_is_written() {
    let rig = Rig::with(source(3), MemoryTarget::new().page_size(2)).await;
    for number in 0..6 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(user(5).with("login", "user4"));
    for assigned in ["u0", "u1", "u3"] {
        rig.source.assign(assigned);
    }
    rig.source.disable("u1");
    rig.source.upsert(group("staff"));
    for name in ["USER0", "user1", "user2", "user4", "local"] {
        place(&rig, name);
    }
    let doubles = [place(&rig, "user3"), place(&rig, "User3")];
    let nameless = rig.target.place("account", &[("name", "x".into())]);
    rig.target.place("team", &[("name", "Staff".into())]);
    let report = discovered(&rig).await;
    let ambiguous = "failToCorrelate DuplicateTargetEntries";
    let all = expected(&[
        ("USER0", "correlatedAssigned u0"),
        ("user1", "correlatedNotAssigned u1"),
        ("user2", "correlatedNotAssigned u2"),
        ("user3", ambiguous),
        ("User3", ambiguous),
        ("user4", "failToCorrelate DuplicateSourceEntries"),
        ("local", "uncorrelated"),
        (nameless.as_str(), "uncorrelated"),
        ("Staff", "correlatedNotAssigned staff"),
    ]);
    // Values compare without regard to case, and are shown as each side has them.
    let rows = rows(&rig, &report).await;
    let mut found: BTreeMap<String, String> = told(&rig, &report).await;
    for (shown, name) in [("user0", "USER0"), ("staff", "Staff")] {
        let words = found.remove(shown).unwrap();
        found.insert(name.to_owned(), words);
    }
    assert_eq!(found, all);
    assert_eq!(rows.iter().filter(|row| doubles.contains(&row.account())).count(), 2);
    let ada =
        rows.iter().find(|row| row.source.as_ref().is_some_and(|one| one.anchor.value == "u0")).unwrap();
    let of_ada = ada.source.as_ref().unwrap();
    assert_eq!((of_ada.kind.as_str(), of_ada.anchor.name.as_str()), ("User", "id"));
    let matching = of_ada.matching.as_ref().unwrap();
    assert_eq!((matching.name.as_str(), matching.value.as_str()), ("login", "user0"));
    assert_eq!((ada.target.kind.as_str(), ada.target.anchor.name.as_str()), ("account", "id"));
    assert_eq!((report.state, report.accounts, report.objects), (CorrelationState::Complete, 9, 7));
    let counts = CorrelationCounts {
        uncorrelated: 2,
        correlated_not_assigned: 3,
        correlated_assigned: 1,
        fail_to_correlate: 3,
    };
    assert_eq!((report.counts, report.ended.is_some(), report.error), (counts, true, None));
    assert_eq!(rig.target.calls().writes(), 0);
    assert_eq!(rig.target.calls().of(Method::Find) + rig.target.calls().of(Method::Read), 0);
    assert!(rig.store.links(&rig.job.id, None, 10).await.unwrap().is_empty() && rig.log().await.is_empty());
}

#[tokio::test]
async fn objects_of_different_pages_contest_an_account() {
    for page_size in [1, 2] {
        let rig = Rig::with(source(page_size), MemoryTarget::new()).await;
        for number in 0..4 {
            rig.source.upsert(user(number).with("login", "same"));
        }
        place(&rig, "same");
        let report = discovered(&rig).await;
        let all = expected(&[("same", "failToCorrelate DuplicateSourceEntries")]);
        assert_eq!(told(&rig, &report).await, all);
        assert_eq!((report.counts.fail_to_correlate, report.counts.uncorrelated), (1, 0));
    }
}

#[tokio::test]
async fn a_link_says_more_than_a_match() {
    let rig = Rig::with(source(10), MemoryTarget::new()).await;
    for number in 0..4 {
        rig.source.upsert(user(number));
        rig.source.assign(&format!("u{number}"));
    }
    rig.good_cycle().await;
    let anchor = |number: u32| rig.account_anchor(&format!("user{number}"));
    let anchors = [anchor(0), anchor(1), anchor(2)];
    // Somebody renames accounts: they stay whose they are, also where another object matches now.
    rig.target.alter(&anchors[0], "userName", "renamed".into());
    rig.target.alter(&anchors[1], "userName", "user3".into());
    rig.target.take_away(&anchors[2]);
    rig.source.unassign("u3");
    rig.target.forget_calls();
    let report = discovered(&rig).await;
    let by_source: BTreeMap<String, (String, String)> = rows(&rig, &report)
        .await
        .into_iter()
        .map(|row| {
            let source = row.source.clone().unwrap().anchor.value;
            (source, (row.account().to_string(), row.status.wire().to_owned()))
        })
        .collect();
    let row = |anchor: &Anchor, status: &str| (anchor.to_string(), status.to_owned());
    let last =
        rig.target.objects("account").into_iter().map(|one| one.anchor).find(|one| !anchors.contains(one));
    let all = BTreeMap::from([
        ("u0".to_owned(), row(&anchors[0], "correlatedAssigned")),
        ("u1".to_owned(), row(&anchors[1], "correlatedAssigned")),
        ("u3".to_owned(), row(&last.unwrap(), "correlatedNotAssigned")),
    ]);
    assert_eq!(by_source, all);
    assert_eq!(rig.target.calls().writes(), 0);
}

#[tokio::test]
async fn a_report_is_replaced_once_the_next_is_complete() {
    let rig = Rig::with(source(10), MemoryTarget::new()).await;
    rig.source.upsert(user(0));
    place(&rig, "user0");
    let first = discovered(&rig).await;
    let gate = Gate::new();
    rig.source.faults().next(Method::Changes, Fault::Hold(gate.clone()));
    rig.clock.advance(SignedDuration::from_secs(1));
    let second = rig.engine.discover_accounts(&rig.job, "client").await.unwrap();
    gate.arrival().await;
    let refused = rig.engine.discover_accounts(&rig.job, "client").await.unwrap_err();
    assert!(
        matches!(&refused, ControlError::Unfit(words) if words.contains(&second.id.to_string())),
        "{refused}"
    );
    shown(&rig, 1).await;
    let both = reports(&rig).await;
    assert_eq!(both.iter().map(|one| one.id).collect::<Vec<_>>(), [second.id, first.id]);
    assert_eq!((both[0].state, both[0].accounts), (CorrelationState::Running, 1));
    assert_eq!(rows(&rig, &first).await.len(), 1);
    gate.open();
    rig.engine.settle_plans(&rig.job).await;
    let left = reports(&rig).await;
    assert_eq!(
        left.iter().map(|one| (one.id, one.state)).collect::<Vec<_>>(),
        [(second.id, CorrelationState::Complete)]
    );
    assert!(rows(&rig, &first).await.is_empty(), "the old accounts are gone");
    assert_eq!(rows(&rig, &left[0]).await.len(), 1);
}

#[tokio::test]
async fn what_broke_off_is_begun_anew() {
    let mut rig = Rig::with(source(10), MemoryTarget::new().page_size(1)).await;
    rig.job.schedule.state = ScheduleState::Paused;
    rig.store.update_job(rig.job.clone()).await.unwrap();
    rig.source.upsert(user(0));
    for name in ["user0", "local"] {
        place(&rig, name);
    }
    let gate = Gate::new();
    rig.source.faults().next(Method::Changes, Fault::Hold(gate.clone()));
    let begun = rig.engine.discover_accounts(&rig.job, "client").await.unwrap();
    gate.arrival().await;
    let ending = rig.engine.clone();
    let end = tokio::spawn(async move { ending.shutdown().await });
    tokio::task::yield_now().await;
    // The answer comes when the process is told to end already.
    gate.open();
    end.await.unwrap();
    let broken = reports(&rig).await.remove(0);
    // Where the answer was the last one, the report may be done; the process may also die with it.
    let broken = Correlation { state: CorrelationState::Running, ended: None, ..broken };
    rig.store.put_correlation(broken.clone()).await.unwrap();
    rig.restart_process().await;
    rig.engine.start().await.unwrap();
    rig.engine.settle_plans(&rig.job).await;
    let report = reports(&rig).await.remove(0);
    assert_eq!((report.id, report.state, report.accounts), (begun.id, CorrelationState::Complete, 2));
    assert_ne!(report.run, broken.run);
    assert!(rows(&rig, &broken).await.is_empty(), "what the first attempt left is gone");
    let all = expected(&[("user0", "correlatedNotAssigned u0"), ("local", "uncorrelated")]);
    assert_eq!(told(&rig, &report).await, all);
    rig.engine.shutdown().await;
}

#[tokio::test]
async fn a_report_that_fails_says_why_and_shows_nothing() {
    let rig = Rig::with(source(10), MemoryTarget::new()).await;
    rig.source.upsert(user(0));
    place(&rig, "user0");
    let complete = discovered(&rig).await;
    for method in [Method::List, Method::Changes] {
        rig.target.faults().next(method, Fault::Refuse(connector::ErrorClass::Unauthorized));
        rig.source.faults().next(method, Fault::Refuse(connector::ErrorClass::Unauthorized));
        let failed = discovered(&rig).await;
        rig.target.faults().heal();
        rig.source.faults().heal();
        assert_eq!((failed.state, failed.ended.is_some()), (CorrelationState::Failed, true), "{method:?}");
        let error = failed.error.clone().unwrap();
        assert!(!error.code.is_empty() && !error.message.is_empty(), "{error:?}");
        assert!(rows(&rig, &failed).await.is_empty());
    }
    let states: Vec<_> =
        reports(&rig).await.into_iter().map(|one| (one.state, one.id == complete.id)).collect();
    assert_eq!(states, [(CorrelationState::Failed, false), (CorrelationState::Complete, true)]);
    assert_eq!(rows(&rig, &complete).await.len(), 1);

    let capabilities =
        connector::TypeCapabilities { kind: "account".into(), list: false, ..Default::default() };
    let rig = Rig::with(source(10), MemoryTarget::new().with_type(capabilities)).await;
    let refused = rig.engine.discover_accounts(&rig.job, "client").await.unwrap_err();
    assert!(refused.to_string().contains("cannot list its objects of the type 'account'"), "{refused}");
}

#[tokio::test]
async fn a_list_that_does_not_end_is_given_up() {
    let rig = Rig::with(source(10), MemoryTarget::new().page_size(1).listing_in_circles()).await;
    rig.source.upsert(user(0));
    for name in ["user0", "local"] {
        place(&rig, name);
    }
    let failed = discovered(&rig).await;
    assert_eq!(failed.state, CorrelationState::Failed);
    let error = failed.error.clone().unwrap();
    assert!(error.message.contains("does not end"), "{error:?}");
    assert!(rows(&rig, &failed).await.is_empty());
}

#[tokio::test]
async fn a_list_that_does_not_end_is_no_index_of_an_initial_cycle() {
    let rig = Rig::with(source(10), MemoryTarget::new().page_size(1).listing_in_circles()).await;
    for number in 0..2 {
        rig.source.upsert(user(number));
        rig.source.assign(&format!("u{number}"));
    }
    place(&rig, "user0");
    rig.good_cycle().await;
    assert_eq!(rig.target.objects("account").len(), 2, "the account that is there was found by its name");
}

#[tokio::test]
async fn values_that_may_not_be_shown_are_not() {
    let mut schema = schema();
    let mappings = &mut schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"];
    mappings[0]["source"]["expression"] = "Redact([login])".into();
    mappings[0]["source"]["type"] = "Function".into();
    let rig = Rig::of(source(10), MemoryTarget::new(), schema, testkit::SeededEntropy::new(1)).await;
    rig.source.upsert(user(0));
    rig.source.assign("u0");
    for name in ["user0", "local"] {
        place(&rig, name);
    }
    let report = discovered(&rig).await;
    let statuses: Vec<&str> = rows(&rig, &report).await.iter().map(|row| row.status.wire()).collect();
    assert!(statuses.contains(&"correlatedAssigned") && statuses.contains(&"uncorrelated"), "{statuses:?}");
    for row in rows(&rig, &report).await {
        let text =
            serde_json::to_string(&(&row.target.matching, row.source.map(|one| one.matching))).unwrap();
        assert!(text.contains("[Redact]") && !text.contains("user0") && !text.contains("local"), "{text}");
    }
}

#[tokio::test]
async fn links_to_another_target_say_nothing() {
    let rig = Rig::with(source(10), MemoryTarget::new()).await;
    rig.source.upsert(user(0));
    rig.source.assign("u0");
    rig.good_cycle().await;
    rig.target.alter(&rig.account_anchor("user0"), "userName", Value::from("other"));
    let report = discovered(&rig).await;
    assert_eq!(told(&rig, &report).await, expected(&[("other", "correlatedAssigned u0")]));
    rig.factory.move_to("elsewhere");
    // The job is made ready anew.
    rig.set_secrets(&[("BaseAddress", "elsewhere")]).await;
    let report = discovered(&rig).await;
    assert_eq!(told(&rig, &report).await, expected(&[("other", "uncorrelated")]));
}
