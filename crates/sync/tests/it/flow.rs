//! Attribute flow: which values go out at creation and in updates.

use model::Value;
use model::change::ChangeSet;
use model::link::{Exported, LinkState};
use serde_json::{Value as Json, json};
use sync::{Action, Outcome, Settled, settle};

use crate::world::{World, account, link, mapping, people, schema};

/// The world with one attribute mapping more.
fn with(extra: Json) -> World {
    let mut schema = schema();
    people(&mut schema)["attributeMappings"].as_array_mut().unwrap().push(extra);
    World::of(&schema)
}

fn changes(world: &mut World) -> ChangeSet {
    world.decide().changes().cloned().unwrap_or_default()
}

fn value_of(changes: &ChangeSet, attribute: &str) -> Option<Value> {
    changes.changes.iter().find(|change| change.attribute == attribute).map(|change| change.new.clone())
}

fn created(world: &mut World, attribute: &str) -> Option<Value> {
    world.link = None;
    world.target.clear();
    value_of(&changes(world), attribute)
}

fn updated(world: &mut World, attribute: &str) -> Option<Value> {
    world.link = Some(link(LinkState::Active));
    value_of(&changes(world), attribute)
}

#[test]
fn defaults_flow_at_creation_alone() {
    let mut world = World::new();
    world.source().object.attributes.set("title", Value::Null);
    assert_eq!(created(&mut world, "title"), Some("Staff".into()));
    world.target = vec![account()];
    assert_eq!(updated(&mut world, "title"), None);
}

#[test]
fn a_mapping_without_source_fills_only_what_is_empty() {
    let extra = json!({"targetAttributeName": "age", "defaultValue": "18", "source": null});
    let mut world = with(extra);
    assert_eq!(created(&mut world, "age"), Some(Value::Integer(18)));
    world.target = vec![account()];
    assert_eq!(updated(&mut world, "age"), Some(Value::Integer(18)));
    world.target = vec![account().with("age", 40)];
    assert_eq!(updated(&mut world, "age"), None);
}

#[test]
fn types_are_those_of_the_target() {
    let mut world = with(mapping("age", "[title]", json!({})));
    world.source().object.attributes.set("title", " 42 ".into());
    assert_eq!(created(&mut world, "age"), Some(Value::Integer(42)));
    world.source().object.attributes.set("title", "many".into());
    let Action::Fail(failure) = world.decide().action else { panic!("expected a failure") };
    assert_eq!(failure.code.wire(), "SchemaPropertyCanOnlyAcceptValue");
    assert_eq!(failure.attribute.as_deref(), Some("age"));
    assert!(failure.detail.contains("'many'"), "{}", failure.detail);
}

#[test]
fn a_required_attribute_without_value_is_named() {
    let mut schema = schema();
    people(&mut schema)["attributeMappings"][0]["source"]["expression"] = "[title]".into();
    let mut world = World::of(&schema);
    world.source().object.attributes.set("title", Value::Null);
    let Action::Fail(failure) = world.decide().action else { panic!("expected a failure") };
    assert_eq!(failure.code.wire(), "MandatoryFieldsMissing");
    assert_eq!(failure.attribute.as_deref(), Some("userName"));
}

#[test]
fn several_values_into_one_are_refused() {
    let mut world = with(mapping("age", "[tags]", json!({})));
    world.source().object.attributes.set("tags", Value::list(["1".into(), "2".into()]));
    let Action::Fail(failure) = world.decide().action else { panic!("expected a failure") };
    assert_eq!(failure.code.wire(), "SchemaPropertyCanOnlyAcceptValue");
}

#[test]
fn sets_compare_without_order_and_texts_by_case_exactness() {
    let mut world = with(mapping("tags", "[tags]", json!({})));
    world.source().object.attributes.set("tags", Value::list(["a".into(), "b".into()]));
    world.target = vec![account().with("tags", Value::list(["B".into(), "A".into()])).with("email", "ADA@X")];
    assert_eq!(updated(&mut world, "tags"), None);
    assert_eq!(updated(&mut world, "email"), None);
    world.target = vec![account().with("title", "ENGINEER")];
    assert_eq!(updated(&mut world, "title"), Some("Engineer".into()), "title is case-exact");
}

#[test]
fn flow_types_by_table() {
    // (flow type, at creation, update where empty, update where there is a value)
    let rows = [
        ("Always", Some("x"), Some("x"), Some("x")),
        ("ObjectAddOnly", Some("x"), None, None),
        ("AttributeAddOnly", Some("x"), Some("x"), None),
    ];
    for (flow_type, at_creation, empty, present) in rows {
        let mut schema = schema();
        people(&mut schema)["attributeMappings"][2]["flowType"] = flow_type.into();
        let mut world = World::of(&schema);
        world.source().object.attributes.set("title", "x".into());
        let expected = |value: Option<&str>| value.map(Value::from);
        assert_eq!(created(&mut world, "title"), expected(at_creation), "{flow_type} created");
        let mut bare = account();
        bare.attributes.set("title", Value::Null);
        world.target = vec![bare];
        assert_eq!(updated(&mut world, "title"), expected(empty), "{flow_type} empty");
        world.target = vec![account()];
        assert_eq!(updated(&mut world, "title"), expected(present), "{flow_type} present");
    }
}

