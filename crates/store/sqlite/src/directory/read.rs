//! Reading objects by id, relations, assignments and the change feed.

use std::collections::HashSet;

use model::{JobId, Uuid};
use rusqlite::{Row, params};
use store::{
    AppRoleAssignment, ChangeEntry, ChangeSubject, DirectoryObject, ObjectKind, Presence, RelationKind,
};

use super::write::{ASSIGNMENT, MEMBER_ADDED, MEMBER_REMOVED, PURGED};
use super::{find, is_wanted, kind, kind_number, relation_number};
use crate::encode::{count, limit, moment};
use crate::error::{Done, corrupt};
use crate::session::Session;

/// The objects of these ids, each once.
pub(super) fn objects(
    session: &Session<'_>,
    tenant: i64,
    ids: Vec<Uuid>,
    presence: Presence,
) -> Done<Vec<DirectoryObject>> {
    let mut found = Vec::with_capacity(ids.len());
    let mut asked = HashSet::with_capacity(ids.len());
    for id in ids {
        if asked.insert(id)
            && let Some(present) = find(session, tenant, id)?
            && is_wanted(presence, &present.object)
        {
            found.push(present.object);
        }
    }
    Ok(found)
}

/// Ids that an object refers to.
pub(super) fn related(
    session: &Session<'_>,
    tenant: i64,
    kind: RelationKind,
    from: Uuid,
    after: Option<Uuid>,
    most: usize,
) -> Done<Vec<Uuid>> {
    session.all(
        "SELECT referred FROM relation WHERE tenant = ?1 AND referrer = ?2 AND kind = ?3 AND referred > ?4
         AND hidden = 0 ORDER BY referred LIMIT ?5",
        params![tenant, from, relation_number(kind), lower(after), limit(most)],
        |row| Ok(row.get(0)?),
    )
}

/// Ids that refer to an object.
pub(super) fn relating(
    session: &Session<'_>,
    tenant: i64,
    kind: RelationKind,
    to: Uuid,
    after: Option<Uuid>,
    most: usize,
) -> Done<Vec<Uuid>> {
    session.all(
        "SELECT referrer FROM relation WHERE tenant = ?1 AND referred = ?2 AND kind = ?3 AND referrer > ?4
         AND hidden = 0 ORDER BY referrer LIMIT ?5",
        params![tenant, to, relation_number(kind), lower(after), limit(most)],
        |row| Ok(row.get(0)?),
    )
}

/// What the ids of a page are greater than: the empty octets come before every id.
fn lower(after: Option<Uuid>) -> Vec<u8> {
    after.map(|after| after.as_bytes().to_vec()).unwrap_or_default()
}

/// The managers of users.
pub(super) fn managers(session: &Session<'_>, tenant: i64, users: Vec<Uuid>) -> Done<Vec<(Uuid, Uuid)>> {
    let mut found = Vec::with_capacity(users.len());
    for user in users {
        let manager = session.first(
            "SELECT referred FROM relation WHERE tenant = ?1 AND referrer = ?2 AND kind = ?3 AND hidden = 0",
            params![tenant, user, relation_number(RelationKind::Manager)],
            |row| Ok(row.get(0)?),
        )?;
        found.extend(manager.map(|manager| (user, manager)));
    }
    Ok(found)
}

/// Which side of assignments is asked for.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Resource,
    Principal,
}

fn assignment(row: &Row<'_>) -> Done<AppRoleAssignment> {
    Ok(AppRoleAssignment {
        id: row.get(0)?,
        resource: row.get(1)?,
        principal: row.get(2)?,
        app_role: row.get(3)?,
        created: moment(row.get(4)?)?,
    })
}

/// Assignments of an application or of a principal.
pub(super) fn assignments(
    session: &Session<'_>,
    tenant: i64,
    side: Side,
    of: Uuid,
    after: Option<Uuid>,
    most: usize,
) -> Done<Vec<AppRoleAssignment>> {
    let column = match side {
        Side::Resource => "resource",
        Side::Principal => "principal",
    };
    session.all(
        &format!(
            "SELECT id, resource, principal, app_role, created FROM assignment
             WHERE tenant = ?1 AND {column} = ?2 AND id > ?3 ORDER BY id LIMIT ?4"
        ),
        params![tenant, of, lower(after), limit(most)],
        assignment,
    )
}

fn subject(row: &Row<'_>) -> Done<ChangeSubject> {
    let number: i64 = row.get(1)?;
    let object: Uuid = row.get(2)?;
    let other = || -> Done<Uuid> {
        row.get::<_, Option<Uuid>>(3)?.ok_or_else(|| corrupt("a change", "its other side is missing"))
    };
    Ok(match number {
        MEMBER_ADDED => ChangeSubject::MemberAdded { group: object, member: other()? },
        MEMBER_REMOVED => ChangeSubject::MemberRemoved { group: object, member: other()? },
        ASSIGNMENT => ChangeSubject::Assignment { resource: object, principal: other()? },
        purged if purged >= PURGED => ChangeSubject::Purged { kind: kind(purged - PURGED)?, id: object },
        changed => ChangeSubject::Object { kind: kind(changed)?, id: object },
    })
}

/// The manager that an entry about a user names.
fn former_manager(row: &Row<'_>) -> Done<Option<Uuid>> {
    let is_user = row.get::<_, i64>(1)? == kind_number(ObjectKind::User);
    Ok(if is_user { row.get(3)? } else { None })
}

/// Entries of the change feed after a number.
pub(super) fn changes(session: &Session<'_>, tenant: i64, after: u64, most: usize) -> Done<Vec<ChangeEntry>> {
    let Ok(after) = i64::try_from(after) else { return Ok(Vec::new()) };
    session.all(
        "SELECT number, subject, object, other, origin FROM change
         WHERE tenant = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
        params![tenant, after, limit(most)],
        |row| {
            let origin = row.get::<_, Option<i64>>(4)?.map(|origin| session.name(origin)).transpose()?;
            Ok(ChangeEntry {
                number: count(row.get(0)?),
                subject: subject(row)?,
                origin: origin.map(JobId::from_text),
                former_manager: former_manager(row)?,
            })
        },
    )
}

/// The newest number, and the one from which the feed is whole.
pub(super) fn change_range(session: &Session<'_>, tenant: i64) -> Done<(u64, u64)> {
    let floor = session
        .first("SELECT feed_floor FROM tenant WHERE id = ?1", [tenant], |row| Ok(row.get::<_, i64>(0)?))?
        .unwrap_or(0);
    Ok((count(newest_change(session, tenant)?.max(floor)), count(floor)))
}

/// The newest number that the feed still holds.
pub(super) fn newest_change(session: &Session<'_>, tenant: i64) -> Done<i64> {
    let newest = session.first(
        "SELECT number FROM change WHERE tenant = ?1 ORDER BY number DESC LIMIT 1",
        [tenant],
        |row| Ok(row.get(0)?),
    )?;
    Ok(newest.unwrap_or(0))
}
