//! Users: making and changing them.

use directory::{DirectoryError, NewObject, ObjectKind, Relation, RelationKind, TenantDirectory};
use model::Uuid;
use scim::message::PatchRequest;
use serde_json::{Map, Value as Json, json};
use store::StoreError;

use super::call::Call;
use super::failure::{Failure, Result};
use super::intake;
use super::kind::Kind;
use super::mapping;
use super::reply::Reply;
use super::resources;
use super::tag::{self, Stamp};
use super::view::{Managers, View, announce, attributes, put_manager};

/// How often a change is computed anew when somebody else wrote in between.
pub(super) const ATTEMPTS: usize = 50;

/// POST: a new user.
pub(super) async fn create(call: &Call) -> Result<Reply> {
    let view = View::new(Kind::User, call.selection()?);
    let resource = new_user(call)?;
    let directory = call.directory();
    let manager = intake::manager(&resource)?;
    let domain = call.scim.domain(call.caller.tenant).await?;
    let mut properties = mapping::new_properties(Kind::User);
    mapping::write(Kind::User, resource, &mut properties, &domain);
    let made = match manager {
        None => directory.create(ObjectKind::User, properties).await?,
        Some(manager) => {
            let id = call.service().entropy.uuid();
            check_manager(&directory, id, manager).await?;
            let relation = Relation { kind: RelationKind::Manager, from: id, to: manager };
            let new = NewObject { kind: ObjectKind::User, id: Some(id), properties };
            let made = directory.import(vec![new], vec![relation]).await?;
            made.into_iter().next().ok_or_else(Failure::internal)?
        }
    };
    resources::audit(call, "Add", None, Some(&made)).await?;
    if manager.is_some() {
        audit_manager(call, made.id, None, manager).await?;
    }
    Ok(Reply::resource(201, &view.show_one(call, &made).await?))
}

/// PUT: all attributes of a user anew.
pub(super) async fn replace(call: &Call, id: &str) -> Result<Reply> {
    let wanted = new_user(call)?;
    change(call, id, |_| Ok(Some(wanted.clone()))).await
}

/// The attributes that a body says a user has. A user is active unless it says otherwise.
fn new_user(call: &Call) -> Result<Map<String, Json>> {
    let mut resource = intake::resource(Kind::User, &call.body)?;
    resource.entry("active").or_insert(Json::Bool(true));
    Ok(resource)
}

/// PATCH: some attributes of a user.
pub(super) async fn patch(call: &Call, id: &str) -> Result<Reply> {
    let request = resources::read_patch(call)?;
    change(call, id, |present| patched(present, &request)).await
}

/// The attributes after a PATCH request; none where it changes nothing.
fn patched(present: Map<String, Json>, request: &PatchRequest) -> Result<Option<Map<String, Json>>> {
    let schema = intake::schema_of(Kind::User, &present);
    let schema = schema.as_ref().unwrap_or(Kind::User.schema());
    let mut resource = Json::Object(present);
    let mut changed = false;
    for (place, operation) in request.operations.iter().enumerate() {
        changed |= intake::edit_at(place, &mut resource, operation, schema)?;
    }
    let Json::Object(resource) = resource else { return Err(Failure::internal()) };
    intake::check_required(Kind::User, &resource)?;
    Ok(changed.then_some(resource))
}

/// Changes a user by a function of the attributes that it has.
async fn change(
    call: &Call,
    id: &str,
    edit: impl Fn(Map<String, Json>) -> Result<Option<Map<String, Json>>>,
) -> Result<Reply> {
    let view = View::new(Kind::User, call.selection()?);
    let directory = call.directory();
    let domain = call.scim.domain(call.caller.tenant).await?;
    let mut turn = None;
    for attempt in 0..ATTEMPTS {
        let mut object = resources::find(call, Kind::User, id).await?;
        if attempt > 0 && turn.is_none() {
            turn = directory.turn(object.id).await;
            object = resources::find(call, Kind::User, id).await?;
        }
        let managers = Managers::of(call, std::slice::from_ref(&object), true).await?;
        let manager = managers.of_user(call, object.id);
        let manager_id = manager.as_ref().map(|(id, _)| *id);
        let stamp = Stamp::of(&manager_id);
        call.check_if_match(&[tag::of_version(object.version), tag::with_relations(object.version, stamp)])?;

        let mut present = attributes(call, Kind::User, &object);
        present.retain(|name, _| name != "id" && name != "meta");
        if let Some((_, value)) = manager {
            put_manager(&mut present, value);
        }
        announce(Kind::User, &mut present);
        let Some(wanted) = edit(present)? else {
            return Ok(Reply::resource(200, &view.show_one(call, &object).await?));
        };
        let wanted_manager = intake::manager(&wanted)?;
        if let Some(wanted_manager) = wanted_manager.filter(|_| wanted_manager != manager_id) {
            check_manager(&directory, object.id, wanted_manager).await?;
        }
        let mut properties = object.properties.clone();
        mapping::write(Kind::User, wanted, &mut properties, &domain);
        let Some(mut written) = resources::write(call, Kind::User, &object, properties).await? else {
            continue;
        };
        if wanted_manager != manager_id {
            write_manager(call, object.id, manager_id, wanted_manager).await?;
            written = resources::find(call, Kind::User, id).await?;
        }
        return Ok(Reply::resource(200, &view.show_one(call, &written).await?));
    }
    Err(Failure::busy())
}

/// Refuses a manager who cannot be the manager of a user.
async fn check_manager(directory: &TenantDirectory, user: Uuid, manager: Uuid) -> Result<()> {
    if user == manager {
        return Err(Failure::invalid_value(
            "manager.value is the id of the user: name another user, or remove the manager",
        ));
    }
    match directory.get(ObjectKind::User, manager).await? {
        Some(_) => Ok(()),
        None => Err(intake::no_such_manager(&manager.to_string())),
    }
}

/// Sets or removes the manager of a user.
async fn write_manager(call: &Call, user: Uuid, before: Option<Uuid>, after: Option<Uuid>) -> Result<()> {
    let directory = call.directory();
    if let Some(manager) = after {
        directory.set_manager(user, manager).await?;
        return audit_manager(call, user, None, Some(manager)).await;
    }
    match directory.remove_manager(user).await {
        // Somebody else did it.
        Err(DirectoryError::Store(StoreError::NotFound { .. })) => Ok(()),
        other => {
            other?;
            audit_manager(call, user, before, None).await
        }
    }
}

/// Writes the audit record of a manager who was set or removed.
async fn audit_manager(call: &Call, user: Uuid, before: Option<Uuid>, after: Option<Uuid>) -> Result<()> {
    let activity = if after.is_some() { "Add manager to user" } else { "Remove manager from user" };
    let value = |manager: Option<Uuid>| manager.map(|manager| json!({ "manager": manager }));
    call.audit(activity, user, value(before), value(after)).await
}
