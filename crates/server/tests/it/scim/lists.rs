//! Lists: filters, pages, order, and searches in a body.

use serde_json::{Value as Json, json};

use super::{ENTERPRISE, GROUP, USER, delete, get, group, post, refused, user, values};
use crate::world::{CLIENT, SECRET, TENANT, World};

/// Five users of one department, and a manager.
async fn people(world: &World) -> Vec<String> {
    let boss = user(world, "boss").await;
    let mut ids = vec![boss.clone()];
    for (place, name) in ["ann", "bob", "cat", "dan", "eve"].into_iter().enumerate() {
        let body = json!({
            "schemas": [USER, ENTERPRISE], "userName": format!("{name}@example.com"), "displayName": name,
            "externalId": format!("e{place}"), "active": place % 2 == 0, "nickName": name.to_uppercase(),
            "emails": [{"value": format!("{name}@work.example"), "type": "work"}, {"value": format!("{name}@home.example"), "type": "home"}],
            "roles": [{"value": "user"}, {"value": format!("r{place}"), "type": "Special"}],
            ENTERPRISE: {"department": "Sales", "employeeNumber": format!("{place}"), "manager": {"value": boss}}
        });
        ids.push(post(world, "/Users", body).await.expect(201)["id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn names(world: &World, filter: &str) -> String {
    let path = format!("/Users?sortBy=displayName&filter={}", filter.replace(' ', "%20"));
    let list = get(world, &path).await.expect(200);
    assert_eq!(list["totalResults"], list["Resources"].as_array().unwrap().len(), "{filter}");
    values(&list, "displayName").join(" ")
}

#[tokio::test]
async fn filters_of_every_kind_select() {
    let world = World::new().await;
    let ids = people(&world).await;
    let crew = group(&world, "Crew", &[&ids[1], &ids[3]]).await;
    let (boss, ann) = (&ids[0], &ids[1]);
    for (filter, expected) in [
        ("userName eq \"ANN@example.com\"".to_owned(), "ann"),
        ("userName eq \"boss\"".to_owned(), ""),
        (format!("id eq \"{ann}\""), "ann"),
        ("id eq \"x\"".to_owned(), ""),
        ("externalId eq \"e1\"".to_owned(), "bob"),
        ("externalId eq \"E1\"".to_owned(), ""),
        ("displayName sw \"a\" or displayName eq \"EVE\"".to_owned(), "ann eve"),
        ("emails.value eq \"cat@home.example\"".to_owned(), "cat"),
        ("emails[type eq \"work\" and value eq \"cat@work.example\"]".to_owned(), "cat"),
        ("emails[type eq \"home\" and value eq \"cat@work.example\"]".to_owned(), ""),
        ("emails co \"@HOME\" and active eq false".to_owned(), "bob dan"),
        ("nickName eq \"dan\"".to_owned(), "dan"),
        ("roles[type eq \"special\" and value eq \"r4\"]".to_owned(), "eve"),
        (format!("{ENTERPRISE}:department eq \"sales\" and not (active eq true)"), "bob dan"),
        (format!("{ENTERPRISE}:employeeNumber ge \"3\""), "dan eve"),
        (format!("{ENTERPRISE}:manager.value eq \"{boss}\" and userName ew \"n@example.com\""), "ann dan"),
        (format!("{ENTERPRISE}:manager pr"), "ann bob cat dan eve"),
        (format!("{ENTERPRISE}:manager.displayName eq \"boss\""), "ann bob cat dan eve"),
        (format!("groups.value eq \"{crew}\""), "ann cat"),
        (format!("groups eq \"{crew}\" and active eq false"), ""),
        (format!("active eq true and not (groups.value eq \"{crew}\") and emails pr"), "eve"),
        ("groups pr".to_owned(), "ann cat"),
        ("title pr or externalId lt \"e1\"".to_owned(), "ann"),
        (
            "meta.resourceType eq \"User\" and meta.created gt \"2020-01-01T00:00:00Z\" and nickName pr"
                .to_owned(),
            "ann bob cat dan eve",
        ),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName co \"e@\"".to_owned(), "eve"),
    ] {
        assert_eq!(names(&world, &filter).await, expected, "{filter}");
    }
    for filter in [
        "userName eq",
        "userName xx \"a\"",
        "active gt true",
        "(userName pr",
        "meta.created lt \"yesterday\"",
    ] {
        let answer = get(&world, &format!("/Users?filter={}", filter.replace(' ', "%20"))).await;
        refused(answer, 400, "invalidFilter");
    }
}

#[tokio::test]
async fn groups_are_found_by_members() {
    let world = World::new().await;
    let ids = people(&world).await;
    let (crew, _) =
        (group(&world, "Crew", &[&ids[1], &ids[2]]).await, group(&world, "Other", &[&ids[1]]).await);
    for (filter, expected) in [
        (format!("members eq \"{}\"", ids[1]), "Crew Other"),
        (format!("members.value eq \"{}\"", ids[2]), "Crew"),
        // What Microsoft Entra asks before it adds a member.
        (format!("id eq \"{crew}\" and members eq \"{}\"", ids[2]), "Crew"),
        (format!("id eq \"{crew}\" and members eq \"{}\"", ids[3]), ""),
        (format!("members[value eq \"{}\"] and displayName ne \"Crew\"", ids[1]), "Other"),
        ("displayName eq \"crew\"".to_owned(), "Crew"),
    ] {
        let path = format!(
            "/Groups?excludedAttributes=members&sortBy=displayName&filter={}",
            filter.replace(' ', "%20")
        );
        let list = get(&world, &path).await.expect(200);
        assert_eq!(values(&list, "displayName").join(" "), expected, "{filter}");
        assert!(list["Resources"].as_array().unwrap().iter().all(|group| group.get("members").is_none()));
    }
    refused(get(&world, "/Groups?filter=members.display%20eq%20\"x\"").await, 400, "invalidFilter");
}

/// Everybody in pages, by a function that gives the address of the page after another.
async fn all_pages(
    world: &World,
    first: &str,
    next: impl Fn(&Json) -> Option<String>,
) -> (Vec<usize>, Vec<String>) {
    let (mut sizes, mut seen, mut path) = (Vec::new(), Vec::new(), Some(first.to_owned()));
    while let Some(address) = path {
        let page = get(world, &address).await.expect(200);
        assert_eq!(page["totalResults"], 23, "{page}");
        let resources = page["Resources"].as_array().unwrap();
        assert_eq!(page["itemsPerPage"], resources.len());
        sizes.push(resources.len());
        seen.extend(values(&page, "userName"));
        path = next(&page);
    }
    (sizes, seen)
}

#[tokio::test]
async fn pages_by_index_and_by_cursor_show_everybody_once() {
    let world = World::new().await;
    let mut expected = Vec::new();
    for number in 0..23 {
        user(&world, &format!("u{number:02}")).await;
        expected.push(format!("u{number:02}"));
    }
    let filter = "userName%20co%20\"U\"";
    for query in ["", "&filter=userName%20co%20\"u\"", "&sortBy=userName&sortOrder=descending"] {
        let by_index = |page: &Json| {
            let start = page["startIndex"].as_u64().unwrap() + page["itemsPerPage"].as_u64().unwrap();
            (start <= 23).then(|| format!("/Users?count=10&startIndex={start}{query}"))
        };
        let (sizes, mut seen) = all_pages(&world, &format!("/Users?count=10{query}"), by_index).await;
        assert_eq!(sizes, [10, 10, 3], "{query}");
        if query.contains("descending") {
            assert!(seen.is_sorted_by(|one, other| one > other));
        }
        seen.sort();
        assert_eq!(seen, expected, "{query}");
        let by_cursor = |page: &Json| {
            page["nextCursor"].as_str().map(|next| format!("/Users?count=10&cursor={next}{query}"))
        };
        let (sizes, mut seen) =
            all_pages(&world, &format!("/Users?count=10&cursor={query}"), by_cursor).await;
        assert_eq!(sizes, [10, 10, 3], "{query}");
        seen.sort();
        assert_eq!(seen, expected, "{query}");
    }
    let page = get(&world, "/Users?count=4&startIndex=22").await.expect(200);
    assert_eq!((&page["startIndex"], page["Resources"].as_array().unwrap().len()), (&json!(22), 2));
    for (query, start, length) in
        [("count=0", 1, 0), ("count=-5", 1, 0), ("startIndex=-3&count=2", 1, 2), ("startIndex=99", 99, 0)]
    {
        for filter in [String::new(), format!("&filter={filter}")] {
            let page = get(&world, &format!("/Users?{query}{filter}")).await.expect(200);
            assert_eq!((&page["totalResults"], &page["startIndex"]), (&json!(23), &json!(start)), "{query}");
            assert_eq!(page["Resources"].as_array().unwrap().len(), length, "{query}");
        }
    }
}

#[tokio::test]
async fn a_client_that_pages_meets_everybody_though_others_write() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(user(&world, &format!("u{number}")).await);
    }
    ids.sort();
    let first = get(&world, "/Users?count=3").await.expect(200);
    assert_eq!(values(&first, "id"), ids[..3]);
    delete(&world, &format!("/Users/{}", ids[0])).await.expect(204);
    let second = get(&world, "/Users?count=3&startIndex=4").await.expect(200);
    assert_eq!(values(&second, "id"), ids[3..], "the page goes on where the one before ended");
    assert_eq!(get(&world, "/Users").await.expect(200)["totalResults"], 5);
}

