//! The life of an object in a job: every row of the table.

use model::link::LinkState;
use model::provisioning::{Inactive, SkipReason, Step as TraceStep};
use model::settings::TargetVerification;
use model::{FailureCode, Name, Object, Value};
use serde_json::json;
use sync::{Action, Decision, LinkChange, Need};

use crate::world::{World, account, entry, link, people, schema};

/// The decision in a few words.
pub(crate) fn words(decision: &Decision) -> String {
    let action = match &decision.action {
        Action::Skip(reason) => format!("skip {reason:?}"),
        Action::Create(_) => "create".into(),
        Action::Update(anchor, _) => format!("update {anchor}"),
        Action::Disable(anchor, _) => format!("disable {anchor}"),
        Action::Delete(anchor) => format!("delete {anchor}"),
        Action::Stage(kind, Some(reason)) => format!("stage {kind:?} {reason:?}"),
        Action::Stage(kind, None) => format!("stage {kind:?}"),
        Action::Defer(failure) => format!("defer {}", failure.code),
        Action::Fail(failure) => format!("fail {}", failure.code),
    };
    let link = match &decision.link {
        LinkChange::Keep => "keep".into(),
        LinkChange::Remove => "remove".into(),
        LinkChange::Put(draft) => format!("{:?} {:?}", draft.state, draft.origin),
    };
    format!("{action}; {link}")
}

pub(crate) fn row(arrange: impl FnOnce(&mut World)) -> String {
    let mut world = World::new();
    arrange(&mut world);
    words(&world.decide())
}

pub(crate) fn active_link(world: &mut World) {
    world.link = Some(link(LinkState::Active));
    world.target = vec![account()];
}

pub(crate) fn released_link(world: &mut World) {
    world.link = Some(link(LinkState::Released));
    world.target = vec![account().with("active", false)];
}

#[test]
fn active_without_a_link() {
    assert_eq!(row(|_| {}), "create; Active Created");
    assert_eq!(row(|world| world.target = vec![account()]), "skip RedundantExport; Active Matched");
    let differs = |world: &mut World| world.target = vec![account().with("title", "Boss")];
    assert_eq!(row(differs), "update u1; Active Matched");
    let by_second = |world: &mut World| world.target = vec![account().with("userName", "other")];
    assert_eq!(row(by_second), "update u1; Active Matched");
    let several = |world: &mut World| {
        world.target = vec![account(), Object { anchor: "u2".into(), ..account() }];
    };
    assert_eq!(row(several), "fail DuplicateTargetEntries; keep");
    let nothing_to_match = |world: &mut World| {
        world.source().object.attributes.set("login", Value::Null);
        world.source().object.attributes.set("mail", "".into());
    };
    assert_eq!(row(nothing_to_match), "fail ImportSkipped; keep");
}

#[test]
fn what_an_intent_left_counts_as_created() {
    let found = |world: &mut World| {
        world.intent = true;
        world.target = vec![account()];
    };
    assert_eq!(row(found), "skip RedundantExport; Active Created");
    let gone_again = |world: &mut World| {
        world.intent = true;
        world.source = None;
        world.target = vec![account()];
    };
    assert_eq!(row(gone_again), "delete u1; remove");
    let disabled_since = |world: &mut World| {
        world.intent = true;
        world.source().enabled = false;
        world.target = vec![account()];
    };
    assert_eq!(row(disabled_since), "disable u1; Active Created");
    let disabled_and_never_made = |world: &mut World| {
        world.intent = true;
        world.source().enabled = false;
    };
    assert_eq!(row(disabled_and_never_made), "skip Inactive(Disabled); keep");
    let never_made = |world: &mut World| {
        world.intent = true;
        world.source = None;
    };
    assert_eq!(row(never_made), "skip Inactive(Gone); remove");
    let kept_out_of_scope = |world: &mut World| {
        found(world);
        world.source().entitled = false;
        world.policy.skip_out_of_scope_deletions = true;
    };
    assert_eq!(row(kept_out_of_scope), "skip OutOfScopeDeletionsSkipped(NotEntitled); Active Created");
    let excluded_since = |world: &mut World| {
        found(world);
        world.excluded = Some("litigation hold");
    };
    assert_eq!(row(excluded_since), "skip Excluded; Active Created");
    let excluded_and_never_made = |world: &mut World| {
        world.intent = true;
        world.excluded = Some("litigation hold");
    };
    assert_eq!(row(excluded_and_never_made), "skip Excluded; keep");
    // By now the object has another login: what was made under the old one is its account all the same, unless it has
    // become somebody's.
    let renamed_since = |world: &mut World| {
        found(world);
        let source = &mut world.source().object.attributes;
        source.set("login", Value::from("countess"));
        source.set("mail", Value::Null);
    };
    assert_eq!(row(renamed_since), "update u1; Active Created");
    let taken_since = |world: &mut World| {
        renamed_since(world);
        world.owners = vec![("u1".into(), entry("p2", Some(link(LinkState::Active))))];
    };
    assert_eq!(row(taken_since), "create; Active Created");
    let about_to_be_taken = |world: &mut World| {
        renamed_since(world);
        world.taken = vec![("userName".into(), "ada".into())];
    };
    assert_eq!(row(about_to_be_taken), "defer DuplicateSourceEntries; keep");
    let never_made = |world: &mut World| {
        renamed_since(world);
        world.target.clear();
    };
    assert_eq!(row(never_made), "create; Active Created");
}

