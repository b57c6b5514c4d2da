//! What outcomes mean, class by class.

use model::failure::ErrorClass;
use model::link::{LinkState, Origin};
use model::{Failure, FailureCode};
use sync::{Decision, Outcome, Settled, settle};

use crate::world::{World, account, link};

fn decisions() -> [(&'static str, Decision); 4] {
    let mut update = World::new();
    update.link = Some(link(LinkState::Active));
    update.target = vec![account().with("title", "Boss")];
    let mut disable = World::new();
    disable.link = Some(link(LinkState::Active));
    disable.target = vec![account()];
    disable.source().enabled = false;
    let mut delete = World::new();
    delete.link = Some(link(LinkState::Active));
    delete.source = None;
    [
        ("create", World::new().decide()),
        ("update", update.decide()),
        ("disable", disable.decide()),
        ("delete", delete.decide()),
    ]
}

fn meaning(decision: &Decision, class: &ErrorClass, last_chance: bool) -> &'static str {
    let failure = Failure::new(FailureCode::InternalError, "seen");
    let prints = World::new().policy.fingerprints;
    match settle(decision, &"User".into(), prints, &Outcome::Failed(class.clone(), failure), last_chance) {
        Settled::Commit(_) => "commit",
        Settled::Redecide { gone: Some(_), .. } => "gone",
        Settled::Redecide { lost: true, .. } => "lost",
        Settled::Redecide { .. } => "redecide",
        Settled::Defer(_) => "defer",
        Settled::Escrow(_) => "escrow",
        Settled::Check(_) => "check",
    }
}

#[test]
fn failures_by_class_and_action() {
    let rows = [
        (ErrorClass::NotFound, ["escrow", "gone", "gone", "commit"]),
        (ErrorClass::Conflict, ["redecide", "defer", "defer", "defer"]),
        (ErrorClass::Retry { after: None }, ["lost", "check", "check", "check"]),
        (ErrorClass::Throttled { after: None }, ["escrow", "escrow", "escrow", "escrow"]),
        (ErrorClass::Invalid { attribute: None }, ["escrow", "escrow", "escrow", "escrow"]),
        (ErrorClass::Permanent, ["escrow", "escrow", "escrow", "escrow"]),
        (ErrorClass::Unauthorized, ["check", "check", "check", "check"]),
        (ErrorClass::Unavailable, ["check", "check", "check", "check"]),
    ];
    for (class, expected) in rows {
        for ((name, decision), expected) in decisions().iter().zip(expected) {
            assert_eq!(meaning(decision, &class, false), expected, "{class:?} on {name}");
        }
    }
    let [_, (_, update), ..] = decisions();
    assert_eq!(meaning(&update, &ErrorClass::Conflict, true), "escrow", "nothing is put off at the end");
}

#[test]
fn success_makes_the_link() {
    let [(_, create), (_, update), (_, disable), (_, delete)] = decisions();
    let prints = World::new().policy.fingerprints;
    let done =
        |decision, object| match settle(decision, &"User".into(), prints, &Outcome::Done(object), false) {
            Settled::Commit(link) => link,
            other => panic!("{other:?}"),
        };
    let made = done(&create, Some(account())).unwrap();
    assert_eq!((made.anchor.as_str(), made.state, made.origin), ("u1", LinkState::Active, Origin::Created));
    assert_eq!(made.exported.len(), 4);
    assert!(made.exported.iter().all(|one| one.computed == one.shown));
    assert_eq!(done(&create, None), None, "an account without an id cannot be linked");
    assert!(!done(&update, None).unwrap().disabled);
    let mut renamed = account();
    renamed.anchor = "u1-renamed".into();
    assert_eq!(done(&update, None).unwrap().anchor.as_str(), "u1");
    assert_eq!(done(&update, Some(renamed)).unwrap().anchor.as_str(), "u1-renamed", "an id may change");
    assert!(done(&disable, None).unwrap().disabled);
    assert_eq!(done(&delete, None), None);
}
