use serde_json::json;

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
