//! Where clients stand in a list and in the changes outlives the process.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::graph::World;

/// The path of a link below the version.
fn below(answer: &Json, link: &str) -> String {
    let link = answer[link].as_str().unwrap_or_else(|| panic!("{link}: {answer}"));
    link.split_once("/beta/").unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn delta_and_skip_tokens_hold_in_another_process() {
    let mut world = World::start(&[]);
    let ada = world.user("ada").await;
    world.user("bob").await;
    let page = below(&world.get("users?$top=1&$select=id").await, "@odata.nextLink");
    let changes =
        below(&world.get("users/delta?$deltatoken=latest&$select=id,city").await, "@odata.deltaLink");
    world.crash(&[]);
    world.send(Method::PATCH, &format!("users/{ada}"), json!({"city": "Bern"})).await;
    assert_eq!(world.get(&page).await["value"].as_array().unwrap().len(), 1);
    assert_eq!(world.get(&changes).await["value"], json!([{"id": ada, "city": "Bern"}]));
}
