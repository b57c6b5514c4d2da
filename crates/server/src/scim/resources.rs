//! What users and groups have in common: reading one, changing its properties, removing it.

use directory::{DirectoryError, DirectoryObject};
use scim::message::{PATCH_SCHEMA, PatchRequest};
use scim::patch::MAX_PATCH_OPERATIONS;
use serde_json::{Map, Value as Json};
use store::StoreError;

use super::call::Call;
use super::failure::{Failure, Result};
use super::groups;
use super::intake;
use super::kind::Kind;
use super::reply::Reply;
use super::tag::{self, Stamp};
use super::view::{Managers, View};
use crate::graph::{activity_noun, visible};

/// The live object of a path.
pub(super) async fn find(call: &Call, kind: Kind, id: &str) -> Result<DirectoryObject> {
    let Ok(uuid) = id.parse() else { return Err(Failure::not_found(id)) };
    let found = call.directory().get(kind.object(), uuid).await?;
    found.ok_or_else(|| Failure::not_found(id))
}

/// GET: one resource, or 304 where the client has it.
pub(super) async fn get(call: &Call, kind: Kind, id: &str) -> Result<Reply> {
    let view = View::new(kind, call.selection()?);
    let object = find(call, kind, id).await?;
    let resource = view.show_one(call, &object).await?;
    if call.has(&resource.etag) {
        return Ok(Reply { etag: Some(resource.etag), ..Reply::empty(304) });
    }
    Ok(Reply::resource(200, &resource))
}

/// DELETE: to the directory's bin, which SCIM does not show.
pub(super) async fn delete(call: &Call, kind: Kind, id: &str) -> Result<Reply> {
    let object = find(call, kind, id).await?;
    if call.if_match.is_some() {
        call.check_if_match(&tags(call, kind, &object).await?)?;
    }
    call.directory().delete(kind.object(), object.id).await?;
    audit(call, "Delete", Some(&object), None).await?;
    Ok(Reply::empty(204))
}

/// The tags that name an object as it is.
async fn tags(call: &Call, kind: Kind, object: &DirectoryObject) -> Result<[String; 2]> {
    let stamp = match kind {
        Kind::User => {
            let managers = Managers::of(call, std::slice::from_ref(object), false).await?;
            Stamp::of(&managers.of_user(call, object.id).map(|(id, _)| id))
        }
        Kind::Group => groups::stamp(call, object.id).await?,
    };
    Ok([tag::of_version(object.version), tag::with_relations(object.version, stamp)])
}

/// Writes an object's properties on the version that they were computed from, and returns it as it then is; none where
/// somebody else wrote in between and the client set no condition.
pub(super) async fn write(
    call: &Call,
    kind: Kind,
    object: &DirectoryObject,
    properties: Map<String, Json>,
) -> Result<Option<DirectoryObject>> {
    let change = |present: &mut Map<String, Json>| {
        present.clone_from(&properties);
        Ok(())
    };
    let directory = call.directory();
    match directory.modify(kind.object(), object.id, Some(object.version), change).await {
        Ok(written) => {
            if written.version != object.version {
                audit(call, "Update", Some(object), Some(&written)).await?;
            }
            Ok(Some(written))
        }
        Err(DirectoryError::Store(StoreError::VersionMismatch)) if call.if_match.is_none() => Ok(None),
        Err(DirectoryError::Store(StoreError::VersionMismatch)) => Err(Failure::precondition_failed()),
        Err(other) => Err(other.into()),
    }
}

/// Writes the audit record of an object that was made, changed or removed, as the Graph API does.
pub(super) async fn audit(
    call: &Call,
    verb: &str,
    old: Option<&DirectoryObject>,
    new: Option<&DirectoryObject>,
) -> Result<()> {
    let Some(object) = new.or(old) else { return Ok(()) };
    let activity = format!("{verb} {}", activity_noun(object.kind));
    let values = [old, new].map(|object| object.map(|object| Json::Object(visible(object))));
    let [old, new] = values;
    call.audit(&activity, object.id, old, new).await
}

/// The body of a PATCH request.
pub(super) fn read_patch(call: &Call) -> Result<PatchRequest> {
    let request: PatchRequest = call.read()?;
    intake::check_message(&request.schemas, PATCH_SCHEMA)?;
    if request.operations.is_empty() {
        return Err(Failure::invalid_syntax("Operations is empty: name what is to be changed"));
    }
    if request.operations.len() > MAX_PATCH_OPERATIONS {
        return Err(Failure::new(
            413,
            format!(
                "Operations has {} elements; at most {MAX_PATCH_OPERATIONS} are taken",
                request.operations.len()
            ),
        ));
    }
    Ok(request)
}