#[tokio::test]
async fn cursors_and_numbers_that_make_no_sense_are_refused() {
    let world = World::new().await;
    for name in ["ann", "bob", "cat"] {
        user(&world, name).await;
    }
    let next =
        get(&world, "/Users?cursor=&count=2").await.expect(200)["nextCursor"].as_str().unwrap().to_owned();
    for path in [
        "/Users?cursor=abc".to_owned(),
        format!("/Groups?cursor={next}"),
        format!("/Users?cursor={next}&filter=title%20pr"),
    ] {
        refused(get(&world, &path).await, 400, "invalidCursor");
    }
    for (query, word) in
        [("startIndex=x", "startIndex"), ("count=ten", "count"), ("sortBy=title&sortOrder=up", "sortOrder")]
    {
        let words = refused(get(&world, &format!("/Users?{query}")).await, 400, "invalidValue");
        assert!(words.contains(word), "{words}");
    }
    refused(get(&world, "/Users?sortBy=a%20b").await, 400, "invalidPath");
    let words =
        refused(get(&world, "/Users?sortBy=userName&startIndex=10000&count=100").await, 400, "tooMany");
    assert!(words.contains("sortBy"));
}

#[tokio::test]
async fn cursors_end_after_a_day_and_pages_have_a_greatest_size() {
    let world = World::new().await;
    for name in ["ann", "bob", "cat"] {
        user(&world, name).await;
    }
    let pagination = get(&world, "/ServiceProviderConfig").await.expect(200)["pagination"].take();
    let most = pagination["maxPageSize"].as_i64().unwrap();
    let first = get(&world, &format!("/Users?cursor&count={most}")).await.expect(200);
    assert_eq!((first.get("nextCursor"), first["itemsPerPage"].as_u64()), (None, Some(3)));
    for count in [(most + 1).to_string(), "ten".to_owned()] {
        refused(get(&world, &format!("/Users?cursor=&count={count}")).await, 400, "invalidCount");
    }
    get(&world, &format!("/Users?count={}", most + 1)).await.expect(200);

    let token = server::auth::tenant_token(model::TenantId(TENANT), CLIENT, SECRET);
    let next = get(&world, "/Users?cursor&count=2").await.expect(200)["nextCursor"].take();
    let path = format!("/scim/v2/Users?cursor={}", next.as_str().unwrap());
    let timeout = pagination["cursorTimeout"].as_i64().unwrap();
    world.clock.advance(model::SignedDuration::from_secs(timeout - 1));
    world.as_client(&token, "GET", &path, &Json::Null).await.expect(200);
    world.clock.advance(model::SignedDuration::from_secs(2));
    let words = refused(world.as_client(&token, "GET", &path, &Json::Null).await, 400, "expiredCursor");
    assert!(words.contains("cursorTimeout"), "{words}");
}

