use serde_json::{Value as Json, json};

use crate::world::{World, ids, reference};

#[tokio::test]
async fn members_come_and_go() {
    let world = World::new().await;
    let (ada, bob, team, inner) = (
        world.user("ada").await,
        world.user("bob").await,
        world.group("team").await,
        world.group("inner").await,
    );
    let members = format!("/v1.0/groups/{team}/members");
    for id in [&ada, &bob, &inner] {
        world.post(&format!("{members}/$ref"), json!({"@odata.id": reference(id)})).await.expect(204);
    }
    let again = world.post(&format!("{members}/$ref"), json!({"@odata.id": reference(&ada)})).await;
    assert!(again.refused(400, "Request_BadRequest").contains("'members'"));

    let all = world.every(&format!("{members}?$top=1")).await;
    let mut expected = vec![ada.clone(), bob.clone(), inner.clone()];
    expected.sort();
    assert_eq!(ids(&all), expected);
    let inner_shown = all.iter().find(|one| one["id"] == inner).unwrap();
    assert_eq!(
        (&inner_shown["@odata.type"], &inner_shown["securityEnabled"]),
        (&json!("#microsoft.graph.group"), &json!(true))
    );
    let users = world.every(&format!("{members}/graph.user?$select=id,userPrincipalName")).await;
    assert_eq!(users.len(), 2);
    assert_eq!(world.get(&format!("{members}/$count")).await.expect(200), json!(3));
    let filtered = format!("{members}?$filter=displayName eq 'BOB'&$count=true");
    assert_eq!(world.get(&filtered).await.expect(200)["@odata.count"], 1);
    let references = world.every(&format!("{members}/$ref?$top=2")).await;
    assert!(references.contains(&json!({"@odata.id": reference(&bob)})) && references.len() == 3);
    let of_ada = world.every(&format!("/v1.0/users/{ada}/memberOf")).await;
    assert_eq!(ids(&of_ada), [team.as_str()]);
    assert_eq!(ids(&world.every(&format!("/v1.0/groups/{inner}/memberOf")).await), [team.as_str()]);

    world.delete(&format!("{members}/{bob}/$ref")).await.expect(204);
    world.delete(&format!("{members}/{bob}/$ref")).await.refused(404, "Request_ResourceNotFound");
    // The SDKs also end a reference by the object's address.
    world.post(&format!("{members}/$ref"), json!({"@odata.id": reference(&bob)})).await.expect(204);
    world.delete(&format!("{members}/$ref")).await.refused(400, "Request_BadRequest");
    world.delete(&format!("{members}/$ref?@id={}", reference(&bob))).await.expect(204);
    assert_eq!(ids(&world.every(&format!("/v1.0/users/{bob}/memberOf")).await), [""; 0]);
    world.delete(&format!("/v1.0/users/{ada}")).await.expect(204);
    assert_eq!(ids(&world.every(&members).await), [inner]);
}

#[tokio::test]
async fn bad_references_are_refused() {
    let world = World::new().await;
    let (ada, team) = (world.user("ada").await, world.group("team").await);
    let members = format!("/v1.0/groups/{team}/members/$ref");
    let nobody = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";
    for (body, status) in [
        (json!({}), 400),
        (json!({"@odata.id": ""}), 400),
        (json!({"@odata.id": reference(nobody)}), 404),
        (json!({"@odata.id": reference("nobody@example.com")}), 404),
        (json!({"@odata.id": reference(&team)}), 400),
    ] {
        world.post(&members, body).await.expect(status);
    }
    // A user may be named by its principal name.
    world.post(&members, json!({"@odata.id": "https://h/v1.0/users/ada%40example.com"})).await.expect(204);
    world
        .post(&format!("/v1.0/groups/{ada}/members/$ref"), json!({"@odata.id": reference(&ada)}))
        .await
        .expect(404);
}

#[tokio::test]
async fn a_user_has_one_manager() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let manager = format!("/v1.0/users/{ada}/manager");
    world.get(&manager).await.refused(404, "Request_ResourceNotFound");
    for (id, times) in [(&bob, 2), (&eve, 1)] {
        for _ in 0..times {
            world.put(&format!("{manager}/$ref"), json!({"@odata.id": reference(id)})).await.expect(204);
        }
        let shown = world.get(&format!("{manager}?$select=id")).await.expect(200);
        assert_eq!((&shown["id"], &shown["@odata.type"]), (&json!(id), &json!("#microsoft.graph.user")));
    }
    assert_eq!(world.get(&format!("{manager}/$ref")).await.expect(200)["@odata.id"], reference(&eve));
    assert_eq!(ids(&world.every(&format!("/v1.0/users/{eve}/directReports")).await), [ada.as_str()]);
    assert!(world.every(&format!("/v1.0/users/{bob}/directReports")).await.is_empty());
    let own = world.put(&format!("{manager}/$ref"), json!({"@odata.id": reference(&ada)})).await;
    own.refused(400, "Request_BadRequest");
    world.delete(&format!("{manager}/$ref")).await.expect(204);
    world.delete(&format!("{manager}/$ref")).await.refused(404, "Request_ResourceNotFound");
    let list = world.get("/v1.0/users?$expand=manager").await.expect(200);
    assert!(list["value"].as_array().unwrap().iter().all(|one| one.get("manager").is_none_or(Json::is_null)));
}

