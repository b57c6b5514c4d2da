//! Groups: making and changing them.

use directory::{NewObject, ObjectKind, Relation, RelationKind};
use model::Uuid;
use serde_json::{Map, Value as Json};

use super::call::Call;
use super::failure::{Failure, Result};
use super::intake::{self, Named};
use super::kind::Kind;
use super::mapping;
use super::members::{self, Step, Steps};
use super::membership;
use super::reply::Reply;
use super::resources;
use super::tag::{self, Stamp};
use super::users::ATTEMPTS;
use super::view::{RELATIONS, View, announce, attributes};

/// Members that a new group gets in the transaction that makes it; more follow.
const FIRST_MEMBERS: usize = 10_000;

/// POST: a new group.
pub(super) async fn create(call: &Call) -> Result<Reply> {
    let view = View::new(Kind::Group, call.selection()?);
    let sent = read(call)?;
    let id = call.service().entropy.uuid();
    let steps = Steps::replacing(sent.members);
    membership::check(call, id, &steps.members).await?;
    let ids = match steps.members.first() {
        Some(Step::Replace(ids)) => ids.as_slice(),
        _ => &[],
    };
    let mut properties = mapping::new_properties(Kind::Group);
    mapping::write(Kind::Group, sent.attributes, &mut properties, "");
    let (first, rest) = ids.split_at(ids.len().min(FIRST_MEMBERS));
    let relations = first.iter().map(|to| Relation { kind: RelationKind::Member, from: id, to: *to });
    let new = NewObject { kind: ObjectKind::Group, id: Some(id), properties };
    let made = call.directory().import(vec![new], relations.collect()).await?;
    let made = made.into_iter().next().ok_or_else(Failure::internal)?;
    resources::audit(call, "Add", None, Some(&made)).await?;
    membership::audit(call, id, first, &[]).await?;
    let more = Step::Change { added: rest.to_vec(), removed: Vec::new() };
    membership::apply(call, id, &[more]).await?;
    membership::audit_strangers(call, id, &steps.strangers).await?;
    Ok(Reply::resource(201, &view.show_one(call, &made).await?))
}

/// A group as a body describes it.
struct Sent {
    attributes: Map<String, Json>,
    /// Its members, where the body says anything of them.
    members: Option<Named>,
}

fn read(call: &Call) -> Result<Sent> {
    let Json::Object(body) = &call.body else {
        return Ok(Sent { attributes: intake::resource(Kind::Group, &call.body)?, members: None });
    };
    // Members are not copied with the rest: there may be very many.
    let (named, others): (Vec<_>, Vec<_>) = body.iter().partition(|(name, _)| members::is_members(name));
    let others: Map<String, Json> =
        others.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let attributes = intake::resource(Kind::Group, &Json::Object(others))?;
    let members = named.into_iter().map(|(_, value)| intake::members(value)).next().transpose()?;
    Ok(Sent { attributes, members })
}

/// PUT: all attributes of a group anew. Members stay where the body has no `members`: clients that read groups without
/// their members write them back so.
pub(super) async fn replace(call: &Call, id: &str) -> Result<Reply> {
    let view = View::new(Kind::Group, call.selection()?);
    let sent = read(call)?;
    let steps = Steps::replacing(sent.members);
    let group = change(call, id, steps, |_| Ok(Some(sent.attributes.clone()))).await?;
    let object = resources::find(call, Kind::Group, &group.to_string()).await?;
    Ok(Reply::resource(200, &view.show_one(call, &object).await?))
}

/// PATCH: some attributes of a group. The answer shows the group, unless it has very many members and the request does not
/// say which attributes it wants.
pub(super) async fn patch(call: &Call, id: &str) -> Result<Reply> {
    let view = View::new(Kind::Group, call.selection()?);
    let request = resources::read_patch(call)?;
    let mut steps = Steps::of(request.operations)?;
    let others = std::mem::take(&mut steps.others);
    let edit = |present: Map<String, Json>| {
        let schema = intake::schema_of(Kind::Group, &present);
        let schema = schema.as_ref().unwrap_or(Kind::Group.schema());
        let mut resource = Json::Object(present);
        let mut changed = false;
        for (place, operation) in &others {
            changed |= intake::edit_at(*place, &mut resource, operation, schema)?;
        }
        let Json::Object(resource) = resource else { return Err(Failure::internal()) };
        intake::check_required(Kind::Group, &resource)?;
        Ok(changed.then_some(resource))
    };
    let group = change(call, id, steps, edit).await?;
    let is_selective = ["attributes", "excludedAttributes"].iter().any(|name| call.query.get(name).is_some());
    if !is_selective && has_many(call, group).await? {
        return Ok(Reply::empty(204));
    }
    let object = resources::find(call, Kind::Group, &group.to_string()).await?;
    Ok(Reply::resource(200, &view.show_one(call, &object).await?))
}

/// True for a group that has too many members to show them without being asked.
async fn has_many(call: &Call, group: Uuid) -> Result<bool> {
    let members = call.directory().related(RelationKind::Member, group, None, RELATIONS).await?;
    Ok(members.len() >= RELATIONS)
}

/// Changes a group by a function of its attributes, members aside, and then its members; returns its id.
async fn change(
    call: &Call,
    id: &str,
    steps: Steps,
    edit: impl Fn(Map<String, Json>) -> Result<Option<Map<String, Json>>>,
) -> Result<Uuid> {
    let directory = call.directory();
    let (mut checked, mut turn) = (false, None);
    for attempt in 0..ATTEMPTS {
        let mut object = resources::find(call, Kind::Group, id).await?;
        if attempt > 0 && turn.is_none() {
            turn = directory.turn(object.id).await;
            object = resources::find(call, Kind::Group, id).await?;
        }
        if call.if_match.is_some() {
            let stamp = stamp(call, object.id).await?;
            call.check_if_match(&[
                tag::of_version(object.version),
                tag::with_relations(object.version, stamp),
            ])?;
        }
        let mut present = attributes(call, Kind::Group, &object);
        present.retain(|name, _| name != "id" && name != "meta");
        announce(Kind::Group, &mut present);
        let wanted = edit(present)?;
        if !checked {
            membership::check(call, object.id, &steps.members).await?;
            checked = true;
        }
        if let Some(wanted) = wanted {
            let mut properties = object.properties.clone();
            mapping::write(Kind::Group, wanted, &mut properties, "");
            if resources::write(call, Kind::Group, &object, properties).await?.is_none() {
                continue;
            }
        }
        membership::apply(call, object.id, &steps.members).await?;
        membership::audit_strangers(call, object.id, &steps.strangers).await?;
        return Ok(object.id);
    }
    Err(Failure::busy())
}

/// The stamp of a group's members.
pub(super) async fn stamp(call: &Call, group: Uuid) -> Result<u64> {
    let directory = call.directory();
    let (mut stamp, mut after) = (Stamp::default(), None);
    loop {
        let ids = directory.related(RelationKind::Member, group, after, 10 * RELATIONS).await?;
        stamp.extend(&ids);
        if ids.len() < 10 * RELATIONS {
            return Ok(stamp.finish());
        }
        after = ids.last().copied();
    }
}
