//! `$expand`: related objects that come along with each object of an answer.

use directory::{DirectoryObject, ObjectKind, RelationKind, TenantDirectory};
use graph::GraphError;
use graph::odata::Expand;
use serde_json::{Map, Value as Json};

use super::call::Call;
use super::error::ApiError;
use super::objects::{check_mixed_select, typed_resource};

/// How many related objects come along with each object, as in Graph.
const MOST: usize = 20;
/// How many relations a request may expand.
const MOST_RELATIONS: usize = 1;

/// Adds to each resource the related objects that the client asked for.
pub(crate) async fn expand(
    call: &Call,
    objects: &[DirectoryObject],
    resources: &mut [Map<String, Json>],
) -> Result<(), ApiError> {
    if call.options.expand.len() > MOST_RELATIONS {
        return Err(GraphError::bad_request(
            "'$expand' takes one relation. Ask for the others in further requests.",
        )
        .into());
    }
    let directory = call.directory();
    for wanted in &call.options.expand {
        refuse_options(wanted)?;
        check_mixed_select(&wanted.options.select)?;
        for (object, resource) in objects.iter().zip(resources.iter_mut()) {
            let (name, related) = related(&directory, object, wanted).await?;
            let mut values = Vec::with_capacity(related.len());
            for one in &related {
                values.push(Json::Object(typed_resource(one, call.version, &wanted.options.select)?));
            }
            let value = if name == "manager" { values.pop() } else { Some(Json::Array(values)) };
            resource.extend(value.map(|value| (name.to_owned(), value)));
        }
    }
    Ok(())
}

/// Refuses what is not done with related objects that come along.
fn refuse_options(wanted: &Expand) -> Result<(), GraphError> {
    let options = &wanted.options;
    let unsupported = [
        ("$levels", wanted.levels > 1),
        ("$filter", options.filter.is_some()),
        ("$orderby", !options.order_by.is_empty()),
        ("$search", options.search.is_some()),
        ("$skip", options.skip.is_some()),
        ("$expand", !options.expand.is_empty()),
    ];
    match unsupported.into_iter().find(|(_, sent)| *sent) {
        None => Ok(()),
        Some((name, _)) => Err(GraphError::bad_request(format!(
            "'{name}' within '$expand' is not supported. Ask for '{}' at its own path.",
            wanted.name
        ))),
    }
}

async fn related(
    directory: &TenantDirectory,
    object: &DirectoryObject,
    wanted: &Expand,
) -> Result<(&'static str, Vec<DirectoryObject>), ApiError> {
    let limit = wanted.options.top.and_then(|top| usize::try_from(top).ok()).unwrap_or(MOST).min(MOST);
    let name = wanted.name.to_ascii_lowercase();
    let (name, ids) = match (object.kind, name.as_str()) {
        (ObjectKind::User, "manager") => {
            ("manager", directory.related(RelationKind::Manager, object.id, None, 1).await?)
        }
        (ObjectKind::User, "directreports") => {
            ("directReports", directory.relating(RelationKind::Manager, object.id, None, limit).await?)
        }
        (ObjectKind::Group, "members") => {
            ("members", directory.related(RelationKind::Member, object.id, None, limit).await?)
        }
        (ObjectKind::User | ObjectKind::Group | ObjectKind::ServicePrincipal, "memberof") => {
            ("memberOf", directory.relating(RelationKind::Member, object.id, None, limit).await?)
        }
        (ObjectKind::Group | ObjectKind::Application | ObjectKind::ServicePrincipal, "owners") => {
            ("owners", directory.related(RelationKind::Owner, object.id, None, limit).await?)
        }
        _ => {
            return Err(GraphError::bad_request(format!(
                "'$expand' of '{}' is not supported here. Ask for it at its own path.",
                wanted.name
            ))
            .into());
        }
    };
    Ok((name, directory.by_id(&ids).await?))
}
