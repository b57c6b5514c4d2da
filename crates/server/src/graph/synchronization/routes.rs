//! The routes of synchronization, under service principals and under applications alike.

use super::bulk_upload;
use super::{
    access_token, actions, credentials, directories, discovery, explain, jobs, language, on_demand, plans,
    schema, secrets, service, templates,
};
use super::{by_hand, remembered, versions};
use crate::graph::route::Route;
use graph::synchronization::bulk_upload::MEDIA_TYPE;

/// Read jobs, schemas and templates.
const READ: &[&str] =
    &["Synchronization.Read.All", "Application.ReadWrite.OwnedBy", "Synchronization.ReadWrite.All"];
/// Write and order about jobs, schemas and secrets.
const WRITE: &[&str] = &["Application.ReadWrite.OwnedBy", "Synchronization.ReadWrite.All"];

/// Read links, failures, exclusions and drift.
const READ_OBJECTS: &[&str] = &[
    "SynchronizationMetadata.Read.OwnedBy",
    "SynchronizationMetadata.Read.All",
    "SynchronizationMetadata.ReadWrite.OwnedBy",
    "SynchronizationMetadata.ReadWrite.All",
    "Synchronization.ReadWrite.All",
];
/// Change links and exclusions by hand.
const WRITE_OBJECTS: &[&str] = &[
    "SynchronizationMetadata.ReadWrite.OwnedBy",
    "SynchronizationMetadata.ReadWrite.All",
    "Synchronization.ReadWrite.All",
];

/// Upload people to a job.
const UPLOAD: &[&str] = &["SynchronizationData-User.Upload.OwnedBy", "SynchronizationData-User.Upload"];

/// A route under both roots.
macro_rules! both {
    ($method:ident $path:expr, $needs:ident, $handler:path) => {
        [
            Route::$method(concat!("servicePrincipals/{principal}/synchronization", $path), $needs, $handler),
            Route::$method(concat!("applications/{application}/synchronization", $path), $needs, $handler),
        ]
    };
}

