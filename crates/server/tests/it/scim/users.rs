//! Users: made, read, replaced, removed, and what Graph shows of them.

use serde_json::{Value as Json, json};

use super::{ADDRESS, ENTERPRISE, USER, delete, get, patch, post, put, refused, send, user};
use crate::world::World;

/// The full user of RFC 7643, section 8.3, without what only the service may say.
fn babs() -> Json {
    json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "701984", "userName": "bjensen@example.com",
        "name": {
            "formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara",
            "middleName": "Jane", "honorificPrefix": "Ms.", "honorificSuffix": "III"
        },
        "displayName": "Babs Jensen", "nickName": "Babs", "profileUrl": "https://login.example.com/bjensen",
        "emails": [
            {"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"}
        ],
        "addresses": [
            {"type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA",
             "postalCode": "91608", "country": "USA",
             "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA", "primary": true},
            {"type": "home", "streetAddress": "456 Hollywood Blvd", "locality": "Hollywood", "region": "CA",
             "postalCode": "91608", "country": "USA", "formatted": "456 Hollywood Blvd\nHollywood, CA 91608 USA"}
        ],
        "phoneNumbers": [
            {"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"}
        ],
        "ims": [{"value": "someaimhandle", "type": "aim"}],
        "photos": [
            {"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"},
            {"value": "https://photos.example.com/profilephoto/72930000000Ccne/T", "type": "thumbnail"}
        ],
        "userType": "Employee", "title": "Tour Guide", "preferredLanguage": "en-US", "locale": "en-US",
        "timezone": "America/Los_Angeles", "active": true,
        "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQ=="}],
        ENTERPRISE: {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
            "division": "Theme Park", "department": "Tour Operations"
        }
    })
}

