//! Hints: links that a reset forgot.

use model::Name;
use model::link::Origin;
use store::{Commit, Hint, SharedStore};

use super::fixture::{Fixture, entry, linked};

/// A reset makes hints of links; hints stay until they are settled, also over another reset.
pub async fn links_become_hints(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let matched = |source: &str, target: &str| {
        let mut entry = linked("rule", source, target);
        if let Some(link) = &mut entry.link {
            link.origin = Origin::Matched;
        }
        entry
    };
    fixture
        .commit_entries(vec![
            linked("rule", "a", "A"),
            matched("b", "B"),
            entry("rule", "c"),
            linked("other", "a", "Z"),
        ])
        .await;
    fixture.forget_links(&fixture.job).await;
    assert!(store.links(&fixture.job, None, 10).await.expect("read").is_empty());
    let hint = |rule: &str, source: &str, target: &str, origin| Hint {
        rule: rule.into(),
        kind: "User".into(),
        source: source.into(),
        display_name: Some(Name::from(format!("Person {source}"))),
        target_kind: "urn:User".into(),
        target: target.into(),
        origin,
    };
    let page = store.hints(&fixture.job, None, 2).await.expect("read");
    assert_eq!(page, [hint("other", "a", "Z", Origin::Created), hint("rule", "a", "A", Origin::Created)]);
    let rest = store.hints(&fixture.job, Some(("rule".into(), "a".into())), 10).await.expect("read");
    assert_eq!(rest, [hint("rule", "b", "B", Origin::Matched)]);
    // A second reset takes the newer link and keeps the hint that no link took the place of.
    let unhinted = vec![("other".into(), "a".into())];
    fixture.commit(Commit { unhinted, entries: vec![linked("rule", "a", "A2")], ..Commit::default() }).await;
    fixture.forget_links(&fixture.job).await;
    let all = store.hints(&fixture.job, None, 10).await.expect("read");
    assert_eq!(all, [hint("rule", "a", "A2", Origin::Created), hint("rule", "b", "B", Origin::Matched)]);
    store.delete_job(fixture.tenant, &fixture.job).await.expect("removed");
}
