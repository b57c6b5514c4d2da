//! What the published SDKs know of synchronization: every request builder below `synchronization` in the Python packages
//! `msgraph-sdk` 1.65.0 and `msgraph-beta-sdk` 1.66.0, with its methods. Both have them under service principals and
//! under applications.

use serde_json::Value as Json;

use crate::world::World;

/// Below `synchronization`, spelled as in the SDKs.
const BUILDERS: [(&str, &[&str]); 35] = [
    ("", &["DELETE", "GET", "PUT"]),
    ("/acquireAccessToken", &["POST"]),
    ("/jobs", &["GET", "POST"]),
    ("/jobs/$count", &["GET"]),
    ("/jobs/validateCredentials", &["POST"]),
    ("/jobs/{synchronizationJob-id}", &["DELETE", "GET", "PATCH"]),
    ("/jobs/{synchronizationJob-id}/bulkUpload", &["DELETE", "GET", "PATCH"]),
    ("/jobs/{synchronizationJob-id}/bulkUpload/$value", &["DELETE", "GET", "PUT"]),
    ("/jobs/{synchronizationJob-id}/pause", &["POST"]),
    ("/jobs/{synchronizationJob-id}/provisionOnDemand", &["POST"]),
    ("/jobs/{synchronizationJob-id}/restart", &["POST"]),
    ("/jobs/{synchronizationJob-id}/start", &["POST"]),
    ("/jobs/{synchronizationJob-id}/validateCredentials", &["POST"]),
    ("/jobs/{synchronizationJob-id}/schema", &["DELETE", "GET", "PATCH"]),
    ("/jobs/{synchronizationJob-id}/schema/directories", &["GET", "POST"]),
    ("/jobs/{synchronizationJob-id}/schema/directories/$count", &["GET"]),
    (
        "/jobs/{synchronizationJob-id}/schema/directories/{directoryDefinition-id}",
        &["DELETE", "GET", "PATCH"],
    ),
    ("/jobs/{synchronizationJob-id}/schema/directories/{directoryDefinition-id}/discover", &["POST"]),
    ("/jobs/{synchronizationJob-id}/schema/filterOperators()", &["GET"]),
    ("/jobs/{synchronizationJob-id}/schema/functions()", &["GET"]),
    ("/jobs/{synchronizationJob-id}/schema/parseExpression", &["POST"]),
    ("/Ping()", &["GET"]),
    ("/secrets", &["PUT"]),
    ("/secrets/$count", &["GET"]),
    ("/templates", &["GET", "POST"]),
    ("/templates/$count", &["GET"]),
    ("/templates/{synchronizationTemplate-id}", &["DELETE", "GET", "PATCH"]),
    ("/templates/{synchronizationTemplate-id}/schema", &["DELETE", "GET", "PATCH"]),
    ("/templates/{synchronizationTemplate-id}/schema/directories", &["GET", "POST"]),
    ("/templates/{synchronizationTemplate-id}/schema/directories/$count", &["GET"]),
    (
        "/templates/{synchronizationTemplate-id}/schema/directories/{directoryDefinition-id}",
        &["DELETE", "GET", "PATCH"],
    ),
    (
        "/templates/{synchronizationTemplate-id}/schema/directories/{directoryDefinition-id}/discover",
        &["POST"],
    ),
    ("/templates/{synchronizationTemplate-id}/schema/filterOperators()", &["GET"]),
    ("/templates/{synchronizationTemplate-id}/schema/functions()", &["GET"]),
    ("/templates/{synchronizationTemplate-id}/schema/parseExpression", &["POST"]),
];

/// A token without permission is refused where there is a route, and only there.
#[tokio::test]
async fn every_builder_of_the_sdks_has_a_route() {
    let world = World::new().await;
    let (_, token) = world.client(&[]).await;
    let mut missing = Vec::new();
    for (path, methods) in &BUILDERS {
        for (version, root) in [
            ("v1.0", "servicePrincipals/x"),
            ("beta", "servicePrincipals(appId='x')"),
            ("V1.0", "APPLICATIONS/x"),
            ("Beta", "applications('x')"),
        ] {
            for spelled in [(*path).to_owned(), path.to_uppercase(), path.replace("()", "")] {
                let path = spelled.replace(['{', '}'], "");
                for method in *methods {
                    let path = format!("/{version}/{root}/synchronization{path}");
                    let answer = world.as_client(&token, method, &path, &Json::Null).await;
                    if answer.status != 403 {
                        missing.push(format!("{method} {path}: {}", answer.status));
                    }
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
