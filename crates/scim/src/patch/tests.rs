use serde_json::{Value as Json, json};

use super::*;
use crate::schema::ENTERPRISE_USER;

fn user() -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "u1", "userName": "bjensen", "title": "Boss",
        "active": true, "name": {"givenName": "Barbara", "familyName": "Jensen"},
        "emails": [{"value": "w@x", "type": "work", "primary": true}, {"value": "h@x", "type": "home"}],
        "groups": [{"value": "g1"}]
    })
}

fn group() -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "g1", "displayName": "Guides",
        "members": [{"value": "u1", "$ref": "../Users/u1", "display": "Ann"}, {"value": "u2"}]
    })
}

/// Applies operations to a resource: what it then is and whether it changed, or the scimType.
fn run(mut resource: Json, operations: &Json, form: Form) -> Result<(Json, bool), String> {
    let schema =
        if resource.get("displayName").is_some() { ResourceSchema::group() } else { ResourceSchema::user() };
    let request = serde_json::from_value(json!({"Operations": operations})).unwrap();
    let before = resource.clone();
    match apply(&mut resource, &request, &schema, form) {
        Ok(changed) => Ok((resource, changed)),
        Err(error) => {
            assert_eq!(resource, before, "a refused request changes nothing");
            Err(error.scim_type.map_or_else(|| error.status.to_string(), |kind| kind.to_string()))
        }
    }
}

/// One operation on the user; gives the attribute that is looked at.
fn one(operation: &Json, look: &str, form: Form) -> Result<Json, String> {
    run(user(), &json!([operation]), form)
        .map(|(after, _)| after.pointer(look).cloned().unwrap_or(Json::Null))
}

/// Runs cases of (operation, the attribute that is looked at, what it then is) in both forms.
fn in_both_forms(cases: &[(Json, &str, Json)]) {
    for form in [Form::Strict, Form::Entra] {
        for (operation, look, expected) in cases {
            assert_eq!(one(operation, look, form), Ok(expected.clone()), "{operation} in form {form:?}");
        }
    }
}

#[test]
fn single_valued_attributes_in_both_forms() {
    in_both_forms(&[
        // Simple attributes.
        (json!({"op": "add", "path": "nickName", "value": "Babs"}), "/nickName", json!("Babs")),
        (json!({"op": "add", "path": "TITLE", "value": "CEO"}), "/title", json!("CEO")),
        (json!({"op": "replace", "path": "title", "value": "CEO"}), "/title", json!("CEO")),
        (json!({"op": "replace", "path": "nickName", "value": "Babs"}), "/nickName", json!("Babs")),
        (json!({"op": "replace", "path": "title", "value": null}), "/title", json!(null)),
        (json!({"op": "add", "path": "title", "value": null}), "/title", json!("Boss")),
        (json!({"op": "remove", "path": "title"}), "/title", json!(null)),
        (json!({"op": "remove", "path": "nickName"}), "/nickName", json!(null)),
        (
            json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:title", "value": "CEO"}),
            "/title",
            json!("CEO"),
        ),
        // Complex attributes.
        (
            json!({"op": "replace", "path": "name.givenName", "value": "Ann"}),
            "/name",
            json!({"givenName": "Ann", "familyName": "Jensen"}),
        ),
        (
            json!({"op": "add", "path": "name", "value": {"middleName": "Jane"}}),
            "/name/familyName",
            json!("Jensen"),
        ),
        (
            json!({"op": "replace", "path": "name", "value": {"givenName": "Ann"}}),
            "/name",
            json!({"givenName": "Ann", "familyName": "Jensen"}),
        ),
        (json!({"op": "remove", "path": "name.givenName"}), "/name", json!({"familyName": "Jensen"})),
        // The same value is no change of what cannot change.
        (json!({"op": "replace", "path": "id", "value": "u1"}), "/id", json!("u1")),
    ]);
}

