//! Puts the sample organization into a tenant's directory through the Graph API.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use super::organization::{Group, Organization, Person};
use crate::client::{Graph, Wanted, id_of};
use crate::progress::Progress;

/// Members that one request may bind.
const BOUND: usize = 20;
/// Graph wants a password for every user; nobody signs in with this one.
const PASSWORD: &str = "Not-used-1f0c7a";

/// The identifiers of what was made, by the places in the organization.
pub(crate) struct Filled {
    pub(crate) people: Vec<String>,
    pub(crate) groups: Vec<String>,
}

/// Makes people, their managers, groups and memberships.
pub(crate) async fn fill(graph: &Graph, organization: &Organization) -> Result<Filled> {
    let total = 2 * organization.people.len() + organization.groups.len();
    let progress = Progress::begin("Sample organization", u64::try_from(total)?);
    let advance = |done| progress.advance(done);
    let users = organization.people.iter().map(|person| Wanted {
        method: Method::POST,
        path: "/users".to_owned(),
        body: user(person),
    });
    let people = ids(&graph.batch(users.collect(), advance).await?)?;
    let managers = organization.people.iter().zip(&people).filter_map(|(person, id)| {
        let manager = people.get(person.manager?)?;
        Some(Wanted {
            method: Method::PUT,
            path: format!("/users/{id}/manager/$ref"),
            body: json!({ "@odata.id": reference(graph, manager) }),
        })
    });
    graph.batch(managers.collect(), advance).await?;
    let groups = organization.groups.iter().map(|group| Wanted {
        method: Method::POST,
        path: "/groups".to_owned(),
        body: with_members(group.properties.clone(), &bound(graph, &people, group, 0)),
    });
    let groups = ids(&graph.batch(groups.collect(), advance).await?)?;
    graph.batch(further_members(graph, organization, &people, &groups), |_| {}).await?;
    progress.end();
    Ok(Filled { people, groups })
}

/// The body that makes a user.
pub(crate) fn user(person: &Person) -> Json {
    let mut properties = person.properties.clone();
    let profile = json!({ "password": PASSWORD, "forceChangePasswordNextSignIn": false });
    properties.insert("passwordProfile".to_owned(), profile);
    Json::Object(properties)
}

/// How requests name an object.
pub(crate) fn reference(graph: &Graph, id: &str) -> String {
    graph.url(&format!("/directoryObjects/{id}"))
}

fn ids(made: &[Json]) -> Result<Vec<String>> {
    made.iter().map(id_of).collect()
}

/// References to a group's members from a place on, as many as one request may bind.
fn bound(graph: &Graph, people: &[String], group: &Group, from: usize) -> Vec<String> {
    let members = group.members.iter().skip(from).take(BOUND);
    members.filter_map(|member| people.get(*member)).map(|id| reference(graph, id)).collect()
}

fn with_members(mut properties: Map<String, Json>, members: &[String]) -> Json {
    if !members.is_empty() {
        properties.insert("members@odata.bind".to_owned(), json!(members));
    }
    Json::Object(properties)
}

/// The members that did not fit into the requests that made the groups.
fn further_members(
    graph: &Graph,
    organization: &Organization,
    people: &[String],
    groups: &[String],
) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (group, id) in organization.groups.iter().zip(groups) {
        for from in (BOUND..group.members.len()).step_by(BOUND) {
            wanted.push(Wanted {
                method: Method::PATCH,
                path: format!("/groups/{id}"),
                body: with_members(Map::new(), &bound(graph, people, group, from)),
            });
        }
    }
    wanted
}
