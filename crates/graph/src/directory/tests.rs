use serde_json::{Map, Value as Json, json};

use super::*;
use crate::odata::{Expr, QueryOptions};
use crate::path::Version::{Beta, V1};

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn user() -> Json {
    json!({"accountEnabled": true, "displayName": "Ada", "mailNickname": "ada", "userPrincipalName": "ada@x.example"})
}

fn with(property: &str, value: Json) -> Map<String, Json> {
    let mut body = user();
    body[property] = value;
    object(body)
}

const EXTENSION: &str = "extension_8adf8e6e67b24cf2a259e3dc5476c621_badge";

#[test]
fn tables_name_each_property_once() {
    for kind in [
        Kind::User,
        Kind::Group,
        Kind::Application,
        Kind::ServicePrincipal,
        Kind::AppRoleAssignment,
        Kind::Organization,
    ] {
        for version in [V1, Beta] {
            let mut names: Vec<&str> = kind.names(version).chain(kind.navigation().iter().copied()).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{kind:?}");
        }
        assert_eq!(Kind::from_type_name(&kind.odata_type()), Some(kind));
    }
    assert_eq!(Kind::from_type_name("microsoft.graph.device"), None);
}

#[test]
fn a_new_user_is_brought_into_canonical_form() {
    let mut body = with("employeeHireDate", json!("2026-01-31T12:00:00+02:00"));
    body.extend(object(json!({
        "@odata.type": "#microsoft.graph.user",
        "passwordProfile": {"password": "x"},
        "userType": "guest",
        "city": null,
        "id": null,
        "businessPhones": ["1"],
        "onPremisesExtensionAttributes": {"extensionAttribute1": "a", "@odata.type": "x"},
        EXTENSION: 5,
    })));
    let mut expected = with("employeeHireDate", json!("2026-01-31T10:00:00Z"));
    expected.extend(object(json!({
        "userType": "Guest",
        "businessPhones": ["1"],
        "onPremisesExtensionAttributes": {"extensionAttribute1": "a"},
        EXTENSION: 5,
    })));
    assert_eq!(validate_create(Kind::User, V1, body).unwrap(), expected);
}

#[test]
fn a_moment_without_offset_is_in_utc() {
    let created =
        validate_create(Kind::User, V1, with("employeeHireDate", json!("2026-01-31T12:00:00"))).unwrap();
    assert_eq!(created["employeeHireDate"], "2026-01-31T12:00:00Z");
}

