//! Claims on single objects.

use store::{Claim, SharedStore};

use super::fixture::{Fixture, at, id};

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
    store.clear_links(&fixture.job).await.expect("cleared");
    assert_eq!(claim(other, &["a", "b", "c"], 12, 40).await, []);
}
