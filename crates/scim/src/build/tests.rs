use model::schema::AttributeType;
use model::{Anchor, Value};
use serde_json::{Value as Json, json};

use super::*;
use crate::schema::{ENTERPRISE_USER, ResourceSchema, USER};

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

fn reference(anchor: &str) -> Value {
    Value::Reference(Anchor::new(anchor))
}

fn built(values: &[(&str, Value)]) -> Json {
    let values: Vec<_> = values.iter().map(|(text, value)| (path(text), value.clone())).collect();
    resource(&ResourceSchema::user().open(), &values, Extensions::Announced).unwrap()
}

#[test]
fn a_user_is_built_from_flat_values() {
    let manager = format!("{ENTERPRISE_USER}:manager");
    let department = format!("{ENTERPRISE_USER}:department");
    let user = built(&[
        ("userName", "a@x.org".into()),
        ("active", "False".into()),
        ("name.givenName", "Ann".into()),
        ("name.familyName", "Lee".into()),
        ("title", Value::Null),
        ("emails[type eq \"work\"].value", "a@x.org".into()),
        ("emails[type eq \"work\"].primary", "True".into()),
        ("emails[type eq \"home\"].value", "ann@y.org".into()),
        ("roles[primary eq \"True\"].value", "Admin".into()),
        ("roles[primary eq \"True\"].display", "Administrator".into()),
        (&manager, reference("m1")),
        (&department, "R&D".into()),
        ("urn:example:shoe:2.0:User:size", 42.into()),
    ]);
    assert_eq!(
        user,
        json!({
            "schemas": [USER, ENTERPRISE_USER, "urn:example:shoe:2.0:User"],
            "userName": "a@x.org", "active": false,
            "name": {"givenName": "Ann", "familyName": "Lee"},
            "emails": [{"type": "work", "value": "a@x.org", "primary": true}, {"type": "home", "value": "ann@y.org"}],
            "roles": [{"primary": true, "value": "Admin", "display": "Administrator"}],
            ENTERPRISE_USER: {"manager": {"value": "m1"}, "department": "R&D"},
            "urn:example:shoe:2.0:User": {"size": 42}
        })
    );
}