#[test]
fn what_cannot_be_taken_is_named() {
    for (property, value, words) in [
        (
            "displayNme",
            json!("x"),
            "'displayNme' does not exist on type 'microsoft.graph.user'. Did you mean 'displayName'?",
        ),
        ("displayname", json!("x"), "Did you mean 'displayName'?"),
        ("id", json!("x"), "'id' cannot be written"),
        ("createdDateTime", json!("2026-01-31T00:00:00Z"), "'createdDateTime' cannot be written"),
        ("givenName", json!("x".repeat(65)), "'givenName'. Send at most 64 characters."),
        ("givenName", json!(5), "'givenName'. Send a text."),
        ("accountEnabled", json!("true"), "'accountEnabled'. Send true or false."),
        ("userPrincipalName", json!(null), "required for property 'userPrincipalName'"),
        ("displayName", json!(" "), "required for property 'displayName'"),
        ("businessPhones", json!("1"), "'businessPhones'. Send an array."),
        ("businessPhones", json!([1]), "'businessPhones'. Send a text."),
        ("businessPhones", json!(vec!["1"; 1001]), "At most 1000 values"),
        ("employeeHireDate", json!("soon"), "such as 2026-01-31T00:00:00Z"),
        ("userType", json!("Alien"), "Send one of: Member, Guest."),
        ("employeeOrgData", json!({"divison": "x"}), "Did you mean 'division'?"),
        ("employeeOrgData", json!({"division": 5}), "'employeeOrgData/division'. Send a text."),
        ("employeeOrgData", json!([]), "Send an object."),
        ("manager", json!({"id": "1"}), "'manager@odata.bind'"),
        (EXTENSION, json!({}), "Send a text, a truth or a number."),
        (EXTENSION, json!("x".repeat(257)), "at most 256 characters"),
    ] {
        let error = validate_create(Kind::User, V1, with(property, value)).unwrap_err();
        assert_eq!((error.status(), error.code()), (400, "Request_BadRequest"));
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn each_kind_requires_what_graph_requires() {
    for (kind, missing) in [
        (Kind::User, "accountEnabled"),
        (Kind::Group, "displayName"),
        (Kind::Application, "displayName"),
        (Kind::ServicePrincipal, "appId"),
        (Kind::AppRoleAssignment, "principalId"),
    ] {
        let error = validate_create(kind, V1, Map::new()).unwrap_err();
        assert!(error.message().contains(missing), "{error}");
    }
    let group =
        json!({"displayName": "G", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true});
    assert_eq!(validate_create(Kind::Group, V1, object(group.clone())).unwrap(), object(group));
}

#[test]
fn a_change_clears_with_null_but_not_what_is_required() {
    let patch = |body| validate_patch(Kind::User, V1, object(body));
    let changes = patch(json!({
        "city": null, "businessPhones": null, "passwordProfile": {}, "@odata.id": "x",
        "onPremisesExtensionAttributes": {"extensionAttribute2": null},
    }))
    .unwrap();
    let expected = json!({
        "city": null, "businessPhones": [], "onPremisesExtensionAttributes": {"extensionAttribute2": null},
    });
    assert_eq!(changes, object(expected));
    assert!(patch(json!({"displayName": null})).unwrap_err().message().contains("cannot be cleared"));
    assert!(patch(json!({"userPrincipalName": ""})).unwrap_err().message().contains("cannot be cleared"));
    assert!(patch(json!({"id": "x"})).unwrap_err().message().contains("read-only"));
    let error = validate_patch(
        Kind::ServicePrincipal,
        V1,
        object(json!({"appId": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"})),
    );
    assert!(error.unwrap_err().message().contains("cannot be changed"));
}

#[test]
fn bindings_are_taken_out_of_a_body() {
    let mut body = object(json!({
        "displayName": "G",
        "members@odata.bind": ["https://h/v1.0/users/1", "https://h/v1.0/directoryObjects('2')"],
        "manager@odata.bind": "https://h/v1.0/users/3",
    }));
    let mut bindings = take_bindings(&mut body).unwrap();
    bindings.sort_by(|left, right| left.property.cmp(&right.property));
    assert_eq!(
        bindings[0],
        Binding { property: "manager".into(), references: vec!["https://h/v1.0/users/3".into()] }
    );
    assert_eq!(bindings[1].references.len(), 2);
    assert_eq!(body, object(json!({"displayName": "G"})));
    let mut many = object(json!({"members@odata.bind": vec!["https://h/users/1"; 21]}));
    assert!(take_bindings(&mut many).unwrap_err().message().contains("At most 20"));
    assert!(take_bindings(&mut object(json!({"members@odata.bind": [5]}))).is_err());
}

#[test]
fn references_end_with_a_key() {
    for address in
        ["https://h/v1.0/users/a%40b/", "https://h/users('a@b')", "a@b", "directoryObjects/a@b?x=1"]
    {
        assert_eq!(ObjectReference::key(address).unwrap(), "a@b", "{address}");
    }
    for address in ["", "/", "users('a", "users()"] {
        assert!(ObjectReference::key(address).is_err(), "{address}");
    }
    let reference = ObjectReference::read(json!({"@odata.id": "https://h/users/7"})).unwrap();
    assert_eq!(reference.object_key().unwrap(), "7");
    assert!(ObjectReference::read(json!({})).unwrap_err().message().contains("'@odata.id'"));
}

#[test]
fn filters_name_existing_properties() {
    let check = |filter| check_filter(Kind::User, V1, &Expr::parse(filter).unwrap());
    for good in [
        "displayName eq 'a' and not (startswith(MAIL,'b'))",
        "businessPhones/any(p:p eq '1')",
        "businessPhones/$count gt 1",
        "onPremisesExtensionAttributes/extensionAttribute1 eq 'x'",
        "employeeOrgData/division eq 'x'",
        "extension_8adf8e6e67b24cf2a259e3dc5476c621_badge eq 'x'",
        "identities/any(i:i/issuer eq 'x')",
        "accountEnabled and createdDateTime ge 2026-01-01 or createdDateTime lt '2026-01-01T00:00:00Z'",
        "employeeOrgData ne null and id eq 8adf8e6e-67b2-4cf2-a259-e3dc5476c621",
        "otherMails/any() or not (proxyAddresses/all(p:startswith(p,'x')))",
    ] {
        assert!(check(good).is_ok(), "{good}");
    }
    for (bad, words) in [
        ("displayNam eq 'a'", "Did you mean 'displayName'?"),
        ("zz eq 1 or id eq '1'", "Could not find a property named 'zz' on type 'microsoft.graph.user'"),
        ("businessPhones eq '1'", "Use businessPhones/any("),
        (
            "onPremisesExtensionAttributes/extensionAttribute16 eq 'x'",
            "'extensionAttribute16' does not exist on type 'onPremisesExtensionAttributes'",
        ),
        ("memberOf/any(m:m/id eq '1')", "'memberOf' in '$filter' is a relation"),
        (
            "accountEnabled eq 'true'",
            "'accountEnabled' cannot be compared with 'true'. Compare it with true or false",
        ),
        ("accountEnabled eq 1 or city eq 'x'", "'accountEnabled' cannot be compared with 1"),
        (
            "employeeId eq 7",
            "'employeeId' cannot be compared with 7. Compare it with a text between single quotes.",
        ),
        ("city in ('a', true)", "'city' cannot be compared with true"),
        (
            "createdDateTime gt 'soon'",
            "'createdDateTime' cannot be compared with 'soon'. Compare it with a moment",
        ),
        ("businessPhones/$count eq '1'", "'businessPhones/$count' cannot be compared with '1'"),
        ("businessPhones/any(p:p eq 1)", "'p' cannot be compared with 1"),
        ("displayName/any(x:x eq 'a')", "'displayName' is no collection"),
        ("startswith(accountEnabled,'t')", "'accountEnabled' is no text, so that 'startswith'"),
        ("displayName", "'displayName' by itself is no condition"),
        ("displayName/x eq 'a'", "'displayName/x' cannot be compared"),
        ("employeeOrgData eq 'x'", "compare one of its properties"),
    ] {
        let error = check(bad).unwrap_err();
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn orders_name_single_values() {
    let check = |query| check_order_by(Kind::User, V1, &QueryOptions::parse(query).unwrap().order_by);
    assert!(check("$orderby=displayName,surname desc").is_ok());
    assert!(check("$orderby=businessPhones").unwrap_err().message().contains("has no order"));
    assert!(check("$orderby=zz").unwrap_err().message().contains("'$orderby'"));
}

#[test]
fn answers_have_the_default_properties_of_their_version() {
    let properties = object(json!({"displayName": "Ada", "city": "Z\u{fc}rich", EXTENSION: "7"}));
    let default = Projection::new(Kind::User, V1, &[]).unwrap().apply("1", &properties);
    assert_eq!(
        default,
        object(json!({
            "id": "1", "businessPhones": [], "displayName": "Ada", "givenName": null, "jobTitle": null, "mail": null,
            "mobilePhone": null, "officeLocation": null, "preferredLanguage": null, "surname": null,
            "userPrincipalName": null,
        }))
    );
    let beta = Projection::new(Kind::User, Beta, &[]).unwrap().apply("1", &properties);
    assert_eq!(beta.get("city"), Some(&json!("Z\u{fc}rich")));
    assert!(!beta.contains_key("passwordProfile") && !beta.contains_key("aboutMe"));
}

#[test]
fn a_selection_narrows_and_widens() {
    let properties = object(json!({"displayName": "Ada", "city": "Z\u{fc}rich", EXTENSION: "7"}));
    let select = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Projection::new(Kind::User, V1, &names).map(|projection| projection.apply("1", &properties))
    };
    assert_eq!(select(&["CITY", "city", "manager"]).unwrap(), object(json!({"city": "Z\u{fc}rich"})));
    assert_eq!(select(&["id", EXTENSION]).unwrap(), object(json!({"id": "1", EXTENSION: "7"})));
    assert_eq!(select(&["*"]).unwrap().get(EXTENSION), Some(&json!("7")));
    let error = select(&["cty"]).unwrap_err();
    assert!(
        error.message().contains("'cty' on type 'microsoft.graph.user' in '$select'. Did you mean 'city'?"),
        "{error}"
    );
    let typed = Projection::new(Kind::User, V1, &["id".to_owned()]).unwrap().apply_typed("1", &properties);
    assert_eq!(typed, object(json!({"@odata.type": "#microsoft.graph.user", "id": "1"})));
}

#[test]
fn the_moment_of_an_assignment_is_named_by_version() {
    let names = |version| {
        Projection::new(Kind::AppRoleAssignment, version, &[])
            .unwrap()
            .apply("1", &Map::new())
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert!(
        names(V1).contains(&"createdDateTime".to_owned())
            && !names(V1).contains(&"creationTimestamp".to_owned())
    );
    assert!(names(Beta).contains(&"creationTimestamp".to_owned()));
}

#[test]
fn contexts_tell_selection_and_single_entities() {
    assert_eq!(fragment("users", &[], false), "users");
    assert_eq!(fragment("users", &["id".to_owned(), "mail".to_owned()], true), "users(id,mail)/$entity");
}
