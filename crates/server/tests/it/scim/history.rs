//! When resources changed, and who changed them.

use serde_json::{Value as Json, json};

use super::{ENTERPRISE, delete, get, group, patch, post, put, user};
use crate::world::World;

/// `meta.lastModified` of a resource.
async fn modified(world: &World, path: &str) -> String {
    get(world, path).await.expect(200)["meta"]["lastModified"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_last_change_is_told_and_searched() {
    let world = World::new().await;
    let (ada, bob) = (user(&world, "ada").await, user(&world, "bob").await);
    let crew = group(&world, "Crew", &[&bob]).await;
    let (user, group) = (format!("/Users/{ada}"), format!("/Groups/{crew}"));
    let before = modified(&world, &user).await;
    let read = get(&world, &user).await.expect(200);
    assert_eq!(read["meta"]["created"], json!(before));
    let manager = format!("{ENTERPRISE}:manager");
    for (path, operations) in [
        (&user, json!([{"op": "add", "path": "title", "value": "T"}])),
        (&user, json!([{"op": "add", "path": manager, "value": {"value": bob}}])),
        (&group, json!([{"op": "add", "path": "members", "value": [{"value": ada}]}])),
        (&group, json!([{"op": "replace", "path": "displayName", "value": "Other"}])),
    ] {
        let before = modified(&world, path).await;
        let answer = patch(&world, path, operations.clone()).await.expect(200);
        let after = answer["meta"]["lastModified"].as_str().unwrap().to_owned();
        assert!(after > before, "{operations}: {before} {after}");
        assert_eq!(modified(&world, path).await, after);
        patch(&world, path, operations).await.expect(200);
        assert_eq!(modified(&world, path).await, after, "what changes nothing is no change");
    }
    let list = get(&world, &format!("/Users?filter=meta.lastModified gt \"{before}\"")).await.expect(200);
    assert!(super::values(&list, "userName").contains(&"ada".to_owned()), "{list:#}");
    let list = get(&world, &format!("/Users?filter=meta.lastModified le \"{before}\"")).await.expect(200);
    assert_eq!(list["totalResults"], 0);
    let list = get(&world, "/Users?sortBy=meta.lastModified&sortOrder=descending").await.expect(200);
    assert_eq!(super::values(&list, "userName"), ["ada", "bob"]);
}

#[tokio::test]
async fn changes_leave_audit_records() {
    let world = World::new().await;
    let bob = user(&world, "bob").await;
    let ada = json!({"userName": "ada", "title": "A", ENTERPRISE: {"manager": {"value": bob}}});
    let ada = post(&world, "/Users", ada).await.expect(201)["id"].as_str().unwrap().to_owned();
    let (user, crew) = (format!("/Users/{ada}"), group(&world, "Crew", &[&bob]).await);
    let crew = format!("/Groups/{crew}");
    put(&world, &user, json!({"userName": "ada", "title": "B"})).await.expect(200);
    put(&world, &user, json!({"userName": "ada", "title": "B"})).await.expect(200);
    let operations = json!([
        {"op": "add", "path": "members", "value": [{"value": ada}, {"value": bob}]},
        {"op": "remove", "path": format!("members[value eq \"{bob}\"]")}
    ]);
    patch(&world, &crew, operations).await.expect(200);
    delete(&world, &user).await.expect(204);
    delete(&world, &crew).await.expect(204);
    let mut audits = world.every("/v1.0/auditLogs/directoryAudits").await;
    audits.retain(|one| !one["activityDisplayName"].as_str().unwrap().contains("service principal"));
    audits.reverse();
    let of = |one: &Json| {
        let target = &one["targetResources"][0];
        let changed = target["modifiedProperties"].as_array().unwrap();
        let title = changed.iter().find(|property| property["displayName"] == "jobTitle");
        let title = title.map_or(Json::Null, |property| json!([property["oldValue"], property["newValue"]]));
        let who = if target["id"] == ada.as_str() { "ada" } else { "somebody" };
        format!("{} {who} {title}", one["activityDisplayName"].as_str().unwrap())
    };
    // Records of one request are of one moment.
    let mut told: Vec<_> = audits.iter().map(of).collect();
    let mut expected = [
        "Add user somebody null",
        r#"Add user ada [null,"\"A\""]"#,
        "Add manager to user ada null",
        "Add group somebody null",
        "Add member to group somebody null",
        r#"Update user ada ["\"A\"","\"B\""]"#,
        "Remove manager from user ada null",
        "Remove member from group somebody null",
        "Add member to group somebody null",
        r#"Delete user ada ["\"B\"",null]"#,
        "Delete group somebody null",
    ];
    told.sort();
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert_eq!(audits[1]["initiatedBy"]["app"]["appId"], crate::world::CLIENT.to_string());
}

/// Each request that changes something leaves one record of each change, and what is refused leaves none.
#[tokio::test]
async fn every_request_leaves_its_records() {
    let world = World::new().await;
    let (ada, boss) = (user(&world, "ada").await, user(&world, "boss").await);
    let crew = group(&world, "Crew", &[]).await;
    let (one, team) = (format!("/Users/{ada}"), format!("/Groups/{crew}"));
    let operation = |op: &str, path: &str, value: Json| json!({"schemas": [super::PATCH], "Operations": [{"op": op, "path": path, "value": value}]});
    let bulk = |method: &str, path: &str, data: Json| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [{"method": method, "path": path, "bulkId": "1", "data": data}]});
    let manager = json!({ENTERPRISE: {"manager": {"value": boss}}, "userName": "ada"});
    let rows: Vec<(&str, &str, Json, u16, &[&str])> = vec![
        ("POST", "/Users", json!({"userName": "new"}), 201, &["Add user"]),
        ("POST", "/Users", json!({"userName": "NEW"}), 409, &[]),
        ("POST", "/Users", json!({"title": "x"}), 400, &[]),
        ("PUT", &one, manager, 200, &["Add manager to user"]),
        (
            "PUT",
            &one,
            json!({"userName": "ada", "title": "x"}),
            200,
            &["Remove manager from user", "Update user"],
        ),
        ("PUT", &one, json!({"userName": "new"}), 409, &[]),
        ("PATCH", &one, operation("replace", "title", json!("y")), 200, &["Update user"]),
        ("PATCH", &one, operation("replace", "titel", json!("y")), 400, &[]),
        ("PATCH", &one, operation("replace", "title", json!("y")), 200, &[]),
        (
            "POST",
            "/Groups",
            json!({"displayName": "Band", "members": [{"value": ada}]}),
            201,
            &["Add group", "Add member to group"],
        ),
        (
            "POST",
            "/Groups",
            json!({"displayName": "Band", "members": [{"value": crate::world::TEMPLATE}]}),
            400,
            &[],
        ),
        ("PUT", &team, json!({"displayName": "Team"}), 200, &["Update group"]),
        ("PUT", &team, json!({}), 400, &[]),
        ("PATCH", &team, operation("add", "members", json!([{"value": ada}])), 200, &["Add member to group"]),
        ("PATCH", &team, operation("add", "members", json!([{"value": crate::world::TEMPLATE}])), 400, &[]),
        ("PATCH", &team, operation("remove", "members", Json::Null), 200, &["Remove member from group"]),
        ("POST", "/Bulk", bulk("POST", "/Users", json!({"userName": "bulk"})), 200, &["Add user"]),
        ("POST", "/Bulk", bulk("POST", "/Users", json!({"userName": "bulk"})), 200, &[]),
        ("POST", "/.search", json!({}), 200, &[]),
        ("POST", "/Users/.search", json!({}), 200, &[]),
        ("POST", "/Groups/.search", json!({}), 200, &[]),
        ("DELETE", &team, Json::Null, 204, &["Delete group"]),
        ("DELETE", &team, Json::Null, 404, &[]),
        ("DELETE", &one, Json::Null, 204, &["Delete user"]),
        ("DELETE", &one, Json::Null, 404, &[]),
    ];
    let records = async || world.every("/v1.0/auditLogs/directoryAudits").await;
    for (method, path, body, status, expected) in rows {
        let before = records().await.len();
        super::send(&world, method, path, &[], body).await.expect(status);
        let all = records().await;
        let fresh = &all[..all.len() - before];
        let mut told: Vec<&str> =
            fresh.iter().map(|one| one["activityDisplayName"].as_str().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, expected, "{method} {path}");
        for record in fresh {
            assert_eq!(record["initiatedBy"]["app"]["appId"], crate::world::CLIENT.to_string());
            let target = record["targetResources"][0]["id"].as_str().unwrap();
            let named = [&ada, &crew].into_iter().find(|id| path.ends_with(id.as_str()));
            assert!(named.is_none_or(|id| id == target), "{method} {path}: {target}");
        }
    }
}