#[test]
fn accounts_of_others() {
    let owned = |state: LinkState| {
        move |world: &mut World| {
            world.target = vec![account()];
            world.owners = vec![("u1".into(), entry("p2", Some(link(state))))];
        }
    };
    assert_eq!(row(owned(LinkState::Active)), "defer DuplicateSourceEntries; keep");
    let at_the_end = |world: &mut World| {
        owned(LinkState::Active)(world);
        world.last_chance = true;
    };
    assert_eq!(row(at_the_end), "fail DuplicateSourceEntries; keep");
    assert_eq!(row(owned(LinkState::Released)), "skip RedundantExport; Active Matched");
    assert_eq!(row(|world| world.claimed = false), "defer DuplicateSourceEntries; keep");

    let mut world = World::new();
    at_the_end(&mut world);
    let Action::Fail(failure) = world.decide().action else { panic!("expected a failure") };
    assert_eq!(failure.code, FailureCode::DuplicateSourceEntries);
    assert!(failure.detail.contains("u1") && failure.detail.contains("p2"), "{}", failure.detail);
}

#[test]
fn active_with_a_link() {
    assert_eq!(row(active_link), "skip RedundantExport; Active Created");
    let differs = |world: &mut World| {
        active_link(world);
        world.target = vec![account().with("title", "Boss")];
    };
    assert_eq!(row(differs), "update u1; Active Created");
    let gone = |world: &mut World| world.link = Some(link(LinkState::Active));
    assert_eq!(row(gone), "create; Active Created");
    let moved = |world: &mut World| {
        world.link = Some(link(LinkState::Active));
        world.target = vec![Object { anchor: "u9".into(), ..account() }];
    };
    assert_eq!(row(moved), "skip RedundantExport; Active Matched");
}

#[test]
fn a_released_account_is_taken_up_again() {
    let mut world = World::new();
    released_link(&mut world);
    let decision = world.decide();
    assert_eq!(words(&decision), "update u1; Active Created");
    let Action::Update(_, changes) = &decision.action else { panic!("expected an update") };
    let changed: Vec<(&str, &Value)> =
        changes.changes.iter().map(|change| (change.attribute.as_str(), &change.new)).collect();
    assert_eq!(changed, [("active", &Value::Boolean(true))]);
    assert!(!decision.references.enumerate, "people have no large references");
}

#[test]
fn why_an_object_is_not_active_is_the_first_reason_that_holds() {
    let reason = |arrange: &dyn Fn(&mut World)| {
        let mut world = World::of(&scoped());
        arrange(&mut world);
        world.decide().inactive
    };
    let out = |world: &mut World| world.source().object.attributes.set("title", "Other".into());
    assert_eq!(reason(&|_| {}), None);
    assert_eq!(reason(&out), Some(Inactive::OutOfScope));
    let not_entitled = |world: &mut World| {
        out(world);
        world.source().entitled = false;
    };
    assert_eq!(reason(&not_entitled), Some(Inactive::NotEntitled));
    let disabled = |world: &mut World| {
        not_entitled(world);
        world.source().enabled = false;
    };
    assert_eq!(reason(&disabled), Some(Inactive::Disabled));
    let deleted = |world: &mut World| {
        disabled(world);
        world.source().soft_deleted = true;
    };
    assert_eq!(reason(&deleted), Some(Inactive::SoftDeleted));
}

