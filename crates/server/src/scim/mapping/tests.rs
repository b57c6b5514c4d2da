use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::scim::kind::Kind;

fn map(value: &serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().unwrap().clone()
}

/// The properties of a user with these attributes, and the attributes as they are read back.
fn user(attributes: &serde_json::Value) -> (serde_json::Value, serde_json::Value) {
    let mut properties = new_properties(Kind::User);
    write(Kind::User, map(attributes), &mut properties, "home.example");
    let read = read(Kind::User, &properties);
    (properties.into(), read.into())
}

fn whole() -> serde_json::Value {
    json!({
        "userName": "bjensen@example.com", "externalId": "701984", "active": true,
        "name": {"formatted": "Ms. Barbara J Jensen", "familyName": "Jensen", "givenName": "Barbara", "middleName": "Jane"},
        "displayName": "Babs Jensen", "nickName": "Babs", "title": "Tour Guide", "userType": "Employee",
        "preferredLanguage": "en-US", "locale": "en-US", "timezone": "America/Los_Angeles",
        "emails": [
            {"value": "babs@jensen.org", "type": "home"},
            {"value": "bjensen@example.com", "type": "work", "primary": true, "display": "Work"},
            {"value": "b@old.example", "type": "work"}
        ],
        "addresses": [
            {"type": "home", "locality": "Hollywood"},
            {"type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA",
             "postalCode": "91608", "country": "US", "formatted": "all of it", "primary": true}
        ],
        "phoneNumbers": [
            {"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"},
            {"value": "555-555-3333", "type": "fax"}, {"value": "555-555-2222", "type": "pager"}
        ],
        "roles": [{"value": "admin", "primary": true}],
        ENTERPRISE: {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
            "division": "Theme Park", "department": "Tour Operations"
        },
        "urn:example:shoe:2.0:User": {"size": 42}
    })
}

#[test]
fn a_whole_user_comes_back_and_stands_in_properties() {
    let (properties, read) = user(&whole());
    assert_eq!(read, whole());
    for (property, expected) in [
        ("userPrincipalName", json!("bjensen@example.com")),
        ("mailNickname", json!("bjensen")),
        ("mail", json!("bjensen@example.com")),
        ("otherMails", json!(["babs@jensen.org", "b@old.example"])),
        ("businessPhones", json!(["555-555-5555"])),
        ("mobilePhone", json!("555-555-4444")),
        ("faxNumber", json!("555-555-3333")),
        ("city", json!("Hollywood")),
        ("employeeOrgData", json!({"division": "Theme Park", "costCenter": "4130"})),
        ("surname", json!("Jensen")),
        ("accountEnabled", json!(true)),
        ("userType", json!("Member")),
    ] {
        assert_eq!(properties[property], expected, "{property}");
    }
    let kept = properties[KEPT].to_string();
    for mapped in ["555-555-4444", "Tour Operations", "Universal City", "Babs Jensen"] {
        assert!(!kept.contains(mapped), "{mapped} is kept twice: {kept}");
    }
}

#[test]
fn a_change_over_graph_shows() {
    let (mut properties, _) = user(&whole());
    for (property, value) in [
        ("mail", json!("new@example.com")),
        ("otherMails", json!(["babs@jensen.org", "more@example.com"])),
        ("businessPhones", json!(["1"])),
        ("mobilePhone", json!(null)),
        ("city", json!("Burbank")),
        ("state", json!(null)),
        ("department", json!(null)),
        ("jobTitle", json!("Guide")),
        ("userPrincipalName", json!("barbara@example.com")),
        ("displayName", json!("Barbara")),
    ] {
        if value.is_null() {
            properties.as_object_mut().unwrap().remove(property);
        } else {
            properties[property] = value;
        }
    }
    let read = serde_json::Value::from(read(Kind::User, properties.as_object().unwrap()));
    assert_eq!(
        read["emails"],
        json!([
            {"value": "babs@jensen.org", "type": "home"},
            {"value": "new@example.com", "type": "work", "primary": true, "display": "Work"},
            {"value": "more@example.com", "type": "other"}
        ])
    );
    assert_eq!(
        read["phoneNumbers"],
        json!([
            {"value": "555-555-3333", "type": "fax"}, {"value": "555-555-2222", "type": "pager"},
            {"value": "1", "type": "work"}
        ])
    );
    assert_eq!(read["addresses"][1]["locality"], "Burbank");
    assert_eq!(read["addresses"][1].get("region"), None);
    assert_eq!(read[ENTERPRISE].get("department"), None);
    assert_eq!(
        (&read["title"], &read["userName"], &read["displayName"]),
        (&json!("Guide"), &json!("barbara@example.com"), &json!("Barbara"))
    );
}