#[test]
fn multi_valued_attributes_in_both_forms() {
    in_both_forms(&[
        (
            json!({"op": "add", "path": "emails", "value": [{"value": "o@x", "type": "other"}]}),
            "/emails/2",
            json!({"value": "o@x", "type": "other"}),
        ),
        (
            json!({"op": "add", "path": "emails", "value": {"value": "o@x", "type": "other"}}),
            "/emails/2/type",
            json!("other"),
        ),
        (
            json!({"op": "add", "path": "emails", "value": [{"value": "W@X", "type": "work"}]}),
            "/emails",
            user()["emails"].clone(),
        ),
        (
            json!({"op": "add", "path": "emails", "value": [{"value": "w@x", "type": "home"}]}),
            "/emails/2/value",
            json!("w@x"),
        ),
        (
            json!({"op": "add", "path": "emails", "value": [{"value": "o@x", "primary": true}]}),
            "/emails/0/primary",
            json!(false),
        ),
        (
            json!({"op": "add", "path": "emails", "value": [{"value": "h@x", "type": "home", "primary": true}]}),
            "/emails",
            json!([{"value": "w@x", "type": "work", "primary": false}, {"value": "h@x", "type": "home", "primary": true}]),
        ),
        (
            json!({"op": "replace", "path": "emails", "value": [{"value": "o@x"}]}),
            "/emails",
            json!([{"value": "o@x"}]),
        ),
        (json!({"op": "replace", "path": "emails", "value": []}), "/emails", json!(null)),
        (json!({"op": "remove", "path": "emails"}), "/emails", json!(null)),
        (json!({"op": "replace", "path": "emails.display", "value": "D"}), "/emails/1/display", json!("D")),
    ]);
}