fn scoped() -> serde_json::Value {
    let mut schema = schema();
    people(&mut schema)["scope"] = json!({"groups": [{"name": "g", "clauses": [
        {"sourceOperandName": "title", "operatorName": "EQUALS", "targetOperand": {"values": ["Engineer"]}}
    ]}]});
    schema
}

#[test]
fn inactive_without_a_link_or_released() {
    let without = |world: &mut World| world.source().entitled = false;
    assert_eq!(row(without), "skip Inactive(NotEntitled); keep");
    let never_created = |world: &mut World| world.source().enabled = false;
    assert_eq!(row(never_created), "skip Inactive(Disabled); keep");
    let released = |world: &mut World| {
        released_link(world);
        world.source().entitled = false;
    };
    assert_eq!(row(released), "skip Inactive(NotEntitled); keep");
}

#[test]
fn inactive_with_a_link_is_disabled() {
    let inactive = |change: fn(&mut World)| {
        move |world: &mut World| {
            active_link(world);
            change(world);
        }
    };
    let not_entitled = inactive(|world| world.source().entitled = false);
    let disabled = inactive(|world| world.source().enabled = false);
    let deleted = inactive(|world| world.source().soft_deleted = true);
    // The link is released only where access ended.
    assert_eq!(row(not_entitled), "disable u1; Released Created");
    assert_eq!(row(disabled), "disable u1; Active Created");
    assert_eq!(row(deleted), "disable u1; Active Created");
    let mut world = World::new();
    not_entitled(&mut world);
    world.source().object.attributes.set("title", "Changed".into());
    let Action::Disable(_, changes) = world.decide().action else { panic!("expected a disable") };
    let changed: Vec<&Name> = changes.changes.iter().map(|change| &change.attribute).collect();
    assert_eq!(changed, ["active"], "only mappings that read IsSoftDeleted flow");
    let disowned = inactive(|world| world.disowned = true);
    assert_eq!(row(disowned), "disable u1; Released Created");
    let already = |world: &mut World| {
        disabled(world);
        world.target = vec![account().with("active", false)];
    };
    assert_eq!(row(already), "skip RedundantSoftDelete; Active Created");
    let gone = |world: &mut World| {
        disabled(world);
        world.target.clear();
    };
    assert_eq!(row(gone), "skip Inactive(Disabled); remove");
}

#[test]
fn settings_and_capabilities_change_what_deprovisioning_means() {
    let end = |flows: &'static str, soft_delete: bool, skip: bool, reads: bool| {
        let mut schema = schema();
        people(&mut schema)["flowTypes"] = flows.into();
        if !reads {
            people(&mut schema)["attributeMappings"][3]["source"]["expression"] = "\"True\"".into();
        }
        let mut world = World::of(&schema);
        active_link(&mut world);
        world.source().entitled = false;
        world.soft_delete = soft_delete;
        world.policy.skip_out_of_scope_deletions = skip;
        words(&world.decide())
    };
    let all = "Add, Update, Delete";
    assert_eq!(end(all, true, true, true), "skip OutOfScopeDeletionsSkipped(NotEntitled); keep");
    assert_eq!(end(all, true, false, true), "disable u1; Released Created");
    assert_eq!(end(all, true, false, false), "skip NoDeprovisioningConfigured(NotEntitled); keep");
    assert_eq!(end(all, false, false, false), "delete u1; remove");
    assert_eq!(end("Add,Delete", true, false, true), "skip NoDeprovisioningConfigured(NotEntitled); keep");
    assert_eq!(end("Add", false, false, true), "skip NoDeprovisioningConfigured(NotEntitled); keep");
}

#[test]
fn gone_objects() {
    let gone = |world: &mut World| world.source = None;
    assert_eq!(row(gone), "skip Inactive(Gone); remove");
    let linked = |world: &mut World| {
        active_link(world);
        world.source = None;
    };
    assert_eq!(row(linked), "delete u1; remove");
    let released = |world: &mut World| {
        released_link(world);
        world.source = None;
    };
    assert_eq!(row(released), "skip Inactive(Gone); remove");
    let mut schema = schema();
    people(&mut schema)["flowTypes"] = "Add".into();
    let mut world = World::of(&schema);
    linked(&mut world);
    assert_eq!(words(&world.decide()), "skip Inactive(Gone); remove");
}