#[test]
fn a_user_of_graph_has_its_attributes() {
    let properties = map(&json!({
        "userPrincipalName": "ada@example.com", "displayName": "Ada", "mailNickname": "ada", "accountEnabled": false,
        "mail": "ada@example.com", "businessPhones": ["1", "2"], "city": "London", "officeLocation": "12"
    }));
    let expected = json!({
        "userName": "ada@example.com", "displayName": "Ada", "active": false,
        "emails": [{"value": "ada@example.com", "type": "work"}],
        "phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2", "type": "work"}],
        "addresses": [{"locality": "London", "type": "work"}]
    });
    let attributes = read(Kind::User, &properties);
    assert_eq!(serde_json::Value::from(attributes.clone()), expected);
    let mut written = properties.clone();
    write(Kind::User, attributes, &mut written, "home.example");
    written.remove(KEPT);
    assert_eq!(written, properties, "writing back what was read changes no property");
}

#[test]
fn names_that_graph_does_not_take_are_derived_and_come_back() {
    let (properties, read) = user(&json!({"userName": "Jo Müller", "name": {"givenName": "Jo"}}));
    assert_eq!(read, json!({"userName": "Jo Müller", "name": {"givenName": "Jo"}}));
    assert_eq!(properties["userPrincipalName"], "Jo~20M~c3~bcller@home.example");
    assert_eq!(
        (&properties["displayName"], &properties["mailNickname"]),
        (&json!("Jo"), &json!("Jo20Mc3bcller"))
    );
    let (properties, _) = user(&json!({"userName": "bjensen"}));
    assert_eq!(properties["userPrincipalName"], "bjensen@home.example");
    assert_eq!(
        (&properties["displayName"], &properties["accountEnabled"]),
        (&json!("bjensen"), &json!(true))
    );
    assert_eq!(principal_name("JO MÜLLER", "h").to_lowercase(), principal_name("jo müller", "h"));
    assert_eq!(principal_name("a@b@c", "h"), "a~40b~40c@h");
    assert_eq!(principal_name("a@b c", "h"), "a~40b~20c@h");
    assert_eq!(principal_name_start("jo@example"), "jo");
}

#[test]
fn an_email_without_a_type_is_the_users_mail() {
    let attributes =
        json!({"userName": "a@b.c", "displayName": "A", "active": true, "emails": [{"value": "a@b.c"}]});
    let (properties, read) = user(&attributes);
    assert_eq!((&properties["mail"], &read), (&json!("a@b.c"), &attributes));
    let attributes = json!({"userName": "a@b.c", "displayName": "A", "active": true, "emails": [{"value": "a@b.c", "type": "home"}]});
    let (properties, read) = user(&attributes);
    assert_eq!((properties.get("mail"), &read), (None, &attributes));
}

#[test]
fn groups_have_what_graph_demands() {
    let mut properties = new_properties(Kind::Group);
    let attributes =
        map(&json!({"displayName": "Tour Guides!", "externalId": "g1", "urn:x:2.0:Group": {"a": 1}}));
    write(Kind::Group, attributes.clone(), &mut properties, "home.example");
    assert_eq!(properties["mailNickname"], "TourGuides");
    assert_eq!(properties["securityEnabled"], true);
    assert_eq!(read(Kind::Group, &properties), attributes);
    assert_eq!(attribute_of("surname"), "familyName");
    assert_eq!((attribute_of("mailNickname"), attribute_of("accountEnabled")), ("userName", "active"));
    assert_eq!(attribute_of("mail"), "emails");
}

#[test]
fn the_documentation_has_the_table() {
    let page = include_str!("../../../../../docs/scim.md");
    for single in USER_SINGLES {
        let attribute = match single.scim {
            [ENTERPRISE, attribute] => format!("enterprise `{attribute}`"),
            path => format!("`{}`", path.join(".")),
        };
        let row = format!("| {attribute} | `{}`", single.graph.join("/"));
        assert!(page.contains(&row), "docs/scim.md lacks: {row}");
    }
    for (part, graph) in USER_ELEMENTS.iter().flat_map(|elements| elements.parts) {
        let known = page.lines().any(|line| {
            line.ends_with(&format!("| `{graph}` |"))
                && (*part == "value" || line.contains(&format!("`{part}`")))
        });
        assert!(known, "docs/scim.md does not say that {part} is {graph}");
    }
}

fn text() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,6}( [A-Z]{1,3})?"
}

fn maybe(name: &'static str) -> impl Strategy<Value = Option<(String, Json)>> {
    proptest::option::of(text()).prop_map(move |text| text.map(|text| (name.to_owned(), text.into())))
}