#[test]
fn filtered_values_in_both_forms() {
    let work = "emails[type eq \"work\"]";
    in_both_forms(&[
        (
            json!({"op": "replace", "path": format!("{work}.value"), "value": "n@x"}),
            "/emails/0",
            json!({"value": "n@x", "type": "work", "primary": true}),
        ),
        (
            json!({"op": "add", "path": format!("{work}.display"), "value": "D"}),
            "/emails/0/display",
            json!("D"),
        ),
        (
            json!({"op": "replace", "path": work, "value": {"value": "n@x"}}),
            "/emails/0",
            json!({"value": "n@x"}),
        ),
        (
            json!({"op": "add", "path": work, "value": {"display": "D"}}),
            "/emails/0",
            json!({"value": "w@x", "type": "work", "primary": true, "display": "D"}),
        ),
        (json!({"op": "remove", "path": work}), "/emails", json!([{"value": "h@x", "type": "home"}])),
        (json!({"op": "remove", "path": "emails[value pr]"}), "/emails", json!(null)),
        (
            json!({"op": "remove", "path": format!("{work}.primary")}),
            "/emails/0",
            json!({"value": "w@x", "type": "work"}),
        ),
        (json!({"op": "remove", "path": "emails[type eq \"other\"]"}), "/emails", user()["emails"].clone()),
        (
            json!({"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}),
            "/emails/0/primary",
            json!(false),
        ),
        (
            json!({"op": "add", "path": "emails[type eq \"other\"].value", "value": "o@x"}),
            "/emails/2",
            json!({"type": "other", "value": "o@x"}),
        ),
        (
            json!({"op": "add", "path": "roles[primary eq \"True\"].value", "value": "r"}),
            "/roles",
            json!([{"primary": true, "value": "r"}]),
        ),
        // Without a path.
        (
            json!({"op": "add", "value": {"nickName": "Babs", "emails": [{"value": "o@x"}]}}),
            "/emails/2/value",
            json!("o@x"),
        ),
        (
            json!({"op": "replace", "value": {"emails": [{"value": "o@x"}], "name": {"givenName": "Ann"}}}),
            "/emails",
            json!([{"value": "o@x"}]),
        ),
    ]);
}

#[test]
fn refusals_in_both_forms() {
    let cases = [
        (json!({"op": "frob", "path": "title"}), "invalidSyntax"),
        (json!({"op": "add", "path": "title"}), "invalidValue"),
        (json!({"op": "add", "path": "shoeSize", "value": 42}), "invalidPath"),
        (json!({"op": "add", "path": "name.shoe", "value": "x"}), "invalidPath"),
        (json!({"op": "add", "path": "urn:example:other:2.0:User:x", "value": "x"}), "invalidPath"),
        (json!({"op": "add", "path": "urn:example:other:2.0:User", "value": {"x": 1}}), "invalidPath"),
        (json!({"op": "add", "path": "emails[type is \"x\"]", "value": {}}), "invalidPath"),
        (json!({"op": "add", "path": "name[givenName eq \"x\"].givenName", "value": "y"}), "invalidPath"),
        (json!({"op": "add", "path": "emails[shoe eq \"x\"].value", "value": "y"}), "invalidPath"),
        (json!({"op": "add", "path": "emails[not (type pr)].value", "value": "y"}), "noTarget"),
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "add", "path": "title", "value": 1}), "invalidValue"),
        (json!({"op": "add", "path": "title", "value": ["a", "b"]}), "invalidValue"),
        (json!({"op": "add", "path": "active", "value": "perhaps"}), "invalidValue"),
        (json!({"op": "add", "path": "name", "value": {"shoe": "x"}}), "invalidValue"),
        (json!({"op": "add", "path": "addresses", "value": "Main Street"}), "invalidValue"),
        (
            json!({"op": "add", "path": "x509Certificates", "value": [{"value": "not base64!"}]}),
            "invalidValue",
        ),
        (
            json!({"op": "replace", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
            "invalidValue",
        ),
        (json!({"op": "add", "value": "x"}), "invalidValue"),
        (json!({"op": "add", "value": {"shoeSize": 1}}), "invalidPath"),
        (json!({"op": "replace", "path": "id", "value": "u2"}), "mutability"),
        (json!({"op": "remove", "path": "id"}), "mutability"),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (json!({"op": "replace", "path": "userName", "value": null}), "mutability"),
        (json!({"op": "remove", "path": "schemas"}), "mutability"),
        (json!({"op": "remove", "path": "groups[value eq \"g1\"]"}), "mutability"),
        (json!({"op": "add", "path": "groups", "value": [{"value": "g2"}]}), "mutability"),
        (json!({"op": "replace", "path": "meta.version", "value": "x"}), "mutability"),
        (json!({"op": "replace", "path": "phoneNumbers.value", "value": "1"}), "noTarget"),
    ];
    for form in [Form::Strict, Form::Entra] {
        for (operation, expected) in &cases {
            assert_eq!(one(operation, "", form), Err((*expected).to_owned()), "{operation} in form {form:?}");
        }
    }
}

#[test]
fn what_only_entra_sends() {
    let manager = format!("{ENTERPRISE_USER}:manager");
    let cases = [
        (json!({"op": "Replace", "path": "title", "value": "CEO"}), "/title", json!("CEO"), "invalidSyntax"),
        (
            json!({"op": "replace", "path": "active", "value": "False"}),
            "/active",
            json!(false),
            "invalidValue",
        ),
        (json!({"op": "replace", "value": {"active": "False"}}), "/active", json!(false), "invalidValue"),
        (json!({"op": "replace", "path": "title", "value": ["CEO"]}), "/title", json!("CEO"), "invalidValue"),
        (
            json!({"op": "add", "path": manager, "value": "m1"}),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager",
            json!({"value": "m1"}),
            "invalidValue",
        ),
        (
            json!({"op": "add", "path": manager, "value": [{"$ref": null, "value": "m1"}]}),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager",
            json!({"value": "m1"}),
            "invalidValue",
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"other\"].value", "value": "o@x"}),
            "/emails/2",
            json!({"type": "other", "value": "o@x"}),
            "noTarget",
        ),
        (
            json!({"op": "replace", "value": {"id": "u9", "meta": {"version": "x"}, "title": "CEO"}}),
            "/title",
            json!("CEO"),
            "mutability",
        ),
        (
            json!({"op": "add", "value": {"name.givenName": "Ann"}}),
            "/name/givenName",
            json!("Ann"),
            "invalidPath",
        ),
        (
            json!({"op": "add", "value": {"emails[type eq \"work\"].value": "n@x"}}),
            "/emails/0/value",
            json!("n@x"),
            "invalidPath",
        ),
        (
            json!({"op": "add", "value": {format!("{ENTERPRISE_USER}:department"): "R&D"}}),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department",
            json!("R&D"),
            "invalidPath",
        ),
        (
            json!({"op": "remove", "path": "emails", "value": [{"value": "w@x", "type": "work"}]}),
            "/emails/0/type",
            json!("home"),
            "invalidValue",
        ),
        (json!({"op": "add", "path": "", "value": {"title": "CEO"}}), "/title", json!("CEO"), "invalidPath"),
        (
            json!({"op": "add", "path": "roles", "value": ["Admin"]}),
            "/roles",
            json!([{"value": "Admin"}]),
            "invalidValue",
        ),
    ];
    for (operation, look, expected, strict) in cases {
        assert_eq!(one(&operation, look, Form::Entra), Ok(expected), "{operation}");
        assert_eq!(one(&operation, look, Form::Strict), Err(strict.to_owned()), "{operation}");
    }
}

