//! What a job may touch: ownership, accounts that are never touched, excluded objects, limited writes.

use model::link::{LinkState, Origin, StagedKind};
use model::policies::Ownership;
use model::provisioning::Step as TraceStep;
use model::schema::FilterGroup;
use model::settings::{Limit, TargetVerification};
use serde_json::json;
use sync::{Limits, Need};

use crate::decide::{active_link, released_link, row, words};
use crate::world::{World, account, link, schema};

fn own_only(world: &mut World) {
    world.policy.ownership = Ownership::CreatedByJob;
}

fn matched_link(world: &mut World) {
    own_only(world);
    active_link(world);
    world.link.as_mut().unwrap().origin = Origin::Matched;
    world.target = vec![account().with("title", "Boss")];
}

#[test]
fn accounts_that_another_made_are_linked_and_left_alone() {
    let found = |world: &mut World| {
        own_only(world);
        world.target = vec![account().with("title", "Boss")];
    };
    assert_eq!(row(found), "skip NotOwned; Active Matched");
    assert_eq!(row(matched_link), "skip NotOwned; keep");
    let trusted = |world: &mut World| {
        matched_link(world);
        world.policy.verification = TargetVerification::Trust;
    };
    assert_eq!(row(trusted), "skip NotOwned; keep");
    let disabled = |world: &mut World| {
        matched_link(world);
        world.source().enabled = false;
    };
    assert_eq!(row(disabled), "skip NotOwned; keep");
    let gone = |world: &mut World| {
        matched_link(world);
        world.source = None;
    };
    assert_eq!(row(gone), "skip NotOwned; remove");
    // One that is gone at the target is made anew, and is the job's own then.
    let vanished = |world: &mut World| {
        matched_link(world);
        world.target.clear();
    };
    assert_eq!(row(vanished), "create; Active Created");
    let own = |world: &mut World| {
        own_only(world);
        active_link(world);
        world.target = vec![account().with("title", "Boss")];
    };
    assert_eq!(row(own), "update u1; Active Created");
}

fn groups(operator: &str, attribute: &str, value: &str) -> Vec<FilterGroup> {
    let clause = json!({"sourceOperandName": attribute, "operatorName": operator, "targetOperand": {"values": [value]}});
    serde_json::from_value(json!([{"clauses": [clause]}])).unwrap()
}

fn protected(world: &mut World) {
    let schema = serde_json::from_value(schema()).unwrap();
    world.program.protect(&schema, &groups("EQUALS", "title", "Root")).unwrap();
    world.target = vec![account().with("title", "Root")];
}

#[test]
fn accounts_that_are_never_touched_are_not_linked_changed_disabled_or_deleted() {
    assert_eq!(row(protected), "skip NeverTouch; keep");
    let linked = |world: &mut World| {
        active_link(world);
        protected(world);
    };
    assert_eq!(row(linked), "skip NeverTouch; remove");
    let trusted = |world: &mut World| {
        linked(world);
        world.policy.verification = TargetVerification::Trust;
    };
    assert_eq!(row(trusted), "skip NeverTouch; remove");
    let disabled = |world: &mut World| {
        linked(world);
        world.stage = true;
        world.source().enabled = false;
    };
    assert_eq!(row(disabled), "skip NeverTouch; remove");
    let gone = |world: &mut World| {
        linked(world);
        world.source = None;
    };
    assert_eq!(row(gone), "skip NeverTouch; remove");
    let intended = |world: &mut World| {
        protected(world);
        world.intent = true;
        world.source = None;
    };
    assert_eq!(row(intended), "skip NeverTouch; keep");
    // One that would be such an account is not made.
    let made = |world: &mut World| {
        protected(world);
        world.target.clear();
        world.source().object.attributes.set("title", "Root".into());
    };
    assert_eq!(row(made), "skip NeverTouch; keep");
    let other = |world: &mut World| {
        active_link(world);
        protected(world);
        world.target = vec![account().with("title", "Boss")];
    };
    assert_eq!(row(other), "update u1; Active Created");
}

#[test]
fn the_words_say_which_clause_protects() {
    let mut world = World::new();
    protected(&mut world);
    let decision = world.decide();
    let said: Vec<String> = decision.trace.iter().map(TraceStep::describe).collect();
    assert!(said.contains(&"The account is never touched: title EQUALS 'Root'.".to_owned()), "{said:?}");
}

