//! Whatever a change is, the profiles say it in different words and mean the same.

use model::{Anchor, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::build::{Edit, EditKind, Extensions, PatchProfile, has_value, read_path, resource};
use crate::message::PatchRequest;
use crate::patch::{Form, apply};
use crate::path::Path;
use crate::schema::ResourceSchema;

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

const PATHS: [&str; 10] = [
    "title",
    "nickName",
    "active",
    "name.givenName",
    "name.familyName",
    "emails[type eq \"work\"].value",
    "phoneNumbers[type eq \"mobile\"].value",
    "addresses[type eq \"work\"].locality",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    MANAGER,
];

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

fn value(text: &str, word: &str) -> Value {
    match text {
        "active" => word.len().is_multiple_of(2).into(),
        MANAGER => Value::Reference(Anchor::new(word)),
        _ => word.into(),
    }
}

/// What each path holds before and after.
fn states() -> impl Strategy<Value = Vec<(&'static str, Option<String>, Option<String>)>> {
    let word = || proptest::option::of("[a-z\"\\\\é]{1,6}");
    let all = PATHS.map(|text| (Just(text), word(), word()));
    Vec::from(all)
}

fn user(states: &[(&str, Option<String>, Option<String>)], schema: &ResourceSchema) -> Json {
    let values: Vec<(Path, Value)> = states
        .iter()
        .filter_map(|(text, before, _)| Some((path(text), value(text, before.as_ref()?))))
        .collect();
    resource(schema, &values, Extensions::Announced).unwrap()
}

proptest! {
    #[test]
    fn every_profile_means_the_same(states in states()) {
        let schema = ResourceSchema::user();
        let before = user(&states, &schema);
        let edits: Vec<Edit> = states
            .iter()
            .filter(|(_, before, after)| before != after)
            .map(|(text, _, after)| {
                let new = after.as_ref().map_or(Value::Null, |word| value(text, word));
                let exists = has_value(&before, &path(text), &schema);
                Edit { path: path(text), kind: EditKind::Set(new), exists }
            })
            .collect();
        for profile in PatchProfile::ALL {
            let mut changed = before.clone();
            if let Some(request) = profile.request(&edits, &schema).unwrap() {
                // As it is read off the wire.
                let text = serde_json::to_string(&request).unwrap();
                let request: PatchRequest = serde_json::from_str(&text).unwrap();
                apply(&mut changed, &request, &schema, Form::Entra).unwrap();
            }
            for (text, _, after) in &states {
                let expected = after.as_ref().map_or(Value::Null, |word| value(text, word));
                let seen = read_path(&changed, &path(text), None, &schema);
                prop_assert_eq!(seen, expected, "{} under {}", text, profile.as_str());
            }
        }
    }

    #[test]
    fn members_come_and_go_alike(before in proptest::collection::btree_set("[a-d]", 0..4),
        added in proptest::collection::btree_set("[a-f]", 0..4)) {
        let schema = ResourceSchema::group();
        let removed: Vec<&String> = before.iter().filter(|member| !added.contains(*member)).take(2).collect();
        let list = |ids: Vec<&String>| Value::list(ids.into_iter().map(|id| Value::Reference(Anchor::new(id.as_str()))));
        let edit = |kind: EditKind| Edit { path: path("members"), kind, exists: true };
        let edits =
            [edit(EditKind::Remove(list(removed.clone()))), edit(EditKind::Add(list(added.iter().collect())))];
        let mut expected: Vec<&String> =
            before.iter().chain(&added).filter(|member| !removed.contains(member)).collect();
        expected.sort();
        expected.dedup();
        for profile in PatchProfile::ALL {
            let members: Vec<Json> = before.iter().map(|id| json!({"value": id})).collect();
            let mut group = json!({"displayName": "G", "members": members});
            if let Some(request) = profile.request(&edits, &schema).unwrap() {
                apply(&mut group, &request, &schema, Form::Entra).unwrap();
            }
            let mut seen: Vec<String> =
                read_path(&group, &path("members"), None, &schema).values().iter().map(ToString::to_string).collect();
            seen.sort();
            prop_assert_eq!(seen.iter().collect::<Vec<_>>(), expected.clone(), "{}", profile.as_str());
        }
    }
}