#[tokio::test]
async fn a_search_is_a_list_asked_for_in_a_body() {
    let world = World::new().await;
    people(&world).await;
    group(&world, "boss group", &[]).await;
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "attributes": ["displayName", "userName"], "filter": "displayName sw \"bo\"", "startIndex": 1, "count": 10
    });
    let found = post(&world, "/.search", search.clone()).await.expect(200);
    // The name of boss was derived, so it is none of SCIM's.
    assert_eq!(values(&found, "displayName"), ["bob", "boss group"]);
    assert_eq!(found["Resources"][0]["schemas"], json!([USER, ENTERPRISE]));
    assert_eq!(found["Resources"][1]["schemas"], json!([GROUP]));
    assert_eq!(found["Resources"][0].get("emails"), None);
    assert_eq!(
        values(&post(&world, "/Users/.search", search.clone()).await.expect(200), "displayName"),
        ["bob"]
    );
    assert_eq!(
        values(&post(&world, "/Groups/.search", search).await.expect(200), "displayName"),
        ["boss group"]
    );
    let everything = get(&world, "?count=3&startIndex=5").await.expect(200);
    assert_eq!(
        (&everything["totalResults"], everything["Resources"].as_array().unwrap().len()),
        (&json!(7), 3)
    );
    let last = get(&world, "/?count=3&startIndex=7").await.expect(200);
    assert_eq!(values(&last, "displayName"), ["boss group"]);
}

#[tokio::test]
async fn order_goes_by_any_attribute() {
    let world = World::new().await;
    people(&world).await;
    for (query, expected) in [
        ("sortBy=displayName&sortOrder=descending&filter=nickName%20pr", "eve dan cat bob ann"),
        ("sortBy=emails.value&count=2&filter=nickName%20pr", "ann bob"),
        ("sortBy=externalId&startIndex=4", "dan eve "),
        ("sortBy=active&filter=nickName%20pr", "bob dan ann cat eve"),
    ] {
        let list = get(&world, &format!("/Users?{query}")).await.expect(200);
        let mut found = values(&list, "displayName");
        if query.contains("active") {
            found[..2].sort();
            found[2..].sort();
        }
        assert_eq!(found.join(" "), expected, "{query}");
    }
}

#[tokio::test]
async fn what_another_tenant_has_is_not_seen() {
    let world = World::new().await;
    let id = user(&world, "ada").await;
    let token = world.other_tenant().await;
    let list = world.as_client(&token, "GET", "/scim/v2/Users", &Json::Null).await.expect(200);
    assert_eq!(list["totalResults"], 0);
    world.as_client(&token, "GET", &format!("/scim/v2/Users/{id}"), &Json::Null).await.expect(404);
    world.as_client(&token, "DELETE", &format!("/scim/v2/Users/{id}"), &Json::Null).await.expect(404);
    world.as_client(&token, "POST", "/scim/v2/Users", &json!({"userName": "ada"})).await.expect(201);
}
