//! Attribute flow: which values go out at creation and in updates.

use model::change::{ChangeKind, ChangeSet};
use model::failure::ErrorClass;
use model::link::{Exported, LinkState};
use model::settings::TargetVerification;
use model::{Failure, FailureCode, Value};
use serde_json::{Value as Json, json};
use sync::{Action, Need, Outcome, Settled, settle};

use crate::world::{World, account, link, lots, mapping, people, schema};

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
fn roles_are_added_to_or_replaced_as_their_function_says() {
    for (function, kind, expected) in [
        ("AppRoleAssignmentsComplex", ChangeKind::Add, Value::list(["a".into()])),
        ("AssertiveAppRoleAssignmentsComplex", ChangeKind::Set, Value::list(["a".into(), "b".into()])),
    ] {
        let mut world = with(mapping("tags", &format!("{function}([tags])"), json!({})));
        world.source().object.attributes.set("tags", Value::list(["a".into(), "b".into()]));
        world.target = vec![account().with("tags", Value::list(["b".into(), "z".into()]))];
        let changed =
            changes(&mut world).changes.into_iter().find(|change| change.attribute == "tags").unwrap();
        assert_eq!((changed.kind, changed.new), (kind, expected), "{function}");
        // What goes at the source stays at the target, or goes with it.
        world.source().object.attributes.set("tags", Value::list(["b".into()]));
        let removed = updated(&mut world, "tags");
        assert_eq!(removed.is_some(), kind == ChangeKind::Set, "{function}");
    }
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

#[test]
fn an_empty_text_is_null_at_creation_where_nulls_flow() {
    for gates in [false, true] {
        let mut schema = schema();
        schema["directories"][0]["objects"][0]["attributes"][3]["flowNullValues"] = gates.into();
        people(&mut schema)["attributeMappings"][2]["flowNullValues"] = gates.into();
        let mut world = World::of(&schema);
        world.source().object.attributes.set("title", "".into());
        let expected = if gates { "Staff" } else { "" };
        assert_eq!(created(&mut world, "title"), Some(expected.into()), "gates {gates}");
    }
}

#[test]
fn anchors_are_never_exported_and_may_match() {
    let mut schema = schema();
    let id = &mut schema["directories"][1]["objects"][0]["attributes"][0];
    id["mutability"] = "ReadWrite".into();
    let extra = mapping("id", "[login]", json!({"matchingPriority": 3}));
    people(&mut schema)["attributeMappings"].as_array_mut().unwrap().push(extra);
    let mut world = World::of(&schema);
    assert_eq!(created(&mut world, "id"), None);
    assert!(world.asked.iter().any(|need| matches!(need, Need::Find { attribute, .. } if attribute == "id")));
    world.target = vec![account().with("id", "other")];
    assert_eq!(updated(&mut world, "id"), None);
}

#[test]
fn a_required_attribute_is_not_emptied() {
    let failure_of = |world: &mut World| match world.decide().action {
        Action::Fail(failure) => failure.code.wire(),
        other => panic!("expected a failure, not {other:?}"),
    };
    // Dropped from the flow at creation.
    let mut dropping = schema();
    people(&mut dropping)["attributeMappings"].as_array_mut().unwrap()[0]["source"]["expression"] =
        "IgnoreFlowIfNullOrEmpty([title])".into();
    let mut world = World::of(&dropping);
    world.source().object.attributes.set("title", Value::Null);
    assert_eq!(failure_of(&mut world), "MandatoryFieldsMissing");
    // Null through both gates in an update.
    let mut clearing = schema();
    clearing["directories"][0]["objects"][0]["attributes"][3]["flowNullValues"] = true.into();
    let title = &mut clearing["directories"][1]["objects"][0]["attributes"][3];
    title["flowNullValues"] = true.into();
    title["required"] = true.into();
    let mut world = World::of(&clearing);
    world.source().object.attributes.set("title", Value::Null);
    world.target = vec![account()];
    world.link = Some(link(LinkState::Active));
    assert_eq!(failure_of(&mut world), "MandatoryFieldsMissing");
}

#[test]
fn what_holds_one_value_is_added_to_by_filling_it() {
    for flow_type in ["ValueAddOnly", "MultiValueAddOnly"] {
        let mut schema = schema();
        people(&mut schema)["attributeMappings"][2]["flowType"] = flow_type.into();
        let mut world = World::of(&schema);
        world.target = vec![account().with("title", "Boss")];
        assert_eq!(updated(&mut world, "title"), None, "{flow_type} present");
        world.target = vec![account().with("title", Value::Null)];
        let change =
            changes(&mut world).changes.into_iter().find(|change| change.attribute == "title").unwrap();
        assert_eq!((change.kind, change.new), (ChangeKind::Set, "Engineer".into()), "{flow_type} empty");
    }
}

#[test]
fn added_values_that_the_target_changes_are_not_added_for_ever() {
    let mut world = with(mapping("tags", "[tags]", json!({"flowType": "MultiValueAddOnly"})));
    world.source().object.attributes.set("tags", Value::list([" a".into()]));
    let prints = world.policy.fingerprints;
    let mut shown = account().with("tags", Value::list(["z".into()]));
    world.target = vec![shown.clone()];
    world.link = Some(link(LinkState::Active));
    let decision = world.decide();
    assert_eq!(value_of(decision.changes().unwrap(), "tags"), Some(Value::list([" a".into()])));
    // The target trims.
    shown.attributes.set("tags", Value::list(["a".into(), "z".into()]));
    let outcome = Outcome::Done(Some(shown.clone()));
    let Settled::Commit(after) = settle(&decision, &"User".into(), prints, &outcome, false) else {
        panic!("expected a link")
    };
    world.link = after;
    world.target = vec![shown];
    assert_eq!(value_of(&changes(&mut world), "tags"), None);
}

#[test]
fn what_flows_always_causes_no_update_by_itself() {
    let mut schema = schema();
    people(&mut schema)["attributeMappings"][1]["flowBehavior"] = "FlowAlways".into();
    let mut world = World::of(&schema);
    world.target = vec![account().with("email", "old@x")];
    assert_eq!(updated(&mut world, "email"), None);
    world.target = vec![account().with("email", "old@x").with("title", "Boss")];
    assert_eq!(updated(&mut world, "email"), Some("ada@x".into()));
}

/// Whether access ends must not wait for something else to change.
#[test]
fn what_flows_always_and_tells_of_access_causes_an_update() {
    let mut schema = schema();
    people(&mut schema)["attributeMappings"][3]["flowBehavior"] = "FlowAlways".into();
    let mut world = World::of(&schema);
    world.target = vec![account()];
    world.link = Some(link(LinkState::Active));
    world.source().enabled = false;
    let Action::Disable(_, changes) = world.decide().action else { panic!("expected a disable") };
    assert_eq!(value_of(&changes, "active"), Some(false.into()));
    world.source().enabled = true;
    world.target = vec![account().with("active", false)];
    assert_eq!(updated(&mut world, "active"), Some(true.into()));
}

#[test]
fn values_compare_in_the_type_of_the_attribute() {
    let mut world = with(mapping("age", "[age]", json!({})));
    world.source().object.attributes.set("age", 42.into());
    world.target = vec![account().with("active", "True").with("age", "42")];
    assert_eq!((updated(&mut world, "active"), updated(&mut world, "age")), (None, None));
    world.source().object.attributes.set("title", "7".into());
    world.target = vec![account().with("title", 7)];
    assert_eq!(updated(&mut world, "title"), None);
}

#[test]
fn without_reading_what_was_exported_tells_what_is_there() {
    let mut schema = schema();
    let filling = json!({"targetAttributeName": "age", "defaultValue": "18", "source": null});
    let people = people(&mut schema)["attributeMappings"].as_array_mut().unwrap();
    people[1]["flowType"] = "AttributeAddOnly".into();
    people.push(filling);
    let mut world = World::of(&schema);
    world.policy.verification = TargetVerification::Trust;
    let prints = world.policy.fingerprints;
    let known = |attribute: &str, value: Value| {
        let print = prints.of(&value, false);
        Exported { attribute: prints.name(attribute), computed: print, shown: print }
    };
    for (email, age) in [(Value::Null, Value::Null), ("a@x".into(), 40.into())] {
        let empty = email.is_null();
        let mut active = link(LinkState::Active);
        active.exported = vec![known("email", email), known("age", age)];
        world.link = Some(active);
        let changes = changes(&mut world);
        assert_eq!(value_of(&changes, "email"), empty.then_some("ada@x".into()));
        assert_eq!(value_of(&changes, "age"), empty.then_some(18.into()));
    }
    assert!(!world.asked.iter().any(|need| matches!(need, Need::Read(_))));
}

#[test]
fn what_is_only_for_creation_is_not_computed_in_updates() {
    let mut world = with(mapping("birthName", "Error(\"no birth name\")", json!({})));
    assert!(matches!(world.decide().action, Action::Fail(_)));
    world.target = vec![account()];
    world.link = Some(link(LinkState::Active));
    assert!(matches!(world.decide().action, Action::Skip(_)));
}

#[test]
fn redacted_values_show_nowhere() {
    let secret = "s3cret-Value";
    let redacted = [
        mapping("title", "Redact([mail])", json!({})),
        mapping("age", "Redact([mail])", json!({})),
        mapping("title", "Error(Append(\"no good: \", Redact([mail])))", json!({})),
        mapping("title", "Redact(FormatDateTime([mail], , \"yyyy\", \"MM\"))", json!({})),
    ];
    for mapping in redacted {
        let mut schema = schema();
        let target = mapping["targetAttributeName"].clone();
        let mappings = people(&mut schema)["attributeMappings"].as_array_mut().unwrap();
        mappings.retain(|one| one["targetAttributeName"] != target && one["targetAttributeName"] != "email");
        mappings.push(mapping.clone());
        let mut world = World::of(&schema);
        world.source().object.attributes.set("mail", secret.into());
        let decision = world.decide();
        assert!(!format!("{decision:?}").contains(secret), "{mapping}: {decision:?}");
        let failure = Failure::new(FailureCode::UnprocessableEntity, "title 'S3CRET-VALUE' is too long");
        let outcome = Outcome::Failed(ErrorClass::Invalid { attribute: None }, failure);
        if decision.changes().is_some() {
            let settled = settle(&decision, &"User".into(), world.policy.fingerprints, &outcome, false);
            let Settled::Escrow(failure) = settled else { panic!("expected an escrow") };
            assert_eq!(failure.detail, "title '[Redact]' is too long");
        }
    }
}

/// What a target says of a request may repeat the whole object, changed or not.
#[test]
fn redacted_values_are_concealed_in_words_about_others() {
    let mut schema = schema();
    people(&mut schema)["attributeMappings"][1]["source"]["expression"] = "Redact([mail])".into();
    let mut world = World::of(&schema);
    world.source().object.attributes.set("mail", "Ada&Co@x".into());
    let mut there = account();
    there.attributes.set("email", "old@x".into());
    there.attributes.set("title", "Boss".into());
    world.target = vec![there];
    for email in ["Ada&Co@x", "old@x"] {
        world.target[0].attributes.set("email", email.into());
        world.link = Some(link(LinkState::Active));
        let decision = world.decide();
        assert!(matches!(decision.action, Action::Update(..)), "{decision:?}");
        assert!(!format!("{decision:?}").contains(email));
        let words = "no: {\"title\":\"Engineer\"} of ada%26co%40X, ada&amp;co@x, QWRhJkNvQHg=, old@x";
        let failure = Failure::new(FailureCode::UnprocessableEntity, words);
        let outcome = Outcome::Failed(ErrorClass::Invalid { attribute: None }, failure);
        let settled = settle(&decision, &"User".into(), world.policy.fingerprints, &outcome, false);
        let Settled::Escrow(failure) = settled else { panic!("expected an escrow") };
        let old = if email == "old@x" { "[Redact]" } else { "old@x" };
        let shown = format!("no: {{\"title\":\"Engineer\"}} of [Redact], [Redact], [Redact]=, {old}");
        assert_eq!(failure.detail, shown);
    }
}

/// Whatever function computes a value: where the gates are closed null leaves the account alone, where they are open it
/// empties the attribute, as an empty text does then.
#[test]
fn the_null_gates_hold_for_every_function() {
    let mut tried = 0;
    for (function, open) in expression::functions().flat_map(|function| [(function, false), (function, true)])
    {
        let (text, given) = (function.example.expression, function.example.attributes);
        let compiled = expression::compile(&expression::parse(text).unwrap());
        let names: Vec<&str> = compiled.attributes().iter().map(model::Name::as_str).collect();
        if function.top_level_only || names.is_empty() || names.contains(&"IsSoftDeleted") {
            continue;
        }
        let several = |name: &str| given.iter().any(|(one, values)| *one == name && values.len() > 1);
        let definition =
            |name: &&str| json!({"name": name, "multivalued": several(name), "flowNullValues": open});
        let mut schema = schema();
        let list = schema["directories"][0]["objects"][0]["attributes"].as_array_mut().unwrap();
        list.retain(|one| names.iter().all(|name| one["name"] != *name));
        list.extend(names.iter().map(definition));
        let target = schema["directories"][1]["objects"][0]["attributes"].as_array_mut().unwrap();
        target.push(json!({"name": "probe", "multivalued": true, "flowNullValues": open}));
        let mappings = people(&mut schema)["attributeMappings"].as_array_mut().unwrap();
        mappings.truncate(1);
        mappings.push(mapping("probe", text, json!({})));
        let mut world = World::of(&schema);
        let mut there = account();
        there.attributes.set("probe", "old".into());
        (world.target, world.link) = (vec![there], Some(link(LinkState::Active)));
        for name in names {
            world.source().object.attributes.set(name, Value::Null);
        }
        let lots = lots();
        let mut context = sync::Context::new(model::Timestamp::UNIX_EPOCH, &lots);
        let gives = compiled.evaluate_object(&world.source().object.attributes, &mut context);
        let decision = world.decide();
        let sent = decision.changes().map(|changes| &changes.changes[0].new);
        let expected = match gives {
            // Roles are only added.
            Ok(_) if function.name == "AppRoleAssignmentsComplex" => None,
            Ok(expression::Flow::Value(value)) if open && value.is_null_or_empty() => Some(Value::Null),
            Ok(expression::Flow::Value(value)) => Some(value).filter(|value| !value.is_null()),
            Ok(expression::Flow::Ignore) => None,
            Err(_) => {
                assert!(matches!(decision.action, Action::Fail(_)), "{text}: {decision:?}");
                continue;
            }
        };
        assert_eq!(
            sent.map(ToString::to_string),
            expected.map(|one| one.to_string()),
            "{text}, gates open: {open}"
        );
        tried += 1;
    }
    assert!(tried > 50, "{tried}");
}
