use model::TenantId;
use serde_json::{Value as Json, json};

use crate::world::{TENANT, World, ids, reference};

/// All of a round: what it tells, and the link to the next round.
async fn round(world: &World, path: &str) -> (Vec<Json>, String) {
    let (mut told, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = world.get(&next).await.expect(200);
        told.extend(page["value"].as_array().unwrap().iter().cloned());
        if let Some(link) = page["@odata.deltaLink"].as_str() {
            assert!(page.get("@odata.nextLink").is_none());
            return (told, link.to_owned());
        }
        page["@odata.nextLink"].as_str().unwrap().clone_into(&mut next);
    }
}

fn about<'a>(told: &'a [Json], id: &str) -> &'a Json {
    told.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("{id} is not told: {told:#?}"))
}

#[tokio::test]
async fn users_come_once_and_then_as_they_change() {
    let world = World::new().await;
    let mut people = Vec::new();
    for name in ["ada", "bob", "eve", "kim"] {
        people.push(world.user(name).await);
    }
    let [ada, bob, eve, kim] = &people[..] else { panic!() };
    let (told, link) = round(&world, "/v1.0/users/delta()?$select=displayName&$top=3").await;
    assert_eq!(ids(&told).len(), 4);
    assert_eq!(about(&told, ada), &json!({"id": ada, "displayName": "ada"}));
    assert!(link.contains("$deltatoken="), "{link}");

    let (told, link) = round(&world, &link).await;
    assert_eq!(told, [] as [Json; 0]);
    world.patch(&format!("/v1.0/users/{ada}"), json!({"displayName": "Ada L."})).await.expect(204);
    world.delete(&format!("/v1.0/users/{bob}")).await.expect(204);
    world.delete(&format!("/v1.0/users/{eve}")).await.expect(204);
    world.delete(&format!("/v1.0/directory/deletedItems/{eve}")).await.expect(204);
    let new = world.user("new").await;
    world.group("a group is no user").await;
    let (told, next) = round(&world, &link).await;
    assert_eq!(told.len(), 4, "{told:#?}");
    assert_eq!(about(&told, ada)["displayName"], "Ada L.");
    assert_eq!(about(&told, bob), &json!({"id": bob, "@removed": {"reason": "changed"}}));
    assert_eq!(about(&told, eve), &json!({"id": eve, "@removed": {"reason": "deleted"}}));
    assert_eq!(about(&told, &new)["displayName"], "new");
    // A link can be followed again, and leads to the same.
    assert_eq!(round(&world, &link).await.0, told);

    world.post(&format!("/v1.0/directory/deletedItems/{bob}/restore"), Json::Null).await.expect(200);
    let (told, _) = round(&world, &next).await;
    assert_eq!(about(&told, bob)["displayName"], "bob");
    let (told, _) = round(&world, &format!("/v1.0/users/delta?$filter=id eq '{kim}'")).await;
    assert_eq!(ids(&told), [kim.as_str()]);
}

#[tokio::test]
async fn managers_come_along_where_they_are_asked_for() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let path = format!("/v1.0/users/{ada}/manager/$ref");
    world.put(&path, json!({"@odata.id": reference(&bob)})).await.expect(204);
    let user = |id: &str| json!({"@odata.type": "#microsoft.graph.user", "id": id});
    let gone = |id: &str| json!({"@odata.type": "#microsoft.graph.user", "id": id, "@removed": {"reason": "deleted"}});
    let (told, link) = round(&world, "/v1.0/users/delta?$select=id,manager").await;
    assert_eq!(about(&told, &ada)["manager@delta"], json!([user(&bob)]));
    assert!(about(&told, &bob).get("manager@delta").is_none());
    world.put(&path, json!({"@odata.id": reference(&eve)})).await.expect(204);
    let (told, link) = round(&world, &link).await;
    assert_eq!(about(&told, &ada)["manager@delta"], json!([gone(&bob), user(&eve)]));
    world.delete(&path).await.expect(204);
    let (told, _) = round(&world, &link).await;
    assert_eq!(about(&told, &ada)["manager@delta"], json!([gone(&eve)]));
}

