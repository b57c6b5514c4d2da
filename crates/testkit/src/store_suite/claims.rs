//! Claims on single objects.

use model::link::Intent;
use store::{Claim, Commit, SharedStore, StoreError};

use super::edges::want;
use super::fixture::{Fixture, at, id, linked, record};

/// What one holder claims, another does not get, until it is given back or has ended.
pub async fn claims_are_exclusive_until_they_end(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other_job = fixture.another_job(fixture.owner).await;
    let (one, other) = (id(), id());
    let claims = |sources: &[&str]| -> Vec<Claim> {
        sources.iter().map(|source| Claim { rule: "rule".into(), source: (*source).into() }).collect()
    };
    let claim = async |holder, sources: &[&str], now, until| {
        store.claim(&fixture.job, holder, claims(sources), at(now), at(until)).await.expect("asked")
    };
    assert_eq!(claim(one, &["a", "b"], 0, 10).await, []);
    assert_eq!(claim(other, &["b", "c"], 5, 15).await, claims(&["b"]), "the rest is taken");
    assert_eq!(claim(one, &["a", "c"], 9, 30).await, claims(&["c"]), "its own is renewed");
    assert_eq!(claim(other, &["a"], 29, 40).await, claims(&["a"]));
    assert_eq!(claim(other, &["b"], 10, 40).await, [], "it had ended");
    let elsewhere = store.claim(&other_job, one, claims(&["b"]), at(11), at(20)).await.expect("asked");
    assert_eq!(elsewhere, []);
    store.release_claims(&fixture.job, other).await.expect("given back");
    assert_eq!(claim(one, &["b", "c"], 12, 40).await, []);
    assert_eq!(claim(other, &["a", "b", "c"], 12, 40).await, claims(&["a", "b", "c"]));
    fixture.forget_links(&fixture.job).await;
    assert_eq!(claim(other, &["a", "b", "c"], 12, 40).await, []);
}

/// A holder of claims writes of the objects that it claimed, beside the holder of the lease, and of no others.
pub async fn claims_allow_to_write(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    store.lease(&fixture.job, id(), at(0), at(100)).await.expect("asked").expect("granted");
    let holder = id();
    let claim = |source: &str| Claim { rule: "rule".into(), source: source.into() };
    let taken = store.claim(&fixture.job, holder, vec![claim("a"), claim("b")], at(0), at(10)).await;
    assert_eq!(taken.expect("asked"), []);
    let held = async |now| {
        let sources = ["x".into(), "a".into()];
        store.claimed(&fixture.job, &sources, at(now)).await.expect("asked")
    };
    assert_eq!((held(5).await, held(10).await), (vec!["a".into()], Vec::new()));

    let under = |commit| Commit { claims: Some(holder), ..commit };
    let intent = Intent {
        rule: "rule".into(),
        kind: "User".into(),
        source: "a".into(),
        target_kind: "urn:User".into(),
        matching: Vec::new(),
    };
    let noted = Commit { intents: vec![intent.clone()], ..Commit::default() };
    store.commit(&fixture.job, under(noted)).await.expect("written");
    assert_eq!(store.open_intents(&fixture.job).await.expect("read"), [intent]);
    let whole = Commit {
        entries: vec![linked("rule", "a", "t1"), linked("rule", "b", "t2")],
        edges: vec![want("a", "manager", "b")],
        resolved: vec![("rule".into(), "a".into())],
        log: vec![record(id(), at(1), "a", Some("t1"))],
        ..Commit::default()
    };
    store.commit(&fixture.job, under(whole)).await.expect("written");
    assert!(store.open_intents(&fixture.job).await.expect("read").is_empty());
    let references = [("rule".into(), "a".into(), "b".into()), ("rule".into(), "b".into(), "a".into())];
    let due = store.due_edges_of(&fixture.job, at(1), &references).await.expect("read");
    assert_eq!(due, store.due_edges(&fixture.job, at(1), 9).await.expect("read"));
    assert_eq!(due.len(), 1);

    for foreign in [
        Commit { entries: vec![linked("rule", "c", "t3")], ..Commit::default() },
        Commit { entries: vec![linked("other", "a", "t3")], ..Commit::default() },
        Commit { edges: vec![want("c", "manager", "a")], ..Commit::default() },
        Commit { settled: vec![("rule".into(), "c".into())], ..Commit::default() },
        Commit { runtime: Some("state".into()), ..Commit::default() },
    ] {
        let refused = store.commit(&fixture.job, under(foreign)).await;
        assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    }
    // Another holder took the claim over once it had ended.
    store.claim(&fixture.job, id(), vec![claim("a")], at(10), at(20)).await.expect("asked");
    let late = Commit { entries: vec![linked("rule", "a", "t4")], ..Commit::default() };
    assert!(matches!(store.commit(&fixture.job, under(late)).await, Err(StoreError::Fenced)));
}
