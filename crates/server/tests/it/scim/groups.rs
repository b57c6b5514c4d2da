//! Groups and their members.

use serde_json::{Value as Json, json};

use super::{ADDRESS, GROUP, delete, get, group, members, patch, post, put, refused, send, sorted, user};
use crate::world::World;

#[tokio::test]
async fn a_group_has_users_and_groups_as_members() {
    let world = World::new().await;
    let (ada, inner) = (user(&world, "ada").await, group(&world, "Inner", &[]).await);
    let body = json!({
        "schemas": [GROUP], "displayName": "Crew", "externalId": "c1", "note": "kept",
        "members": [{"value": ada, "display": "ignored"}, {"value": inner, "type": "Group"}, {"value": ada}]
    });
    let made = post(&world, "/Groups", body).await;
    let location = made.header("location").to_owned();
    let made = made.expect(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(location, format!("{ADDRESS}/Groups/{id}"));
    let mut shown = made["members"].as_array().unwrap().clone();
    shown.sort_by_key(|member| member["type"].as_str().unwrap().to_owned());
    let expected = [
        json!({"value": inner, "$ref": format!("{ADDRESS}/Groups/{inner}"), "type": "Group"}),
        json!({"value": ada, "$ref": format!("{ADDRESS}/Users/{ada}"), "type": "User"}),
    ];
    assert_eq!(shown, expected);
    assert_eq!((&made["externalId"], &made["note"]), (&json!("c1"), &json!("kept")));
    assert_eq!(get(&world, &format!("/Groups/{id}")).await.expect(200), made);
    let seen = world.get(&format!("/v1.0/groups/{id}")).await.expect(200);
    assert_eq!((&seen["securityEnabled"], &seen["mailNickname"]), (&json!(true), &json!("Crew")));
    assert_eq!(world.every(&format!("/v1.0/groups/{id}/members")).await.len(), 2);
}

#[tokio::test]
async fn members_that_cannot_be_are_refused_and_nothing_happens() {
    let world = World::new().await;
    let (ada, crew) = (user(&world, "ada").await, group(&world, "Crew", &[]).await);
    let nobody = "11111111-1111-4111-8111-111111111111";
    let body = json!({"displayName": "New", "members": [{"value": ada}, {"value": nobody}]});
    let words = refused(post(&world, "/Groups", body).await, 400, "invalidValue");
    assert!(words.contains(nobody), "{words}");
    for id in [nobody, &crew] {
        let operations = json!([
            {"op": "replace", "path": "displayName", "value": "Renamed"},
            {"op": "add", "path": "members", "value": [{"value": ada}, {"value": id}]}
        ]);
        refused(patch(&world, &format!("/Groups/{crew}"), operations).await, 400, "invalidValue");
    }
    let body = json!({"displayName": "New", "members": [{"display": "nobody"}]});
    refused(post(&world, "/Groups", body).await, 400, "invalidValue");
    let read = get(&world, &format!("/Groups/{crew}")).await.expect(200);
    assert_eq!((&read["displayName"], read.get("members")), (&json!("Crew"), None));
    assert_eq!(get(&world, "/Groups").await.expect(200)["totalResults"], 1);
}

#[tokio::test]
async fn values_that_are_no_ids_are_left_out_and_told_in_the_audit_log() {
    let world = World::new().await;
    let (ada, bob) = (user(&world, "ada").await, user(&world, "bob").await);
    let body = json!({"displayName": "Crew", "members": [{"value": ada}, {"value": "x"}]});
    let made = post(&world, "/Groups", body).await.expect(201);
    let crew = made["id"].as_str().unwrap();
    assert_eq!(made["members"].as_array().unwrap().len(), 1);
    let operations = json!([{"op": "add", "path": "members", "value": [{"value": "y"}, {"value": bob}]}]);
    let shown = patch(&world, &format!("/Groups/{crew}"), operations).await.expect(200);
    assert_eq!(shown["members"].as_array().unwrap().len(), 2);
    assert_eq!(members(&world, crew).await, sorted(&[&ada, &bob]));
    let audits = world.every("/v1.0/auditLogs/directoryAudits?$filter=result eq 'failure'").await;
    let told: Vec<_> =
        audits.iter().map(|one| &one["targetResources"][0]["modifiedProperties"][0]["newValue"]).collect();
    assert_eq!(told, [&json!("[\"y\"]"), &json!("[\"x\"]")]);
    assert_eq!(audits[0]["activityDisplayName"], "Add member to group");
}

#[tokio::test]
async fn members_come_and_go_by_patch() {
    let world = World::new().await;
    let (ada, bob, cat) = (user(&world, "ada").await, user(&world, "bob").await, user(&world, "cat").await);
    let crew = group(&world, "Crew", &[]).await;
    let path = format!("/Groups/{crew}");
    for (operations, expected) in [
        (
            json!([{"op": "add", "path": "members", "value": [{"value": ada}, {"value": bob}]}]),
            vec![&ada, &bob],
        ),
        // Adding who is there and removing who is not changes nothing.
        (
            json!([{"op": "add", "path": "members", "value": [{"value": ada}, {"value": cat}]}]),
            vec![&ada, &bob, &cat],
        ),
        (json!([{"op": "remove", "path": format!("members[value eq \"{bob}\"]")}]), vec![&ada, &cat]),
        (json!([{"op": "remove", "path": format!("members[value eq \"{bob}\"]")}]), vec![&ada, &cat]),
        (json!([{"op": "Remove", "path": "members", "value": [{"value": cat}, {"value": bob}]}]), vec![&ada]),
        (
            json!([
                {"op": "add", "path": "members", "value": [{"value": bob}]},
                {"op": "remove", "path": format!("members[value eq \"{ada}\"]")},
                {"op": "replace", "path": "displayName", "value": "Other"}
            ]),
            vec![&bob],
        ),
        (
            json!([{"op": "replace", "path": "members", "value": [{"value": cat}, {"value": ada}]}]),
            vec![&ada, &cat],
        ),
        (json!([{"op": "remove", "path": "members[display eq \"CAT\"]"}]), vec![&ada]),
        (json!([{"op": "add", "value": {"members": [{"value": bob}], "externalId": "e"}}]), vec![&ada, &bob]),
        (json!([{"op": "remove", "path": "members"}]), vec![]),
    ] {
        let answer = patch(&world, &path, operations.clone()).await.expect(200);
        assert_eq!(answer, get(&world, &path).await.expect(200), "{operations}");
        let expected: Vec<&str> = expected.into_iter().map(String::as_str).collect();
        assert_eq!(members(&world, &crew).await, sorted(&expected), "{operations}");
    }
    let read = get(&world, &path).await.expect(200);
    assert_eq!((&read["displayName"], &read["externalId"]), (&json!("Other"), &json!("e")));
}

#[tokio::test]
async fn a_patch_shows_the_group_to_those_who_choose_its_attributes() {
    let world = World::new().await;
    let (ada, crew) = (user(&world, "ada").await, group(&world, "Crew", &[]).await);
    let operations = json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]);
    let shown =
        patch(&world, &format!("/Groups/{crew}?attributes=members"), operations.clone()).await.expect(200);
    assert_eq!(shown["members"][0]["value"], json!(ada));
    let shown =
        patch(&world, &format!("/Groups/{crew}?excludedAttributes=members"), operations).await.expect(200);
    assert_eq!((&shown["displayName"], shown.get("members")), (&json!("Crew"), None));
}

