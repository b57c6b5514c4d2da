//! Escrows, staged removals and intents.

use model::link::{Intent, StagedKind};
use model::provisioning::Inactive;
use model::{Failure, FailureCode, Timestamp, Value};
use store::{Commit, Escrow, Forgotten, SharedStore, Staged, StoreError, Unread, Wait};

use super::fixture::{Fixture, at, entry, linked};

fn escrow(rule: &str, source: &str, next: i64) -> Escrow {
    Escrow {
        rule: rule.into(),
        kind: "User".into(),
        source: source.into(),
        failure: Failure::new(FailureCode::EntryConflict, "it's “taken”").on("userName"),
        wait: Wait::Moment,
        unread: Unread::Nothing,
        attempts: 2,
        first: at(0),
        next: at(next),
    }
}

fn staged(source: &str, action: StagedKind) -> Staged {
    Staged {
        rule: "rule".into(),
        kind: "User".into(),
        source: source.into(),
        action,
        reason: Some(Inactive::NotEntitled),
        absent: source == "absent",
        moment: at(3),
        held: false,
    }
}

/// Escrows are due by their moment, at the end of the cycle, or not at all; they are settled and written over.
pub async fn escrows_fall_due(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = fixture.another_job(fixture.owner).await;
    let deferred = Escrow { wait: Wait::CycleEnd, ..escrow("rule", "d", 500) };
    let escrows =
        vec![escrow("rule", "c", 30), deferred.clone(), escrow("rule", "a", 10), escrow("z", "a", 20)];
    fixture.commit(Commit { escrows, entries: vec![entry("rule", "c")], ..Commit::default() }).await;
    let due = async |now, limit| store.due_escrows(&fixture.job, at(now), limit).await.expect("read");
    assert_eq!(due(9, 10).await, std::slice::from_ref(&deferred));
    let all = due(30, 10).await;
    let waited: Vec<&Escrow> = all.iter().filter(|escrow| escrow.wait == Wait::Moment).collect();
    assert_eq!(waited, [&escrow("rule", "a", 10), &escrow("z", "a", 20), &escrow("rule", "c", 30)]);
    assert_eq!(all.len(), 4);
    assert_eq!(due(30, 2).await.len(), 2);
    assert_eq!(store.escrow_count(&fixture.job).await.expect("read"), 3);
    assert!(
        store.next_due(&fixture.job).await.expect("read").expect("deferred ones wait for nothing") <= at(0)
    );
    assert_eq!(store.next_due(&other).await.expect("read"), None);

    let settled = vec![("rule".into(), "d".into()), ("rule".into(), "nobody".into())];
    let again = Escrow { attempts: 3, ..escrow("rule", "a", 40) };
    fixture.commit(Commit { escrows: vec![again.clone()], settled, ..Commit::default() }).await;
    assert_eq!(store.next_due(&fixture.job).await.expect("read"), Some(at(20)));
    let of = store.escrows_of(&fixture.job, &["a".into(), "nobody".into()]).await.expect("read");
    assert_eq!(of.len(), 2);
    assert!(of.contains(&again) && of.contains(&escrow("z", "a", 20)));
    // An entry that goes takes its escrow along.
    fixture.commit(Commit { removed: vec![("rule".into(), "c".into())], ..Commit::default() }).await;
    assert_eq!(store.escrow_count(&fixture.job).await.expect("read"), 2);
    let after = async |moment| store.next_due_after(&fixture.job, at(moment)).await.expect("read");
    assert_eq!((after(0).await, after(20).await, after(40).await), (Some(at(20)), Some(at(40)), None));
    let made = |unread| Escrow { unread, ..escrow("rule", "made", 70) };
    for unread in [Unread::Present, Unread::SinceMade] {
        fixture.commit(Commit { escrows: vec![made(unread)], ..Commit::default() }).await;
        assert_eq!(store.escrows_of(&fixture.job, &["made".into()]).await.expect("read"), [made(unread)]);
    }
    fixture.forget_escrows().await;
    // What is to follow a new account is not forgotten.
    let kept = Escrow { wait: Wait::CycleEnd, attempts: 0, ..made(Unread::SinceMade) };
    assert_eq!(store.escrows(&fixture.job, None, 9).await.expect("read"), [kept]);
    // What waits for a change is never due, counts for nothing, and is not forgotten either.
    let rests = Escrow { wait: Wait::Change, attempts: 0, ..made(Unread::SinceMade) };
    fixture.commit(Commit { escrows: vec![rests.clone()], ..Commit::default() }).await;
    fixture.forget_escrows().await;
    assert_eq!(store.escrows(&fixture.job, None, 9).await.expect("read"), [rests]);
    assert_eq!(store.due_escrows(&fixture.job, at(900), 9).await.expect("read"), []);
    assert_eq!(store.next_due(&fixture.job).await.expect("read"), None::<Timestamp>);
    assert_eq!(after(0).await, None);
    assert_eq!(store.escrow_count(&fixture.job).await.expect("read"), 0);
    assert_eq!(store.retry_now(&fixture.job, None, at(1)).await.expect("write"), 0);
    // So is what was given up, and it stays with what is to follow.
    let given_up = Escrow { wait: Wait::GivenUp, ..made(Unread::SinceMade) };
    let forgotten = Escrow { wait: Wait::GivenUp, ..escrow("rule", "b", 70) };
    fixture.commit(Commit { escrows: vec![given_up.clone(), forgotten], ..Commit::default() }).await;
    assert_eq!(store.due_escrows(&fixture.job, at(900), 9).await.expect("read"), []);
    assert_eq!(store.next_due(&fixture.job).await.expect("read"), None::<Timestamp>);
    assert_eq!((after(0).await, store.escrow_count(&fixture.job).await.expect("read")), (None, 0));
    fixture.forget_escrows().await;
    assert_eq!(store.escrows(&fixture.job, None, 9).await.expect("read"), [given_up]);
    let settled = vec![("rule".into(), "made".into())];
    fixture.commit(Commit { settled, ..Commit::default() }).await;
    assert_eq!(store.escrows(&fixture.job, None, 9).await.expect("read"), []);
}

