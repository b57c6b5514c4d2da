//! Uploads to a service that is killed: what was accepted is kept.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};

use crate::graph::World;

/// Longer than anything here should take, and far shorter than the interval of the job.
const PATIENCE: Duration = Duration::from_mins(1);

/// People of these numbers, as a client uploads them.
fn people(numbers: std::ops::Range<u32>) -> Json {
    let operation = |number: u32| {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "externalId": format!("p{number}"), "userName": format!("p{number}@entente.example"),
            "displayName": format!("Person {number}"),
        });
        json!({ "method": "POST", "bulkId": number.to_string(), "path": "/Users", "data": user })
    };
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": numbers.map(operation).collect::<Vec<_>>(),
    })
}

/// Waits until there are so many accounts of uploaded people, each once.
async fn wait_for(world: &World, job: &str, number: usize) {
    let began = Instant::now();
    loop {
        let page = world.get("users?$filter=startswith(employeeId,'p')&$select=employeeId&$top=500").await;
        let mut found: Vec<String> =
            page["value"].as_array().unwrap().iter().map(|user| user["employeeId"].to_string()).collect();
        found.sort();
        let all = found.len();
        found.dedup();
        assert_eq!(found.len(), all, "nobody is there twice");
        if all == number {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{all} of {number} accounts: {:#}", world.get(job).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_was_accepted_outlives_a_kill_and_starts_a_cycle() {
    let mut world = World::start(&[]);
    let templates = world.get("applicationTemplates").await;
    let mut templates = templates["value"].as_array().unwrap().iter();
    let template = templates.find(|one| one["displayName"].as_str().unwrap().starts_with("API-driven"));
    let template = template.unwrap()["id"].as_str().unwrap();
    let path = format!("applicationTemplates/{template}/instantiate");
    let made = world.send(Method::POST, &path, json!({ "displayName": "People" })).await;
    let root =
        format!("servicePrincipals/{}/synchronization", made["servicePrincipal"]["id"].as_str().unwrap());
    let job = world.send(Method::POST, &format!("{root}/jobs"), json!({ "templateId": "API2AAD" })).await;
    let job = format!("{root}/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(world.upload(&job, &people(0..20)).await, StatusCode::ACCEPTED);
    world.send(Method::POST, &format!("{job}/start"), json!({})).await;
    wait_for(&world, &job, 20).await;
    assert_eq!(world.upload(&job, &people(10..40)).await, StatusCode::ACCEPTED);
    wait_for(&world, &job, 40).await;
    for round in [40, 70, 100] {
        assert_eq!(world.upload(&job, &people(round..round + 30)).await, StatusCode::ACCEPTED);
        world.crash(&[]);
    }
    wait_for(&world, &job, 130).await;
}
