//! Writing the embedded directory, with its change feed.

use std::collections::BTreeSet;

use model::{JobId, Name, TenantId, Timestamp, Uuid};
use rusqlite::params;
use serde_json::{Map, Value as Json};
use store::{
    AppRoleAssignment, ChangeSubject, DirectoryObject, DirectoryWrite, ObjectKind, RelationKind, StoreError,
};

use super::query;
use super::{Numbered, find, kind, kind_number, read, relation_number};
use crate::encode::{from_text, micros, to_text};
use crate::error::{Done, not_found};
use crate::session::Session;
use crate::tenants::{self, duplicate};

/// Subjects of the feed in rows: the kind's number for a change of an object, or one of these.
pub(super) const PURGED: i64 = 100;
pub(super) const MEMBER_ADDED: i64 = 10;
pub(super) const MEMBER_REMOVED: i64 = 11;
pub(super) const ASSIGNMENT: i64 = 12;

/// Bits of a relation's column `hidden`.
const REFERRER_IN_BIN: i64 = 1;
const REFERRED_IN_BIN: i64 = 2;

/// Makes all writes.
pub(super) fn apply(
    session: &Session<'_>,
    tenant: TenantId,
    origin: Option<&JobId>,
    now: Timestamp,
    writes: Vec<DirectoryWrite>,
) -> Done<()> {
    let tenant = tenants::require(session, tenant)?;
    let (_, floor) = read::change_range(session, tenant)?;
    let number = read::newest_change(session, tenant)?.max(i64::try_from(floor).unwrap_or(i64::MAX));
    let origin = origin.map(|origin| session.intern(origin.as_str())).transpose()?;
    let mut writing = Writing { session, tenant, origin, number, now: micros(now), touched: BTreeSet::new() };
    writes.into_iter().try_for_each(|write| writing.write(write))?;
    writing.touch()
}

struct Writing<'a, 'c> {
    session: &'a Session<'c>,
    tenant: i64,
    origin: Option<i64>,
    /// The newest number of the change feed.
    number: i64,
    now: i64,
    /// Objects whose references changed.
    touched: BTreeSet<Uuid>,
}

/// A relation of an object that goes to the bin or comes back: the other side, and the bits before.
struct Relation {
    kind: i64,
    other: Uuid,
    hidden: i64,
}

impl Writing<'_, '_> {
    fn write(&mut self, write: DirectoryWrite) -> Done<()> {
        match write {
            DirectoryWrite::Create(object) => self.create(&object),
            DirectoryWrite::Replace { id, expected, properties } => self.replace(id, expected, &properties),
            DirectoryWrite::SoftDelete { id } => self.soft_delete(id),
            DirectoryWrite::Restore { id } => self.restore(id),
            DirectoryWrite::Purge { id } => self.purge(id),
            DirectoryWrite::Relate { kind, from, to } => self.relate(kind, from, to),
            DirectoryWrite::Unrelate { kind, from, to } => self.unrelate(kind, from, to),
            DirectoryWrite::Assign(assignment) => self.assign(&assignment),
            DirectoryWrite::Unassign { id } => self.unassign(id),
        }
    }

    fn find(&self, id: Uuid) -> Done<Numbered> {
        find(self.session, self.tenant, id)?.ok_or_else(|| not_found("object", &id))
    }

    /// The kind of an object that is not in the bin.
    fn live(&self, id: Uuid) -> Done<ObjectKind> {
        let found = self.session.first(
            "SELECT kind FROM directory_object
             WHERE tenant = ?1 AND kind IN (0, 1, 2, 3) AND id = ?2 AND deleted IS NULL",
            params![self.tenant, id],
            |row| kind(row.get(0)?),
        )?;
        found.ok_or_else(|| not_found("object", &id))
    }