/// Elements of a multi-valued attribute with some of these parts.
fn elements(parts: &'static [&'static str]) -> impl Strategy<Value = Json> {
    let kind = proptest::option::of(proptest::sample::select(vec![
        "work", "Work", "home", "mobile", "fax", "other",
    ]));
    let parts: Vec<_> = parts.iter().map(|part| maybe(part)).collect();
    let element = (kind, proptest::option::of(any::<bool>()), parts).prop_map(|(kind, primary, parts)| {
        let mut element: serde_json::Map<String, Json> = parts.into_iter().flatten().collect();
        element.extend(kind.map(|kind| ("type".to_owned(), kind.into())));
        element.extend(primary.map(|primary| ("primary".to_owned(), primary.into())));
        element
    });
    proptest::collection::vec(element, 1..5).prop_map(|elements| {
        let elements = elements.into_iter().filter(|element| !element.is_empty());
        Json::Array(elements.map(Json::Object).collect())
    })
}

/// Attributes of a user, as they are after their types were settled.
fn attributes() -> impl Strategy<Value = serde_json::Map<String, Json>> {
    let singles: Vec<_> = ["displayName", "externalId", "title", "userType", "nickName", "odd"]
        .into_iter()
        .map(maybe)
        .collect();
    let name: Vec<_> =
        ["givenName", "familyName", "formatted", "middleName"].into_iter().map(maybe).collect();
    let enterprise: Vec<_> = ["department", "division", "costCenter", "own"].into_iter().map(maybe).collect();
    let several = (
        elements(&["value", "display"]),
        elements(&["value", "display"]),
        elements(&["streetAddress", "locality", "country", "formatted"]),
    );
    let active = proptest::option::of(any::<bool>());
    (text(), active, singles, name, enterprise, several).prop_map(
        |(user_name, active, singles, name, enterprise, (emails, phones, addresses))| {
            let mut user: serde_json::Map<String, Json> = singles.into_iter().flatten().collect();
            user.insert("userName".to_owned(), user_name.into());
            user.extend(active.map(|active| ("active".to_owned(), active.into())));
            for (key, parts) in [("name", name), (ENTERPRISE, enterprise)] {
                let parts: serde_json::Map<String, Json> = parts.into_iter().flatten().collect();
                user.extend((!parts.is_empty()).then(|| (key.to_owned(), parts.into())));
            }
            for (key, values) in [("emails", emails), ("phoneNumbers", phones), ("addresses", addresses)] {
                user.extend(values.get(0).is_some().then(|| (key.to_owned(), values)));
            }
            user
        },
    )
}

/// Changes that somebody makes over Graph.
fn graph_changes() -> impl Strategy<Value = Vec<(&'static str, Json)>> {
    let names = [
        "mail",
        "mobilePhone",
        "faxNumber",
        "city",
        "country",
        "givenName",
        "department",
        "displayName",
        "userPrincipalName",
        "jobTitle",
    ];
    let scalar = (proptest::sample::select(names.to_vec()), proptest::option::of(text())).prop_filter_map(
        "required",
        |(name, value)| match (name, value) {
            ("userPrincipalName", Some(value)) => {
                Some((name, Json::from(format!("{}@g.example", value.replace(' ', "")))))
            }
            ("displayName" | "userPrincipalName", None) => None,
            (name, value) => Some((name, value.map_or(Json::Null, Json::from))),
        },
    );
    let list = (
        proptest::sample::select(vec!["businessPhones", "otherMails"]),
        proptest::collection::btree_set(text(), 0..4),
    )
        .prop_map(|(name, values)| (name, Json::from(values.into_iter().collect::<Vec<_>>())));
    proptest::collection::vec(prop_oneof![scalar, list], 0..6)
}

proptest! {
    #[test]
    fn nothing_that_a_client_sends_is_lost(attributes in attributes()) {
        let mut properties = new_properties(Kind::User);
        write(Kind::User, attributes.clone(), &mut properties, "home.example");
        prop_assert_eq!(read(Kind::User, &properties), attributes);
    }

    #[test]
    fn writing_back_what_was_read_changes_nothing(attributes in attributes(), changes in graph_changes()) {
        let mut properties = new_properties(Kind::User);
        write(Kind::User, attributes, &mut properties, "home.example");
        for (property, value) in changes {
            if value.is_null() || value == json!([]) {
                properties.remove(property);
            } else {
                properties.insert(property.to_owned(), value);
            }
        }
        let shown = read(Kind::User, &properties);
        let mut written = properties.clone();
        write(Kind::User, shown.clone(), &mut written, "home.example");
        prop_assert_eq!(&read(Kind::User, &written), &shown);
        // Lists lose what they had twice, and a name that was derived is derived anew.
        let may_change = |property: &str| match property {
            KEPT | "otherMails" | "businessPhones" => true,
            "displayName" => !shown.contains_key("displayName"),
            _ => false,
        };
        for (property, value) in &properties {
            if !may_change(property) {
                prop_assert_eq!(written.get(property), Some(value), "{}", property);
            }
        }
    }
}
