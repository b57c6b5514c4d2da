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
            Box::new(|s| {
                let rule = s["synchronizationRules"][0].clone();
                s["synchronizationRules"].as_array_mut().unwrap().push(rule);
            }),
            &["rule 'Out'", "another rule has the id"],
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
fn types_that_do_not_fit_are_refused() {
    let table: Vec<Mistake> = vec![
        (
            Box::new(|s| people(s)["attributeMappings"][3]["source"]["expression"] = "[age]".into()),
            &[
                "attribute 'active': character 1: the attribute 'active' takes a boolean, not a whole number",
                "CBool",
            ],
        ),
        (
            Box::new(|s| people(s)["attributeMappings"][3]["source"]["expression"] = "\"yes\"".into()),
            &["attribute 'active'", "takes a boolean, not \"yes\""],
        ),
        (
            Box::new(|s| people(s)["attributeMappings"][3]["defaultValue"] = "perhaps".into()),
            &["attribute 'active'", "the default value 'perhaps' is no value of type Boolean"],
        ),
        (
            Box::new(|s| {
                people(s)["attributeMappings"][2]["source"]["expression"] =
                    "SelectUniqueValue([title], \"x\")".into();
            }),
            &[
                "attribute 'title': character 1: SelectUniqueValue needs a mapping with flowType ObjectAddOnly",
            ],
        ),
        (
            Box::new(|s| {
                people(s)["attributeMappings"][1]["source"]["expression"] =
                    "SelectUniqueValue([title], \"x\")".into();
                people(s)["attributeMappings"][1]["flowType"] = "ObjectAddOnly".into();
            }),
            &["attribute 'email': character 1: SelectUniqueValue cannot compute a matching attribute"],
        ),
        (
            Box::new(|s| people(s)["attributeMappings"][4]["matchingPriority"] = 3.into()),
            &["attribute 'manager': a reference cannot find accounts"],
        ),
        (
            Box::new(|s| people(s)["attributeMappings"][4]["source"]["expression"] = "[boss".into()),
            &["attribute 'manager': character 6: expected ']'"],
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
fn matching_that_finds_nobody_is_refused() {
    let table: Vec<Mistake> = vec![
        (
            Box::new(|s| people(s)["attributeMappings"][1]["source"]["expression"] = "\"all\"".into()),
            &["attribute 'email': character 1: the value is the same for everybody"],
        ),
        (
            Box::new(|s| {
                people(s)["attributeMappings"][1]["source"]["expression"] = "Append(\"a\", Guid())".into();
            }),
            &["attribute 'email': character 1: the value is the same for everybody"],
        ),
        (
            Box::new(|s| people(s)["attributeMappings"][1]["matchingPriority"] = (-1).into()),
            &["attribute 'email': matchingPriority -1 is below 0", "1 and up"],
        ),
        (
            Box::new(|s| {
                people(s)["scope"] = json!({"groups": [{"clauses": [
                    {"sourceOperandName": "title", "operatorName": "IS TRUE", "targetOperand": null}]}]});
            }),
            &["mapping 'People'", "'title IS TRUE' asks for a truth", "type String"],
        ),
    ];
    for (change, expected) in table {
        let message = error(change);
        for words in expected {
            assert!(message.contains(words), "{message} lacks {words}");
        }
    }
}

/// Those of one priority go in the order of the schema.
#[test]
fn equal_priorities_match_in_the_order_of_the_schema() {
    let mut schema = schema();
    people(&mut schema)["attributeMappings"][0]["matchingPriority"] = 2.into();
    people(&mut schema)["attributeMappings"][1]["matchingPriority"] = 2.into();
    people(&mut schema)["attributeMappings"][2]["matchingPriority"] = 1.into();
    let program = program(&schema);
    let order: Vec<&str> =
        program.rules[0].mappings[0].matching().map(|flow| flow.attribute.as_str()).collect();
    assert_eq!(order, ["title", "userName", "email"]);
}

#[test]
fn all_mistakes_are_told_at_once_up_to_a_limit() {
    let mut broken = schema();
    people(&mut broken)["attributeMappings"][0]["source"]["expression"] = "Join([a], [logn], Foo())".into();
    people(&mut broken)["attributeMappings"][1]["source"]["expression"] = "Append([mial], [titel])".into();
    people(&mut broken)["attributeMappings"][2]["targetAttributeName"] = "titel".into();
    broken["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"][0]["source"]["expression"] =
        "[tite]".into();
    let found = errors(&broken);
    let places: Vec<&str> = found.iter().map(|error| error.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "rule 'Out', mapping 'People', attribute 'userName'",
            "rule 'Out', mapping 'People', attribute 'email'",
            "rule 'Out', mapping 'People', attribute 'email'",
            "rule 'Out', mapping 'People', attribute 'titel'",
            "rule 'Out', mapping 'Teams', attribute 'displayName'",
        ]
    );
    let many: Vec<Json> =
        (0..5_000).map(|number| mapping(&format!("nothing{number}"), "[login]", json!({}))).collect();
    people(&mut broken)["attributeMappings"] = many.into();
    assert_eq!(errors(&broken).len(), 100);
}

#[test]
fn what_is_harmless_is_taken() {
    let mut odd = schema();
    let badge = "extension_8adf8e6e67b24cf2a259e3dc5476c621_badge";
    let mappings = people(&mut odd)["attributeMappings"].as_array_mut().unwrap();
    mappings[1]["source"]["expression"] = format!("Coalesce([mail], [{badge}])").into();
    // Only the tree, as some tools write it.
    mappings[4]["source"] = json!({"name": "boss", "type": "Attribute", "expression": null});
    mappings.push(mapping("tags", "[login]", json!({})));
    mappings.push(mapping("age", "[title]", json!({"defaultValue": ""})));
    mappings
        .push(json!({"targetAttributeName": "birthName", "source": null, "defaultValue": "x", "unknown": 1}));
    people(&mut odd)["scope"] = json!({"groups": [{"clauses": [
        {"sourceOperandName": badge, "operatorName": "IS NOT NULL", "targetOperand": null}]}]});
    let program = program(&odd);
    let people = &program.rules[0].mappings[0];
    assert!(people.source_attributes.iter().any(|name| name == badge));
    assert_eq!(people.references.len(), 1);
}

#[test]
fn large_schemas_compile_in_no_time() {
    let mut large = schema();
    let count = 20_000;
    let names: Vec<Json> = (0..count).map(|number| json!({"name": format!("a{number}")})).collect();
    for directory in 0..2 {
        let attributes = &mut large["directories"][directory]["objects"][0]["attributes"];
        attributes.as_array_mut().unwrap().extend(names.clone());
    }
    let more = (0..count).map(|number| mapping(&format!("a{number}"), &format!("[a{number}]"), json!({})));
    people(&mut large)["attributeMappings"].as_array_mut().unwrap().extend(more);
    let schema: Schema = serde_json::from_value(large).unwrap();
    let begin = std::time::Instant::now();
    assert_eq!(sync::compile(&schema).unwrap().rules[0].mappings[0].flows.len(), count + 4);
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
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
    assert!(changed(&|schema| people(schema)["name"] = "Renamed".into()), "jobs remember objects by it");
    assert!(!changed(&|schema| schema["version"] = "2".into()));
    let scope = |operand: &str| json!({"groups": [{"name": operand, "clauses": [{"sourceOperandName": "title", "operatorName": "IS NOT NULL"}]}]});
    let meaning = |change: &dyn Fn(&mut Json)| {
        let mut schema = schema();
        change(&mut schema);
        program(&schema).meaning
    };
    let named = |name: &'static str| meaning(&move |schema| people(schema)["scope"] = scope(name));
    assert_eq!(named("Titled"), named("Have a title"));
    // A tree alone is read too, and spaces mean nothing.
    let tree = |name: &'static str| {
        meaning(&move |schema| {
            let source = json!({"name": name, "type": "Attribute", "expression": null});
            people(schema)["attributeMappings"][2]["source"] = source;
        })
    };
    assert_ne!(tree("title"), tree("mail"));
    assert_eq!(tree("title"), plain);
    assert!(!changed(
        &|schema| people(schema)["attributeMappings"][2]["source"]["expression"] = " [title] ".into()
    ));
    assert!(changed(&|schema| {
        schema["directories"][0]["objects"][0]["attributes"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .filter(|one| one["name"] == "title")
            .for_each(|one| one["multivalued"] = true.into());
    }));
    assert!(changed(&|schema| people(schema)["flowTypes"] = "Add".into()));
    assert!(changed(&|schema| people(schema)["attributeMappings"][2]["defaultValue"] = "x".into()));
    assert!(changed(
        &|schema| people(schema)["attributeMappings"][2]["source"]["expression"] = "\"x\"".into()
    ));
    assert!(changed(
        &|schema| schema["directories"][1]["objects"][0]["attributes"][3]["caseExact"] = false.into()
    ));
}