#[test]
fn multi_valued_attributes_take_lists_and_json_texts() {
    let user = built(&[
        ("roles", Value::list(["a".into(), r#"{"value":"b","primary":true}"#.into()])),
        ("phoneNumbers.value", Value::list(["1".into(), "2".into()])),
        ("urn:example:x:2.0:User:tags", Value::list(["t".into(), "u".into()])),
    ]);
    assert_eq!(user["roles"], json!([{"value": "a"}, {"value": "b", "primary": true}]));
    assert_eq!(user["phoneNumbers"], json!([{"value": "1"}, {"value": "2"}]));
    assert_eq!(user["urn:example:x:2.0:User"], json!({"tags": ["t", "u"]}));
    let group = resource(
        &ResourceSchema::group(),
        &[(path("members"), Value::list([reference("u1")]))],
        Extensions::Announced,
    )
    .unwrap();
    assert_eq!(group["members"], json!([{"value": "u1"}]));
}

#[test]
fn what_cannot_be_written_is_said() {
    let schema = ResourceSchema::user();
    for (text, value, words) in [
        ("active", Value::from("perhaps"), "type boolean"),
        ("userName", Value::list(["a".into(), "b".into()]), "2 values"),
        ("name", "Ann Lee".into(), "sub-attributes"),
        ("emails[type ne \"work\"].value", "x".into(), "equalities"),
        (ENTERPRISE_USER, "x".into(), "attribute of it must follow"),
        ("emails[type eq \"work\"].value", Value::list(["a".into(), "b".into()]), "2 values"),
    ] {
        let error = resource(&schema, &[(path(text), value)], Extensions::Announced).unwrap_err();
        assert_eq!(error.path, text);
        assert!(error.reason.contains(words), "{error}");
    }
}

#[test]
fn values_are_read_by_path_and_type() {
    let user = json!({
        "userName": "a", "active": true, "NAME": {"givenName": "Ann"}, "age": "7", "height": 180,
        "emails": [{"type": "work", "value": "w@x"}, {"type": "home", "value": "h@x"}],
        "roles": [{"primary": true, "value": "Admin"}], "tags": ["t"], "empty": [], "odd": {"a": 1},
        "born": "2000-01-02T03:04:05Z", "key": "AAEC",
        ENTERPRISE_USER: {"manager": {"value": "m1", "$ref": "../Users/m1"}}
    });
    let schema = ResourceSchema::user().open();
    let read = |text: &str, kind| read_path(&user, &path(text), Some(kind), &schema);
    let manager = format!("{ENTERPRISE_USER}:manager");
    for (text, kind, expected) in [
        ("username", AttributeType::String, Value::from("a")),
        ("active", AttributeType::Boolean, true.into()),
        ("active", AttributeType::String, "True".into()),
        ("name.givenname", AttributeType::String, "Ann".into()),
        ("age", AttributeType::Integer, 7.into()),
        ("height", AttributeType::Integer, 180.into()),
        ("height", AttributeType::String, "180".into()),
        ("userName", AttributeType::Integer, "a".into()),
        ("emails[type eq \"work\"].value", AttributeType::String, "w@x".into()),
        ("emails[type eq \"home\"]", AttributeType::String, "h@x".into()),
        ("emails[type eq \"other\"].value", AttributeType::String, Value::Null),
        ("emails.value", AttributeType::String, Value::list(["w@x".into(), "h@x".into()])),
        ("emails", AttributeType::String, Value::list(["w@x".into(), "h@x".into()])),
        ("roles[primary eq \"True\"].value", AttributeType::String, "Admin".into()),
        ("tags", AttributeType::String, Value::list(["t".into()])),
        ("tags[value eq \"t\"].value", AttributeType::String, "t".into()),
        ("empty", AttributeType::String, Value::Null),
        ("absent.part", AttributeType::String, Value::Null),
        ("odd", AttributeType::String, "{\"a\":1}".into()),
        ("born", AttributeType::DateTime, Value::DateTime("2000-01-02T03:04:05Z".parse().unwrap())),
        ("key", AttributeType::Binary, Value::Binary(Box::new([0, 1, 2]))),
        (&manager, AttributeType::Reference, reference("m1")),
    ] {
        assert_eq!(read(text, kind), expected, "{text} as {kind:?}");
    }
}

#[test]
fn without_a_wanted_type_the_schema_or_the_json_says_it() {
    let user = json!({
        "userName": "a", "active": "true", "odd": true, "height": 180, "x509Certificates": [{"value": "AAEC"}],
        "meta": {"created": "2000-01-02T03:04:05Z"}, ENTERPRISE_USER: {"manager": {"value": "m1"}}
    });
    let manager = format!("{ENTERPRISE_USER}:manager");
    for (text, expected) in [
        ("userName", Value::from("a")),
        ("active", true.into()),
        ("odd", true.into()),
        ("height", 180.into()),
        ("x509Certificates[value pr]", Value::Binary(Box::new([0, 1, 2]))),
        ("meta.created", Value::DateTime("2000-01-02T03:04:05Z".parse().unwrap())),
        (&manager, reference("m1")),
    ] {
        assert_eq!(read_path(&user, &path(text), None, &ResourceSchema::user().open()), expected, "{text}");
    }
}

#[test]
fn queries_say_what_must_be_equal() {
    let schema = ResourceSchema::user().open();
    let manager = format!("{ENTERPRISE_USER}:manager");
    for (text, value, expected) in [
        ("userName", Value::from("a\"b"), "userName eq \"a\\\"b\"".to_owned()),
        ("active", "True".into(), "active eq true".to_owned()),
        (
            "emails[type eq \"work\"].value",
            "x".into(),
            "emails[type eq \"work\" and value eq \"x\"]".to_owned(),
        ),
        ("emails[type eq \"work\"]", "x".into(), "emails[type eq \"work\" and value eq \"x\"]".to_owned()),
        (
            "roles[primary eq \"True\"].value",
            "x".into(),
            "roles[primary eq true and value eq \"x\"]".to_owned(),
        ),
        (&manager, reference("m1"), format!("{manager}.value eq \"m1\"")),
        ("shoeSize", 42.into(), "shoeSize eq 42".to_owned()),
    ] {
        assert_eq!(equality(&path(text), &value, &schema).unwrap().to_string(), expected);
    }
    for (text, value) in [
        ("userName", Value::Null),
        (ENTERPRISE_USER, "x".into()),
        ("userName", Value::list(["a".into(), "b".into()])),
    ] {
        assert!(equality(&path(text), &value, &schema).is_err(), "{text}");
    }
}

fn patched(edits: &[(&str, EditKind, bool)], schema: &ResourceSchema) -> Json {
    let edits: Vec<Edit> = edits
        .iter()
        .map(|(text, kind, exists)| Edit { path: path(text), kind: kind.clone(), exists: *exists })
        .collect();
    let request = PatchProfile::Rfc7644.request(&edits, schema).unwrap();
    request.map_or(Json::Null, |request| serde_json::to_value(request.operations).unwrap())
}

#[test]
fn patches_follow_the_rfc() {
    use EditKind::{Add, Remove, Set};
    let manager = format!("{ENTERPRISE_USER}:manager");
    let schema = ResourceSchema::user().open();
    for (edit, expected) in [
        (("title", Set("CEO".into()), true), json!({"op": "replace", "path": "title", "value": "CEO"})),
        (("title", Set("CEO".into()), false), json!({"op": "add", "path": "title", "value": "CEO"})),
        (("title", Set(Value::Null), true), json!({"op": "remove", "path": "title"})),
        (("active", Set("False".into()), true), json!({"op": "replace", "path": "active", "value": false})),
        (
            ("name.givenName", Set("Ann".into()), true),
            json!({"op": "replace", "path": "name.givenName", "value": "Ann"}),
        ),
        (
            ("emails[type eq \"work\"].value", Set("w@x".into()), true),
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "w@x"}),
        ),
        (
            ("emails[type eq \"work\"].value", Set("w@x".into()), false),
            json!({"op": "add", "path": "emails", "value": [{"type": "work", "value": "w@x"}]}),
        ),
        (
            ("emails[type eq \"work\"].value", Set(Value::Null), true),
            json!({"op": "remove", "path": "emails[type eq \"work\"]"}),
        ),
        (
            ("addresses[type eq \"work\"].country", Set(Value::Null), true),
            json!({"op": "remove", "path": "addresses[type eq \"work\"].country"}),
        ),
        (
            ("roles[primary eq \"True\"].value", Set("Admin".into()), true),
            json!({"op": "replace", "path": "roles[primary eq true].value", "value": "Admin"}),
        ),
        (
            ("roles", Set(Value::list(["a".into()])), true),
            json!({"op": "replace", "path": "roles", "value": [{"value": "a"}]}),
        ),
        (("roles", Add("b".into()), true), json!({"op": "add", "path": "roles", "value": [{"value": "b"}]})),
        (
            (&manager, Set(reference("m1")), true),
            json!({"op": "replace", "path": manager, "value": {"value": "m1"}}),
        ),
        ((&manager, Set(Value::Null), true), json!({"op": "remove", "path": manager})),
        (("roles", Remove("b".into()), true), json!({"op": "remove", "path": "roles[value eq \"b\"]"})),
    ] {
        assert_eq!(patched(&[edit], &schema), json!([expected]));
    }
}

#[test]
fn members_are_added_together_and_removed_one_by_one() {
    let operations = patched(
        &[
            ("members", EditKind::Add(Value::list([reference("a"), reference("b")])), true),
            ("members", EditKind::Remove(Value::list([reference("c"), reference("d\"")])), true),
        ],
        &ResourceSchema::group(),
    );
    assert_eq!(
        operations,
        json!([
            {"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]},
            {"op": "remove", "path": "members[value eq \"c\"]"},
            {"op": "remove", "path": "members[value eq \"d\\\"\"]"}
        ])
    );
}

#[test]
fn parts_of_one_new_value_are_added_together() {
    let operations = patched(
        &[
            ("addresses[type eq \"work\"].locality", EditKind::Set("Rome".into()), false),
            ("title", EditKind::Set(Value::Null), false),
            ("addresses[type eq \"home\"].locality", EditKind::Set("Oslo".into()), false),
            ("addresses[type eq \"work\"].country", EditKind::Set("IT".into()), false),
        ],
        &ResourceSchema::user(),
    );
    assert_eq!(
        operations,
        json!([
            {"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "Rome", "country": "IT"}]},
            {"op": "add", "path": "addresses", "value": [{"type": "home", "locality": "Oslo"}]}
        ])
    );
    assert_eq!(patched(&[("title", EditKind::Set(Value::Null), false)], &ResourceSchema::user()), Json::Null);
}

#[test]
fn a_value_exists_where_its_filter_meets_one() {
    let user = json!({"emails": [{"type": "work", "display": "W"}], "title": "x", "ims": []});
    let schema = ResourceSchema::user();
    for (text, expected) in [
        ("emails[type eq \"work\"].value", true),
        ("emails[type eq \"home\"].value", false),
        ("title", true),
        ("ims", false),
        ("name.givenName", false),
        (ENTERPRISE_USER, false),
    ] {
        assert_eq!(has_value(&user, &path(text), &schema), expected, "{text}");
    }
}
