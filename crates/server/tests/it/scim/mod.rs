//! The SCIM service over HTTP, and what of it the Graph API shows.

mod bulk;
mod connector;
mod frame;
mod groups;
mod history;
mod lists;
mod patch;
mod users;

use serde_json::{Value as Json, json};

use crate::world::{Answer, World};

/// Where the service is.
const BASE: &str = "/scim/v2";
/// Where it is, as answers say it.
const ADDRESS: &str = "http://graph.test/scim/v2";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A request below the base address.
async fn send(world: &World, method: &str, path: &str, headers: &[(&str, &str)], body: Json) -> Answer {
    let path = path.replace('"', "%22").replace('[', "%5B").replace(']', "%5D");
    world.send(method, &format!("{BASE}{path}"), headers, &body).await
}

async fn get(world: &World, path: &str) -> Answer {
    send(world, "GET", path, &[], Json::Null).await
}

async fn post(world: &World, path: &str, body: Json) -> Answer {
    send(world, "POST", path, &[], body).await
}

async fn put(world: &World, path: &str, body: Json) -> Answer {
    send(world, "PUT", path, &[], body).await
}

/// PATCH with these operations.
async fn patch(world: &World, path: &str, operations: Json) -> Answer {
    send(world, "PATCH", path, &[], json!({"schemas": [PATCH], "Operations": operations})).await
}

async fn delete(world: &World, path: &str) -> Answer {
    send(world, "DELETE", path, &[], Json::Null).await
}

/// The words of a SCIM error, where status and kind are as expected.
#[track_caller]
fn refused(answer: Answer, status: u16, scim_type: &str) -> String {
    assert_eq!(answer.header("content-type"), "application/scim+json; charset=utf-8");
    let body = answer.expect(status);
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(body["status"], json!(status.to_string()));
    assert_eq!(body["scimType"].as_str().unwrap_or(""), scim_type, "{body}");
    body["detail"].as_str().unwrap().to_owned()
}

/// A new user's id.
async fn user(world: &World, name: &str) -> String {
    let made = post(world, "/Users", json!({"schemas": [USER], "userName": name})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// A new group's id.
async fn group(world: &World, name: &str, members: &[&str]) -> String {
    let members: Vec<_> = members.iter().map(|id| json!({"value": id})).collect();
    let body = json!({"schemas": [GROUP], "displayName": name, "members": members});
    post(world, "/Groups", body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// The ids of a group's members, sorted.
async fn members(world: &World, group: &str) -> Vec<String> {
    let group = get(world, &format!("/Groups/{group}")).await.expect(200);
    let members = group["members"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> =
        members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// These texts, sorted.
fn sorted(texts: &[&str]) -> Vec<String> {
    let mut texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    texts.sort();
    texts
}

/// The values of an attribute in a list.
fn values(list: &Json, attribute: &str) -> Vec<String> {
    let resources = list["Resources"].as_array().unwrap();
    resources.iter().map(|one| one[attribute].as_str().unwrap_or("").to_owned()).collect()
}
