//! `/organization`: the tenant.

use graph::GraphError;
use graph::collection::Page;
use graph::directory::{Kind, Projection, fragment};
use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::error::ApiError;
use super::permissions::READ_ORGANIZATION;
use super::reply::Reply;
use super::route::{Answer, Route};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("organization", READ_ORGANIZATION, list),
        Route::get("organization/{id}", READ_ORGANIZATION, get),
    ]
}

/// The caller's tenant as a resource.
async fn resource(call: &Call) -> Result<Map<String, Json>, ApiError> {
    let projection = Projection::new(Kind::Organization, call.version, &call.options.select)?;
    let id = call.caller.tenant;
    let tenant =
        call.service().store.tenant(id).await?.ok_or_else(|| GraphError::not_found(&id.to_string()))?;
    let domain = json!({
        "name": tenant.domain, "isDefault": true, "isInitial": true, "type": "Managed", "capabilities": "",
    });
    let mut properties = Map::new();
    properties.insert("displayName".to_owned(), Json::from(tenant.display_name));
    properties.insert("createdDateTime".to_owned(), Json::from(tenant.created.to_string()));
    properties.insert("tenantType".to_owned(), Json::from("AAD"));
    properties.insert("verifiedDomains".to_owned(), Json::Array(vec![domain]));
    Ok(projection.apply(&id.to_string(), &properties))
}

/// GET `/organization`: a collection of one.
async fn list(call: Call) -> Answer {
    let value = vec![Json::Object(resource(&call).await?)];
    let count = call.options.count.then_some(1);
    let fragment = fragment("organization", &call.options.select, false);
    Ok(call.page(&fragment, Page { value, count, ..Page::default() }))
}

/// GET `/organization/{id}`. Another tenant does not exist.
async fn get(call: Call) -> Answer {
    let id = call.id("id")?;
    if id != call.caller.tenant.0 {
        return Err(GraphError::not_found(&id.to_string()).into());
    }
    let fragment = fragment("organization", &call.options.select, true);
    let resource = resource(&call).await?;
    Ok(Reply::ok(call.entity(&fragment, resource)))
}
