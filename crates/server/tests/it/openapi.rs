//! The description of the API is the table of routes, no more and no less.

use std::collections::BTreeSet;

use graph::path::Version;
use serde_json::Value as Json;

use crate::world::World;

/// A path with its keys made alike, since two paths that differ in the names of their keys alone are one.
fn alike(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_lowercase() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn described(world: &World) -> Json {
    let nobody = [("authorization", "")];
    world.send("GET", "/openapi.json", &nobody, &Json::Null).await.expect(200)
}

#[tokio::test]
async fn every_route_is_described_and_every_description_is_a_route() {
    let world = World::new().await;
    let description = described(&world).await;
    assert_eq!(description["openapi"], "3.0.3");
    assert_eq!(description["servers"][0]["url"], "http://graph.test");
    let mut told = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            told.insert((method.to_uppercase(), path.clone()));
        }
    }
    let mut there = BTreeSet::new();
    for operation in world.api.operations() {
        for version in [Version::V1, Version::Beta] {
            if operation.only.is_none_or(|only| only == version) {
                let path = format!("/{}/{}", version.segment(), operation.path);
                there.insert((operation.method.to_string(), path));
            }
        }
    }
    assert!(there.len() > 300, "{}", there.len());
    assert_eq!(told, there);
}

#[tokio::test]
async fn operations_tell_their_keys_permissions_and_answers() {
    let world = World::new().await;
    let description = described(&world).await;
    let paths = description["paths"].as_object().unwrap();
    let mut names = BTreeSet::new();
    for (path, item) in paths {
        let keys = item["parameters"].as_array().unwrap();
        assert_eq!(keys.len(), path.matches('{').count(), "{path}");
        assert!(
            keys.iter().all(|key| path.contains(&format!("{{{}}}", key["name"].as_str().unwrap()))),
            "{path}"
        );
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters")
        {
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path}");
            let batch = path.ends_with("$batch");
            assert!(batch || !operation["x-permissions"].as_array().unwrap().is_empty(), "{method} {path}");
            for status in ["400", "401", "403", "404", "429"] {
                let reference = operation["responses"][status]["$ref"].as_str().unwrap();
                let target = reference.trim_start_matches("#/components/responses/");
                assert!(description["components"]["responses"][target].is_object(), "{reference}");
            }
        }
    }
    let distinct: BTreeSet<String> = paths.keys().map(|path| alike(path)).collect();
    assert_eq!(distinct.len(), paths.len());
}

/// Each operation tells the statuses with which it succeeds, and no others; in debug builds every answer is held against
/// them.
#[tokio::test]
async fn operations_tell_how_they_succeed() {
    let world = World::new().await;
    let description = described(&world).await;
    let job = "/beta/applications/{application}/synchronization/jobs/{job}";
    for (method, path, expected) in [
        ("get", "/beta/users", vec!["200"]),
        ("post", "/beta/users", vec!["201", "204"]),
        ("patch", "/beta/users/{id}", vec!["200", "204"]),
        ("delete", "/beta/users/{id}", vec!["204"]),
        ("post", &format!("{job}/start"), vec!["204"]),
        ("post", &format!("{job}/plan"), vec!["201", "202"]),
        ("post", &format!("{job}/bulkUpload"), vec!["202"]),
        ("post", &format!("{job}/provisionOnDemand"), vec!["200"]),
        ("put", &format!("{job}/schema"), vec!["204"]),
    ] {
        let operation = &description["paths"][path][method];
        let told = operation["responses"].as_object().unwrap().keys();
        let told: Vec<&str> = told.map(String::as_str).filter(|status| status.starts_with('2')).collect();
        assert_eq!(told, expected, "{method} {path}");
    }
    let upload = &description["paths"][format!("{job}/bulkUpload")]["post"];
    assert!(upload["requestBody"]["content"]["application/scim+json"].is_object(), "{upload:#}");
}

/// Types are described by the names that the reference gives them.
#[tokio::test]
async fn casts_are_described_with_their_namespace() {
    let world = World::new().await;
    let group = world.group("team").await;
    let description = described(&world).await;
    let paths = description["paths"].as_object().unwrap();
    let casts: Vec<&String> = paths.keys().filter(|path| path.contains("/microsoft.graph.")).collect();
    assert!(casts.len() >= 50, "{casts:?}");
    for path in casts.into_iter().filter(|path| path.contains("/groups/{id}/")) {
        world.get(&path.replace("{id}", &group)).await.expect(200);
    }
    assert!(!paths.contains_key("/v1.0/groups/{id}/members/user"));
}