/// What is forgotten goes with its commit or not at all.
pub async fn a_refused_commit_forgets_nothing(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let rows = Commit {
        entries: vec![linked("rule", "s", "t")],
        escrows: vec![escrow("rule", "a", 20)],
        ..Commit::default()
    };
    fixture.commit(rows).await;
    let forgotten = Forgotten { escrows: true, links: true };
    let runtime = Some("reads everything".to_owned());
    let commit = |fence| Commit { fence, forgotten, runtime: runtime.clone(), ..Commit::default() };
    let refused = store.commit(&fixture.job, commit(7)).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    let held = async || {
        let links = store.links(&fixture.job, None, 9).await.expect("read").len();
        (store.escrow_count(&fixture.job).await.expect("read"), links)
    };
    assert_eq!(held().await, (1, 1));
    fixture.commit(commit(0)).await;
    assert_eq!(held().await, (0, 0));
    assert_eq!(store.hints(&fixture.job, None, 9).await.expect("read").len(), 1);
    assert_eq!(store.runtime(&fixture.job).await.expect("read"), runtime);
}

/// Pages go by rising rule and source.
pub async fn escrows_are_paged(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let mut expected: Vec<Escrow> = ["z", "a"]
        .into_iter()
        .flat_map(|rule| (0..7).map(move |number| escrow(rule, &format!("s{number}"), 60 - number)))
        .collect();
    fixture.commit(Commit { escrows: expected.clone(), ..Commit::default() }).await;
    expected.sort_by_key(|escrow| (escrow.rule.clone(), escrow.source.clone()));
    let mut read: Vec<Escrow> = Vec::new();
    loop {
        let after = read.last().map(|escrow| (escrow.rule.clone(), escrow.source.clone()));
        let page = store.escrows(&fixture.job, after, 3).await.expect("read");
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, expected);
}