#[test]
fn add_only_values_join_what_is_there() {
    let mut world = with(mapping("tags", "[tags]", json!({"flowType": "ValueAddOnly"})));
    world.source().object.attributes.set("tags", Value::list(["a".into(), "b".into()]));
    world.target = vec![account().with("tags", Value::list(["b".into(), "z".into()]))];
    assert_eq!(updated(&mut world, "tags"), Some(Value::list(["a".into()])));
    world.target = vec![account().with("tags", Value::list(["b".into(), "a".into()]))];
    assert_eq!(updated(&mut world, "tags"), None);
}

#[test]
fn flow_always_joins_an_update_and_causes_none() {
    let mut schema = schema();
    people(&mut schema)["attributeMappings"][1]["flowBehavior"] = "FlowAlways".into();
    let mut world = World::of(&schema);
    world.target = vec![account()];
    assert_eq!(updated(&mut world, "email"), None);
    world.target = vec![account().with("title", "Boss")];
    assert_eq!(updated(&mut world, "email"), Some("ada@x".into()));
}

#[test]
fn nulls_flow_through_two_open_gates() {
    for (source_gate, target_gate, flows) in [(false, false, false), (true, false, false), (true, true, true)]
    {
        let mut schema = schema();
        schema["directories"][0]["objects"][0]["attributes"][3]["flowNullValues"] = source_gate.into();
        schema["directories"][1]["objects"][0]["attributes"][3]["flowNullValues"] = target_gate.into();
        let mut world = World::of(&schema);
        world.source().object.attributes.set("title", Value::Null);
        world.target = vec![account()];
        assert_eq!(updated(&mut world, "title"), flows.then_some(Value::Null), "{source_gate} {target_gate}");
        world.source().object.attributes.set("title", "".into());
        let empty = if flows { Value::Null } else { Value::from("") };
        assert_eq!(
            updated(&mut world, "title"),
            Some(empty),
            "an empty text counts as null where nulls flow"
        );
    }
}

#[test]
fn immutable_and_write_only_attributes() {
    let mut world = with(mapping("birthName", "[mail]", json!({})));
    assert_eq!(created(&mut world, "birthName"), Some("ada@x".into()));
    world.target = vec![account()];
    assert_eq!(updated(&mut world, "birthName"), None);

    let mut world = with(mapping("password", "[mail]", json!({})));
    let decision = world.decide();
    let change = &decision.changes().unwrap().changes;
    assert!(change.iter().any(|change| change.attribute == "password" && change.redacted));
    let shown = account();
    let Settled::Commit(Some(made)) = settle(
        &decision,
        &"User".into(),
        world.policy.fingerprints,
        &Outcome::Done(Some(shown.clone())),
        false,
    ) else {
        panic!("expected a link")
    };
    world.link = Some(made);
    world.target = vec![shown];
    assert_eq!(value_of(&changes(&mut world), "password"), None, "the same password is not sent again");
    world.source().object.attributes.set("mail", "new@x".into());
    assert_eq!(value_of(&changes(&mut world), "password"), Some("new@x".into()));
}

#[test]
fn a_target_that_changes_values_is_not_updated_for_ever() {
    let mut world = World::new();
    world.source().object.attributes.set("title", "Engineer ".into());
    let decision = world.decide();
    let prints = world.policy.fingerprints;
    // The target trims, and says so in its answer.
    let outcome = Outcome::Done(Some(account()));
    let Settled::Commit(Some(made)) = settle(&decision, &"User".into(), prints, &outcome, false) else {
        panic!("expected a link")
    };
    world.link = Some(made);
    world.target = vec![account()];
    assert_eq!(value_of(&changes(&mut world), "title"), None);
    world.target = vec![account().with("title", "Changed by hand")];
    assert_eq!(value_of(&changes(&mut world), "title"), Some("Engineer ".into()));
}

#[test]
fn a_target_that_does_not_answer_is_sent_a_value_twice_at_most() {
    let mut world = World::new();
    let prints = world.policy.fingerprints;
    world.source().object.attributes.set("title", "Engineer ".into());
    let mut known = link(LinkState::Active);
    known.exported = vec![Exported {
        attribute: prints.name("title"),
        computed: prints.of(&"Old".into(), true),
        shown: prints.of(&"Old".into(), true),
    }];
    world.link = Some(known);
    world.target = vec![account().with("title", "Old")];
    let mut sent = 0;
    for _ in 0..4 {
        let decision = world.decide();
        if decision.changes().is_none() {
            break;
        }
        sent += 1;
        let Settled::Commit(Some(after)) =
            settle(&decision, &"User".into(), prints, &Outcome::Done(None), false)
        else {
            panic!("expected a link")
        };
        world.link = Some(after);
        world.target = vec![account()];
    }
    assert_eq!(sent, 2);
}
