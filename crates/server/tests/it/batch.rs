use serde_json::{Value as Json, json};

use crate::world::{World, user};

fn by_id<'a>(answer: &'a Json, id: &str) -> &'a Json {
    let responses = answer["responses"].as_array().unwrap();
    responses.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("{id}: {answer:#}"))
}

#[tokio::test]
async fn a_batch_carries_twenty_requests() {
    let world = World::new().await;
    let headers = json!({"Content-Type": "application/json"});
    let requests: Vec<Json> = (0..20)
        .map(|number| {
            let (id, body) = (number.to_string(), user(&format!("person{number}")));
            json!({"id": id, "method": "POST", "url": "http://graph.test/v1.0/users", "headers": headers, "body": body})
        })
        .collect();
    let mut more = requests.clone();
    let answer = world.post("/v1.0/$batch", json!({ "requests": requests })).await.expect(200);
    for number in 0..20 {
        let one = by_id(&answer, &number.to_string());
        assert_eq!(
            (&one["status"], &one["body"]["displayName"]),
            (&json!(201), &json!(format!("person{number}")))
        );
        assert_eq!(one["headers"]["Content-Type"], "application/json");
        assert!(one["headers"]["Location"].as_str().unwrap().contains("/v1.0/users/"));
    }
    assert_eq!(world.get("/v1.0/users/$count").await.expect(200), json!(20));
    more.push(json!({"id": "21", "method": "GET", "url": "/users"}));
    let words =
        world.post("/v1.0/$batch", json!({ "requests": more })).await.refused(400, "Request_BadRequest");
    assert!(words.contains("maximum value of 20"), "{words}");
}

#[tokio::test]
async fn requests_wait_for_what_they_depend_on() {
    let world = World::new().await;
    let body = json!({"requests": [
        {"id": "read", "method": "GET", "url": "/users/ada@example.com?$select=city", "dependsOn": ["change"]},
        {"id": "change", "method": "PATCH", "url": "/users/ada@example.com", "body": {"city": "Bern"}, "dependsOn": ["make"],
         "headers": {"Content-Type": "application/json"}},
        {"id": "make", "method": "POST", "url": "/users", "body": user("ada")},
        {"id": "wrong", "method": "GET", "url": "/users/nobody@example.com"},
        {"id": "never", "method": "DELETE", "url": "/users/ada@example.com", "dependsOn": ["wrong"]},
        {"id": "nor", "method": "DELETE", "url": "/users/ada@example.com", "dependsOn": ["never"]},
        {"id": "count", "method": "GET", "url": "/users/$count", "dependsOn": ["make"]},
    ]});
    let answer = world.post("/beta/$batch", body).await.expect(200);
    assert_eq!(by_id(&answer, "make")["status"], 201);
    assert_eq!(by_id(&answer, "change")["status"], 204);
    assert!(by_id(&answer, "change").get("body").is_none());
    assert_eq!(by_id(&answer, "read")["body"]["city"], "Bern");
    assert_eq!(by_id(&answer, "wrong")["body"]["error"]["code"], "Request_ResourceNotFound");
    for id in ["never", "nor"] {
        let one = by_id(&answer, id);
        assert_eq!(
            (&one["status"], &one["body"]["error"]["code"]),
            (&json!(424), &json!("FailedDependency"))
        );
    }
    assert_eq!(by_id(&answer, "count")["body"], "MQ==", "text travels in base64");
    world.get("/v1.0/users/ada@example.com").await.expect(200);
}

#[tokio::test]
async fn a_batch_holds_no_batch() {
    let world = World::new().await;
    // Batches in batches could go so deep that the process would end.
    for (method, url) in [
        ("POST", "/$batch"),
        ("POST", "/%24batch"),
        ("post", "//$BATCH/"),
        ("POST", "/%24%62atch()"),
        ("FETCH ME", "/users"),
    ] {
        let inner = json!({"id": "1", "method": method, "url": url, "body": {"requests": []}});
        let answer = world.post("/v1.0/$batch", json!({"requests": [inner]})).await.expect(200);
        assert!(by_id(&answer, "1")["status"].as_u64().unwrap() >= 400, "{url}: {answer}");
    }
}
