//! Members of groups: making the changes that requests ask for, straight on the relations.

use std::collections::HashSet;

use directory::{DirectoryError, DirectoryObject, RelationKind, TenantDirectory};
use model::Uuid;
use serde_json::{Value as Json, json};
use store::StoreError;

use super::call::Call;
use super::failure::{Failure, Result};
use super::kind::Kind;
use super::members::{MEMBERS, Step};
use super::users::ATTEMPTS;
use super::view::{self, RELATIONS};

/// Relations that one transaction changes at most: one step is one transaction unless it names more.
const CHUNK: usize = 5_000;
/// Values that were left out, and characters of each, in the audit record that tells of them.
const TOLD: usize = 100;
/// The activity of members who came.
const ADD: &str = "Add member to group";

/// Refuses steps that add who is not there or cannot be a member of the group; nothing is changed.
pub(super) async fn check(call: &Call, group: Uuid, steps: &[Step]) -> Result<()> {
    for step in steps {
        let ids = match step {
            Step::Change { added, .. } => added,
            Step::Replace(ids) => ids,
            Step::RemoveWhere(_) => continue,
        };
        check_ids(call, group, ids).await?;
    }
    Ok(())
}

async fn check_ids(call: &Call, group: Uuid, ids: &[Uuid]) -> Result<()> {
    if ids.contains(&group) {
        return Err(Failure::invalid_value(
            "members.value is the id of the group itself: name another group or a user",
        ));
    }
    let directory = call.directory();
    for part in ids.chunks(RELATIONS) {
        let found = directory.by_id(part).await?;
        let members = found.iter().filter(|object| Kind::of_object(object.kind).is_some());
        let present: HashSet<Uuid> = members.map(|object| object.id).collect();
        if let Some(absent) = part.iter().find(|id| !present.contains(id)) {
            return Err(Failure::invalid_value(format!(
                "members.value is '{absent}', but no user or group has this id: name the id of one"
            )));
        }
    }
    Ok(())
}

/// Writes the audit record of values that were to become members but are no ids.
pub(super) async fn audit_strangers(call: &Call, group: Uuid, strangers: &[String]) -> Result<()> {
    if strangers.is_empty() {
        return Ok(());
    }
    let told: Vec<Json> =
        strangers.iter().take(TOLD).map(|one| one.chars().take(TOLD).collect::<String>().into()).collect();
    let new = json!({ "members": told, "reason": "not an id of a user or group" });
    let target = group.to_string();
    Ok(call.service().audit(&call.caller, ADD, target, (None, Some(new)), false).await?)
}

/// Makes the changes.
pub(super) async fn apply(call: &Call, group: Uuid, steps: &[Step]) -> Result<()> {
    for step in steps {
        match step {
            Step::Change { added, removed } if added.len() + removed.len() <= CHUNK => {
                change(call, group, added, removed).await?;
            }
            Step::Change { added, removed } => {
                for part in removed.chunks(CHUNK) {
                    change(call, group, &[], part).await?;
                }
                for part in added.chunks(CHUNK) {
                    change(call, group, part, &[]).await?;
                }
            }
            Step::RemoveWhere(filter) => {
                let members = Kind::Group.schema().base().attribute(&MEMBERS.into());
                let gone = |kind, member: &DirectoryObject| {
                    filter.matches_value(&view::member(call, kind, member), members)
                };
                remove_where(call, group, gone).await?;
            }
            Step::Replace(ids) => {
                let wanted: HashSet<Uuid> = ids.iter().copied().collect();
                remove_where(call, group, |_, member| !wanted.contains(&member.id)).await?;
                for part in ids.chunks(CHUNK) {
                    change(call, group, part, &[]).await?;
                }
            }
        }
    }
    Ok(())
}

/// Removes the members that satisfy a condition, reading them page by page.
async fn remove_where(call: &Call, group: Uuid, gone: impl Fn(Kind, &DirectoryObject) -> bool) -> Result<()> {
    let directory = call.directory();
    let mut after = None;
    loop {
        let ids = directory.related(RelationKind::Member, group, after, RELATIONS).await?;
        let removed: Vec<Uuid> = directory
            .by_id(&ids)
            .await?
            .iter()
            .filter(|member| Kind::of_object(member.kind).is_some_and(|kind| gone(kind, member)))
            .map(|member| member.id)
            .collect();
        change(call, group, &[], &removed).await?;
        if ids.len() < RELATIONS {
            return Ok(());
        }
        after = ids.last().copied();
    }
}

/// Adds and removes members in one transaction; who is a member already or is none stays so. Tried as it is first,
/// because most requests name exactly what changes.
async fn change(call: &Call, group: Uuid, added: &[Uuid], removed: &[Uuid]) -> Result<()> {
    let directory = call.directory();
    let (mut added, mut removed) = (added.to_vec(), removed.to_vec());
    for _ in 0..ATTEMPTS {
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        match directory.change_members(group, &added, &removed).await {
            Err(DirectoryError::Store(StoreError::RelationExists { .. } | StoreError::NotFound { .. })) => {
                added = present(&directory, group, added, false).await?;
                removed = present(&directory, group, removed, true).await?;
            }
            other => {
                other?;
                return audit(call, group, &added, &removed).await;
            }
        }
    }
    Err(Failure::busy())
}

/// Writes the audit records of members who came and went.
pub(super) async fn audit(call: &Call, group: Uuid, added: &[Uuid], removed: &[Uuid]) -> Result<()> {
    let value = |ids: &[Uuid]| match ids {
        [one] => Some(json!({ "member": one })),
        several => Some(json!({ "members": several })),
    };
    for part in removed.chunks(RELATIONS) {
        call.audit("Remove member from group", group, value(part), None).await?;
    }
    for part in added.chunks(RELATIONS) {
        call.audit(ADD, group, None, value(part)).await?;
    }
    Ok(())
}

/// Of these ids, those that are members of a group, or those that are not.
async fn present(
    directory: &TenantDirectory,
    group: Uuid,
    ids: Vec<Uuid>,
    wanted: bool,
) -> Result<Vec<Uuid>> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        if is_member(directory, group, id).await? == wanted {
            found.push(id);
        }
    }
    Ok(found)
}

/// True where an object is a member of a group.
pub(super) async fn is_member(directory: &TenantDirectory, group: Uuid, member: Uuid) -> Result<bool> {
    let before = member.as_u128().checked_sub(1).map(Uuid::from_u128);
    let next = directory.related(RelationKind::Member, group, before, 1).await?;
    Ok(next.first() == Some(&member))
}