#[test]
fn removals_are_staged_unless_they_are_done_already() {
    let staged = |change: fn(&mut World)| {
        let mut world = World::new();
        active_link(&mut world);
        world.stage = true;
        change(&mut world);
        let words = words(&world.decide());
        (words, world.asked.len())
    };
    assert_eq!(staged(|world| world.source().enabled = false), ("stage Disable Disabled; keep".into(), 0));
    assert_eq!(staged(|world| world.source = None), ("stage Delete Gone; keep".into(), 0));
    let disabled_before = |world: &mut World| {
        world.source().enabled = false;
        world.link.as_mut().unwrap().disabled = true;
        world.target = vec![account().with("active", false)];
    };
    assert_eq!(staged(disabled_before).0, "skip RedundantSoftDelete; Active Created");
}

#[test]
fn flow_types_gate_creates_and_updates() {
    let gated = |flows: &str, target: Vec<Object>| {
        let mut schema = schema();
        people(&mut schema)["flowTypes"] = flows.into();
        let mut world = World::of(&schema);
        world.target = target;
        words(&world.decide())
    };
    assert_eq!(gated("Update", Vec::new()), "skip AddDoesNotFlow; keep");
    let different = vec![account().with("title", "Boss")];
    assert_eq!(gated("Add", different), "skip UpdateDoesNotFlow; Active Matched");
}

#[test]
fn the_input_filter_ignores_whatever_the_link() {
    let mut schema = schema();
    people(&mut schema)["scope"] = json!({"inputFilterGroups": [{"clauses": [
        {"sourceOperandName": "title", "operatorName": "EQUALS", "targetOperand": {"values": ["Nobody"]}}
    ]}]});
    let mut world = World::of(&schema);
    active_link(&mut world);
    world.source().enabled = false;
    assert_eq!(words(&world.decide()), "skip Filtered; keep");
}

#[test]
fn trust_compares_with_the_last_export_alone() {
    let mut world = World::new();
    world.target = vec![account()];
    let LinkChange::Put(draft) = world.decide().link else { panic!("expected a link") };
    let prints = world.policy.fingerprints;
    let mut known = link(LinkState::Active);
    known.exported = draft
        .shown
        .iter()
        .map(|one| model::link::Exported {
            attribute: prints.name(&one.attribute),
            computed: one.computed,
            shown: one.shown.unwrap(),
        })
        .collect();
    world.link = Some(known);
    world.policy.verification = TargetVerification::Trust;
    world.asked.clear();
    assert_eq!(words(&world.decide()), "skip RedundantExport; keep");
    assert_eq!(world.asked, []);
    world.source().object.attributes.set("title", "Boss".into());
    assert_eq!(words(&world.decide()), "update u1; Active Created");
    assert_eq!(world.asked, []);
    // Memory is not trusted where a write may have arrived although nobody told.
    world.unsettled = true;
    world.decide();
    assert_eq!(world.asked.first(), Some(&Need::Read("u1".into())));
}

#[test]
fn needs_come_in_a_fixed_order() {
    let mut world = World::new();
    world.decide();
    let kinds: Vec<&str> = world
        .asked
        .iter()
        .map(|need| match need {
            Need::Find { attribute, .. } => attribute.as_str(),
            Need::Read(_) => "read",
            Need::Owner(_) => "owner",
            Need::Claim(_) => "claim",
            Need::Vacant { .. } => "vacant",
        })
        .collect();
    assert_eq!(kinds, ["userName", "claim", "email"]);
}

#[test]
fn a_decision_tells_how_it_came_about() {
    let decision = World::new().decide();
    let names: Vec<&str> = decision.trace.iter().map(TraceStep::wire).collect();
    assert_eq!(
        names,
        [
            "EntryImportUpdate",
            "EntrySynchronizationScoping",
            "EntryImport",
            "EntryImport",
            "EntrySynchronizationAdd"
        ]
    );
    let mut world = World::of(&scoped());
    world.source().object.attributes.set("title", "Other".into());
    let words: Vec<String> = world.decide().trace.iter().map(TraceStep::describe).collect();
    assert!(words[1].contains("title EQUALS 'Engineer' does not hold"), "{words:?}");
    assert_eq!(SkipReason::RedundantExport.describe(), "The target already shows every value.");
}