#[test]
fn clauses_that_no_target_type_can_satisfy_are_refused() {
    let mut world = World::new();
    let schema = serde_json::from_value(schema()).unwrap();
    let wrong = world.program.protect(&schema, &groups("EQUALS", "tilte", "Root")).unwrap_err();
    assert!(wrong.contains("tilte EQUALS 'Root'"), "{wrong}");
    let wrong = world.program.protect(&schema, &groups("LIKE", "title", "Root")).unwrap_err();
    assert!(wrong.contains("LIKE"), "{wrong}");
    let wrong = world.program.protect(&schema, &groups("IsMemberOf", "title", "admins")).unwrap_err();
    assert!(wrong.contains("objects of the source"), "{wrong}");
}

#[test]
fn clauses_that_no_schema_makes_sense_of_are_refused_without_one() {
    assert_eq!(sync::check_never_touch(&groups("EQUALS", "anything", "Root")), Ok(()));
    for (operator, attribute, operand, words) in [
        ("LIKE", "title", "Root", "operator 'LIKE'; use one of"),
        ("REGEX MATCH", "title", "(", "'title REGEX MATCH'"),
        ("EQUALS", "", "Root", "sourceOperandName"),
        ("IsMemberOf", "title", "admins", "objects of the source"),
    ] {
        let wrong = sync::check_never_touch(&groups(operator, attribute, operand)).unwrap_err();
        assert!(wrong.contains(words), "{wrong}");
    }
}

#[test]
fn excluded_objects_are_passed_by() {
    let excluded = |world: &mut World| world.excluded = Some("leaves in May");
    assert_eq!(row(excluded), "skip Excluded; keep");
    let linked = |world: &mut World| {
        excluded(world);
        active_link(world);
        world.source().enabled = false;
    };
    assert_eq!(row(linked), "skip Excluded; keep");
    let gone = |world: &mut World| {
        linked_gone(world);
        excluded(world);
    };
    assert_eq!(row(gone), "skip Excluded; keep");
    let mut world = World::new();
    excluded(&mut world);
    let decision = world.decide();
    assert!(world.asked.is_empty());
    assert!(decision.trace.contains(&TraceStep::Excluded("leaves in May".into())));
}

fn linked_gone(world: &mut World) {
    active_link(world);
    world.source = None;
}

fn limited(world: &mut World) {
    let limit = Some(Limit::Count(5));
    world.policy.limits = Limits { creates: limit, updates: limit, ..Limits::default() };
    world.stage = true;
}

#[test]
fn limited_creates_and_updates_are_staged_before_they_are_sent() {
    assert_eq!(row(limited), "stage Create; keep");
    let update = |world: &mut World| {
        limited(world);
        active_link(world);
        world.target = vec![account().with("title", "Boss")];
    };
    assert_eq!(row(update), "stage Update; keep");
    let send = |world: &mut World| {
        update(world);
        world.sends = Some(StagedKind::Update);
    };
    assert_eq!(row(send), "update u1; Active Created");
    // What has become another write than the one that was counted is counted anew.
    let other = |world: &mut World| {
        send(world);
        world.source().enabled = false;
    };
    assert_eq!(row(other), "stage Disable Disabled; keep");
    let unlimited = |world: &mut World| world.stage = true;
    assert_eq!(row(unlimited), "create; Active Created");
}

#[test]
fn a_released_account_is_deleted_once_it_was_kept_long_enough() {
    let kept = |world: &mut World| {
        released_link(world);
        world.source().entitled = false;
    };
    assert_eq!(row(kept), "skip Inactive(NotEntitled); keep");
    let expired = |world: &mut World| {
        kept(world);
        world.expired = true;
    };
    assert_eq!(row(expired), "delete u1; remove");
    let back = |world: &mut World| {
        released_link(world);
        world.expired = true;
    };
    assert_eq!(row(back), "update u1; Active Created");
}

#[test]
fn protection_asks_for_no_more_than_it_needs() {
    let mut world = World::new();
    world.link = Some(link(LinkState::Active));
    world.target = vec![account()];
    world.source = None;
    assert_eq!(words(&world.decide()), "delete u1; remove");
    assert!(!world.asked.iter().any(|need| matches!(need, Need::Read(_))));
}
