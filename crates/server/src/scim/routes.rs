//! Which handler answers which address and method.

use http::Method;

use super::call::Call;
use super::failure::{Failure, Result};
use super::kind::Kind;
use super::reply::Reply;
use super::{bulk, discovery, groups, list, resources, users};

/// Answers a request.
pub(super) async fn dispatch(call: &Call) -> Result<Reply> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [] => match call.method {
            Method::GET => list::list(call, &Kind::ALL).await,
            _ => Err(Failure::method_not_allowed("GET")),
        },
        [".search"] => match call.method {
            Method::POST => list::search(call, &Kind::ALL).await,
            _ => Err(Failure::method_not_allowed("POST")),
        },
        ["Bulk"] => match call.method {
            Method::POST => bulk::answer(call).await,
            _ => Err(Failure::method_not_allowed("POST")),
        },
        ["Me", ..] => Err(Failure::new(
            501,
            "Clients of this service are applications, not users, so there is no Me. Address the user by id.",
        )),
        ["ServiceProviderConfig" | "ResourceTypes" | "Schemas", ..] => match call.method {
            Method::GET => discovery::answer(call, &segments),
            _ => Err(Failure::method_not_allowed("GET")),
        },
        [endpoint, rest @ ..] => match Kind::of_endpoint(endpoint) {
            Some(kind) => of_kind(call, kind, rest).await,
            None => Err(unknown(call)),
        },
    }
}

async fn of_kind(call: &Call, kind: Kind, rest: &[&str]) -> Result<Reply> {
    match (rest, &call.method) {
        ([], &Method::GET) => list::list(call, &[kind]).await,
        ([], &Method::POST) => match kind {
            Kind::User => users::create(call).await,
            Kind::Group => groups::create(call).await,
        },
        ([], _) => Err(Failure::method_not_allowed("GET, POST")),
        ([".search"], &Method::POST) => list::search(call, &[kind]).await,
        ([".search"], _) => Err(Failure::method_not_allowed("POST")),
        ([id], &Method::GET) => resources::get(call, kind, id).await,
        ([id], &Method::DELETE) => resources::delete(call, kind, id).await,
        ([id], &Method::PUT) => match kind {
            Kind::User => users::replace(call, id).await,
            Kind::Group => groups::replace(call, id).await,
        },
        ([id], &Method::PATCH) => match kind {
            Kind::User => users::patch(call, id).await,
            Kind::Group => groups::patch(call, id).await,
        },
        ([_], _) => Err(Failure::method_not_allowed("GET, PUT, PATCH, DELETE")),
        _ => Err(unknown(call)),
    }
}

fn unknown(call: &Call) -> Failure {
    Failure::new(
        404,
        format!(
            "There is nothing at /{}. This service has Users, Groups, Bulk, .search, Schemas, ResourceTypes and ServiceProviderConfig.",
            call.segments.join("/")
        ),
    )
}
