//! Exclusions, released links, references that were exported, and drift.

use model::link::{Entry, Link, LinkState};
use model::{Anchor, Failure, FailureCode, Name};
use store::{Commit, Drift, DriftKind, EdgeWrite, Escrow, Exclusion, SharedStore, Unread, Wait};

use super::fixture::{Fixture, at, link, linked};
use super::want;

fn exclusion(source: &str, reason: &str) -> Exclusion {
    Exclusion { source: source.into(), reason: reason.into(), author: "me".into(), moment: at(4) }
}

fn drift(source: &str, what: DriftKind, found: &str, since: i64) -> Drift {
    Drift {
        rule: "rule".into(),
        source: source.into(),
        kind: "User".into(),
        target: Anchor::new(format!("t-{source}")),
        target_kind: "urn:User".into(),
        display_name: Some("Zoë".into()),
        what,
        attribute: if what == DriftKind::Missing { Name::default() } else { "title".into() },
        expected: (what != DriftKind::Added).then(|| "as it was".to_owned()),
        found: (what != DriftKind::Missing).then(|| found.to_owned()),
        since: at(since),
    }
}

/// An exclusion is one per object and job; a later reason takes the place of the earlier.
pub async fn exclusions_are_kept_by_object(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = fixture.another_job(fixture.owner).await;
    for (source, reason) in [("b", "one"), ("a", "two"), ("b", "it's three")] {
        store.exclude(&fixture.job, exclusion(source, reason)).await.expect("excluded");
    }
    let first = store.exclusions(&fixture.job, None, 1).await.expect("read");
    assert_eq!(first, [exclusion("a", "two")]);
    let rest = store.exclusions(&fixture.job, Some("a".into()), 9).await.expect("read");
    assert_eq!(rest, [exclusion("b", "it's three")]);
    assert_eq!(store.exclusions(&other, None, 9).await.expect("read"), []);
    // Links that are forgotten do not let anybody in again.
    fixture.forget_links(&fixture.job).await;
    assert!(store.readmit(&fixture.job, &"a".into()).await.expect("readmitted"));
    assert!(!store.readmit(&fixture.job, &"a".into()).await.expect("none left"));
    assert_eq!(store.exclusions(&fixture.job, None, 9).await.expect("read").len(), 1);
}

/// Released links are found by their moment while they are released.
pub async fn released_links_are_found_by_age(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let released = |rule: &str, source: &str| Entry {
        link: Some(Link { state: LinkState::Released, ..link(&format!("t-{rule}-{source}")) }),
        ..linked(rule, source, "x")
    };
    let moments = vec![
        ("rule".into(), "a".into(), at(10)),
        ("rule".into(), "b".into(), at(20)),
        ("z".into(), "a".into(), at(5)),
        ("rule".into(), "nobody".into(), at(1)),
    ];
    let entries = vec![released("rule", "a"), released("rule", "b"), released("z", "a")];
    fixture.commit(Commit { entries: entries.clone(), released: moments, ..Commit::default() }).await;
    let found = async |moment, after, limit| {
        store.released_before(&fixture.job, at(moment), after, limit).await.expect("read")
    };
    assert_eq!(found(20, None, 9).await, [entries[0].clone(), entries[2].clone()]);
    assert_eq!(found(21, Some(("rule".into(), "a".into())), 1).await, [entries[1].clone()]);
    // One that went and was linked anew is not as old as it was.
    fixture.commit(Commit { removed: vec![("z".into(), "a".into())], ..Commit::default() }).await;
    fixture.commit_entries(vec![released("z", "a")]).await;
    assert_eq!(found(21, None, 9).await, [entries[0].clone(), entries[1].clone()]);
    // One that is in use again is not.
    fixture.commit_entries(vec![linked("rule", "a", "t-rule-a")]).await;
    assert_eq!(found(21, None, 9).await, [entries[1].clone()]);
}