/// The routes of a schema, which a job has as well as a template.
macro_rules! schema_routes {
    ($path:literal) => {
        [
            both!(get concat!($path, ""), READ, schema::get),
            both!(put concat!($path, ""), WRITE, schema::replace),
            both!(patch concat!($path, ""), WRITE, schema::update),
            both!(delete concat!($path, ""), WRITE, schema::reset),
            both!(get concat!($path, "/functions"), READ, language::functions),
            both!(get concat!($path, "/filterOperators"), READ, language::filter_operators),
            both!(post concat!($path, "/parseExpression"), READ, language::parse_expression)
                .map(|one| one.answering(&[200])),
            both!(get concat!($path, "/directories"), READ, directories::list),
            both!(post concat!($path, "/directories"), WRITE, directories::create),
            both!(get concat!($path, "/directories/$count"), READ, directories::count),
            both!(get concat!($path, "/directories/{directory}"), READ, directories::get),
            both!(patch concat!($path, "/directories/{directory}"), WRITE, directories::update),
            both!(delete concat!($path, "/directories/{directory}"), WRITE, directories::delete),
            both!(post concat!($path, "/directories/{directory}/discover"), WRITE, directories::discover)
                .map(|one| one.answering(&[200])),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
    };
}

/// All routes of synchronization.
pub(in crate::graph) fn routes() -> Vec<Route> {
    [service_routes(), job_routes(), upload_routes(), object_routes(), job_schema_routes(), template_routes()]
        .into_iter()
        .flatten()
        .collect()
}

fn service_routes() -> Vec<Route> {
    [
        both!(get "", READ, service::get),
        both!(put "", WRITE, service::replace).map(|one| one.answering(&[200])),
        both!(delete "", WRITE, service::delete),
        both!(get "/ping", READ, service::ping),
        both!(get "/secrets", READ, secrets::list),
        both!(get "/secrets/$count", READ, secrets::count),
        both!(put "/secrets", WRITE, secrets::replace),
        both!(post "/acquireAccessToken", WRITE, access_token::acquire).map(|one| one.answering(&[204])),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn job_routes() -> Vec<Route> {
    [
        both!(get "/jobs", READ, jobs::list),
        both!(post "/jobs", WRITE, jobs::create),
        both!(get "/jobs/$count", READ, jobs::count),
        both!(post "/jobs/validateCredentials", WRITE, credentials::validate_for_template)
            .map(|one| one.answering(&[204])),
        both!(get "/jobs/{job}", READ, jobs::get),
        both!(patch "/jobs/{job}", WRITE, jobs::update),
        both!(delete "/jobs/{job}", WRITE, jobs::delete),
        both!(post "/jobs/{job}/start", WRITE, actions::start).map(|one| one.answering(&[204])),
        both!(post "/jobs/{job}/pause", WRITE, actions::pause).map(|one| one.answering(&[204])),
        both!(post "/jobs/{job}/restart", WRITE, actions::restart).map(|one| one.answering(&[204])),
        both!(post "/jobs/{job}/run", WRITE, actions::run)
            .map(|one| one.answering(&[204]))
            .map(Route::in_beta),
        both!(post "/jobs/{job}/validateCredentials", WRITE, credentials::validate_for_job)
            .map(|one| one.answering(&[204])),
        both!(post "/jobs/{job}/provisionOnDemand", WRITE, on_demand::provision)
            .map(|one| one.answering(&[200])),
        both!(get "/jobs/{job}/explain", READ, explain::explain).map(Route::in_beta),
        both!(post "/jobs/{job}/discoverAccounts", WRITE, discovery::begin)
            .map(|one| one.answering(&[202]))
            .map(Route::in_beta),
        both!(post "/jobs/{job}/plan", WRITE, plans::create)
            .map(|one| one.answering(&[201, 202]))
            .map(Route::in_beta),
        both!(get "/jobs/{job}/plans", READ, plans::list).map(Route::in_beta),
        both!(get "/jobs/{job}/plans/{plan}", READ, plans::get).map(Route::in_beta),
        both!(get "/jobs/{job}/plans/{plan}/changes", READ, plans::changes).map(Route::in_beta),
        both!(post "/jobs/{job}/plans/{plan}/apply", WRITE, plans::apply)
            .map(|one| one.answering(&[202]))
            .map(Route::in_beta),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What clients upload to a job. Who may upload does not see what others did.
fn upload_routes() -> Vec<Route> {
    [
        both!(post "/jobs/{job}/bulkUpload", UPLOAD, bulk_upload::upload)
            .map(|one| one.answering(&[202]))
            .map(|one| one.taking(MEDIA_TYPE)),
        both!(get "/jobs/{job}/bulkUpload", READ, bulk_upload::get),
        both!(patch "/jobs/{job}/bulkUpload", WRITE, bulk_upload::update).map(|one| one.answering(&[200])),
        both!(delete "/jobs/{job}/bulkUpload", WRITE, bulk_upload::clear),
        both!(put "/jobs/{job}/bulkUpload/$value", UPLOAD, bulk_upload::put)
            .map(|one| one.answering(&[202]))
            .map(|one| one.taking(MEDIA_TYPE)),
        both!(get "/jobs/{job}/bulkUpload/$value", WRITE, bulk_upload::value),
        both!(delete "/jobs/{job}/bulkUpload/$value", WRITE, bulk_upload::clear),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a job remembers of its objects, and what people do about them by hand.
fn object_routes() -> Vec<Route> {
    [
        both!(get "/jobs/{job}/links", READ_OBJECTS, remembered::links),
        both!(post "/jobs/{job}/links", WRITE_OBJECTS, by_hand::set_link),
        both!(delete "/jobs/{job}/links/{link}", WRITE_OBJECTS, by_hand::break_link),
        both!(get "/jobs/{job}/objectConnections", READ_OBJECTS, by_hand::connections),
        both!(get "/jobs/{job}/objectConnections/{connection}", READ_OBJECTS, by_hand::connection),
        both!(delete "/jobs/{job}/objectConnections/{connection}", WRITE_OBJECTS, by_hand::disconnect),
        both!(get "/jobs/{job}/escrows", READ_OBJECTS, remembered::escrows),
        both!(post "/jobs/{job}/escrows/retry", WRITE, by_hand::retry).map(|one| one.answering(&[204])),
        both!(get "/jobs/{job}/exclusions", READ_OBJECTS, remembered::exclusions),
        both!(post "/jobs/{job}/exclusions", WRITE_OBJECTS, by_hand::exclude),
        both!(delete "/jobs/{job}/exclusions/{exclusion}", WRITE_OBJECTS, by_hand::readmit),
        both!(get "/jobs/{job}/drift", READ_OBJECTS, remembered::drift),
        both!(post "/jobs/{job}/allow", WRITE, by_hand::allow).map(|one| one.answering(&[204])),
    ]
    .into_iter()
    .flatten()
    .map(Route::in_beta)
    .collect()
}

fn job_schema_routes() -> Vec<Route> {
    schema_routes!("/jobs/{job}/schema")
        .into_iter()
        .chain(both!(get "/jobs/{job}/schema/versions", READ, versions::list).map(Route::in_beta))
        .chain(
            both!(post "/jobs/{job}/schema/versions/{version}/restore", WRITE, versions::restore)
                .map(|one| one.answering(&[204]))
                .map(Route::in_beta),
        )
        .collect()
}

fn template_routes() -> Vec<Route> {
    [
        both!(get "/templates", READ, templates::list),
        both!(post "/templates", WRITE, templates::create),
        both!(get "/templates/$count", READ, templates::count),
        both!(get "/templates/{template}", READ, templates::get),
        both!(put "/templates/{template}", WRITE, templates::replace),
        both!(patch "/templates/{template}", WRITE, templates::update),
        both!(delete "/templates/{template}", WRITE, templates::delete),
    ]
    .into_iter()
    .flatten()
    .chain(schema_routes!("/templates/{template}/schema"))
    .collect()
}