    /// Appends to the change feed.
    fn note(&mut self, subject: &ChangeSubject) -> Done<()> {
        let (number, object, other) = match subject {
            ChangeSubject::Object { kind, id } => (kind_number(*kind), id, None),
            ChangeSubject::Purged { kind, id } => (PURGED + kind_number(*kind), id, None),
            ChangeSubject::MemberAdded { group, member } => (MEMBER_ADDED, group, Some(member)),
            ChangeSubject::MemberRemoved { group, member } => (MEMBER_REMOVED, group, Some(member)),
            ChangeSubject::Assignment { resource, principal } => (ASSIGNMENT, resource, Some(principal)),
        };
        if matches!(subject, ChangeSubject::MemberAdded { .. } | ChangeSubject::MemberRemoved { .. }) {
            self.touched.insert(*object);
        }
        self.append(number, *object, other.copied())
    }

    /// A user has this manager no more.
    fn note_former_manager(&mut self, user: Uuid, manager: Uuid) -> Done<()> {
        self.touched.insert(user);
        self.append(kind_number(ObjectKind::User), user, Some(manager))
    }

    /// Notes of the objects whose references changed that they did.
    fn touch(&self) -> Done<()> {
        self.touched.iter().try_for_each(|id| {
            self.session.run(
                "UPDATE directory_object SET modified = ?3
                 WHERE tenant = ?1 AND kind IN (0, 1, 2, 3) AND id = ?2",
                params![self.tenant, id, self.now],
            )?;
            Ok(())
        })
    }

    fn append(&mut self, number: i64, object: Uuid, other: Option<Uuid>) -> Done<()> {
        self.number += 1;
        self.session.run(
            "INSERT INTO change (tenant, number, subject, object, other, origin) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![self.tenant, self.number, number, object, other, self.origin],
        )?;
        Ok(())
    }

    // Objects --------------------------------------------------------------------------------------------------------

