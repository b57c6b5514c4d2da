//! A property that an application adds to people reaches the target, once the job's schema has discovered it.

use reqwest::Method;
use serde_json::json;

use crate::graph::World;
use crate::target::Target;

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_extension_is_discovered_and_flows() {
    let (world, target) = (World::start(&[]), Target::start().await);
    let job = world.job(&target, &[]).await;
    let application = world.send(Method::POST, "applications", json!({"displayName": "Badges"})).await;
    let path = format!("applications/{}/extensionProperties", application["id"].as_str().unwrap());
    let badge = json!({"name": "badge", "dataType": "String", "targetObjects": ["User"]});
    let badge = world.send(Method::POST, &path, badge).await["name"].as_str().unwrap().to_owned();
    let ada = world.user("ada").await;
    world.send(Method::PATCH, &format!("users/{ada}"), json!({&badge: "B-7"})).await;

    let mut schema = world.get(&job.path("/schema")).await;
    let mapping = json!({
        "targetAttributeName": "nickName", "flowType": "Always", "flowBehavior": "FlowWhenChanged",
        "source": {"type": "Attribute", "name": badge, "expression": format!("[{badge}]"), "parameters": []},
    });
    let mappings = &mut schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"];
    let mappings = mappings.as_array_mut().unwrap();
    mappings.retain(|one| one["targetAttributeName"] != "nickName");
    mappings.push(mapping);
    let rules = json!({"synchronizationRules": schema["synchronizationRules"]});
    assert!(!schema["directories"].to_string().contains(&badge));
    let source = schema["synchronizationRules"][0]["sourceDirectoryName"].as_str().unwrap();
    let source = source.replace(' ', "%20");
    let discover = job.path(&format!("/schema/directories/{source}/discover"));
    let found = world.send(Method::POST, &discover, json!({})).await;
    let user = found["objects"].as_array().unwrap().iter().find(|one| one["name"] == "User").unwrap();
    let found = user["attributes"].as_array().unwrap().iter().find(|one| one["name"] == badge.as_str());
    assert_eq!(found.unwrap()["type"], "String");
    world.send(Method::PATCH, &job.path("/schema"), rules).await;
    job.cycle().await;
    assert_eq!(target.resources("Users")[0]["nickName"], "B-7");
}
