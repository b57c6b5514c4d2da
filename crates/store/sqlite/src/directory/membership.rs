//! Which groups objects are members of, asked from the members upwards, and which groups are in a group.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use model::Uuid;
use rusqlite::params;
use store::{Nesting, ObjectKind, RelationKind};

use super::{kind_number, relation_number};
use crate::error::Done;
use crate::session::Session;

/// Of these objects, those that are members of one of these groups, with the group.
pub(super) fn of(
    session: &Session<'_>,
    tenant: i64,
    members: Vec<Uuid>,
    groups: &[Uuid],
    nested: bool,
) -> Done<Vec<(Uuid, Uuid)>> {
    let mut above = Above::new(session, tenant);
    let mut found = Vec::new();
    let mut seen = HashSet::with_capacity(members.len());
    for member in members {
        if seen.insert(member) {
            let of_member = above.groups(member, nested)?;
            found.extend(of_member.into_iter().filter(|one| groups.contains(one)).map(|one| (member, one)));
        }
    }
    Ok(found)
}

/// Live groups around an object, to any depth, by rising id.
pub(super) fn nested(session: &Session<'_>, tenant: i64, of: Uuid, nesting: Nesting) -> Done<Vec<Uuid>> {
    let mut groups = match nesting {
        Nesting::Outer => Above::new(session, tenant).groups(of, true)?,
        Nesting::Inner => {
            let mut groups = inner(session, tenant, of)?;
            let mut met: HashSet<Uuid> = groups.iter().copied().collect();
            let mut next = 0;
            while let Some(group) = groups.get(next).copied() {
                groups.extend(inner(session, tenant, group)?.into_iter().filter(|one| met.insert(*one)));
                next += 1;
            }
            groups
        }
    };
    groups.sort_unstable();
    Ok(groups)
}

/// The groups that are members of a group.
fn inner(session: &Session<'_>, tenant: i64, group: Uuid) -> Done<Vec<Uuid>> {
    session.all(
        "SELECT r.referred FROM relation r
         WHERE r.tenant = ?1 AND r.referrer = ?2 AND r.kind = ?3 AND r.hidden = 0
         AND EXISTS (SELECT 1 FROM directory_object o WHERE o.tenant = ?1 AND o.kind = ?4 AND o.id = r.referred)",
        params![tenant, group, relation_number(RelationKind::Member), kind_number(ObjectKind::Group)],
        |row| Ok(row.get(0)?),
    )
}

/// The groups above objects. What stands above a group is looked up once.
pub(super) struct Above<'a, 'c> {
    session: &'a Session<'c>,
    tenant: i64,
    known: HashMap<Uuid, Rc<[Uuid]>>,
}

impl<'a, 'c> Above<'a, 'c> {
    pub(super) fn new(session: &'a Session<'c>, tenant: i64) -> Self {
        Self { session, tenant, known: HashMap::new() }
    }

    /// The groups that an object is a member of, each once; with `nested`, also those that the groups are in.
    pub(super) fn groups(&mut self, member: Uuid, nested: bool) -> Done<Vec<Uuid>> {
        let mut groups = self.member_of(member)?;
        if !nested {
            return Ok(groups);
        }
        let mut met: HashSet<Uuid> = groups.iter().copied().collect();
        let mut next = 0;
        while let Some(group) = groups.get(next).copied() {
            groups.extend(self.above_group(group)?.iter().filter(|parent| met.insert(**parent)));
            next += 1;
        }
        Ok(groups)
    }

    fn above_group(&mut self, group: Uuid) -> Done<Rc<[Uuid]>> {
        if let Some(known) = self.known.get(&group) {
            return Ok(Rc::clone(known));
        }
        let found: Rc<[Uuid]> = Rc::from(self.member_of(group)?);
        self.known.insert(group, Rc::clone(&found));
        Ok(found)
    }

    fn member_of(&self, member: Uuid) -> Done<Vec<Uuid>> {
        self.session.all(
            "SELECT referrer FROM relation WHERE tenant = ?1 AND referred = ?2 AND kind = ?3 AND hidden = 0",
            params![self.tenant, member, relation_number(RelationKind::Member)],
            |row| Ok(row.get(0)?),
        )
    }
}