#[tokio::test]
async fn put_replaces_members_where_it_names_them() {
    let world = World::new().await;
    let (ada, bob) = (user(&world, "ada").await, user(&world, "bob").await);
    let crew = group(&world, "Crew", &[&ada]).await;
    let path = format!("/Groups/{crew}");
    let replaced = put(&world, &path, json!({"displayName": "Crew", "members": [{"value": bob}]})).await;
    assert_eq!(replaced.expect(200)["members"][0]["value"], json!(bob));
    put(&world, &path, json!({"displayName": "Renamed"})).await.expect(200);
    assert_eq!(members(&world, &crew).await, [bob.as_str()], "members that are not named stay");
    put(&world, &path, json!({"displayName": "Renamed", "members": []})).await.expect(200);
    assert_eq!(members(&world, &crew).await, Vec::<String>::new());
    refused(put(&world, &path, json!({"members": []})).await, 400, "invalidValue");
}

#[tokio::test]
async fn what_is_deleted_is_no_member() {
    let world = World::new().await;
    let (ada, bob) = (user(&world, "ada").await, user(&world, "bob").await);
    let crew = group(&world, "Crew", &[&ada, &bob]).await;
    delete(&world, &format!("/Users/{ada}")).await.expect(204);
    assert_eq!(members(&world, &crew).await, [bob.as_str()]);
    delete(&world, &format!("/Groups/{crew}")).await.expect(204);
    refused(get(&world, &format!("/Groups/{crew}")).await, 404, "");
}