#[tokio::test]
async fn groups_tell_of_their_members() {
    let world = World::new().await;
    let (ada, bob, team) = (world.user("ada").await, world.user("bob").await, world.group("team").await);
    let members = format!("/v1.0/groups/{team}/members");
    let add =
        async |id: &str| world.post(&format!("{members}/$ref"), json!({"@odata.id": reference(id)})).await;
    add(&ada).await.expect(204);
    let user = |id: &str| json!({"@odata.type": "#microsoft.graph.user", "id": id});
    let (told, link) = round(&world, "/v1.0/groups/delta").await;
    assert_eq!(about(&told, &team)["members@delta"], json!([user(&ada)]));
    let (named, without) = round(&world, "/v1.0/groups/delta?$select=displayName").await;
    assert_eq!(about(&named, &team), &json!({"id": team, "displayName": "team"}));

    add(&bob).await.expect(204);
    world.delete(&format!("{members}/{ada}/$ref")).await.expect(204);
    let (told, link) = round(&world, &link).await;
    let changed = about(&told, &team)["members@delta"].as_array().unwrap();
    assert_eq!(changed.len(), 2);
    assert_eq!(about(changed, &bob), &user(&bob));
    assert_eq!(about(changed, &ada)["@removed"], json!({"reason": "deleted"}));
    assert_eq!(round(&world, &without).await.0, [] as [Json; 0], "members are not asked for");

    world.delete(&format!("/v1.0/users/{bob}")).await.expect(204);
    let (told, link) = round(&world, &link).await;
    assert_eq!(about(&told, &team)["members@delta"][0]["@removed"]["reason"], "deleted");
    world.delete(&format!("/v1.0/groups/{team}")).await.expect(204);
    let (told, _) = round(&world, &link).await;
    assert_eq!(about(&told, &team), &json!({"id": team, "@removed": {"reason": "changed"}}));
}

#[tokio::test]
async fn a_large_group_comes_in_parts() {
    let world = World::new().await;
    let directory = world.api.service().directory.of(TenantId(TENANT));
    let team: model::Uuid = world.group("team").await.parse().unwrap();
    let users = (0..1_200).map(|number| directory::NewObject {
        kind: directory::ObjectKind::User,
        id: Some(model::Uuid::from_u128(number + 1)),
        properties: json!({
            "displayName": format!("p{number}"), "userPrincipalName": format!("p{number}@example.com"),
            "mailNickname": "p", "accountEnabled": true,
        })
        .as_object()
        .unwrap()
        .clone(),
    });
    let users: Vec<_> = users.collect();
    let relations = users.iter().map(|user| directory::Relation {
        kind: directory::RelationKind::Member,
        from: team,
        to: user.id.unwrap(),
    });
    let relations = relations.collect();
    directory.import(users, relations).await.unwrap();
    let (told, _) = round(&world, "/v1.0/groups/delta?$deltatoken=").await;
    assert_eq!(told.len(), 2);
    let members: usize = told.iter().map(|part| part["members@delta"].as_array().unwrap().len()).sum();
    assert_eq!(members, 1_200);
    assert_eq!((&told[0]["displayName"], &told[1]["id"]), (&json!("team"), &json!(team)));
}

#[tokio::test]
async fn a_token_expires_with_the_changes_after_it() {
    let world = World::new().await;
    let (_, link) = round(&world, "/v1.0/users/delta?$deltatoken=latest").await;
    world.user("ada").await;
    let service = world.api.service();
    let tenant = TenantId(TENANT);
    service.store.mark_changes(tenant, service.clock.now()).await.unwrap();
    assert_eq!(round(&world, &link).await.0.len(), 1);
    service.store.trim_changes(tenant, u64::MAX, service.clock.now()).await.unwrap();
    let answer = world.get(&link).await;
    let anew = answer.header("location").to_owned();
    answer.refused(410, "resyncRequired");
    assert_eq!(round(&world, &anew).await.0.len(), 1);
}

#[tokio::test]
async fn tokens_are_sealed_and_options_are_few() {
    let world = World::new().await;
    let (_, link) = round(&world, "/v1.0/users/delta").await;
    let foreign = world.other_tenant().await;
    world.as_client(&foreign, "GET", &link, &Json::Null).await.refused(400, "Request_BadRequest");
    for path in [
        link.replace("/users/", "/groups/"),
        link.replace("deltatoken=", "deltatoken=x"),
        "/v1.0/users/delta?$orderby=displayName".to_owned(),
        "/v1.0/users/delta?$filter=displayName eq 'x'".to_owned(),
        "/v1.0/users/delta?$select=nothing".to_owned(),
        "/v1.0/users/delta?$expand=memberOf".to_owned(),
    ] {
        world.get(&path).await.refused(400, "Request_BadRequest");
    }
}
