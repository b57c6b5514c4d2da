//! Merging and comparing schemas as JSON: which collections have elements of an identity, and by what.
//!
//! A PATCH of a schema carries whole collections: an element that is missing from a collection that is sent is removed,
//! while a property that is missing from an element stays. Clients lose properties that they do not know on their way
//! from GET to PATCH, so absence inside an element never means removal.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value as Json};

/// What becomes of a property that is sent.
enum Shape {
    /// An object: its properties are merged one by one.
    Object(&'static [Member]),
    /// A collection whose elements have an identity.
    List(&'static [&'static [&'static str]], &'static [Member]),
}

/// A property that is not replaced as a whole.
type Member = (&'static str, Shape);

const METADATA: Member = ("metadata", Shape::List(&[&["key"]], &[]));

const ATTRIBUTES: Member = (
    "attributes",
    Shape::List(
        &[&["name"]],
        &[METADATA, ("referencedObjects", Shape::List(&[&["referencedObjectName"]], &[]))],
    ),
);

/// `directoryDefinition`.
const DIRECTORY: &[Member] = &[("objects", Shape::List(&[&["name"]], &[ATTRIBUTES, METADATA]))];

const ATTRIBUTE_MAPPINGS: Member = ("attributeMappings", Shape::List(&[&["targetAttributeName"]], &[]));

const OBJECT_MAPPINGS: Member = (
    "objectMappings",
    Shape::List(
        &[&["name"], &["sourceObjectName", "targetObjectName"]],
        &[ATTRIBUTE_MAPPINGS, METADATA, ("scope", Shape::Object(&[]))],
    ),
);

/// `synchronizationSchema`.
const SCHEMA: &[Member] = &[
    ("directories", Shape::List(&[&["id"], &["name"]], DIRECTORY)),
    ("synchronizationRules", Shape::List(&[&["id"], &["name"]], &[OBJECT_MAPPINGS, METADATA])),
];

/// Merges what a client sent into a schema.
pub(super) fn merge_schema(schema: &mut Map<String, Json>, sent: Map<String, Json>) {
    merge(schema, sent, SCHEMA);
}

/// Merges what a client sent into a directory definition.
pub(super) fn merge_directory(directory: &mut Map<String, Json>, sent: Map<String, Json>) {
    merge(directory, sent, DIRECTORY);
}

fn merge(present: &mut Map<String, Json>, sent: Map<String, Json>, members: &[Member]) {
    for (name, value) in sent {
        let shape = members.iter().find(|(known, _)| *known == name).map(|(_, shape)| shape);
        match (shape, value, present.get_mut(&name)) {
            (Some(Shape::Object(inner)), Json::Object(value), Some(Json::Object(there))) => {
                merge(there, value, inner);
            }
            (Some(Shape::List(keys, inner)), Json::Array(value), Some(Json::Array(there))) => {
                *there = merge_list(std::mem::take(there), value, keys, inner);
            }
            (_, value, _) => {
                present.insert(name, value);
            }
        }
    }
}

fn merge_list(there: Vec<Json>, sent: Vec<Json>, keys: &[&[&str]], members: &[Member]) -> Vec<Json> {
    let pairs = pair(&there, &sent, keys);
    let mut there: Vec<Option<Json>> = there.into_iter().map(Some).collect();
    sent.into_iter()
        .zip(pairs)
        .map(|(sent, found)| {
            let found = found.and_then(|position| there.get_mut(position)?.take());
            match (found, sent) {
                (Some(Json::Object(mut present)), Json::Object(sent)) => {
                    merge(&mut present, sent, members);
                    Json::Object(present)
                }
                (_, sent) => sent,
            }
        })
        .collect()
}

/// For each element that is sent, the position of the element that it is, each position once. Elements are the same
/// where they agree in a key; the keys are tried in turn, so that an element with a new name is still found by its
/// types. An element without any key, because the client could not read it, is one that has all values that are sent.
fn pair(there: &[Json], sent: &[Json], keys: &[&[&str]]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; sent.len()];
    let mut free = vec![true; there.len()];
    for key in keys {
        let mut waiting: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (position, element) in
            there.iter().enumerate().filter(|(position, _)| free.get(*position) == Some(&true))
        {
            if let Some(text) = identity(element, key) {
                waiting.entry(text).or_default().push_back(position);
            }
        }
        for (pair, element) in pairs.iter_mut().zip(sent).filter(|(pair, _)| pair.is_none()) {
            let found = identity(element, key).and_then(|text| waiting.get_mut(&text)?.pop_front());
            if let Some(found) = found {
                *pair = Some(found);
                free.iter_mut().skip(found).take(1).for_each(|free| *free = false);
            }
        }
    }
    for (pair, element) in pairs.iter_mut().zip(sent).filter(|(pair, _)| pair.is_none()) {
        if keys.iter().any(|key| identity(element, key).is_some()) {
            continue;
        }
        let mut candidates = there.iter().zip(&mut free).enumerate();
        if let Some((position, (_, free))) =
            candidates.find(|(_, (one, free))| **free && has_all(one, element))
        {
            *free = false;
            *pair = Some(position);
        }
    }
    pairs
}

/// The text of a key; none where the element lacks a part of it.
fn identity(element: &Json, key: &[&str]) -> Option<String> {
    let parts: Option<Vec<&str>> =
        key.iter().map(|name| element.get(name)?.as_str().filter(|text| !text.is_empty())).collect();
    Some(parts?.join("\u{0}"))
}

fn has_all(element: &Json, sent: &Json) -> bool {
    match (element, sent) {
        (Json::Object(element), Json::Object(sent)) => {
            !sent.is_empty()
                && sent.iter().all(|(name, value)| value.is_null() || element.get(name) == Some(value))
        }
        _ => false,
    }
}

/// A place where two schemas differ, with both values; null where there is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// Such as `synchronizationRules[r]/objectMappings[Users]/enabled`.
    pub(super) place: String,
    pub(super) old: Json,
    pub(super) new: Json,
}

/// Where two schemas differ, as deep as elements have an identity.
pub(super) fn differences(old: &Map<String, Json>, new: &Map<String, Json>) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(old, new, SCHEMA, "", &mut found);
    found
}