#[test]
fn members_come_and_go() {
    let members = |operations: Json, form| {
        run(group(), &operations, form).map(|(after, changed)| (after["members"].clone(), changed))
    };
    let original = group()["members"].clone();
    let added = json!([{"op": "add", "path": "members", "value": [{"$ref": null, "value": "u3"}, {"value": "u1", "display": "Ann"}]}]);
    let expected =
        json!([{"value": "u1", "$ref": "../Users/u1", "display": "Ann"}, {"value": "u2"}, {"value": "u3"}]);
    assert_eq!(members(added, Form::Strict), Ok((expected, true)));
    let present = json!([{"op": "add", "path": "members", "value": [{"value": "u2"}]}]);
    assert_eq!(members(present, Form::Strict), Ok((original.clone(), false)));
    let other_address =
        json!([{"op": "add", "path": "members", "value": [{"value": "u1", "$ref": "../Users/u9"}]}]);
    assert_eq!(members(other_address, Form::Strict), Ok((original.clone(), false)), "$ref is immutable");
    let removed = json!([{"op": "remove", "path": "members[value eq \"u1\"]"}]);
    assert_eq!(members(removed, Form::Strict), Ok((json!([{"value": "u2"}]), true)));
    let absent = json!([{"op": "remove", "path": "members[value eq \"u9\"]"}]);
    assert_eq!(members(absent, Form::Strict), Ok((original.clone(), false)));
    let by_value = json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u2"}, {"value": "u9"}]}]);
    assert_eq!(members(by_value.clone(), Form::Entra), Ok((json!([original[0]]), true)));
    assert_eq!(members(by_value, Form::Strict), Err("invalidSyntax".to_owned()));
    let all = json!([{"op": "remove", "path": "members"}]);
    assert_eq!(members(all, Form::Strict), Ok((Json::Null, true)));
    let fixed = json!([{"op": "replace", "path": "members[value eq \"u1\"].value", "value": "u7"}]);
    assert_eq!(members(fixed, Form::Strict), Err("mutability".to_owned()));
    // What the service alone writes stays with the members that stay.
    let replaced = json!([{"op": "replace", "path": "members", "value": [{"value": "u1", "$ref": "../Users/u1"}, {"value": "u4"}]}]);
    let expected = json!([{"value": "u1", "$ref": "../Users/u1", "display": "Ann"}, {"value": "u4"}]);
    assert_eq!(members(replaced, Form::Strict), Ok((expected, true)));
}