/// Staged rows are paged, counted by type and kind, written over and taken back.
pub async fn staged_rows_are_counted(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let group = Staged { kind: "Group".into(), ..staged("g", StagedKind::Delete) };
    let rows = vec![
        staged("b", StagedKind::Disable),
        staged("a", StagedKind::Delete),
        group.clone(),
        staged("absent", StagedKind::Delete),
    ];
    fixture.commit(Commit { staged: rows, ..Commit::default() }).await;
    let counted = async || {
        let mut counts = store.staged_counts(&fixture.job).await.expect("read");
        counts.sort_by_key(|one| (one.kind.clone(), one.action == StagedKind::Delete, one.held));
        counts
            .into_iter()
            .map(|one| (one.kind.to_string(), one.action, one.held, one.count))
            .collect::<Vec<_>>()
    };
    let of = |kind: &str, action, held, count| (kind.to_owned(), action, held, count);
    let expected = [
        of("Group", StagedKind::Delete, false, 1),
        of("User", StagedKind::Disable, false, 1),
        of("User", StagedKind::Delete, false, 2),
    ];
    assert_eq!(counted().await, expected);
    let held = Staged { held: true, reason: Some(Inactive::Gone), ..staged("a", StagedKind::Disable) };
    let unstaged = vec![("rule".into(), "absent".into())];
    fixture.commit(Commit { staged: vec![held.clone()], unstaged, ..Commit::default() }).await;
    let expected = [
        of("Group", StagedKind::Delete, false, 1),
        of("User", StagedKind::Disable, false, 1),
        of("User", StagedKind::Disable, true, 1),
    ];
    assert_eq!(counted().await, expected);
    let page = store.staged(&fixture.job, None, 2).await.expect("read");
    assert_eq!(page, [held.clone(), staged("b", StagedKind::Disable)]);
    let page = store.staged(&fixture.job, Some(("rule".into(), "b".into())), 10).await.expect("read");
    assert_eq!(page, [group]);
    let of = store.staged_of(&fixture.job, &["nobody".into(), "a".into()]).await.expect("read");
    assert_eq!(of, [held]);
    fixture.commit(Commit { removed: vec![("rule".into(), "a".into())], ..Commit::default() }).await;
    assert_eq!(store.staged(&fixture.job, None, 10).await.expect("read").len(), 2);
}

/// Intents stay until they are resolved.
pub async fn intents_outlive_their_writer(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let intent = |source: &str, value: Value| Intent {
        rule: "rule".into(),
        kind: "User".into(),
        source: source.into(),
        target_kind: "urn:User".into(),
        matching: vec![("userName".into(), value), ("externalId".into(), Value::Integer(-7))],
    };
    let several = Value::list(["a".into(), Value::DateTime(at(1)), Value::Reference("x".into())]);
    let intents = vec![intent("a", "ä@x".into()), intent("b", several.clone())];
    store.begin_creates(&fixture.job, 0, intents.clone()).await.expect("written");
    store.begin_creates(&fixture.job, 0, vec![intent("a", Value::Boolean(true))]).await.expect("written");
    let mut open = store.open_intents(&fixture.job).await.expect("read");
    open.sort_by_key(|intent| intent.source.clone());
    assert_eq!(open, [intent("a", Value::Boolean(true)), intent("b", several)]);
    fixture.commit(Commit { resolved: vec![("rule".into(), "b".into())], ..Commit::default() }).await;
    assert_eq!(store.open_intents(&fixture.job).await.expect("read").len(), 1);
    fixture.forget_links(&fixture.job).await;
    assert!(store.open_intents(&fixture.job).await.expect("read").is_empty());
}
