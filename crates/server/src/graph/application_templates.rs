//! `/applicationTemplates` and `instantiate`.

use directory::{DirectoryObject, RelationKind};
use graph::GraphError;
use graph::collection::Page;
use graph::directory::{ApplicationTemplate, Projection};
use graph::odata::matches;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::objects::{resource, visible, wire_kind};
use super::paging::Position;
use super::permissions::{READ_APPLICATION, WRITE_APPLICATION};
use super::reply::Reply;
use super::route::{Answer, Route};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("applicationTemplates", READ_APPLICATION, list),
        Route::get("applicationTemplates/$count", READ_APPLICATION, count),
        Route::get("applicationTemplates/{id}", READ_APPLICATION, get),
        Route::post("applicationTemplates/{id}/instantiate", WRITE_APPLICATION, instantiate)
            .answering(&[201]),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Instantiate {
    display_name: String,
    #[serde(default, rename = "serviceManagementReference")]
    _service_management_reference: Option<String>,
}

fn body(template: &ApplicationTemplate) -> Map<String, Json> {
    match json!(template) {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

/// The templates that satisfy the filter and search of a request.
fn wanted(call: &Call) -> Vec<Map<String, Json>> {
    let options = &call.options;
    call.service()
        .application_templates
        .iter()
        .map(body)
        .filter(|template| options.filter.as_ref().is_none_or(|filter| matches(filter, template)))
        .filter(|template| options.search.as_ref().is_none_or(|search| search.matches(template)))
        .collect()
}

fn selected(call: &Call, mut template: Map<String, Json>) -> Map<String, Json> {
    let select = &call.options.select;
    if !select.is_empty() && !select.iter().any(|name| name == "*") {
        template.retain(|name, _| select.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)));
    }
    template
}

/// GET `/applicationTemplates`.
async fn list(call: Call) -> Answer {
    let offset = if let Position::Offset(offset) = call.position()? { offset } else { 0 };
    let offset = offset + call.options.skip.and_then(|skip| usize::try_from(skip).ok()).unwrap_or(0);
    let limit = call.page_size();
    let all = wanted(&call);
    let total = all.len();
    let value =
        all.into_iter().skip(offset).take(limit).map(|one| Json::Object(selected(&call, one))).collect();
    let next_link = (total > offset + limit).then(|| call.next_link(Position::Offset(offset + limit)));
    let count = call.options.count.then_some(total as u64);
    Ok(call.page("applicationTemplates", Page { value, count, next_link, delta_link: None }))
}

/// GET `/applicationTemplates/$count`.
async fn count(call: Call) -> Answer {
    Ok(Reply::count(wanted(&call).len() as u64))
}

fn find(call: &Call) -> Result<&ApplicationTemplate, GraphError> {
    let key = call.key("id")?.value();
    let found =
        call.service().application_templates.iter().find(|template| template.id.eq_ignore_ascii_case(key));
    found.ok_or_else(|| GraphError::not_found(key))
}

/// GET `/applicationTemplates/{id}`.
async fn get(call: Call) -> Answer {
    let template = selected(&call, body(find(&call)?));
    Ok(Reply::ok(call.entity("applicationTemplates/$entity", template)))
}

/// POST `instantiate`: an application and its service principal, each with its id under `id` and `objectId`.
async fn instantiate(call: Call) -> Answer {
    let template = find(&call)?.id.clone();
    let Instantiate { display_name, .. } = call.read()?;
    if display_name.trim().is_empty() {
        return Err(GraphError::missing_property("displayName").into());
    }
    let directory = call.directory();
    let made = directory.instantiate(&template, &display_name).await?;
    if call.owned_only {
        let owner: Vec<_> = call.caller.principal.into_iter().collect();
        directory.relate(RelationKind::Owner, made.application.id, &owner).await?;
        directory.relate(RelationKind::Owner, made.service_principal.id, &owner).await?;
    }
    for (activity, object) in
        [("Add application", &made.application), ("Add service principal", &made.service_principal)]
    {
        call.audit(activity, object.id.to_string(), None, Some(visible(object).into())).await?;
    }
    let mut answer = Map::new();
    answer.insert("application".to_owned(), part(&call, &made.application)?);
    answer.insert("servicePrincipal".to_owned(), part(&call, &made.service_principal)?);
    let context = "microsoft.graph.applicationServicePrincipal";
    Ok(Reply::created(call.entity(context, answer)))
}

fn part(call: &Call, object: &DirectoryObject) -> Result<Json, GraphError> {
    let projection = Projection::new(wire_kind(object.kind), call.version, &[])?;
    let mut members = resource(&projection, object);
    members.insert("objectId".to_owned(), Json::from(object.id.to_string()));
    Ok(Json::Object(members))
}
