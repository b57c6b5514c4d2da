use serde_json::{Value as Json, json};

use crate::world::{TEMPLATE, World};

struct Application {
    id: String,
    role: String,
}

async fn application(world: &World) -> Application {
    let path = format!("/v1.0/applicationTemplates/{TEMPLATE}/instantiate");
    let made = world.post(&path, json!({"displayName": "Shop"})).await.expect(201);
    let principal = &made["servicePrincipal"];
    let roles = principal["appRoles"].as_array().unwrap();
    let role = roles.iter().find(|role| role["displayName"] == "User").unwrap();
    Application {
        id: principal["id"].as_str().unwrap().to_owned(),
        role: role["id"].as_str().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn an_assignment_is_seen_from_both_sides() {
    let world = World::new().await;
    let shop = application(&world).await;
    let (ada, team) = (world.user("ada").await, world.group("team").await);
    let of_shop = format!("/v1.0/servicePrincipals/{}/appRoleAssignedTo", shop.id);
    let body = json!({"principalId": ada, "resourceId": shop.id, "appRoleId": shop.role});
    let made = world.post(&of_shop, body.clone()).await.expect(201);
    assert_eq!(made["principalId"], ada);
    assert_eq!((&made["principalType"], &made["principalDisplayName"]), (&json!("User"), &json!("ada")));
    assert_eq!((&made["resourceDisplayName"], &made["appRoleId"]), (&json!("Shop"), &json!(shop.role)));
    assert!(made["createdDateTime"].as_str().unwrap().starts_with("2026-01-05T08:00:"));
    world.post(&of_shop, body).await.refused(400, "Request_BadRequest");
    let of_team = format!("/v1.0/groups/{team}/appRoleAssignments");
    world
        .post(&of_team, json!({"principalId": team, "resourceId": shop.id, "appRoleId": shop.role}))
        .await
        .expect(201);

    let all = world.every(&format!("{of_shop}?$top=1&$count=true")).await;
    assert_eq!(all.len(), 2);
    assert_eq!(world.every(&format!("{of_shop}?$filter=principalType eq 'Group'")).await.len(), 1);
    assert_eq!(world.get(&format!("{of_shop}/$count")).await.expect(200), json!(2));
    let of_ada = format!("/beta/users/{ada}/appRoleAssignments");
    let seen = world.every(&of_ada).await;
    assert_eq!((&seen[0]["id"], &seen[0]["creationTimestamp"]), (&made["id"], &made["createdDateTime"]));
    assert!(seen[0].get("createdDateTime").is_none());

    let one = format!("{of_shop}/{}", made["id"].as_str().unwrap());
    world.get(&one).await.expect(200);
    world.delete(&one).await.expect(204);
    world.delete(&one).await.refused(404, "Request_ResourceNotFound");
    assert!(world.every(&of_ada).await.is_empty());
}

#[tokio::test]
async fn bad_assignments_are_refused() {
    let world = World::new().await;
    let (shop, other) = (application(&world).await, application(&world).await);
    let ada = world.user("ada").await;
    let of_shop = format!("/v1.0/servicePrincipals/{}/appRoleAssignedTo", shop.id);
    let body = |principal: &str, resource: &str, role: &str| json!({"principalId": principal, "resourceId": resource, "appRoleId": role});
    for (body, status, words) in [
        (body(&ada, &other.id, &shop.role), 400, "'resourceId'"),
        (body(&ada, &shop.id, &ada), 400, "'appRoleId'"),
        (body(&shop.role, &shop.id, &shop.role), 404, shop.role.as_str()),
        (json!({"resourceId": shop.id}), 400, "'principalId'"),
        (json!({"principalId": "x", "resourceId": shop.id}), 400, "'principalId'. Send a GUID"),
    ] {
        let answer = world.post(&of_shop, body).await.expect(status);
        assert!(answer["error"]["message"].as_str().unwrap().contains(words), "{answer}");
    }
    // An assignment of another application is none of this one's.
    let body = body(&ada, &other.id, &other.role);
    let made = world
        .post(&format!("/v1.0/servicePrincipals/{}/appRoleAssignedTo", other.id), body)
        .await
        .expect(201);
    let path = format!("{of_shop}/{}", made["id"].as_str().unwrap());
    world.delete(&path).await.refused(404, "Request_ResourceNotFound");
    // Without a role, the assignment is for default access.
    let default = world.post(&of_shop, json!({"principalId": ada, "resourceId": shop.id})).await.expect(201);
    assert_eq!(default["appRoleId"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(default.get("nothing"), None::<&Json>);
}
