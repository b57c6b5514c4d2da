//! Values that nobody else has.

use model::{Anchor, Object, Value};
use serde_json::json;
use sync::{Action, Need};

use crate::world::{World, mapping, people, schema};

/// Titles are chosen so that nobody else has them.
fn choosing(expression: &str) -> World {
    let mut schema = schema();
    let mappings = people(&mut schema)["attributeMappings"].as_array_mut().unwrap();
    mappings.retain(|one| one["targetAttributeName"] != "title");
    mappings.push(mapping("title", expression, json!({"flowType": "ObjectAddOnly"})));
    World::of(&schema)
}

fn someone_with(title: &str) -> Object {
    Object::new("User", Anchor::new(format!("of {title}")).as_str())
        .with("userName", title)
        .with("title", title)
}

fn chosen(world: &mut World) -> Option<Value> {
    let decision = world.decide();
    let changes = &decision.changes()?.changes;
    changes.iter().find(|change| change.attribute == "title").map(|change| change.new.clone())
}

/// Values that the target was asked for.
fn asked(world: &World) -> Vec<String> {
    let asked = world.asked.iter().filter_map(|need| match need {
        Need::Vacant { value, .. } => Some(value.to_string()),
        _ => None,
    });
    asked.collect()
}

const THREE: &str = r#"SelectUniqueValue([login], Append([login], "1"), Append([login], "2"))"#;

#[test]
fn the_first_free_candidate_is_chosen() {
    let mut world = choosing(THREE);
    assert_eq!(chosen(&mut world), Some("ada".into()));
    assert_eq!(asked(&world), ["ada"], "no more is asked than must be known");
    let mut world = choosing(THREE);
    world.target = vec![someone_with("ada"), someone_with("ada1")];
    world.target[0].attributes.set("userName", "somebody".into());
    assert_eq!(chosen(&mut world), Some("ada2".into()));
    assert_eq!(asked(&world), ["ada", "ada1", "ada2"]);
}

/// Each round of questions is a round of requests: there are few, however many candidates are taken.
#[test]
fn many_candidates_are_gone_through_in_few_rounds() {
    let many: Vec<String> = (0..400).map(|number| format!(r#"Append([login], "{number}")"#)).collect();
    let expression = format!("SelectUniqueValue({})", many.join(","));
    let mut world = choosing(&expression);
    world.target = (0..399).map(|number| someone_with(&format!("ada{number}"))).collect();
    assert_eq!(chosen(&mut world), Some("ada399".into()));
    // A crowd that reaches for the same ones is sorted out at the end of the cycle.
    world.target.clear();
    world.taken = (0..400).map(|number| ("title".into(), format!("ada{number}"))).collect();
    world.rounds = 40;
    assert!(matches!(world.decide().action, Action::Defer(_)));
}

#[test]
fn what_somebody_else_is_about_to_take_is_passed_over() {
    let mut world = choosing(THREE);
    world.taken = vec![("title".into(), "ada".to_owned())];
    assert_eq!(chosen(&mut world), Some("ada1".into()));
}

#[test]
fn where_no_candidate_is_free_the_object_fails_in_words() {
    let mut world = choosing(THREE);
    world.target = vec![someone_with("ada1"), someone_with("ada2"), someone_with("ada")];
    world.target[2].attributes.set("userName", "somebody".into());
    let Action::Fail(failure) = world.decide().action else { panic!("expected a failure") };
    assert_eq!(failure.code.wire(), "Conflict");
    assert_eq!(failure.attribute.as_deref(), Some("title"));
    assert!(failure.detail.contains("'ada', 'ada1', 'ada2'"), "{}", failure.detail);
    // Whoever is about to take the last one may fail to take it: that is known at the end of the cycle.
    world.target.remove(1);
    world.taken = vec![("title".into(), "ada2".to_owned())];
    assert!(matches!(world.decide().action, Action::Defer(_)));
    world.last_chance = true;
    assert!(matches!(world.decide().action, Action::Fail(_)));
}

#[test]
fn candidates_that_may_not_be_shown_are_not() {
    let mut world = choosing(r#"SelectUniqueValue(Redact([login]), Redact(Append([login], "1")))"#);
    world.target = vec![someone_with("ada1"), someone_with("ada")];
    world.target[1].attributes.set("userName", "somebody".into());
    let Action::Fail(failure) = world.decide().action else { panic!("expected a failure") };
    assert!(failure.detail.contains("2 values") && !failure.detail.contains("ada"), "{}", failure.detail);
}

#[test]
fn nothing_is_asked_where_there_is_no_candidate() {
    let mut world = choosing("SelectUniqueValue([boss], [tags])");
    assert_eq!(chosen(&mut world), None);
    assert!(matches!(world.decide().action, Action::Create(_)));
    assert!(asked(&world).is_empty());
}

/// Candidates that are drawn by lot come out otherwise each time; what was asked for is what is chosen.
#[test]
fn lots_are_drawn_once() {
    let random = r#"Append([login], RandomString(8, 0, 0, 0, 0, "")))"#;
    let mut world = choosing(&format!("SelectUniqueValue([login], {random}"));
    world.target = vec![someone_with("ada")];
    world.target[0].attributes.set("userName", "somebody".into());
    world.chance = true;
    let value = chosen(&mut world).unwrap().to_string();
    assert_eq!(asked(&world), ["ada".to_owned(), value]);
}

#[test]
fn an_account_that_is_there_keeps_its_value() {
    let mut world = choosing(THREE);
    world.target = vec![someone_with("elsewhere")];
    world.target[0].attributes.set("userName", "ada".into());
    assert_eq!(chosen(&mut world), None, "it is matched");
    assert!(asked(&world).is_empty());
}
