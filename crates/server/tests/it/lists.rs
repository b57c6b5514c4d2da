use serde_json::{Value as Json, json};

use crate::world::{World, user};

async fn people(world: &World, count: usize) {
    for number in 0..count {
        let mut body = user(&format!("person{number}"));
        body["department"] = json!(if number % 2 == 0 { "Even" } else { "Odd" });
        body["displayName"] = json!(format!("Person No. {number:02}"));
        body["businessPhones"] = json!([format!("+41 {number}")]);
        world.post("/v1.0/users", body).await.expect(201);
    }
}

#[tokio::test]
async fn pages_come_one_after_the_other() {
    let world = World::new().await;
    people(&world, 7).await;
    let first = world.get("/v1.0/users?$top=3&$count=true&$select=id").await.expect(200);
    assert_eq!((first["value"].as_array().unwrap().len(), &first["@odata.count"]), (3, &json!(7)));
    assert_eq!(first["@odata.context"], "http://graph.test/v1.0/$metadata#users(id)");
    let link = first["@odata.nextLink"].as_str().unwrap();
    assert!(
        link.starts_with("http://graph.test/v1.0/users?$top=3&$count=true&$select=id&$skiptoken="),
        "{link}"
    );
    let mut all = crate::world::ids(&world.every("/v1.0/users?$top=3").await);
    all.dedup();
    assert_eq!(all.len(), 7);
    assert!(world.get("/v1.0/users?$top=7").await.expect(200).get("@odata.nextLink").is_none());
}

#[tokio::test]
async fn a_token_is_good_for_its_query_alone() {
    let world = World::new().await;
    people(&world, 3).await;
    let page = world.get("/v1.0/users?$top=1").await.expect(200);
    let link = page["@odata.nextLink"].as_str().unwrap();
    let other = link.replace("/users?", "/users?$filter=department%20eq%20'Odd'&");
    for link in [other, link.replace("skiptoken=", "skiptoken=x"), "/v1.0/users?$skiptoken=".to_owned()] {
        let words = world.get(&link).await.refused(400, "Request_BadRequest");
        assert!(words.contains("'$skiptoken'"), "{words}");
    }
    let foreign = world.other_tenant().await;
    world.as_client(&foreign, "GET", link, &Json::Null).await.refused(400, "Request_BadRequest");
}