#[tokio::test]
async fn versions_cover_the_members_that_are_shown() {
    let world = World::new().await;
    let (ada, crew) = (user(&world, "ada").await, group(&world, "Crew", &[]).await);
    let path = format!("/Groups/{crew}");
    let whole = get(&world, &path).await.header("etag").to_owned();
    let bare = get(&world, &format!("{path}?excludedAttributes=members")).await.header("etag").to_owned();
    world
        .post(
            &format!("/v1.0/groups/{crew}/members/$ref"),
            json!({"@odata.id": crate::world::reference(&ada)}),
        )
        .await
        .expect(204);
    let with = |tag: &'static str, value: String, path: String| {
        let world = &world;
        async move { send(world, "GET", &path, &[(tag, &value)], Json::Null).await.status }
    };
    assert_eq!(with("if-none-match", whole.clone(), path.clone()).await, 200);
    assert_eq!(with("if-none-match", bare.clone(), format!("{path}?excludedAttributes=members")).await, 304);
    let body = json!({"Operations": [{"op": "remove", "path": "members"}]});
    refused(send(&world, "PATCH", &path, &[("if-match", &whole)], body.clone()).await, 412, "");
    send(&world, "PATCH", &path, &[("if-match", &bare)], body).await.expect(200);
}

#[tokio::test]
async fn a_large_group_is_shown_whole_and_changed_in_part() {
    let world = World::new().await;
    let tenant = world.api.service().directory.of(model::TenantId(crate::world::TENANT));
    let properties = |number: usize| {
        let name = format!("u{number}");
        json!({
            "userPrincipalName": format!("{name}@example.com"), "displayName": name, "mailNickname": name,
            "accountEnabled": true
        })
    };
    let new = |number| directory::NewObject {
        kind: directory::ObjectKind::User,
        id: Some(model::Uuid::from_u128(1_000_000 + number as u128)),
        properties: properties(number).as_object().unwrap().clone(),
    };
    let made = tenant.import((0..2_500).map(new).collect(), Vec::new()).await.unwrap();
    let crew = group(&world, "Crew", &[]).await;
    for (place, part) in made.chunks(500).enumerate() {
        let value: Vec<Json> = part.iter().map(|user| json!({"value": user.id})).collect();
        let operations = json!([{"op": "add", "path": "members", "value": value}]);
        let answer = patch(&world, &format!("/Groups/{crew}"), operations).await;
        assert_eq!(answer.status, if place == 0 { 200 } else { 204 }, "a large group is not shown unasked");
    }
    assert_eq!(members(&world, &crew).await.len(), 2_500);
    let last = made.last().unwrap().id;
    let operations = json!([{"op": "remove", "path": format!("members[value eq \"{last}\"]")}]);
    patch(&world, &format!("/Groups/{crew}"), operations).await.expect(204);
    assert_eq!(members(&world, &crew).await.len(), 2_499);
    let operations = json!([{"op": "replace", "path": "members", "value": [{"value": last}]}]);
    patch(&world, &format!("/Groups/{crew}"), operations).await.expect(200);
    assert_eq!(members(&world, &crew).await, [last.to_string()]);
}