#[tokio::test]
async fn owners_are_kept_for_groups_and_applications() {
    let world = World::new().await;
    let (ada, team) = (world.user("ada").await, world.group("team").await);
    let application = world.post("/v1.0/applications", json!({"displayName": "App"})).await.expect(201);
    let application = application["id"].as_str().unwrap();
    for path in [format!("/v1.0/groups/{team}/owners"), format!("/v1.0/applications/{application}/owners")] {
        world.post(&format!("{path}/$ref"), json!({"@odata.id": reference(&ada)})).await.expect(204);
        assert_eq!(ids(&world.every(&path).await), [ada.as_str()]);
        world.delete(&format!("{path}/{ada}/$ref")).await.expect(204);
        assert!(world.every(&path).await.is_empty());
    }
}

#[tokio::test]
async fn groups_within_groups_are_followed() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let (outer, middle, inner) =
        (world.group("outer").await, world.group("middle").await, world.group("inner").await);
    // The innermost group holds the outermost, which is allowed and leads nowhere.
    for (group, member) in [
        (&outer, &middle),
        (&middle, &inner),
        (&inner, &ada),
        (&outer, &bob),
        (&middle, &bob),
        (&inner, &outer),
    ] {
        let path = format!("/v1.0/groups/{group}/members/$ref");
        world.post(&path, json!({"@odata.id": reference(member)})).await.expect(204);
    }
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
        ids.sort();
        ids
    };
    for (path, expected) in [
        (format!("users/{ada}/transitiveMemberOf"), sorted(&[&outer, &middle, &inner])),
        (format!("users/{ada}/transitiveMemberOf/microsoft.graph.group"), sorted(&[&outer, &middle, &inner])),
        (format!("users/{ada}/memberOf"), sorted(&[&inner])),
        (format!("groups/{middle}/transitiveMembers/microsoft.graph.user"), sorted(&[&ada, &bob])),
        (format!("groups/{outer}/transitiveMembers"), sorted(&[&ada, &bob, &outer, &middle, &inner])),
    ] {
        assert_eq!(ids(&world.every(&format!("/v1.0/{path}?$top=2")).await), expected, "{path}");
        let counted = world.get(&format!("/v1.0/{path}/$count")).await.expect(200);
        assert_eq!(counted, json!(expected.len()), "{path}");
    }
    let filtered = format!("/v1.0/groups/{outer}/transitiveMembers?$filter=displayName eq 'ada'");
    assert_eq!(ids(&world.every(&filtered).await), sorted(&[&ada]));
    let unknown = world.get(&format!("/v1.0/groups/{outer}/members?$filter=nothing eq 'x'")).await;
    unknown.refused(400, "Request_BadRequest");
}

#[tokio::test]
async fn who_changed_people_and_groups_is_told() {
    let world = World::new().await;
    let (ada, team) = (world.user("ada").await, world.group("team").await);
    let members = format!("/v1.0/groups/{team}/members");
    world.post(&format!("{members}/$ref"), json!({"@odata.id": reference(&ada)})).await.expect(204);
    world.delete(&format!("{members}/{ada}/$ref")).await.expect(204);
    world.patch(&format!("/v1.0/users/{ada}"), json!({"city": "Bern"})).await.expect(204);
    world.delete(&format!("/v1.0/users/{ada}")).await.expect(204);
    let all = world.every("/v1.0/auditLogs/directoryAudits").await;
    let mut told: Vec<&str> = all.iter().map(|one| one["activityDisplayName"].as_str().unwrap()).collect();
    told.reverse();
    assert_eq!(
        told,
        [
            "Sign in service principal",
            "Add user",
            "Add group",
            "Add member to group",
            "Remove member from group",
            "Update user",
            "Delete user"
        ]
    );
    let target = &all[1]["targetResources"][0];
    assert_eq!(
        [&target["type"], &target["displayName"], &target["userPrincipalName"]],
        ["User", "ada", "ada@example.com"]
    );
    assert_eq!(all[3]["targetResources"][0]["type"], "Group");
    assert_eq!(all[6]["targetResources"][0]["type"], "ServicePrincipal");
    let changed = &target["modifiedProperties"];
    assert_eq!(changed, &json!([{"displayName": "city", "oldValue": null, "newValue": "\"Bern\""}]));
}