#[tokio::test]
async fn a_full_user_comes_back_as_it_was_sent() {
    let world = World::new().await;
    let boss = user(&world, "boss").await;
    let mut sent = babs();
    sent["password"] = json!("t1meMa$heen");
    sent["urn:example:2.0:Badge"] = json!({"color": "red"});
    sent[ENTERPRISE]["manager"] = json!({"value": boss, "displayName": "ignored"});
    let answer = post(&world, "/Users", sent).await;
    let id = answer.body["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("content-type"), "application/scim+json; charset=utf-8");
    assert_eq!(answer.header("location"), format!("{ADDRESS}/Users/{id}"));
    let etag = answer.header("etag").to_owned();
    let made = answer.expect(201);

    let mut expected = babs();
    expected["schemas"] = json!([USER, "urn:example:2.0:Badge", ENTERPRISE]);
    expected["urn:example:2.0:Badge"] = json!({"color": "red"});
    expected[ENTERPRISE]["manager"] = json!({"value": boss, "$ref": format!("{ADDRESS}/Users/{boss}")});
    expected["id"] = json!(id);
    expected["meta"] = json!({
        "resourceType": "User", "created": made["meta"]["created"], "lastModified": made["meta"]["created"], "location": format!("{ADDRESS}/Users/{id}"),
        "version": etag
    });
    assert!(made["meta"]["created"].as_str().unwrap().starts_with("2026-01-05T08:"));
    assert_eq!(made, expected);
    let read = get(&world, &format!("/Users/{id}")).await;
    assert_eq!(read.header("etag"), etag);
    assert_eq!(read.expect(200), expected);
}

#[tokio::test]
async fn graph_shows_what_scim_wrote_and_the_other_way_round() {
    let world = World::new().await;
    let id = post(&world, "/Users", babs()).await.expect(201)["id"].as_str().unwrap().to_owned();
    let seen = world.get(&format!("/beta/users/{id}")).await.expect(200);
    for (property, expected) in [
        ("userPrincipalName", json!("bjensen@example.com")),
        ("displayName", json!("Babs Jensen")),
        ("mail", json!("bjensen@example.com")),
        ("otherMails", json!(["babs@jensen.org"])),
        ("businessPhones", json!(["555-555-5555"])),
        ("city", json!("Hollywood")),
        ("jobTitle", json!("Tour Guide")),
        ("employeeOrgData", json!({"division": "Theme Park", "costCenter": "4130"})),
        ("userType", json!("Member")),
        ("accountEnabled", json!(true)),
    ] {
        assert_eq!(seen[property], expected, "{property}");
    }
    assert_eq!((seen.get("scim"), seen.get("externalId")), (None, None));

    let change = json!({
        "mail": "babs@example.com", "city": "Burbank", "jobTitle": null, "accountEnabled": false,
        "department": "Sales"
    });
    world.patch(&format!("/v1.0/users/{id}"), change).await.expect(204);
    let read = get(&world, &format!("/Users/{id}")).await.expect(200);
    assert_eq!(read["emails"][0], json!({"value": "babs@example.com", "type": "work", "primary": true}));
    assert_eq!(read["addresses"][0]["locality"], "Burbank");
    assert_eq!((read.get("title"), &read["active"]), (None, &json!(false)));
    assert_eq!(read[ENTERPRISE]["department"], "Sales");
    assert_eq!(read["nickName"], "Babs");
}

#[tokio::test]
async fn a_user_of_graph_is_a_user_of_scim() {
    let world = World::new().await;
    let (ada, boss) = (world.user("ada").await, world.user("boss").await);
    let reference = json!({"@odata.id": crate::world::reference(&boss)});
    world.put(&format!("/v1.0/users/{ada}/manager/$ref"), reference).await.expect(204);
    let read = get(&world, &format!("/Users/{ada}")).await.expect(200);
    assert_eq!((&read["userName"], &read["active"]), (&json!("ada@example.com"), &json!(true)));
    assert_eq!(read["schemas"], json!([USER, ENTERPRISE]));
    assert_eq!(read[ENTERPRISE]["manager"]["value"], json!(boss));
}

#[tokio::test]
async fn a_name_of_any_form_is_kept_and_unique() {
    let world = World::new().await;
    for (name, principal) in [
        ("bjensen", "bjensen@00000000000000000000000000007e4a.example"),
        (
            "o'neil \"x\" \\ é🦀#?",
            "o'neil~20~22x~22~20~5c~20~c3~a9~f0~9f~a6~80#~3f@00000000000000000000000000007e4a.example",
        ),
    ] {
        let made = post(&world, "/Users", json!({"userName": name})).await.expect(201);
        assert_eq!(made["userName"], name);
        let seen = world.get(&format!("/v1.0/users/{}", made["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(seen["userPrincipalName"], principal);
        assert_eq!(seen["displayName"], name);
        let again = post(&world, "/Users", json!({"userName": name.to_uppercase()})).await;
        let words = refused(again, 409, "uniqueness");
        assert!(words.starts_with("userName must be unique"), "{words}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_user_is_refused_by_name() {
    let world = World::new().await;
    for (body, scim_type, word) in [
        (json!({"displayName": "x"}), "invalidValue", "userName is missing"),
        (json!({"userName": 7}), "invalidValue", "userName is of type string"),
        (json!({"userName": "x", "active": "maybe"}), "invalidValue", "active"),
        (
            json!({"userName": "x", "emails": [{"primary": true}, {"primary": true}]}),
            "invalidValue",
            "emails",
        ),
        (json!({"userName": "x", "displayName": "x".repeat(300)}), "invalidValue", "displayName is too long"),
        (json!({"userName": "x".repeat(2000)}), "invalidValue", "userName is too long"),
        (
            json!({"userName": "x", ENTERPRISE: {"manager": {"value": "nobody"}}}),
            "invalidValue",
            "manager.value is 'nobody'",
        ),
        (json!([]), "invalidSyntax", "JSON object"),
    ] {
        let words = refused(post(&world, "/Users", body.clone()).await, 400, scim_type);
        assert!(words.contains(word), "{body}: {words}");
    }
    assert_eq!(get(&world, "/Users").await.expect(200)["totalResults"], 0);
}

#[tokio::test]
async fn put_replaces_all_and_leaves_what_scim_does_not_know() {
    let world = World::new().await;
    let boss = user(&world, "boss").await;
    let mut sent = babs();
    sent[ENTERPRISE]["manager"] = json!({"value": boss});
    let id = post(&world, "/Users", sent).await.expect(201)["id"].as_str().unwrap().to_owned();
    world.patch(&format!("/v1.0/users/{id}"), json!({"officeLocation": "12"})).await.expect(204);
    let body = json!({
        "schemas": [USER], "id": "other", "userName": "bjensen@example.com", "emails": [{"value": "b@x.org"}],
        "meta": {"resourceType": "User"}
    });
    let replaced = put(&world, &format!("/Users/{id}"), body).await.expect(200);
    let mut attributes = replaced.clone();
    for name in ["schemas", "meta"] {
        attributes.as_object_mut().unwrap().remove(name);
    }
    let expected = json!({"id": id, "userName": "bjensen@example.com", "active": true, "emails": [{"value": "b@x.org"}]});
    assert_eq!(attributes, expected);
    assert_eq!(get(&world, &format!("/Users/{id}")).await.expect(200), replaced);
    let seen = world.get(&format!("/beta/users/{id}")).await.expect(200);
    assert_eq!(
        (&seen["officeLocation"], &seen["mail"], &seen["surname"], &seen["department"]),
        (&json!("12"), &json!("b@x.org"), &Json::Null, &Json::Null)
    );
    let words =
        refused(put(&world, &format!("/Users/{id}"), json!({"userName": ""})).await, 400, "invalidValue");
    assert!(words.contains("userName"));
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_its_name_is_free() {
    let world = World::new().await;
    let id = user(&world, "ada").await;
    let path = format!("/Users/{id}");
    delete(&world, &path).await.expect(204);
    for answer in
        [get(&world, &path).await, delete(&world, &path).await, patch(&world, &path, json!([])).await]
    {
        assert!(matches!(answer.status, 404 | 400));
    }
    assert_eq!(refused(get(&world, &path).await, 404, ""), format!("Resource {id} not found."));
    assert_eq!(get(&world, "/Users?filter=userName eq \"ada\"").await.expect(200)["totalResults"], 0);
    assert_ne!(user(&world, "ada").await, id);
    world.get(&format!("/v1.0/directory/deletedItems/{id}")).await.expect(200);
    refused(get(&world, "/Users/not-an-id").await, 404, "");
}

#[tokio::test]
async fn versions_guard_against_lost_changes() {
    let world = World::new().await;
    let (id, boss) = (user(&world, "ada").await, user(&world, "boss").await);
    let path = format!("/Users/{id}");
    let read = get(&world, &path).await;
    let first = read.header("etag").to_owned();
    assert_eq!(read.expect(200)["meta"]["version"], first.as_str());
    let unchanged = send(&world, "GET", &path, &[("if-none-match", &first)], Json::Null).await;
    assert_eq!((unchanged.status, &unchanged.body), (304, &json!("")));

    let manager = json!([{"op": "add", "path": format!("{ENTERPRISE}:manager"), "value": boss}]);
    let body = json!({"schemas": [super::PATCH], "Operations": manager});
    let changed = send(&world, "PATCH", &path, &[("if-match", &first)], body).await;
    let second = changed.header("etag").to_owned();
    changed.expect(200);
    assert_ne!(first, second, "a manager is part of the version");
    send(&world, "GET", &path, &[("if-none-match", &first)], Json::Null).await.expect(200);
    for (method, body) in [
        ("PUT", json!({"userName": "ada2"})),
        ("PATCH", json!({"Operations": [{"op": "add", "path": "title", "value": "x"}]})),
        ("DELETE", Json::Null),
    ] {
        let late = send(&world, method, &path, &[("if-match", &first)], body).await;
        assert!(refused(late, 412, "").contains("If-Match"));
    }
    send(&world, "PUT", &path, &[("if-match", &second)], json!({"userName": "ada2"})).await.expect(200);
    send(&world, "DELETE", &path, &[("if-match", "*")], Json::Null).await.expect(204);
}

#[tokio::test]
async fn changes_at_the_same_moment_all_succeed() {
    let world = World::new().await;
    let path = format!("/Users/{}", user(&world, "ada").await);
    let group = json!({"displayName": "Crew"});
    let group = post(&world, "/Groups", group).await.expect(201)["id"].as_str().unwrap().to_owned();
    let group = format!("/Groups/{group}");
    let changes = (0..32).map(|number| {
        let (path, name) = if number % 2 == 0 { (&path, "title") } else { (&group, "externalId") };
        super::patch(&world, path, json!([{"op": "add", "path": name, "value": number.to_string()}]))
    });
    let answers = futures::future::join_all(changes).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200; 32]);
}

#[tokio::test]
async fn answers_have_the_attributes_that_are_asked_for() {
    let world = World::new().await;
    let id = post(&world, "/Users", babs()).await.expect(201)["id"].as_str().unwrap().to_owned();
    let read =
        get(&world, &format!("/Users/{id}?attributes=userName,name.givenName,password")).await.expect(200);
    let expected = json!({"schemas": [USER, ENTERPRISE], "id": id, "userName": "bjensen@example.com", "name": {"givenName": "Barbara"}});
    assert_eq!(read, expected);
    let read = get(&world, &format!("/Users/{id}?excludedAttributes=emails,{ENTERPRISE}")).await.expect(200);
    assert_eq!((read.get("emails"), read.get(ENTERPRISE)), (None, None));
    assert_eq!(read["title"], "Tour Guide");
    let boss = user(&world, "boss").await;
    let manager = json!([{"op": "add", "path": format!("{ENTERPRISE}:manager"), "value": boss}]);
    patch(&world, &format!("/Users/{id}"), manager).await.expect(200);
    let path = format!("/Users/{id}?attributes={ENTERPRISE}:manager.displayName");
    assert_eq!(get(&world, &path).await.expect(200)[ENTERPRISE]["manager"], json!({"displayName": "boss"}));
    let crew = super::group(&world, "Crew", &[&id]).await;
    let path = format!("/Groups/{crew}?attributes=members.value,members.display");
    let members = get(&world, &path).await.expect(200)["members"].take();
    assert_eq!(members, json!([{"value": id, "display": "Babs Jensen"}]));
    assert_eq!(get(&world, &format!("/Users/{id}")).await.expect(200).get("groups"), None);
    let read = get(&world, &format!("/Users/{id}?attributes=groups")).await.expect(200);
    let expected = json!([{"value": crew, "$ref": format!("{ADDRESS}/Groups/{crew}"), "display": "Crew", "type": "direct"}]);
    assert_eq!(read["groups"], expected);
    let both = get(&world, &format!("/Users/{id}?attributes=a&excludedAttributes=b")).await;
    refused(both, 400, "invalidValue");
}