/// What was exported of a large attribute is read in pages.
pub async fn exported_references_are_paged(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let members: Vec<String> = (0..5).map(|number| format!("m{number}")).collect();
    let mut entries = vec![linked("rule", "team", "t-team")];
    entries.extend(members.iter().map(|member| linked("rule", member, &format!("t-{member}"))));
    let exported = |member: &String| EdgeWrite::Exported {
        rule: "rule".into(),
        owner: "team".into(),
        attribute: "members".into(),
        referenced: Anchor::new(member.clone()),
        target: Some(Anchor::new(format!("t-{member}"))),
    };
    let mut edges: Vec<EdgeWrite> = members.iter().map(|member| want("team", "members", member)).collect();
    edges.extend(members.iter().skip(1).map(exported));
    fixture.commit(Commit { entries, edges, ..Commit::default() }).await;
    let page = async |after: Option<&str>, limit| {
        let owner = ("rule", &Anchor::new("team"));
        let after = after.map(Anchor::new);
        let edges = store.exported_edges(&fixture.job, owner, "members", after, limit).await.expect("read");
        edges.into_iter().map(|edge| edge.referenced.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, ["m1", "m2"]);
    assert_eq!(page(Some("m2"), 9).await, ["m3", "m4"]);
}

/// What waits after a failure can be made due, all of it or object by object.
pub async fn retries_are_brought_forward(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let escrow = |source: &str| Escrow {
        rule: "rule".into(),
        kind: "User".into(),
        source: source.into(),
        failure: Failure::new(FailureCode::Conflict, "taken"),
        wait: Wait::Moment,
        unread: Unread::Nothing,
        attempts: 1,
        first: at(0),
        next: at(500),
    };
    let given_up = Escrow { wait: Wait::GivenUp, attempts: 31, ..escrow("c") };
    let retry = EdgeWrite::Retry {
        rule: "rule".into(),
        owner: "boss".into(),
        attribute: "manager".into(),
        referenced: "boss".into(),
        attempts: 3,
        first: at(1),
        next: Some(at(500)),
    };
    fixture
        .commit(Commit {
            entries: vec![linked("rule", "boss", "t-boss")],
            escrows: vec![escrow("a"), escrow("b"), given_up.clone()],
            edges: vec![want("boss", "manager", "boss"), retry],
            ..Commit::default()
        })
        .await;
    let due = async || store.due_escrows(&fixture.job, at(10), 9).await.expect("read").len();
    let one = Some(vec![(Name::from("rule"), Anchor::new("b")), ("rule".into(), "nobody".into())]);
    assert_eq!(store.retry_now(&fixture.job, one, at(10)).await.expect("written"), 1);
    assert_eq!(due().await, 1);
    assert_eq!(store.due_edges(&fixture.job, at(10), 9).await.expect("read"), []);
    assert_eq!(store.retry_now(&fixture.job, None, at(10)).await.expect("written"), 4);
    assert_eq!(due().await, 3);
    let begun_anew = Escrow { wait: Wait::Moment, attempts: 0, first: at(10), next: at(10), ..given_up };
    assert_eq!(store.escrows_of(&fixture.job, &["c".into()]).await.expect("read"), [begun_anew]);
    assert_eq!(store.due_edges(&fixture.job, at(10), 9).await.expect("read").len(), 1);
}

/// Drift keeps the moment of its first finding, and goes when a scan no longer finds it.
pub async fn drift_is_kept_from_scan_to_scan(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let first = vec![
        drift("a", DriftKind::Value, "x", 1),
        drift("a", DriftKind::Added, "m1", 1),
        drift("a", DriftKind::Added, "m2", 1),
        drift("b", DriftKind::Missing, "", 1),
    ];
    store.put_drift(&fixture.job, 1, first.clone()).await.expect("written");
    store.end_drift_scan(&fixture.job, 1).await.expect("ended");
    let read = async |after, limit| store.drift(&fixture.job, after, limit).await.expect("read");
    let found: Vec<Drift> = read(0, 9).await.into_iter().map(|(_, drift)| drift).collect();
    assert_eq!(found, first);
    let page = read(0, 2).await;
    assert_eq!(read(page[1].0, 9).await.len(), 2);

    let second = vec![drift("a", DriftKind::Value, "y", 9), drift("a", DriftKind::Added, "m2", 9)];
    store.put_drift(&fixture.job, 2, second).await.expect("written");
    store.end_drift_scan(&fixture.job, 2).await.expect("ended");
    let found: Vec<Drift> = read(0, 9).await.into_iter().map(|(_, drift)| drift).collect();
    assert_eq!(found, [drift("a", DriftKind::Value, "y", 1), drift("a", DriftKind::Added, "m2", 1)]);
}
