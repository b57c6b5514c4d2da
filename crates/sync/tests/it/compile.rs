//! What a schema must hold to run, and how mistakes are named.

use model::schema::Schema;
use serde_json::{Value as Json, json};

use crate::world::{mapping, people, program, schema};

fn errors(schema: &Json) -> Vec<String> {
    let schema: Schema = serde_json::from_value(schema.clone()).unwrap();
    sync::compile(&schema).unwrap_err().iter().map(ToString::to_string).collect()
}

fn error(change: impl FnOnce(&mut Json)) -> String {
    let mut schema = schema();
    change(&mut schema);
    let errors = errors(&schema);
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].clone()
}

type Mistake = (Box<dyn FnOnce(&mut Json)>, &'static [&'static str]);

#[test]
fn mistakes_name_rule_mapping_attribute_and_mend() {
    let table: Vec<Mistake> = vec![
        (
            Box::new(|s| people(s)["attributeMappings"][2]["source"]["expression"] = "[titel]".into()),
            &["rule 'Out', mapping 'People', attribute 'title'", "titel", "title"],
        ),
        (
            Box::new(|s| {
                people(s)["attributeMappings"][2]["source"]["expression"] = "ToLowr([title])".into();
            }),
            &["attribute 'title'", "ToLower"],
        ),
        (
            Box::new(|s| people(s)["attributeMappings"][2]["targetAttributeName"] = "titel".into()),
            &["attribute 'titel'", "did you mean 'title'?"],
        ),
        (
            Box::new(|s| people(s)["attributeMappings"][2]["targetAttributeName"] = "id".into()),
            &["attribute 'id'", "read-only"],
        ),
        (
            Box::new(|s| people(s)["attributeMappings"][2]["targetAttributeName"] = "email".into()),
            &["attribute 'email'", "mapped twice"],
        ),
        (
            Box::new(|s| people(s)["targetObjectName"] = "Usr".into()),
            &["mapping 'People'", "'Usr'", "'User', 'Group'"],
        ),
        (
            Box::new(|s| s["synchronizationRules"][0]["sourceDirectoryName"] = "HRR".into()),
            &["rule 'Out'", "no directory 'HRR'", "'HR', 'App'"],
        ),
        (
            Box::new(|s| {
                people(s)["scope"] = json!({"groups": [{"clauses": [
                    {"sourceOperandName": "titel", "operatorName": "IS NULL", "targetOperand": null}]}]});
            }),
            &["filter reads 'titel'", "did you mean 'title'?"],
        ),
        (
            Box::new(|s| people(s)["attributeMappings"][4]["source"]["expression"] = "[mail]".into()),
            &["attribute 'manager'", "[manager]"],
        ),
    ];
    for (change, expected) in table {
        let message = error(change);
        for words in expected {
            assert!(message.contains(words), "{message} lacks {words}");
        }
    }
}

#[test]
fn a_mapping_must_be_able_to_find_accounts() {
    let message = error(|schema| {
        people(schema)["attributeMappings"][0]["matchingPriority"] = 0.into();
        people(schema)["attributeMappings"][1]["matchingPriority"] = 0.into();
    });
    assert!(message.contains("matchingPriority"), "{message}");
}

#[test]
fn what_is_disabled_or_flows_back_may_be_odd() {
    let mut schema = schema();
    schema["synchronizationRules"][0]["objectMappings"].as_array_mut().unwrap().push(json!({
        "name": null, "enabled": false, "sourceObjectName": "", "targetObjectName": "Nothing",
        "attributeMappings": [mapping("x", "Broken(", json!({}))]
    }));
    schema["synchronizationRules"].as_array_mut().unwrap().push(json!({
        "id": "back", "priority": 9, "sourceDirectoryName": "App", "targetDirectoryName": "HR",
        "objectMappings": [{"enabled": true, "sourceObjectName": "User", "targetObjectName": "Person",
            "attributeMappings": []}]
    }));
    assert_eq!(program(&schema).rules.len(), 1);
}

#[test]
fn only_what_decides_about_objects_changes_the_meaning() {
    let plain = program(&schema()).meaning;
    let changed = |change: &dyn Fn(&mut Json)| {
        let mut schema = schema();
        change(&mut schema);
        program(&schema).meaning != plain
    };
    assert!(!changed(&|schema| people(schema)["name"] = "Renamed".into()));
    assert!(!changed(&|schema| schema["version"] = "2".into()));
    assert!(changed(&|schema| people(schema)["flowTypes"] = "Add".into()));
    assert!(changed(&|schema| people(schema)["attributeMappings"][2]["defaultValue"] = "x".into()));
    assert!(changed(
        &|schema| people(schema)["attributeMappings"][2]["source"]["expression"] = "\"x\"".into()
    ));
    assert!(changed(
        &|schema| schema["directories"][1]["objects"][0]["attributes"][3]["caseExact"] = false.into()
    ));
}