fn compare(
    old: &Map<String, Json>,
    new: &Map<String, Json>,
    members: &[Member],
    place: &str,
    found: &mut Vec<Difference>,
) {
    let added = new.keys().filter(|name| !old.contains_key(*name));
    for name in old.keys().chain(added) {
        let (before, after) = (old.get(name).unwrap_or(&Json::Null), new.get(name).unwrap_or(&Json::Null));
        if before == after {
            continue;
        }
        let here = if place.is_empty() { name.clone() } else { format!("{place}/{name}") };
        let shape = members.iter().find(|(known, _)| known == name).map(|(_, shape)| shape);
        match (shape, before, after) {
            (Some(Shape::Object(inner)), Json::Object(before), Json::Object(after)) => {
                compare(before, after, inner, &here, found);
            }
            (Some(Shape::List(keys, inner)), Json::Array(before), Json::Array(after)) => {
                compare_lists(before, after, keys, inner, &here, found);
            }
            _ => found.push(Difference { place: here, old: before.clone(), new: after.clone() }),
        }
    }
}

fn compare_lists(
    old: &[Json],
    new: &[Json],
    keys: &[&[&str]],
    members: &[Member],
    place: &str,
    found: &mut Vec<Difference>,
) {
    let pairs = pair(old, new, keys);
    let name = |element: &Json| {
        let mut names = keys.iter().filter_map(|key| identity(element, key));
        format!("{place}[{}]", names.next().unwrap_or_default().replace('\u{0}', " to "))
    };
    let kept: std::collections::HashSet<usize> = pairs.iter().flatten().copied().collect();
    for (_, gone) in old.iter().enumerate().filter(|(position, _)| !kept.contains(position)) {
        found.push(Difference { place: name(gone), old: gone.clone(), new: Json::Null });
    }
    for (after, before) in
        new.iter().zip(pairs.iter().map(|pair| pair.and_then(|position| old.get(position))))
    {
        match (before, after) {
            (Some(Json::Object(before)), Json::Object(inner)) => {
                compare(before, inner, members, &name(after), found);
            }
            (Some(before), after) if before == after => {}
            (before, after) => {
                let old = before.cloned().unwrap_or_default();
                found.push(Difference { place: name(after), old, new: after.clone() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Json) -> Map<String, Json> {
        match value {
            Json::Object(members) => members,
            other => panic!("{other}"),
        }
    }

    fn schema() -> Map<String, Json> {
        map(json!({
            "id": "j", "version": "1.0",
            "directories": [{"id": "d", "name": "Source", "objects": [
                {"name": "User", "attributes": [{"name": "mail", "type": "String"}, {"name": "photo", "type": "Binary"}]},
                {"name": "User", "attributes": [{"name": "other"}]},
            ]}],
            "synchronizationRules": [{"id": "r", "priority": 1, "objectMappings": [
                {"name": "Users", "sourceObjectName": "User", "targetObjectName": "Account", "flowTypes": "Add",
                 "scope": {"groups": [{"name": "g"}], "inputFilterGroups": []},
                 "metadata": [{"key": "Odd", "value": "\"Normal\""}, {"key": "Known", "value": "x"}],
                 "attributeMappings": [
                    {"targetAttributeName": "title", "flowType": "Always", "source": {"expression": "[jobTitle]", "parameters": [1]}},
                    {"targetAttributeName": "mail", "flowType": "Always"},
                 ]},
                {"name": null, "sourceObjectName": "Group", "targetObjectName": "Team", "flowTypes": "Update"},
            ]}],
        }))
    }

    fn merged(sent: Json) -> Map<String, Json> {
        let mut schema = schema();
        merge_schema(&mut schema, map(sent));
        schema
    }

    #[test]
    fn what_a_client_cannot_carry_stays() {
        let sent = json!({"synchronizationRules": [{"id": "r", "objectMappings": [
            {"name": "Users", "sourceObjectName": "User", "targetObjectName": "Account",
             "metadata": [{"value": "\"Normal\""}, {"key": "Known", "value": "y"}],
             "attributeMappings": [{"targetAttributeName": "mail"}, {"targetAttributeName": "title"}]},
            {"sourceObjectName": "Group", "targetObjectName": "Team"},
        ]}]});
        let after = merged(sent);
        let mappings = &after["synchronizationRules"][0]["objectMappings"];
        assert_eq!(mappings[0]["flowTypes"], "Add");
        assert_eq!(mappings[0]["scope"], schema()["synchronizationRules"][0]["objectMappings"][0]["scope"]);
        let metadata = json!([{"key": "Odd", "value": "\"Normal\""}, {"key": "Known", "value": "y"}]);
        assert_eq!(mappings[0]["metadata"], metadata);
        assert_eq!(mappings[0]["attributeMappings"][1]["source"]["expression"], "[jobTitle]");
        assert_eq!(
            mappings[1],
            json!({"name": null, "sourceObjectName": "Group", "targetObjectName": "Team", "flowTypes": "Update"})
        );
        assert_eq!(after["directories"], schema()["directories"]);
    }

    #[test]
    fn what_is_missing_from_a_collection_goes() {
        let sent = json!({"synchronizationRules": [{"id": "r", "objectMappings": [
            {"name": "Users", "attributeMappings": [{"targetAttributeName": "title", "flowType": "ObjectAddOnly"},
                                                   {"targetAttributeName": "nickName", "source": null}]}]}]});
        let after = merged(sent);
        let mappings = after["synchronizationRules"][0]["objectMappings"].as_array().unwrap();
        assert_eq!(mappings.len(), 1);
        let title = json!({"targetAttributeName": "title", "flowType": "ObjectAddOnly", "source": {"expression": "[jobTitle]", "parameters": [1]}});
        assert_eq!(
            mappings[0]["attributeMappings"],
            json!([title, {"targetAttributeName": "nickName", "source": null}])
        );
    }

    #[test]
    fn a_source_is_replaced_whole_and_a_scope_by_property() {
        let sent = json!({"synchronizationRules": [{"id": "r", "objectMappings": [
            {"name": "Users", "scope": {"groups": []},
             "attributeMappings": [{"targetAttributeName": "title", "source": {"expression": "[department]"}}]}]}]});
        let after = merged(sent);
        let mapping = &after["synchronizationRules"][0]["objectMappings"][0];
        assert_eq!(mapping["scope"], json!({"groups": [], "inputFilterGroups": []}));
        assert_eq!(mapping["attributeMappings"][0]["source"], json!({"expression": "[department]"}));
    }

    #[test]
    fn a_renamed_mapping_keeps_what_it_had() {
        let sent = json!({"synchronizationRules": [{"id": "r", "objectMappings": [
            {"name": "People", "sourceObjectName": "User", "targetObjectName": "Account"}]}]});
        let after = merged(sent);
        let mapping = &after["synchronizationRules"][0]["objectMappings"][0];
        assert_eq!((&mapping["name"], &mapping["flowTypes"]), (&json!("People"), &json!("Add")));
    }

    #[test]
    fn two_elements_of_one_name_stay_two() {
        let sent = json!({"directories": [{"id": "d", "objects": [
            {"name": "User", "attributes": [{"name": "mail", "type": "Reference"}]}, {"name": "User"}]}]});
        let after = merged(sent);
        let objects = &after["directories"][0]["objects"];
        assert_eq!(objects[0]["attributes"], json!([{"name": "mail", "type": "Reference"}]));
        assert_eq!(objects[1]["attributes"], json!([{"name": "other"}]));
        assert_eq!(after["directories"][0]["name"], "Source");
    }

    #[test]
    fn differences_are_told_by_place() {
        let sent = json!({"synchronizationRules": [{"id": "r", "objectMappings": [
            {"name": "Users", "scope": null, "attributeMappings": [
                {"targetAttributeName": "title", "flowType": "ObjectAddOnly"}, {"targetAttributeName": "nick"}]},
            {"sourceObjectName": "Group", "targetObjectName": "Team"}]}]});
        let found = differences(&schema(), &merged(sent));
        let places: Vec<&str> = found.iter().map(|one| one.place.as_str()).collect();
        let users = "synchronizationRules[r]/objectMappings[Users]";
        assert_eq!(
            places,
            [
                &format!("{users}/attributeMappings[mail]"),
                &format!("{users}/attributeMappings[title]/flowType"),
                &format!("{users}/attributeMappings[nick]"),
                &format!("{users}/scope"),
            ]
        );
        assert_eq!((&found[1].old, &found[1].new), (&json!("Always"), &json!("ObjectAddOnly")));
        assert!(differences(&schema(), &schema()).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn sending_back_what_was_read_changes_nothing(drop in proptest::collection::vec(proptest::bool::ANY, 64)) {
            // Drops properties that are no keys and no collections, as a client may that does not know them.
            let mut bits = drop.into_iter().cycle();
            let mut sent = Json::Object(schema());
            thin(&mut sent, &mut bits);
            let mut after = schema();
            merge_schema(&mut after, map(sent));
            proptest::prop_assert_eq!(after, schema());
        }
    }

    fn thin(value: &mut Json, bits: &mut impl Iterator<Item = bool>) {
        const KEPT: [&str; 6] =
            ["id", "name", "key", "targetAttributeName", "sourceObjectName", "targetObjectName"];
        match value {
            Json::Object(members) => {
                members.retain(|name, value| {
                    let whole = name == "source" || name == "groups";
                    KEPT.contains(&name.as_str()) || (value.is_array() && !whole) || bits.next() == Some(true)
                });
                for (_, inner) in members.iter_mut().filter(|(name, _)| *name != "source") {
                    thin(inner, bits);
                }
            }
            Json::Array(values) => values.iter_mut().for_each(|inner| thin(inner, bits)),
            _ => {}
        }
    }
}