    fn create(&mut self, object: &DirectoryObject) -> Done<()> {
        if find(self.session, self.tenant, object.id)?.is_some() {
            return Err(duplicate("id", &object.id));
        }
        if object.deleted.is_none() {
            self.refuse_taken(object.kind, &object.properties, None)?;
        }
        self.session.run(
            "INSERT INTO directory_object (tenant, kind, id, version, created, modified, deleted, properties)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                self.tenant,
                kind_number(object.kind),
                object.id,
                i64::try_from(object.version).unwrap_or(i64::MAX),
                micros(object.created),
                micros(object.modified),
                object.deleted.map(micros),
                to_text(&object.properties)?,
            ],
        )?;
        let number = self.session.inserted();
        for (property, value) in query::index_rows(&object.properties) {
            self.index(object.kind, property, &value, number)?;
        }
        self.note(&ChangeSubject::Object { kind: object.kind, id: object.id })
    }

    fn replace(&mut self, id: Uuid, expected: Option<u64>, properties: &Map<String, Json>) -> Done<()> {
        let Numbered { number, object } = self.find(id)?;
        if expected.is_some_and(|expected| expected != object.version) {
            return Err(StoreError::VersionMismatch.into());
        }
        if object.deleted.is_none() {
            self.refuse_taken(object.kind, properties, Some(number))?;
        }
        self.session.run(
            "UPDATE directory_object SET version = version + 1, modified = ?3, properties = ?2 WHERE number = ?1",
            params![number, to_text(properties)?, self.now],
        )?;
        let before = query::index_rows(&object.properties);
        let after = query::index_rows(properties);
        for (property, value) in before.difference(&after) {
            self.unindex(object.kind, *property, value, number)?;
        }
        for (property, value) in after.difference(&before) {
            self.index(object.kind, *property, value, number)?;
        }
        self.note(&ChangeSubject::Object { kind: object.kind, id })
    }

    fn soft_delete(&mut self, id: Uuid) -> Done<()> {
        let Numbered { number, object } = self.find(id)?;
        if object.deleted.is_some() {
            return Err(not_found("object", &id));
        }
        self.session.run(
            "UPDATE directory_object SET version = version + 1, modified = ?2, deleted = ?2 WHERE number = ?1",
            params![number, self.now],
        )?;
        self.note(&ChangeSubject::Object { kind: object.kind, id })?;
        for relation in self.relations_from(id)? {
            self.hide(id, &relation, REFERRER_IN_BIN)?;
            if relation.hidden == 0 {
                self.note_members(&relation, id, false)?;
            }
        }
        for relation in self.relations_to(id)? {
            self.hide(id, &relation, REFERRED_IN_BIN)?;
            if relation.hidden == 0 {
                self.note_others(&relation, id, false)?;
            }
        }
        Ok(())
    }

    fn restore(&mut self, id: Uuid) -> Done<()> {
        let Numbered { number, object } = self.find(id)?;
        if object.deleted.is_none() {
            return Err(not_found("deleted object", &id));
        }
        self.refuse_taken(object.kind, &object.properties, Some(number))?;
        self.session.run(
            "UPDATE directory_object SET version = version + 1, modified = ?2, deleted = NULL WHERE number = ?1",
            params![number, self.now],
        )?;
        self.note(&ChangeSubject::Object { kind: object.kind, id })?;
        for relation in self.relations_from(id)? {
            self.hide(id, &relation, REFERRER_IN_BIN)?;
            if relation.hidden == REFERRER_IN_BIN {
                self.note_members(&relation, id, true)?;
            }
        }
        for relation in self.relations_to(id)? {
            self.hide(id, &relation, REFERRED_IN_BIN)?;
            if relation.hidden == REFERRED_IN_BIN {
                self.note_others(&relation, id, true)?;
            }
        }
        Ok(())
    }

    fn purge(&mut self, id: Uuid) -> Done<()> {
        let Numbered { number, object } = self.find(id)?;
        for relation in self.relations_from(id)?.iter().filter(|relation| relation.hidden == 0) {
            self.note_members(relation, id, false)?;
        }
        for relation in self.relations_to(id)?.iter().filter(|relation| relation.hidden == 0) {
            self.note_others(relation, id, false)?;
        }
        for column in ["referrer", "referred"] {
            self.session.run(
                &format!("DELETE FROM relation WHERE tenant = ?1 AND {column} = ?2"),
                params![self.tenant, id],
            )?;
        }
        let assignments = self.session.all(
            "SELECT id FROM assignment WHERE tenant = ?1 AND resource = ?2
             UNION SELECT id FROM assignment WHERE tenant = ?1 AND principal = ?2",
            params![self.tenant, id],
            |row| Ok(row.get(0)?),
        )?;
        for assignment in assignments {
            self.unassign(assignment)?;
        }
        for (property, value) in query::index_rows(&object.properties) {
            self.unindex(object.kind, property, &value, number)?;
        }
        self.session.run("DELETE FROM directory_object WHERE number = ?1", [number])?;
        self.note(&ChangeSubject::Purged { kind: object.kind, id })
    }

    /// Refuses properties that clash with those of another live object.
    fn refuse_taken(&self, kind: ObjectKind, properties: &Map<String, Json>, own: Option<i64>) -> Done<()> {
        let property = match kind {
            ObjectKind::User => query::USER_PRINCIPAL_NAME,
            ObjectKind::Application | ObjectKind::ServicePrincipal => query::APP_ID,
            ObjectKind::Group => return Ok(()),
        };
        let Some(value) = properties.get(property).and_then(Json::as_str) else { return Ok(()) };
        let folded = store::fold(value);
        let holders = self.session.all(
            "SELECT o.number, o.properties FROM directory_property p CROSS JOIN directory_object o ON o.number = p.object
             WHERE p.tenant = ?1 AND p.kind = ?2 AND p.property = ?3 AND p.value = ?4 AND o.deleted IS NULL",
            params![self.tenant, kind_number(kind), query::indexed(property), query::index_value(&folded)],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
        )?;
        for (_, properties) in holders.into_iter().filter(|(holder, _)| Some(*holder) != own) {
            let properties: Map<String, Json> = from_text("an object", &properties)?;
            let held = properties.get(property).and_then(Json::as_str).map(store::fold);
            if held.as_ref() == Some(&folded) {
                return Err(duplicate(property, value));
            }
        }
        Ok(())
    }

    fn index(&self, kind: ObjectKind, property: i64, value: &str, number: i64) -> Done<()> {
        self.session.run(
            "INSERT INTO directory_property (tenant, kind, property, value, object) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![self.tenant, kind_number(kind), property, value, number],
        )?;
        Ok(())
    }

    fn unindex(&self, kind: ObjectKind, property: i64, value: &str, number: i64) -> Done<()> {
        self.session.run(
            "DELETE FROM directory_property
             WHERE tenant = ?1 AND kind = ?2 AND property = ?3 AND value = ?4 AND object = ?5",
            params![self.tenant, kind_number(kind), property, value, number],
        )?;
        Ok(())
    }

    // Relations ------------------------------------------------------------------------------------------------------

    fn relations_from(&self, id: Uuid) -> Done<Vec<Relation>> {
        self.session.all(
            "SELECT kind, referred, hidden FROM relation WHERE tenant = ?1 AND referrer = ?2",
            params![self.tenant, id],
            |row| Ok(Relation { kind: row.get(0)?, other: row.get(1)?, hidden: row.get(2)? }),
        )
    }

    fn relations_to(&self, id: Uuid) -> Done<Vec<Relation>> {
        self.session.all(
            "SELECT kind, referrer, hidden FROM relation WHERE tenant = ?1 AND referred = ?2",
            params![self.tenant, id],
            |row| Ok(Relation { kind: row.get(0)?, other: row.get(1)?, hidden: row.get(2)? }),
        )
    }

    /// Turns a bit of a relation over: an end of it went to the bin, or came back.
    fn hide(&self, id: Uuid, relation: &Relation, bit: i64) -> Done<()> {
        let (referrer, referred) =
            if bit == REFERRER_IN_BIN { (id, relation.other) } else { (relation.other, id) };
        self.session.run(
            "UPDATE relation SET hidden = (hidden | ?5) - (hidden & ?5)
             WHERE tenant = ?1 AND referrer = ?2 AND kind = ?3 AND referred = ?4",
            params![self.tenant, referrer, relation.kind, referred, bit],
        )?;
        Ok(())
    }

    /// A relation from an object became visible or hidden: members of a group are told of.
    fn note_members(&mut self, relation: &Relation, group: Uuid, visible: bool) -> Done<()> {
        if relation.kind == relation_number(RelationKind::Member) {
            self.note(&membership(group, relation.other, visible))?;
        }
        Ok(())
    }

    /// A relation to an object became visible or hidden: its groups and the people it manages are told of.
    fn note_others(&mut self, relation: &Relation, id: Uuid, visible: bool) -> Done<()> {
        if relation.kind == relation_number(RelationKind::Member) {
            self.note(&membership(relation.other, id, visible))?;
        } else if relation.kind == relation_number(RelationKind::Manager) && !visible {
            self.note_former_manager(relation.other, id)?;
        } else if relation.kind == relation_number(RelationKind::Manager) {
            self.touched.insert(relation.other);
            self.note(&ChangeSubject::Object { kind: ObjectKind::User, id: relation.other })?;
        }
        Ok(())
    }

    fn relate(&mut self, kind: RelationKind, from: Uuid, to: Uuid) -> Done<()> {
        let from_kind = self.live(from)?;
        self.live(to)?;
        let there = self.session.first(
            "SELECT 1 FROM relation WHERE tenant = ?1 AND referrer = ?2 AND kind = ?3 AND referred = ?4",
            params![self.tenant, from, relation_number(kind), to],
            |_| Ok(()),
        )?;
        if there.is_some() {
            return Err(StoreError::RelationExists { id: to.to_string() }.into());
        }
        let mut former = None;
        if kind == RelationKind::Manager {
            former = read::related(self.session, self.tenant, kind, from, None, 1)?.first().copied();
            self.session.run(
                "DELETE FROM relation WHERE tenant = ?1 AND referrer = ?2 AND kind = ?3",
                params![self.tenant, from, relation_number(kind)],
            )?;
        }
        self.session.run(
            "INSERT INTO relation (tenant, referrer, kind, referred, hidden) VALUES (?1, ?2, ?3, ?4, 0)",
            params![self.tenant, from, relation_number(kind), to],
        )?;
        if let Some(former) = former {
            return self.note_former_manager(from, former);
        }
        self.touched.insert(from);
        self.note(&relation_change(kind, from, from_kind, to, true))
    }

    fn unrelate(&mut self, kind: RelationKind, from: Uuid, to: Uuid) -> Done<()> {
        let removed = self.session.run(
            "DELETE FROM relation
             WHERE tenant = ?1 AND referrer = ?2 AND kind = ?3 AND referred = ?4 AND hidden = 0",
            params![self.tenant, from, relation_number(kind), to],
        )?;
        if removed == 0 {
            return Err(not_found("reference", &to));
        }
        let from_kind = self.live(from)?;
        if kind == RelationKind::Manager {
            return self.note_former_manager(from, to);
        }
        self.touched.insert(from);
        self.note(&relation_change(kind, from, from_kind, to, false))
    }

    // Assignments ----------------------------------------------------------------------------------------------------

    fn assign(&mut self, assignment: &AppRoleAssignment) -> Done<()> {
        let AppRoleAssignment { id, resource, principal, app_role, created } = *assignment;
        self.live(resource)?;
        self.live(principal)?;
        let taken = self.session.first(
            "SELECT id FROM assignment WHERE tenant = ?1 AND id = ?2",
            params![self.tenant, id],
            |row| Ok(row.get::<_, Uuid>(0)?),
        )?;
        if taken.is_some() {
            return Err(duplicate("id", &id));
        }
        let assigned = self.session.first(
            "SELECT 1 FROM assignment
             WHERE tenant = ?1 AND principal = ?2 AND resource = ?3 AND app_role = ?4",
            params![self.tenant, principal, resource, app_role],
            |_| Ok(()),
        )?;
        if assigned.is_some() {
            return Err(StoreError::Duplicate {
                property: Name::new_static("appRoleId"),
                value: app_role.to_string(),
            }
            .into());
        }
        self.session.run(
            "INSERT INTO assignment (tenant, resource, id, principal, app_role, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![self.tenant, resource, id, principal, app_role, micros(created)],
        )?;
        self.note(&ChangeSubject::Assignment { resource, principal })
    }

    fn unassign(&mut self, id: Uuid) -> Done<()> {
        let found = self.session.first(
            "SELECT resource, principal FROM assignment WHERE tenant = ?1 AND id = ?2",
            params![self.tenant, id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (resource, principal): (Uuid, Uuid) = found.ok_or_else(|| not_found("assignment", &id))?;
        self.session.run(
            "DELETE FROM assignment WHERE tenant = ?1 AND resource = ?2 AND id = ?3",
            params![self.tenant, resource, id],
        )?;
        self.note(&ChangeSubject::Assignment { resource, principal })
    }
}

fn membership(group: Uuid, member: Uuid, visible: bool) -> ChangeSubject {
    if visible {
        ChangeSubject::MemberAdded { group, member }
    } else {
        ChangeSubject::MemberRemoved { group, member }
    }
}

/// What a reference that was made or ended is in the feed: a membership, or a change of who refers.
fn relation_change(
    kind: RelationKind,
    from: Uuid,
    from_kind: ObjectKind,
    to: Uuid,
    made: bool,
) -> ChangeSubject {
    match kind {
        RelationKind::Member => membership(from, to, made),
        RelationKind::Manager | RelationKind::Owner => ChangeSubject::Object { kind: from_kind, id: from },
    }
}