#[tokio::test]
async fn filters_narrow_the_collection() {
    let world = World::new().await;
    people(&world, 6).await;
    for (filter, count) in [
        ("department eq 'EVEN'", 3),
        ("startswith(displayName,'person no. 0')", 6),
        ("endswith(userPrincipalName,'5@example.com')", 1),
        ("department eq 'Odd' and displayName ne 'Person No. 01'", 2),
        ("userPrincipalName in ('person1@example.com','PERSON2@example.com')", 2),
        ("not (department eq 'Odd')", 3),
        ("businessPhones/any(p:p eq '+41 4')", 1),
        ("businessPhones/any(p:startswith(p,'+41'))", 6),
        ("mail eq null and accountEnabled eq true", 6),
        ("contains(displayName,'02') or contains(displayName,'03')", 2),
        ("createdDateTime ge 2026-01-05T08:00:00Z", 6),
        ("createdDateTime lt 2026-01-05T08:00:00Z", 0),
        ("displayName gt 'Person No. 03'", 2),
        ("businessPhones/$count eq 1 and department eq 'Odd'", 3),
    ] {
        let path = format!("/v1.0/users?$top=2&$count=true&$filter={}", filter.replace('+', "%2B"));
        assert_eq!(world.every(&path).await.len(), count, "{filter}");
        assert_eq!(world.get(&path).await.expect(200)["@odata.count"], count, "{filter}");
        let counted = world.get(&path.replace("/users?$top=2&$count=true&", "/users/$count?")).await;
        assert!(counted.header("content-type").starts_with("text/plain"));
        assert_eq!(counted.expect(200), json!(count), "{filter}");
    }
    for (filter, words) in [
        ("departmnt eq 'x'", "Did you mean 'department'?"),
        ("department eq", "position 13"),
        ("businessPhones eq '1'", "businessPhones/any("),
    ] {
        let message =
            world.get(&format!("/v1.0/users?$filter={filter}")).await.refused(400, "Request_BadRequest");
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn search_and_order_work_together() {
    let world = World::new().await;
    people(&world, 5).await;
    let eventual = [("consistencylevel", "eventual")];
    let names = async |query: &str| {
        let (mut names, mut next) = (Vec::new(), format!("/v1.0/users?{query}").replace('"', "%22"));
        loop {
            let page = world.send("GET", &next, &eventual, &Json::Null).await.expect(200);
            let value = page["value"].as_array().unwrap();
            names.extend(value.iter().map(|one| one["displayName"].as_str().unwrap()[11..].to_owned()));
            match page["@odata.nextLink"].as_str() {
                Some(link) => link.clone_into(&mut next),
                None => return names,
            }
        }
    };
    for (query, expected) in [
        (
            "$search=\"displayName:no per\"&$orderby=department desc,displayName desc&$top=2",
            vec!["03", "01", "04", "02", "00"],
        ),
        (
            "$search=\"displayName:no per\"&$orderby=displayName desc&$top=2",
            vec!["04", "03", "02", "01", "00"],
        ),
        ("$search=\"displayName:03\" OR \"displayName:01\"&$orderby=displayName", vec!["01", "03"]),
        ("$search=\"displayName:03\" AND \"displayName:01\"", vec![]),
        ("$search=\"displayName:erson\"", vec![]),
        ("$search=\"displayName:person\"&$filter=department eq 'odd'&$orderby=displayName", vec!["01", "03"]),
        ("$orderby=displayName&$top=2", vec!["00", "01", "02", "03", "04"]),
        ("$orderby=displayName desc&$top=2", vec!["04", "03", "02", "01", "00"]),
        ("$orderby=userPrincipalName&$top=3&$filter=contains(displayName,'3') or city eq 'x'", vec!["03"]),
        (
            "$orderby=displayName desc&$top=1&$filter=accountEnabled eq true",
            vec!["04", "03", "02", "01", "00"],
        ),
    ] {
        assert_eq!(names(query).await, expected, "{query}");
    }
    let deep = world.get("/v1.0/users?$expand=manager($levels=max)").await;
    assert!(deep.refused(400, "Request_BadRequest").contains("'$levels'"));
    let without = world.get("/v1.0/users?$search=%22displayName:no%22").await;
    without.refused(400, "Request_UnsupportedQuery");
    let other = world.send("GET", "/v1.0/users?$search=%22city:no%22", &eventual, &Json::Null).await;
    assert!(other.refused(400, "Request_BadRequest").contains("'city'"));
    assert!(
        world.get("/v1.0/users?$orderby=zz").await.refused(400, "Request_BadRequest").contains("'$orderby'")
    );
    assert!(world.get("/v1.0/users?$skip=1").await.refused(400, "Request_BadRequest").contains("'$skip'"));
}

#[tokio::test]
async fn objects_of_any_kind_are_found_by_id() {
    let world = World::new().await;
    let (ada, team) = (world.user("ada").await, world.group("team").await);
    let one = world.get(&format!("/v1.0/directoryObjects/{team}?$select=displayName")).await.expect(200);
    assert_eq!(
        (&one["@odata.type"], &one["displayName"]),
        (&json!("#microsoft.graph.group"), &json!("team"))
    );
    let ask = json!({"ids": [ada, team, "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"], "types": ["user"]});
    let found = world.post("/v1.0/directoryObjects/getByIds", ask).await.expect(200);
    assert_eq!(crate::world::ids(found["value"].as_array().unwrap()), [ada]);
}

/// What is held against one object after another has a limit; what is looked up has a larger one.
#[tokio::test]
async fn filters_of_many_comparisons_are_refused() {
    let world = World::new().await;
    let (ada, group) = (world.user("ada").await, world.group("team").await);
    let any =
        |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(" or ");
    let compared = |count| any(count, &|number| format!("jobTitle eq '{number}'"));
    let lists = ["/v1.0/users", "/v1.0/auditLogs/directoryAudits", "/v1.0/auditLogs/provisioning"];
    for list in lists {
        let property = if list.ends_with("users") { "jobTitle" } else { "id" };
        let of = |count| compared(count).replace("jobTitle", property);
        world.get(&format!("{list}?$filter={}", of(50))).await.expect(200);
        let words = world.get(&format!("{list}?$filter={}", of(51))).await.refused(400, "Request_BadRequest");
        assert!(words.contains("51 comparisons") && words.contains("50 is the most"), "{words}");
    }
    let ids = |count| any(count, &|_| format!("id eq '{ada}'"));
    let found = world.get(&format!("/v1.0/users?$filter={}", ids(300))).await.expect(200);
    assert_eq!(found["value"].as_array().unwrap().len(), 1);
    world.get(&format!("/v1.0/users?$filter=({}) and ({})", ids(60), compared(60))).await.expect(200);
    world
        .get(&format!("/v1.0/groups/{group}/members?$filter={}", ids(51)))
        .await
        .refused(400, "Request_BadRequest");
}