#[test]
fn extensions_appear_in_schemas_while_they_are_used() {
    let department = format!("{ENTERPRISE_USER}:department");
    let (with, changed) =
        run(user(), &json!([{"op": "add", "path": department, "value": "R&D"}]), Form::Strict).unwrap();
    assert!(changed);
    assert_eq!(with["schemas"][1], json!(ENTERPRISE_USER));
    assert_eq!(with[ENTERPRISE_USER], json!({"department": "R&D"}));
    for remove in
        [json!([{"op": "remove", "path": department}]), json!([{"op": "remove", "path": ENTERPRISE_USER}])]
    {
        assert_eq!(run(with.clone(), &remove, Form::Strict), Ok((user(), true)));
    }
    let whole = json!([{"op": "add", "value": {ENTERPRISE_USER: {"department": "R&D"}}}]);
    assert_eq!(run(user(), &whole, Form::Strict), Ok((with.clone(), true)));
    let whole = json!([{"op": "replace", "path": ENTERPRISE_USER, "value": {"department": "R&D"}}]);
    assert_eq!(run(user(), &whole, Form::Strict), Ok((with, true)));
}

#[test]
fn another_manager_brings_nothing_of_the_old_one() {
    let manager = format!("{ENTERPRISE_USER}:manager");
    let mut before = user();
    before[ENTERPRISE_USER] =
        json!({"manager": {"value": "m1", "$ref": "../Users/m1", "displayName": "Max"}});
    let replace = |value: Json| json!([{"op": "replace", "path": manager, "value": value}]);
    let after =
        |value: Json| run(before.clone(), &replace(value), Form::Entra).unwrap().0[ENTERPRISE_USER].clone();
    assert_eq!(after(json!({"value": "m2"})), json!({"manager": {"value": "m2"}}));
    assert_eq!(after(json!({"value": "m1"})), before[ENTERPRISE_USER]);
    assert_eq!(after(json!("")), Json::Null);
}

#[test]
fn a_request_is_applied_as_a_whole_or_not_at_all() {
    let operations =
        json!([{"op": "replace", "path": "title", "value": "CEO"}, {"op": "remove", "path": "userName"}]);
    assert_eq!(run(user(), &operations, Form::Strict), Err("mutability".to_owned()));
    let there_and_back = json!([{"op": "replace", "path": "title", "value": "CEO"}, {"op": "replace", "path": "title", "value": "Boss"}]);
    assert_eq!(run(user(), &there_and_back, Form::Strict), Ok((user(), false)));
    let many = vec![json!({"op": "remove", "path": "title"}); MAX_PATCH_OPERATIONS + 1];
    assert_eq!(run(user(), &json!(many), Form::Strict), Err("413".to_owned()));
    let request = serde_json::from_value(json!({"Operations": [{"op": "add", "path": "title", "value": "x"}, {"op": "remove", "path": "na me"}]})).unwrap();
    let error = apply(&mut user(), &request, &ResourceSchema::user(), Form::Strict).unwrap_err();
    assert!(error.detail.starts_with("operation 2: the path na me is wrong at position 3"), "{error}");
}

#[test]
fn an_open_schema_takes_what_it_does_not_know() {
    let schema = ResourceSchema::user().open();
    let request = serde_json::from_value(json!({"Operations": [
        {"op": "add", "path": "shoeSize", "value": 42},
        {"op": "add", "path": "tags", "value": ["a"]},
        {"op": "add", "path": "tags", "value": ["b", "a"]},
        {"op": "add", "path": "pets[kind eq \"dog\"].name", "value": "Rex"},
        {"op": "add", "path": "urn:example:x:2.0:User:y.z", "value": true},
    ]}))
    .unwrap();
    let mut resource = json!({"schemas": []});
    assert!(apply(&mut resource, &request, &schema, Form::Strict).unwrap());
    assert_eq!(
        resource,
        json!({
            "schemas": ["urn:example:x:2.0:User"], "shoeSize": 42, "tags": ["a", "b"], "pets": [{"kind": "dog", "name": "Rex"}],
            "urn:example:x:2.0:User": {"y": {"z": true}}
        })
    );
}

mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::build::{Edit, EditKind, PatchProfile, has_value, read_path};

    fn value() -> impl Strategy<Value = Json> {
        proptest::sample::select(vec![
            json!(null),
            json!(true),
            json!("True"),
            json!("x"),
            json!(7),
            json!([]),
            json!({}),
            json!(["x"]),
            json!({"value": "x", "primary": true}),
            json!([{"value": "x"}, {"value": "y", "type": "work", "primary": true}]),
            json!({"emails": [{"value": "x"}]}),
            json!({"name.givenName": "x"}),
            json!({"givenName": "x"}),
        ])
    }

    fn path() -> impl Strategy<Value = Option<&'static str>> {
        proptest::option::of(proptest::sample::select(vec![
            "title",
            "active",
            "name",
            "name.givenName",
            "emails",
            "emails.value",
            "emails[type eq \"work\"]",
            "emails[type eq \"work\"].value",
            "emails[primary eq true].type",
            "emails[primary eq \"True\"]",
            "members",
            "userName",
            "id",
            "schemas",
            "groups",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
            "roles[value eq \"x\"]",
            "]",
            "a..b",
        ]))
    }

    fn operation() -> impl Strategy<Value = PatchOperation> {
        (
            proptest::sample::select(&["add", "Replace", "remove", "replace"][..]),
            path(),
            proptest::option::of(value()),
        )
            .prop_map(|(op, path, value)| PatchOperation {
                op: op.to_owned(),
                path: path.map(str::to_owned),
                value,
            })
    }

    proptest! {
        #[test]
        fn whatever_comes_the_resource_stays_sound(
            operations in proptest::collection::vec(operation(), 1..6),
            open in any::<bool>(),
            strict in any::<bool>(),
        ) {
            let schema = if open { ResourceSchema::user().open() } else { ResourceSchema::user() };
            let form = if strict { Form::Strict } else { Form::Entra };
            let mut resource = user();
            let request = PatchRequest::new(operations);
            let changed = apply(&mut resource, &request, &schema, form).unwrap_or(false);
            prop_assert_eq!(changed, resource != user());
            prop_assert_eq!(&resource["id"], &json!("u1"));
            prop_assert!(resource["userName"].is_string());
            if let Some(emails) = resource["emails"].as_array() {
                prop_assert!(!emails.is_empty());
                prop_assert!(emails.iter().filter(|email| email["primary"] == json!(true)).count() <= 1);
            }
        }

        /// What the client builds, the service understands: after the request the paths read as the edits say.
        #[test]
        fn edits_arrive(values in proptest::collection::vec(proptest::option::of("[a-z]{1,4}"), 6)) {
            let schema = ResourceSchema::user();
            let mut resource = user();
            let paths = ["title", "name.givenName", "emails[type eq \"work\"].value", "emails[type eq \"other\"].value",
                "roles[primary eq \"True\"].value", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"];
            let edits: Vec<Edit> = paths.iter().zip(&values).map(|(path, value)| {
                let path: Path = path.parse().unwrap();
                let value = value.as_deref().map_or(model::Value::Null, model::Value::from);
                Edit { exists: has_value(&resource, &path, &schema), path, kind: EditKind::Set(value) }
            }).collect();
            if let Some(request) = PatchProfile::Rfc7644.request(&edits, &schema).unwrap() {
                apply(&mut resource, &request, &schema, Form::Strict).unwrap();
            }
            for edit in &edits {
                let EditKind::Set(value) = &edit.kind else { continue };
                let read = read_path(&resource, &edit.path, Some(model::schema::AttributeType::String), &schema);
                prop_assert_eq!(&read, value, "{}", edit.path);
            }
        }
    }
}
