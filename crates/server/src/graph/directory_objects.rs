//! `/directoryObjects`: an object of any kind by its id.

use directory::{ObjectKind, Presence};
use graph::GraphError;
use graph::collection::Page;
use graph::directory::fragment;
use model::Uuid;
use serde::Deserialize;
use serde_json::Value as Json;

use super::call::Call;
use super::objects::{check_mixed_select, typed_resource};
use super::permissions::READ_DIRECTORY;
use super::relations::kind_of_type;
use super::reply::Reply;
use super::route::{Answer, Route};

/// How many ids a request may name, as documented.
const MOST_IDS: usize = 1000;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("directoryObjects/{id}", READ_DIRECTORY, get),
        Route::post("directoryObjects/getByIds", READ_DIRECTORY, get_by_ids).answering(&[200]),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GetByIds {
    ids: Vec<String>,
    #[serde(default)]
    types: Option<Vec<String>>,
}

/// GET `/directoryObjects/{id}`.
async fn get(call: Call) -> Answer {
    let select = &call.options.select;
    check_mixed_select(select)?;
    let id = call.id("id")?;
    let found = call.directory().by_id(&[id]).await?.into_iter().next();
    let object = found.ok_or_else(|| GraphError::not_found(&id.to_string()))?;
    let resource = typed_resource(&object, call.version, select)?;
    Ok(Reply::ok(call.entity(&fragment("directoryObjects", select, true), resource)))
}

/// POST `getByIds`: those of the ids that exist, of the types that are named.
async fn get_by_ids(call: Call) -> Answer {
    let select = &call.options.select;
    check_mixed_select(select)?;
    let GetByIds { ids, types } = call.read()?;
    if ids.len() > MOST_IDS {
        return Err(GraphError::invalid_property("ids", &format!("Send at most {MOST_IDS} ids.")).into());
    }
    let types = types.filter(|types| !types.iter().any(|name| name.eq_ignore_ascii_case("directoryObject")));
    let kinds: Option<Vec<ObjectKind>> =
        types.map(|types| types.iter().filter_map(|name| kind_of_type(name)).collect());
    let ids: Vec<Uuid> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let objects = call.directory().objects(&ids, Presence::Live).await?;
    let value = objects
        .iter()
        .filter(|object| kinds.as_ref().is_none_or(|kinds| kinds.contains(&object.kind)))
        .map(|object| typed_resource(object, call.version, select).map(Json::Object))
        .collect::<Result<_, _>>()?;
    Ok(call.page(&fragment("directoryObjects", select, false), Page { value, ..Page::default() }))
}
